//! `/api/v1/reservation-templates`: what a site of a type needs.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::public::DryRun;
use cadastre_api_types::public::isp::{
    Reservation, ReservationTemplate, ReservationTemplateCreate, ReservationTemplateUpdate, TemplateApply,
};

use super::{State, changed, created, created_many, isp, listed, removed};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, path, reply};
use crate::isp::templates;
use crate::openapi::isp_params::TemplatePath;
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, PageParams};

/// Lists reservation templates, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/reservation-templates",
    operation_id = "listReservationTemplates",
    tag = "Plans and policies",
    params(PageParams),
    responses((
        status = 200,
        description = "A page of them.",
        body = [ReservationTemplate],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::isp_examples::template()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let found = templates::list(&isp(&caller, &state)?, pager.page.clone()).await?;
    listed(&found, &pager)
}

/// Makes a reservation template.
#[utoipa::path(
    post,
    path = "/api/v1/reservation-templates",
    operation_id = "createReservationTemplate",
    tag = "Plans and policies",
    params(DryRunParam, IdempotencyKeyParam),
    request_body(content = ReservationTemplateCreate, example = json!(crate::openapi::isp_examples::template_create())),
    responses(
        (
            status = 201,
            description = "The new reservation template.",
            body = ReservationTemplate,
            headers(
                ("Location" = String, description = "Path of it."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::isp_examples::template()),
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
    let sent = body::read::<ReservationTemplateCreate>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let outcome = templates::create(&isp(&caller, &state)?, sent.value, options).await?;
    created(&request, outcome, |made| {
        format!("/api/v1/reservation-templates/{}", made.id)
    })
}

/// One reservation template.
#[utoipa::path(
    get,
    path = "/api/v1/reservation-templates/{templateId}",
    operation_id = "getReservationTemplate",
    tag = "Plans and policies",
    params(TemplatePath),
    responses((
        status = 200,
        description = "The reservation template.",
        body = ReservationTemplate,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::isp_examples::template()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let (found, revision) = templates::get(&isp(&caller, &state)?, path::id(&request, "templateId")?).await?;
    Ok(reply::one(&found, revision)?)
}

/// Replaces a reservation template.
#[utoipa::path(
    put,
    path = "/api/v1/reservation-templates/{templateId}",
    operation_id = "updateReservationTemplate",
    tag = "Plans and policies",
    params(TemplatePath, DryRunParam, IfMatchParam),
    request_body(content = ReservationTemplateUpdate, example = json!(crate::openapi::isp_examples::template_create())),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = ReservationTemplate,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::isp_examples::template()),
    )),
)]
pub(crate) async fn update(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<ReservationTemplateUpdate>(&request, payload)
        .await?
        .value;
    let options = mutation::of_change(&request)?;
    let outcome = templates::update(
        &isp(&caller, &state)?,
        path::id(&request, "templateId")?,
        sent,
        options,
    )
    .await?;
    changed(outcome)
}

/// Removes a reservation template, if nothing uses it.
#[utoipa::path(
    delete,
    path = "/api/v1/reservation-templates/{templateId}",
    operation_id = "deleteReservationTemplate",
    tag = "Plans and policies",
    params(TemplatePath, DryRunParam, IfMatchParam),
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
    let outcome =
        templates::delete(&isp(&caller, &state)?, path::id(&request, "templateId")?, options).await?;
    removed(outcome)
}

/// Reserves what a template says, for one site: all or none.
#[utoipa::path(
    post,
    path = "/api/v1/reservation-templates/{templateId}/apply",
    operation_id = "applyReservationTemplate",
    tag = "Plans and policies",
    params(TemplatePath, DryRunParam, IdempotencyKeyParam),
    request_body(content = TemplateApply, example = json!({ "siteId": "pop-ams-3" })),
    responses(
        (
            status = 201,
            description = "The new reservations.",
            body = [Reservation],
            headers(
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!([crate::openapi::isp_examples::reservation()]),
        ),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn apply(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<TemplateApply>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let template = path::id(&request, "templateId")?;
    let outcome = templates::apply(&isp(&caller, &state)?, template, sent.value, options).await?;
    created_many(outcome)
}
