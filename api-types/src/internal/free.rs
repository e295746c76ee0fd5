//! What is free beneath a node, and how much of it is used.

use cadastre_domain::Prefix;
use cadastre_domain::free_space::Size;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PageRequest;

/// `available`: the free blocks directly beneath a node, in ascending order. Positions (`PageRequest::after`)
/// are the last block as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailableQuery {
    /// The space.
    pub space: Uuid,
    /// The node.
    pub node: Uuid,
    /// Only blocks with room for a prefix of this length.
    pub fitting: Option<u8>,
    /// Which slice.
    pub page: PageRequest,
}

/// `utilization`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UtilizationQuery {
    /// The space.
    pub space: Uuid,
    /// The node.
    pub node: Uuid,
}

/// How much of a node its direct children cover.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Utilization {
    /// The node.
    pub node: Uuid,
    /// Its prefix.
    pub prefix: Prefix,
    /// Version of the space this is true of.
    pub version: u64,
    /// Addresses of the node.
    pub total: Size,
    /// Addresses that direct children cover.
    pub used: Size,
    /// The others.
    pub free: Size,
    /// Direct children per length, shortest first.
    pub children: Vec<(u8, u64)>,
    /// Free blocks per length, largest first: the canonical decomposition of what is free.
    pub free_blocks: Vec<(u8, u64)>,
    /// 1 − largest free block ÷ all that is free; 0 when nothing is free.
    pub fragmentation: f64,
}
