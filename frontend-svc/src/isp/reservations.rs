//! Reservations, and what subscribers hold.

use cadastre_api_types::internal::{
    IspAnswer, IspCommand, IspListing, IspQuestion, Listed, MAX_RESERVE, MutationOptions, PageRequest,
    ReservationFilter, Reserve,
};
use cadastre_api_types::public::isp::{
    AssignIp, IpType as WireIpType, ReleaseIp, Released, Reservation as WireReservation, ReservationBulk,
    ReservationCreate, ReservationUpdate,
};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::{EntityKey, IpType, Kept, Move, Pool, Reservation, SubscriberId};
use cadastre_domain::roles::Permission::{IspIpamForce, IspIpamRead, IspIpamWrite};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::caller::parts;
use super::outcome::Part;
use super::wire::{address_or_prefix, filled, future, invalid, reservation};
use super::{IspCaller, Outcome};
use crate::http::reply::unexpected;

/// A page of reservations in order of their addresses.
pub(crate) async fn list(
    caller: &IspCaller,
    filter: ReservationFilter,
    page: PageRequest,
) -> Result<Listed<WireReservation>, ApiError> {
    let listing = IspListing::Reservations(filter);
    Ok(shown(caller.list(IspIpamRead, listing, page).await?))
}

fn shown(found: Listed<Kept<Reservation>>) -> Listed<WireReservation> {
    Listed {
        items: found.items.into_iter().map(reservation::to_wire).collect(),
        next: found.next,
    }
}

/// One reservation, and its revision.
pub(crate) async fn get(caller: &IspCaller, id: Uuid) -> Result<(WireReservation, u64), ApiError> {
    let kept = caller.get(IspIpamRead, EntityKey::Reservation(id)).await?;
    let revision = kept.revision;
    Ok((reservation::to_wire(kept), revision))
}

/// A new reservation.
pub(crate) async fn create(
    caller: &IspCaller,
    body: ReservationCreate,
    options: MutationOptions,
) -> Result<Outcome<WireReservation>, ApiError> {
    let force = allowed_force(caller, body.force)?;
    let wanted = wanted(caller, body).await?;
    let command = IspCommand::Reserve {
        wanted: vec![wanted],
        force,
    };
    caller
        .command(IspIpamWrite, command, options)
        .await?
        .one(reservation::to_wire)
}

/// New reservations, all or none.
pub(crate) async fn create_many(
    caller: &IspCaller,
    body: ReservationBulk,
    options: MutationOptions,
) -> Result<Outcome<Vec<WireReservation>>, ApiError> {
    let count = body.items.len();
    if count == 0 || count > MAX_RESERVE {
        return Err(invalid(
            "items",
            format!(
                "`items` has {count} reservations; one call makes 1 to {MAX_RESERVE}. Send the rest in other calls."
            ),
        ));
    }
    let force = allowed_force(caller, body.force)?;
    let mut reserve = Vec::with_capacity(count);
    for (at, item) in body.items.into_iter().enumerate() {
        if item.force.is_some() {
            return Err(invalid(
                &format!("items[{at}].force"),
                "`force` is said once for all reservations, beside `items`; leave it out of them.",
            ));
        }
        let wanted = wanted(caller, item).await.map_err(|error| of_item(at, error))?;
        reserve.push(wanted);
    }
    let command = IspCommand::Reserve {
        wanted: reserve,
        force,
    };
    let ran = caller.command(IspIpamWrite, command, options).await?;
    Ok(ran.many(reservation::to_wire))
}

/// The same refusal, with the place of the item that it is about.
fn of_item(at: usize, mut error: ApiError) -> ApiError {
    error.message = format!("items[{at}]: {}", error.message);
    if let Some(field) = error
        .details
        .as_ref()
        .and_then(|details| details["field"].as_str())
    {
        let field = format!("items[{at}].{field}");
        if let Some(details) = &mut error.details {
            details["field"] = json!(field);
        }
    }
    error
}

/// `force`, if the caller may use it.
fn allowed_force(caller: &IspCaller, force: Option<bool>) -> Result<bool, ApiError> {
    let force = force.unwrap_or(false);
    if force {
        caller.may(IspIpamForce)?;
    }
    Ok(force)
}

