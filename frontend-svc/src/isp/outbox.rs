//! The outbox.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IspCommand, IspListing, Listed, MutationOptions, PageRequest};
use cadastre_api_types::public::isp::OutboxEntry as WireEntry;
use cadastre_domain::isp::{EntityKey, OutboxState};
use cadastre_domain::roles::Permission::{IspOssRead, IspOssWrite};
use uuid::Uuid;

use super::wire::outbox;
use super::{IspCaller, Outcome};

/// A page of entries, newest first.
pub(crate) async fn list(
    caller: &IspCaller,
    state: Option<OutboxState>,
    page: PageRequest,
) -> Result<Listed<WireEntry>, ApiError> {
    let listing = IspListing::Outbox { state };
    let found = caller.list(IspOssRead, listing, page).await?;
    Ok(Listed {
        items: found.items.into_iter().map(outbox::to_wire).collect(),
        next: found.next,
    })
}

/// One entry, and its revision.
pub(crate) async fn get(caller: &IspCaller, id: Uuid) -> Result<(WireEntry, u64), ApiError> {
    let kept = caller.get(IspOssRead, EntityKey::Outbox(id)).await?;
    let revision = kept.revision;
    Ok((outbox::to_wire(kept), revision))
}

/// Calls an entry off.
pub(crate) async fn cancel(
    caller: &IspCaller,
    id: Uuid,
    options: MutationOptions,
) -> Result<Outcome<WireEntry>, ApiError> {
    let command = IspCommand::CancelOutbox { id };
    caller
        .command(IspOssWrite, command, options)
        .await?
        .one(outbox::to_wire)
}

/// Asks for another try at once.
pub(crate) async fn retry(
    caller: &IspCaller,
    id: Uuid,
    options: MutationOptions,
) -> Result<Outcome<WireEntry>, ApiError> {
    let command = IspCommand::RetryOutbox { id };
    caller
        .command(IspOssWrite, command, options)
        .await?
        .one(outbox::to_wire)
}
