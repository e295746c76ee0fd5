//! What is free beneath the nodes that were asked for last, and those nodes themselves, in memory. Derived from the occupancy rows, bounded,
//! and thrown away whenever it could be wrong: it is a shortcut to an answer that the rows have, too.
//!
//! Only the writer uses it. It is true of the writer's own view, that is of what is durable with the accepted
//! commands of the group on top; the commit id says of which group. A group that fails leaves a commit id that no
//! head has, and the next group starts empty.

use cadastre_domain::Prefix;
use cadastre_domain::free_space::FreeSpace;
use cadastre_storage::RowKey;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use uuid::Uuid;

use crate::keys;
use crate::records::NodeRecord;

/// Bytes of memory for one space: a million places taken at random need 265 MB, in order 3 MB.
const BYTES: u64 = 320 << 20;

/// A node that was made or removed, and the node above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The node.
    pub prefix: Prefix,
    /// The tightest node above it; `None` at the top.
    pub parent: Option<Prefix>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Prefix, FreeSpace> for ByBytes {
    fn weight(&self, _: &Prefix, free: &FreeSpace) -> u64 {
        free.weight() as u64
    }
}

/// See the module.
pub(crate) struct FreeIndex {
    moment: Uuid,
    known: Cache<Prefix, FreeSpace, ByBytes>,
    /// The nodes that were taken from last, as they are stored.
    parents: Vec<NodeRecord>,
}

/// Nodes that are remembered: few are taken from at a time.
const PARENTS: usize = 16;

impl Default for FreeIndex {
    fn default() -> Self {
        Self {
            moment: Uuid::nil(),
            known: Cache::with_weighter(64, BYTES, ByBytes),
            parents: Vec::new(),
        }
    }
}

impl FreeIndex {
    /// Begins a group on top of the commit `durable`, to be committed as `commit`.
    pub(crate) fn begin(&mut self, durable: Uuid, commit: Uuid) {
        if self.moment != durable {
            self.clear();
        }
        self.moment = commit;
    }

    /// The group changed nothing: it was true of `durable` and still is.
    pub(crate) fn nothing_changed(&mut self, durable: Uuid) {
        self.moment = durable;
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.parents.clear();
    }

    /// A node by its id, if it is remembered.
    pub(crate) fn parent(&self, id: Uuid) -> Option<&NodeRecord> {
        self.parents.iter().find(|node| node.ip_id == id)
    }

    /// Remembers a node as the writer has read it.
    pub(crate) fn remember(&mut self, node: NodeRecord) {
        if self.parents.len() >= PARENTS {
            self.parents.clear();
        }
        self.parents.push(node);
    }

    /// An accepted command writes these rows: what they say of a remembered node is not what is remembered.
    pub(crate) fn written<'k>(&mut self, keys: impl Iterator<Item = &'k RowKey>) {
        if self.parents.is_empty() {
            return;
        }
        for prefix in keys.filter_map(keys::node_prefix) {
            self.parents.retain(|node| node.prefix != prefix);
        }
    }

    /// What is free beneath a node, if it is known.
    pub(crate) fn get(&self, parent: &Prefix) -> Option<&FreeSpace> {
        self.known.get(parent)
    }

    /// Remembers what was read. What is larger than the bound is not kept.
    pub(crate) fn insert(&mut self, free: FreeSpace) {
        self.known.insert(free.parent(), free);
    }

    /// An accepted command made and removed nodes. `tree_moved`: some of them have nodes beneath them.
    pub(crate) fn apply(&mut self, made: &[Placed], removed: &[Placed], tree_moved: bool) {
        if made.is_empty() && removed.is_empty() {
            return;
        }
        if tree_moved {
            // Children have changed their parents; that is rare, and reading again is right by itself.
            self.clear();
            return;
        }
        for (placed, taken) in removed
            .iter()
            .map(|p| (p, false))
            .chain(made.iter().map(|p| (p, true)))
        {
            self.known.remove(&placed.prefix);
            let Some(parent) = placed.parent else { continue };
            let fits = match self.known.get_mut(&parent) {
                None => true,
                Some(mut free) => {
                    let done = if taken {
                        free.take(placed.prefix)
                    } else {
                        free.release(placed.prefix)
                    };
                    done.is_ok()
                }
            };
            if !fits {
                tracing::warn!(%parent, prefix = %placed.prefix, "what was free is read again: it did not fit");
                self.known.remove(&parent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn placed(prefix: &str, parent: &str) -> Placed {
        Placed {
            prefix: prefix.parse().unwrap(),
            parent: Some(parent.parse().unwrap()),
        }
    }

    #[test]
    fn what_is_remembered_is_forgotten_when_another_commit_came_between() {
        let parent: Prefix = "10.0.0.0/8".parse().unwrap();
        let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut index = FreeIndex::default();
        index.begin(first, second);
        index.insert(FreeSpace::whole(parent));
        index.apply(&[placed("10.0.0.0/24", "10.0.0.0/8")], &[], false);
        index.begin(second, Uuid::from_u128(3));
        let children = index.get(&parent).map(|free| free.children().total());
        assert_eq!(children, Some(1), "the group was committed");
        index.begin(second, Uuid::from_u128(4));
        assert!(index.get(&parent).is_none(), "the group failed");
    }

    #[test]
    fn what_does_not_fit_is_dropped_instead_of_believed() {
        let parent: Prefix = "10.0.0.0/8".parse().unwrap();
        let mut index = FreeIndex::default();
        index.insert(FreeSpace::whole(parent));
        let made = [placed("10.0.0.0/24", "10.0.0.0/8")];
        index.apply(&made, &[], false);
        index.apply(&made, &[], false);
        assert!(index.get(&parent).is_none());
    }
}