/// What a body asks for. What it says of the type is held against the pool that it names.
async fn wanted(caller: &IspCaller, body: ReservationCreate) -> Result<Reserve, ApiError> {
    let pool_id = body.pool_id;
    let (wanted, of_pool) = reservation::from_wire(body, caller.now())?;
    if let (Some(asked), Some(pool_id)) = (of_pool, pool_id) {
        let pool = caller.get::<Pool>(IspIpamWrite, EntityKey::Pool(pool_id)).await?;
        check_type(&pool.value, asked)?;
    }
    Ok(wanted)
}

fn check_type(pool: &Pool, asked: IpType) -> Result<(), ApiError> {
    let found = pool.pool_type.ip_type();
    if found == asked {
        return Ok(());
    }
    Err(invalid(
        "ipType",
        format!(
            "`ipType` is {asked}, and the pool {} hands out {found}.",
            pool.name
        ),
    ))
}

/// Changes texts and expiry of a reservation, or puts it to use.
pub(crate) async fn update(
    caller: &IspCaller,
    id: Uuid,
    body: ReservationUpdate,
    options: MutationOptions,
) -> Result<Outcome<WireReservation>, ApiError> {
    let now = caller.now();
    let decide = |stored: Option<&Kept<Reservation>>| match stored {
        Some(stored) => reservation::change(&body, stored, now),
        None => Err(ApiError::not_found("reservation")),
    };
    caller
        .replace::<Reservation>(IspIpamWrite, EntityKey::Reservation(id), options, decide)
        .await?
        .one(reservation::to_wire)
}

/// Puts a reservation to use.
pub(crate) async fn assign(
    caller: &IspCaller,
    id: Uuid,
    options: MutationOptions,
) -> Result<Outcome<WireReservation>, ApiError> {
    moved(caller, id, Move::Assign, None, options).await
}

/// Gives a reservation back; its address rests.
pub(crate) async fn release(
    caller: &IspCaller,
    id: Uuid,
    reason: Option<String>,
    options: MutationOptions,
) -> Result<Outcome<WireReservation>, ApiError> {
    moved(caller, id, Move::Release, filled(reason), options).await
}

/// The same, for who asks for no answer.
pub(crate) async fn delete(
    caller: &IspCaller,
    id: Uuid,
    options: MutationOptions,
) -> Result<Outcome<()>, ApiError> {
    let command = IspCommand::MoveReservation {
        id,
        to: Move::Release,
        reason: None,
    };
    Ok(caller.command(IspIpamWrite, command, options).await?.nothing())
}

async fn moved(
    caller: &IspCaller,
    id: Uuid,
    to: Move,
    reason: Option<String>,
    options: MutationOptions,
) -> Result<Outcome<WireReservation>, ApiError> {
    let command = IspCommand::MoveReservation { id, to, reason };
    caller
        .command(IspIpamWrite, command, options)
        .await?
        .one(reservation::to_wire)
}

/// Gives a reservation more time, or less.
pub(crate) async fn extend(
    caller: &IspCaller,
    id: Uuid,
    expires_at: Timestamp,
    options: MutationOptions,
) -> Result<Outcome<WireReservation>, ApiError> {
    future("expiresAt", Some(expires_at), caller.now())?;
    let command = IspCommand::UpdateReservation {
        id,
        notes: None,
        reason: None,
        expires_at: Some(Some(expires_at)),
        netbox_ip_id: None,
        assign: false,
    };
    caller
        .command(IspIpamWrite, command, options)
        .await?
        .one(reservation::to_wire)
}

/// Reserves an address for a subscriber and puts it to use at once.
pub(crate) async fn assign_ip(
    caller: &IspCaller,
    subscriber: &SubscriberId,
    body: AssignIp,
    options: MutationOptions,
) -> Result<Outcome<WireReservation>, ApiError> {
    // What a pool or an address says itself is not contradicted by a default.
    let says_itself = body.pool_id.is_some() || body.ip_address.is_some();
    let body = ReservationCreate {
        subscriber_id: subscriber.to_string(),
        pool_id: body.pool_id,
        ip_address: body.ip_address,
        ip_type: body.ip_type.or((!says_itself).then_some(WireIpType::Ipv4)),
        prefix_length: body.prefix_length,
        expires_at: body.expires_at,
        assign: Some(true),
        assignment_reason: body.assignment_reason,
        notes: body.notes,
        force: body.force,
    };
    create(caller, body, options).await
}

