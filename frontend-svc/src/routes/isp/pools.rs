//! `/api/v1/ip-management/pools`: pools.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::PoolFilter;
use cadastre_api_types::public::DryRun;
use cadastre_api_types::public::isp::{
    AvailableIps, Pool, PoolCreate, PoolStats, PoolUpdate, PoolUtilization,
};

use super::{State, changed, created, isp, listed, number_of, removed, word};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, path, reply};
use crate::isp::pools;
use crate::openapi::isp_params::{AvailableParams, PoolFilterParams, PoolPath};
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, PageParams};

/// Lists pools in order of their networks.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/pools",
    operation_id = "listPools",
    tag = "Pools",
    params(PoolFilterParams, PageParams),
    responses((
        status = 200,
        description = "A page of pools.",
        body = [Pool],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::isp_examples::pool()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(
        &request,
        &["poolType", "status", "siteId", "search", "limit", "cursor"],
    )?;
    let pager = Pager::of(&request, &query)?;
    let filter = PoolFilter {
        pool_type: word(&query, "poolType")?,
        status: word(&query, "status")?,
        site_id: query.text("siteId"),
        search: query.text("search"),
    };
    let found = pools::list(&isp(&caller, &state)?, filter, pager.page.clone()).await?;
    listed(&found, &pager)
}

/// Makes a pool. Its network becomes a node of the tree if it is none; pools do not overlap.
#[utoipa::path(
    post,
    path = "/api/v1/ip-management/pools",
    operation_id = "createPool",
    tag = "Pools",
    params(DryRunParam, IdempotencyKeyParam),
    request_body(content = PoolCreate, example = json!(crate::openapi::isp_examples::pool_create())),
    responses(
        (
            status = 201,
            description = "The new pool.",
            body = Pool,
            headers(
                ("Location" = String, description = "Path of it."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::isp_examples::pool()),
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
    let sent = body::read::<PoolCreate>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let outcome = pools::create(&isp(&caller, &state)?, sent.value, options).await?;
    created(&request, outcome, |made| {
        format!("/api/v1/ip-management/pools/{}", made.id)
    })
}

/// One pool.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/pools/{poolId}",
    operation_id = "getPool",
    tag = "Pools",
    params(PoolPath),
    responses((
        status = 200,
        description = "The pool.",
        body = Pool,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::isp_examples::pool()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let (found, revision) = pools::get(&isp(&caller, &state)?, path::id(&request, "poolId")?).await?;
    Ok(reply::one(&found, revision)?)
}

/// Replaces a pool's settings.
///
/// Network, type and delegated length stay. What `GET` returned can be sent back: read-only fields are accepted
/// where they equal what is stored, so leave the numbers out where others may reserve meanwhile.
#[utoipa::path(
    put,
    path = "/api/v1/ip-management/pools/{poolId}",
    operation_id = "updatePool",
    tag = "Pools",
    params(PoolPath, DryRunParam, IfMatchParam),
    request_body(content = PoolUpdate, example = json!(crate::openapi::isp_examples::pool_update())),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = Pool,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::isp_examples::pool()),
    )),
)]
pub(crate) async fn update(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<PoolUpdate>(&request, payload).await?.value;
    let options = mutation::of_change(&request)?;
    let outcome = pools::update(
        &isp(&caller, &state)?,
        path::id(&request, "poolId")?,
        sent,
        options,
    )
    .await?;
    changed(outcome)
}

/// Removes a pool that holds nothing. Its node stays if it was there before the pool or has tags.
#[utoipa::path(
    delete,
    path = "/api/v1/ip-management/pools/{poolId}",
    operation_id = "deletePool",
    tag = "Pools",
    params(PoolPath, DryRunParam, IfMatchParam),
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
    let outcome = pools::delete(&isp(&caller, &state)?, path::id(&request, "poolId")?, options).await?;
    removed(outcome)
}

/// How full a pool is, and until when it lasts.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/pools/{poolId}/utilization",
    operation_id = "getPoolUtilization",
    tag = "Pools",
    params(PoolPath),
    responses((
        status = 200,
        description = "Its numbers.",
        body = PoolUtilization,
        example = json!(crate::openapi::isp_examples::utilization()),
    )),
)]
pub(crate) async fn utilization(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let found = pools::utilization(&isp(&caller, &state)?, path::id(&request, "poolId")?).await?;
    Ok(reply::json(&found)?)
}

/// A pool in numbers, with what happened day by day.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/pools/{poolId}/stats",
    operation_id = "getPoolStats",
    tag = "Pools",
    params(PoolPath),
    responses((
        status = 200,
        description = "Its numbers.",
        body = PoolStats,
        example = json!(crate::openapi::isp_examples::pool_stats()),
    )),
)]
pub(crate) async fn stats(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let found = pools::stats(&isp(&caller, &state)?, path::id(&request, "poolId")?).await?;
    Ok(reply::json(&found)?)
}

/// What a pool would hand out next. Nothing is reserved by asking.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/pools/{poolId}/available-ips",
    operation_id = "listAvailablePoolIps",
    tag = "Pools",
    params(PoolPath, AvailableParams),
    responses((
        status = 200,
        description = "Free addresses, or free prefixes of a pool that delegates.",
        body = AvailableIps,
        example = json!(crate::openapi::isp_examples::available()),
    )),
)]
pub(crate) async fn available(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["count", "prefixLength"])?;
    let count = number_of(&query, "count", 1, 1_000)?.unwrap_or(10);
    let length = number_of(&query, "prefixLength", 1, 128)?;
    let length = length.and_then(|length| u8::try_from(length).ok());
    let found = pools::available(
        &isp(&caller, &state)?,
        path::id(&request, "poolId")?,
        count,
        length,
    )
    .await?;
    Ok(reply::json(&found)?)
}
