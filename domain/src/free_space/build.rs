//! Free space from the nodes beneath a parent, in either of the two orders in which they can be
//! read: that of the tree, or length by length.

use super::align::last_bits;
use super::blocks::Blocks;
use super::{BuildError, CountByLen, FreeSpace};
use crate::prefix::Prefix;

impl FreeSpace {
    /// From the direct children of a parent, or from all nodes beneath it, in the order of
    /// prefixes. One pass; each gap between two children costs the blocks it consists of.
    ///
    /// # Errors
    /// When a node does not lie beneath the parent or is out of order.
    pub fn from_sorted(parent: Prefix, nodes: impl IntoIterator<Item = Prefix>) -> Result<Self, BuildError> {
        let mut sorted = Sorted::new(parent);
        for node in nodes {
            sorted.push(node)?;
        }
        Ok(sorted.finish())
    }
}

/// Builds free space from nodes in the order of prefixes, for sources that are read in pages.
#[derive(Debug, Clone)]
pub struct Sorted {
    parent: Prefix,
    last_child: Option<Prefix>,
    /// The first address behind the last child; `None` behind the end of the family.
    next: Option<u128>,
    columns: Vec<Vec<u128>>,
    children: CountByLen,
}

impl Sorted {
    /// Begins with no node.
    #[must_use]
    pub fn new(parent: Prefix) -> Self {
        Self {
            parent,
            last_child: None,
            next: Some(parent.bits()),
            columns: vec![Vec::new(); usize::from(parent.family().max_len()) + 1],
            children: CountByLen::new(),
        }
    }

    /// Takes the next node; whether it is a direct child, that is not within one given before.
    ///
    /// # Errors
    /// When it does not lie beneath the parent or is out of order.
    pub fn push(&mut self, node: Prefix) -> Result<bool, BuildError> {
        let parent = self.parent;
        if !parent.strictly_contains(&node) {
            return Err(BuildError::NotBeneath { node, parent });
        }
        if self.last_child.is_some_and(|child| child.contains(&node)) {
            return Ok(false);
        }
        match self.next {
            Some(next) if next <= node.bits() => {
                if next < node.bits() {
                    self.add_gap(next, node.bits() - unit(parent));
                }
            }
            Some(_) | None => return Err(BuildError::OutOfOrder { node }),
        }
        self.next = last_bits(node).checked_add(unit(parent));
        self.last_child = Some(node);
        self.children.add(node.len(), 1);
        Ok(true)
    }

    /// The free space between all nodes given.
    #[must_use]
    pub fn finish(mut self) -> FreeSpace {
        let parent = self.parent;
        if self.children.is_empty() {
            return FreeSpace::whole(parent);
        }
        let last = last_bits(parent);
        if let Some(next) = self.next
            && next <= last
        {
            self.add_gap(next, last);
        }
        FreeSpace {
            parent,
            free: Blocks::from_columns(self.columns),
            children: self.children,
        }
    }

    /// Adds the largest aligned blocks that make up what is between two addresses, both included.
    /// Never the whole family: there is a child beside every gap.
    fn add_gap(&mut self, first: u128, last: u128) {
        let max = self.parent.family().max_len();
        let mut next = Some(first);
        while let Some(start) = next
            && start <= last
        {
            let addresses = (last - start) / unit(self.parent) + 1;
            // Both are at most 128, so they fit.
            let by_size = max - addresses.ilog2() as u8;
            let by_alignment = 128 - start.trailing_zeros() as u8;
            let len = by_size.max(by_alignment);
            self.columns[usize::from(len)].push(start);
            next = start.checked_add(super::align::step(len));
        }
    }
}

/// Builds free space from nodes that come length by length, shortest first, each length in any
/// order.
///
/// Nodes of one length cannot cover each other, so they are only gathered, and sorted when a longer
/// one comes. Carving each out of the free space at once would take many times as long.
#[derive(Debug, Clone)]
pub struct ByLength {
    parent: Prefix,
    /// Children shorter than `len`, in order.
    shorter: Vec<Prefix>,
    /// Children of length `len`, in any order.
    same: Vec<Prefix>,
    len: u8,
}

impl ByLength {
    /// Begins with no node.
    #[must_use]
    pub fn new(parent: Prefix) -> Self {
        Self {
            parent,
            shorter: Vec::new(),
            same: Vec::new(),
            len: 0,
        }
    }

    /// Takes a node; whether it is a direct child, that is not within a shorter one. Given again it
    /// gets the same answer and still counts once.
    ///
    /// Costs a logarithm of the children; the first node of each length costs their number.
    ///
    /// # Errors
    /// When it does not lie beneath the parent, or when a longer one came before.
    pub fn cover(&mut self, node: Prefix) -> Result<bool, BuildError> {
        let parent = self.parent;
        if !parent.strictly_contains(&node) {
            return Err(BuildError::NotBeneath { node, parent });
        }
        if node.len() < self.len {
            return Err(BuildError::OutOfOrder { node });
        }
        if node.len() > self.len {
            self.sort();
            self.len = node.len();
        }
        let before = self.shorter.partition_point(|child| *child <= node);
        let covered = self.shorter[..before]
            .last()
            .is_some_and(|child| child.contains(&node));
        if !covered {
            self.same.push(node);
        }
        Ok(!covered)
    }

    /// The free space between all nodes given.
    #[must_use]
    pub fn finish(mut self) -> FreeSpace {
        self.sort();
        let mut sorted = Sorted::new(self.parent);
        for child in self.shorter {
            // Cannot fail: each lies beneath the parent, and they are in order.
            let _ = sorted.push(child);
        }
        sorted.finish()
    }

    fn sort(&mut self) {
        if self.same.is_empty() {
            return;
        }
        self.shorter.append(&mut self.same);
        // Stable, because it merges what is in order already in one pass.
        self.shorter.sort();
        self.shorter.dedup();
    }
}

/// The distance between two addresses, left-aligned.
fn unit(parent: Prefix) -> u128 {
    super::align::step(parent.family().max_len())
}
