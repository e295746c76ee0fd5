//! What flows down to a node: the chain above it and the inheritable tags resolved there. Kept in memory under
//! (space, incarnation, epoch, prefix, revision of the node), so a stale entry can never be used. The epoch
//! moves when a node with descendants changes; the revision covers a node that lost its descendants, changed
//! or was made anew without moving the epoch, and got descendants again.

use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_domain::Prefix;
use cadastre_domain::tags::{Inherited, Resolved, Vocabulary};
use jiff::Timestamp;
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::borrowed::{Borrowed, BorrowedContexts};
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{HeadRecord, NodeRecord, RecordError};
use crate::rows::Rows;

/// One node of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub prefix: Prefix,
    pub id: Uuid,
}

/// State that flows down from a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    /// The nodes from the top to the one it flows from.
    pub chain: Vec<Link>,
    /// The inheritable tags resolved there.
    pub inherited: Inherited,
    /// What flows down to the node it flows from; `None` at the top.
    pub above: Option<Arc<Context>>,
}

impl Context {
    /// The node it flows from.
    pub(crate) fn parent(&self) -> Option<&Link> {
        self.chain.last()
    }

    /// What flows down from `node`, which lies directly beneath this.
    pub(crate) fn below(self: &Arc<Self>, node: &NodeRecord, resolved: &Resolved) -> Self {
        let mut chain = Vec::with_capacity(self.chain.len() + 1);
        chain.extend_from_slice(&self.chain);
        chain.push(Link {
            prefix: node.prefix,
            id: node.ip_id,
        });
        Self {
            chain,
            inherited: resolved.inheritable(),
            above: Some(Arc::clone(self)),
        }
    }
}

/// Key of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ContextKey {
    space: Uuid,
    incarnation: Uuid,
    epoch: u64,
    prefix: Prefix,
    revision: u64,
    side: Side,
    /// Numbers are given again when a store has gone back; these are not.
    epoch_commit: Uuid,
    node: Uuid,
    modified: Timestamp,
}

/// Which way from its node a context lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    /// What flows to the node: nothing of it moves without the epoch, as the node is a descendant of all of it.
    Above,
    /// What flows from the node.
    Below,
}

/// Contexts of all spaces, bounded.
pub(crate) struct ContextCache {
    own: Cache<ContextKey, Arc<Context>>,
    /// What came from the shared cache.
    pub(super) borrowed: BorrowedContexts,
}

impl ContextCache {
    /// An empty cache.
    pub(crate) fn new(entries: usize) -> Self {
        Self {
            own: Cache::new(entries),
            borrowed: Cache::new(entries),
        }
    }

    /// Forgets everything whose name may come to mean something else.
    pub(crate) fn clear(&self) {
        self.own.clear();
    }
}

/// A context, and whether anything of it came from the shared cache.
struct Known {
    context: Arc<Context>,
    borrowed: bool,
}

impl Known {
    fn own(context: Arc<Context>) -> Self {
        Self {
            context,
            borrowed: false,
        }
    }
}

/// Resolves nodes of one space as of one head.
pub(crate) struct Resolver<'a> {
    rows: Rows<'a>,
    head: &'a HeadRecord,
    vocabulary: &'a Vocabulary,
    /// `None` when nothing may be remembered.
    cache: Option<(&'a ContextCache, Uuid)>,
    /// Nodes of later versions are not durable and must not be remembered: their version may be given again.
    durable_version: u64,
    /// The shared cache; for reads only.
    shared: Option<Borrowed<'a>>,
    top: Arc<Context>,
}

impl<'a> Resolver<'a> {
    /// Over durable rows, with the cache.
    pub(crate) fn cached(
        rows: Rows<'a>,
        head: &'a HeadRecord,
        vocabulary: &'a Vocabulary,
        cache: &'a ContextCache,
        space: Uuid,
    ) -> Self {
        Self {
            rows,
            head,
            vocabulary,
            cache: Some((cache, space)),
            durable_version: u64::MAX,
            shared: None,
            top: Arc::default(),
        }
    }

    /// Without the cache: for definitions that are not in force.
    pub(crate) fn uncached(rows: Rows<'a>, head: &'a HeadRecord, vocabulary: &'a Vocabulary) -> Self {
        Self {
            rows,
            head,
            vocabulary,
            cache: None,
            durable_version: 0,
            shared: None,
            top: Arc::default(),
        }
    }

    /// Over an overlay: without the cache once the overlay has moved the epoch, else with it for what is durable.
    pub(crate) fn over_overlay(
        rows: Rows<'a>,
        head: &'a HeadRecord,
        vocabulary: &'a Vocabulary,
        durable: &HeadRecord,
        cache: &'a ContextCache,
        space: Uuid,
    ) -> Self {
        let cache = (durable.epoch == head.epoch).then_some((cache, space));
        Self {
            rows,
            head,
            vocabulary,
            cache,
            durable_version: durable.version,
            shared: None,
            top: Arc::default(),
        }
    }

