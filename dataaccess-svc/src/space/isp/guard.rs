//! What the rest of the tree may do to pools and reservations, and what pools count when nodes come and go in them.
//!
//! A pool's network, what it keeps back, and reservations are not removed or moved by commands about nodes; reservations lie
//! directly beneath their pool's network and have nothing beneath them. Every other node in a pool is excluded from being
//! handed out.

use std::collections::BTreeMap;
use std::sync::Arc;

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::free_space::Edges;
use cadastre_domain::isp::{Count, Kept, Pool};
use serde_json::json;
use uuid::Uuid;

use super::super::decide::{Decider, Decision, Effects};
use super::super::occupancy;
use super::super::step::count;
use super::draft::{Draft, First};
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{Hold, JournalImage, NodeRecord, PoolCountersRecord, RecordError, decode};

/// Nodes that are looked at for a reservation beneath a new node in a pool.
const MOST_LOOKED_AT: usize = 20_000;

/// What nodes that come and go change in a pool.
struct Touched {
    pool: Arc<Kept<Pool>>,
    /// Each of them counts by its size; otherwise all of them are counted anew, together.
    simple: bool,
    more: Count,
    less: Count,
}

impl Touched {
    fn new(pool: &Arc<Kept<Pool>>) -> Self {
        Self {
            pool: Arc::clone(pool),
            simple: true,
            more: Count::ZERO,
            less: Count::ZERO,
        }
    }
}

/// Checks a command about nodes against the pools, and has the pools count what it changes.
pub(crate) async fn account(decider: &Decider<'_>, effects: Effects) -> Outcome<Effects> {
    let mut draft = Draft::new(decider, None);
    draft.effects = effects;
    check_kept(&draft)?;
    let nodes: Vec<(Prefix, Option<Prefix>, bool)> = draft
        .effects
        .created
        .iter()
        .map(|placed| (placed.prefix, placed.parent, true))
        .chain(
            draft
                .effects
                .removed
                .iter()
                .map(|placed| (placed.prefix, placed.parent, false)),
        )
        .collect();
    let moved = draft.effects.moves_epoch;
    let mut touched: BTreeMap<Uuid, Touched> = BTreeMap::new();
    for (prefix, parent, made) in nodes {
        let Some(kept) = draft.book().pool_around(&prefix).cloned() else {
            continue;
        };
        let pool = &kept.value;
        if pool.network == prefix {
            continue;
        }
        if made {
            check_above(decider, &prefix, parent).await?;
            if moved && let Some(hold) = first_hold(&draft, &prefix).await? {
                return Err(in_the_way(&prefix, &hold));
            }
        }
        let of_pool = touched.entry(pool.id).or_insert_with(|| Touched::new(&kept));
        of_pool.simple &= !moved && prefix.len() <= pool.unit();
        if parent == Some(pool.network) {
            let units = pool.units_in(&prefix);
            let sum = if made {
                &mut of_pool.more
            } else {
                &mut of_pool.less
            };
            *sum = sum.plus(units);
        }
    }
    for (id, of_pool) in touched {
        let (more, less) = if of_pool.simple {
            (of_pool.more, of_pool.less)
        } else {
            let now = excluded_now(&draft, &of_pool.pool.value).await?;
            (now, stored_excluded(&draft, id).await?)
        };
        draft.counts.excluded(id, more, less);
    }
    match draft.finish(First::Nodes).await? {
        Decision::Change(effects) => Ok(*effects),
        Decision::Unchanged(_) | Decision::Same(_) | Decision::VerifyFirst | Decision::Blocked(_) => {
            // A command that writes nothing has no effects to be accounted for.
            Ok(Effects::default())
        }
    }
}

async fn stored_excluded(draft: &Draft<'_, '_>, pool: Uuid) -> Outcome<Count> {
    let record = draft
        .row::<PoolCountersRecord>(&keys::pool_counters(pool))
        .await?;
    Ok(record.unwrap_or_default().excluded)
}

/// Nodes that pools need are neither removed nor moved.
fn check_kept(draft: &Draft<'_, '_>) -> Outcome<()> {
    for image in &draft.effects.journal {
        let JournalImage::Node {
            before: Some(before),
            after,
        } = image
        else {
            continue;
        };
        if before.pool.is_none() && before.hold.is_none() {
            continue;
        }
        let stays = after.as_ref().is_some_and(|after| after.prefix == before.prefix);
        if !stays {
            return Err(in_use(draft, before));
        }
    }
    Ok(())
}

