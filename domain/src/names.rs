//! Names people give: address spaces, users, descriptions. Checked once, when they are built, so
//! that nothing past the edge has to ask again.

use std::sync::Arc;

use crate::text::text_newtype;

/// Longest name of an address space, in characters.
pub const MAX_SPACE_NAME_CHARS: usize = 128;
/// Longest user name, in characters.
pub const MAX_USER_NAME_CHARS: usize = 64;
/// Longest description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 1024;

/// Why a name, value or description is refused; the text says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("{what} must not be empty")]
    Empty {
        /// What was being named, for example `a tag name`.
        what: &'static str,
    },
    /// More than is allowed.
    #[error("{what} has at most {max} {unit}; this one has {actual}")]
    TooLong {
        /// What was being named.
        what: &'static str,
        /// The most that is allowed, in `unit`.
        max: usize,
        /// How long the given text is, in `unit`.
        actual: usize,
        /// `characters` or `bytes`.
        unit: &'static str,
    },
    /// A character outside the allowed set.
    #[error("{what} consists of {allowed}; {character:?} is not allowed")]
    ForbiddenCharacter {
        /// What was being named.
        what: &'static str,
        /// The allowed set, in words.
        allowed: &'static str,
        /// The first offending character.
        character: char,
    },
    /// The first character is allowed, but not there.
    #[error("{what} starts with a letter or a digit, not with {character:?}")]
    ForbiddenStart {
        /// What was being named.
        what: &'static str,
        /// The first character.
        character: char,
    },
    /// A control character, which no text of ours may hold.
    #[error("{what} must not contain control characters ({character:?}); remove it")]
    ControlCharacter {
        /// What was being named.
        what: &'static str,
        /// The first offending character.
        character: char,
    },
    /// White space at the beginning or the end.
    #[error("{what} must not begin or end with white space; remove it")]
    SurroundingWhiteSpace {
        /// What was being named.
        what: &'static str,
    },
}

/// The name of an address space: 1 to 128 characters of any script, no control characters, no
/// white space around it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceName(Arc<str>);

impl SpaceName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// [`NameError`] saying what is allowed.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let what = "the name of an address space";
        check_not_empty(what, name)?;
        check_max_chars(what, name, MAX_SPACE_NAME_CHARS)?;
        check_printable(what, name)?;
        Ok(Self(name.into()))
    }
}

text_newtype!(SpaceName, "the name of an address space");

/// A user name: 1 to 64 ASCII letters, digits and `. _ - @`, beginning with a letter or a digit.
/// User names are case-insensitive, so they are kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Arc<str>);

impl UserName {
    /// Checks a name and takes its lower-case form.
    ///
    /// # Errors
    /// [`NameError`] saying what is allowed.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let what = "a user name";
        check_not_empty(what, name)?;
        check_ascii_identifier(
            what,
            name,
            "ASCII letters, digits and . _ - @",
            ['.', '_', '-', '@'],
        )?;
        check_max_chars(what, name, MAX_USER_NAME_CHARS)?;
        Ok(Self(name.to_ascii_lowercase().into()))
    }
}

text_newtype!(UserName, "a user name");

/// The rule of descriptions. They stay plain strings: nothing is ever looked up by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description;

impl Description {
    /// At most 1,024 characters; line breaks and tabs are the only control characters.
    ///
    /// # Errors
    /// [`NameError`] saying what is allowed.
    pub fn check(text: &str) -> Result<(), NameError> {
        check_free_text("a description", text)
    }
}

/// The rule of descriptions, for a text that goes by another word.
pub(crate) fn check_free_text(what: &'static str, text: &str) -> Result<(), NameError> {
    check_max_chars(what, text, MAX_DESCRIPTION_CHARS)?;
    match text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        Some(character) => Err(NameError::ControlCharacter { what, character }),
        None => Ok(()),
    }
}

