//! Nodes of the tree: prefixes and addresses.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// `tag name -> value`.
pub type TagMap = BTreeMap<String, String>;

/// A node: a prefix (or a single address as /32 or /128) with its tags.
///
/// A caller whose grant is narrowed to a subtree sees the nodes above it with prefix and tags only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ip {
    /// UUIDv7.
    pub id: Uuid,
    /// Canonical CIDR notation.
    #[schema(example = "10.1.0.0/16")]
    pub prefix: String,
    /// The tightest node that contains this one; `null` at the top. Derived, never stored.
    pub parent_id: Option<Uuid>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Tags set on this node.
    pub tags: TagMap,
    /// Tags that hold here: inherited, set and implied.
    pub resolved_tags: TagMap,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_on: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub modified_on: Option<Timestamp>,
    /// The pool whose network it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<Uuid>,
    /// The reservation of a pool that holds it, while that is active or rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<Uuid>,
}

/// Body of `POST …/ips`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IpCreate {
    /// Canonical CIDR notation, IPv4 or IPv6, no host bits.
    #[schema(example = "10.1.0.0/16")]
    pub prefix: String,
    /// Optional check: must be the tightest node that contains the prefix (`null` = let the server find it).
    #[serde(default)]
    pub parent_id: Option<Uuid>,
    /// Tags to set on the node, at most 32.
    #[serde(default)]
    pub tags: TagMap,
    /// At most 1,024 characters.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub description: Option<String>,
}

/// Body of `PUT …/ips/{ipId}`: replaces the tags as a whole. An absent `description` stays as it is. The
/// read-only fields may be sent as `GET` returned them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IpUpdate {
    /// The new tags, at most 32.
    pub tags: TagMap,
    /// The new description; absent = unchanged, empty = none.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub description: Option<String>,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<Uuid>,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_tags: Option<TagMap>,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_on: Option<Timestamp>,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub modified_on: Option<Timestamp>,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<Uuid>,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<Uuid>,
}

/// Where a resolved tag comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum TagSource {
    /// Set on this node.
    Explicit,
    /// Set on an ancestor.
    Inherited,
    /// Implied by another tag of this node.
    Implied,
    /// Implied by another tag of an ancestor.
    InheritedImplied,
}

/// One resolved tag of a node and why it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedTag {
    /// Name of the tag.
    pub tag: String,
    /// The value that holds.
    pub value: String,
    /// How it came here.
    pub source: TagSource,
    /// Id of the node where it is set or implied.
    pub node_id: Uuid,
    /// Prefix of the node where it is set or implied.
    pub node_prefix: String,
    /// The tag on that node that implies it, directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub implied_by: Option<TagSetting>,
    /// The whole chain of implications, from the tag that is set to the one just before this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub implication_chain: Vec<TagSetting>,
    /// The same in a sentence.
    #[schema(example = "Continent=Europe is implied by Region=eu-west-1, which is set on 3.4.0.0/16.")]
    pub reason: String,
}

/// A tag with a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TagSetting {
    /// Name of the tag.
    pub tag: String,
    /// Its value.
    pub value: String,
}

/// Answer of `GET …/ips/{ipId}/explain`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The node.
    pub id: Uuid,
    /// Its prefix.
    pub prefix: String,
    /// One entry per resolved tag, by name.
    pub tags: Vec<ExplainedTag>,
}
