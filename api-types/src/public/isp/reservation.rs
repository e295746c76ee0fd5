//! Reservations (seed `static-ip-management.md`, model `IPReservation`).

use cadastre_domain::isp;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::macros::words;
use super::patch::or_null;

words! {
    /// What is reserved.
    IpType of isp::IpType {
        /// An IPv4 address.
        Ipv4 = "ipv4",
        /// An IPv6 address.
        Ipv6 = "ipv6",
        /// A delegated IPv6 prefix.
        Ipv6Prefix = "ipv6_prefix",
    }
}

words! {
    /// Where a reservation stands.
    ReservationStatus of isp::ReservationStatus {
        /// It is held, and not in use yet.
        Reserved = "RESERVED",
        /// It is in use.
        Assigned = "ASSIGNED",
        /// It was given back. The address rests, until it is reclaimed.
        Released = "RELEASED",
        /// Its time ran out before it was used.
        Expired = "EXPIRED",
    }
}

/// One thing that happened to a reservation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReservationEvent {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// For example `RESERVED`, `EXTENDED`, `RECLAIMED`.
    pub event: String,
    /// User name, or `system`.
    pub by: String,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The VLAN that the subscriber had then: `100`, or `100.7` with an inner tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<String>,
    /// Correlation id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

/// A reservation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// UUIDv7.
    pub id: Uuid,
    /// The pool it was taken from.
    pub pool_id: Uuid,
    /// Who holds it.
    pub subscriber_id: String,
    /// The address; the prefix, if one is delegated.
    #[schema(example = "203.0.113.9")]
    pub ip_address: String,
    /// Length of a delegated prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix_length: Option<u8>,
    /// What is reserved.
    pub ip_type: IpType,
    /// Where it stands.
    pub status: ReservationStatus,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub reserved_at: Timestamp,
    /// When it was put to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub assigned_at: Option<Timestamp>,
    /// When it was given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub released_at: Option<Timestamp>,
    /// When its time is over; absent = never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Until when the address of a released one rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub rests_until: Option<Timestamp>,
    /// When the address was let go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reclaimed_at: Option<Timestamp>,
    /// Who made it.
    pub assigned_by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment_reason: Option<String>,
    /// Whatever is worth knowing.
    pub notes: String,
    /// It was made in spite of conflicts.
    pub forced: bool,
    /// The address in NetBox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netbox_ip_id: Option<u64>,
    /// NetBox has it as it is here.
    pub netbox_synced: bool,
    /// Its life, oldest first.
    pub events: Vec<ReservationEvent>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// Body of `POST …/reservations`. Without `ipAddress` the pool hands out its next one; without `poolId`, too, the space's
/// pool policy says which pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReservationCreate {
    /// For whom.
    #[schema(min_length = 1, max_length = 255, example = "sub-4711")]
    pub subscriber_id: String,
    /// From which pool.
    #[serde(default)]
    pub pool_id: Option<Uuid>,
    /// This address, or this prefix of a pool that delegates.
    #[serde(default)]
    #[schema(example = "203.0.113.9")]
    pub ip_address: Option<String>,
    /// What is reserved; needed if neither `poolId` nor `ipAddress` says it.
    #[serde(default)]
    pub ip_type: Option<IpType>,
    /// Length of a delegated prefix; that of the pool if absent.
    #[serde(default)]
    #[schema(minimum = 9, maximum = 64)]
    pub prefix_length: Option<u8>,
    /// When its time is over; in the future. Never, if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Puts it to use at once.
    #[serde(default)]
    pub assign: Option<bool>,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub assignment_reason: Option<String>,
    /// Whatever is worth knowing.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub notes: Option<String>,
    /// In spite of conflicts that can be overruled; needs the permission `isp.ipam.force`.
    #[serde(default)]
    pub force: Option<bool>,
}

/// Body of `POST …/reservations/bulk`: all or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReservationBulk {
    /// What to reserve; `force` is said once for all, beside them.
    #[schema(min_items = 1, max_items = 1000)]
    pub items: Vec<ReservationCreate>,
    /// In spite of conflicts that can be overruled; needs the permission `isp.ipam.force`.
    #[serde(default)]
    pub force: Option<bool>,
}

/// Body of `PUT …/reservations/{reservationId}`: what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReservationUpdate {
    /// Whatever is worth knowing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub notes: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub assignment_reason: Option<String>,
    /// When its time is over, in the future; `null` = never.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Option<Timestamp>>,
    /// `ASSIGNED` puts a reservation that is `RESERVED` to use; otherwise as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ReservationStatus>,
    /// The address in NetBox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netbox_ip_id: Option<u64>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<Uuid>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber_id: Option<String>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix_length: Option<u8>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_type: Option<IpType>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reserved_at: Option<Timestamp>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub assigned_at: Option<Timestamp>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub released_at: Option<Timestamp>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub rests_until: Option<Timestamp>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reclaimed_at: Option<Timestamp>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_by: Option<String>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<bool>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netbox_synced: Option<bool>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<ReservationEvent>>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
}

/// Body of `POST …/reservations/{reservationId}/release` and of use cases that need nothing but a reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reason {
    /// Why, in words.
    #[serde(default)]
    #[schema(max_length = 1024, example = "contract ended")]
    pub reason: Option<String>,
}

/// Body of `POST …/reservations/{reservationId}/extend`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReservationExtend {
    /// When its time is over from now on; in the future.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Body of `POST …/subscribers/{subscriberId}/assign-ip`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssignIp {
    /// From which pool; the space's pool policy says if absent.
    #[serde(default)]
    pub pool_id: Option<Uuid>,
    /// What is assigned; if absent, what `poolId` or `ipAddress` says, else `ipv4`.
    #[serde(default)]
    pub ip_type: Option<IpType>,
    /// This address, or this prefix of a pool that delegates.
    #[serde(default)]
    #[schema(example = "203.0.113.9")]
    pub ip_address: Option<String>,
    /// Length of a delegated prefix; that of the pool if absent.
    #[serde(default)]
    #[schema(minimum = 9, maximum = 64)]
    pub prefix_length: Option<u8>,
    /// When its time is over; in the future. Never, if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub assignment_reason: Option<String>,
    /// Whatever is worth knowing.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub notes: Option<String>,
    /// In spite of conflicts that can be overruled; needs the permission `isp.ipam.force`.
    #[serde(default)]
    pub force: Option<bool>,
}

/// Body of `POST …/subscribers/{subscriberId}/release-ip`: at most one of `reservationId`, `ipType` and `ipAddress`; with
/// none of them, everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseIp {
    /// This reservation of the subscriber.
    #[serde(default)]
    pub reservation_id: Option<Uuid>,
    /// What the subscriber holds of this type.
    #[serde(default)]
    pub ip_type: Option<IpType>,
    /// The reservation of this address or delegated prefix.
    #[serde(default)]
    #[schema(example = "203.0.113.9")]
    pub ip_address: Option<String>,
    /// Why, in words.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub reason: Option<String>,
}

/// What was released.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    /// The reservations as they are now.
    pub released: Vec<Reservation>,
}
