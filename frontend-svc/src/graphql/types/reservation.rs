//! Reservations.

use std::fmt;
use std::sync::Arc;

use async_graphql::{ComplexObject, ID, SimpleObject};
use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{Reservation as WireReservation, ReservationEvent as WireEvent};
use cadastre_domain::isp::{EntityKey, IpType, Pool, Subscriber as KeptSubscriber};
use jiff::Timestamp;
use uuid::Uuid;

use super::{IPPool, Subscriber, text};
use crate::graphql::scalars::{BigInt, id};
use crate::graphql::session::InSpace;
use crate::graphql::words::IPReservationStatus;
use crate::isp::wire::{subscriber, subscriber_id};

/// One thing that happened to a reservation.
#[derive(Clone, SimpleObject)]
struct ReservationEvent {
    /// When.
    at: Timestamp,
    /// For example `RESERVED`, `EXTENDED`, `RECLAIMED`.
    event: String,
    /// User name, or `system`.
    by: String,
    /// Why, in words.
    reason: Option<String>,
    /// The VLAN that the subscriber had then: `100`, or `100.7` with an inner tag.
    vlan: Option<String>,
    /// Correlation id of the request.
    correlation_id: Option<String>,
}

impl From<WireEvent> for ReservationEvent {
    fn from(event: WireEvent) -> Self {
        Self {
            at: event.at,
            event: event.event,
            by: event.by,
            reason: event.reason,
            vlan: event.vlan,
            correlation_id: event.correlation_id,
        }
    }
}

/// A reservation: who holds an address, or a delegated prefix, from when to when.
#[derive(SimpleObject)]
#[graphql(complex)]
#[graphql(name = "IPReservation")]
pub(in crate::graphql) struct IPReservation {
    #[graphql(skip)]
    at: Arc<InSpace>,
    #[graphql(skip)]
    pool_key: Uuid,
    /// UUIDv7.
    id: ID,
    /// The pool it was taken from.
    pool_id: ID,
    /// Who holds it.
    subscriber_id: String,
    /// The address; the prefix with its length, if one is delegated.
    ip_address: String,
    /// Length of a delegated prefix.
    prefix_length: Option<u8>,
    /// `ipv4`, `ipv6` or `ipv6_prefix`.
    ip_type: String,
    /// Where it stands.
    status: IPReservationStatus,
    /// When it was made.
    reserved_at: Timestamp,
    /// When it was put to use.
    assigned_at: Option<Timestamp>,
    /// When it was given back.
    released_at: Option<Timestamp>,
    /// When its time is over; `null` = never.
    expires_at: Option<Timestamp>,
    /// Until when the address of a released one rests.
    rests_until: Option<Timestamp>,
    /// When the address was let go.
    reclaimed_at: Option<Timestamp>,
    /// Who made it.
    assigned_by: Option<String>,
    /// Why.
    assignment_reason: Option<String>,
    /// Whatever is worth knowing.
    notes: Option<String>,
    /// It was made in spite of conflicts.
    forced: bool,
    /// The address in NetBox.
    netbox_ip_id: Option<BigInt>,
    /// NetBox has it as it is here.
    netbox_synced: bool,
    /// Its life, oldest first.
    events: Vec<ReservationEvent>,
    /// When it was made.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

impl IPReservation {
    /// A reservation as the public API shows it.
    pub(in crate::graphql) fn of(at: &Arc<InSpace>, reservation: WireReservation) -> Self {
        Self {
            at: Arc::clone(at),
            pool_key: reservation.pool_id,
            id: id(reservation.id),
            pool_id: id(reservation.pool_id),
            subscriber_id: reservation.subscriber_id,
            ip_address: reservation.ip_address,
            prefix_length: reservation.prefix_length,
            ip_type: IpType::from(reservation.ip_type).to_string(),
            status: reservation.status.into(),
            reserved_at: reservation.reserved_at,
            assigned_at: reservation.assigned_at,
            released_at: reservation.released_at,
            expires_at: reservation.expires_at,
            rests_until: reservation.rests_until,
            reclaimed_at: reservation.reclaimed_at,
            assigned_by: text(reservation.assigned_by),
            assignment_reason: reservation.assignment_reason,
            notes: text(reservation.notes),
            forced: reservation.forced,
            netbox_ip_id: reservation.netbox_ip_id.map(BigInt::from),
            netbox_synced: reservation.netbox_synced,
            events: reservation.events.into_iter().map(Into::into).collect(),
            created_at: reservation.created_at,
            updated_at: reservation.updated_at,
        }
    }
}

impl fmt::Debug for IPReservation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "IPReservation({})", self.ip_address)
    }
}

#[ComplexObject]
impl IPReservation {
    /// The pool it was taken from; `null` if that was removed.
    async fn pool(&self) -> Result<Option<IPPool>, ApiError> {
        let found = self.at.thing::<Pool>(EntityKey::Pool(self.pool_key)).await?;
        Ok(found.map(|kept| IPPool::kept(&self.at, &kept)))
    }

    /// Who holds it; `null` if nothing more than the id is known.
    async fn subscriber(&self) -> Result<Option<Subscriber>, ApiError> {
        let key = EntityKey::Subscriber(subscriber_id("subscriberId", &self.subscriber_id)?);
        let found = self.at.thing::<KeptSubscriber>(key).await?;
        Ok(found.map(|kept| Subscriber::of(&self.at, subscriber::to_wire(kept))))
    }
}
