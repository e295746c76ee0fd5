//! A plan as it is shown, and what to create of it.

use super::lengths::{Need, is_aligned};
use super::{PlanRequest, Spread, blocks, notes};
use crate::isp::Count;
use crate::isp::text::words;
use crate::prefix::Prefix;

/// A plan. It is its own preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPlan {
    /// The network that is divided. It is no block of the plan.
    pub network: Prefix,
    /// Where the blocks lie in the one around them.
    pub spread: Spread,
    /// The levels, the widest first.
    pub levels: Vec<LevelPlan>,
    /// The prefixes of subscribers.
    pub subscriber: SubscriberPlan,
    /// The blocks of what is there now, each behind the one it lies in.
    pub blocks: Vec<PlannedBlock>,
    /// Why the plan is as it is, a sentence or two each.
    pub notes: Vec<String>,
}

/// One level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelPlan {
    /// What one of its blocks is called.
    pub name: String,
    /// Length of its prefixes.
    pub prefix_length: u8,
    /// Bits that number its blocks in the block around them.
    pub bits: u8,
    /// How many blocks there is room for in the block around them: 2 to the power of `bits`.
    pub capacity: Count,
    /// How many of those the plan uses now, the one for infrastructure included.
    pub used_now: Count,
    /// Share of the capacity that is free now, in whole percent, rounded down.
    pub spare_percent: u8,
    /// Its prefixes end on a whole hexadecimal digit.
    pub nibble_aligned: bool,
}

/// The prefixes of subscribers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriberPlan {
    /// Length of the prefix of each.
    pub prefix_length: u8,
    /// Bits that number them in a block of the last level.
    pub bits: u8,
    /// How many there is room for in each block of the last level.
    pub capacity: Count,
    /// How many of those are used now, the one for infrastructure included.
    pub used_now: Count,
    /// Share of the capacity that is free now, in whole percent, rounded down.
    pub spare_percent: u8,
    /// They end on a whole hexadecimal digit.
    pub nibble_aligned: bool,
    /// Blocks of the last level there are now: one pool each.
    pub pools: u64,
}

/// What a block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockRole {
    /// It is divided further.
    Level,
    /// Loopbacks, links between routers, management.
    Infrastructure,
    /// A block of the last level: the network of a pool that delegates to subscribers.
    SubscriberPool,
}

words!(BlockRole, "role", {
    Level = "LEVEL",
    Infrastructure = "INFRASTRUCTURE",
    SubscriberPool = "SUBSCRIBER_POOL",
});

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedBlock {
    /// Its prefix.
    pub prefix: Prefix,
    /// For example `site 3`, or `infrastructure`.
    pub name: String,
    /// Position of its level in [`AddressPlan::levels`]; their number for what has the size of a subscriber's prefix.
    pub level: usize,
    /// What it is for.
    pub role: BlockRole,
    /// Position of the block around it in [`AddressPlan::blocks`]; `None` directly in the network.
    pub parent: Option<usize>,
}

impl AddressPlan {
    /// The nodes to create with a description each, those above before those beneath. The network itself is not among
    /// them.
    #[must_use]
    pub fn nodes(&self) -> Vec<(Prefix, String)> {
        let node = |(position, block): (usize, &PlannedBlock)| (block.prefix, self.described(position));
        self.blocks.iter().enumerate().map(node).collect()
    }

    /// Its names from the top down, for example `region 1 / site 3: a /56 for each subscriber`.
    fn described(&self, position: usize) -> String {
        let mut names = Vec::new();
        let mut at = self.blocks.get(position);
        let role = at.map(|block| block.role);
        while let Some(block) = at {
            names.push(block.name.as_str());
            at = block.parent.and_then(|parent| self.blocks.get(parent));
        }
        names.reverse();
        let path = names.join(" / ");
        match role {
            Some(BlockRole::SubscriberPool) => {
                format!("{path}: a /{} for each subscriber", self.subscriber.prefix_length)
            }
            Some(BlockRole::Level | BlockRole::Infrastructure) | None => path,
        }
    }
}

/// Puts a plan together from lengths that fit.
pub(super) fn assemble(request: &PlanRequest, need: &Need, lengths: &[u8]) -> AddressPlan {
    let infrastructure = u64::from(request.infrastructure);
    let mut above = request.network.len();
    let mut levels = Vec::with_capacity(lengths.len());
    for (level, &prefix_length) in request.levels.iter().zip(lengths) {
        let room = Room::of(prefix_length - above, level.count, infrastructure);
        levels.push(LevelPlan {
            name: level.name.clone(),
            prefix_length,
            bits: room.bits,
            capacity: room.capacity,
            used_now: room.used,
            spare_percent: room.spare_percent,
            nibble_aligned: is_aligned(prefix_length),
        });
        above = prefix_length;
    }
    let room = Room::of(
        request.subscriber_length - above,
        request.subscribers_per_leaf,
        infrastructure,
    );
    let subscriber = SubscriberPlan {
        prefix_length: request.subscriber_length,
        bits: room.bits,
        capacity: room.capacity,
        used_now: room.used,
        spare_percent: room.spare_percent,
        nibble_aligned: is_aligned(request.subscriber_length),
        pools: request
            .levels
            .iter()
            .fold(1, |pools, level| pools.saturating_mul(level.count)),
    };
    let notes = notes::notes(request, need, &levels, &subscriber);
    AddressPlan {
        network: request.network,
        spread: request.spread,
        blocks: blocks::blocks(request, &levels),
        levels,
        subscriber,
        notes,
    }
}

/// How much of so many bits is used.
struct Room {
    bits: u8,
    capacity: Count,
    used: Count,
    spare_percent: u8,
}

impl Room {
    /// `bits` are at most 64, as the length of a subscriber's prefix is.
    fn of(bits: u8, count: u64, infrastructure: u64) -> Self {
        let capacity = Count(1_u128.checked_shl(bits.into()).unwrap_or(u128::MAX));
        let used = Count::from(count).plus(infrastructure.into());
        // At most 100, so it fits.
        let spare_percent = (capacity.minus(used).0 * 100 / capacity.0) as u8;
        Self {
            bits,
            capacity,
            used,
            spare_percent,
        }
    }
}
