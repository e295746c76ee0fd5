//! Designing an IPv6 addressing plan: how long the prefixes of every level are, and where the blocks lie.
//!
//! The network is divided level by level (regions, sites in a region, …). A block of the last level is the network of a
//! subscriber pool, which delegates one prefix to each subscriber. Three rules decide the lengths:
//! - a level has room for what is there now and for the growth that was asked for;
//! - a prefix ends on a nibble (a length that can be divided by 4) where that fits: such a block is one reverse zone
//!   (RFC 3596 §2.5) and its children differ in whole digits. Where not all levels can, as many as fit do;
//! - what is left stays free at the top, between the blocks of the first level, where it serves whichever of them
//!   grows.
//!
//! A plan is only a proposal: it takes nothing. [`AddressPlan::nodes`] says what to create.

mod blocks;
mod lengths;
mod notes;
mod plan;
mod refusal;

pub use plan::{AddressPlan, BlockRole, LevelPlan, PlannedBlock, SubscriberPlan};

use super::IspError;
use super::text::{check_name, words};
use crate::prefix::{Family, Prefix};

/// Levels that a plan may have.
pub const MAX_LEVELS: usize = 6;
/// Blocks that a plan may have.
pub const MAX_BLOCKS: usize = 1_000;
/// Largest growth that can be asked for, in percent: to a thousand times as many.
pub const MAX_GROWTH_PERCENT: u32 = 99_900;

/// Where the blocks of a level lie in the block around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Spread {
    /// One behind the other; what is free is at the end, in one piece.
    Sequential,
    /// Each in the middle of a largest gap, so that every block can grow in place (RFC 3531 §3.1, "leftmost").
    #[default]
    Sparse,
}

words!(Spread, "spread", {
    Sequential = "sequential",
    Sparse = "sparse",
});

/// One level that is asked for, for example the sites of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelRequest {
    /// What one of its blocks is called, for example `site`. Levels of a plan have different names.
    pub name: String,
    /// How many there are now in each block of the level above. At least 1.
    pub count: u64,
    /// For how many more there shall be room, in percent.
    pub growth_percent: u32,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRequest {
    /// The network to divide, IPv6.
    pub network: Prefix,
    /// The levels, the widest first. 1 to [`MAX_LEVELS`].
    pub levels: Vec<LevelRequest>,
    /// Length of the prefix that is delegated to a subscriber, from 48 to 64.
    pub subscriber_length: u8,
    /// How many subscribers there are now in each block of the last level. At least 1.
    pub subscribers_per_leaf: u64,
    /// For how many more subscribers there shall be room, in percent.
    pub subscriber_growth_percent: u32,
    /// Keeps the first block of every level for infrastructure: loopbacks, links between routers, management. In a
    /// pool that is a block of the size of a subscriber's prefix; being a node, it is never handed out.
    pub infrastructure: bool,
    /// Where the blocks lie.
    pub spread: Spread,
}

/// Designs a plan.
///
/// # Errors
/// The field that cannot be so, and where the levels do not fit into the network, what would.
pub fn design(request: &PlanRequest) -> Result<AddressPlan, IspError> {
    check(request)?;
    let need = lengths::Need::of(request);
    let Some(lengths) = need.lengths(request.network.len(), request.subscriber_length) else {
        return Err(refusal::does_not_fit(request));
    };
    let number = blocks::number_of(request);
    if number > MAX_BLOCKS as u128 {
        return Err(IspError::new(
            "levels",
            format!(
                "a plan has at most {} blocks; these levels have {}. Plan fewer levels, or one \
                 block of the first level at a time",
                notes::grouped(MAX_BLOCKS as u128),
                notes::grouped(number),
            ),
        ));
    }
    Ok(plan::assemble(request, &need, &lengths))
}

/// What can be refused without calculating.
fn check(request: &PlanRequest) -> Result<(), IspError> {
    let network = request.network;
    if network.family() != Family::V6 {
        return Err(IspError::new(
            "network",
            format!("an addressing plan divides an IPv6 network; {network} is none"),
        ));
    }
    let length = request.subscriber_length;
    if !(48..=64).contains(&length) {
        return Err(IspError::new(
            "subscriberLength",
            format!("a subscriber gets a prefix from /48 to /64, for example a /56; /{length} was given"),
        ));
    }
    if request.levels.is_empty() || request.levels.len() > MAX_LEVELS {
        return Err(IspError::new(
            "levels",
            format!(
                "a plan has 1 to {MAX_LEVELS} levels, for example region and site; these are {}",
                request.levels.len()
            ),
        ));
    }
    for (position, level) in request.levels.iter().enumerate() {
        check_name("levels", &level.name)?;
        let same = |other: &LevelRequest| other.name.to_lowercase() == level.name.to_lowercase();
        if request.levels[..position].iter().any(same) {
            return Err(IspError::new(
                "levels",
                format!(
                    "two levels are called {}; give each a name of its own",
                    level.name
                ),
            ));
        }
        if level.count == 0 {
            return Err(IspError::new(
                "levels",
                format!(
                    "{}: there is at least 1 of each level; leave the level out",
                    level.name
                ),
            ));
        }
        check_growth("levels", level.growth_percent)?;
    }
    if request.subscribers_per_leaf == 0 {
        return Err(IspError::new(
            "subscribersPerLeaf",
            "plan for at least 1 subscriber in each block of the last level",
        ));
    }
    check_growth("subscriberGrowthPercent", request.subscriber_growth_percent)
}

fn check_growth(field: &'static str, percent: u32) -> Result<(), IspError> {
    if percent <= MAX_GROWTH_PERCENT {
        return Ok(());
    }
    Err(IspError::new(
        field,
        format!("growth is at most {MAX_GROWTH_PERCENT} percent; {percent} was given"),
    ))
}

#[cfg(test)]
mod tests;
