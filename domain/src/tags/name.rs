//! Names and values of tags. Both are cloned into every resolved set, so a clone is a counter.

use std::sync::Arc;

use crate::names::{NameError, check_ascii_identifier, check_max_chars, check_not_empty, check_printable};
use crate::text::text_newtype;

/// Longest tag name, in characters.
const MAX_NAME_CHARS: usize = 64;
/// Longest tag value, in bytes of UTF-8.
const MAX_VALUE_BYTES: usize = 256;
/// Longest tag value as [`spelled`]: with the longest name and a prefix it must fit into the key of an index row.
const MAX_VALUE_SPELLED: usize = 340;

/// The name of a tag: 1 to 64 ASCII letters, digits and `_ - . :`, beginning with a letter or a
/// digit. Case matters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagName(Arc<str>);

impl TagName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// [`NameError`] saying what is allowed.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_tag_like_name("a tag name", name)?;
        Ok(Self(name.into()))
    }
}

text_newtype!(TagName, "a tag name");

/// The rule of tag names, for a name that goes by another word.
pub(super) fn check_tag_like_name(what: &'static str, name: &str) -> Result<(), NameError> {
    check_not_empty(what, name)?;
    check_ascii_identifier(
        what,
        name,
        "ASCII letters, digits and _ - . :",
        ['_', '-', '.', ':'],
    )?;
    check_max_chars(what, name, MAX_NAME_CHARS)
}

/// The value of a tag: 1 to 256 bytes of any text without control characters and without white
/// space around it, where letters and digits of ASCII, `-` and `.` count one, other ASCII up to three, and every
/// other character up to five; together at most 340. That is at least 64 characters of any script.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagValue(Arc<str>);

impl TagValue {
    /// Checks and takes a value.
    ///
    /// # Errors
    /// [`NameError`] saying what is allowed.
    pub fn new(value: &str) -> Result<Self, NameError> {
        let what = "a tag value";
        check_not_empty(what, value)?;
        if value.len() > MAX_VALUE_BYTES {
            let actual = value.len();
            return Err(NameError::TooLong {
                what,
                max: MAX_VALUE_BYTES,
                actual,
                unit: "bytes",
            });
        }
        check_printable(what, value)?;
        let spelled = value.chars().map(spelled).sum();
        if spelled > MAX_VALUE_SPELLED {
            return Err(NameError::TooLong {
                what,
                max: MAX_VALUE_SPELLED,
                actual: spelled,
                unit: "characters as they are stored (letters and digits of ASCII count one, most others three to five)",
            });
        }
        Ok(Self(value.into()))
    }
}

text_newtype!(TagValue, "a tag value");

/// How many characters of a row key a character of a value takes.
fn spelled(c: char) -> usize {
    match c {
        c if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') => 1,
        '_' | ':' => 2,
        c if c.is_ascii() => 3,
        c if c.len_utf16() == 1 => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn tag_names_are_short_ascii_identifiers() {
        for allowed in ["Region", "cost-center", "k8s.io:name", "7", &"x".repeat(64)] {
            assert_eq!(TagName::new(allowed).unwrap().as_str(), allowed);
        }
        for refused in ["", "-a", ".", ":x", "a b", "a=b", "a,b", "é", &"x".repeat(65)] {
            assert!(TagName::new(refused).is_err(), "{refused:?}");
        }
        assert_eq!(
            TagName::new("_a").unwrap_err().to_string(),
            "a tag name starts with a letter or a digit, not with '_'"
        );
    }

    #[test]
    fn tag_values_are_any_printable_text_up_to_256_bytes() {
        for allowed in [
            "x",
            "a=b,c\\d",
            "Zürich Süd",
            &"é".repeat(85),
            &"x".repeat(256),
            &"𝔘".repeat(64),
        ] {
            assert_eq!(TagValue::new(allowed).unwrap().as_str(), allowed);
        }
        for refused in [
            "",
            " a",
            "a ",
            "a\tb",
            &"é".repeat(86),
            &"x".repeat(257),
            &"/".repeat(114),
        ] {
            assert!(TagValue::new(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn names_work_as_keys_of_json_objects_and_are_checked_there() {
        let tags: super::super::ExplicitTags = serde_json::from_str(r#"{"Region":"EuropeWest"}"#).unwrap();
        assert_eq!(tags.get("Region").map(TagValue::as_str), Some("EuropeWest"));
        assert_eq!(
            serde_json::to_string(&tags).unwrap(),
            r#"{"Region":"EuropeWest"}"#
        );
        assert!(serde_json::from_str::<super::super::ExplicitTags>(r#"{"Re gion":"x"}"#).is_err());
    }
}
