//! Nodes as the data access layer answers them, and questions about nodes.

use std::collections::BTreeMap;

use cadastre_domain::tags::{ExplicitTags, Origin, TagName, TagValue};
use cadastre_domain::{Prefix, Visibility};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PageRequest;

/// A node with what is derived for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeView {
    /// UUIDv7.
    pub id: Uuid,
    /// Its prefix.
    pub prefix: Prefix,
    /// The tightest stored supernet.
    pub parent_id: Option<Uuid>,
    /// Empty = none.
    pub description: String,
    /// Tags set here.
    pub tags: ExplicitTags,
    /// Tags that hold here.
    pub resolved: BTreeMap<TagName, TagValue>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// Version of the space at its last change; its `ETag`.
    pub revision: u64,
    /// How much of it the caller may see (never `Hidden`).
    pub visibility: Visibility,
    /// The pool whose network it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<Uuid>,
    /// The reservation that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<Uuid>,
}

/// A node and where each of its resolved tags comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeExplained {
    /// The node's id.
    pub id: Uuid,
    /// The node's prefix.
    pub prefix: Prefix,
    /// By tag name.
    pub tags: Vec<TagExplained>,
}

/// One resolved tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagExplained {
    /// The tag.
    pub tag: TagName,
    /// Its value.
    pub value: TagValue,
    /// Node and way.
    pub origin: Origin,
    /// Id of `origin.node`.
    pub origin_id: Uuid,
    /// From the tag that is set to the direct implier, where it is implied.
    pub chain: Vec<(TagName, TagValue)>,
}

/// How a node is named in a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeRef {
    /// By id.
    Id(Uuid),
    /// By its exact prefix.
    Prefix(Prefix),
}

/// `get_node`, `explain_node`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeQuery {
    /// The space.
    pub space: Uuid,
    /// The node.
    pub node: NodeRef,
}

/// Which nodes a list is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeSelection {
    /// All of the space.
    All,
    /// Those without a parent.
    Top,
    /// Direct children of a node.
    ChildrenOf(Uuid),
    /// A node's whole subtree, the node itself first.
    SubtreeOf(Uuid),
}

/// `list_nodes`: in order of their prefixes. Positions (`PageRequest::after`) are the last prefix as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeListQuery {
    /// The space.
    pub space: Uuid,
    /// Which nodes.
    pub select: NodeSelection,
    /// Resolved tags they must all have.
    #[serde(default)]
    pub tags: Vec<(TagName, TagValue)>,
    /// Which slice.
    pub page: PageRequest,
}

/// `lookup`: the nodes that contain a prefix or address, longest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupQuery {
    /// The space.
    pub space: Uuid,
    /// An address as its host prefix, or a prefix.
    pub target: Prefix,
}
