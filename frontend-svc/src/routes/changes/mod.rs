//! `…/changes`: the journal of a space, as an array in pages or as a stream of events; and taking a change back.

mod follow;
pub(crate) mod revert;
#[cfg(test)]
mod tests;

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{ChangesQuery, Since};
use cadastre_api_types::public::JournalEntry;

use crate::convert::history::journal;
use crate::http::authorized::Authorized;
use crate::http::cursor::{Pager, foreign_cursor};
use crate::http::error::HttpError;
use crate::http::query::{Query, invalid};
use crate::http::wording::echo;
use crate::http::{reply, sse};
use crate::openapi::params::{LastEventIdParam, PageParams, SinceParam, SpacePath};
use crate::state::FrontendState;

/// The changes of an address space, oldest first: one entry per command.
///
/// With `Accept: text/event-stream` the answer is a stream that goes on with every further change: one event
/// `change` per command, whose data is an entry as in the array. A stream that broke off is resumed with
/// `Last-Event-ID` (or `since`) and misses and repeats nothing. The server may end it with an event `end`, whose data
/// has the `code` and `message` of an error.
///
/// Callers whose role is narrowed to a subtree see what changed in it; commands that changed nothing there are left
/// out, so versions may have gaps.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/changes",
    operation_id = "listChanges",
    tag = "History",
    params(SpacePath, SinceParam, PageParams, LastEventIdParam),
    responses((
        status = 200,
        description = "A page of changes. It may have fewer than `limit` while there are more: follow `Link`. Or a stream.",
        content(
            ([JournalEntry] = "application/json", example = json!([crate::openapi::history_examples::journal_entry()])),
            (String = "text/event-stream", example = json!(crate::openapi::history_examples::event())),
        ),
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there is one.")),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["since", "limit", "cursor"])?;
    if sse::is_wanted(&request) {
        return follow::start(caller, state, &request, &query).await;
    }
    let pager = Pager::of(&request, &query)?;
    let begin = since(&query)?;
    let begin = match &pager.page.after {
        Some(position) => Since::Mark(position.parse().map_err(|_| foreign_cursor())?),
        None => begin.unwrap_or(Since::Beginning),
    };
    let question = ChangesQuery {
        space: caller.space()?,
        since: begin,
        limit: pager.page.limit,
    };
    let page = state.access.changes(&caller.context(), question).await?;
    let next = (page.reached.version < page.head).then(|| page.reached.to_string());
    let entries: Vec<JournalEntry> = page.items.into_iter().map(journal).collect::<Result<_, _>>()?;
    Ok(reply::page(&entries, &pager, next.as_deref())?)
}

/// Where to begin, if the query says so.
fn since(query: &Query<'_>) -> Result<Option<Since>, ApiError> {
    let Some(text) = query.get("since") else {
        return Ok(None);
    };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let found = if is_number {
        text.parse().ok().map(Since::Version)
    } else {
        text.parse().ok().map(Since::Mark)
    };
    found.map(Some).ok_or_else(|| {
        invalid(
            "since",
            format!(
                "`since` is `{}`; write the number of a version, or the id of an event.",
                echo(text)
            ),
        )
    })
}
