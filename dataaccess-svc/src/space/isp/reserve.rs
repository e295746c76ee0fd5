//! Reservations: the next address of a pool, one that somebody has chosen, or the next of whichever pool the policy says.
//! Never one address twice: a reservation is a node of the tree, and there is one node at a prefix.

use std::sync::Arc;

use cadastre_api_types::internal::{MAX_RESERVE, Reserve, ReserveFrom};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::free_space::{Edges, Strategy};
use cadastre_domain::isp::{
    Count, Entity, EntityKey, IpType, IspError, Kept, Pool, PoolOrder, PoolState, PoolType, Reservation,
    ReservationEvent, ReservationStatus, Subscriber, SubscriberId, SubscriberStatus,
};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use uuid::Uuid;

use super::super::free::Asked;
use super::counters::Stands;
use super::draft::{Draft, invalid, sentence};
use super::due::{Agenda, Due};
use super::nodes::NewNode;
use super::{lifecycle, policy, pools};
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{Hold, NodeRecord, OwnerRecord};

/// Free ones that are looked at before a pool is given up because network profiles name them.
const MOST_PASSED: usize = 64;

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
        return Err(Failure::refused(
            ErrorCode::IllegalState,
            format!(
                "The subscriber {} is TERMINATED and can hold no addresses. Make a new subscriber, or name another.",
                wish.subscriber_id
            ),
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
    let found = policy::candidates(draft, subscriber, plan, ip_type, pool_type).await?;
    let scope = &draft.decider.context.scope;
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
        PoolState::Maintenance => "is in MAINTENANCE and hands nothing out",
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

/// Sees that a subscriber does not hold one of the type already.
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

/// Length of what is asked of a pool.
fn length(pool: &Pool, wish: &Reserve) -> Outcome<u8> {
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
    for pool in from {
        let length = length(&pool.value, wish)?;
        if let Some(prefix) = free(draft, wish, &pool.value, length).await? {
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
    Err(depleted(from))
}

fn depleted(from: &[Arc<Kept<Pool>>]) -> Failure {
    let names: Vec<&str> = from.iter().map(|pool| pool.value.name.as_str()).take(5).collect();
    let what = match from {
        [one] => format!("The pool {} has nothing left", one.value.name),
        _several => format!(
            "The {} pools that may be taken from have nothing left ({})",
            from.len(),
            names.join(", ")
        ),
    };
    let ids: Vec<Uuid> = from.iter().map(|pool| pool.value.id).take(5).collect();
    Failure::Refused(Box::new(
        ApiError::new(
            ErrorCode::PoolDepleted,
            format!("{what}. Nothing was reserved. Release addresses, wait until released ones have rested, or add a pool."),
        )
        .with_details(json!({ "poolIds": ids })),
    ))
}

fn reservation(kept: &Kept<Entity>) -> Option<&Reservation> {
    kept.value.reservation()
}

/// What rests for the subscriber in one of these pools.
async fn resting(
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

/// The next free one of a pool that no network profile of another names.
async fn free(draft: &Draft<'_, '_>, wish: &Reserve, pool: &Pool, length: u8) -> Outcome<Option<Prefix>> {
    if pool.network.len() == length {
        let node = draft.network(&pool.network).await?;
        let is_free = node.is_some_and(|node| node.hold.is_none());
        return Ok(is_free.then_some(pool.network));
    }
    let mut wanted = 1;
    loop {
        let found = candidates(draft, pool, length, wanted, seed(wish.id)).await?;
        let exhausted = found.len() < wanted;
        for prefix in found {
            if draft.has_written(&keys::node(&prefix)) || overlaps_own(draft, &prefix) {
                continue;
            }
            if lifecycle::named_by_other(draft, &prefix, &wish.subscriber_id)
                .await?
                .is_none()
            {
                return Ok(Some(prefix));
            }
        }
        if exhausted || wanted > MOST_PASSED + draft.effects.created.len() {
            return Ok(None);
        }
        // Those of this command are still free in what is known.
        wanted = (wanted * 4).max(draft.effects.created.len() + 1);
    }
}

/// By lot, but the same lot whenever a command is decided.
fn seed(id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    high ^ low.rotate_left(17)
}

fn overlaps_own(draft: &Draft<'_, '_>, prefix: &Prefix) -> bool {
    draft
        .effects
        .created
        .iter()
        .any(|own| own.prefix.contains(prefix) || prefix.contains(&own.prefix))
}

/// Up to so many free ones of a pool, in the pool's order.
pub(super) async fn candidates(
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

/// Takes one that somebody has chosen.
async fn chosen(
    draft: &mut Draft<'_, '_>,
    wish: &Reserve,
    pool_id: Option<Uuid>,
    prefix: Prefix,
    force: bool,
) -> Outcome<Kept<Entity>> {
    let pool = match pool_id {
        Some(id) => pools::find(draft, id)?,
        None => match draft.book().pool_around(&prefix) {
            Some(pool) if draft.decider.context.scope.covers(&prefix) => Arc::clone(pool),
            Some(_) | None => {
                return Err(value(
                    "ipAddress",
                    format!(
                        "{} lies in no pool of this address space; make a pool around it first",
                        shown(&prefix)
                    ),
                ));
            }
        },
    };
    let pool = &pool.value;
    draft.decider.check_scope(&prefix, "reserve")?;
    pool.check_unit(&prefix)
        .map_err(|error| value("ipAddress", error.to_string()))?;
    if let Some(asked) = wish.prefix_length
        && asked != prefix.len()
    {
        return Err(value(
            "prefixLength",
            format!(
                "{prefix} is a /{}, and prefixLength is {asked}; leave it out",
                prefix.len()
            ),
        ));
    }
    check_single(draft, &wish.subscriber_id, pool.pool_type.ip_type()).await?;
    if !force && !pool.allow_manual_reservation {
        return Err(unusable(
            pool,
            "allows no choice of addresses (allowManualReservation is false): leave the address out",
        ));
    }
    if !force && pool.state == PoolState::Maintenance {
        return Err(unusable(
            pool,
            "is in MAINTENANCE and hands nothing out: set it to ACTIVE",
        ));
    }
    let place = place_of(draft, wish, pool, &prefix, force).await?;
    take(draft, wish, pool, prefix, place, force).await
}

/// What stands at a place that is taken.
enum Place {
    /// Nothing.
    Free,
    /// A node that was made for something else.
    Node(Box<NodeRecord>),
    /// A reservation that rests.
    Resting(Box<Kept<Entity>>),
}

/// Looks what stands at a chosen place, and refuses what cannot be taken.
async fn place_of(
    draft: &Draft<'_, '_>,
    wish: &Reserve,
    pool: &Pool,
    prefix: &Prefix,
    force: bool,
) -> Outcome<Place> {
    let node = draft.node(prefix).await?;
    let place = match node {
        None => {
            if !prefix.is_host() && draft.decider.has_descendants(prefix).await?
                || overlaps_own(draft, prefix)
            {
                return Err(conflict(prefix, "other nodes lie in it", false, &json!({})));
            }
            let above = draft.context_above(prefix).await?;
            if let Some(parent) = above.parent().filter(|parent| parent.prefix != pool.network) {
                let parent_node = draft.node(&parent.prefix).await?;
                if parent_node.is_some_and(|node| node.hold.is_some()) {
                    let what = format!("it lies in {}, which is held or kept back", parent.prefix);
                    return Err(conflict(prefix, &what, false, &json!({ "ipId": parent.id })));
                }
                if !force {
                    let what = format!("it lies in {}, which is used otherwise", parent.prefix);
                    return Err(conflict(prefix, &what, true, &json!({ "ipId": parent.id })));
                }
            }
            Place::Free
        }
        Some(node) => match node.hold {
            Some(Hold::Reservation(id)) => {
                let held = draft.thing(&EntityKey::Reservation(id)).await?;
                return match held {
                    Some(kept) => at_reservation(wish, prefix, kept, force),
                    None => Err(conflict(
                        prefix,
                        "it is held",
                        false,
                        &json!({ "reservationId": id }),
                    )),
                };
            }
            Some(Hold::Gateway(_)) => {
                return Err(conflict(
                    prefix,
                    "it is the gateway of its pool",
                    false,
                    &json!({}),
                ));
            }
            Some(Hold::Exclusion(_)) => {
                return Err(conflict(
                    prefix,
                    "its pool excludes it (change the pool's exclusions)",
                    false,
                    &json!({}),
                ));
            }
            None if node.pool.is_some() => Place::Node(Box::new(node)),
            None => {
                if !prefix.is_host() && draft.decider.has_descendants(prefix).await? {
                    return Err(conflict(
                        prefix,
                        "other nodes lie in it",
                        false,
                        &json!({ "ipId": node.ip_id }),
                    ));
                }
                if !force {
                    let details = json!({ "ipId": node.ip_id, "description": node.description });
                    return Err(conflict(
                        prefix,
                        "it is a node that is used otherwise",
                        true,
                        &details,
                    ));
                }
                Place::Node(Box::new(node))
            }
        },
    };
    if !force && let Some(other) = lifecycle::named_by_other(draft, prefix, &wish.subscriber_id).await? {
        let what = format!("the network profile of {other} names it");
        return Err(conflict(prefix, &what, true, &json!({ "subscriberId": other })));
    }
    Ok(place)
}

fn at_reservation(wish: &Reserve, prefix: &Prefix, kept: Kept<Entity>, force: bool) -> Outcome<Place> {
    let Some(held) = reservation(&kept) else {
        return Err(conflict(prefix, "it is held", false, &json!({})));
    };
    let own = held.subscriber_id == wish.subscriber_id;
    if held.is_resting() && (own || force) {
        return Ok(Place::Resting(Box::new(kept)));
    }
    let details =
        json!({ "reservationId": held.id, "subscriberId": held.subscriber_id, "status": held.status });
    if held.is_resting() {
        let until = held
            .rests_until
            .map(|until| format!(" until {until}"))
            .unwrap_or_default();
        let what = format!("{} released it, and it rests{until}", held.subscriber_id);
        return Err(conflict(prefix, &what, true, &details));
    }
    let what = format!("{} holds it ({})", held.subscriber_id, held.status);
    Err(conflict(prefix, &what, false, &details))
}

/// The refusal of a place that is taken. Details say whether it may be taken in spite of that.
fn conflict(prefix: &Prefix, what: &str, can_force: bool, details: &serde_json::Value) -> Failure {
    let advice = if can_force {
        "Choose another address, or force it if you are sure (which needs the permission isp.ipam.force)."
    } else {
        "Choose another address, or leave it out and the pool finds one."
    };
    let mut details = details.clone();
    if let Some(fields) = details.as_object_mut() {
        fields.insert("canForce".to_owned(), json!(can_force));
    }
    let message = sentence(&format!("{} cannot be reserved: {what}", shown(prefix)));
    Failure::Refused(Box::new(
        ApiError::new(ErrorCode::AddressConflict, format!("{message} {advice}")).with_details(details),
    ))
}

/// Takes a place for a subscriber.
async fn take(
    draft: &mut Draft<'_, '_>,
    wish: &Reserve,
    pool: &Pool,
    prefix: Prefix,
    place: Place,
    force: bool,
) -> Outcome<Kept<Entity>> {
    let time = draft.decider.time;
    let ip_type = pool.pool_type.ip_type();
    let units = pool.units_of(prefix.len());
    let hold = Some(Hold::Reservation(wish.id));
    let (mut kept_node, mut from, mut own_id_row) = (false, None, true);
    match place {
        Place::Free => {
            let new = NewNode {
                id: wish.id,
                prefix,
                description: wish.subscriber_id.to_string(),
                tags: None,
                pool: None,
                hold,
            };
            let network = draft.network(&pool.network).await?;
            match network {
                // What was found free lies directly beneath the network.
                Some(network) if !force => drop(draft.make_leaf(new, network).await?),
                Some(_) | None => {
                    let above = draft.context_above(&prefix).await?;
                    if above.parent().is_some_and(|parent| parent.prefix != pool.network) {
                        draft.counts.excluded(pool.id, Count::ZERO, units);
                    }
                    drop(draft.make_node(new).await?);
                }
            }
            own_id_row = false;
        }
        Place::Node(node) => {
            kept_node = true;
            // What is used otherwise was excluded; the network of a pool of one address never was.
            if node.pool.is_none() {
                draft.counts.excluded(pool.id, Count::ZERO, units);
            }
            let pool_of = node.pool;
            draft.change_node(*node, pool_of, hold, None).await?;
        }
        Place::Resting(old) => {
            from = Some(Stands::Resting);
            kept_node = lifecycle::hand_over(draft, *old, &wish.subscriber_id).await?;
            if let Some(node) = draft.node(&prefix).await? {
                let pool_of = node.pool;
                draft.change_node(node, pool_of, hold, None).await?;
            }
        }
    }
    if own_id_row {
        let row = format!("{{\"V\":1,\"Prefix\":\"{prefix}\"}}");
        draft.write_bytes(keys::id(wish.id), Some(bytes::Bytes::from(row)));
    }
    let status = if wish.assign {
        ReservationStatus::Assigned
    } else {
        ReservationStatus::Reserved
    };
    let mut made = Reservation {
        id: wish.id,
        pool_id: pool.id,
        subscriber_id: wish.subscriber_id.clone(),
        prefix,
        ip_type,
        status,
        reserved_at: time,
        assigned_at: wish.assign.then_some(time),
        released_at: None,
        expires_at: wish.expires_at,
        rests_until: None,
        reclaimed_at: None,
        assigned_by: draft.decider.context.actor.clone(),
        assignment_reason: wish.reason.clone(),
        notes: wish.notes.clone(),
        forced: force,
        kept_node,
        netbox_ip_id: None,
        netbox_synced: false,
        events: Vec::new(),
    };
    made.check().map_err(|error| invalid(&error))?;
    let word = if force {
        format!("{status} (FORCED)")
    } else {
        status.to_string()
    };
    let event = lifecycle::event(draft, &word, wish.reason.clone(), &wish.subscriber_id).await?;
    made.record(event);
    let owner = OwnerRecord::thing(wish.id);
    draft.write(keys::held(&wish.subscriber_id, ip_type), &owner);
    draft.mark(keys::had(&wish.subscriber_id, wish.id));
    if let Some(expires) = wish.expires_at {
        expire_at(draft, expires, wish.id);
    }
    draft
        .counts
        .moved(pool.id, units, from, Stands::of(status, false));
    let told = if wish.assign {
        "reservation.assigned"
    } else {
        "reservation.created"
    };
    draft.tell(told, lifecycle::told(&made));
    Ok(draft.put_at(
        keys::reservation(&prefix, wish.id),
        None,
        Entity::Reservation(made),
    ))
}

/// Has a reservation expire.
pub(super) fn expire_at(draft: &mut Draft<'_, '_>, expires: jiff::Timestamp, id: Uuid) {
    let second = second_of(expires);
    draft.mark(keys::due(second, keys::DueKind::Expiry, id));
    draft.effects.due.push(Due {
        agenda: Agenda::Timers,
        second,
    });
}

/// The second in which a moment has passed.
pub(super) fn second_of(time: jiff::Timestamp) -> i64 {
    time.as_second() + i64::from(time.subsec_nanosecond() > 0)
}

/// What an event is made from.
pub(super) fn bare_event(draft: &Draft<'_, '_>, word: &str, reason: Option<String>) -> ReservationEvent {
    ReservationEvent {
        at: draft.decider.time,
        event: word.to_owned(),
        by: draft.decider.context.actor.clone(),
        reason,
        vlan: None,
        correlation_id: draft.decider.context.correlation_id.clone(),
    }
}
