//! The tag filter of a list: `Region=EuropeWest,Owner=net`.

use super::{TagName, TagValue};
use crate::echo::echo;
use crate::names::NameError;

/// Why a tag filter is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagFilterError {
    /// Nothing was given.
    #[error("the tag filter is empty; write tag=value, or several separated by commas")]
    Empty,
    /// Nothing between two commas, or before the first or after the last.
    #[error("the tag filter has an empty part at position {position}; remove the extra comma")]
    EmptyPart {
        /// Which part, counted from 1.
        position: usize,
    },
    /// A part without `=`.
    #[error("{part} in the tag filter is not of the form tag=value; a comma inside a value is written \\,")]
    MissingEquals {
        /// The part.
        part: String,
    },
    /// A backslash before anything but a comma or a backslash.
    #[error(
        "{part} in the tag filter has a single backslash; write \\\\ for a backslash and \\, for a comma"
    )]
    StrayBackslash {
        /// The part.
        part: String,
    },
    /// The name or the value breaks its rule.
    #[error("{part} in the tag filter: {reason}")]
    Invalid {
        /// The part.
        part: String,
        /// The rule it breaks.
        reason: NameError,
    },
    /// One tag asked for twice.
    #[error("tag {tag} appears twice in the tag filter; a node has one value per tag")]
    Repeated {
        /// The tag.
        tag: TagName,
    },
}

/// Reads `tag1=value1,tag2=value2`. The first `=` of a part ends the tag, so values may contain
/// more of them; in a value `\,` is a comma and `\\` a backslash.
///
/// # Errors
/// [`TagFilterError`] naming the part that cannot be read.
pub fn parse_tag_filter(text: &str) -> Result<Vec<(TagName, TagValue)>, TagFilterError> {
    if text.is_empty() {
        return Err(TagFilterError::Empty);
    }
    let mut filter: Vec<(TagName, TagValue)> = Vec::new();
    for (index, part) in split(text).into_iter().enumerate() {
        if part.is_empty() {
            return Err(TagFilterError::EmptyPart { position: index + 1 });
        }
        let (tag, value) = read_part(part)?;
        if filter.iter().any(|(seen, _)| *seen == tag) {
            return Err(TagFilterError::Repeated { tag });
        }
        filter.push((tag, value));
    }
    Ok(filter)
}

/// Cuts at commas that no backslash escapes; leaves the escapes in.
fn split(text: &str) -> Vec<&str> {
    let mut escaped = false;
    text.split(move |character| {
        let cut = character == ',' && !escaped;
        escaped = character == '\\' && !escaped;
        cut
    })
    .collect()
}

fn read_part(part: &str) -> Result<(TagName, TagValue), TagFilterError> {
    let Some((tag, value)) = part.split_once('=') else {
        return Err(TagFilterError::MissingEquals { part: echo(part) });
    };
    let invalid = |reason| TagFilterError::Invalid {
        part: echo(part),
        reason,
    };
    let tag = TagName::new(tag).map_err(invalid)?;
    let value = unescape(value).ok_or_else(|| TagFilterError::StrayBackslash { part: echo(part) })?;
    Ok((tag, TagValue::new(&value).map_err(invalid)?))
}

fn unescape(value: &str) -> Option<String> {
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            plain.push(
                characters
                    .next()
                    .filter(|escaped| matches!(escaped, ',' | '\\'))?,
            );
        } else {
            plain.push(character);
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::testing::name;
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let filter = parse_tag_filter(text).unwrap();
        filter
            .iter()
            .map(|(tag, value)| (tag.to_string(), value.to_string()))
            .collect()
    }

    fn refusal(text: &str) -> String {
        parse_tag_filter(text).unwrap_err().to_string()
    }

    fn pair(tag: &str, value: &str) -> (String, String) {
        (tag.to_owned(), value.to_owned())
    }

    #[test]
    fn parts_are_read_in_their_order() {
        assert_eq!(read("b=2,a=1"), [pair("b", "2"), pair("a", "1")]);
        assert_eq!(read("Region=Europe West"), [pair("Region", "Europe West")]);
    }

    #[test]
    fn values_may_contain_equals_signs_commas_and_backslashes() {
        assert_eq!(read("q=a=b=c"), [pair("q", "a=b=c")]);
        assert_eq!(read(r"a=x\,y,b=z"), [pair("a", "x,y"), pair("b", "z")]);
        assert_eq!(read(r"a=x\\,b=z"), [pair("a", r"x\"), pair("b", "z")]);
        assert_eq!(read(r"a=\\\,"), [pair("a", r"\,")]);
    }

    #[test]
    fn empty_parts_are_refused() {
        assert!(matches!(parse_tag_filter(""), Err(TagFilterError::Empty)));
        for (text, position) in [(",", 1), ("a=1,", 2), (",a=1", 1), ("a=1,,b=2", 2)] {
            assert_eq!(
                parse_tag_filter(text),
                Err(TagFilterError::EmptyPart { position }),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_tag_equals_value_is_refused_naming_the_part() {
        assert_eq!(
            refusal("a=1,Region"),
            r"Region in the tag filter is not of the form tag=value; a comma inside a value is written \,"
        );
        assert_eq!(
            refusal("a="),
            "a= in the tag filter: a tag value must not be empty"
        );
        assert_eq!(
            refusal("=x"),
            "=x in the tag filter: a tag name must not be empty"
        );
        assert!(refusal("a b=1").contains("' ' is not allowed"));
        for stray in [r"a=x\y", r"a=x\"] {
            assert!(
                matches!(
                    parse_tag_filter(stray),
                    Err(TagFilterError::StrayBackslash { .. })
                ),
                "{stray}"
            );
        }
    }

    #[test]
    fn a_tag_is_asked_for_once() {
        assert_eq!(
            parse_tag_filter("a=1,b=2,a=1"),
            Err(TagFilterError::Repeated { tag: name("a") })
        );
    }
}
