//! Nodes as they were answered, kept in memory as long as nothing in their space changes.
//!
//! An entry holds the version of the space that was published before its rows were read, so what it holds is
//! never older than that version; it is used only while that version is still the published one. Any commit
//! to the space makes all its entries useless at once, without anybody having to find them. Where other processes
//! write the store, the published version is compared with what the head says now.

use std::sync::Arc;

use cadastre_api_types::internal::NodeView;
use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::records::HeadRecord;

/// What an answer is true of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    incarnation: Uuid,
    version: u64,
    /// A store that has gone back gives versions again.
    commit: Uuid,
}

impl Moment {
    fn of(head: &HeadRecord) -> Self {
        Self {
            incarnation: head.incarnation,
            version: head.version,
            commit: head.commit_id,
        }
    }
}

/// Answers of all spaces, by space and node, bounded.
pub(crate) struct AnswerCache(Cache<(Uuid, Uuid), (Moment, Arc<NodeView>)>);

impl AnswerCache {
    /// An empty cache.
    pub(crate) fn new(entries: usize) -> Self {
        Self(Cache::new(entries))
    }

    /// Something is remembered of the node, of whichever moment.
    pub(crate) fn holds(&self, space: Uuid, node: Uuid) -> bool {
        self.0.peek(&(space, node)).is_some()
    }

    /// The node as it is at this head.
    pub(crate) fn get(&self, space: Uuid, node: Uuid, head: &HeadRecord) -> Option<Arc<NodeView>> {
        let (moment, view) = self.0.get(&(space, node))?;
        (moment == Moment::of(head)).then_some(view)
    }

    /// Remembers a node with everything visible, read after `head` was published.
    pub(crate) fn put(&self, space: Uuid, head: &HeadRecord, view: &Arc<NodeView>) {
        self.0
            .insert((space, view.id), (Moment::of(head), Arc::clone(view)));
    }
}
