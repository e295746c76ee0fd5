//! Nodes as they were answered, kept in memory as long as nothing in their space changes.
//!
//! An entry holds the version of the space that was published before its rows were read, so what it holds is
//! never older than that version; it is used only while that version is still the published one. Any commit
//! to the space makes all its entries useless at once, without anybody having to find them. Used only where no
//! other process writes the store: there the published version is the last durable one.

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
}

impl Moment {
    fn of(head: &HeadRecord) -> Self {
        Self {
            incarnation: head.incarnation,
            version: head.version,
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
