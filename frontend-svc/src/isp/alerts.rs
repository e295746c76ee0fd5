//! Alerts of pools.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IspCommand, IspListing, Listed, MutationOptions, PageRequest};
use cadastre_api_types::public::isp::Alert as WireAlert;
use cadastre_domain::isp::{Alert, AlertState, EntityKey};
use cadastre_domain::roles::Permission::{IspIpamRead, IspIpamWrite};
use uuid::Uuid;

use super::wire::alert;
use super::{IspCaller, Outcome};

/// Alerts that are read at a time.
const PAGE: usize = 1_000;

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

/// How many alerts stand, acknowledged or not.
pub(crate) async fn open(caller: &IspCaller, pool_id: Option<Uuid>) -> Result<u64, ApiError> {
    let (mut count, mut after) = (0, None);
    loop {
        let listing = IspListing::Alerts {
            states: vec![AlertState::Raised, AlertState::Acknowledged],
            pool_id,
        };
        let page = PageRequest { limit: PAGE, after };
        let found = caller.list::<Alert>(IspIpamRead, listing, page).await?;
        count += found.items.len() as u64;
        match found.next {
            Some(next) => after = Some(next),
            None => return Ok(count),
        }
    }
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
