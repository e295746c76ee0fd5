//! VLAN pools, and who has which VLAN.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{
    IspCommand, IspListing, Listed, MutationOptions, PageRequest, Thing, VlanFilter,
};
use cadastre_api_types::public::isp::{
    VlanAllocate, VlanBinding as WireBinding, VlanPool as WirePool, VlanPoolCreate, VlanPoolUpdate,
};
use cadastre_domain::isp::{EntityKey, Kept, VlanPool};
use cadastre_domain::roles::Permission::{IspNetworkRead, IspNetworkWrite};
use uuid::Uuid;

use super::wire::vlan;
use super::{IspCaller, Outcome};

/// A page of VLAN pools, oldest first.
pub(crate) async fn list(
    caller: &IspCaller,
    domain: Option<String>,
    page: PageRequest,
) -> Result<Listed<WirePool>, ApiError> {
    let listing = IspListing::VlanPools { domain };
    let found = caller.list(IspNetworkRead, listing, page).await?;
    Ok(Listed {
        items: found.items.into_iter().map(vlan::to_wire).collect(),
        next: found.next,
    })
}

/// One VLAN pool, and its revision.
pub(crate) async fn get(caller: &IspCaller, id: Uuid) -> Result<(WirePool, u64), ApiError> {
    let kept = caller.get(IspNetworkRead, EntityKey::VlanPool(id)).await?;
    let revision = kept.revision;
    Ok((vlan::to_wire(kept), revision))
}

/// A new VLAN pool.
pub(crate) async fn create(
    caller: &IspCaller,
    body: VlanPoolCreate,
    options: MutationOptions,
) -> Result<Outcome<WirePool>, ApiError> {
    let made = vlan::from_wire(Uuid::now_v7(), body.into(), None)?;
    let command = IspCommand::CreateThing {
        thing: Box::new(Thing::VlanPool(made)),
        secret: None,
    };
    caller
        .command(IspNetworkWrite, command, options)
        .await?
        .one(vlan::to_wire)
}

/// Replaces a VLAN pool.
pub(crate) async fn update(
    caller: &IspCaller,
    id: Uuid,
    body: VlanPoolUpdate,
    options: MutationOptions,
) -> Result<Outcome<WirePool>, ApiError> {
    let decide = |stored: Option<&Kept<VlanPool>>| {
        if stored.is_none() {
            return Err(ApiError::not_found("VLAN pool"));
        }
        Ok(IspCommand::UpdateThing {
            thing: Box::new(Thing::VlanPool(vlan::from_wire(id, body.clone(), stored)?)),
            secret: None,
        })
    };
    caller
        .replace::<VlanPool>(IspNetworkWrite, EntityKey::VlanPool(id), options, decide)
        .await?
        .one(vlan::to_wire)
}

/// Removes a VLAN pool of which nobody has any.
pub(crate) async fn delete(
    caller: &IspCaller,
    id: Uuid,
    options: MutationOptions,
) -> Result<Outcome<()>, ApiError> {
    let key = EntityKey::VlanPool(id);
    let command = IspCommand::DeleteThing { key };
    Ok(caller.command(IspNetworkWrite, command, options).await?.nothing())
}

/// A VLAN for a subscriber or a port, and whether it is a new one: who has one already keeps it.
pub(crate) async fn allocate(
    caller: &IspCaller,
    pool_id: Uuid,
    body: VlanAllocate,
    options: MutationOptions,
) -> Result<(Outcome<WireBinding>, bool), ApiError> {
    let id = Uuid::now_v7();
    let command = IspCommand::AllocateVlan {
        id,
        pool_id,
        holder: vlan::holder(body.subscriber_id.as_deref(), body.port)?,
        tag: vlan::tag((body.vlan_id, body.s_vlan, body.c_vlan))?,
    };
    let outcome = caller
        .command(IspNetworkWrite, command, options)
        .await?
        .one(vlan::binding)?;
    let new = match &outcome {
        // A repetition is answered as the first time.
        Outcome::Done(done) => done.value.id == id || done.replayed,
        Outcome::Planned(_) => false,
    };
    Ok((outcome, new))
}

/// A page of VLANs that somebody has.
pub(crate) async fn bindings(
    caller: &IspCaller,
    filter: VlanFilter,
    page: PageRequest,
) -> Result<Listed<WireBinding>, ApiError> {
    let listing = IspListing::VlanBindings(filter);
    let found = caller.list(IspNetworkRead, listing, page).await?;
    Ok(Listed {
        items: found.items.into_iter().map(vlan::binding).collect(),
        next: found.next,
    })
}

/// Gives a VLAN back.
pub(crate) async fn release(
    caller: &IspCaller,
    id: Uuid,
    options: MutationOptions,
) -> Result<Outcome<()>, ApiError> {
    let command = IspCommand::ReleaseVlan { id };
    Ok(caller.command(IspNetworkWrite, command, options).await?.nothing())
}
