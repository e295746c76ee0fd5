//! `/api/v1/subscribers/{subscriberId}/network-profile`: how a subscriber is connected.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::public::DryRun;
use cadastre_api_types::public::isp::{NetworkProfile, NetworkProfileWrite};

use super::{State, changed, isp, removed, subscriber_in_path};
use crate::http::authorized::Authorized;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, reply};
use crate::isp::profiles;
use crate::openapi::isp_params::SubscriberPath;
use crate::openapi::params::{DryRunParam, IfMatchParam};

/// The network profile of a subscriber.
#[utoipa::path(
    get,
    path = "/api/v1/subscribers/{subscriberId}/network-profile",
    operation_id = "getNetworkProfile",
    tag = "Subscribers",
    params(SubscriberPath),
    responses((
        status = 200,
        description = "The profile.",
        body = NetworkProfile,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::isp_examples::profile()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let (found, revision) = profiles::get(&isp(&caller, &state)?, subscriber_in_path(&request)?).await?;
    Ok(reply::one(&found, revision)?)
}

/// Makes or replaces the network profile of a subscriber.
#[utoipa::path(
    put,
    path = "/api/v1/subscribers/{subscriberId}/network-profile",
    operation_id = "putNetworkProfile",
    tag = "Subscribers",
    params(SubscriberPath, DryRunParam, IfMatchParam),
    request_body(content = NetworkProfileWrite, example = json!(crate::openapi::isp_examples::profile_write())),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = NetworkProfile,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::isp_examples::profile()),
    )),
)]
pub(crate) async fn put(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<NetworkProfileWrite>(&request, payload).await?.value;
    let options = mutation::of_change(&request)?;
    let subscriber = subscriber_in_path(&request)?;
    let outcome = profiles::put(&isp(&caller, &state)?, subscriber, sent, options).await?;
    changed(outcome)
}

/// Removes the network profile of a subscriber.
#[utoipa::path(
    delete,
    path = "/api/v1/subscribers/{subscriberId}/network-profile",
    operation_id = "deleteNetworkProfile",
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
    let outcome = profiles::delete(&isp(&caller, &state)?, subscriber_in_path(&request)?, options).await?;
    removed(outcome)
}
