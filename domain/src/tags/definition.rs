//! One tag's definition and the rules it must keep by itself. What it owes to other definitions is
//! the vocabulary's business.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::name::check_tag_like_name;
use super::{TagName, TagValue};
use crate::names::{Description, NameError, check_free_text};

/// Most known values of one tag, most implied values in all, and most attribute values in all.
const MAX_ENTRIES: usize = 10_000;

/// Whether a tag's values flow down the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Inheritance {
    /// Values flow down to everything beneath, until overridden.
    Inheritable,
    /// Values stay on the node they are set on.
    NonInheritable,
}

/// What happens when a node would resolve to a value different from its nearest ancestor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum ConflictPolicy {
    /// The nearest value wins.
    #[default]
    Nearest,
    /// The write is refused. Without effect on tags that are not inheritable, since nothing comes
    /// down to disagree with.
    Reject,
}

/// A tag as its address space defines it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagDefinition {
    /// Unique in its address space.
    pub name: TagName,
    /// What the tag is for.
    pub description: String,
    /// Whether values flow down.
    pub inheritance: Inheritance,
    /// The values that may be set; any value when empty.
    pub known_values: Vec<TagValue>,
    /// Attribute name → (tag value → what the attribute is for that value).
    pub attributes: BTreeMap<String, BTreeMap<String, String>>,
    /// Implied tag → (value of this tag → value it implies).
    pub implies: BTreeMap<TagName, BTreeMap<TagValue, TagValue>>,
    /// What happens on a contradiction with an ancestor.
    pub conflict: ConflictPolicy,
}

/// Why a definition is refused by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// The description breaks its rule.
    #[error(transparent)]
    Description(NameError),
    /// An attribute's name, key or text breaks its rule.
    #[error("attribute {attribute}: {reason}")]
    Attribute {
        /// The attribute's name.
        attribute: String,
        /// The rule it breaks.
        reason: NameError,
    },
    /// Too many entries of one kind.
    #[error("a tag has at most {max} {what}; this one has {actual}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The most that is allowed.
        max: usize,
        /// How many there are.
        actual: usize,
    },
    /// A known value listed twice.
    #[error("the known value {value} is listed twice; list it once")]
    DuplicateValue {
        /// The value.
        value: TagValue,
    },
    /// An attribute for a value that cannot be set.
    #[error(
        "attribute {attribute} speaks of the value {value}, which is not a known value; add it to knownValues"
    )]
    AttributeOfUnknownValue {
        /// The attribute's name.
        attribute: String,
        /// The unknown value.
        value: String,
    },
    /// An implication from a value that cannot be set.
    #[error("the value {value} implies {implied}, but is not a known value; add it to knownValues")]
    ImplicationOfUnknownValue {
        /// The implied tag.
        implied: TagName,
        /// The unknown value.
        value: TagValue,
    },
    /// A tag that implies itself.
    #[error("{tag} implies itself; remove that implication")]
    ImpliesItself {
        /// The tag.
        tag: TagName,
    },
}

impl TagDefinition {
    /// A definition without description, known values, attributes or implications.
    #[must_use]
    pub fn new(name: TagName, inheritance: Inheritance) -> Self {
        Self {
            name,
            description: String::new(),
            inheritance,
            known_values: Vec::new(),
            attributes: BTreeMap::new(),
            implies: BTreeMap::new(),
            conflict: ConflictPolicy::Nearest,
        }
    }

    /// Whether values flow down.
    #[must_use]
    pub fn is_inheritable(&self) -> bool {
        self.inheritance == Inheritance::Inheritable
    }

    /// Checks the rules a definition must keep by itself.
    ///
    /// # Errors
    /// [`DefinitionError`] naming the first breach.
    pub fn validate(&self) -> Result<(), DefinitionError> {
        Description::check(&self.description).map_err(DefinitionError::Description)?;
        check_count("known values", self.known_values.len())?;
        let known = self.known()?;
        self.validate_attributes(&known)?;
        self.validate_implications(&known)
    }

    fn known(&self) -> Result<BTreeSet<&str>, DefinitionError> {
        let mut known = BTreeSet::new();
        match self
            .known_values
            .iter()
            .find(|value| !known.insert(value.as_str()))
        {
            Some(value) => Err(DefinitionError::DuplicateValue { value: value.clone() }),
            None => Ok(known),
        }
    }

