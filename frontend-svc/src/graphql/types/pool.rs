//! Pools.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_graphql::{ComplexObject, ID, SimpleObject};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{PoolFigures, ReservationFilter};
use cadastre_api_types::public::isp::Pool as WirePool;
use cadastre_domain::isp::{Kept, Pool, ReservationStatus};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Alert, IPReservation, PoolUtilization, text};
use crate::graphql::paging::{Page, Slice};
use crate::graphql::scalars::{BigInt, id};
use crate::graphql::session::InSpace;
use crate::graphql::words::{AlertState, IPPoolStatus, IPPoolType, IPReservationStatus, PoolAllocation};
use crate::isp::pools::WithDays;
use crate::isp::wire::{numbers, pool};
use crate::isp::{alerts, pools, reservations};

/// A pool: a network whose addresses, or prefixes, are handed out to subscribers.
#[derive(SimpleObject)]
#[graphql(complex)]
#[graphql(name = "IPPool")]
pub(in crate::graphql) struct IPPool {
    #[graphql(skip)]
    at: Arc<InSpace>,
    #[graphql(skip)]
    key: Uuid,
    /// UUIDv7.
    id: ID,
    /// The address space that it is in.
    address_space_id: ID,
    /// Unique in its address space, without regard to case.
    pool_name: String,
    /// What it hands out.
    pool_type: IPPoolType,
    /// Its network.
    network_cidr: String,
    /// Never handed out.
    gateway: Option<String>,
    /// What subscribers are told to ask.
    dns_servers: Option<Vec<String>>,
    /// The VLAN of its network.
    vlan_id: Option<u16>,
    /// Whether it hands out without being told which address.
    auto_assign_enabled: bool,
    /// Whether somebody may choose an address.
    allow_manual_reservation: bool,
    /// What it is for.
    description: Option<String>,
    /// Which of the free ones comes next.
    allocation: PoolAllocation,
    /// Length of the prefixes of a pool that delegates.
    delegated_prefix_length: Option<u8>,
    /// Never handed out, beside the gateway: prefixes, ascending.
    exclusions: Vec<String>,
    /// Days that a released address rests before it may be somebody else's.
    rest_days: u32,
    /// An alert is raised when this share is used, in percent.
    warn_percent: u8,
    /// Where it serves.
    site_id: Option<String>,
    /// What one address (or delegated prefix) costs in a month.
    cost_per_address_month: Option<String>,
    /// ISO 4217.
    currency: Option<String>,
    /// The prefix in NetBox.
    netbox_prefix_id: Option<BigInt>,
    /// When it was made.
    created_at: Timestamp,
    /// When its settings last changed.
    updated_at: Timestamp,
}

impl IPPool {
    /// A pool as it is kept; what is derived for it is read when it is asked for.
    pub(in crate::graphql) fn kept(at: &Arc<InSpace>, kept: &Kept<Pool>) -> Self {
        Self::of(at, pool::settings(at.caller.space, kept))
    }

    /// A pool as the public API shows it.
    pub(in crate::graphql) fn of(at: &Arc<InSpace>, pool: WirePool) -> Self {
        Self {
            at: Arc::clone(at),
            key: pool.id,
            id: id(pool.id),
            address_space_id: id(pool.address_space_id),
            pool_name: pool.pool_name,
            pool_type: pool.pool_type.into(),
            network_cidr: pool.network_cidr,
            gateway: pool.gateway,
            dns_servers: Some(pool.dns_servers),
            vlan_id: pool.vlan_id,
            auto_assign_enabled: pool.auto_assign_enabled,
            allow_manual_reservation: pool.allow_manual_reservation,
            description: text(pool.description),
            allocation: pool.allocation.into(),
            delegated_prefix_length: pool.delegated_prefix_length,
            exclusions: pool.exclusions,
            rest_days: pool.rest_days,
            warn_percent: pool.warn_percent,
            site_id: pool.site_id,
            cost_per_address_month: pool.cost_per_address_month,
            currency: pool.currency,
            netbox_prefix_id: pool.netbox_prefix_id.map(BigInt::from),
            created_at: pool.created_at,
            updated_at: pool.updated_at,
        }
    }

    async fn figures(&self) -> Result<Arc<PoolFigures>, ApiError> {
        self.at.figures(self.key, WithDays::No).await
    }
}

impl fmt::Debug for IPPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "IPPool({})", self.key)
    }
}

