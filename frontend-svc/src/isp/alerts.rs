//! Alerts of pools.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IspCommand, IspListing, Listed, MutationOptions, PageRequest};
use cadastre_api_types::public::isp::Alert as WireAlert;
use cadastre_domain::isp::{AlertState, EntityKey};
use cadastre_domain::roles::Permission::{IspIpamRead, IspIpamWrite};
use uuid::Uuid;

use super::wire::alert;
use super::{IspCaller, Outcome};

/// A page of alerts, newest first.
pub(crate) async fn list(
    caller: &IspCaller,
    states: Vec<AlertState>,
    pool_id: Option<Uuid>,
    page: PageRequest,
) -> Result<Listed<WireAlert>, ApiError> {
    let listing = IspListing::Alerts { states, pool_id };
    let found = caller.list(IspIpamRead, listing, page).await?;
    Ok(Listed {
        items: found.items.into_iter().map(alert::to_wire).collect(),
        next: found.next,
    })
}

/// One alert, and its revision.
pub(crate) async fn get(caller: &IspCaller, id: Uuid) -> Result<(WireAlert, u64), ApiError> {
    let kept = caller.get(IspIpamRead, EntityKey::Alert(id)).await?;
    let revision = kept.revision;
    Ok((alert::to_wire(kept), revision))
}

/// Somebody knows of an alert.
pub(crate) async fn acknowledge(
    caller: &IspCaller,
    id: Uuid,
    options: MutationOptions,
) -> Result<Outcome<WireAlert>, ApiError> {
    let command = IspCommand::AcknowledgeAlert { id };
    caller
        .command(IspIpamWrite, command, options)
        .await?
        .one(alert::to_wire)
}
