//! What becomes of reservations: put to use, extended, released, expired, reclaimed.

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::IspCommand;
use cadastre_domain::isp::{
    Count, Entity, EntityKey, IpType, IspError, Kept, Move, Pool, Reservation, ReservationEvent,
    ReservationStatus, SubscriberId,
};
use cadastre_domain::{Prefix, Scope};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::alike;
use super::counters::Stands;
use super::draft::{Draft, invalid};
use super::due::{Agenda, Due};
use super::reserve::{bare_event, expire_at, second_of, shown};
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{EntityRecord, Hold, OwnerRecord, decode};

/// Rows of a pool's history that are looked at to say when the pool can be removed.
const MOST_LOOKED_AT: usize = 20_000;

/// A reservation that a command names, and its envelope.
pub(super) async fn find(draft: &Draft<'_, '_>, id: Uuid) -> Outcome<(Kept<Entity>, Reservation)> {
    let kept = draft
        .thing(&EntityKey::Reservation(id))
        .await?
        .ok_or_else(missing)?;
    let Entity::Reservation(found) = &kept.value else {
        return Err(missing());
    };
    if !draft.decider.context.scope.covers(&found.prefix) {
        return Err(missing());
    }
    let found = found.clone();
    Ok((kept, found))
}

fn missing() -> Failure {
    Failure::not_found("reservation in this address space")
}

/// What is told of a reservation outside.
pub(super) fn told(found: &Reservation) -> serde_json::Value {
    json!({
        "reservationId": found.id,
        "poolId": found.pool_id,
        "subscriberId": found.subscriber_id,
        "ipAddress": shown(&found.prefix),
        "ipType": found.ip_type,
        "status": found.status,
    })
}

/// An event of a subscriber's reservation, with the VLAN that they have.
pub(super) async fn event(
    draft: &Draft<'_, '_>,
    word: &str,
    reason: Option<String>,
    subscriber: &SubscriberId,
) -> Outcome<ReservationEvent> {
    let profile = draft.thing(&EntityKey::Profile(subscriber.clone())).await?;
    let vlan = match profile.map(|kept| kept.value) {
        Some(Entity::Profile(profile)) => profile.vlan,
        Some(_) | None => None,
    };
    Ok(ReservationEvent {
        vlan,
        ..bare_event(draft, word, reason)
    })
}

