//! Reads of many fields made one: things by their keys, figures of pools, what subscribers hold.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{CallContext, IspGet, PoolFigures};
use cadastre_domain::isp::{Entity, EntityKey, EntityKind, Kept, Reservation, SubscriberId};
use cadastre_domain::roles::Permission;
use cadastre_domain::roles::Permission::{IspIpamRead, IspNetworkRead, IspOssRead, IspSubscribersRead};
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::isp::pools::WithDays;
use crate::isp::{IspCaller, pools, subscribers};

/// Most keys of one read.
const BATCH: usize = 1_000;

/// Turns of other tasks without a further question, after which a read begins.
const QUIET_TURNS: usize = 8;
/// Turns after which it begins in any case.
const MOST_TURNS: usize = 10_000;

/// How many questions were asked in an address space.
#[derive(Clone, Default)]
pub(super) struct Questions(Arc<AtomicUsize>);

impl Questions {
    /// One more.
    pub(super) fn ask(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until the request has nothing left to do but to wait: while it resolves many fields it gives way to other
    /// tasks again and again, and a read that began then would be one of many.
    async fn are_over(&self) {
        let (mut known, mut quiet) = (self.0.load(Ordering::Relaxed), 0);
        for _ in 0..MOST_TURNS {
            tokio::task::yield_now().await;
            let asked = self.0.load(Ordering::Relaxed);
            quiet = if asked == known { quiet + 1 } else { 0 };
            known = asked;
            if quiet == QUIET_TURNS {
                return;
            }
        }
    }
}

/// A loader that waits until all fields that can run have asked, and remembers what it has read.
pub(super) fn batched<T: Send + Sync + 'static>(
    loader: T,
    questions: &Questions,
) -> DataLoader<T, HashMapCache> {
    let questions = questions.clone();
    // No time has to pass: the read is a task of its own.
    let spawn = move |read: BoxFuture<'static, ()>| {
        let questions = questions.clone();
        tokio::spawn(async move {
            questions.are_over().await;
            read.await;
        })
    };
    DataLoader::with_cache(loader, spawn, HashMapCache::default())
        .delay(Duration::ZERO)
        .max_batch_size(BATCH)
}

/// The permission to see things of a kind.
pub(super) fn needed(kind: EntityKind) -> Permission {
    match kind {
        EntityKind::Pool | EntityKind::Reservation | EntityKind::Alert => IspIpamRead,
        EntityKind::Subscriber | EntityKind::Profile => IspSubscribersRead,
        EntityKind::VlanPool | EntityKind::VlanBinding => IspNetworkRead,
        EntityKind::Plan
        | EntityKind::Policy
        | EntityKind::Template
        | EntityKind::Webhook
        | EntityKind::Outbox => IspOssRead,
    }
}

/// Things of one address space.
pub(super) struct Things(pub(super) IspCaller);

impl Loader<EntityKey> for Things {
    type Value = Arc<Kept<Entity>>;
    type Error = ApiError;

    async fn load(&self, keys: &[EntityKey]) -> Result<HashMap<EntityKey, Self::Value>, ApiError> {
        let Self(caller) = self;
        // Kinds of things need different permissions, which nearly always reach equally far: one read.
        let mut reads: Vec<(CallContext, Vec<EntityKey>)> = Vec::new();
        for key in keys {
            let context = caller.may(needed(key.kind()))?;
            match reads.iter_mut().find(|(known, _)| known.scope == context.scope) {
                Some((_, keys)) => keys.push(key.clone()),
                None => reads.push((context, vec![key.clone()])),
            }
        }
        let mut found = HashMap::with_capacity(keys.len());
        for (context, keys) in reads {
            let question = IspGet {
                space: caller.space,
                keys: keys.clone(),
            };
            let things = caller.state.access.isp_get(&context, question).await?;
            let there = keys.into_iter().zip(things);
            found.extend(there.filter_map(|(key, thing)| thing.map(|thing| (key, Arc::new(thing)))));
        }
        Ok(found)
    }
}

/// Figures of pools of one address space, with or without their days.
pub(super) struct Figures(pub(super) IspCaller);

impl Loader<(Uuid, WithDays)> for Figures {
    type Value = Arc<PoolFigures>;
    type Error = ApiError;

    async fn load(
        &self,
        keys: &[(Uuid, WithDays)],
    ) -> Result<HashMap<(Uuid, WithDays), Self::Value>, ApiError> {
        let asked: HashSet<&(Uuid, WithDays)> = keys.iter().collect();
        let with_days = |pool: Uuid| asked.contains(&(pool, WithDays::Yes));
        let mut found = HashMap::with_capacity(keys.len());
        for days in [WithDays::Yes, WithDays::No] {
            // Who asks for the days is told the rest as well: one read for both.
            let pools: Vec<Uuid> = keys
                .iter()
                .filter(|(pool, wanted)| *wanted == days && (days == WithDays::Yes || !with_days(*pool)))
                .map(|(pool, _)| *pool)
                .collect();
            if pools.is_empty() {
                continue;
            }
            for figures in pools::figures(&self.0, IspIpamRead, days.figures_of(pools)).await? {
                let (pool, figures) = (figures.pool_id, Arc::new(figures));
                found.insert((pool, WithDays::No), Arc::clone(&figures));
                if days == WithDays::Yes {
                    found.insert((pool, WithDays::Yes), figures);
                }
            }
        }
        Ok(found)
    }
}

/// What subscribers of one address space hold now.
pub(super) struct Holdings(pub(super) IspCaller);

impl Loader<SubscriberId> for Holdings {
    type Value = Arc<Vec<Kept<Reservation>>>;
    type Error = ApiError;

    async fn load(
        &self,
        subscribers: &[SubscriberId],
    ) -> Result<HashMap<SubscriberId, Self::Value>, ApiError> {
        let held = subscribers::holdings(&self.0, IspIpamRead, subscribers.to_vec()).await?;
        Ok(held
            .into_iter()
            .map(|(subscriber, held)| (subscriber, Arc::new(held)))
            .collect())
    }
}
