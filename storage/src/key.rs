//! Keys that are legal on every backend, in a type that can hold nothing else.
//!
//! Azure forbids `/ \ # ?` and control characters in keys and its Rust client breaks on quotes, so a key is
//! made of ASCII letters, digits, `-`, `_`, `.` and `~` only, and [`escape`] turns any text into those while
//! distinct texts stay distinct. A key has at most 1,000 characters (Azure: 1 KiB).

use std::fmt;
use std::sync::Arc;

/// Longest key in characters.
pub const MAX_KEY_LEN: usize = 1000;

/// A key that breaks the rules above; a fault of the program, never of a client.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a legal key ({reason}): {key:?}")]
pub struct KeyError {
    key: String,
    reason: &'static str,
}

fn check(key: &str) -> Result<(), KeyError> {
    let reason = if key.is_empty() {
        "empty"
    } else if key.len() > MAX_KEY_LEN {
        "too long"
    } else if !key
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~'))
    {
        "illegal character"
    } else {
        return Ok(());
    };
    Err(KeyError {
        key: key.chars().take(80).collect(),
        reason,
    })
}

macro_rules! key_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the characters and the length.
            pub fn new(key: impl AsRef<str>) -> Result<Self, KeyError> {
                check(key.as_ref())?;
                Ok(Self(Arc::from(key.as_ref())))
            }

            /// The key as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

key_type!(
    /// Names a partition: everything that can change together.
    PartitionKey
);
key_type!(
    /// Names a row inside its partition; rows sort by it, byte by byte.
    RowKey
);

/// Turns any text into legal key characters except `_` (which stays free as a separator): letters, digits,
/// `-` and `.` stand for themselves, any other byte is `~` and two hex digits. Injective.
pub fn escape(text: &str) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "~{byte:02x}");
        }
    }
    out
}

/// Undoes [`escape`]; `None` if the text is not its output.
pub fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'~' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            out.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            out.push(first);
            rest = tail;
        }
    }
    String::from_utf8(out).ok()
}
