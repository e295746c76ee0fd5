//! Reservations.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IspCommand, Reserve, ReserveFrom};
use cadastre_api_types::public::isp::{
    Reservation as WireReservation, ReservationCreate, ReservationEvent as WireEvent,
    ReservationStatus as WireStatus, ReservationUpdate,
};
use cadastre_domain::Prefix;
use cadastre_domain::isp::{IpType, Kept, Reservation, ReservationEvent};
use cadastre_domain::prefix::Family;
use jiff::Timestamp;
use uuid::Uuid;

use super::{address_or_prefix, check_read_only, filled, future, invalid, shown, subscriber_id};
use crate::convert::errors::prefix_error;

/// Fields that nobody sends otherwise than they are.
const READ_ONLY: &[&str] = &[
    "id",
    "poolId",
    "subscriberId",
    "ipAddress",
    "prefixLength",
    "ipType",
    "reservedAt",
    "assignedAt",
    "releasedAt",
    "restsUntil",
    "reclaimedAt",
    "assignedBy",
    "forced",
    "netboxSynced",
    "events",
    "createdAt",
    "updatedAt",
];

/// As clients see it.
pub(crate) fn to_wire(kept: Kept<Reservation>) -> WireReservation {
    let Kept {
        value: reservation,
        created,
        modified,
        revision: _,
    } = kept;
    let delegated = reservation.ip_type == IpType::Ipv6Prefix;
    WireReservation {
        id: reservation.id,
        pool_id: reservation.pool_id,
        subscriber_id: reservation.subscriber_id.to_string(),
        ip_address: shown(&reservation.prefix),
        prefix_length: delegated.then_some(reservation.prefix.len()),
        ip_type: reservation.ip_type.into(),
        status: reservation.status.into(),
        reserved_at: reservation.reserved_at,
        assigned_at: reservation.assigned_at,
        released_at: reservation.released_at,
        expires_at: reservation.expires_at,
        rests_until: reservation.rests_until,
        reclaimed_at: reservation.reclaimed_at,
        assigned_by: reservation.assigned_by,
        assignment_reason: reservation.assignment_reason,
        notes: reservation.notes,
        forced: reservation.forced,
        netbox_ip_id: reservation.netbox_ip_id,
        netbox_synced: reservation.netbox_synced,
        events: reservation.events.into_iter().map(event).collect(),
        created_at: created,
        updated_at: modified,
    }
}

fn event(event: ReservationEvent) -> WireEvent {
    WireEvent {
        at: event.at,
        event: event.event,
        by: event.by,
        reason: event.reason,
        vlan: event.vlan.map(|tag| tag.to_string()),
        correlation_id: filled(Some(event.correlation_id)),
    }
}

/// The type of an address or a prefix that is reserved.
fn type_of(prefix: &Prefix) -> IpType {
    match (prefix.family(), prefix.is_host()) {
        (Family::V4, _) => IpType::Ipv4,
        (Family::V6, true) => IpType::Ipv6,
        (Family::V6, false) => IpType::Ipv6Prefix,
    }
}

/// What a body asks for: the command's part, and the type that must be checked against the pool, which alone knows what
/// it hands out.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn from_wire(
    body: ReservationCreate,
    now: Timestamp,
) -> Result<(Reserve, Option<IpType>), ApiError> {
    future("expiresAt", body.expires_at, now)?;
    let asked = body.ip_type.map(IpType::from);
    let from = match (filled(body.ip_address), body.pool_id) {
        (Some(text), pool_id) => ReserveFrom::Chosen {
            pool_id,
            prefix: chosen(&text, body.prefix_length, asked)?,
        },
        (None, Some(pool_id)) => ReserveFrom::Pool(pool_id),
        (None, None) => ReserveFrom::Policy(asked.ok_or_else(|| {
            invalid(
                "ipType",
                "Say what is to be reserved: `ipType` (ipv4, ipv6 or ipv6_prefix), or a `poolId`, or an `ipAddress`.",
            )
        })?),
    };
    let of_pool = match &from {
        ReserveFrom::Pool(_) => asked,
        ReserveFrom::Policy(ip_type) if body.prefix_length.is_some() && *ip_type != IpType::Ipv6Prefix => {
            return Err(only_prefixes_have_a_length(*ip_type));
        }
        ReserveFrom::Policy(_) | ReserveFrom::Chosen { .. } => None,
    };
    let reserve = Reserve {
        id: Uuid::now_v7(),
        subscriber_id: subscriber_id("subscriberId", &body.subscriber_id)?,
        from,
        prefix_length: body.prefix_length,
        assign: body.assign.unwrap_or(false),
        expires_at: body.expires_at,
        reason: filled(body.assignment_reason),
        notes: body.notes.unwrap_or_default(),
    };
    Ok((reserve, of_pool))
}

