//! Pools and reservations.
#![allow(
    clippy::too_many_arguments,
    reason = "a field of GraphQL has as many as it has"
)]

use async_graphql::{Context, ID, Object};
use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{AssignIp, PoolCreate, PoolUpdate};
use jiff::Timestamp;

use super::replaced;
use crate::graphql::changes::{Change, done};
use crate::graphql::inputs::{CreateIPPoolInput, ReserveIPInput, UpdateIPPoolInput};
use crate::graphql::patch::{body, of_pool, patched};
use crate::graphql::scalars::uuid;
use crate::graphql::types::{IPPool, IPReservation};
use crate::isp::wire::subscriber_id;
use crate::isp::{pools, reservations};

/// See the module.
#[derive(Default)]
pub(super) struct AddressChanges;

#[Object]
impl AddressChanges {
    /// Makes a pool. Its network becomes a node of the tree if it is none; pools do not overlap.
    #[graphql(name = "createIPPool")]
    async fn create_ip_pool(
        &self,
        context: &Context<'_>,
        input: CreateIPPoolInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<IPPool, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let body = body::<PoolCreate>(&input)?;
        let made = done(pools::create(&change.at.caller, body, change.options).await?)?;
        Ok(IPPool::of(&change.at, made))
    }

    /// Changes a pool's settings.
    #[graphql(name = "updateIPPool")]
    async fn update_ip_pool(
        &self,
        context: &Context<'_>,
        id: ID,
        input: UpdateIPPoolInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<IPPool, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let (caller, id) = (&change.at.caller, uuid("id", &id)?);
        let changed = replaced!(
            change,
            pools::get(caller, id),
            |stored: &_| patched::<PoolCreate, PoolUpdate>(stored, &input, of_pool),
            |body, options| pools::update(caller, id, body, options)
        )?;
        Ok(IPPool::of(&change.at, changed))
    }

    /// Removes a pool that holds nothing. Its node stays if it was there before the pool or has tags.
    #[graphql(name = "deleteIPPool")]
    async fn delete_ip_pool(
        &self,
        context: &Context<'_>,
        id: ID,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<bool, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = uuid("id", &id)?;
        done(pools::delete(&change.at.caller, id, change.options).await?)?;
        Ok(true)
    }

    /// Reserves an address or a delegated prefix for a subscriber.
    #[graphql(name = "reserveIP")]
    async fn reserve_ip(
        &self,
        context: &Context<'_>,
        input: ReserveIPInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<IPReservation, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let body = body(&input)?;
        let made = done(reservations::create(&change.at.caller, body, change.options).await?)?;
        Ok(IPReservation::of(&change.at, made))
    }

    /// Assigns the next address (or delegated prefix) of a pool to a subscriber.
    #[graphql(name = "assignIPAuto")]
    async fn assign_ip_auto(
        &self,
        context: &Context<'_>,
        subscriber_id: String,
        pool_id: ID,
        #[graphql(desc = "Length of a delegated prefix; that of the pool if absent.")] prefix_length: Option<
            u8,
        >,
        #[graphql(desc = "Why, in words.")] reason: Option<String>,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<IPReservation, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let subscriber = self::subscriber_id("subscriberId", &subscriber_id)?;
        let body = AssignIp {
            pool_id: Some(uuid("poolId", &pool_id)?),
            prefix_length,
            assignment_reason: reason,
            ..AssignIp::default()
        };
        let assigned = reservations::assign_ip(&change.at.caller, &subscriber, body, change.options).await?;
        Ok(IPReservation::of(&change.at, done(assigned)?))
    }

    /// Puts a reservation to use: `RESERVED` becomes `ASSIGNED`.
    #[graphql(name = "assignIP")]
    async fn assign_ip(
        &self,
        context: &Context<'_>,
        reservation_id: ID,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<IPReservation, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = uuid("reservationId", &reservation_id)?;
        let assigned = reservations::assign(&change.at.caller, id, change.options).await?;
        Ok(IPReservation::of(&change.at, done(assigned)?))
    }

    /// Gives a reservation another expiry.
    #[graphql(name = "extendIPReservation")]
    async fn extend_ip_reservation(
        &self,
        context: &Context<'_>,
        reservation_id: ID,
        #[graphql(desc = "When its time is over from now on; in the future.")] expires_at: Timestamp,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<IPReservation, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = uuid("reservationId", &reservation_id)?;
        let extended = reservations::extend(&change.at.caller, id, expires_at, change.options).await?;
        Ok(IPReservation::of(&change.at, done(extended)?))
    }

    /// Gives a reservation back. Its address rests before it may be somebody else's.
    #[graphql(name = "releaseIP")]
    async fn release_ip(
        &self,
        context: &Context<'_>,
        reservation_id: ID,
        #[graphql(desc = "Why, in words.")] reason: Option<String>,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<bool, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = uuid("reservationId", &reservation_id)?;
        done(reservations::release(&change.at.caller, id, reason, change.options).await?)?;
        Ok(true)
    }
}
