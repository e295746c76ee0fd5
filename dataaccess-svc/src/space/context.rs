//! What flows down to a node: the chain above it and the inheritable tags resolved there. Kept in memory under
//! (space, incarnation, epoch, prefix, revision of the node), so a stale entry can never be used. The epoch
//! moves when a node with descendants changes; the revision covers a node that lost its descendants, changed
//! or was made anew without moving the epoch, and got descendants again.

use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_domain::Prefix;
use cadastre_domain::tags::{Inherited, Resolved, Vocabulary};
use quick_cache::sync::Cache;
use uuid::Uuid;

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
}

/// Which way from its node a context lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Side {
    /// What flows to the node: nothing of it moves without the epoch, as the node is a descendant of all of it.
    Above,
    /// What flows from the node.
    Below,
}

/// Contexts of all spaces, bounded.
pub(crate) struct ContextCache(Cache<ContextKey, Arc<Context>>);

impl ContextCache {
    /// An empty cache.
    pub(crate) fn new(entries: usize) -> Self {
        Self(Cache::new(entries))
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.0.clear();
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
            top: Arc::default(),
        }
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
        match self.rows.parent(prefix, self.head).await? {
            Some(parent) => self.context_of(parent).await,
            None => Ok(Arc::clone(&self.top)),
        }
    }

    /// What flows down to a stored node.
    pub(crate) async fn context_over(&self, node: &NodeRecord) -> Outcome<Arc<Context>> {
        if let Some(known) = self.remembered(node, Side::Above) {
            return Ok(known);
        }
        let context = self.context_above(&node.prefix).await?;
        self.remember(node, Side::Above, &context);
        Ok(context)
    }

    /// What flows down from a node.
    pub(crate) async fn context_of(&self, node: NodeRecord) -> Outcome<Arc<Context>> {
        // Climb until something is known, then resolve downwards.
        let mut unknown = vec![node];
        let mut context = loop {
            let Some(lowest) = unknown.last() else {
                break Arc::clone(&self.top);
            };
            if let Some(known) = self.remembered(lowest, Side::Below) {
                unknown.pop();
                break known;
            }
            match self.rows.parent(&lowest.prefix, self.head).await? {
                Some(parent) => unknown.push(parent),
                None => break Arc::clone(&self.top),
            }
        };
        while let Some(node) = unknown.pop() {
            let resolved = self.resolve(&node, &context)?;
            context = Arc::new(context.below(&node, &resolved));
            self.remember(&node, Side::Below, &context);
        }
        Ok(context)
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
        }
    }

    fn remembered(&self, node: &NodeRecord, side: Side) -> Option<Arc<Context>> {
        let (cache, space) = self.cache.filter(|_| node.revision <= self.durable_version)?;
        cache.0.get(&self.key(space, node, side))
    }

    fn remember(&self, node: &NodeRecord, side: Side, context: &Arc<Context>) {
        if let Some((cache, space)) = self.cache.filter(|_| node.revision <= self.durable_version) {
            cache.0.insert(self.key(space, node, side), Arc::clone(context));
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
