//! What is free directly beneath one node, and where the next prefix goes.
//!
//! The free space is held as its canonical decomposition: the largest aligned blocks that no child
//! covers, as a buddy allocator has them. It follows from the node and the addresses its children
//! cover and from nothing else, so taking and releasing are exact inverses, and any two ways to the
//! same children give equal values.
//!
//! Every question and every change costs one search in the free blocks of each length, at most 129
//! of them, however much is taken. What costs more says so.

mod align;
mod blocks;
mod build;
mod change;
mod counts;
mod error;
mod occupancy;
mod random;
mod search;
mod size;
mod sparse;
mod starts;
mod walk;

pub use build::{ByLength, Sorted};
pub use counts::CountByLen;
pub use error::{BuildError, FreeSpaceError, Shortage};
pub use occupancy::{Occupancy, OccupancyError};
pub use search::{Draw, Edges, Strategy};
pub use size::Size;
pub use walk::FreeBlocks;

use crate::prefix::Prefix;
use blocks::Blocks;

/// The free space directly beneath one node, the parent.
///
/// Only direct children count: what lies beneath a child is the child's own matter. The parent
/// need not be stored; for the top of a family it is `0.0.0.0/0` or `::/0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeSpace {
    parent: Prefix,
    free: Blocks,
    children: CountByLen,
}

impl FreeSpace {
    /// The space beneath a node without children.
    #[must_use]
    pub fn whole(parent: Prefix) -> Self {
        Self {
            parent,
            free: Blocks::one(parent.len(), parent.bits()),
            children: CountByLen::new(),
        }
    }

    /// The node whose space this is.
    #[must_use]
    pub fn parent(&self) -> Prefix {
        self.parent
    }

    /// How many direct children there are, by length.
    #[must_use]
    pub fn children(&self) -> &CountByLen {
        &self.children
    }

    /// How many addresses no child covers.
    #[must_use]
    pub fn free(&self) -> Size {
        self.free.room_for(self.parent.family().max_len())
    }

    /// How many addresses the children cover.
    #[must_use]
    pub fn used(&self) -> Size {
        Size::of(&self.parent).saturating_sub(self.free())
    }

    /// Whether the children cover everything.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// Whether there are no children.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.children.is_empty()
    }

    /// The length of the largest free block; the parent's own when there are no children, `None`
    /// when nothing is free.
    #[must_use]
    pub fn largest_free(&self) -> Option<u8> {
        self.free.shelves().first().map(|shelf| shelf.len)
    }

    /// How scattered the free space is: 1 − largest free block ÷ all that is free.
    ///
    /// 0 when all free addresses are in one block, and when nothing is free; close to 1 when they
    /// are in many small blocks.
    #[must_use]
    pub fn fragmentation(&self) -> f64 {
        self.largest_free().map_or(0.0, |len| {
            let largest = Size::power_of_two(self.parent.family().max_len() - len);
            1.0 - largest.to_f64() / self.free().to_f64()
        })
    }

    /// The lengths that have free blocks and the number of blocks of each, shortest length first.
    pub fn free_blocks(&self) -> impl Iterator<Item = (u8, u64)> {
        self.free
            .shelves()
            .iter()
            .map(|shelf| (shelf.len, shelf.starts.len()))
    }

    /// Whether no child covers any of a prefix, so that it can be taken.
    #[must_use]
    pub fn is_free(&self, prefix: Prefix) -> bool {
        self.check_beneath(prefix).is_ok() && self.free.covering(prefix.len(), prefix.bits()).is_some()
    }

    /// Approximate bytes of memory, for a cache that is bounded by them.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.free.weight() + self.children.weight()
    }

    fn check_beneath(&self, prefix: Prefix) -> Result<(), FreeSpaceError> {
        let nowhere = align::is_mapped(prefix.family(), prefix.bits(), prefix.len());
        if self.parent.strictly_contains(&prefix) && !nowhere {
            return Ok(());
        }
        Err(FreeSpaceError::NotBeneath {
            prefix,
            parent: self.parent,
        })
    }
}
