//! Pools: a network of the tree with settings. What a pool keeps back (gateway, exclusions, the anycast address) are nodes
//! beneath it, so that one rule says what is free.

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::isp::{Count, Entity, Kept, Pool, PoolType};
use cadastre_domain::tags::ExplicitTags;
use serde_json::json;
use uuid::Uuid;

use super::super::decide::outside_scope;
use super::counters;
use super::draft::{Draft, invalid};
use super::lifecycle::Resting;
use super::names::names_of_pool;
use super::nodes::NewNode;
use super::{guard, lifecycle, things};
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{Hold, KeptBack, OwnerRecord, PoolCountersRecord};

/// Resting reservations that go with their pool.
const MOST_RESTING: usize = 500;

/// A pool that a command names.
pub(super) fn find(draft: &Draft<'_, '_>, id: Uuid) -> Outcome<std::sync::Arc<Kept<Pool>>> {
    let pool = draft.book().pool(id).ok_or_else(no_pool)?;
    // Of a pool beside their subtree callers know nothing.
    if draft.decider.context.scope.visibility(&pool.value.network) == cadastre_domain::Visibility::Hidden {
        return Err(no_pool());
    }
    Ok(std::sync::Arc::clone(pool))
}

/// The answer for a pool that is not there, or not to be seen.
pub(super) fn no_pool() -> Failure {
    Failure::not_found("pool in this address space")
}

/// Makes a pool.
pub(super) async fn create(
    draft: &mut Draft<'_, '_>,
    pool: &Pool,
    tags: Option<&ExplicitTags>,
) -> Outcome<()> {
    pool.check().map_err(|error| invalid(&error))?;
    draft.decider.check_scope(&pool.network, "make a pool of")?;
    if draft.book().pool(pool.id).is_some() {
        return Err(Failure::refused(
            ErrorCode::Contention,
            "The id of the new pool is taken; send the request again.",
        ));
    }
    let book = draft.book();
    let around = book.pool_around(&pool.network);
    if let Some(other) = around.or_else(|| book.pools_in(&pool.network).next()) {
        return Err(overlap(draft, pool, &other.value));
    }
    draft
        .claim(
            None,
            Some(names_of_pool(&pool.name)),
            &OwnerRecord::thing(pool.id),
            || format!("A pool with the name \"{}\"", pool.name),
        )
        .await?;
    let mut pool = pool.clone();
    let found = draft.node(&pool.network).await?;
    let had_children = !pool.network.is_host() && draft.decider.has_descendants(&pool.network).await?;
    pool.made_node = found.is_none();
    match found {
        None => {
            let new = NewNode {
                id: Uuid::now_v7(),
                prefix: pool.network,
                description: pool.name.clone(),
                tags,
                pool: Some(pool.id),
                hold: None,
            };
            draft.make_node(new).await?;
        }
        Some(node) => {
            let hold = node.hold;
            draft.change_node(node, Some(pool.id), hold, tags).await?;
        }
    }
    let kept = draft.put(None, Entity::Pool(pool.clone()));
    for prefix in pool.kept_back() {
        keep_back(draft, &pool, prefix).await?;
    }
    // Several that are longer than a unit may lie in one.
    let longer = |kept: &Prefix| kept.len() > pool.unit();
    let excluded = if had_children || pool.kept_back().iter().any(longer) {
        guard::excluded_now(draft, &pool).await?
    } else {
        units(&pool, pool.kept_back().iter())
    };
    draft.counts.excluded(pool.id, excluded, Count::ZERO);
    draft.tell("pool.created", told(&kept));
    Ok(())
}

fn units<'p>(pool: &Pool, prefixes: impl Iterator<Item = &'p Prefix>) -> Count {
    prefixes.fold(Count::ZERO, |sum, prefix| sum.plus(pool.units_in(prefix)))
}

fn overlap(draft: &Draft<'_, '_>, pool: &Pool, other: &Pool) -> Failure {
    // Of a pool outside their subtree callers learn nothing but that it is in the way.
    if !draft.decider.context.scope.covers(&other.network) {
        return Failure::refused(
            ErrorCode::PoolOverlap,
            format!(
                "{} overlaps a pool outside your subtree. Choose another network.",
                pool.network
            ),
        );
    }
    Failure::Refused(Box::new(
        ApiError::new(
            ErrorCode::PoolOverlap,
            format!(
                "{} overlaps the pool {} ({}). Pools of an address space do not overlap: choose another network, or \
                 change that pool.",
                pool.network, other.name, other.network
            ),
        )
        .with_details(json!({ "poolId": other.id, "networkCidr": other.network })),
    ))
}

