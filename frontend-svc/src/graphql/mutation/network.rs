//! VLAN pools, and who has which VLAN.

use async_graphql::{Context, ID, Object};
use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{VlanPoolCreate, VlanPoolUpdate};

use super::replaced;
use crate::graphql::changes::{Change, done};
use crate::graphql::inputs::{AllocateVlanInput, CreateVlanPoolInput, UpdateVlanPoolInput};
use crate::graphql::patch::{body, patched};
use crate::graphql::scalars::uuid;
use crate::graphql::types::{VlanBinding, VlanPool};
use crate::isp::vlans;

/// See the module.
#[derive(Default)]
pub(super) struct NetworkChanges;

#[Object]
impl NetworkChanges {
    /// Makes a pool of VLAN tags.
    async fn create_vlan_pool(
        &self,
        context: &Context<'_>,
        input: CreateVlanPoolInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<VlanPool, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let body = body::<VlanPoolCreate>(&input)?;
        let made = done(vlans::create(&change.at.caller, body, change.options).await?)?;
        Ok(VlanPool::of(&change.at, made))
    }

    /// Changes a VLAN pool.
    async fn update_vlan_pool(
        &self,
        context: &Context<'_>,
        id: ID,
        input: UpdateVlanPoolInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<VlanPool, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let (caller, id) = (&change.at.caller, uuid("id", &id)?);
        let changed = replaced!(
            change,
            vlans::get(caller, id),
            |stored: &_| patched::<VlanPoolCreate, VlanPoolUpdate>(stored, &input, |_| {}),
            |body, options| vlans::update(caller, id, body, options)
        )?;
        Ok(VlanPool::of(&change.at, changed))
    }

    /// Removes a VLAN pool of which nobody has any.
    async fn delete_vlan_pool(
        &self,
        context: &Context<'_>,
        id: ID,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<bool, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = uuid("id", &id)?;
        done(vlans::delete(&change.at.caller, id, change.options).await?)?;
        Ok(true)
    }

    /// Takes a VLAN for a subscriber or a port. Who has one already keeps it.
    async fn allocate_vlan(
        &self,
        context: &Context<'_>,
        pool_id: ID,
        input: AllocateVlanInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<VlanBinding, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let (id, body) = (uuid("poolId", &pool_id)?, body(&input)?);
        let (taken, _) = vlans::allocate(&change.at.caller, id, body, change.options).await?;
        Ok(VlanBinding::of(&change.at, done(taken)?))
    }

    /// Gives a VLAN back.
    async fn release_vlan(
        &self,
        context: &Context<'_>,
        binding_id: ID,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<bool, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = uuid("bindingId", &binding_id)?;
        done(vlans::release(&change.at.caller, id, change.options).await?)?;
        Ok(true)
    }
}
