//! What a value may be, and the sentence for one that it may not be.

use super::units;

/// The kind of a setting's value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A URL, which may hold a password.
    Url,
    /// A file or directory.
    Path,
    /// `HOST:PORT`.
    Listen,
    /// Texts separated by commas.
    List,
    /// A whole number, at least this.
    Count(u64),
    /// Bytes: `1MiB`, `64k`, `4096`.
    Size,
    /// Time: `15m`, `1h30m`, `30d`, `90` (seconds).
    Duration,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// Placeholder in the help.
    pub(crate) const fn placeholder(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Url => "URL",
            Self::Path => "PATH",
            Self::Listen => "HOST:PORT",
            Self::List => "A,B,…",
            Self::Count(_) => "N",
            Self::Size => "SIZE",
            Self::Duration => "TIME",
            Self::Flag => "true|false",
            Self::Choice(_) => "WORD",
        }
    }

    /// Checks a value; the error completes the sentence `KEY = "VALUE" …`.
    pub(crate) fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Text | Self::Url | Self::Path | Self::List => Ok(()),
            Self::Listen => match text.rsplit_once(':') {
                Some((_, port)) if port.parse::<u16>().is_ok() => Ok(()),
                _ => Err("is not HOST:PORT; write for example 127.0.0.1:8080".to_owned()),
            },
            Self::Count(least) => match units::count(text) {
                Some(number) if number >= least => Ok(()),
                _ => Err(format!("is not a whole number from {least} on")),
            },
            Self::Size => units::size(text)
                .map(drop)
                .ok_or_else(|| "is not a size; write for example 1MiB, 512KiB or 1048576".to_owned()),
            Self::Duration => units::duration(text).map(drop).ok_or_else(|| {
                "is not a length of time; write for example 15m, 1h30m, 30d or 90s".to_owned()
            }),
            Self::Flag => units::flag(text)
                .map(drop)
                .ok_or_else(|| "is neither true nor false".to_owned()),
            Self::Choice(words) if words.contains(&text) => Ok(()),
            Self::Choice(words) => Err(format!("is not one of {}", words.join(", "))),
        }
    }
}
