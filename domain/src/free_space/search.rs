//! Where a new prefix can go. A search changes nothing: what it finds is taken by
//! [`FreeSpace::take`].

use super::align::{is_mapped, mapped_block, mask, prefix_at};
use super::{FreeSpace, Shortage, Size};
use crate::prefix::{Family, Prefix};

/// How places for new prefixes are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Strategy {
    /// The lowest that is free: large blocks stay whole for as long as possible.
    LowestFree,
    /// Any that is free, so that places in use cannot be guessed.
    Random,
    /// As far from the others as possible, so that each can grow where it is; see
    /// [`FreeSpace::sparse`].
    Sparse,
}

/// Whether the first and the last address of an IPv4 network can be given away.
///
/// It matters where single addresses (/32) are searched directly beneath a parent of /30 or
/// shorter: these two are its network and broadcast address. A /31 has neither (RFC 3021).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edges {
    /// They are as good as any.
    Include,
    /// They are never found, though they stay free and can be taken by name.
    PassOver,
}

/// Randomness, handed in by the caller: a number below the bound, each equally likely. The bound is
/// never zero. An answer out of range is brought into it.
pub type Draw<'a> = &'a mut dyn FnMut(u128) -> u128;

impl FreeSpace {
    /// How many prefixes of a length are free; zero when the length does not fit beneath the parent.
    #[must_use]
    pub fn how_many(&self, len: u8, edges: Edges) -> Size {
        if !self.fits_beneath(len) {
            return Size::ZERO;
        }
        self.passed_over(len, edges).without(len, self.free.room_for(len))
    }

    /// The lowest free prefix of a length.
    #[must_use]
    pub fn lowest(&self, len: u8, edges: Edges) -> Option<Prefix> {
        if !self.fits_beneath(len) {
            return None;
        }
        let passed_over = self.passed_over(len, edges);
        let shelves = self.free.with_room_for(len).iter();
        let lowest = shelves.map(|shelf| shelf.starts.first()).min()?;
        if passed_over.holding(len, lowest).is_none() {
            return Some(self.at(len, lowest));
        }
        let next = self.slots(len, passed_over).next();
        next.map(|slot| self.at(len, slot))
    }

    /// The `n` lowest free prefixes of a length, ascending. Costs at most one block for each.
    ///
    /// # Errors
    /// When fewer are free.
    pub fn lowest_n(&self, len: u8, n: usize, edges: Edges) -> Result<Vec<Prefix>, Shortage> {
        let passed_over = self.check_room(len, n, edges)?;
        let slots = self.slots(len, passed_over).take(n);
        Ok(slots.map(|slot| self.at(len, slot)).collect())
    }

    /// The place of a length that leaves most room to grow: the start of the largest free block,
    /// the lowest among equals.
    ///
    /// Under an empty parent the places come at 0, 1/2, 1/4, 3/4, 1/8, 3/8, 5/8, 7/8 and so on of
    /// it, as registries choose delegations (the leftmost assignment
    /// of RFC 3531 spreads them alike). The whole rest of the block follows the place, and a prefix
    /// grows by becoming shorter at the same start, so each can grow until it meets the next one
    /// without being renumbered. What ends right before the place loses nothing: it could not have
    /// grown across the boundary of an aligned block.
    #[must_use]
    pub fn sparse(&self, len: u8, edges: Edges) -> Option<Prefix> {
        let found = self.sparse_n(len, 1, edges).ok()?;
        found.first().copied()
    }

    /// A free prefix of a length by lot. Never `None` while one is free.
    ///
    /// Exactly uniform while few are free or while one in a handful of places tried by lot is free.
    /// In a large space that is nearly full, places behind long stretches without a free block are
    /// more likely than others: an exact draw would have to count all blocks.
    #[must_use]
    pub fn random(&self, len: u8, edges: Edges, draw: Draw<'_>) -> Option<Prefix> {
        let found = self.random_n(len, 1, edges, draw).ok()?;
        found.first().copied()
    }

    /// As many free prefixes of a length as asked for, or none: all different, each as if those
    /// before it were taken, in the order in which they were found. `draw` is used by
    /// [`Strategy::Random`] only.
    ///
    /// Meant for up to 1,000 at a time; the cost grows with `n`, not with what is taken.
    ///
    /// # Errors
    /// When fewer are free.
    pub fn find(
        &self,
        strategy: Strategy,
        len: u8,
        n: usize,
        edges: Edges,
        draw: Draw<'_>,
    ) -> Result<Vec<Prefix>, Shortage> {
        match strategy {
            Strategy::LowestFree if n == 1 => match self.lowest(len, edges) {
                Some(lowest) => Ok(vec![lowest]),
                None => Err(self.shortage(len, n, Size::ZERO)),
            },
            Strategy::LowestFree => self.lowest_n(len, n, edges),
            Strategy::Random => self.random_n(len, n, edges, draw),
            Strategy::Sparse => self.sparse_n(len, n, edges),
        }
    }

    pub(super) fn fits_beneath(&self, len: u8) -> bool {
        self.parent.len() < len && len <= self.parent.family().max_len()
    }

    pub(super) fn at(&self, len: u8, slot: u128) -> Prefix {
        prefix_at(self.parent.family(), slot, len)
    }

    /// What a search must pass over, when there is room for `n`.
    pub(super) fn check_room(&self, len: u8, n: usize, edges: Edges) -> Result<PassedOver, Shortage> {
        let available = self.how_many(len, edges);
        if available < Size::from(n as u64) {
            return Err(self.shortage(len, n, available));
        }
        Ok(self.passed_over(len, edges))
    }

    fn shortage(&self, len: u8, wanted: usize, available: Size) -> Shortage {
        Shortage {
            parent: self.parent,
            len,
            wanted,
            available,
        }
    }

    fn passed_over(&self, len: u8, edges: Edges) -> PassedOver {
        let parent = self.parent;
        let blocks = match parent.family() {
            Family::V4 if edges == Edges::PassOver && len == 32 && parent.len() <= 30 => {
                [Some(Prefix::host(parent.addr())), Some(parent.last_descendant())]
            }
            Family::V6 if is_mapped(Family::V6, mapped_block().bits(), len) => [
                Some(mapped_block()).filter(|block| parent.strictly_contains(block)),
                None,
            ],
            Family::V4 | Family::V6 => [None, None],
        };
        let free = |block: &Prefix| self.free.covering(block.len(), block.bits()).is_some();
        PassedOver(blocks.map(|block| block.filter(free)))
    }
}

/// Free blocks that must not be given away: the edges of an IPv4 network, and what IPv4-mapped
/// addresses occupy in IPv6. Each is in one free block or taken altogether.
#[derive(Debug, Clone, Copy)]
pub(super) struct PassedOver([Option<Prefix>; 2]);

impl PassedOver {
    /// The one that a place of length `len` lies in.
    pub(super) fn holding(&self, len: u8, slot: u128) -> Option<Prefix> {
        let holds = |block: &Prefix| block.len() <= len && slot & mask(block.len()) == block.bits();
        self.0.into_iter().flatten().find(holds)
    }

    /// Whether a block holds any of them.
    pub(super) fn any_in(&self, block: u8, start: u128) -> bool {
        let within = |other: &Prefix| block <= other.len() && other.bits() & mask(block) == start;
        self.0.iter().flatten().any(within)
    }

    fn without(&self, len: u8, places: Size) -> Size {
        self.0.iter().flatten().fold(places, |places, block| {
            places.saturating_sub(Size::power_of_two(len - block.len()))
        })
    }
}
