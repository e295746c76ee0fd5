//! Reservations: the next address of a pool, one that somebody has chosen, or the next of whichever pool the policy says.
//! Never one address twice: a reservation is a node of the tree, and there is one node at a prefix.

mod pick;
mod place;

use std::collections::BTreeSet;
use std::sync::Arc;

use cadastre_api_types::internal::{MAX_RESERVE, Reserve, ReserveFrom};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::{
    Entity, EntityKey, IpType, IspError, Kept, Pool, PoolState, PoolType, Reservation, Subscriber,
    SubscriberId, SubscriberStatus,
};
use cadastre_domain::{Prefix, Scope};
use serde_json::json;
use uuid::Uuid;

use super::draft::{Draft, invalid};
use super::{policy, pools};
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::OwnerRecord;
pub(super) use pick::candidates;
use pick::{free, length, resting};
use place::{Place, chosen, take};
pub(super) use place::{bare_event, expire_at, second_of};

/// Makes reservations, all or none.
pub(super) async fn all(draft: &mut Draft<'_, '_>, wanted: &[Reserve], force: bool) -> Outcome<()> {
    if wanted.is_empty() || wanted.len() > MAX_RESERVE {
        return Err(value(
            "items",
            format!(
                "{} reservations were asked for; it must be from 1 to {MAX_RESERVE}",
                wanted.len()
            ),
        ));
    }
    // Who has chosen an address gets it, wherever it stands in the list.
    let mut made: Vec<(usize, Kept<Entity>)> = Vec::with_capacity(wanted.len());
    let is_chosen = |wish: &Reserve| matches!(wish.from, ReserveFrom::Chosen { .. });
    for chosen in [true, false] {
        for (at, wish) in wanted
            .iter()
            .enumerate()
            .filter(|(_, wish)| is_chosen(wish) == chosen)
        {
            let kept = one(draft, wish, force)
                .await
                .map_err(|failure| of_item(failure, at, wanted.len()))?;
            made.push((at, kept));
        }
    }
    made.sort_by_key(|(at, _)| *at);
    draft.answer_first(made.into_iter().map(|(_, kept)| kept.value.key()).collect());
    Ok(())
}

/// Says which of several it was.
fn of_item(failure: Failure, at: usize, of: usize) -> Failure {
    match failure {
        Failure::Refused(error) if of > 1 => {
            let mut error = *error;
            error.message = format!("Item {} of {of}: {} Nothing was reserved.", at + 1, error.message);
            let mut details = error.details.take().unwrap_or_else(|| json!({}));
            if let Some(fields) = details.as_object_mut() {
                fields.insert("item".to_owned(), json!(at));
            }
            error.details = Some(details);
            Failure::Refused(Box::new(error))
        }
        failure @ (Failure::Refused(_) | Failure::Store(_) | Failure::Record(_)) => failure,
    }
}

fn value(field: &'static str, message: String) -> Failure {
    invalid(&IspError::new(field, message))
}

/// A subscriber, if this space knows them: holders may also be known to another system only.
pub(super) async fn known(draft: &Draft<'_, '_>, id: &SubscriberId) -> Outcome<Option<Subscriber>> {
    match draft.thing(&EntityKey::Subscriber(id.clone())).await? {
        Some(Kept {
            value: Entity::Subscriber(subscriber),
            ..
        }) => Ok(Some(subscriber)),
        Some(_) | None => Ok(None),
    }
}

