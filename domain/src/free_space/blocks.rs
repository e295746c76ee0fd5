//! A set of aligned blocks that do not overlap, by length and first address. Only lengths that have
//! a block take room, and every question costs at most one search in the blocks of each length.

use std::ops::RangeInclusive;

use super::Size;
use super::align::{mask, step};
use super::starts::{Remainder, Starts};

/// The blocks of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shelf {
    pub(super) len: u8,
    pub(super) starts: Starts,
}

/// Aligned blocks of one family.
//
// Ascending by length, no shelf empty: equal sets are equal values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Blocks {
    shelves: Vec<Shelf>,
}

impl Blocks {
    pub(super) fn one(len: u8, start: u128) -> Self {
        let starts = Starts::One(start);
        Self {
            shelves: vec![Shelf { len, starts }],
        }
    }

    /// From the starts of each length, the index being the length. Linear when they are sorted.
    pub(super) fn from_columns(columns: Vec<Vec<u128>>) -> Self {
        let shelf = |(len, starts)| Starts::from_vec(starts).map(|starts| Shelf { len, starts });
        let mut shelves: Vec<Shelf> = (0..=u8::MAX).zip(columns).filter_map(shelf).collect();
        shelves.shrink_to_fit();
        Self { shelves }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shelves.is_empty()
    }

    /// Shortest length, that is largest blocks, first.
    pub(super) fn shelves(&self) -> &[Shelf] {
        &self.shelves
    }

    /// The shelves of blocks that have room for a prefix of this length.
    pub(super) fn with_room_for(&self, len: u8) -> &[Shelf] {
        let end = self.shelves.partition_point(|shelf| shelf.len <= len);
        &self.shelves[..end]
    }

    pub(super) fn insert(&mut self, len: u8, start: u128) {
        match self.position(len) {
            Ok(at) => self.shelves[at].starts.insert(start),
            Err(at) => {
                let starts = Starts::One(start);
                self.shelves.insert(at, Shelf { len, starts });
            }
        }
    }

    pub(super) fn remove(&mut self, len: u8, start: u128) -> bool {
        let Ok(at) = self.position(len) else { return false };
        let removed = self.shelves[at].starts.remove(start);
        if removed == Some(Remainder::None) {
            self.shelves.remove(at);
        }
        removed.is_some()
    }

    /// The length of the block that holds all of a place.
    pub(super) fn covering(&self, len: u8, start: u128) -> Option<u8> {
        let holds = |shelf: &&Shelf| shelf.starts.contains(start & mask(shelf.len));
        self.with_room_for(len)
            .iter()
            .rev()
            .find(holds)
            .map(|shelf| shelf.len)
    }

    /// Takes a place out of the block of length `block` that holds it; what else the block had is
    /// left as one block of every length in between.
    pub(super) fn carve(&mut self, block: u8, len: u8, start: u128) {
        self.remove(block, start & mask(block));
        for half in block + 1..=len {
            self.insert(half, (start & mask(half)) ^ step(half));
        }
    }

    /// Puts a place back and joins it with its buddies, up to a block of length `top`.
    pub(super) fn join(&mut self, top: u8, len: u8, start: u128) {
        let (mut len, mut start) = (len, start);
        while len > top && self.remove(len, start ^ step(len)) {
            len -= 1;
            start &= mask(len);
        }
        self.insert(len, start);
    }

    /// Whether a block longer than `len` begins in a range.
    pub(super) fn any_within(&self, len: u8, range: &RangeInclusive<u128>) -> bool {
        let begins = |shelf: &Shelf| {
            let from = std::ops::Bound::Included(*range.start());
            shelf
                .starts
                .from(from)
                .next()
                .is_some_and(|start| start <= *range.end())
        };
        self.shelves.iter().any(|shelf| shelf.len > len && begins(shelf))
    }

    /// Takes out the blocks longer than `len` that begin in a range. Linear in what is taken out.
    pub(super) fn extract(&mut self, len: u8, range: &RangeInclusive<u128>) -> Self {
        let mut out = Vec::new();
        self.shelves.retain_mut(|shelf| {
            if shelf.len <= len {
                return true;
            }
            let (starts, left) = shelf.starts.extract(range.clone());
            let len = shelf.len;
            out.extend(Starts::from_vec(starts).map(|starts| Shelf { len, starts }));
            left == Remainder::Some
        });
        Self { shelves: out }
    }

    /// Adds blocks that overlap none of these and are nobody's buddies.
    pub(super) fn absorb(&mut self, other: &Self) {
        for shelf in &other.shelves {
            for start in shelf.starts.iter() {
                self.insert(shelf.len, start);
            }
        }
    }

    /// How many places of a length there are in all blocks.
    pub(super) fn room_for(&self, len: u8) -> Size {
        self.with_room_for(len)
            .iter()
            .map(|shelf| Size::times_power_of_two(shelf.starts.len(), len - shelf.len))
            .fold(Size::ZERO, Size::saturating_add)
    }

    pub(super) fn weight(&self) -> usize {
        let starts: usize = self.shelves.iter().map(|shelf| shelf.starts.weight()).sum();
        self.shelves.capacity() * size_of::<Shelf>() + starts
    }

    fn position(&self, len: u8) -> Result<usize, usize> {
        self.shelves.binary_search_by_key(&len, |shelf| shelf.len)
    }
}
