//! Free space in the order of addresses: over its blocks, and over the places for one length.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Bound;

use super::FreeSpace;
use super::align::{is_mapped, last_of, mapped_block, mask, prefix_at, step};
use super::blocks::Shelf;
use super::search::PassedOver;
use super::starts::Ascending;
use crate::prefix::{Family, Prefix};

impl FreeSpace {
    /// The free blocks in the order of addresses, from behind a position, for lists and pages.
    ///
    /// `after` is the [`bits`](Prefix::bits) of the block a page ended with: blocks that begin
    /// behind it follow, also when the space has changed in between. With `fitting`, only blocks
    /// with room for a child of that length come. The first block costs one search in each length,
    /// each further one a logarithm of the number of lengths.
    #[must_use]
    pub fn blocks(&self, after: Option<u128>, fitting: Option<u8>) -> FreeBlocks<'_> {
        let family = self.parent.family();
        let len = fitting.unwrap_or(family.max_len());
        let shelves = if fitting.is_none() || self.fits_beneath(len) {
            self.free.with_room_for(len)
        } else {
            &[]
        };
        // All of it is where no prefix of such a length can be.
        let hidden = fitting.is_some_and(|len| is_mapped(family, mapped_block().bits(), len));
        FreeBlocks {
            family,
            hidden: hidden.then(mapped_block),
            merge: Merge::new(shelves, after.map_or(Bound::Unbounded, Bound::Excluded)),
        }
    }

    /// The places for a prefix of one length, ascending.
    pub(super) fn slots(&self, len: u8, passed_over: PassedOver) -> Slots<'_> {
        Slots {
            len,
            passed_over,
            in_block: None,
            merge: Merge::new(self.free.with_room_for(len), Bound::Unbounded),
        }
    }

    /// As [`FreeSpace::slots`], from a place on, which lies in the free block of length `block`.
    pub(super) fn slots_from(&self, len: u8, passed_over: PassedOver, block: u8, slot: u128) -> Slots<'_> {
        Slots {
            len,
            passed_over,
            in_block: Some((slot, last_slot(len, block, slot))),
            merge: Merge::new(self.free.with_room_for(len), Bound::Excluded(slot & mask(block))),
        }
    }
}

/// Free blocks in the order of addresses; made by [`FreeSpace::blocks`].
#[derive(Debug, Clone)]
pub struct FreeBlocks<'a> {
    family: Family,
    hidden: Option<Prefix>,
    merge: Merge<'a>,
}

impl Iterator for FreeBlocks<'_> {
    type Item = Prefix;

    fn next(&mut self) -> Option<Prefix> {
        let (family, hidden) = (self.family, self.hidden);
        self.merge
            .by_ref()
            .map(|(len, start)| prefix_at(family, start, len))
            .find(|block| Some(*block) != hidden)
    }
}

/// Places for a prefix of one length, ascending.
#[derive(Debug, Clone)]
pub(super) struct Slots<'a> {
    len: u8,
    passed_over: PassedOver,
    /// The next and the last place in the block at hand.
    in_block: Option<(u128, u128)>,
    merge: Merge<'a>,
}

impl Iterator for Slots<'_> {
    type Item = u128;

    fn next(&mut self) -> Option<u128> {
        loop {
            let (slot, last) = match self.in_block {
                Some(range) => range,
                None => {
                    let (block, start) = self.merge.next()?;
                    (start, last_slot(self.len, block, start))
                }
            };
            // At most two blocks are passed over, each in one go.
            let passed_over = self.passed_over.holding(self.len, slot);
            let behind = passed_over.map_or(slot, |block| {
                last_of(block.family(), block.bits(), block.len()) & mask(self.len)
            });
            self.in_block = behind
                .checked_add(step(self.len))
                .filter(|next| *next <= last)
                .map(|next| (next, last));
            if passed_over.is_none() {
                return Some(slot);
            }
        }
    }
}

/// The last place of length `len` in the block of length `block` around an address.
fn last_slot(len: u8, block: u8, address: u128) -> u128 {
    address | (mask(len) & !mask(block))
}

/// Blocks of several lengths as one ascending sequence of length and start.
#[derive(Debug, Clone)]
struct Merge<'a> {
    /// The next start of each length, and where the rest of that length is.
    heads: BinaryHeap<Reverse<(u128, usize)>>,
    rest: Vec<(u8, Ascending<'a>)>,
}

impl<'a> Merge<'a> {
    fn new(shelves: &'a [Shelf], from: Bound<u128>) -> Self {
        let mut rest: Vec<_> = shelves
            .iter()
            .map(|shelf| (shelf.len, shelf.starts.from(from)))
            .collect();
        let heads = rest
            .iter_mut()
            .enumerate()
            .filter_map(|(at, (_, starts))| starts.next().map(|start| Reverse((start, at))))
            .collect();
        Self { heads, rest }
    }
}

impl Iterator for Merge<'_> {
    type Item = (u8, u128);

    fn next(&mut self) -> Option<(u8, u128)> {
        let mut head = self.heads.peek_mut()?;
        let Reverse((start, at)) = *head;
        let (len, rest) = &mut self.rest[at];
        match rest.next() {
            Some(next) => *head = Reverse((next, at)),
            None => {
                std::collections::binary_heap::PeekMut::pop(head);
            }
        }
        Some((*len, start))
    }
}
