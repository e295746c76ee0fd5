//! Tag definitions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `AttributeName -> [TagValue -> AttributeValue]`, or `ImpliedTagName -> [TagValue -> ImpliedTagValue]`.
pub type ValueMaps = BTreeMap<String, BTreeMap<String, String>>;

/// Whether a tag's values flow down the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TagType {
    /// Values flow down to everything beneath, until overridden.
    Inheritable,
    /// Values stay on their node.
    NonInheritable,
}

/// What happens when a node would resolve to another value than its nearest ancestor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TagConflictPolicy {
    /// The nearest value wins.
    #[default]
    Nearest,
    /// The write is refused.
    Reject,
}

/// A tag definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// Unique in its space.
    #[schema(example = "Datacenter")]
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether values flow down.
    #[serde(rename = "type")]
    pub tag_type: TagType,
    /// Legal values; empty = any.
    pub known_values: Vec<String>,
    /// `AttributeName -> [TagValue -> AttributeValue]`.
    pub attributes: ValueMaps,
    /// `ImpliedTagName -> [TagValue -> ImpliedTagValue]`.
    pub implies: ValueMaps,
    /// What happens on a contradiction with an ancestor.
    pub conflict: TagConflictPolicy,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_on: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub modified_on: Timestamp,
}

/// Body of `POST …/tags` and `PUT …/tags/{tagName}` (a full replacement).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TagWrite {
    /// 1 to 64 ASCII letters, digits, `_`, `-`, `.`, `:`. Optional in `PUT`, where it must equal the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Datacenter", min_length = 1, max_length = 64)]
    pub name: Option<String>,
    /// At most 1,024 characters.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub description: String,
    /// Whether values flow down.
    #[serde(rename = "type")]
    pub tag_type: TagType,
    /// Legal values; empty or absent = any.
    #[serde(default)]
    pub known_values: Option<Vec<String>>,
    /// `AttributeName -> [TagValue -> AttributeValue]`.
    #[serde(default)]
    pub attributes: Option<ValueMaps>,
    /// `ImpliedTagName -> [TagValue -> ImpliedTagValue]`.
    #[serde(default)]
    pub implies: Option<ValueMaps>,
    /// What happens on a contradiction with an ancestor.
    #[serde(default)]
    pub conflict: TagConflictPolicy,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_on: Option<Timestamp>,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub modified_on: Option<Timestamp>,
}
