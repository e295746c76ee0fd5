//! Taking what is free, and how much is used.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TagMap;

/// Which of the free prefixes an allocation takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum AllocationStrategy {
    /// The lowest: large blocks stay whole for as long as possible.
    #[default]
    Lowest,
    /// Any, so that what is taken cannot be guessed.
    Random,
    /// The start of the largest free aligned block: beneath an empty node at 0, 1/2, 1/4, 3/4 and so on, so that all keep
    /// room to grow.
    Sparse,
}

/// Body of `POST …/ips/{ipId}/allocate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Allocate {
    /// Length of each new prefix; longer than that of the node.
    #[schema(minimum = 1, maximum = 128, example = 24)]
    pub prefix_length: u8,
    /// How many: all or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000, default = 1, example = 1)]
    pub count: Option<u32>,
    /// Tags to set on each, at most 32.
    #[serde(default)]
    pub tags: TagMap,
    /// Description of each, at most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub description: Option<String>,
    /// Which of the free ones.
    #[serde(default)]
    #[schema(inline)]
    pub strategy: AllocationStrategy,
    /// Single IPv4 addresses may also be the network and the broadcast address of the node.
    #[serde(default)]
    pub include_edges: bool,
}

/// Body of `POST /addressspaces/{spaceId}/allocate`: the same beneath the first nodes with these tags that have
/// room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllocateTagged {
    /// Tags that a node must resolve to.
    #[serde(rename = "where")]
    #[schema(example = json!({"Region": "EuropeWest"}))]
    pub matching: TagMap,
    /// Length of each new prefix.
    #[schema(minimum = 1, maximum = 128, example = 24)]
    pub prefix_length: u8,
    /// How many: all or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000, default = 1, example = 1)]
    pub count: Option<u32>,
    /// Tags to set on each, at most 32.
    #[serde(default)]
    pub tags: TagMap,
    /// Description of each, at most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub description: Option<String>,
    /// Which of the free ones.
    #[serde(default)]
    #[schema(inline)]
    pub strategy: AllocationStrategy,
    /// Single IPv4 addresses may also be the network and the broadcast address of the node.
    #[serde(default)]
    pub include_edges: bool,
}

/// A free block: the largest aligned prefix around its addresses that nothing is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FreeBlock {
    /// Canonical CIDR notation.
    #[schema(example = "10.1.4.0/22")]
    pub prefix: String,
    /// Number of addresses, exact.
    #[schema(example = "1024")]
    pub addresses: String,
    /// How many prefixes of the length that was asked for fit into it, exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "4")]
    pub fits: Option<String>,
}

/// How much of a node its direct children cover. Numbers of addresses are text: those of IPv6 are larger than a
/// double holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Utilization {
    /// The node.
    #[schema(example = "10.1.0.0/16")]
    pub prefix: String,
    /// Addresses of the node.
    #[schema(example = "65536")]
    pub total: String,
    /// Addresses that direct children cover.
    #[schema(example = "16384")]
    pub used: String,
    /// The others.
    #[schema(example = "49152")]
    pub free: String,
    /// `used` in percent of `total`, with two digits behind the point, rounded down.
    #[schema(example = 25.0)]
    pub percent: f64,
    /// Number of direct children.
    #[schema(example = "64")]
    pub children: String,
    /// Number of direct children per prefix length.
    #[schema(example = json!({"24": "64"}))]
    pub children_by_length: BTreeMap<String, String>,
    /// The largest free block; `null` when the node is full.
    #[schema(example = json!({"prefixLength": 17, "addresses": "32768"}))]
    pub largest_free: Option<LargestFree>,
    /// Number of free blocks per prefix length.
    #[schema(example = json!({"17": "1", "18": "1"}))]
    pub free_blocks_by_length: BTreeMap<String, String>,
    /// 1 − largest free block ÷ all that is free: 0 = in one block (or nothing is free), near 1 = in crumbs.
    #[schema(minimum = 0, maximum = 1, example = 0.3333)]
    pub fragmentation: f64,
}

/// The size of the largest free block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LargestFree {
    /// Its length.
    pub prefix_length: u8,
    /// Its number of addresses, exact.
    pub addresses: String,
}
