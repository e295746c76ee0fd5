//! Subscribers.

use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{Subscriber as WireSubscriber, SubscriberUpdate};
use cadastre_domain::isp::subscriber::canonical_mac;
use cadastre_domain::isp::{IpType, Kept, Reservation, Subscriber, SubscriberId, SubscriberStatus};

use super::{check_read_only, invalid, refused, shown};
use crate::http::wording::echo;

/// Fields that nobody sends otherwise than they are.
const READ_ONLY: &[&str] = &[
    "id",
    "hasPassword",
    "status",
    "planId",
    "activatedAt",
    "suspendedAt",
    "terminatedAt",
    "createdAt",
    "updatedAt",
];

/// What a subscriber holds, compared by itself: it is kept elsewhere.
const HELD: &[&str] = &["staticIpv4", "staticIpv6", "ipv6Prefix"];

/// As clients see it, with what it holds: some of these reservations.
pub(crate) fn with_holdings<'r>(
    kept: Kept<Subscriber>,
    reservations: impl IntoIterator<Item = &'r Reservation>,
) -> WireSubscriber {
    let mut wire = to_wire(kept);
    for held in reservations {
        if held.status.is_active() && held.subscriber_id.as_str() == wire.id {
            let field = match held.ip_type {
                IpType::Ipv4 => &mut wire.static_ipv4,
                IpType::Ipv6 => &mut wire.static_ipv6,
                IpType::Ipv6Prefix => &mut wire.ipv6_prefix,
            };
            *field = Some(shown(&held.prefix));
        }
    }
    wire
}

/// Whether a body names what the subscriber holds.
pub(crate) fn names_holdings(body: &SubscriberUpdate) -> bool {
    body.static_ipv4.is_some() || body.static_ipv6.is_some() || body.ipv6_prefix.is_some()
}

/// Compares that with what it holds.
///
/// # Errors
/// `400 ReadOnlyField`.
pub(crate) fn check_holdings(body: &SubscriberUpdate, stored: &WireSubscriber) -> Result<(), ApiError> {
    check_read_only(body, stored, HELD)
}

/// As clients see it, without what it holds.
pub(crate) fn to_wire(kept: Kept<Subscriber>) -> WireSubscriber {
    let subscriber = kept.value;
    WireSubscriber {
        id: subscriber.id.to_string(),
        subscriber_number: subscriber.subscriber_number,
        customer_id: subscriber.customer_id,
        user_id: subscriber.user_id,
        username: subscriber.username,
        has_password: subscriber.has_password,
        status: subscriber.status.into(),
        service_type: subscriber.service_type.into(),
        plan_id: subscriber.plan_id,
        bandwidth_profile_id: subscriber.bandwidth_profile_id,
        connection_type: subscriber.connection_type,
        site_id: subscriber.site_id,
        access_node: subscriber.access_node,
        service_address: subscriber.service_address,
        onu_serial: subscriber.onu_serial,
        cpe_mac_address: subscriber.cpe_mac_address,
        tags: subscriber.tags,
        netbox_ip_id: subscriber.netbox_ip_id,
        voltha_onu_id: subscriber.voltha_onu_id,
        genieacs_device_id: subscriber.genieacs_device_id,
        static_ipv4: None,
        static_ipv6: None,
        ipv6_prefix: None,
        notes: subscriber.notes,
        activated_at: subscriber.activated_at,
        suspended_at: subscriber.suspended_at,
        terminated_at: subscriber.terminated_at,
        created_at: kept.created,
        updated_at: kept.modified,
    }
}

/// The subscriber that a body asks for; `stored` is the one that it replaces. What use cases decide stays.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn from_wire(
    id: SubscriberId,
    body: SubscriberUpdate,
    stored: Option<&Kept<Subscriber>>,
) -> Result<Subscriber, ApiError> {
    if let Some(stored) = stored {
        check_read_only(&body, &to_wire(stored.clone()), READ_ONLY)?;
    }
    let stored = stored.map(|kept| &kept.value);
    let subscriber = Subscriber {
        id,
        subscriber_number: body.subscriber_number,
        customer_id: body.customer_id,
        user_id: body.user_id,
        username: body.username,
        has_password: stored.is_some_and(|stored| stored.has_password),
        status: stored.map_or(SubscriberStatus::Pending, |stored| stored.status),
        service_type: body.service_type.map(Into::into).unwrap_or_default(),
        plan_id: stored.and_then(|stored| stored.plan_id),
        bandwidth_profile_id: body.bandwidth_profile_id,
        connection_type: body.connection_type,
        site_id: body.site_id,
        access_node: body.access_node,
        service_address: body.service_address,
        onu_serial: body.onu_serial,
        cpe_mac_address: body.cpe_mac_address.map(|text| mac(&text)).transpose()?,
        tags: body.tags.unwrap_or_default(),
        netbox_ip_id: body.netbox_ip_id,
        voltha_onu_id: body.voltha_onu_id,
        genieacs_device_id: body.genieacs_device_id,
        notes: body.notes.unwrap_or_default(),
        activated_at: stored.and_then(|stored| stored.activated_at),
        suspended_at: stored.and_then(|stored| stored.suspended_at),
        terminated_at: stored.and_then(|stored| stored.terminated_at),
    };
    subscriber.check().map_err(|error| refused(&error))?;
    Ok(subscriber)
}