fn only_prefixes_have_a_length(ip_type: IpType) -> ApiError {
    invalid(
        "prefixLength",
        format!("`prefixLength` is for delegated prefixes; an {ip_type} address has none. Leave it out."),
    )
}

/// The address or prefix that a body names, with the length that stands beside it.
fn chosen(text: &str, length: Option<u8>, asked: Option<IpType>) -> Result<Prefix, ApiError> {
    let mut prefix = address_or_prefix("ipAddress", text)?;
    if let Some(length) = length {
        if prefix.family() == Family::V4 {
            return Err(only_prefixes_have_a_length(IpType::Ipv4));
        }
        if prefix.is_host() && !text.contains('/') {
            prefix = Prefix::new(prefix.addr(), length).map_err(|error| prefix_error("ipAddress", &error))?;
        } else if prefix.len() != length {
            return Err(invalid(
                "prefixLength",
                format!("`prefixLength` is {length}, and `ipAddress` is {prefix}; send one of them."),
            ));
        }
    }
    let found = type_of(&prefix);
    match asked {
        Some(asked) if asked != found => Err(invalid(
            "ipType",
            format!(
                "`ipType` is {asked}, and `ipAddress` {} is {found}.",
                shown(&prefix)
            ),
        )),
        Some(_) | None => Ok(prefix),
    }
}

