//! Which of the free ones comes next.

use std::collections::BTreeSet;
use std::sync::Arc;

use cadastre_api_types::internal::Reserve;
use cadastre_domain::Prefix;
use cadastre_domain::free_space::{Edges, Strategy};
use cadastre_domain::isp::{Entity, EntityKey, IpType, Kept, Pool, PoolOrder};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use uuid::Uuid;

use super::super::super::free::Asked;
use super::super::draft::Draft;
use super::super::lifecycle;
use super::{reservation, value};
use crate::errors::Outcome;
use crate::keys;
use crate::records::{OwnerRecord, RecordError};

/// Free ones that are looked at before a pool is given up because network profiles name them.
const MOST_PASSED: usize = 1_024;

/// Length of what is asked of a pool.
pub(super) fn length(pool: &Pool, wish: &Reserve) -> Outcome<u8> {
    let unit = pool.unit();
    let Some(asked) = wish.prefix_length else {
        return Ok(unit);
    };
    if asked == unit {
        return Ok(unit);
    }
    if pool.delegated_length.is_none() {
        return Err(value(
            "prefixLength",
            format!(
                "the pool {} hands out single addresses; only a pool that delegates takes a length",
                pool.name
            ),
        ));
    }
    if asked > pool.network.len() && asked < unit {
        return Ok(asked);
    }
    Err(value(
        "prefixLength",
        format!(
            "the pool {} in {} delegates prefixes from /{} to /{unit}; /{asked} was asked for",
            pool.name,
            pool.network,
            pool.network.len() + 1
        ),
    ))
}

/// What rests for the subscriber in one of these pools.
pub(super) async fn resting(
    draft: &Draft<'_, '_>,
    wish: &Reserve,
    ip_type: IpType,
    from: &[Arc<Kept<Pool>>],
) -> Outcome<Option<(Kept<Entity>, Pool)>> {
    let key = keys::rests_for(&wish.subscriber_id, ip_type);
    let Some(OwnerRecord { id: Some(id), .. }) = draft.row::<OwnerRecord>(&key).await? else {
        return Ok(None);
    };
    let Some(kept) = draft.thing(&EntityKey::Reservation(id)).await? else {
        return Ok(None);
    };
    let Some(old) = reservation(&kept).filter(|old| old.is_resting()) else {
        return Ok(None);
    };
    let pool = from.iter().find(|pool| pool.value.id == old.pool_id);
    let fits = |pool: &Pool| wish.prefix_length.unwrap_or(pool.unit()) == old.prefix.len();
    Ok(pool
        .filter(|pool| fits(&pool.value))
        .map(|pool| (kept.clone(), pool.value.clone())))
}

/// The next free one of a pool that no network profile of another names; those that are named are added to `passed`.
pub(super) async fn free(
    draft: &Draft<'_, '_>,
    wish: &Reserve,
    pool: &Pool,
    length: u8,
    passed: &mut BTreeSet<Prefix>,
) -> Outcome<Option<Prefix>> {
    if pool.network.len() == length {
        let node = draft.network(&pool.network).await?;
        if node.is_none_or(|node| node.hold.is_some()) {
            return Ok(None);
        }
        let named = lifecycle::named_by_other(draft, &pool.network, &wish.subscriber_id).await?;
        if named.is_some() {
            passed.insert(pool.network);
            return Ok(None);
        }
        return Ok(Some(pool.network));
    }
    let mut wanted = 1;
    let mut read_again = false;
    'looking: loop {
        let found = candidates(draft, pool, length, wanted, seed(wish.id)).await?;
        let exhausted = found.len() < wanted;
        for prefix in found {
            if passed.contains(&prefix)
                || draft.has_written(&keys::node(&prefix))
                || overlaps_own(draft, &prefix)
            {
                continue;
            }
            let (named, there) = tokio::try_join!(
                lifecycle::named_by_other(draft, &prefix, &wish.subscriber_id),
                draft.node(&prefix)
            )?;
            if there.is_some() {
                // What is known to be free is wrong. It is forgotten, and the rows say what is.
                let index = draft.decider.free.filter(|_| !read_again);
                let Some(index) = index else {
                    return Err(RecordError::Inconsistent {
                        key: keys::node(&prefix),
                        reason: "it is there, and its place is not taken".to_owned(),
                    }
                    .into());
                };
                tracing::error!(%prefix, "a place that is taken was known to be free; it is read again");
                index.lock().clear();
                read_again = true;
                continue 'looking;
            }
            if named.is_none() {
                return Ok(Some(prefix));
            }
            passed.insert(prefix);
        }
        if exhausted || wanted > MOST_PASSED + draft.effects.created.len() {
            return Ok(None);
        }
        // Those of this command are still free in what is known.
        wanted = (wanted * 4).max(draft.effects.created.len() + 1);
    }
}

/// By lot, but the same lot whenever a command is decided.
pub(super) fn seed(id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    high ^ low.rotate_left(17)
}

pub(super) fn overlaps_own(draft: &Draft<'_, '_>, prefix: &Prefix) -> bool {
    draft
        .effects
        .created
        .iter()
        .any(|own| own.prefix.contains(prefix) || prefix.contains(&own.prefix))
}

/// Up to so many free ones of a pool, in the pool's order.
pub(in super::super) async fn candidates(
    draft: &Draft<'_, '_>,
    pool: &Pool,
    length: u8,
    count: usize,
    seed: u64,
) -> Outcome<Vec<Prefix>> {
    let asked = Asked {
        rows: draft.decider.resolver.rows(),
        head: draft.decider.resolver.head(),
        index: draft.decider.free,
        scope: &draft.decider.context.scope,
    };
    let strategy = match pool.order {
        PoolOrder::Sequential => Strategy::LowestFree,
        PoolOrder::Random => Strategy::Random,
        PoolOrder::Sparse => Strategy::Sparse,
    };
    asked
        .with(&pool.network, |free| {
            let room = free.how_many(length, Edges::PassOver);
            let n = room
                .to_u128()
                .map_or(count, |room| usize::try_from(room).unwrap_or(count).min(count));
            let mut lot = SmallRng::seed_from_u64(seed);
            let mut draw = |bound: u128| lot.random_range(0..bound);
            if n == 0 {
                return Vec::new();
            }
            free.find(strategy, length, n, Edges::PassOver, &mut draw)
                .unwrap_or_default()
        })
        .await
}
