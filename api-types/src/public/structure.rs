//! Bodies of the calls that change the structure of a tree: split, merge, resize (DESIGN §4).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::TagMap;

/// Body of `POST …/ips/{ipId}/split`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IpSplit {
    /// Length of the blocks: longer than the node's own, at most 32 (IPv4) or 128 (IPv6).
    #[schema(minimum = 1, maximum = 128, example = 24)]
    pub prefix_length: u8,
    /// Tags to set on each new node, at most 32. They must not change what nodes that lie in the blocks already
    /// resolve to.
    #[serde(default)]
    pub tags: TagMap,
    /// Of each new node; at most 1,024 characters.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub description: Option<String>,
}

/// Body of `POST …/ips/merge`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IpMerge {
    /// Siblings that fill one prefix together and have equal tags, in any order.
    #[schema(min_items = 2, max_items = 1000)]
    pub ids: Vec<Uuid>,
}

/// Body of `POST …/ips/{ipId}/resize`: exactly one of the two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IpResize {
    /// The new prefix: contains the old one, or lies in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "10.0.0.0/15")]
    pub prefix: Option<String>,
    /// The new length: the prefix of that length that contains the old one, or the first in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 128)]
    pub prefix_length: Option<u8>,
}
