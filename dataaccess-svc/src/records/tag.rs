//! A tag definition (`Tags` in the seed).

use std::collections::BTreeMap;

use cadastre_domain::tags::{ConflictPolicy, Inheritance, TagDefinition, TagName, TagValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record;

/// A stored tag definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TagRecord {
    /// Format.
    pub v: u32,
    /// Name, the same as in the row key.
    pub name: TagName,
    /// What it is for.
    pub description: String,
    /// Whether values flow down.
    #[serde(rename = "Type")]
    pub inheritance: Inheritance,
    /// Legal values; empty = any.
    pub known_values: Vec<TagValue>,
    /// Attribute name → value → attribute value.
    pub attributes: BTreeMap<String, BTreeMap<String, String>>,
    /// Implied tag → value → implied value.
    pub implies: BTreeMap<TagName, BTreeMap<TagValue, TagValue>>,
    /// What happens on a contradiction with an ancestor.
    pub conflict: ConflictPolicy,
    /// When it was made.
    pub created_on: Timestamp,
    /// When it last changed.
    pub modified_on: Timestamp,
    /// Version of the space at its last change.
    pub revision: u64,
}
record!(TagRecord, "tag definition", 1);

impl TagRecord {
    /// A record of a definition.
    pub(crate) fn new(
        definition: &TagDefinition,
        created: Timestamp,
        modified: Timestamp,
        revision: u64,
    ) -> Self {
        Self {
            v: 1,
            name: definition.name.clone(),
            description: definition.description.clone(),
            inheritance: definition.inheritance,
            known_values: definition.known_values.clone(),
            attributes: definition.attributes.clone(),
            implies: definition.implies.clone(),
            conflict: definition.conflict,
            created_on: created,
            modified_on: modified,
            revision,
        }
    }

    /// The definition in it.
    pub(crate) fn definition(&self) -> TagDefinition {
        TagDefinition {
            name: self.name.clone(),
            description: self.description.clone(),
            inheritance: self.inheritance,
            known_values: self.known_values.clone(),
            attributes: self.attributes.clone(),
            implies: self.implies.clone(),
            conflict: self.conflict,
        }
    }
}
