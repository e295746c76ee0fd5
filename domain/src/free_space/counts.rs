//! How many nodes there are of each length. Few lengths are in use beneath one node, so they are
//! kept as a short list.

use crate::prefix::{Family, Prefix};

use super::Size;

/// Numbers of nodes by prefix length.
//
// Ascending by length and without zeros, so equal counts are equal values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CountByLen(Vec<(u8, u64)>);

impl CountByLen {
    /// No nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds nodes of one length.
    pub fn add(&mut self, len: u8, nodes: u64) {
        if nodes == 0 {
            return;
        }
        match self.position(len) {
            Ok(at) => self.0[at].1 += nodes,
            Err(at) => self.0.insert(at, (len, nodes)),
        }
    }

    /// Takes nodes of one length away; false, and nothing done, when there are fewer.
    #[must_use]
    pub fn remove(&mut self, len: u8, nodes: u64) -> bool {
        let Ok(at) = self.position(len) else {
            return nodes == 0;
        };
        let Some(left) = self.0[at].1.checked_sub(nodes) else {
            return false;
        };
        if left == 0 {
            self.0.remove(at);
        } else {
            self.0[at].1 = left;
        }
        true
    }

    /// How many nodes have this length.
    #[must_use]
    pub fn of(&self, len: u8) -> u64 {
        self.position(len).map_or(0, |at| self.0[at].1)
    }

    /// How many nodes there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, nodes)| nodes).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lengths in use and the nodes of each, shortest length first.
    pub fn iter(&self) -> impl Iterator<Item = (u8, u64)> {
        self.0.iter().copied()
    }

    /// Whether there are at least as many nodes of each length as in `other`.
    pub(super) fn includes(&self, other: &Self) -> bool {
        other.iter().all(|(len, nodes)| self.of(len) >= nodes)
    }

    /// How many addresses so many nodes have when none lies in another.
    pub(super) fn addresses(&self, family: Family) -> Size {
        self.iter()
            .map(|(len, nodes)| Size::times_power_of_two(nodes, family.max_len().saturating_sub(len)))
            .fold(Size::ZERO, Size::saturating_add)
    }

    pub(super) fn weight(&self) -> usize {
        self.0.capacity() * size_of::<(u8, u64)>()
    }

    fn position(&self, len: u8) -> Result<usize, usize> {
        self.0.binary_search_by_key(&len, |(len, _)| *len)
    }
}

impl<'a> FromIterator<&'a Prefix> for CountByLen {
    fn from_iter<I: IntoIterator<Item = &'a Prefix>>(nodes: I) -> Self {
        let mut counts = Self::new();
        for node in nodes {
            counts.add(node.len(), 1);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_nobody_has_leaves_no_trace() {
        let mut counts = CountByLen::new();
        counts.add(24, 2);
        counts.add(16, 0);
        assert!(!counts.remove(24, 3) && !counts.remove(16, 1));
        assert!(counts.remove(16, 0) && counts.remove(24, 2));
        assert_eq!(counts, CountByLen::new());
        assert!(counts.is_empty());
    }

    #[test]
    fn lengths_come_in_order() {
        let mut counts = CountByLen::new();
        for len in [32, 8, 24, 32] {
            counts.add(len, 1);
        }
        assert_eq!(counts.iter().collect::<Vec<_>>(), [(8, 1), (24, 1), (32, 2)]);
        assert_eq!((counts.total(), counts.of(32), counts.of(9)), (4, 2, 0));
        assert_eq!(
            counts.addresses(Family::V4),
            Size::from((1_u64 << 24) + (1 << 8) + 2)
        );
    }
}