/// Makes one reservation.
pub(super) async fn one(draft: &mut Draft<'_, '_>, wish: &Reserve, force: bool) -> Outcome<Kept<Entity>> {
    let subscriber = known(draft, &wish.subscriber_id).await?;
    if subscriber
        .as_ref()
        .is_some_and(|found| found.status == SubscriberStatus::Terminated)
    {
        // Who does not see subscribers is not told what has become of one.
        let why = if sees_subscribers(draft) {
            "is TERMINATED and can hold no addresses. Make a new subscriber, or name another."
        } else {
            "can hold no addresses. Name another."
        };
        return Err(Failure::refused(
            ErrorCode::IllegalState,
            format!("The subscriber {} {why}", wish.subscriber_id),
        ));
    }
    if let Some(expires) = wish.expires_at
        && expires <= draft.decider.time
    {
        return Err(value(
            "expiresAt",
            format!(
                "expiresAt is {expires}, which is past; it is {} now",
                draft.decider.time
            ),
        ));
    }
    match &wish.from {
        ReserveFrom::Chosen { pool_id, prefix } => chosen(draft, wish, *pool_id, *prefix, force).await,
        ReserveFrom::Pool(id) => {
            let pool = pools::find(draft, *id)?;
            draft
                .decider
                .check_scope(&pool.value.network, "take addresses of")?;
            check_usable(&pool.value, force)?;
            next(draft, wish, &[pool]).await
        }
        ReserveFrom::Policy(ip_type) => by_policy(draft, wish, *ip_type, subscriber.as_ref(), None).await,
    }
}

/// Makes one reservation for a subscriber as they will be once the command is done; by policy only from pools of a type.
pub(super) async fn of_type(
    draft: &mut Draft<'_, '_>,
    wish: &Reserve,
    subscriber: Option<&Subscriber>,
    pool_type: Option<PoolType>,
) -> Outcome<Kept<Entity>> {
    match &wish.from {
        ReserveFrom::Policy(ip_type) => by_policy(draft, wish, *ip_type, subscriber, pool_type).await,
        ReserveFrom::Pool(_) | ReserveFrom::Chosen { .. } => one(draft, wish, false).await,
    }
}

async fn by_policy(
    draft: &mut Draft<'_, '_>,
    wish: &Reserve,
    ip_type: IpType,
    subscriber: Option<&Subscriber>,
    pool_type: Option<PoolType>,
) -> Outcome<Kept<Entity>> {
    let plan = subscriber.and_then(|found| found.plan_id);
    let scope = &draft.decider.context.scope;
    let found = match policy::candidates(draft, subscriber, plan, ip_type, pool_type).await {
        // What the policy says of a subscriber is not for who sees neither.
        Err(Failure::Refused(_)) if !sees_subscribers(draft) => Vec::new(),
        found => found?,
    };
    let within: Vec<Arc<Kept<Pool>>> = found
        .into_iter()
        .filter(|pool| scope.covers(&pool.value.network))
        .collect();
    if within.is_empty() {
        return Err(Failure::refused(
            ErrorCode::PoolNotUsable,
            "No pool in your subtree is what the pool policy asks for. Name a pool.",
        ));
    }
    next(draft, wish, &within).await
}

/// Refuses to take from a pool that does not hand out by itself.
fn check_usable(pool: &Pool, force: bool) -> Outcome<()> {
    let why = match pool.state {
        PoolState::Maintenance => "is in MAINTENANCE and hands nothing out: set it to ACTIVE",
        PoolState::Reserved => "is RESERVED and hands out by hand only: choose an address",
        PoolState::Active if !pool.auto_assign_enabled => {
            "does not assign by itself (autoAssignEnabled is false): choose an address"
        }
        PoolState::Active => return Ok(()),
    };
    if force {
        return Ok(());
    }
    Err(unusable(pool, why))
}

fn unusable(pool: &Pool, why: &str) -> Failure {
    Failure::Refused(Box::new(
        ApiError::new(
            ErrorCode::PoolNotUsable,
            format!("The pool {} {why}, or take another pool.", pool.name),
        )
        .with_details(json!({ "poolId": pool.id, "status": pool.state })),
    ))
}

/// Whether the caller may be told of subscribers and their profiles, which are of the whole space (ADR 0020).
pub(super) fn sees_subscribers(draft: &Draft<'_, '_>) -> bool {
    draft.decider.context.scope == Scope::Whole
}

