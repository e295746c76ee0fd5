//! What is free beneath the nodes that were asked for last, and those nodes themselves, in memory. Derived from the occupancy rows, bounded,
//! and thrown away whenever it could be wrong: it is a shortcut to an answer that the rows have, too.
//!
//! Only the writer uses it. It is true of the writer's own view, that is of what is durable with the accepted
//! commands of the group on top; the commit id says of which group. What other replicas have committed behind that it is
//! told from the journal (`free_follow.rs`). A group that fails leaves a commit id that no head and no journal has, and the
//! next group starts empty.

use cadastre_domain::Prefix;
use cadastre_domain::free_space::{FreeSpace, FreeSpaceError};
use cadastre_storage::RowKey;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use uuid::Uuid;

use crate::keys;
use crate::records::{HeadRecord, NodeRecord};

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

/// The state of a space that an index is true of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) commit: Uuid,
    pub(super) version: u64,
    /// As long as these are the same, nodes that came and went had no nodes beneath them.
    epoch: (u64, Uuid),
    incarnation: Uuid,
}

impl Moment {
    pub(super) fn of(head: &HeadRecord) -> Self {
        Self {
            commit: head.commit_id,
            version: head.version,
            epoch: (head.epoch, head.epoch_commit),
            incarnation: head.incarnation,
        }
    }
}

/// See the module.
pub(crate) struct FreeIndex {
    /// `None` while a group is decided.
    moment: Option<Moment>,
    known: Cache<Prefix, FreeSpace, ByBytes>,
    /// The nodes that were taken from last, as they are stored.
    parents: Vec<NodeRecord>,
}

/// What another replica has done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placing {
    Made(Prefix),
    Removed(Prefix),
}

/// Nodes that are remembered: few are taken from at a time.
const PARENTS: usize = 16;

impl Default for FreeIndex {
    fn default() -> Self {
        Self {
            moment: None,
            known: Cache::with_weighter(64, BYTES, ByBytes),
            parents: Vec::new(),
        }
    }
}

impl FreeIndex {
    /// Where it stands, if it can be led from there to what is durable now.
    pub(super) fn behind(&self, durable: &Moment) -> Option<Moment> {
        let at = self.moment.filter(|_| !self.known.is_empty())?;
        let same_tree = at.epoch == durable.epoch && at.incarnation == durable.incarnation;
        (same_tree && at.version < durable.version).then_some(at)
    }

    /// Others have made and removed these, one after the other, on the way to `durable`. None of them has, or had, nodes
    /// beneath it.
    pub(super) fn follow(&mut self, changes: &[Placing], durable: Moment) {
        // They may be others by now.
        self.parents.clear();
        for change in changes {
            let place = match change {
                Placing::Made(place) | Placing::Removed(place) => *place,
            };
            self.known.remove(&place);
            let above: Vec<Prefix> = self.known.iter().map(|(parent, _)| *parent).collect();
            for parent in above.iter().filter(|parent| parent.strictly_contains(&place)) {
                let is_true = match change {
                    Placing::Made(_) => {
                        let taken = self.known.get_mut(parent).map(|mut free| free.take(place));
                        // It may lie beneath a child.
                        matches!(taken, None | Some(Ok(()) | Err(FreeSpaceError::Taken { .. })))
                    }
                    // It may have lain beneath a child, which nothing says.
                    Placing::Removed(_) => false,
                };
                if !is_true {
                    self.known.remove(parent);
                }
            }
        }
        self.moment = Some(durable);
    }

    /// Begins a group on top of the commit `durable`.
    pub(crate) fn begin(&mut self, durable: Uuid) {
        if self.moment.is_none_or(|at| at.commit != durable) {
            self.clear();
        }
        self.moment = None;
    }

    /// The group is decided: it is true of that head, should it be committed.
    pub(crate) fn decided(&mut self, head: &HeadRecord) {
        self.moment = Some(Moment::of(head));
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

    /// The node at a prefix, if it is remembered.
    pub(crate) fn parent_at(&self, prefix: &Prefix) -> Option<&NodeRecord> {
        self.parents.iter().find(|node| node.prefix == *prefix)
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
        let head = |version| {
            let mut head = HeadRecord::first(jiff::Timestamp::UNIX_EPOCH);
            head.version = version;
            head.commit_id = Uuid::new_v4();
            head
        };
        let (first, second) = (head(1), head(2));
        let mut index = FreeIndex::default();
        index.begin(first.commit_id);
        index.insert(FreeSpace::whole(parent));
        index.apply(&[placed("10.0.0.0/24", "10.0.0.0/8")], &[], false);
        index.decided(&second);
        index.begin(second.commit_id);
        let children = index.get(&parent).map(|free| free.children().total());
        assert_eq!(children, Some(1), "the group was committed");
        index.decided(&head(3));
        index.begin(second.commit_id);
        assert!(index.get(&parent).is_none(), "the group failed");
        index.insert(FreeSpace::whole(parent));
        index.begin(second.commit_id);
        assert!(index.get(&parent).is_none(), "the group was not decided");
    }

    #[test]
    fn what_others_make_is_taken_where_it_is_a_child_and_what_they_remove_is_read_again() {
        let at = |text: &str| text.parse::<Prefix>().unwrap();
        let durable = Moment::of(&HeadRecord::first(jiff::Timestamp::UNIX_EPOCH));
        let mut index = FreeIndex::default();
        for parent in ["10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8"] {
            index.insert(FreeSpace::whole(at(parent)));
        }
        index.apply(&[placed("10.1.0.0/16", "10.0.0.0/8")], &[], false);
        index.insert(FreeSpace::whole(at("10.1.0.0/16")));
        let children = |index: &FreeIndex, parent| index.get(&at(parent)).map(|free| free.children().total());
        let made = [
            Placing::Made(at("10.1.2.0/24")),
            Placing::Made(at("10.2.0.0/16")),
            Placing::Made(at("10.2.3.0/24")),
        ];
        index.follow(&made, durable);
        assert_eq!(children(&index, "10.1.0.0/16"), Some(1));
        assert_eq!(children(&index, "10.0.0.0/8"), Some(2), "not what lies deeper");
        assert_eq!(children(&index, "11.0.0.0/8"), Some(0));
        index.follow(&[Placing::Removed(at("10.2.3.0/24"))], durable);
        assert_eq!(children(&index, "10.0.0.0/8"), None);
        assert_eq!(children(&index, "10.1.0.0/16"), Some(1));
        // Above something that is taken: only a new reading says what it is.
        index.follow(&[Placing::Made(at("10.1.2.0/23"))], durable);
        assert_eq!(children(&index, "10.1.0.0/16"), None);
        assert_eq!(children(&index, "11.0.0.0/8"), Some(0));
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
