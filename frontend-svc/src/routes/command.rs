//! Sending commands to a space: what the routes of tags and nodes have in common.

use actix_web::{HttpRequest, HttpResponse};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{CommandOutcome, MutationOptions, SpaceCommand, SpaceCommandRequest};

use crate::convert::plan;
use crate::http::authorized::Authorized;
use crate::http::detached::detached;
use crate::http::error::HttpError;
use crate::http::{mutation, reply};
use crate::state::FrontendState;

/// Runs a command to its end, whether or not the client stays.
pub(crate) async fn run(
    caller: &Authorized,
    state: &FrontendState,
    command: SpaceCommand,
    options: MutationOptions,
) -> Result<CommandOutcome, ApiError> {
    let request = SpaceCommandRequest {
        space: caller.space().map_err(|error| error.0)?,
        command,
        options,
    };
    let (access, context) = (state.access.clone(), caller.context());
    detached(async move { access.space_command(&context, request).await }).await
}

/// Runs a command that removes something.
pub(crate) async fn delete(
    caller: &Authorized,
    state: &FrontendState,
    request: &HttpRequest,
    command: SpaceCommand,
) -> Result<HttpResponse, HttpError> {
    match run(caller, state, command, mutation::of_change(request)?).await? {
        CommandOutcome::Committed { .. } => Ok(reply::nothing()),
        CommandOutcome::Planned { changes, conflict } => {
            Ok(reply::json(&plan::of_command(changes, conflict)?)?)
        }
    }
}
