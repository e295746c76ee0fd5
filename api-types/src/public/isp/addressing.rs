//! IPv6 addressing plans: what is asked for, what is planned, and what became of a plan that was applied.

use std::collections::BTreeMap;

use cadastre_domain::isp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::macros::words;
use crate::error::ErrorCode;

words! {
    /// Where the blocks of a level lie in the block around them.
    AddressingSpread of isp::addressing::Spread {
        /// One behind the other; what is free is at the end, in one piece.
        Sequential = "sequential",
        /// As far apart as they can, so that every block can grow in place (RFC 3531).
        Sparse = "sparse",
    }
}

words! {
    /// What a block is for.
    AddressingRole of isp::addressing::BlockRole {
        /// It is divided further.
        Level = "LEVEL",
        /// Loopbacks, links between routers, management.
        Infrastructure = "INFRASTRUCTURE",
        /// The network of a pool that delegates to subscribers.
        SubscriberPool = "SUBSCRIBER_POOL",
    }
}

/// One level that is asked for, for example the sites of a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddressingLevelRequest {
    /// What one of its blocks is called, for example `site`. Levels of a plan have different names.
    #[schema(min_length = 1, max_length = 128, example = "site")]
    pub name: String,
    /// How many there are now in each block of the level above.
    #[schema(minimum = 1)]
    pub count: u64,
    /// For how many more there shall be room, in percent; 0 if absent.
    #[serde(default)]
    #[schema(maximum = 99_900)]
    pub growth_percent: Option<u32>,
    /// Tags to set on the nodes that are made for its blocks, those for infrastructure excepted.
    #[serde(default)]
    pub tags: Option<BTreeMap<String, String>>,
}

/// Body of `POST …/addressing-plans/preview` and of `POST …/addressing-plans/apply`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddressingPlanRequest {
    /// The IPv6 network to divide. It need not be a node, and does not become one.
    #[schema(example = "2001:db8::/32")]
    pub network_cidr: String,
    /// The levels, the widest first.
    #[schema(min_items = 1, max_items = 6)]
    pub levels: Vec<AddressingLevelRequest>,
    /// Length of the prefix that is delegated to each subscriber.
    #[schema(minimum = 48, maximum = 64)]
    pub subscriber_prefix_length: u8,
    /// How many subscribers there are now in each block of the last level.
    #[schema(minimum = 1)]
    pub subscribers_per_leaf: u64,
    /// For how many more subscribers there shall be room, in percent; 0 if absent.
    #[serde(default)]
    #[schema(maximum = 99_900)]
    pub subscriber_growth_percent: Option<u32>,
    /// Keeps the first block of every level for infrastructure; `false` if absent.
    #[serde(default)]
    pub infrastructure: Option<bool>,
    /// `sparse` if absent.
    #[serde(default)]
    pub spread: Option<AddressingSpread>,
    /// Makes a pool of the type `IPV6_PREFIX_DELEGATION` of each block of the last level, too; `false` if absent. A
    /// preview is the same with and without.
    #[serde(default)]
    pub make_pools: Option<bool>,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressingPlan {
    /// The network that is divided.
    pub network_cidr: String,
    /// Where the blocks lie in the one around them.
    pub spread: AddressingSpread,
    /// The levels, the widest first.
    pub levels: Vec<AddressingLevel>,
    /// The prefixes of subscribers.
    pub subscribers: AddressingSubscribers,
    /// The blocks of what is there now, each behind the one it lies in.
    pub blocks: Vec<AddressingBlock>,
    /// Why the plan is as it is, a sentence or two each.
    pub notes: Vec<String>,
    /// What is there and stands in the way: with none of them, the plan can be applied.
    pub conflicts: Vec<AddressingConflict>,
}

/// A level of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressingLevel {
    /// What one of its blocks is called.
    pub name: String,
    /// Length of its prefixes.
    pub prefix_length: u8,
    /// Bits that number its blocks in the block around them.
    pub bits: u8,
    /// How many blocks there is room for in the block around them.
    #[schema(example = "16")]
    pub capacity: String,
    /// How many of those the plan uses, the one for infrastructure included.
    #[schema(example = "5")]
    pub used_now: String,
    /// Share of the capacity that is free, in whole percent, rounded down.
    #[schema(maximum = 100)]
    pub spare_percent: u8,
    /// Its prefixes end on a whole hexadecimal digit: each is one reverse zone (RFC 3596).
    pub nibble_aligned: bool,
}

/// The prefixes of subscribers in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressingSubscribers {
    /// Length of the prefix of each.
    pub prefix_length: u8,
    /// Bits that number them in a block of the last level.
    pub bits: u8,
    /// How many there is room for in each block of the last level.
    #[schema(example = "65536")]
    pub capacity: String,
    /// How many of those are used, the one for infrastructure included.
    #[schema(example = "40000")]
    pub used_now: String,
    /// Share of the capacity that is free, in whole percent, rounded down.
    #[schema(maximum = 100)]
    pub spare_percent: u8,
    /// They end on a whole hexadecimal digit.
    pub nibble_aligned: bool,
    /// Blocks of the last level: one pool each.
    #[schema(example = "20")]
    pub pools: String,
}

/// A block of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressingBlock {
    /// Its prefix.
    pub prefix: String,
    /// For example `site 3`, or `infrastructure`.
    pub name: String,
    /// Position of its level in `levels`, from 0; their number for a block of the size of a subscriber's prefix.
    pub level: usize,
    /// What it is for.
    pub role: AddressingRole,
    /// The block around it; absent directly in the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// A node with this very prefix was there already. It is kept as it is.
    pub exists: bool,
}

/// What is in the way of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AddressingConflictType {
    /// A node lies between a block and the one around it.
    Node,
    /// A pool holds a block, or lies in one that is to be a pool.
    Pool,
}

/// Something that is there and stands in the way of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressingConflict {
    /// What it is.
    #[serde(rename = "type")]
    pub conflict_type: AddressingConflictType,
    /// Its id.
    pub id: Uuid,
    /// Its prefix.
    pub prefix: String,
    /// The name of a pool, or the description of a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The block that it is in the way of; the first one, if there are several.
    pub block: String,
    /// The same in words, and what to do.
    pub message: String,
}

/// What became of a plan that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressingPlanApplied {
    /// The plan.
    pub plan: AddressingPlan,
    /// The blocks whose nodes were made, those above before those beneath.
    pub created: Vec<String>,
    /// The blocks whose nodes were there; they are as they were.
    pub unchanged: Vec<String>,
    /// The pools, one for each block of the last level; none unless `makePools` asks for them.
    pub pools: Vec<AddressingPool>,
}

/// What became of a pool of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AddressingPoolOutcome {
    /// It was made.
    Created,
    /// A pool of this network was there; it is as it was.
    Unchanged,
    /// It was not made: `error` says why. Send the same again once that is mended.
    Failed,
}

/// A pool of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressingPool {
    /// Its network.
    pub network_cidr: String,
    /// Its name.
    pub pool_name: String,
    /// What became of it.
    pub outcome: AddressingPoolOutcome,
    /// Its id, unless it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<Uuid>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<AddressingPoolError>,
}

/// Why a pool was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressingPoolError {
    /// Stable word for it.
    pub code: ErrorCode,
    /// The same for people.
    pub message: String,
}
