//! What flows down to nodes, remembered together with other processes in the shared cache, for reads only.
//!
//! A context follows from the moment the epoch moved last and from the node itself (see `context.rs` and ADR 0004), so its
//! name says both: the commit that moved the epoch, and the node's whole row. Neither comes again with another meaning, not
//! even in a store that has gone back, so a fill that comes late is one that nobody asks for.
//!
//! What a read has worked out is left for others only when the read is known to have seen one moment.
//!
//! What came from the cache, and what was worked out from it, stays apart from what this process has read itself:
//! decisions never see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use cadastre_domain::Prefix;
use cadastre_domain::tags::Inherited;
use cadastre_storage::{CacheKey, Kind, SharedCache};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::SpaceHandle;
use super::context::{Context, Link, Side};
use crate::records::{HeadRecord, NodeRecord, encode};

/// Times that one read asks the cache, however many nodes it resolves: a cache that is slow must not hold it up.
const MOST_ASKED: u32 = 8;

/// Contexts from the shared cache that are in memory, by their names, bounded.
pub(crate) type BorrowedContexts = Cache<CacheKey, Arc<Context>>;

/// One level of a chain, as it is kept.
#[derive(Serialize, Deserialize)]
struct Level {
    prefix: Prefix,
    id: Uuid,
    /// `None` = what flows down is what came from above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inherited: Option<Inherited>,
}

/// The shared contexts of one space as of one head, for one read.
pub(crate) struct Borrowed<'a> {
    cache: &'a SharedCache,
    memory: &'a BorrowedContexts,
    /// What all names of this moment begin with.
    moment: Vec<u8>,
    asked: AtomicU32,
}

/// What a read has worked out.
pub(super) struct Found {
    key: CacheKey,
    context: Arc<Context>,
    /// From something that came from the shared cache: kept in memory for reads only.
    borrowed: bool,
}

tokio::task_local! {
    /// Of the read that runs now. Beside the read, so that what it calls need not hand it up.
    static FOUND: Mutex<Vec<Found>>;
}

/// Runs a read; the answer, and what it has worked out that others may want.
pub(super) async fn gathering<T>(read: impl Future<Output = T>) -> (T, Vec<Found>) {
    let gathered = async {
        let answer = read.await;
        let found = FOUND.with(|found| std::mem::take(&mut *found.lock()));
        (answer, found)
    };
    FOUND.scope(Mutex::default(), gathered).await
}

impl SpaceHandle {
    /// Leaves for others what a read has worked out that has seen one moment, in one round trip.
    pub(super) fn leave(&self, found: Vec<Found>) {
        let Some(cache) = self.config.cache.as_ref().filter(|_| !found.is_empty()) else {
            return;
        };
        let mut values = Vec::with_capacity(found.len());
        for Found {
            key,
            context,
            borrowed,
        } in found
        {
            values.push((key.clone(), write(&context)));
            if borrowed {
                self.contexts.borrowed.insert(key, context);
            }
        }
        cache.fill(Kind::ResolvedTags, values);
    }
}

impl<'a> Borrowed<'a> {
    /// `None` if the head does not say which commit has moved the epoch.
    pub(crate) fn at(
        cache: &'a SharedCache,
        memory: &'a BorrowedContexts,
        space: Uuid,
        head: &HeadRecord,
    ) -> Option<Self> {
        if head.epoch > 0 && head.epoch_commit.is_nil() {
            return None;
        }
        let mut moment = Vec::with_capacity(56);
        moment.extend_from_slice(space.as_bytes());
        moment.extend_from_slice(head.incarnation.as_bytes());
        moment.extend_from_slice(&head.epoch.to_be_bytes());
        moment.extend_from_slice(head.epoch_commit.as_bytes());
        Some(Self {
            cache,
            memory,
            moment,
            asked: AtomicU32::new(0),
        })
    }

    fn key(&self, node: &NodeRecord, side: Side) -> CacheKey {
        let side: &[u8] = match side {
            Side::Above => b"above",
            Side::Below => b"below",
        };
        self.cache
            .key(Kind::ResolvedTags, &[&self.moment, side, &encode(node)])
    }