/// Releases what a subscriber holds: one reservation, all of a type, or everything.
pub(crate) async fn release_ip(
    caller: &IspCaller,
    subscriber: &SubscriberId,
    body: ReleaseIp,
    options: MutationOptions,
) -> Result<Outcome<Released>, ApiError> {
    let ways = [
        body.reservation_id.is_some(),
        body.ip_type.is_some(),
        body.ip_address.is_some(),
    ];
    if ways.iter().filter(|way| **way).count() > 1 {
        return Err(invalid(
            "reservationId",
            "Say with one of `reservationId`, `ipType` and `ipAddress` what is to be released; with none of them, everything is.",
        ));
    }
    let reason = filled(body.reason);
    let held = match (body.reservation_id, &body.ip_address) {
        (None, None) => None,
        (Some(id), _) => Some(find_held(caller, subscriber, |held| held.id == id).await?),
        (None, Some(text)) => {
            let prefix = address_or_prefix("ipAddress", text)?;
            Some(find_held(caller, subscriber, |held| held.prefix == prefix).await?)
        }
    };
    let command = match held {
        Some(id) => IspCommand::MoveReservation {
            id,
            to: Move::Release,
            reason,
        },
        None => IspCommand::ReleaseHeld {
            subscriber_id: subscriber.clone(),
            ip_types: body.ip_type.map(IpType::from).into_iter().collect(),
            reason,
        },
    };
    let ran = caller.command(IspIpamWrite, command, options).await?;
    Ok(match ran.many(reservation::to_wire) {
        Outcome::Planned(plan) => Outcome::Planned(plan),
        Outcome::Done(done) => Outcome::Done(super::Done {
            value: Released { released: done.value },
            revision: done.revision,
            replayed: done.replayed,
        }),
    })
}

/// The reservation of a subscriber that is meant, whatever has become of it: what cannot be released any more is for the
/// command to say.
async fn find_held(
    caller: &IspCaller,
    subscriber: &SubscriberId,
    meant: impl Fn(&Reservation) -> bool,
) -> Result<Uuid, ApiError> {
    let held = held(caller, IspIpamWrite, subscriber, true).await?;
    let found = held.iter().find(|kept| meant(&kept.value));
    found.map(|kept| kept.value.id).ok_or_else(|| {
        ApiError::new(
            ErrorCode::NotFound,
            "The subscriber has no such reservation; GET …/ips lists those that it has.",
        )
    })
}

/// What a subscriber holds; what it held, too, if that is asked for.
pub(crate) async fn of_subscriber(
    caller: &IspCaller,
    subscriber: &SubscriberId,
    with_past: bool,
) -> Result<Vec<WireReservation>, ApiError> {
    let held = held(caller, IspIpamRead, subscriber, with_past).await?;
    Ok(held.into_iter().map(reservation::to_wire).collect())
}

/// Reservations of a subscriber, active ones first.
pub(crate) async fn held(
    caller: &IspCaller,
    permission: cadastre_domain::roles::Permission,
    subscriber: &SubscriberId,
    with_past: bool,
) -> Result<Vec<Kept<Reservation>>, ApiError> {
    let question = IspQuestion::Held {
        subscriber_id: subscriber.clone(),
        with_past,
    };
    Ok(things::<Reservation>(caller.ask(permission, question).await?)?.items)
}

/// Who had an address, or addresses of a prefix.
pub(crate) async fn life(
    caller: &IspCaller,
    within: cadastre_domain::Prefix,
    page: PageRequest,
) -> Result<Listed<WireReservation>, ApiError> {
    let answer = caller
        .ask(IspIpamRead, IspQuestion::Life { within, page })
        .await?;
    things(answer).map(shown)
}

/// The things of an answer.
pub(crate) fn things<T: Part>(answer: IspAnswer) -> Result<Listed<Kept<T>>, ApiError> {
    match answer {
        IspAnswer::Things(found) => Ok(parts(found)),
        IspAnswer::Figures(_)
        | IspAnswer::Available(_)
        | IspAnswer::Conflicts { .. }
        | IspAnswer::Standing(_)
        | IspAnswer::Costs(_) => Err(unexpected("something else than things")),
    }
}
