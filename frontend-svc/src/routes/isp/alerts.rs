//! `/api/v1/ip-management/alerts`: alerts of pools.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::public::isp::Alert;

use super::{State, changed, id_of, isp, listed, words};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, path, reply};
use crate::isp::alerts;
use crate::openapi::isp_params::{AlertFilterParams, AlertPath};
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, PageParams};

/// Lists alerts, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/alerts",
    operation_id = "listAlerts",
    tag = "Alerts",
    params(AlertFilterParams, PageParams),
    responses((
        status = 200,
        description = "A page of alerts.",
        body = [Alert],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::isp_examples::alert()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["state", "poolId", "limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let states = words(&query, "state")?;
    let pool = id_of(&query, "poolId")?;
    let found = alerts::list(&isp(&caller, &state)?, states, pool, pager.page.clone()).await?;
    listed(&found, &pager)
}

/// One alert.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/alerts/{alertId}",
    operation_id = "getAlert",
    tag = "Alerts",
    params(AlertPath),
    responses((
        status = 200,
        description = "The alert.",
        body = Alert,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::isp_examples::alert()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let (found, revision) = alerts::get(&isp(&caller, &state)?, path::id(&request, "alertId")?).await?;
    Ok(reply::one(&found, revision)?)
}

/// Says that somebody knows of an alert.
#[utoipa::path(
    post,
    path = "/api/v1/ip-management/alerts/{alertId}/acknowledge",
    operation_id = "acknowledgeAlert",
    tag = "Alerts",
    params(AlertPath, DryRunParam, IdempotencyKeyParam, IfMatchParam),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = Alert,
        headers(
                ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::isp_examples::alert()),
    )),
)]
pub(crate) async fn acknowledge(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::none(&request, payload).await?;
    let options = mutation::of_action(&request, &caller.account.name, &sent)?;
    let outcome =
        alerts::acknowledge(&isp(&caller, &state)?, path::id(&request, "alertId")?, options).await?;
    changed(outcome)
}