    /// The context on a side of a node, if anybody has left it.
    pub(super) async fn get(&self, node: &NodeRecord, side: Side) -> Option<Arc<Context>> {
        let key = self.key(node, side);
        if let Some(known) = self.memory.get(&key) {
            return Some(known);
        }
        if self.asked.fetch_add(1, Ordering::Relaxed) >= MOST_ASKED {
            return None;
        }
        let value = self.cache.read_one(Kind::ResolvedTags, &key).await?;
        let context = Arc::new(read(&value)?);
        let fits = match side {
            Side::Above => context
                .parent()
                .is_none_or(|parent| parent.prefix.strictly_contains(&node.prefix)),
            Side::Below => context
                .parent()
                .is_some_and(|own| own.prefix == node.prefix && own.id == node.ip_id),
        };
        if !fits {
            return None;
        }
        self.memory.insert(key, Arc::clone(&context));
        Some(context)
    }

    /// Leaves a context for when the read is known to have seen one moment.
    pub(super) fn found(&self, node: &NodeRecord, side: Side, context: &Arc<Context>, borrowed: bool) {
        // A read of one row alone has no such end.
        let _ = FOUND.try_with(|found| {
            found.lock().push(Found {
                key: self.key(node, side),
                context: Arc::clone(context),
                borrowed,
            });
        });
    }
}

fn write(context: &Context) -> Bytes {
    let mut levels = Vec::with_capacity(context.chain.len());
    let mut at = Some(context);
    while let Some(context) = at {
        let above = context.above.as_deref();
        if let Some(link) = context.chain.last() {
            let same = above.is_some_and(|above| above.inherited == context.inherited);
            levels.push(Level {
                prefix: link.prefix,
                id: link.id,
                inherited: (!same).then(|| context.inherited.clone()),
            });
        }
        at = above;
    }
    levels.reverse();
    match serde_json::to_vec(&levels) {
        Ok(bytes) => bytes.into(),
        // Plain structs with text keys.
        Err(error) => unreachable!("{error}"),
    }
}

fn read(bytes: &[u8]) -> Option<Context> {
    let levels: Vec<Level> = serde_json::from_slice(bytes).ok()?;
    let mut context = Context::default();
    for level in levels {
        let inherited = level.inherited.unwrap_or_else(|| context.inherited.clone());
        let mut chain = context.chain.clone();
        chain.push(Link {
            prefix: level.prefix,
            id: level.id,
        });
        context = Context {
            chain,
            inherited,
            above: Some(Arc::new(context)),
        };
    }
    Some(context)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cadastre_domain::tags::{ConflictPolicy, Inheritance, TagDefinition, TagName, TagValue, Vocabulary};

    use super::*;

    fn node(prefix: &str, tags: &[(&str, &str)]) -> NodeRecord {
        let time = jiff::Timestamp::UNIX_EPOCH;
        NodeRecord {
            v: 1,
            ip_id: Uuid::new_v4(),
            prefix: prefix.parse().unwrap(),
            tags: tags
                .iter()
                .map(|(tag, value)| (TagName::new(tag).unwrap(), TagValue::new(value).unwrap()))
                .collect(),
            description: String::new(),
            created_on: time,
            modified_on: time,
            revision: 1,
            pool: None,
            hold: None,
        }
    }

    #[test]
    fn a_context_comes_back_with_all_that_is_above_it() {
        let definition = |name: &str| TagDefinition {
            name: TagName::new(name).unwrap(),
            description: String::new(),
            inheritance: Inheritance::Inheritable,
            known_values: Vec::new(),
            attributes: Default::default(),
            implies: Default::default(),
            conflict: ConflictPolicy::Nearest,
        };
        let vocabulary = Vocabulary::new([definition("Site"), definition("Owner")]).unwrap();
        let mut context = Arc::new(Context::default());
        for node in [
            node("10.0.0.0/8", &[("Site", "A")]),
            node("10.0.0.0/9", &[]),
            node("10.0.0.0/16", &[("Owner", "net"), ("Site", "B")]),
        ] {
            let resolved = vocabulary
                .resolve(&context.inherited, node.prefix, &node.tags)
                .unwrap();
            context = Arc::new(context.below(&node, &resolved));
            let again = read(&write(&context)).unwrap();
            let (mut left, mut right) = (Some(&*context), Some(&again));
            while let (Some(a), Some(b)) = (left, right) {
                assert_eq!((&a.chain, &a.inherited), (&b.chain, &b.inherited));
                (left, right) = (a.above.as_deref(), b.above.as_deref());
            }
            assert!(left.is_none() && right.is_none());
        }
        assert!(read(b"rubbish").is_none());
        assert!(read(&write(&Context::default())).unwrap().chain.is_empty());
    }
}