    fn validate_attributes(&self, known: &BTreeSet<&str>) -> Result<(), DefinitionError> {
        // An attribute counts even when it is empty, or a million empty ones would be allowed.
        check_count(
            "attribute values",
            self.attributes.values().map(|texts| texts.len().max(1)).sum(),
        )?;
        for (attribute, texts) in &self.attributes {
            let refuse = |reason| DefinitionError::Attribute {
                attribute: crate::echo::echo(attribute),
                reason,
            };
            check_tag_like_name("an attribute name", attribute).map_err(refuse)?;
            for (value, text) in texts {
                let value = TagValue::new(value).map_err(refuse)?;
                check_free_text("an attribute value", text).map_err(refuse)?;
                if !known.is_empty() && !known.contains(value.as_str()) {
                    let (attribute, value) = (attribute.clone(), value.to_string());
                    return Err(DefinitionError::AttributeOfUnknownValue { attribute, value });
                }
            }
        }
        Ok(())
    }

    fn validate_implications(&self, known: &BTreeSet<&str>) -> Result<(), DefinitionError> {
        check_count(
            "implied values",
            self.implies.values().map(|values| values.len().max(1)).sum(),
        )?;
        if self.implies.contains_key(&self.name) {
            return Err(DefinitionError::ImpliesItself {
                tag: self.name.clone(),
            });
        }
        if known.is_empty() {
            return Ok(());
        }
        for (implied, values) in &self.implies {
            if let Some(value) = values.keys().find(|value| !known.contains(value.as_str())) {
                let (implied, value) = (implied.clone(), value.clone());
                return Err(DefinitionError::ImplicationOfUnknownValue { implied, value });
            }
        }
        Ok(())
    }
}

fn check_count(what: &'static str, actual: usize) -> Result<(), DefinitionError> {
    if actual > MAX_ENTRIES {
        return Err(DefinitionError::TooMany {
            what,
            max: MAX_ENTRIES,
            actual,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{implying, inheritable, name, value};
    use super::*;

    #[test]
    fn the_simplest_definition_is_valid() {
        assert_eq!(inheritable("Region").validate(), Ok(()));
    }

    #[test]
    fn known_values_are_listed_once_and_at_most_ten_thousand() {
        let mut region = inheritable("Region");
        region.known_values = vec![value("A"), value("B"), value("A")];
        assert_eq!(
            region.validate(),
            Err(DefinitionError::DuplicateValue { value: value("A") })
        );
        region.known_values = (0..10_000).map(|i| value(&i.to_string())).collect();
        assert_eq!(region.validate(), Ok(()));
        region.known_values.push(value("one more"));
        assert!(matches!(
            region.validate(),
            Err(DefinitionError::TooMany { actual: 10_001, .. })
        ));
    }

    #[test]
    fn attributes_and_implications_speak_of_known_values_only() {
        let mut region = implying(inheritable("Region"), "EuropeWest", "Continent", "Europe");
        assert_eq!(
            region.validate(),
            Ok(()),
            "any value is allowed without known values"
        );
        region.known_values = vec![value("USEast")];
        assert_eq!(
            region.validate(),
            Err(DefinitionError::ImplicationOfUnknownValue {
                implied: name("Continent"),
                value: value("EuropeWest")
            })
        );
        region.known_values.push(value("EuropeWest"));
        region
            .attributes
            .entry("DisplayName".to_owned())
            .or_default()
            .insert("Mars".to_owned(), "Red planet".to_owned());
        assert_eq!(
            region.validate().map_err(|error| error.to_string()),
            Err(
                "attribute DisplayName speaks of the value Mars, which is not a known value; add it to \
                 knownValues"
                    .to_owned()
            )
        );
    }

    #[test]
    fn attribute_names_follow_the_rule_of_tag_names() {
        let mut region = inheritable("Region");
        region.attributes.entry("Display Name".to_owned()).or_default();
        assert!(matches!(
            region.validate(),
            Err(DefinitionError::Attribute { .. })
        ));
    }

    #[test]
    fn a_tag_may_not_imply_itself() {
        let region = implying(inheritable("Region"), "A", "Region", "B");
        assert_eq!(
            region.validate(),
            Err(DefinitionError::ImpliesItself { tag: name("Region") })
        );
    }

    #[test]
    fn policies_are_serialised_as_their_words() -> Result<(), serde_json::Error> {
        assert_eq!(
            serde_json::to_string(&Inheritance::NonInheritable)?,
            r#""NonInheritable""#
        );
        assert_eq!(
            serde_json::from_str::<ConflictPolicy>(r#""Reject""#)?,
            ConflictPolicy::Reject
        );
        assert_eq!(ConflictPolicy::default(), ConflictPolicy::Nearest);
        Ok(())
    }
}
