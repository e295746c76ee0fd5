//! `/api/v1/pool-policy`: which pool an address is taken from when nobody names one.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::public::isp::{PoolPolicy, PoolPolicyWrite};

use super::{State, changed, isp};
use crate::http::authorized::Authorized;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, reply};
use crate::isp::policy;
use crate::openapi::params::{DryRunParam, IfMatchParam};

/// The rules of pool selection, in their order.
#[utoipa::path(
    get,
    path = "/api/v1/pool-policy",
    operation_id = "getPoolPolicy",
    tag = "Plans and policies",
    responses((
        status = 200,
        description = "The rules.",
        body = PoolPolicy,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::isp_examples::policy()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let (found, revision) = policy::get(&isp(&caller, &state)?).await?;
    Ok(reply::one(&found, revision)?)
}

/// Replaces the rules of pool selection.
#[utoipa::path(
    put,
    path = "/api/v1/pool-policy",
    operation_id = "putPoolPolicy",
    tag = "Plans and policies",
    params(DryRunParam, IfMatchParam),
    request_body(content = PoolPolicyWrite, example = json!(crate::openapi::isp_examples::policy_write())),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = PoolPolicy,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::isp_examples::policy()),
    )),
)]
pub(crate) async fn put(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<PoolPolicyWrite>(&request, payload).await?.value;
    let options = mutation::of_change(&request)?;
    let outcome = policy::put(&isp(&caller, &state)?, sent, options).await?;
    changed(outcome)
}
