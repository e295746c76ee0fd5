//! `/api/v1/outbox`: what is to happen outside because of a change here.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::public::isp::OutboxEntry;

use super::{State, changed, isp, listed, word};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, path, reply};
use crate::isp::outbox;
use crate::openapi::isp_params::{OutboxFilterParams, OutboxPath};
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, PageParams};

/// Lists entries of the outbox, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/outbox",
    operation_id = "listOutbox",
    tag = "Webhooks and outbox",
    params(OutboxFilterParams, PageParams),
    responses((
        status = 200,
        description = "A page of entries.",
        body = [OutboxEntry],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::isp_examples::outbox_entry()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["state", "limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let wanted = word(&query, "state")?;
    let found = outbox::list(&isp(&caller, &state)?, wanted, pager.page.clone()).await?;
    listed(&found, &pager)
}

/// One entry of the outbox.
#[utoipa::path(
    get,
    path = "/api/v1/outbox/{entryId}",
    operation_id = "getOutboxEntry",
    tag = "Webhooks and outbox",
    params(OutboxPath),
    responses((
        status = 200,
        description = "The entry.",
        body = OutboxEntry,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::isp_examples::outbox_entry()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let (found, revision) = outbox::get(&isp(&caller, &state)?, path::id(&request, "entryId")?).await?;
    Ok(reply::one(&found, revision)?)
}

/// Calls an entry off: it is not delivered any more.
#[utoipa::path(
    post,
    path = "/api/v1/outbox/{entryId}/cancel",
    operation_id = "cancelOutboxEntry",
    tag = "Webhooks and outbox",
    params(OutboxPath, DryRunParam, IdempotencyKeyParam, IfMatchParam),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = OutboxEntry,
        headers(
                ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::isp_examples::outbox_entry()),
    )),
)]
pub(crate) async fn cancel(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::none(&request, payload).await?;
    let options = mutation::of_action(&request, &caller.account.name, &sent)?;
    let outcome = outbox::cancel(&isp(&caller, &state)?, path::id(&request, "entryId")?, options).await?;
    changed(outcome)
}

/// Asks for another try: of an entry that was given up, or at once of one that waits.
#[utoipa::path(
    post,
    path = "/api/v1/outbox/{entryId}/retry",
    operation_id = "retryOutboxEntry",
    tag = "Webhooks and outbox",
    params(OutboxPath, DryRunParam, IdempotencyKeyParam, IfMatchParam),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = OutboxEntry,
        headers(
                ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::isp_examples::outbox_entry()),
    )),
)]
pub(crate) async fn retry(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::none(&request, payload).await?;
    let options = mutation::of_action(&request, &caller.account.name, &sent)?;
    let outcome = outbox::retry(&isp(&caller, &state)?, path::id(&request, "entryId")?, options).await?;
    changed(outcome)
}
