//! `/api/v1/subscribers`: subscribers.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::SubscriberFilter;
use cadastre_api_types::public::DryRun;
use cadastre_api_types::public::isp::{Subscriber, SubscriberCreate, SubscriberUpdate};

use super::{
    State, changed, created, id_of, isp, listed, removed, subscriber_in_path, subscriber_location, word,
};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, reply};
use crate::isp::subscribers;
use crate::openapi::isp_params::{SubscriberFilterParams, SubscriberPath};
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, PageParams};

/// Lists subscribers in order of their ids.
#[utoipa::path(
    get,
    path = "/api/v1/subscribers",
    operation_id = "listSubscribers",
    tag = "Subscribers",
    params(SubscriberFilterParams, PageParams),
    responses((
        status = 200,
        description = "A page of subscribers.",
        body = [Subscriber],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::isp_examples::subscriber()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(
        &request,
        &[
            "status",
            "serviceType",
            "planId",
            "siteId",
            "username",
            "subscriberNumber",
            "search",
            "limit",
            "cursor",
        ],
    )?;
    let pager = Pager::of(&request, &query)?;
    let filter = SubscriberFilter {
        status: word(&query, "status")?,
        service_type: word(&query, "serviceType")?,
        plan_id: id_of(&query, "planId")?,
        site_id: query.text("siteId"),
        username: query.text("username"),
        subscriber_number: query.text("subscriberNumber"),
        search: query.text("search"),
    };
    let found = subscribers::list(&isp(&caller, &state)?, filter, pager.page.clone()).await?;
    listed(&found, &pager)
}

/// Makes a subscriber. It is `PENDING` until it is provisioned.
#[utoipa::path(
    post,
    path = "/api/v1/subscribers",
    operation_id = "createSubscriber",
    tag = "Subscribers",
    params(DryRunParam, IdempotencyKeyParam),
    request_body(content = SubscriberCreate, example = json!(crate::openapi::isp_examples::subscriber_create())),
    responses(
        (
            status = 201,
            description = "The new subscriber.",
            body = Subscriber,
            headers(
                ("Location" = String, description = "Path of it."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::isp_examples::subscriber()),
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
    let sent = body::read::<SubscriberCreate>(&request, payload).await?;
    let options = mutation::of_secret_creation(&request, &caller.account.name, &sent)?;
    let outcome = subscribers::create(&isp(&caller, &state)?, sent.value, options).await?;
    created(&request, outcome, |made| subscriber_location(&made.id, ""))
}

/// One subscriber.
#[utoipa::path(
    get,
    path = "/api/v1/subscribers/{subscriberId}",
    operation_id = "getSubscriber",
    tag = "Subscribers",
    params(SubscriberPath),
    responses((
        status = 200,
        description = "The subscriber.",
        body = Subscriber,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::isp_examples::subscriber()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let (found, revision) = subscribers::get(&isp(&caller, &state)?, subscriber_in_path(&request)?).await?;
    Ok(reply::one(&found, revision)?)
}

/// Replaces what is known of a subscriber. Status and plan are changed by the use cases only; the password stays
/// unless it is sent.
#[utoipa::path(
    put,
    path = "/api/v1/subscribers/{subscriberId}",
    operation_id = "updateSubscriber",
    tag = "Subscribers",
    params(SubscriberPath, DryRunParam, IfMatchParam),
    request_body(content = SubscriberUpdate, example = json!(crate::openapi::isp_examples::subscriber_update())),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = Subscriber,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::isp_examples::subscriber()),
    )),
)]
pub(crate) async fn update(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<SubscriberUpdate>(&request, payload).await?.value;
    let options = mutation::of_change(&request)?;
    let subscriber = subscriber_in_path(&request)?;
    let outcome = subscribers::update(&isp(&caller, &state)?, subscriber, sent, options).await?;
    changed(outcome)
}

/// Removes a subscriber that is `PENDING` or `TERMINATED` and holds nothing.
#[utoipa::path(
    delete,
    path = "/api/v1/subscribers/{subscriberId}",
    operation_id = "deleteSubscriber",
    tag = "Subscribers",
    params(SubscriberPath, DryRunParam, IfMatchParam),
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
    let outcome = subscribers::delete(&isp(&caller, &state)?, subscriber_in_path(&request)?, options).await?;
    removed(outcome)
}
