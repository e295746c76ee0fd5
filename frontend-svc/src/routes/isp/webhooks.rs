//! `/api/v1/webhooks`: who wants to be told.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::public::DryRun;
use cadastre_api_types::public::isp::{Webhook, WebhookCreate, WebhookUpdate};

use super::{State, changed, created, isp, listed, removed};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, path, reply};
use crate::isp::webhooks;
use crate::openapi::isp_params::WebhookPath;
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, PageParams};

/// Lists webhooks, oldest first. Their secrets are not shown.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks",
    operation_id = "listWebhooks",
    tag = "Webhooks and outbox",
    params(PageParams),
    responses((
        status = 200,
        description = "A page of them.",
        body = [Webhook],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::isp_examples::webhook()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let found = webhooks::list(&isp(&caller, &state)?, pager.page.clone()).await?;
    listed(&found, &pager)
}

/// Makes a webhook.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks",
    operation_id = "createWebhook",
    tag = "Webhooks and outbox",
    params(DryRunParam, IdempotencyKeyParam),
    request_body(content = WebhookCreate, example = json!(crate::openapi::isp_examples::webhook_create())),
    responses(
        (
            status = 201,
            description = "The new webhook.",
            body = Webhook,
            headers(
                ("Location" = String, description = "Path of it."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::isp_examples::webhook()),
        ),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn create(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<WebhookCreate>(&request, payload).await?;
    let options = mutation::of_secret_creation(&request, &caller.account.name, &sent)?;
    let outcome = webhooks::create(&isp(&caller, &state)?, sent.value, options).await?;
    created(&request, outcome, |made| format!("/api/v1/webhooks/{}", made.id))
}

/// One webhook.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/{webhookId}",
    operation_id = "getWebhook",
    tag = "Webhooks and outbox",
    params(WebhookPath),
    responses((
        status = 200,
        description = "The webhook.",
        body = Webhook,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::isp_examples::webhook()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let (found, revision) = webhooks::get(&isp(&caller, &state)?, path::id(&request, "webhookId")?).await?;
    Ok(reply::one(&found, revision)?)
}

/// Replaces a webhook.
#[utoipa::path(
    put,
    path = "/api/v1/webhooks/{webhookId}",
    operation_id = "updateWebhook",
    tag = "Webhooks and outbox",
    params(WebhookPath, DryRunParam, IfMatchParam),
    request_body(content = WebhookUpdate, example = json!(crate::openapi::isp_examples::webhook_create())),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = Webhook,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::isp_examples::webhook()),
    )),
)]
pub(crate) async fn update(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<WebhookUpdate>(&request, payload).await?.value;
    let options = mutation::of_change(&request)?;
    let outcome = webhooks::update(
        &isp(&caller, &state)?,
        path::id(&request, "webhookId")?,
        sent,
        options,
    )
    .await?;
    changed(outcome)
}

/// Removes a webhook, if nothing uses it.
#[utoipa::path(
    delete,
    path = "/api/v1/webhooks/{webhookId}",
    operation_id = "deleteWebhook",
    tag = "Webhooks and outbox",
    params(WebhookPath, DryRunParam, IfMatchParam),
    responses(
        (status = 204, description = "It is gone."),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn delete(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let options = mutation::of_change(&request)?;
    let outcome = webhooks::delete(&isp(&caller, &state)?, path::id(&request, "webhookId")?, options).await?;
    removed(outcome)
}