    /// Besides with what others have worked out. Not for decisions.
    pub(crate) fn sharing(mut self, shared: Option<Borrowed<'a>>) -> Self {
        self.shared = shared;
        self
    }

    /// The vocabulary it resolves with.
    pub(crate) fn vocabulary(&self) -> &'a Vocabulary {
        self.vocabulary
    }

    /// The rows it reads.
    pub(crate) fn rows(&self) -> Rows<'a> {
        self.rows
    }

    /// The head it goes by.
    pub(crate) fn head(&self) -> &'a HeadRecord {
        self.head
    }

    /// What flows down to a prefix, whether or not there is a node.
    pub(crate) async fn context_above(&self, prefix: &Prefix) -> Outcome<Arc<Context>> {
        Ok(self.find_above(prefix).await?.context)
    }

    async fn find_above(&self, prefix: &Prefix) -> Outcome<Known> {
        match self.rows.parent(prefix, self.head).await? {
            Some(parent) => self.find_below(parent).await,
            None => Ok(Known::own(Arc::clone(&self.top))),
        }
    }

    /// What flows down to a stored node.
    pub(crate) async fn context_over(&self, node: &NodeRecord) -> Outcome<Arc<Context>> {
        if let Some(known) = self.known(node, Side::Above).await {
            return Ok(known.context);
        }
        let known = self.find_above(&node.prefix).await?;
        self.remember(node, Side::Above, &known);
        Ok(known.context)
    }

    /// What flows down from a node.
    pub(crate) async fn context_of(&self, node: NodeRecord) -> Outcome<Arc<Context>> {
        Ok(self.find_below(node).await?.context)
    }

    async fn find_below(&self, node: NodeRecord) -> Outcome<Known> {
        // Climb until something is known, then resolve downwards.
        let mut unknown = vec![node];
        let mut known = loop {
            let Some(lowest) = unknown.last() else {
                break Known::own(Arc::clone(&self.top));
            };
            if let Some(known) = self.known(lowest, Side::Below).await {
                unknown.pop();
                break known;
            }
            match self.rows.parent(&lowest.prefix, self.head).await? {
                Some(parent) => unknown.push(parent),
                None => break Known::own(Arc::clone(&self.top)),
            }
        };
        while let Some(node) = unknown.pop() {
            let resolved = self.resolve(&node, &known.context)?;
            known.context = Arc::new(known.context.below(&node, &resolved));
            self.remember(&node, Side::Below, &known);
        }
        Ok(known)
    }

    /// The tags of a stored node, given what flows down to it.
    pub(crate) fn resolve(&self, node: &NodeRecord, above: &Context) -> Outcome<Resolved> {
        resolve_stored(self.vocabulary, node, above)
    }

    fn key(&self, space: Uuid, node: &NodeRecord, side: Side) -> ContextKey {
        ContextKey {
            space,
            incarnation: self.head.incarnation,
            epoch: self.head.epoch,
            prefix: node.prefix,
            revision: node.revision,
            side,
            epoch_commit: self.head.epoch_commit,
            node: node.ip_id,
            modified: node.modified_on,
        }
    }

    async fn known(&self, node: &NodeRecord, side: Side) -> Option<Known> {
        let (cache, space) = self.cache.filter(|_| node.revision <= self.durable_version)?;
        if let Some(context) = cache.own.get(&self.key(space, node, side)) {
            return Some(Known::own(context));
        }
        let context = self.shared.as_ref()?.get(node, side).await?;
        Some(Known {
            context,
            borrowed: true,
        })
    }

    fn remember(&self, node: &NodeRecord, side: Side, known: &Known) {
        let Some((cache, space)) = self.cache.filter(|_| node.revision <= self.durable_version) else {
            return;
        };
        let context = &known.context;
        if !known.borrowed {
            cache.own.insert(self.key(space, node, side), Arc::clone(context));
        }
        if let Some(shared) = &self.shared {
            shared.found(node, side, context, known.borrowed);
        }
    }
}

/// Resolves a stored node. Every write is checked so that this cannot clash: if it does, rows contradict
/// each other.
pub(crate) fn resolve_stored(
    vocabulary: &Vocabulary,
    node: &NodeRecord,
    above: &Context,
) -> Outcome<Resolved> {
    vocabulary
        .resolve(&above.inherited, node.prefix, &node.tags)
        .map_err(|clash| {
            RecordError::Inconsistent {
                key: keys::node(&node.prefix),
                reason: clash.to_string(),
            }
            .into()
        })
}

/// The refusal for tags that clash on the node they are written to.
pub(crate) fn tag_conflict(message: impl std::fmt::Display) -> Failure {
    Failure::refused(ErrorCode::TagConflict, message.to_string())
}
