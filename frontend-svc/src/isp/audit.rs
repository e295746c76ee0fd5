//! The compliance report: who had which address when.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{Listed, PageRequest};
use cadastre_api_types::public::isp::Reservation as WireReservation;
use cadastre_domain::{Family, Prefix};

use super::{IspCaller, reservations};
use crate::http::cursor::foreign_cursor;

/// Columns of the report as CSV.
pub(crate) const COLUMNS: [&str; 19] = [
    "ipAddress",
    "ipType",
    "subscriberId",
    "status",
    "reservedAt",
    "assignedAt",
    "releasedAt",
    "expiresAt",
    "restsUntil",
    "reclaimedAt",
    "assignedBy",
    "assignmentReason",
    "notes",
    "forced",
    "poolId",
    "reservationId",
    "vlan",
    "endedBy",
    "endReason",
];

/// A page of the report: the reservations of a prefix, or all of them, in order of addresses, those of one address oldest
/// first.
pub(crate) async fn page(
    caller: &IspCaller,
    within: Option<Prefix>,
    page: PageRequest,
) -> Result<Listed<WireReservation>, ApiError> {
    if let Some(within) = within {
        return reservations::life(caller, within, page).await;
    }
    // All of them: IPv4, then IPv6; the position begins with which of the two it is in.
    let (family, after) = match page.after.as_deref() {
        None => (Family::V4, None),
        Some(position) => match position.split_at_checked(1) {
            Some(("4", rest)) => (Family::V4, Some(rest)),
            Some(("6", rest)) => (Family::V6, Some(rest)),
            Some(_) | None => return Err(foreign_cursor()),
        },
    };
    let question = PageRequest {
        limit: page.limit,
        after: after.filter(|rest| !rest.is_empty()).map(str::to_owned),
    };
    let found = reservations::life(caller, Prefix::everything(family), question).await?;
    let next = match (family, found.next) {
        (Family::V4, Some(next)) => Some(format!("4{next}")),
        (Family::V4, None) => Some("6".to_owned()),
        (Family::V6, Some(next)) => Some(format!("6{next}")),
        (Family::V6, None) => None,
    };
    Ok(Listed {
        items: found.items,
        next,
    })
}

/// One reservation as a record of the CSV.
pub(crate) fn record(reservation: &WireReservation) -> [String; 19] {
    let time = |moment: Option<jiff::Timestamp>| moment.map(|moment| moment.to_string()).unwrap_or_default();
    let mut newest = reservation.events.iter().rev();
    let ended = newest
        .clone()
        .find(|event| matches!(event.event.as_str(), "RELEASED" | "EXPIRED"));
    let vlan = newest.find_map(|event| event.vlan.clone());
    [
        reservation.ip_address.clone(),
        cadastre_domain::isp::IpType::from(reservation.ip_type).to_string(),
        reservation.subscriber_id.clone(),
        cadastre_domain::isp::ReservationStatus::from(reservation.status).to_string(),
        reservation.reserved_at.to_string(),
        time(reservation.assigned_at),
        time(reservation.released_at),
        time(reservation.expires_at),
        time(reservation.rests_until),
        time(reservation.reclaimed_at),
        reservation.assigned_by.clone(),
        reservation.assignment_reason.clone().unwrap_or_default(),
        reservation.notes.clone(),
        reservation.forced.to_string(),
        reservation.pool_id.to_string(),
        reservation.id.to_string(),
        vlan.unwrap_or_default(),
        ended.map(|event| event.by.clone()).unwrap_or_default(),
        ended.and_then(|event| event.reason.clone()).unwrap_or_default(),
    ]
}