#[ComplexObject]
impl IPPool {
    /// Whether it hands out; `DEPLETED` when it would and nothing is left.
    async fn status(&self) -> Result<IPPoolStatus, ApiError> {
        let status = cadastre_api_types::public::isp::PoolStatus::from(self.figures().await?.status);
        Ok(status.into())
    }

    /// What there is to hand out if nothing is excluded.
    async fn total_addresses(&self) -> Result<BigInt, ApiError> {
        Ok(self.figures().await?.counts.total.into())
    }

    /// Held, not in use yet.
    async fn reserved_count(&self) -> Result<BigInt, ApiError> {
        Ok(self.figures().await?.counts.reserved.into())
    }

    /// In use.
    async fn assigned_count(&self) -> Result<BigInt, ApiError> {
        Ok(self.figures().await?.counts.assigned.into())
    }

    /// Released, and not reclaimed yet.
    async fn resting_count(&self) -> Result<BigInt, ApiError> {
        Ok(self.figures().await?.counts.resting.into())
    }

    /// Never handed out: gateway, exclusions, other nodes in the network.
    async fn excluded_count(&self) -> Result<BigInt, ApiError> {
        Ok(self.figures().await?.counts.excluded.into())
    }

    /// What is left.
    async fn available_count(&self) -> Result<BigInt, ApiError> {
        Ok(self.figures().await?.counts.available().into())
    }

    /// Share of what could be handed out that is reserved, assigned or resting; 100 only when nothing is left.
    async fn utilization_percent(&self) -> Result<f64, ApiError> {
        Ok(numbers::utilization(&self.figures().await?.counts))
    }

    /// How full it is, and until when it lasts.
    async fn utilization(&self) -> Result<PoolUtilization, ApiError> {
        // The forecast goes by what happened day by day.
        let figures = self.at.figures(self.key, WithDays::Yes).await?;
        PoolUtilization::of(pools::utilization_of(&self.at.caller, &figures))
    }

    /// The node of its network.
    async fn node_id(&self) -> Result<ID, ApiError> {
        Ok(id(self.figures().await?.node_id))
    }

    /// Tags set on the node of its network.
    async fn tags(&self) -> Result<BTreeMap<String, String>, ApiError> {
        Ok(pool::texts(&self.figures().await?.tags))
    }

    /// Tags that hold there.
    async fn resolved_tags(&self) -> Result<BTreeMap<String, String>, ApiError> {
        Ok(pool::texts(&self.figures().await?.resolved))
    }

    /// Its reservations in order of their addresses.
    async fn reservations(
        &self,
        #[graphql(desc = "In one of these; any if absent.")] statuses: Option<Vec<IPReservationStatus>>,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] first: i32,
        #[graphql(desc = "`pageInfo.endCursor` of the page before.")] after: Option<String>,
    ) -> Result<Page<IPReservation>, ApiError> {
        let at = &self.at;
        let statuses = statuses.unwrap_or_default();
        let key = (self.key, &statuses);
        let slice = Slice::of(
            at,
            "IPPool.reservations",
            &key,
            ("first", first),
            after.as_deref(),
        )?;
        let wire = statuses
            .into_iter()
            .map(cadastre_api_types::public::isp::ReservationStatus::from);
        let filter = ReservationFilter {
            pool_id: Some(self.key),
            statuses: wire.map(ReservationStatus::from).collect(),
            ..ReservationFilter::default()
        };
        let found = reservations::list(&at.caller, filter, slice.page.clone()).await?;
        Ok(slice.page_of(found, |one| IPReservation::of(at, one)))
    }

    /// Its alerts, newest first.
    async fn alerts(
        &self,
        #[graphql(desc = "In one of these; any if absent.")] states: Option<Vec<AlertState>>,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] first: i32,
        #[graphql(desc = "`pageInfo.endCursor` of the page before.")] after: Option<String>,
    ) -> Result<Page<Alert>, ApiError> {
        let at = &self.at;
        let states = states.unwrap_or_default();
        let key = (self.key, &states);
        let slice = Slice::of(at, "IPPool.alerts", &key, ("first", first), after.as_deref())?;
        let states = Alert::states(&states);
        let found = alerts::list(&at.caller, states, Some(self.key), slice.page.clone()).await?;
        slice.try_page_of(found, |alert| Alert::of(at, alert))
    }
}