/// What is told of a pool outside.
fn told(kept: &Kept<Entity>) -> serde_json::Value {
    kept.value.pool().map_or(serde_json::Value::Null, |pool| {
        json!({
            "poolId": pool.id,
            "poolName": pool.name,
            "poolType": pool.pool_type,
            "networkCidr": pool.network,
        })
    })
}

/// Sees that there is a node for something that a pool keeps back.
async fn keep_back(draft: &mut Draft<'_, '_>, pool: &Pool, prefix: Prefix) -> Outcome<()> {
    let is_gateway = pool.gateway.map(Prefix::host) == Some(prefix);
    let hold = |made| {
        let kept = KeptBack { pool: pool.id, made };
        if is_gateway {
            Hold::Gateway(kept)
        } else {
            Hold::Exclusion(kept)
        }
    };
    match draft.node(&prefix).await? {
        Some(node) => match node.hold {
            None => {
                if !prefix.is_host() && guard::first_hold(draft, &prefix).await?.is_some() {
                    return Err(held(&prefix));
                }
                draft.change_node(node, None, Some(hold(false)), None).await
            }
            // It was kept back for another reason until now.
            Some(Hold::Gateway(kept) | Hold::Exclusion(kept)) => {
                draft.change_node(node, None, Some(hold(kept.made)), None).await
            }
            Some(Hold::Reservation(_)) => Err(held(&prefix)),
        },
        None => {
            if !prefix.is_host() && guard::first_hold(draft, &prefix).await?.is_some() {
                return Err(held(&prefix));
            }
            // Single addresses have nothing beneath them; delegated prefixes might.
            if pool.delegated_length.is_some()
                && let Some(above) = draft.parent(&prefix).await?
                && matches!(above.hold, Some(Hold::Reservation(_)))
            {
                return Err(held(&above.prefix));
            }
            let description = if is_gateway {
                format!("Gateway of pool {}", pool.name)
            } else if pool.anycast() == Some(prefix) {
                "Subnet-router anycast address (RFC 4291)".to_owned()
            } else {
                format!("Excluded from pool {}", pool.name)
            };
            let new = NewNode {
                id: Uuid::now_v7(),
                prefix,
                description,
                tags: None,
                pool: None,
                hold: Some(hold(true)),
            };
            draft.make_node(new).await.map(drop)
        }
    }
}

fn held(prefix: &Prefix) -> Failure {
    Failure::refused(
        ErrorCode::InUse,
        format!(
            "{prefix} holds a reservation that is active or rests, so nothing of it can be kept back. Release it first."
        ),
    )
}

/// Lets something go that a pool kept back.
async fn let_go(draft: &mut Draft<'_, '_>, prefix: &Prefix) -> Outcome<()> {
    let Some(node) = draft.node(prefix).await? else {
        return Ok(());
    };
    match node.hold {
        Some(Hold::Gateway(kept) | Hold::Exclusion(kept)) if kept.made && node.tags.is_empty() => {
            draft.drop_node(node).await.map(drop)
        }
        Some(Hold::Gateway(_) | Hold::Exclusion(_)) => draft.change_node(node, None, None, None).await,
        Some(Hold::Reservation(_)) | None => Ok(()),
    }
}

/// Replaces a pool's settings.
pub(super) async fn update(
    draft: &mut Draft<'_, '_>,
    pool: &Pool,
    tags: Option<&ExplicitTags>,
) -> Outcome<()> {
    let stored = find(draft, pool.id)?;
    draft.decider.check_scope(&stored.value.network, "change")?;
    draft.check_if_match(stored.revision)?;
    pool.check().map_err(|error| invalid(&error))?;
    let fixed = |field, text: &str| {
        Err(invalid(&cadastre_domain::isp::IspError::new(
            field,
            format!(
                "the {text} of a pool cannot be changed, because what it has handed out depends on it; make another pool"
            ),
        )))
    };
    if pool.network != stored.value.network {
        return fixed("networkCidr", "network");
    }
    let family = |pool_type: PoolType| (pool_type.family(), pool_type.ip_type());
    if family(pool.pool_type) != family(stored.value.pool_type) {
        return fixed("poolType", "kind");
    }
    if pool.delegated_length != stored.value.delegated_length {
        return fixed("delegatedPrefixLength", "delegated length");
    }
    let mut pool = pool.clone();
    pool.made_node = stored.value.made_node;
    if let (Some(tags), Some(node)) = (tags, draft.node(&pool.network).await?) {
        let (kept_pool, hold) = (node.pool, node.hold);
        draft.change_node(node, kept_pool, hold, Some(tags)).await?;
    }
    let before = stored.as_ref().clone().map(Entity::Pool);
    if pool == stored.value {
        draft.show(before);
        return Ok(());
    }
    draft
        .claim(
            Some(names_of_pool(&stored.value.name)),
            Some(names_of_pool(&pool.name)),
            &OwnerRecord::thing(pool.id),
            || format!("A pool with the name \"{}\"", pool.name),
        )
        .await?;
    let (was, is) = (stored.value.kept_back(), pool.kept_back());
    let kept = draft.put(Some(before), Entity::Pool(pool.clone()));
    if was != is || pool.gateway != stored.value.gateway {
        for prefix in was.iter().filter(|prefix| !is.contains(prefix)) {
            let_go(draft, prefix).await?;
        }
        for prefix in &is {
            keep_back(draft, &pool, *prefix).await?;
        }
        let record = draft
            .row::<PoolCountersRecord>(&keys::pool_counters(pool.id))
            .await?
            .unwrap_or_default();
        let now = guard::excluded_now(draft, &pool).await?;
        draft.counts.excluded(pool.id, now, record.excluded);
    }
    draft.counts.touch(pool.id);
    draft.tell("pool.updated", told(&kept));
    Ok(())
}

