//! Places with room to grow: largest block first, and several at a time without changing anything.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::align::step;
use super::{Edges, FreeSpace, Shortage};
use crate::prefix::Prefix;

impl FreeSpace {
    /// The places that [`FreeSpace::sparse`] would give one after another.
    ///
    /// Free blocks are used up in one order, largest first and lowest among equals; what a pick
    /// leaves of its block is smaller and lines up behind. So the blocks held are read once, in
    /// that order, and merged with the remainders.
    pub(super) fn sparse_n(&self, len: u8, n: usize, edges: Edges) -> Result<Vec<Prefix>, Shortage> {
        let passed_over = self.check_room(len, n, edges)?;
        let mut held = self
            .free
            .with_room_for(len)
            .iter()
            .flat_map(|shelf| shelf.starts.iter().map(|start| (shelf.len, start)))
            .peekable();
        let mut remainders = BinaryHeap::new();
        let mut found = Vec::with_capacity(n);
        while found.len() < n {
            let remainder = remainders.peek().map(|Reverse(block)| *block);
            let from_held = match (held.peek(), remainder) {
                (Some(block), Some(remainder)) => *block < remainder,
                (Some(_), None) => true,
                (None, _) => false,
            };
            let next = if from_held {
                held.next()
            } else {
                remainders.pop().map(|Reverse(block)| block)
            };
            let Some((block, start)) = next else { break };
            if passed_over.holding(block, start).is_some() {
                continue;
            }
            if passed_over.any_in(block, start) {
                // Its halves line up where they would be if what is passed over were taken.
                let half = block + 1;
                remainders.extend([Reverse((half, start)), Reverse((half, start | step(half)))]);
                continue;
            }
            found.push(self.at(len, start));
            remainders.extend((block + 1..=len).map(|half| Reverse((half, start | step(half)))));
        }
        Ok(found)
    }
}