fn mac(text: &str) -> Result<String, ApiError> {
    canonical_mac(text).ok_or_else(|| {
        invalid(
            "cpeMacAddress",
            format!(
                "`{}` is not a MAC address; it is six bytes in hex, for example 00:1b:44:11:3a:b7.",
                echo(text)
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_api_types::ErrorCode;
    use cadastre_api_types::public::isp::SubscriberCreate;
    use jiff::Timestamp;
    use serde_json::{Value, json};
    use uuid::Uuid;

    fn id() -> SubscriberId {
        SubscriberId::new("A/B#1").unwrap()
    }

    fn made(changes: &Value) -> Result<Subscriber, ApiError> {
        let mut sent = json!({ "username": "john@isp.example", "password": "x", "serviceType": "BUSINESS" });
        for (key, value) in changes.as_object().unwrap() {
            sent[key] = value.clone();
        }
        let create: SubscriberCreate = serde_json::from_value(sent).unwrap();
        from_wire(id(), create.into(), None)
    }

    fn active() -> Kept<Subscriber> {
        let mut value =
            made(&json!({ "cpeMacAddress": "00-1B-44-11-3A-B7", "tags": { "Region": "West" } })).unwrap();
        value.status = SubscriberStatus::Active;
        value.plan_id = Some(Uuid::from_u128(1));
        value.has_password = true;
        value.activated_at = Some(Timestamp::UNIX_EPOCH);
        Kept {
            value,
            created: Timestamp::UNIX_EPOCH,
            modified: Timestamp::UNIX_EPOCH,
            revision: 1,
        }
    }

    fn put(changes: &Value) -> Result<Subscriber, ApiError> {
        let mut sent = serde_json::to_value(to_wire(active())).unwrap();
        for (key, value) in changes.as_object().unwrap() {
            sent[key] = value.clone();
        }
        from_wire(id(), serde_json::from_value(sent).unwrap(), Some(&active()))
    }

    #[test]
    fn what_get_returned_can_be_put_back_and_what_use_cases_decided_stays() {
        assert_eq!(put(&json!({})).unwrap(), active().value);
    }

    #[test]
    fn status_plan_and_id_are_not_changed_by_a_put() {
        for (field, value) in [
            ("status", json!("SUSPENDED")),
            ("planId", json!(Uuid::nil())),
            ("id", json!("other")),
            ("hasPassword", json!(false)),
        ] {
            assert_eq!(
                put(&json!({ field: value })).unwrap_err().code,
                ErrorCode::ReadOnlyField,
                "{field}"
            );
        }
    }

    #[test]
    fn a_mac_address_is_kept_in_one_spelling_and_nonsense_is_refused() {
        assert_eq!(
            active().value.cpe_mac_address.as_deref(),
            Some("00:1b:44:11:3a:b7")
        );
        let error = made(&json!({ "cpeMacAddress": "nonsense" })).unwrap_err();
        assert_eq!(error.details.unwrap()["field"], "cpeMacAddress");
        let empty = made(&json!({ "siteId": "" })).unwrap_err();
        assert_eq!(empty.details.unwrap()["field"], "siteId");
    }

    #[test]
    fn a_password_is_in_no_answer_and_no_log() {
        let create: SubscriberCreate = serde_json::from_value(json!({ "password": "hunter2" })).unwrap();
        assert!(!format!("{create:?}").contains("hunter2"));
        assert!(!serde_json::to_string(&create).unwrap().contains("hunter2"));
        assert!(
            !serde_json::to_string(&to_wire(active()))
                .unwrap()
                .contains("password\"")
        );
    }
}