/// Whose network profile, other than the subscriber's own, names a prefix or something in it.
pub(super) async fn named_by_other(
    draft: &Draft<'_, '_>,
    prefix: &Prefix,
    own: &SubscriberId,
) -> Outcome<Option<SubscriberId>> {
    let (found, _) = draft
        .decider
        .resolver
        .rows()
        .scan(&keys::profiles_in(prefix), 8)
        .await?;
    for (key, bytes) in found {
        let owner: OwnerRecord = match draft.written().get(&key) {
            Some(Some(own)) => decode(&key, own)?,
            Some(None) => continue,
            None => decode(&key, &bytes)?,
        };
        if let Some(other) = owner.subscriber_id.filter(|other| other != own) {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

fn pool_units(draft: &Draft<'_, '_>, found: &Reservation) -> Count {
    let pool = draft.book().pool(found.pool_id);
    pool.map_or(Count::ZERO, |pool| pool.value.units_of(found.prefix.len()))
}

/// Changes texts and expiry of a reservation.
pub(super) async fn update(draft: &mut Draft<'_, '_>, command: &IspCommand) -> Outcome<()> {
    let IspCommand::UpdateReservation {
        id,
        notes,
        reason,
        expires_at,
        netbox_ip_id,
        assign,
    } = command
    else {
        return Ok(());
    };
    let (before, mut found) = find(draft, *id).await?;
    draft.check_if_match(before.revision)?;
    let old = found.clone();
    if let Some(notes) = notes {
        found.notes.clone_from(notes);
    }
    if let Some(reason) = reason {
        found.assignment_reason = Some(reason.clone()).filter(|reason| !reason.is_empty());
    }
    if let Some(id) = netbox_ip_id {
        found.netbox_ip_id = Some(*id);
    }
    found.check().map_err(|error| invalid(&error))?;
    if let Some(expires) = expires_at
        && *expires != found.expires_at
    {
        extend(draft, &mut found, *expires).await?;
    }
    if *assign && found.status != ReservationStatus::Assigned {
        put_to_use(draft, &mut found, None).await?;
    }
    if found == old {
        draft.show(before);
        return Ok(());
    }
    draft.put_at(
        keys::reservation(&found.prefix, found.id),
        Some(before),
        Entity::Reservation(found),
    );
    Ok(())
}

async fn extend(
    draft: &mut Draft<'_, '_>,
    found: &mut Reservation,
    expires: Option<jiff::Timestamp>,
) -> Outcome<()> {
    if !found.status.is_active() {
        return Err(Failure::refused(
            ErrorCode::IllegalState,
            format!(
                "The reservation is {}; only an active one can be extended. Make a new reservation.",
                found.status
            ),
        ));
    }
    let now = draft.decider.time;
    if let Some(old) = found.expires_at {
        check_not_over(draft, found)?;
        draft.erase(keys::due(second_of(old), keys::DueKind::Expiry, found.id));
    }
    if let Some(expires) = expires {
        if expires <= now {
            return Err(invalid(&IspError::new(
                "expiresAt",
                format!(
                    "expiresAt is {expires}, which is past; it is {now} now. Release the reservation to end it"
                ),
            )));
        }
        expire_at(draft, expires, found.id);
    }
    found.expires_at = expires;
    let until = expires.map_or_else(
        || "never expires".to_owned(),
        |expires| format!("expires {expires}"),
    );
    let event = event(draft, "EXTENDED", Some(until), &found.subscriber_id).await?;
    found.record(event);
    Ok(())
}

/// Has a reservation be what a plan gives: in use, and without an end of its own.
pub(super) async fn adopt(
    draft: &mut Draft<'_, '_>,
    before: Kept<Entity>,
    mut found: Reservation,
    reason: Option<&str>,
) -> Outcome<Kept<Entity>> {
    if found.expires_at.is_some() {
        extend(draft, &mut found, None).await?;
    }
    if found.status != ReservationStatus::Assigned {
        put_to_use(draft, &mut found, reason).await?;
    }
    found.by_plan = true;
    let row = keys::reservation(&found.prefix, found.id);
    Ok(draft.put_at(row, Some(before), Entity::Reservation(found)))
}

/// Refuses what would bring one back whose time is over, though nobody has come by yet to say so.
fn check_not_over(draft: &Draft<'_, '_>, found: &Reservation) -> Outcome<()> {
    match found.expires_at {
        Some(expires) if expires <= draft.decider.time => Err(Failure::refused(
            ErrorCode::IllegalState,
            format!("The reservation's time was over at {expires}. Make a new one."),
        )),
        Some(_) | None => Ok(()),
    }
}

async fn put_to_use(draft: &mut Draft<'_, '_>, found: &mut Reservation, reason: Option<&str>) -> Outcome<()> {
    let next = found.after(Move::Assign).map_err(|error| illegal(&error))?;
    check_not_over(draft, found)?;
    let units = pool_units(draft, found);
    draft.counts.moved(
        found.pool_id,
        units,
        Stands::of(found.status, false),
        Stands::of(next, false),
    );
    found.status = next;
    found.assigned_at = Some(draft.decider.time);
    let event = event(draft, "ASSIGNED", reason.map(str::to_owned), &found.subscriber_id).await?;
    found.record(event);
    draft.tell("reservation.assigned", told(found));
    alike::assigned(draft, found).await
}

fn illegal(error: &cadastre_domain::isp::reservation::IllegalMove) -> Failure {
    Failure::Refused(Box::new(
        cadastre_api_types::ApiError::new(ErrorCode::IllegalState, error.to_string())
            .with_details(json!({ "status": error.status })),
    ))
}

/// Moves a reservation on.
pub(super) async fn move_on(
    draft: &mut Draft<'_, '_>,
    id: Uuid,
    to: Move,
    reason: Option<&str>,
) -> Outcome<()> {
    let (before, found) = find(draft, id).await?;
    draft.check_if_match(before.revision)?;
    moved(draft, before, found, to, reason).await.map(drop)
}

/// Moves a reservation on that was found.
pub(super) async fn moved(
    draft: &mut Draft<'_, '_>,
    before: Kept<Entity>,
    mut found: Reservation,
    to: Move,
    reason: Option<&str>,
) -> Outcome<Kept<Entity>> {
    match to {
        Move::Assign => put_to_use(draft, &mut found, reason).await?,
        Move::Release | Move::Expire => end(draft, &mut found, to, reason).await?,
        Move::Reclaim => {
            found.after(Move::Reclaim).map_err(|error| illegal(&error))?;
            reclaim(draft, &mut found).await?;
        }
    }
    let row = keys::reservation(&found.prefix, found.id);
    Ok(draft.put_at(row, Some(before), Entity::Reservation(found)))
}

/// Ends an active reservation: it rests, or lets its address go at once.
async fn end(
    draft: &mut Draft<'_, '_>,
    found: &mut Reservation,
    to: Move,
    reason: Option<&str>,
) -> Outcome<()> {
    let next = found.after(to).map_err(|error| illegal(&error))?;
    let time = draft.decider.time;
    let units = pool_units(draft, found);
    let was = Stands::of(found.status, false);
    found.status = next;
    if let Some(expires) = found.expires_at {
        draft.erase(keys::due(second_of(expires), keys::DueKind::Expiry, found.id));
    }
    draft.erase(keys::held(&found.subscriber_id, found.ip_type));
    let word = if to == Move::Expire { "EXPIRED" } else { "RELEASED" };
    let event = event(draft, word, reason.map(str::to_owned), &found.subscriber_id).await?;
    found.record(event);
    alike::taken_back(draft, found).await?;
    let told_as = if to == Move::Expire {
        "reservation.expired"
    } else {
        "reservation.released"
    };
    draft.tell(told_as, told(found));
    if next == ReservationStatus::Expired {
        // Nobody has used it.
        draft.counts.moved(found.pool_id, units, was, None);
        return let_go(draft, found).await;
    }
    found.released_at = Some(time);
    let days = draft
        .book()
        .pool(found.pool_id)
        .map_or(0, |pool| pool.value.rest_days);
    let rest = SignedDuration::from_hours(24 * i64::from(days));
    let until = time.checked_add(rest).unwrap_or(time);
    found.rests_until = Some(until);
    if days == 0 {
        draft.counts.moved(found.pool_id, units, was, None);
        return let_go(draft, found).await;
    }
    draft
        .counts
        .moved(found.pool_id, units, was, Some(Stands::Resting));
    draft.write(
        keys::rests_for(&found.subscriber_id, found.ip_type),
        &OwnerRecord::thing(found.id),
    );
    let second = second_of(until);
    draft.mark(keys::due(second, keys::DueKind::Reclaim, found.id));
    draft.effects.due.push(Due {
        agenda: Agenda::Timers,
        second,
    });
    Ok(())
}

/// Lets the address of one go that has rested.
async fn reclaim(draft: &mut Draft<'_, '_>, found: &mut Reservation) -> Outcome<()> {
    let units = pool_units(draft, found);
    draft
        .counts
        .moved(found.pool_id, units, Some(Stands::Resting), None);
    forget_rest(draft, found).await?;
    let event = bare_event(draft, "RECLAIMED", None);
    found.record(event);
    let_go(draft, found).await
}

/// Removes what says that an address rests.
async fn forget_rest(draft: &mut Draft<'_, '_>, found: &Reservation) -> Outcome<()> {
    if let Some(until) = found.rests_until {
        draft.erase(keys::due(second_of(until), keys::DueKind::Reclaim, found.id));
    }
    let key = keys::rests_for(&found.subscriber_id, found.ip_type);
    let rests = draft.row::<OwnerRecord>(&key).await?;
    if rests.is_some_and(|owner| owner.id == Some(found.id)) {
        draft.erase(key);
    }
    Ok(())
}

/// Gives the address back to its pool.
async fn let_go(draft: &mut Draft<'_, '_>, found: &mut Reservation) -> Outcome<()> {
    found.reclaimed_at = Some(draft.decider.time);
    let Some(node) = draft.node(&found.prefix).await? else {
        return Ok(());
    };
    if node.hold != Some(Hold::Reservation(found.id)) {
        return Ok(());
    }
    let units = pool_units(draft, found);
    if found.kept_node || node.pool.is_some() || !node.tags.is_empty() {
        let pool = node.pool;
        draft.change_node(node, pool, None, None).await?;
        // It stays, used otherwise.
        if pool.is_none() {
            draft.counts.excluded(found.pool_id, units, Count::ZERO);
        }
        return Ok(());
    }
    let network = draft.book().pool(found.pool_id).map(|pool| pool.value.network);
    let parent = draft.drop_node(node).await?;
    // It was taken from under a node that is used otherwise (by force, perhaps long ago), which covers it again.
    if parent != network {
        draft.counts.excluded(found.pool_id, units, Count::ZERO);
    }
    Ok(())
}

/// The address of one that rests goes to a new reservation; whether its node stays when that one ends.
pub(super) async fn hand_over(
    draft: &mut Draft<'_, '_>,
    old: Kept<Entity>,
    to: &SubscriberId,
) -> Outcome<bool> {
    let Entity::Reservation(mut found) = old.value.clone() else {
        return Err(missing());
    };
    forget_rest(draft, &found).await?;
    found.reclaimed_at = Some(draft.decider.time);
    let event = bare_event(draft, "HANDED_OVER", Some(format!("to {to}")));
    found.record(event);
    let kept_node = found.kept_node;
    draft.put_at(
        keys::reservation(&found.prefix, found.id),
        Some(old),
        Entity::Reservation(found),
    );
    Ok(kept_node)
}

/// What a subscriber holds of a type.
pub(super) async fn held(
    draft: &Draft<'_, '_>,
    subscriber: &SubscriberId,
    ip_type: IpType,
) -> Outcome<Option<(Kept<Entity>, Reservation)>> {
    let owner = draft.row::<OwnerRecord>(&keys::held(subscriber, ip_type)).await?;
    let Some(id) = owner.and_then(|owner| owner.id) else {
        return Ok(None);
    };
    let kept = draft.thing(&EntityKey::Reservation(id)).await?;
    Ok(kept.and_then(|kept| {
        let found = kept.value.reservation()?.clone();
        Some((kept, found))
    }))
}

/// Releases what a subscriber holds. What lies outside the caller's subtree is not there for them.
pub(super) async fn release_held(
    draft: &mut Draft<'_, '_>,
    subscriber: &SubscriberId,
    ip_types: &[IpType],
    reason: Option<&str>,
) -> Outcome<()> {
    let mut released = 0;
    for ip_type in IpType::ALL {
        if !ip_types.is_empty() && !ip_types.contains(ip_type) {
            continue;
        }
        let found = held(draft, subscriber, *ip_type).await?;
        let scope = &draft.decider.context.scope;
        if let Some((kept, found)) = found.filter(|(_, found)| scope.covers(&found.prefix)) {
            moved(draft, kept, found, Move::Release, reason).await?;
            released += 1;
        }
    }
    if released > 0 {
        return Ok(());
    }
    let what = if ip_types.is_empty() {
        "no address".to_owned()
    } else {
        let names: Vec<&str> = ip_types.iter().map(|ip_type| ip_type.as_str()).collect();
        format!("nothing of the type {}", names.join(" or "))
    };
    let place = match draft.decider.context.scope {
        Scope::Whole => "in this address space",
        Scope::Within(_) => "in your subtree",
    };
    Err(Failure::refused(
        ErrorCode::NotFound,
        format!("The subscriber {subscriber} holds {what} {place}; there is nothing to be released."),
    ))
}

/// What rests in a pool that is to be removed.
pub(super) enum Resting {
    /// This.
    All(Vec<Kept<Entity>>),
    /// More than can be let go in one step; before this moment, not enough of it will have been reclaimed.
    TooMany(Timestamp),
}

/// Looks what rests in a pool that counts so many resting units.
pub(super) async fn resting_in(
    draft: &Draft<'_, '_>,
    pool: &Pool,
    units: Count,
    most: usize,
) -> Outcome<Resting> {
    let mut range = keys::reservations_in(&pool.network);
    let (mut left, mut looked_at) = (units, 0);
    let (mut resting, mut until) = (Vec::new(), Vec::new());
    // The rows are the whole history of the pool: no more of it is read than holds what rests.
    while left > Count::ZERO {
        let (page, next) = draft.decider.resolver.rows().scan(&range, 512).await?;
        looked_at += page.len();
        for (key, bytes) in page {
            let kept: Kept<Entity> = decode::<EntityRecord>(&key, &bytes)?.into();
            let Entity::Reservation(found) = &kept.value else {
                continue;
            };
            if !found.is_resting() || found.pool_id != pool.id {
                continue;
            }
            left = left.minus(pool.units_of(found.prefix.len()));
            until.push(found.rests_until.unwrap_or(draft.decider.time));
            if resting.len() < most {
                resting.push(kept);
            }
        }
        let is_told = until.len() > most && looked_at >= MOST_LOOKED_AT;
        match next {
            Some(next) if !is_told => range.start = Some(next),
            Some(_) | None => break,
        }
    }
    until.sort_unstable();
    let too_many = until.len().checked_sub(most + 1);
    Ok(match too_many.and_then(|last| until.get(last)) {
        Some(last) => Resting::TooMany(*last),
        None => Resting::All(resting),
    })
}

/// Lets addresses go that rest.
pub(super) async fn reclaim_all(draft: &mut Draft<'_, '_>, resting: Vec<Kept<Entity>>) -> Outcome<()> {
    for kept in resting {
        if let Entity::Reservation(found) = kept.value.clone() {
            moved(draft, kept, found, Move::Reclaim, None).await?;
        }
    }
    Ok(())
}