/// Sees that a subscriber does not hold one of the type already. Where that one is learns only who may see it.
async fn check_single(draft: &Draft<'_, '_>, subscriber: &SubscriberId, ip_type: IpType) -> Outcome<()> {
    let Some(owner) = draft.row::<OwnerRecord>(&keys::held(subscriber, ip_type)).await? else {
        return Ok(());
    };
    let held = match owner.id {
        Some(id) => draft.thing(&EntityKey::Reservation(id)).await?,
        None => None,
    };
    let (id, prefix) = match held.map(|kept| kept.value) {
        Some(Entity::Reservation(found)) => (Some(found.id), Some(found.prefix)),
        Some(_) | None => (owner.id, None),
    };
    let scope = &draft.decider.context.scope;
    let is_told = prefix.map_or(*scope == Scope::Whole, |prefix| scope.covers(&prefix));
    if !is_told {
        return Err(Failure::refused(
            ErrorCode::AlreadyAssigned,
            format!(
                "The subscriber {subscriber} can hold no other one of the type {ip_type}: one is all that a subscriber holds. \
                 Use another subscriber, or ask somebody whose role is not narrowed to a subtree."
            ),
        ));
    }
    let what = prefix.map_or_else(|| "one".to_owned(), |prefix| shown(&prefix));
    Err(Failure::Refused(Box::new(
        ApiError::new(
            ErrorCode::AlreadyAssigned,
            format!(
                "The subscriber {subscriber} holds {what} already, and one of the type {ip_type} is all that a subscriber \
                 holds. Release it first, or use another subscriber."
            ),
        )
        .with_details(json!({ "reservationId": id, "ipAddress": what })),
    )))
}

/// A prefix as it is spoken of: a single address without its length.
pub(super) fn shown(prefix: &Prefix) -> String {
    if prefix.is_host() {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    }
}

/// Takes the next of the first pool that has one; or what rests for the subscriber there.
async fn next(draft: &mut Draft<'_, '_>, wish: &Reserve, from: &[Arc<Kept<Pool>>]) -> Outcome<Kept<Entity>> {
    let Some(first) = from.first() else {
        return Err(pools::no_pool());
    };
    let ip_type = first.value.pool_type.ip_type();
    check_single(draft, &wish.subscriber_id, ip_type).await?;
    if let Some((old, pool)) = resting(draft, wish, ip_type, from).await? {
        let prefix = reservation(&old).map(|old| old.prefix);
        if let Some(prefix) = prefix {
            return take(draft, wish, &pool, prefix, Place::Resting(Box::new(old)), false).await;
        }
    }
    let mut passed = BTreeSet::new();
    for pool in from {
        let length = length(&pool.value, wish)?;
        if let Some(prefix) = free(draft, wish, &pool.value, length, &mut passed).await? {
            // The network of a pool of one address is that address.
            let network = if prefix == pool.value.network {
                draft.network(&prefix).await?
            } else {
                None
            };
            let place = network.map_or(Place::Free, |node| Place::Node(Box::new(node)));
            return take(draft, wish, &pool.value, prefix, place, false).await;
        }
    }
    Err(depleted(from, passed.len()))
}

fn depleted(from: &[Arc<Kept<Pool>>], named: usize) -> Failure {
    let names: Vec<&str> = from.iter().map(|pool| pool.value.name.as_str()).take(5).collect();
    let what = match from {
        [one] => format!("The pool {} has nothing left", one.value.name),
        _several => format!(
            "The {} pools that may be taken from have nothing left ({})",
            from.len(),
            names.join(", ")
        ),
    };
    let named = match named {
        0 => String::new(),
        1 => " (one address is free, and the network profile of a subscriber names it)".to_owned(),
        many => format!(" ({many} addresses are free, and network profiles of subscribers name them)"),
    };
    let ids: Vec<Uuid> = from.iter().map(|pool| pool.value.id).take(5).collect();
    Failure::Refused(Box::new(
        ApiError::new(
            ErrorCode::PoolDepleted,
            format!("{what}{named}. Nothing was reserved. Release addresses, wait until released ones have rested, or add a pool."),
        )
        .with_details(json!({ "poolIds": ids })),
    ))
}

fn reservation(kept: &Kept<Entity>) -> Option<&Reservation> {
    kept.value.reservation()
}
