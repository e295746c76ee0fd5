//! `/api/v1/ip-management/subscribers/{subscriberId}`: what a subscriber holds.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::public::DryRun;
use cadastre_api_types::public::isp::{AssignIp, ReleaseIp, Released, Reservation};

use super::{State, created, isp, subscriber_in_path, told};
use crate::http::authorized::Authorized;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, reply};
use crate::isp::reservations;
use crate::openapi::isp_params::{PastParam, SubscriberPath};
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam};

/// Assigns an address or a delegated prefix to a subscriber: reserved and put to use in one go.
///
/// The subscriber need not be known here.
#[utoipa::path(
    post,
    path = "/api/v1/ip-management/subscribers/{subscriberId}/assign-ip",
    operation_id = "assignIp",
    tag = "Reservations",
    params(SubscriberPath, DryRunParam, IdempotencyKeyParam),
    request_body(content = AssignIp, example = json!({ "ipType": "ipv4", "assignmentReason": "order 8812" })),
    responses(
        (
            status = 201,
            description = "The new reservation.",
            body = Reservation,
            headers(
                ("Location" = String, description = "Path of it."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::isp_examples::assigned()),
        ),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn assign_ip(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<AssignIp>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let subscriber = subscriber_in_path(&request)?;
    let outcome = reservations::assign_ip(&isp(&caller, &state)?, &subscriber, sent.value, options).await?;
    created(&request, outcome, |made| {
        format!("/api/v1/ip-management/reservations/{}", made.id)
    })
}

/// Releases one reservation of a subscriber, all of a type, or everything it holds.
#[utoipa::path(
    post,
    path = "/api/v1/ip-management/subscribers/{subscriberId}/release-ip",
    operation_id = "releaseIp",
    tag = "Reservations",
    params(SubscriberPath, DryRunParam, IdempotencyKeyParam),
    request_body(content = ReleaseIp, example = json!({ "ipType": "ipv4", "reason": "moved" })),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = Released,
        headers(
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::isp_examples::released_list()),
    )),
)]
pub(crate) async fn release_ip(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<ReleaseIp>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let subscriber = subscriber_in_path(&request)?;
    let outcome = reservations::release_ip(&isp(&caller, &state)?, &subscriber, sent.value, options).await?;
    told(outcome)
}

/// What a subscriber holds, active reservations first.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/subscribers/{subscriberId}/ips",
    operation_id = "listIpsOfSubscriber",
    tag = "Reservations",
    params(SubscriberPath, PastParam),
    responses((
        status = 200,
        description = "Its reservations.",
        body = [Reservation],
        example = json!([crate::openapi::isp_examples::assigned()]),
    )),
)]
pub(crate) async fn ips(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["includePast"])?;
    let subscriber = subscriber_in_path(&request)?;
    let with_past = query.flag("includePast")?;
    let found = reservations::of_subscriber(&isp(&caller, &state)?, &subscriber, with_past).await?;
    Ok(reply::json(&found)?)
}