fn in_use(draft: &Draft<'_, '_>, node: &NodeRecord) -> Failure {
    let name = |id: Uuid| {
        let pool = draft.book().pool(id);
        pool.map_or_else(|| id.to_string(), |pool| pool.value.name.clone())
    };
    let prefix = &node.prefix;
    let (message, details) = match (node.pool, node.hold) {
        (Some(pool), _) => (
            format!(
                "{prefix} is the network of the pool {}, so it is not deleted, merged or resized. Delete the pool first.",
                name(pool)
            ),
            json!({ "poolId": pool }),
        ),
        (None, Some(Hold::Reservation(id))) => (
            format!(
                "{prefix} carries a reservation that is active or rests, so it is not deleted, merged or resized. Release \
                 the reservation instead."
            ),
            json!({ "reservationId": id }),
        ),
        (None, Some(Hold::Gateway(kept) | Hold::Exclusion(kept))) => (
            format!(
                "{prefix} is kept back by the pool {}, so it is not deleted, merged or resized. Change the pool's gateway or \
                 exclusions instead.",
                name(kept.pool)
            ),
            json!({ "poolId": kept.pool }),
        ),
        (None, None) => (format!("{prefix} is in use."), json!({})),
    };
    Failure::Refused(Box::new(
        ApiError::new(ErrorCode::InUse, message).with_details(details),
    ))
}

/// Nothing is made beneath a reservation or something that a pool keeps back.
async fn check_above(decider: &Decider<'_>, prefix: &Prefix, parent: Option<Prefix>) -> Outcome<()> {
    let Some(parent) = parent else { return Ok(()) };
    let rows = decider.resolver.rows();
    let Some(node) = rows.record::<NodeRecord>(&keys::node(&parent)).await? else {
        return Ok(());
    };
    match node.hold {
        None => Ok(()),
        Some(hold) => Err(Failure::refused(
            ErrorCode::InUse,
            format!(
                "{prefix} lies in {parent}, which {}. Nothing can be made in it.",
                holds_what(&hold)
            ),
        )),
    }
}

fn holds_what(hold: &Hold) -> &'static str {
    match hold {
        Hold::Reservation(_) => "carries a reservation",
        Hold::Gateway(_) => "is the gateway of a pool",
        Hold::Exclusion(_) => "is excluded from a pool",
    }
}

fn in_the_way(prefix: &Prefix, held: &NodeRecord) -> Failure {
    let what = held.hold.as_ref().map_or("is in use", holds_what);
    Failure::refused(
        ErrorCode::InUse,
        format!(
            "{} lies in {prefix} and {what}; reservations and what a pool keeps back lie directly beneath the pool's \
             network, so no node can be put between them.",
            held.prefix
        ),
    )
}

/// The first node strictly beneath a prefix that carries something of a pool.
pub(super) async fn first_hold(draft: &Draft<'_, '_>, prefix: &Prefix) -> Outcome<Option<NodeRecord>> {
    let mut range = keys::node_range(Some(prefix), Some(&prefix.last_descendant()));
    let mut looked_at = 0;
    loop {
        let (page, next) = draft.decider.resolver.rows().scan(&range, 512).await?;
        for (key, bytes) in &page {
            let node: NodeRecord = match draft.written().get(key) {
                Some(Some(own)) => decode(key, own)?,
                Some(None) => continue,
                None => decode(key, bytes)?,
            };
            if node.hold.is_some() {
                return Ok(Some(node));
            }
        }
        looked_at += page.len();
        if looked_at > MOST_LOOKED_AT {
            return Err(Failure::refused(
                ErrorCode::CommandTooLarge,
                format!(
                    "So many nodes lie in {prefix} that it cannot be seen in one step whether some of them belong to a pool. \
                     Choose a smaller prefix."
                ),
            ));
        }
        match next {
            Some(next) => range.start = Some(next),
            None => return Ok(None),
        }
    }
}

/// What of a pool is excluded, counted from what is taken in its network: all but what is free and what is held.
pub(super) async fn excluded_now(draft: &Draft<'_, '_>, pool: &Pool) -> Outcome<Count> {
    if pool.network.len() == pool.unit() {
        return Ok(Count::ZERO);
    }
    let rows = draft.decider.resolver.rows();
    let (created, removed) = (&draft.effects.created, &draft.effects.removed);
    let taken = occupancy::changes(
        rows,
        created.iter().map(|placed| &placed.prefix),
        removed.iter().map(|placed| &placed.prefix),
    )
    .await?;
    let mut overlay = rows.overlay().cloned().unwrap_or_default();
    overlay.extend(draft.written().clone());
    overlay.extend(draft.effects.writes.iter().cloned());
    overlay.extend(taken);
    let mut head = draft.decider.resolver.head().clone();
    count(
        &mut head,
        created.iter().map(|placed| &placed.prefix),
        removed.iter().map(|placed| &placed.prefix),
    );
    let free = occupancy::load(rows.over(&overlay), &head, &pool.network).await?;
    let free = Count(
        free.how_many(pool.unit(), Edges::PassOver)
            .to_u128()
            .unwrap_or(u128::MAX),
    );
    let record = draft
        .row::<PoolCountersRecord>(&keys::pool_counters(pool.id))
        .await?
        .unwrap_or_default();
    let held = record.reserved.plus(record.assigned).plus(record.resting);
    let used = free.plus(held);
    if used > pool.total() {
        return Err(RecordError::Inconsistent {
            key: keys::pool_counters(pool.id),
            reason: format!("{held} held and {free} free are more than there are"),
        }
        .into());
    }
    Ok(pool.total().minus(used))
}
