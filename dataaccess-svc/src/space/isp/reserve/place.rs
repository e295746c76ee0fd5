//! A place that is taken: what stands there, and what becomes of it.

use std::sync::Arc;

use cadastre_api_types::internal::Reserve;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::isp::{
    Count, Entity, EntityKey, Kept, Pool, PoolState, Reservation, ReservationEvent, ReservationStatus,
};
use serde_json::json;
use uuid::Uuid;

use super::super::counters::Stands;
use super::super::draft::{Draft, invalid, sentence};
use super::super::due::{Agenda, Due};
use super::super::nodes::NewNode;
use super::super::{alike, lifecycle, pools};
use super::pick::overlaps_own;
use super::{check_single, reservation, sees_subscribers, shown, unusable, value};
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{Hold, NodeRecord, OwnerRecord};

/// Takes one that somebody has chosen.
pub(super) async fn chosen(
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
    // Of a pool around their subtree callers see the network, and not the name.
    let is_seen = draft.decider.context.scope.covers(&pool.network);
    let refused = |why: &str| {
        if is_seen {
            return unusable(pool, why);
        }
        let message = format!("The pool around {} {why}.", shown(&prefix));
        Failure::refused(ErrorCode::PoolNotUsable, message)
    };
    if !force && !pool.allow_manual_reservation {
        return Err(refused(
            "allows no choice of addresses (allowManualReservation is false): leave the address out",
        ));
    }
    if !force && pool.state == PoolState::Maintenance {
        return Err(refused(
            "is in MAINTENANCE and hands nothing out: set it to ACTIVE",
        ));
    }
    let place = place_of(draft, wish, pool, &prefix, force).await?;
    take(draft, wish, pool, prefix, place, force).await
}

/// What stands at a place that is taken.
pub(super) enum Place {
    /// Nothing.
    Free,
    /// A node that was made for something else.
    Node(Box<NodeRecord>),
    /// A reservation that rests.
    Resting(Box<Kept<Entity>>),
}

/// Looks what stands at a chosen place, and refuses what cannot be taken.
pub(super) async fn place_of(
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
            check_above(draft, pool, prefix, force).await?;
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
                check_above(draft, pool, prefix, force).await?;
                Place::Node(Box::new(node))
            }
        },
    };
    if !force && let Some(other) = lifecycle::named_by_other(draft, prefix, &wish.subscriber_id).await? {
        if !sees_subscribers(draft) {
            return Err(conflict(
                prefix,
                "it is meant for another subscriber",
                true,
                &json!({}),
            ));
        }
        let what = format!("the network profile of {other} names it");
        return Err(conflict(prefix, &what, true, &json!({ "subscriberId": other })));
    }
    Ok(place)
}

/// Refuses a place in something that is held or kept back; in something that is used otherwise, if it is not forced.
async fn check_above(draft: &Draft<'_, '_>, pool: &Pool, prefix: &Prefix, force: bool) -> Outcome<()> {
    let mut at = *prefix;
    let mut lies_in = None;
    while let Some(above) = draft.parent(&at).await? {
        if !pool.network.strictly_contains(&above.prefix) {
            break;
        }
        if above.hold.is_some() {
            let what = format!("it lies in {}, which is held or kept back", above.prefix);
            return Err(conflict(prefix, &what, false, &json!({ "ipId": above.ip_id })));
        }
        at = above.prefix;
        lies_in.get_or_insert(above);
    }
    match lies_in {
        Some(above) if !force => {
            let what = format!("it lies in {}, which is used otherwise", above.prefix);
            Err(conflict(prefix, &what, true, &json!({ "ipId": above.ip_id })))
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn at_reservation(
    wish: &Reserve,
    prefix: &Prefix,
    kept: Kept<Entity>,
    force: bool,
) -> Outcome<Place> {
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
pub(super) fn conflict(prefix: &Prefix, what: &str, can_force: bool, details: &serde_json::Value) -> Failure {
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
pub(super) async fn take(
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
                Some(network) if !force => draft.make_leaf(new, network).await?,
                Some(_) | None => {
                    let parent = draft.make_node(new).await?;
                    // It was excluded by a node that is used otherwise.
                    if parent != Some(pool.network) {
                        draft.counts.excluded(pool.id, Count::ZERO, units);
                    }
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
        by_plan: false,
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
    if wish.assign {
        alike::assigned(draft, &made).await?;
    }
    Ok(draft.put_at(
        keys::reservation(&prefix, wish.id),
        None,
        Entity::Reservation(made),
    ))
}

/// Has a reservation expire.
pub(in super::super) fn expire_at(draft: &mut Draft<'_, '_>, expires: jiff::Timestamp, id: Uuid) {
    let second = second_of(expires);
    draft.mark(keys::due(second, keys::DueKind::Expiry, id));
    draft.effects.due.push(Due {
        agenda: Agenda::Timers,
        second,
    });
}

/// The second in which a moment has passed.
pub(in super::super) fn second_of(time: jiff::Timestamp) -> i64 {
    time.as_second() + i64::from(time.subsec_nanosecond() > 0)
}

/// What an event is made from.
pub(in super::super) fn bare_event(
    draft: &Draft<'_, '_>,
    word: &str,
    reason: Option<String>,
) -> ReservationEvent {
    ReservationEvent {
        at: draft.decider.time,
        event: word.to_owned(),
        by: draft.decider.context.actor.clone(),
        reason,
        vlan: None,
        correlation_id: draft.decider.context.correlation_id.clone(),
    }
}
