//! Places by lot. The randomness is the caller's, so a test can replay it.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::align::{mask, step};
use super::search::PassedOver;
use super::{Draw, Edges, FreeSpace, Shortage, Size};
use crate::prefix::Prefix;

/// How often a place is drawn in one way before the next way is tried.
const TRIES: usize = 16;

/// Up to so many free places are listed to draw from; that costs less than trying.
const FEW: usize = 64;

impl FreeSpace {
    /// Several different places by lot.
    pub(super) fn random_n(
        &self,
        len: u8,
        n: usize,
        edges: Edges,
        draw: Draw<'_>,
    ) -> Result<Vec<Prefix>, Shortage> {
        let passed_over = self.check_room(len, n, edges)?;
        let few = n.saturating_mul(4).max(FEW);
        let slots = if self.how_many(len, edges) <= Size::from(few as u64) {
            let all = self.slots(len, passed_over).collect();
            some_of(all, n, draw)
        } else {
            let mut lottery = Lottery {
                space: self,
                len,
                passed_over,
                drawn: BTreeSet::new(),
            };
            (0..n).filter_map(|_| lottery.next(&mut *draw)).collect()
        };
        Ok(slots.into_iter().map(|slot| self.at(len, slot)).collect())
    }
}

/// `n` of a list, every choice equally likely.
fn some_of(mut all: Vec<u128>, n: usize, draw: Draw<'_>) -> Vec<u128> {
    for position in 0..n.min(all.len()) {
        let left = all.len() - position;
        // Below the length of a list, so it fits.
        let other = position + below(draw, left as u128) as usize;
        all.swap(position, other);
    }
    all.truncate(n);
    all
}

/// Draws from many more free places than will be drawn.
struct Lottery<'a> {
    space: &'a FreeSpace,
    len: u8,
    passed_over: PassedOver,
    drawn: BTreeSet<u128>,
}

impl Lottery<'_> {
    /// `None` only when every place is drawn.
    fn next(&mut self, draw: Draw<'_>) -> Option<u128> {
        let slot = self.anywhere(draw).or_else(|| self.in_free_block(draw))?;
        self.drawn.insert(slot);
        Some(slot)
    }

    /// Tries places of the whole parent: exactly uniform when one is found.
    fn anywhere(&self, draw: Draw<'_>) -> Option<u128> {
        let parent = self.space.parent;
        (0..TRIES)
            .map(|_| parent.bits() | place(draw, self.len, self.len - parent.len()))
            .find(|slot| self.is_open(*slot) && self.space.free.covering(self.len, *slot).is_some())
    }

    /// Draws a free block and a place in it; after too many misses, the first open place from
    /// there on.
    fn in_free_block(&self, draw: Draw<'_>) -> Option<u128> {
        let mut last = None;
        for _ in 0..TRIES {
            let (block, start) = self.free_block(draw)?;
            let slot = start | place(draw, self.len, self.len - block);
            if self.is_open(slot) {
                return Some(slot);
            }
            last = Some((block, slot));
        }
        let (block, slot) = last?;
        let (space, passed_over) = (self.space, self.passed_over);
        space
            .slots_from(self.len, passed_over, block, slot)
            .chain(space.slots(self.len, passed_over))
            .find(|slot| self.is_open(*slot))
    }

    /// A free block: its length by how many places there are in blocks of that length, then the
    /// first one from a point on. Blocks behind long gaps are hit more often.
    fn free_block(&self, draw: Draw<'_>) -> Option<(u8, u128)> {
        let shelves = self.space.free.with_room_for(self.len);
        let places = self.space.free.room_for(self.len);
        let mut ticket = Size::from(below(draw, places.to_u128().unwrap_or(u128::MAX)));
        let shelf = shelves.iter().find(|shelf| {
            let here = Size::times_power_of_two(shelf.starts.len(), self.len - shelf.len);
            let rest = ticket.checked_sub(here);
            ticket = rest.unwrap_or(ticket);
            rest.is_none()
        })?;
        let (first, last) = (shelf.starts.first(), shelf.starts.last());
        let point = if first == last {
            first
        } else {
            // Two blocks of a length have at least one bit of it, so it is not zero.
            first + below(draw, (last - first) / step(shelf.len) + 1) * step(shelf.len)
        };
        let start = shelf.starts.from(Bound::Included(point)).next()?;
        Some((shelf.len, start))
    }

    fn is_open(&self, slot: u128) -> bool {
        !self.drawn.contains(&slot) && self.passed_over.holding(self.len, slot).is_none()
    }
}

/// A place of length `len` in a block at zero that is `bits` bits shorter.
fn place(draw: Draw<'_>, len: u8, bits: u8) -> u128 {
    let number = match bits {
        0 => return 0,
        // A bound of 2^128 does not exist.
        128 => below(draw, 1 << 64) << 64 | below(draw, 1 << 64),
        _ => below(draw, 1 << bits),
    };
    (number << (128 - u32::from(len))) & mask(len)
}

fn below(draw: Draw<'_>, bound: u128) -> u128 {
    let bound = bound.max(1);
    draw(bound) % bound
}