pub(crate) fn check_not_empty(what: &'static str, text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        Err(NameError::Empty { what })
    } else {
        Ok(())
    }
}

pub(crate) fn check_max_chars(what: &'static str, text: &str, max: usize) -> Result<(), NameError> {
    let actual = text.chars().count();
    if actual > max {
        return Err(NameError::TooLong {
            what,
            max,
            actual,
            unit: "characters",
        });
    }
    Ok(())
}

/// No control characters, and no white space around it.
pub(crate) fn check_printable(what: &'static str, text: &str) -> Result<(), NameError> {
    if let Some(character) = text.chars().find(|c| c.is_control()) {
        return Err(NameError::ControlCharacter { what, character });
    }
    if text.trim().len() != text.len() {
        return Err(NameError::SurroundingWhiteSpace { what });
    }
    Ok(())
}

/// ASCII letters, digits and a few marks, beginning with a letter or a digit: such a name can be
/// a path segment (`..` cannot arise) and part of a row key as it is.
pub(crate) fn check_ascii_identifier<const N: usize>(
    what: &'static str,
    text: &str,
    allowed: &'static str,
    marks: [char; N],
) -> Result<(), NameError> {
    if let Some(character) = text
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !marks.contains(c))
    {
        return Err(NameError::ForbiddenCharacter {
            what,
            allowed,
            character,
        });
    }
    match text.chars().next() {
        Some(character) if !character.is_ascii_alphanumeric() => {
            Err(NameError::ForbiddenStart { what, character })
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_space_may_be_named_in_any_script() {
        for name in ["prod", "Zürich VPC 1", "東京", "a/b#c?d", &"x".repeat(128)] {
            assert_eq!(SpaceName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_space_name_is_refused_when_empty_long_or_unprintable() {
        assert_eq!(
            SpaceName::new("").unwrap_err().to_string(),
            "the name of an address space must not be empty"
        );
        assert_eq!(
            SpaceName::new(&"é".repeat(129)).unwrap_err().to_string(),
            "the name of an address space has at most 128 characters; this one has 129"
        );
        assert!(matches!(
            SpaceName::new("a\nb"),
            Err(NameError::ControlCharacter { character: '\n', .. })
        ));
        for padded in [" a", "a ", "\u{a0}a"] {
            assert!(matches!(
                SpaceName::new(padded),
                Err(NameError::SurroundingWhiteSpace { .. })
            ));
        }
    }

    #[test]
    fn user_names_are_case_insensitive() {
        assert_eq!(
            UserName::new("Ada.Lovelace@example.org").unwrap().as_str(),
            "ada.lovelace@example.org"
        );
        assert_eq!(UserName::new("ADMIN").unwrap(), UserName::new("admin").unwrap());
    }

    #[test]
    fn a_user_name_is_a_safe_path_segment() {
        for refused in ["", ".", "..", "-x", "a/b", "a b", "ä", "a\0", &"x".repeat(65)] {
            assert!(UserName::new(refused).is_err(), "{refused:?}");
        }
        assert_eq!(
            UserName::new("a/b").unwrap_err().to_string(),
            "a user name consists of ASCII letters, digits and . _ - @; '/' is not allowed"
        );
    }

    #[test]
    fn a_description_may_have_lines_and_tabs_only() {
        assert!(Description::check("").is_ok());
        assert!(Description::check("one\n\ttwo").is_ok());
        assert!(Description::check(&"x".repeat(1024)).is_ok());
        assert!(Description::check(&"x".repeat(1025)).is_err());
        assert!(Description::check("a\rb").is_err());
        assert!(Description::check("\u{1b}[31m").is_err());
    }

    #[test]
    fn deserialising_applies_the_same_rules() {
        let name: UserName = serde_json::from_str(r#""Bob""#).unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), r#""bob""#);
        assert!(serde_json::from_str::<UserName>(r#""b b""#).is_err());
        assert!(serde_json::from_str::<SpaceName>(r#"" ""#).is_err());
    }
}
