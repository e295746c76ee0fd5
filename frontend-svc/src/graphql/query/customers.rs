//! Subscribers and their network profiles.

use async_graphql::{Context, ID, Object};
use cadastre_api_types::ApiError;
use cadastre_domain::isp::{EntityKey, NetworkProfile as KeptProfile, Subscriber as KeptSubscriber};

use crate::graphql::inputs::SubscriberFilters;
use crate::graphql::paging::{Page, Slice};
use crate::graphql::session::Session;
use crate::graphql::types::{NetworkProfile, Subscriber};
use crate::isp::subscribers;
use crate::isp::wire::{profile, subscriber, subscriber_id};

/// See the module.
#[derive(Default)]
pub(super) struct Customers;

#[Object]
impl Customers {
    /// Subscribers in order of their ids.
    async fn subscribers(
        &self,
        context: &Context<'_>,
        filters: Option<SubscriberFilters>,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] first: i32,
        #[graphql(desc = "`pageInfo.endCursor` of the page before.")] after: Option<String>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Page<Subscriber>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let slice = Slice::of(&at, "subscribers", &filters, ("first", first), after.as_deref())?;
        let filter = filters.unwrap_or_default().read()?;
        let found = subscribers::list_bare(&at.caller, filter, slice.page.clone()).await?;
        Ok(slice.page_of(found, |one| Subscriber::of(&at, one)))
    }

    /// One subscriber; `null` if there is none.
    async fn subscriber(
        &self,
        context: &Context<'_>,
        id: ID,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Option<Subscriber>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let key = EntityKey::Subscriber(subscriber_id("id", &id)?);
        let found = at.thing::<KeptSubscriber>(key).await?;
        Ok(found.map(|kept| Subscriber::of(&at, subscriber::to_wire(kept))))
    }

    /// How a subscriber is connected; `null` if nobody said.
    async fn network_profile(
        &self,
        context: &Context<'_>,
        subscriber_id: String,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Option<NetworkProfile>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let key = EntityKey::Profile(self::subscriber_id("subscriberId", &subscriber_id)?);
        let found = at.thing::<KeptProfile>(key).await?;
        Ok(found.map(|kept| profile::to_wire(kept).into()))
    }
}
