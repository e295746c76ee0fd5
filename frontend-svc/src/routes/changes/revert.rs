//! `…/changes/{version}/revert`: taking a change back.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::{CommandOutcome, SpaceCommand};
use cadastre_api_types::public::JournalEntry;
use cadastre_domain::roles::Permission;

use super::super::command;
use crate::convert::history::journal;
use crate::convert::plan;
use crate::http::authorized::Authorized;
use crate::http::error::HttpError;
use crate::http::{body, mutation, path, reply};
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, SpacePath, VersionPath};
use crate::state::FrontendState;

/// Takes a change back.
///
/// Every node or tag definition that the change touched becomes what it was before: what was made goes, what was
/// removed is there again under its id, what was changed has its old prefix, tags and description. It is done as a
/// whole or not at all, and is a change itself, which can be taken back to do the first one again.
///
/// It is refused (`409 RevertConflict`) if something that the change touched was changed since, if nodes that were
/// made or changed since would lose tags or come to lie outside of their parent, or if it was taken back already; and
/// with the errors of the usual calls if what was before would break a rule now. Nodes that were beneath and have not
/// changed since resolve to what they resolved to then.
///
/// Needs `tags.write` in the whole address space, too, if the change was about a tag definition. There is no body.
#[utoipa::path(
    post,
    path = "/api/v1/addressspaces/{spaceId}/changes/{version}/revert",
    operation_id = "revertChange",
    tag = "History",
    params(SpacePath, VersionPath, DryRunParam, IdempotencyKeyParam),
    responses((
        status = 200,
        description = "The change that takes it back, as in the list of changes; with `dryRun=true`, what would change.",
        body = JournalEntry,
        headers(
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::history_examples::revert()),
    )),
)]
pub(crate) async fn revert(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let version = path::version(&request)?;
    let sent = body::none(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let command = SpaceCommand::Revert {
        version,
        may_define: caller.has_in_whole_space(Permission::TagsWrite)?,
    };
    match command::run(&caller, &state, command, options).await? {
        CommandOutcome::Committed {
            entry: Some(entry),
            replayed,
            ..
        } => Ok(reply::told(&journal(*entry)?, replayed)?),
        CommandOutcome::Committed { .. } => Err(reply::unexpected("no change was taken back").into()),
        CommandOutcome::Planned { changes, conflict } => {
            Ok(reply::json(&plan::of_command(changes, conflict)?)?)
        }
    }
}