/// The refusal to remove a pool that holds something; from when on it may be removed, if that can be said.
fn not_empty(
    pool: &Pool,
    record: &PoolCountersRecord,
    message: String,
    from: Option<jiff::Timestamp>,
) -> Failure {
    let counts = counters::counts(pool, record);
    let mut details = json!({
        "reserved": counts.reserved,
        "assigned": counts.assigned,
        "resting": counts.resting,
    });
    if let (Some(from), Some(fields)) = (from, details.as_object_mut()) {
        fields.insert("deletableFrom".to_owned(), json!(from));
    }
    Failure::from(ApiError::new(ErrorCode::InUse, message).with_details(details))
}

/// Removes a pool that holds nothing.
pub(super) async fn delete(draft: &mut Draft<'_, '_>, id: Uuid) -> Outcome<()> {
    let stored = find(draft, id)?;
    let pool = &stored.value;
    draft.decider.check_scope(&pool.network, "delete the pool of")?;
    draft.check_if_match(stored.revision)?;
    let record = draft
        .row::<PoolCountersRecord>(&keys::pool_counters(id))
        .await?
        .unwrap_or_default();
    let active = record.reserved.plus(record.assigned);
    if active > Count::ZERO {
        let message = format!(
            "The pool {} has {active} active reservations. Release them first (or set its status to MAINTENANCE, so \
             that nothing more is handed out).",
            pool.name
        );
        return Err(not_empty(pool, &record, message, None));
    }
    things::check_pool_unnamed(draft, pool).await?;
    let resting = match lifecycle::resting_in(draft, pool, record.resting, MOST_RESTING).await? {
        Resting::All(resting) => resting,
        Resting::TooMany(from) => {
            let message = format!(
                "More than {MOST_RESTING} released addresses of the pool {} still rest, which are too many to be let go in \
                 one step. Set its status to MAINTENANCE, so that nothing more is handed out, and delete it when enough of \
                 them have been reclaimed, which is not before {from}.",
                pool.name
            );
            return Err(not_empty(pool, &record, message, Some(from)));
        }
    };
    lifecycle::reclaim_all(draft, resting).await?;
    for prefix in pool.kept_back() {
        let_go(draft, &prefix).await?;
    }
    if let Some(node) = draft.node(&pool.network).await? {
        if draft.decider.context.scope.is_root(&pool.network) && pool.made_node {
            return Err(outside_scope(&pool.network, "delete the node of"));
        }
        if pool.made_node && node.tags.is_empty() && node.hold.is_none() {
            draft.drop_node(node).await?;
        } else {
            let hold = node.hold;
            draft.change_node(node, None, hold, None).await?;
        }
    }
    draft
        .claim(
            Some(names_of_pool(&pool.name)),
            None,
            &OwnerRecord::thing(id),
            String::new,
        )
        .await?;
    counters::clear_all(draft, &stored).await?;
    let mut range = keys::pool_days(id, 0);
    loop {
        let (days, next) = draft.decider.resolver.rows().scan(&range, 1_000).await?;
        for (key, _) in days {
            draft.erase(key);
        }
        match next {
            Some(next) => range.start = Some(next),
            None => break,
        }
    }
    let before = stored.as_ref().clone().map(Entity::Pool);
    draft.tell("pool.deleted", told(&before));
    draft.remove(before);
    Ok(())
}
