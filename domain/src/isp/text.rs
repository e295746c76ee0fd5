//! What the checks of this side have in common.

use crate::names::NameError;

/// Why a value of the provider's side is refused: the field, and a sentence that says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct IspError {
    /// The field as clients write it, for example `networkCidr`.
    pub field: &'static str,
    /// What is wrong and what to do next.
    pub message: String,
}

impl IspError {
    /// A refusal of a field.
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
        }
    }

    /// A refusal of a name.
    #[must_use]
    pub fn of_name(field: &'static str, error: &NameError) -> Self {
        Self::new(field, error.to_string())
    }
}

/// Words of an enumeration as the seeds write them: parsed without regard to case, printed in one spelling.
macro_rules! words {
    ($name:ident, $what:literal, { $($variant:ident = $word:literal,)+ }) => {
        impl $name {
            /// All of them, in the order of their words' documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::isp::IspError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $(if text.eq_ignore_ascii_case($word) { return Ok(Self::$variant); })+
                Err(crate::isp::IspError::new(
                    $what,
                    format!("`{}` is not a {}; use {}", crate::echo::echo(text), $what, [$($word),+].join(", ")),
                ))
            }
        }

        crate::text::serde_as_text!($name, $what);
    };
}
pub(crate) use words;

/// Checks an optional free text of one line.
pub(crate) fn check_line(field: &'static str, text: &str, most: usize) -> Result<(), IspError> {
    crate::names::check_max_chars(field, text, most)
        .and_then(|()| crate::names::check_printable(field, text))
        .map_err(|error| IspError::of_name(field, &error))
}

/// Checks a name that things of this side go by: 1 to 128 printable characters.
pub(crate) fn check_name(field: &'static str, text: &str) -> Result<(), IspError> {
    crate::names::check_not_empty(field, text).map_err(|error| IspError::of_name(field, &error))?;
    check_line(field, text, 128)
}

/// Checks a text that may have lines.
pub(crate) fn check_notes(field: &'static str, text: &str) -> Result<(), IspError> {
    crate::names::check_free_text(field, text).map_err(|error| IspError::of_name(field, &error))
}