/// The command of a `PUT` to a reservation as it is stored.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn change(
    body: &ReservationUpdate,
    stored: &Kept<Reservation>,
    now: Timestamp,
) -> Result<IspCommand, ApiError> {
    let before = to_wire(stored.clone());
    check_read_only(body, &before, READ_ONLY)?;
    let assign = match body.status {
        None => false,
        Some(sent) if sent == before.status => false,
        Some(WireStatus::Assigned) => true,
        Some(WireStatus::Reserved | WireStatus::Released | WireStatus::Expired) => {
            return Err(invalid(
                "status",
                format!(
                    "`status` is {} and can be set to ASSIGNED only; to give it back, POST to …/release.",
                    stored.value.status
                ),
            ));
        }
    };
    let expires_at = body.expires_at.filter(|sent| *sent != before.expires_at);
    future("expiresAt", expires_at.flatten(), now)?;
    Ok(IspCommand::UpdateReservation {
        id: stored.value.id,
        notes: body.notes.clone(),
        reason: body.assignment_reason.clone(),
        expires_at,
        netbox_ip_id: body.netbox_ip_id,
        assign,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_api_types::ErrorCode;
    use cadastre_domain::isp::{ReservationStatus, SubscriberId, VlanId, VlanTag};
    use serde_json::{Value, json};

    fn now() -> Timestamp {
        "2026-11-22T00:00:00Z".parse().unwrap()
    }

    pub(crate) fn kept(prefix: &str, status: ReservationStatus) -> Kept<Reservation> {
        let prefix: Prefix = prefix.parse().unwrap();
        Kept {
            value: Reservation {
                id: Uuid::from_u128(1),
                pool_id: Uuid::from_u128(2),
                subscriber_id: SubscriberId::new("sub/1").unwrap(),
                prefix,
                ip_type: type_of(&prefix),
                status,
                reserved_at: Timestamp::UNIX_EPOCH,
                assigned_at: None,
                released_at: None,
                // In the past, as an expiry is once it has come.
                expires_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
                rests_until: None,
                reclaimed_at: None,
                assigned_by: "ada".to_owned(),
                assignment_reason: Some("order 7".to_owned()),
                notes: String::new(),
                forced: false,
                kept_node: false,
                by_plan: false,
                netbox_ip_id: None,
                netbox_synced: false,
                events: vec![ReservationEvent {
                    at: Timestamp::UNIX_EPOCH,
                    event: "RESERVED".to_owned(),
                    by: "ada".to_owned(),
                    reason: None,
                    vlan: Some(VlanTag {
                        outer: VlanId::new(100).unwrap(),
                        inner: None,
                    }),
                    correlation_id: String::new(),
                }],
            },
            created: Timestamp::UNIX_EPOCH,
            modified: Timestamp::UNIX_EPOCH,
            revision: 3,
        }
    }

    fn made(body: Value) -> Result<(Reserve, Option<IpType>), ApiError> {
        from_wire(serde_json::from_value(body).unwrap(), now())
    }

    #[test]
    fn a_body_says_where_a_reservation_is_taken_from() {
        let pool = Uuid::from_u128(9);
        let from = |body: Value| {
            made(body)
                .map(|(reserve, of_pool)| (reserve.from, of_pool))
                .unwrap()
        };
        assert_eq!(
            from(json!({ "subscriberId": "a", "poolId": pool, "ipType": "ipv4" })),
            (ReserveFrom::Pool(pool), Some(IpType::Ipv4))
        );
        assert_eq!(
            from(json!({ "subscriberId": "a", "ipType": "ipv6_prefix", "prefixLength": 60 })),
            (ReserveFrom::Policy(IpType::Ipv6Prefix), None)
        );
        let chosen = |pool_id, text: &str| {
            (
                ReserveFrom::Chosen {
                    pool_id,
                    prefix: text.parse().unwrap(),
                },
                None,
            )
        };
        assert_eq!(
            from(json!({ "subscriberId": "a", "ipAddress": "203.0.113.9", "ipType": "ipv4" })),
            chosen(None, "203.0.113.9/32")
        );
        for body in [
            json!({ "subscriberId": "a", "poolId": pool, "ipAddress": "2001:db8::", "prefixLength": 56 }),
            json!({ "subscriberId": "a", "poolId": pool, "ipAddress": "2001:db8::/56", "prefixLength": 56 }),
            json!({ "subscriberId": "a", "poolId": pool, "ipAddress": "2001:db8::/56", "ipType": "ipv6_prefix" }),
        ] {
            assert_eq!(from(body), chosen(Some(pool), "2001:db8::/56"));
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_field() {
        for (body, field) in [
            (json!({ "subscriberId": "a" }), "ipType"),
            (json!({ "subscriberId": "", "ipType": "ipv4" }), "subscriberId"),
            (
                json!({ "subscriberId": "a", "ipAddress": "203.0.113.9", "ipType": "ipv6" }),
                "ipType",
            ),
            (
                json!({ "subscriberId": "a", "ipAddress": "203.0.113.9", "prefixLength": 32 }),
                "prefixLength",
            ),
            (
                json!({ "subscriberId": "a", "ipAddress": "2001:db8::/56", "prefixLength": 48 }),
                "prefixLength",
            ),
            (
                json!({ "subscriberId": "a", "ipAddress": "2001:db8::1", "prefixLength": 56 }),
                "ipAddress",
            ),
            (
                json!({ "subscriberId": "a", "ipType": "ipv4", "prefixLength": 24 }),
                "prefixLength",
            ),
            (
                json!({ "subscriberId": "a", "ipType": "ipv4", "expiresAt": "2026-11-22T00:00:00Z" }),
                "expiresAt",
            ),
        ] {
            let error = made(body.clone()).unwrap_err();
            assert_eq!(error.code.status(), 400);
            assert_eq!(error.details.unwrap()["field"], field, "{body}");
        }
    }

    #[test]
    fn addresses_are_shown_bare_and_delegated_prefixes_with_their_length() {
        let shown = |prefix| {
            let wire = to_wire(kept(prefix, ReservationStatus::Assigned));
            (wire.ip_address, wire.prefix_length)
        };
        assert_eq!(shown("203.0.113.9/32"), ("203.0.113.9".to_owned(), None));
        assert_eq!(shown("2001:db8::/56"), ("2001:db8::/56".to_owned(), Some(56)));
    }

    fn put(stored: &Kept<Reservation>, changes: &Value) -> Result<IspCommand, ApiError> {
        let mut sent = serde_json::to_value(to_wire(stored.clone())).unwrap();
        for (key, value) in changes.as_object().unwrap() {
            sent[key] = value.clone();
        }
        change(&serde_json::from_value(sent).unwrap(), stored, now())
    }

    #[test]
    fn what_get_returned_can_be_put_back_even_when_its_time_is_over() {
        let stored = kept("203.0.113.9/32", ReservationStatus::Released);
        let IspCommand::UpdateReservation {
            expires_at, assign, ..
        } = put(&stored, &json!({})).unwrap()
        else {
            unreachable!()
        };
        assert_eq!((expires_at, assign), (None, false));
    }

    #[test]
    fn a_put_assigns_extends_or_takes_the_expiry_away() {
        let stored = kept("203.0.113.9/32", ReservationStatus::Reserved);
        let changed = |changes: Value| match put(&stored, &changes) {
            Ok(IspCommand::UpdateReservation {
                expires_at, assign, ..
            }) => Ok((expires_at, assign)),
            Ok(_) => unreachable!(),
            Err(error) => Err(error.code),
        };
        assert_eq!(changed(json!({ "status": "ASSIGNED" })), Ok((None, true)));
        assert_eq!(changed(json!({ "expiresAt": null })), Ok((Some(None), false)));
        let later: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(
            changed(json!({ "expiresAt": later })),
            Ok((Some(Some(later)), false))
        );
        assert_eq!(
            changed(json!({ "expiresAt": "2025-01-01T00:00:00Z" })),
            Err(ErrorCode::InvalidValue)
        );
        assert_eq!(
            changed(json!({ "status": "RELEASED" })),
            Err(ErrorCode::InvalidValue)
        );
        assert_eq!(
            changed(json!({ "ipAddress": "203.0.113.8" })),
            Err(ErrorCode::ReadOnlyField)
        );
        assert_eq!(changed(json!({ "events": [] })), Err(ErrorCode::ReadOnlyField));
    }
}
