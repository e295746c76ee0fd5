//! `/api/v1/subscribers/{subscriberId}/provision` and the other use cases.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::public::isp::{Provision, Reason, SubscriberState};

use super::{State, changed, isp, subscriber_in_path};
use crate::http::authorized::Authorized;
use crate::http::error::HttpError;
use crate::http::{body, mutation};
use crate::isp::use_cases;
use crate::openapi::isp_params::SubscriberPath;
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam};

/// Puts a subscriber in service with a plan: addresses, VLAN and network profile.
///
/// Safe to repeat: what is as it should be is left as it is.
#[utoipa::path(
    post,
    path = "/api/v1/subscribers/{subscriberId}/provision",
    operation_id = "provisionSubscriber",
    tag = "Subscribers",
    params(SubscriberPath, DryRunParam, IdempotencyKeyParam, IfMatchParam),
    request_body(content = Provision, example = json!(crate::openapi::isp_examples::provision())),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = SubscriberState,
        headers(
                ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::isp_examples::subscriber_state()),
    )),
)]
pub(crate) async fn provision(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<Provision>(&request, payload).await?;
    let options = mutation::of_action(&request, &caller.account.name, &sent)?;
    let subscriber = subscriber_in_path(&request)?;
    let what = use_cases::provision(sent.value);
    let outcome = use_cases::run(&isp(&caller, &state)?, subscriber, what, options).await?;
    changed(outcome)
}

/// Gives a subscriber another plan: takes what it adds, releases what it does not have.
///
/// Safe to repeat: what is as it should be is left as it is.
#[utoipa::path(
    post,
    path = "/api/v1/subscribers/{subscriberId}/change-plan",
    operation_id = "changePlanOfSubscriber",
    tag = "Subscribers",
    params(SubscriberPath, DryRunParam, IdempotencyKeyParam, IfMatchParam),
    request_body(content = Provision, example = json!(crate::openapi::isp_examples::provision())),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = SubscriberState,
        headers(
                ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::isp_examples::subscriber_state()),
    )),
)]
pub(crate) async fn change_plan(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<Provision>(&request, payload).await?;
    let options = mutation::of_action(&request, &caller.account.name, &sent)?;
    let subscriber = subscriber_in_path(&request)?;
    let what = use_cases::change_plan(sent.value);
    let outcome = use_cases::run(&isp(&caller, &state)?, subscriber, what, options).await?;
    changed(outcome)
}

/// Puts a subscriber out of service for a while; it keeps everything.
///
/// Safe to repeat: what is as it should be is left as it is.
#[utoipa::path(
    post,
    path = "/api/v1/subscribers/{subscriberId}/suspend",
    operation_id = "suspendSubscriber",
    tag = "Subscribers",
    params(SubscriberPath, DryRunParam, IdempotencyKeyParam, IfMatchParam),
    request_body(content = Option<Reason>, example = json!({ "reason": "unpaid" })),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = SubscriberState,
        headers(
                ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::isp_examples::subscriber_state()),
    )),
)]
pub(crate) async fn suspend(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::optional::<Reason>(&request, payload).await?;
    let options = mutation::of_action(&request, &caller.account.name, &sent)?;
    let subscriber = subscriber_in_path(&request)?;
    let what = use_cases::suspend(sent.value.reason);
    let outcome = use_cases::run(&isp(&caller, &state)?, subscriber, what, options).await?;
    changed(outcome)
}

/// Puts a subscriber back in service.
///
/// Safe to repeat: what is as it should be is left as it is.
#[utoipa::path(
    post,
    path = "/api/v1/subscribers/{subscriberId}/resume",
    operation_id = "resumeSubscriber",
    tag = "Subscribers",
    params(SubscriberPath, DryRunParam, IdempotencyKeyParam, IfMatchParam),
    request_body(content = Option<Reason>, example = json!({ "reason": "paid" })),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = SubscriberState,
        headers(
                ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::isp_examples::subscriber_state()),
    )),
)]
pub(crate) async fn resume(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::optional::<Reason>(&request, payload).await?;
    let options = mutation::of_action(&request, &caller.account.name, &sent)?;
    let subscriber = subscriber_in_path(&request)?;
    let what = use_cases::resume(sent.value.reason);
    let outcome = use_cases::run(&isp(&caller, &state)?, subscriber, what, options).await?;
    changed(outcome)
}

/// Puts a subscriber out of service for good, and releases everything it holds.
///
/// Safe to repeat: what is as it should be is left as it is.
#[utoipa::path(
    post,
    path = "/api/v1/subscribers/{subscriberId}/terminate",
    operation_id = "terminateSubscriber",
    tag = "Subscribers",
    params(SubscriberPath, DryRunParam, IdempotencyKeyParam, IfMatchParam),
    request_body(content = Option<Reason>, example = json!({ "reason": "contract ended" })),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = SubscriberState,
        headers(
                ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::isp_examples::subscriber_state()),
    )),
)]
pub(crate) async fn terminate(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::optional::<Reason>(&request, payload).await?;
    let options = mutation::of_action(&request, &caller.account.name, &sent)?;
    let subscriber = subscriber_in_path(&request)?;
    let what = use_cases::terminate(sent.value.reason);
    let outcome = use_cases::run(&isp(&caller, &state)?, subscriber, what, options).await?;
    changed(outcome)
}
