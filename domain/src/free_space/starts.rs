//! The free blocks of one length, by their first address.
//!
//! Under a node that is filled in order, each length has one free block at most; a tree for each
//! would cost more memory than all the rest. So a single start is held in place.

use std::collections::{BTreeSet, btree_set};
use std::ops::{Bound, RangeInclusive};

/// One or more first addresses, left-aligned.
//
// `Many` holds two or more, so that equal sets are equal values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Starts {
    One(u128),
    Many(BTreeSet<u128>),
}

/// What remains after starts are taken out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remainder {
    Some,
    None,
}

impl Starts {
    /// `None` when there is nothing to hold. Linear when the starts are sorted.
    pub(super) fn from_vec(starts: Vec<u128>) -> Option<Self> {
        match starts.as_slice() {
            [] => None,
            [one] => Some(Self::One(*one)),
            _ => Some(Self::Many(starts.into_iter().collect())),
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Many(starts) => starts.len() as u64,
        }
    }

    pub(super) fn contains(&self, start: u128) -> bool {
        match self {
            Self::One(one) => *one == start,
            Self::Many(starts) => starts.contains(&start),
        }
    }

    /// The lowest; the fallback cannot be reached, since there is always one.
    pub(super) fn first(&self) -> u128 {
        match self {
            Self::One(one) => *one,
            Self::Many(starts) => starts.first().copied().unwrap_or_default(),
        }
    }

    /// The highest; the fallback cannot be reached, since there is always one.
    pub(super) fn last(&self) -> u128 {
        match self {
            Self::One(one) => *one,
            Self::Many(starts) => starts.last().copied().unwrap_or_default(),
        }
    }

    pub(super) fn insert(&mut self, start: u128) {
        match self {
            Self::One(one) if *one == start => {}
            Self::One(one) => *self = Self::Many(BTreeSet::from([*one, start])),
            Self::Many(starts) => {
                starts.insert(start);
            }
        }
    }

    /// Takes one start out: `None` when it is not there, otherwise whether any are left. When none
    /// are left, the value is to be dropped.
    pub(super) fn remove(&mut self, start: u128) -> Option<Remainder> {
        match self {
            Self::One(one) => (*one == start).then_some(Remainder::None),
            Self::Many(starts) => starts.remove(&start).then(|| self.settle()),
        }
    }

    /// Takes all starts of a range out, in order. When none are left, the value is to be dropped.
    pub(super) fn extract(&mut self, range: RangeInclusive<u128>) -> (Vec<u128>, Remainder) {
        match self {
            Self::One(one) if range.contains(one) => (vec![*one], Remainder::None),
            Self::One(_) => (Vec::new(), Remainder::Some),
            Self::Many(starts) => {
                let out = starts.extract_if(range, |_| true).collect();
                (out, self.settle())
            }
        }
    }

    /// Those from a bound on, ascending.
    pub(super) fn from(&self, bound: Bound<u128>) -> Ascending<'_> {
        match self {
            Self::One(one) => {
                let within = (bound, Bound::Unbounded);
                let one = std::ops::RangeBounds::contains(&within, one).then_some(*one);
                Ascending::One(one)
            }
            Self::Many(starts) => Ascending::Many(starts.range((bound, Bound::Unbounded))),
        }
    }

    /// All, ascending.
    pub(super) fn iter(&self) -> Ascending<'_> {
        self.from(Bound::Unbounded)
    }

    /// Approximate bytes on the heap: 16 for a start, and what the nodes of a tree leave empty.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(starts) => 200 + starts.len() * 26,
        }
    }

    fn settle(&mut self) -> Remainder {
        let Self::Many(starts) = self else {
            return Remainder::Some;
        };
        match (starts.len(), starts.first()) {
            (1, Some(one)) => *self = Self::One(*one),
            (0, _) => return Remainder::None,
            _ => {}
        }
        Remainder::Some
    }
}

/// Starts in ascending order.
#[derive(Debug, Clone)]
pub(super) enum Ascending<'a> {
    One(Option<u128>),
    Many(btree_set::Range<'a, u128>),
}

impl Iterator for Ascending<'_> {
    type Item = u128;

    fn next(&mut self) -> Option<u128> {
        match self {
            Self::One(one) => one.take(),
            Self::Many(starts) => starts.next().copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_set_leaves_no_trace() {
        let mut starts = Starts::One(8);
        starts.insert(8);
        assert_eq!(starts, Starts::One(8));
        starts.insert(4);
        assert_eq!(starts.iter().collect::<Vec<_>>(), [4, 8]);
        assert_eq!(starts.remove(5), None);
        assert_eq!(starts.remove(4), Some(Remainder::Some));
        assert_eq!(starts, Starts::One(8));
        assert_eq!(starts.remove(8), Some(Remainder::None));
    }

    #[test]
    fn a_range_is_taken_out_in_order() {
        let mut starts = Starts::from_vec(vec![1, 2, 3, 4]).unwrap_or(Starts::One(0));
        assert_eq!(starts.extract(2..=3), (vec![2, 3], Remainder::Some));
        assert_eq!(starts.extract(4..=9), (vec![4], Remainder::Some));
        assert_eq!(starts, Starts::One(1));
        assert_eq!(starts.extract(2..=9), (vec![], Remainder::Some));
        assert_eq!(starts.extract(0..=9), (vec![1], Remainder::None));
    }
}
