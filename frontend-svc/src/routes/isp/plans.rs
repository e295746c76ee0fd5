//! `/api/v1/plans`: service plans.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::public::DryRun;
use cadastre_api_types::public::isp::{ServicePlan, ServicePlanCreate, ServicePlanUpdate};

use super::{State, changed, created, isp, listed, removed};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, path, reply};
use crate::isp::plans;
use crate::openapi::isp_params::PlanPath;
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, PageParams};

/// Lists service plans, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/plans",
    operation_id = "listPlans",
    tag = "Plans and policies",
    params(PageParams),
    responses((
        status = 200,
        description = "A page of them.",
        body = [ServicePlan],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::isp_examples::plan()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let found = plans::list(&isp(&caller, &state)?, pager.page.clone()).await?;
    listed(&found, &pager)
}

/// Makes a service plan.
#[utoipa::path(
    post,
    path = "/api/v1/plans",
    operation_id = "createPlan",
    tag = "Plans and policies",
    params(DryRunParam, IdempotencyKeyParam),
    request_body(content = ServicePlanCreate, example = json!(crate::openapi::isp_examples::plan_create())),
    responses(
        (
            status = 201,
            description = "The new service plan.",
            body = ServicePlan,
            headers(
                ("Location" = String, description = "Path of it."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::isp_examples::plan()),
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
    let sent = body::read::<ServicePlanCreate>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let outcome = plans::create(&isp(&caller, &state)?, sent.value, options).await?;
    created(&request, outcome, |made| format!("/api/v1/plans/{}", made.id))
}

/// One service plan.
#[utoipa::path(
    get,
    path = "/api/v1/plans/{planId}",
    operation_id = "getPlan",
    tag = "Plans and policies",
    params(PlanPath),
    responses((
        status = 200,
        description = "The service plan.",
        body = ServicePlan,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::isp_examples::plan()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let (found, revision) = plans::get(&isp(&caller, &state)?, path::id(&request, "planId")?).await?;
    Ok(reply::one(&found, revision)?)
}

/// Replaces a service plan.
#[utoipa::path(
    put,
    path = "/api/v1/plans/{planId}",
    operation_id = "updatePlan",
    tag = "Plans and policies",
    params(PlanPath, DryRunParam, IfMatchParam),
    request_body(content = ServicePlanUpdate, example = json!(crate::openapi::isp_examples::plan_create())),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = ServicePlan,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::isp_examples::plan()),
    )),
)]
pub(crate) async fn update(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<ServicePlanUpdate>(&request, payload).await?.value;
    let options = mutation::of_change(&request)?;
    let outcome = plans::update(
        &isp(&caller, &state)?,
        path::id(&request, "planId")?,
        sent,
        options,
    )
    .await?;
    changed(outcome)
}

/// Removes a service plan, if nothing uses it.
#[utoipa::path(
    delete,
    path = "/api/v1/plans/{planId}",
    operation_id = "deletePlan",
    tag = "Plans and policies",
    params(PlanPath, DryRunParam, IfMatchParam),
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
    let outcome = plans::delete(&isp(&caller, &state)?, path::id(&request, "planId")?, options).await?;
    removed(outcome)
}
