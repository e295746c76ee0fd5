//! VLAN pools, and who has which VLAN.

use async_graphql::{Context, ID, Object};
use cadastre_api_types::ApiError;
use cadastre_domain::isp::{EntityKey, VlanPool as KeptPool};

use crate::graphql::inputs::VlanBindingFilters;
use crate::graphql::paging::{Page, Slice};
use crate::graphql::scalars::uuid;
use crate::graphql::session::Session;
use crate::graphql::types::{VlanBinding, VlanPool};
use crate::isp::vlans;
use crate::isp::wire::{filled, vlan};

/// See the module.
#[derive(Default)]
pub(super) struct Network;

#[Object]
impl Network {
    /// VLAN pools, oldest first.
    async fn vlan_pools(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of this site or access node only.")] domain: Option<String>,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] first: i32,
        #[graphql(desc = "`pageInfo.endCursor` of the page before.")] after: Option<String>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Page<VlanPool>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let slice = Slice::of(&at, "vlanPools", &domain, ("first", first), after.as_deref())?;
        let found = vlans::list(&at.caller, filled(domain), slice.page.clone()).await?;
        Ok(slice.page_of(found, |pool| VlanPool::of(&at, pool)))
    }

    /// One VLAN pool; `null` if there is none.
    async fn vlan_pool(
        &self,
        context: &Context<'_>,
        id: ID,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Option<VlanPool>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let found = at
            .thing::<KeptPool>(EntityKey::VlanPool(uuid("id", &id)?))
            .await?;
        Ok(found.map(|kept| VlanPool::of(&at, vlan::to_wire(kept))))
    }

    /// VLANs that somebody has.
    async fn vlan_bindings(
        &self,
        context: &Context<'_>,
        filters: Option<VlanBindingFilters>,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] first: i32,
        #[graphql(desc = "`pageInfo.endCursor` of the page before.")] after: Option<String>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Page<VlanBinding>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let slice = Slice::of(&at, "vlanBindings", &filters, ("first", first), after.as_deref())?;
        let filter = filters.unwrap_or_default().read()?;
        let found = vlans::bindings(&at.caller, filter, slice.page.clone()).await?;
        Ok(slice.page_of(found, |binding| VlanBinding::of(&at, binding)))
    }
}
