//! Whether tags may be set on a node at all: defined, a known value, not too many.

use super::similar::similar;
use super::vocabulary::Entry;
use super::{ExplicitTags, MAX_TAGS_PER_NODE, TagName, TagValue, Vocabulary};

/// How many known values an error lists.
const MOST_LISTED: usize = 5;

/// Why tags may not be set on a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// The tag is not defined.
    #[error("tag {tag} is not defined in this address space; {}", match .similar {
        Some(similar) => format!("did you mean {similar}?"),
        None => "define it first".to_owned(),
    })]
    Undefined {
        /// The tag.
        tag: TagName,
        /// A defined tag of almost that name.
        similar: Option<TagName>,
    },
    /// The tag has known values and this is none of them.
    #[error("{value} is not a known value of tag {tag}; {}", suggestion(.known, *.more, .similar.as_ref()))]
    UnknownValue {
        /// The tag.
        tag: TagName,
        /// The value.
        value: TagValue,
        /// The first few known values.
        known: Vec<TagValue>,
        /// How many more known values there are.
        more: usize,
        /// A known value of almost that spelling.
        similar: Option<TagValue>,
    },
    /// More tags than a node may carry.
    #[error(
        "a node carries at most {MAX_TAGS_PER_NODE} tags; these are {actual}; set shared ones on a node above"
    )]
    TooMany {
        /// How many there are.
        actual: usize,
    },
}

fn suggestion(known: &[TagValue], more: usize, similar: Option<&TagValue>) -> String {
    if let Some(similar) = similar {
        return format!("did you mean {similar}?");
    }
    let listed = known.iter().map(TagValue::as_str).collect::<Vec<_>>().join(", ");
    match more {
        0 => format!("use one of {listed}"),
        more => format!("use one of {listed} and {more} more"),
    }
}

impl Vocabulary {
    /// Checks that tags may be set on a node: defined, known values, at most
    /// [`MAX_TAGS_PER_NODE`].
    ///
    /// # Errors
    /// [`TagError`] naming the first breach.
    pub fn check_explicit(&self, explicit: &ExplicitTags) -> Result<(), TagError> {
        let actual = explicit.len();
        if actual > MAX_TAGS_PER_NODE {
            return Err(TagError::TooMany { actual });
        }
        for (tag, value) in explicit {
            let Some(entry) = self.entry(tag) else {
                let similar = similar(tag.as_str(), self.iter().map(|definition| &definition.name)).cloned();
                return Err(TagError::Undefined {
                    tag: tag.clone(),
                    similar,
                });
            };
            if !entry.allows(value) {
                return Err(unknown_value(entry, value));
            }
        }
        Ok(())
    }
}

fn unknown_value(entry: &Entry, value: &TagValue) -> TagError {
    let known = &entry.definition.known_values;
    TagError::UnknownValue {
        tag: entry.definition.name.clone(),
        value: value.clone(),
        known: known.iter().take(MOST_LISTED).cloned().collect(),
        more: known.len().saturating_sub(MOST_LISTED),
        similar: similar(value.as_str(), known).cloned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::testing::{inheritable, tags, value};
    use super::*;

    fn vocabulary() -> Vocabulary {
        let mut region = inheritable("Region");
        region.known_values = [
            "USEast",
            "USWest",
            "EuropeWest",
            "EuropeNorth",
            "AsiaEast",
            "AsiaWest",
            "Africa",
        ]
        .map(value)
        .to_vec();
        Vocabulary::new([region, inheritable("Owner")]).unwrap()
    }

    fn refusal(pairs: &[(&str, &str)]) -> String {
        vocabulary().check_explicit(&tags(pairs)).unwrap_err().to_string()
    }

    #[test]
    fn defined_tags_with_known_values_pass() {
        assert_eq!(
            vocabulary().check_explicit(&tags(&[("Region", "USEast"), ("Owner", "anyone")])),
            Ok(())
        );
        assert_eq!(vocabulary().check_explicit(&ExplicitTags::new()), Ok(()));
    }

    #[test]
    fn an_undefined_tag_is_refused_with_the_likely_one() {
        assert_eq!(
            refusal(&[("Regoin", "x")]),
            "tag Regoin is not defined in this address space; did you mean Region?"
        );
        assert_eq!(
            refusal(&[("Site", "x")]),
            "tag Site is not defined in this address space; define it first"
        );
    }

    #[test]
    fn an_unknown_value_is_refused_with_the_likely_one_or_a_short_list() {
        assert_eq!(
            refusal(&[("Region", "useast")]),
            "useast is not a known value of tag Region; did you mean USEast?"
        );
        assert_eq!(
            refusal(&[("Region", "Mars")]),
            "Mars is not a known value of tag Region; use one of USEast, USWest, EuropeWest, EuropeNorth, \
             AsiaEast and 2 more"
        );
    }

    #[test]
    fn thirty_two_tags_are_the_limit() {
        let many = |count: usize| (0..count).map(|i| inheritable(&format!("t{i}")));
        let vocabulary = Vocabulary::new(many(33)).unwrap();
        let set = |count: usize| {
            many(count)
                .map(|definition| (definition.name, value("x")))
                .collect()
        };
        assert_eq!(vocabulary.check_explicit(&set(32)), Ok(()));
        assert_eq!(
            vocabulary.check_explicit(&set(33)),
            Err(TagError::TooMany { actual: 33 })
        );
    }
}
