//! Pools, reservations, conflicts, and numbers of them.

use async_graphql::{Context, ID, Object};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IspListing, PoolFilter};
use cadastre_api_types::public::isp::ConflictCheck;
use cadastre_domain::isp::{EntityKey, Pool, Reservation};
use cadastre_domain::roles::Permission::IspIpamRead;
use serde_json::json;

use crate::graphql::inputs::{IPPoolFilters, ReservationFilters};
use crate::graphql::paging::{Page, Slice};
use crate::graphql::scalars::{uuid, uuid_or_none};
use crate::graphql::session::Session;
use crate::graphql::types::{
    AvailableIPs, IPConflict, IPPool, IPReservation, IPStats, PoolStats, PoolUtilization,
};
use crate::http::query::invalid;
use crate::isp::pools::WithDays;
use crate::isp::wire::{reservation, subscriber_id};
use crate::isp::{conflicts, pools, reservations, stats};

/// Most addresses that a pool is asked for at a time.
const MOST_AVAILABLE: i32 = 1_000;

/// See the module.
#[derive(Default)]
pub(super) struct Addresses;

#[Object]
impl Addresses {
    /// Pools in order of their networks: a plain list, see `Query` for its paging.
    async fn ip_pools(
        &self,
        context: &Context<'_>,
        filters: Option<IPPoolFilters>,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] limit: i32,
        #[graphql(desc = "The cursor in `extensions.next` of the page before.")] after: Option<String>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Vec<IPPool>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let slice = Slice::of(&at, "ipPools", &filters, ("limit", limit), after.as_deref())?;
        let filter = filters.map(PoolFilter::from).unwrap_or_default();
        let listing = IspListing::Pools(filter);
        let found = at
            .caller
            .list::<Pool>(IspIpamRead, listing, slice.page.clone())
            .await?;
        slice.list_of(context, found, |kept| IPPool::kept(&at, &kept))
    }

    /// One pool; `null` if there is none.
    #[graphql(name = "ipPool")]
    async fn ip_pool(
        &self,
        context: &Context<'_>,
        id: ID,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Option<IPPool>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let found = at.thing::<Pool>(EntityKey::Pool(uuid("id", &id)?)).await?;
        Ok(found.map(|kept| IPPool::kept(&at, &kept)))
    }

    /// Reservations in order of their addresses, those of one address oldest first: a plain list, see `Query` for its
    /// paging.
    async fn ip_reservations(
        &self,
        context: &Context<'_>,
        filters: Option<ReservationFilters>,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] limit: i32,
        #[graphql(desc = "The cursor in `extensions.next` of the page before.")] after: Option<String>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Vec<IPReservation>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let slice = Slice::of(
            &at,
            "ipReservations",
            &filters,
            ("limit", limit),
            after.as_deref(),
        )?;
        let filter = filters.unwrap_or_default().read()?;
        let found = reservations::list(&at.caller, filter, slice.page.clone()).await?;
        slice.list_of(context, found, |one| IPReservation::of(&at, one))
    }

    /// One reservation; `null` if there is none.
    async fn ip_reservation(
        &self,
        context: &Context<'_>,
        id: ID,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Option<IPReservation>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let key = EntityKey::Reservation(uuid("id", &id)?);
        let found = at.thing::<Reservation>(key).await?;
        Ok(found.map(|kept| IPReservation::of(&at, reservation::to_wire(kept))))
    }

    /// What a subscriber holds; with `withPast`, what it held, too.
    #[graphql(name = "subscriberIPs")]
    async fn subscriber_ips(
        &self,
        context: &Context<'_>,
        subscriber_id: String,
        #[graphql(default)] with_past: bool,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Vec<IPReservation>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let subscriber = self::subscriber_id("subscriberId", &subscriber_id)?;
        let found = reservations::of_subscriber(&at.caller, &subscriber, with_past).await?;
        Ok(found.into_iter().map(|one| IPReservation::of(&at, one)).collect())
    }

    /// What stands against an address, or a prefix that would be delegated, being handed out, the worst first. Who could
    /// not be asked is named in `extensions.unavailableSources`: what they know is not in the list.
    #[graphql(name = "checkIPConflicts")]
    async fn check_ip_conflicts(
        &self,
        context: &Context<'_>,
        ip_address: String,
        #[graphql(desc = "As one of this pool.")] pool_id: Option<ID>,
        #[graphql(desc = "For this subscriber, whose own is no conflict.")] subscriber_id: Option<String>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Vec<IPConflict>, ApiError> {
        let session = Session::of(context)?;
        let at = session.space(address_space).await?;
        let body = ConflictCheck {
            ip_address,
            pool_id: uuid_or_none("poolId", pool_id.as_ref())?,
            subscriber_id,
        };
        let report = conflicts::check(&at.caller, body).await?;
        if !report.unavailable_sources.is_empty() {
            session.say(context, "unavailableSources", json!(report.unavailable_sources));
        }
        let conflicts = report.conflicts.into_iter();
        Ok(conflicts.map(|one| IPConflict::of(&at, one)).collect())
    }

    /// What is wrong between reservations, the tree and network profiles as they are.
    async fn ip_conflicts(
        &self,
        context: &Context<'_>,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] first: i32,
        #[graphql(desc = "`pageInfo.endCursor` of the page before.")] after: Option<String>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Page<IPConflict>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let slice = Slice::of(&at, "ipConflicts", &(), ("first", first), after.as_deref())?;
        let found = conflicts::standing(&at.caller, slice.page.clone()).await?;
        Ok(slice.page_of(found, |one| IPConflict::of(&at, one)))
    }

    /// How full a pool is, and until when it lasts.
    async fn pool_utilization(
        &self,
        context: &Context<'_>,
        pool_id: ID,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<PoolUtilization, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let figures = at.figures(uuid("poolId", &pool_id)?, WithDays::Yes).await?;
        PoolUtilization::of(pools::utilization_of(&at.caller, &figures))
    }

    /// A pool in numbers, with what happened day by day.
    async fn pool_stats(
        &self,
        context: &Context<'_>,
        pool_id: ID,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<PoolStats, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        PoolStats::of(pools::stats(&at.caller, uuid("poolId", &pool_id)?).await?)
    }

    /// All pools in numbers.
    async fn ip_stats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<IPStats, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        IPStats::of(&at, stats::of_space(&at.caller).await?)
    }

    /// What a pool would hand out next. Nothing is reserved by asking.
    #[graphql(name = "availableIPs")]
    async fn available_ips(
        &self,
        context: &Context<'_>,
        pool_id: ID,
        #[graphql(default = 10, desc = "At most this many, 1 to 1000.")] count: i32,
        #[graphql(desc = "Length of a delegated prefix; that of the pool if absent.")] prefix_length: Option<
            u8,
        >,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<AvailableIPs, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let wanted = usize::try_from(count)
            .ok()
            .filter(|_| (1..=MOST_AVAILABLE).contains(&count));
        let wanted = wanted.ok_or_else(|| {
            invalid(
                "count",
                format!("`count` is {count}; write a whole number from 1 to {MOST_AVAILABLE}."),
            )
        })?;
        let pool = uuid("poolId", &pool_id)?;
        AvailableIPs::of(pools::available(&at.caller, pool, wanted, prefix_length).await?)
    }
}
