//! Service plans.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IspCommand, IspListing, Listed, MutationOptions, PageRequest, Thing};
use cadastre_api_types::public::isp::{ServicePlan, ServicePlanCreate, ServicePlanUpdate};
use cadastre_domain::isp::{EntityKey, Kept, Plan};
use cadastre_domain::roles::Permission::{IspOssRead, IspOssWrite};
use uuid::Uuid;

use super::wire::plan;
use super::{IspCaller, Outcome};

/// A page of plans, oldest first.
pub(crate) async fn list(caller: &IspCaller, page: PageRequest) -> Result<Listed<ServicePlan>, ApiError> {
    let found = caller.list(IspOssRead, IspListing::Plans, page).await?;
    Ok(Listed {
        items: found.items.into_iter().map(plan::to_wire).collect(),
        next: found.next,
    })
}

/// One plan, and its revision.
pub(crate) async fn get(caller: &IspCaller, id: Uuid) -> Result<(ServicePlan, u64), ApiError> {
    let kept = caller.get(IspOssRead, EntityKey::Plan(id)).await?;
    let revision = kept.revision;
    Ok((plan::to_wire(kept), revision))
}

/// A new plan.
pub(crate) async fn create(
    caller: &IspCaller,
    body: ServicePlanCreate,
    options: MutationOptions,
) -> Result<Outcome<ServicePlan>, ApiError> {
    let made = plan::from_wire(Uuid::now_v7(), body.into(), None)?;
    let command = IspCommand::CreateThing {
        thing: Box::new(Thing::Plan(made)),
        secret: None,
    };
    caller
        .command(IspOssWrite, command, options)
        .await?
        .one(plan::to_wire)
}

/// Replaces a plan.
pub(crate) async fn update(
    caller: &IspCaller,
    id: Uuid,
    body: ServicePlanUpdate,
    options: MutationOptions,
) -> Result<Outcome<ServicePlan>, ApiError> {
    let decide = |stored: Option<&Kept<Plan>>| {
        if stored.is_none() {
            return Err(ApiError::not_found("plan"));
        }
        Ok(IspCommand::UpdateThing {
            thing: Box::new(Thing::Plan(plan::from_wire(id, body.clone(), stored)?)),
            secret: None,
        })
    };
    caller
        .replace::<Plan>(IspOssWrite, EntityKey::Plan(id), options, decide)
        .await?
        .one(plan::to_wire)
}

/// Removes a plan that nobody has.
pub(crate) async fn delete(
    caller: &IspCaller,
    id: Uuid,
    options: MutationOptions,
) -> Result<Outcome<()>, ApiError> {
    let key = EntityKey::Plan(id);
    let command = IspCommand::DeleteThing { key };
    Ok(caller.command(IspOssWrite, command, options).await?.nothing())
}
