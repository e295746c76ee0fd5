//! `/api/v1/vlan-pools`: pools of VLAN tags.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::public::DryRun;
use cadastre_api_types::public::isp::{VlanAllocate, VlanBinding, VlanPool, VlanPoolCreate, VlanPoolUpdate};

use super::{State, changed, created, isp, listed, removed};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, path, reply};
use crate::isp::vlans;
use crate::openapi::isp_params::{VlanPoolFilterParams, VlanPoolPath};
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, PageParams};

/// Lists VLAN pools, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/vlan-pools",
    operation_id = "listVlanPools",
    tag = "VLANs",
    params(VlanPoolFilterParams, PageParams),
    responses((
        status = 200,
        description = "A page of them.",
        body = [VlanPool],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::isp_examples::vlan_pool()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["domain", "limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let found = vlans::list(&isp(&caller, &state)?, query.text("domain"), pager.page.clone()).await?;
    listed(&found, &pager)
}

/// Makes a VLAN pool.
#[utoipa::path(
    post,
    path = "/api/v1/vlan-pools",
    operation_id = "createVlanPool",
    tag = "VLANs",
    params(DryRunParam, IdempotencyKeyParam),
    request_body(content = VlanPoolCreate, example = json!(crate::openapi::isp_examples::vlan_pool_create())),
    responses(
        (
            status = 201,
            description = "The new VLAN pool.",
            body = VlanPool,
            headers(
                ("Location" = String, description = "Path of it."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::isp_examples::vlan_pool()),
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
    let sent = body::read::<VlanPoolCreate>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let outcome = vlans::create(&isp(&caller, &state)?, sent.value, options).await?;
    created(&request, outcome, |made| {
        format!("/api/v1/vlan-pools/{}", made.id)
    })
}

/// One VLAN pool.
#[utoipa::path(
    get,
    path = "/api/v1/vlan-pools/{vlanPoolId}",
    operation_id = "getVlanPool",
    tag = "VLANs",
    params(VlanPoolPath),
    responses((
        status = 200,
        description = "The VLAN pool.",
        body = VlanPool,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::isp_examples::vlan_pool()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let (found, revision) = vlans::get(&isp(&caller, &state)?, path::id(&request, "vlanPoolId")?).await?;
    Ok(reply::one(&found, revision)?)
}

/// Replaces a VLAN pool.
#[utoipa::path(
    put,
    path = "/api/v1/vlan-pools/{vlanPoolId}",
    operation_id = "updateVlanPool",
    tag = "VLANs",
    params(VlanPoolPath, DryRunParam, IfMatchParam),
    request_body(content = VlanPoolUpdate, example = json!(crate::openapi::isp_examples::vlan_pool_create())),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = VlanPool,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::isp_examples::vlan_pool()),
    )),
)]
pub(crate) async fn update(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<VlanPoolUpdate>(&request, payload).await?.value;
    let options = mutation::of_change(&request)?;
    let outcome = vlans::update(
        &isp(&caller, &state)?,
        path::id(&request, "vlanPoolId")?,
        sent,
        options,
    )
    .await?;
    changed(outcome)
}

/// Removes a VLAN pool, if nothing uses it.
#[utoipa::path(
    delete,
    path = "/api/v1/vlan-pools/{vlanPoolId}",
    operation_id = "deleteVlanPool",
    tag = "VLANs",
    params(VlanPoolPath, DryRunParam, IfMatchParam),
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
    let outcome = vlans::delete(&isp(&caller, &state)?, path::id(&request, "vlanPoolId")?, options).await?;
    removed(outcome)
}

/// Takes a VLAN from a pool for a subscriber or a port: the lowest free one, or that one.
///
/// Who has one of that domain and kind already keeps it, and is answered with it and `200`.
#[utoipa::path(
    post,
    path = "/api/v1/vlan-pools/{vlanPoolId}/allocate",
    operation_id = "allocateVlan",
    tag = "VLANs",
    params(VlanPoolPath, DryRunParam, IdempotencyKeyParam),
    request_body(content = VlanAllocate, example = json!({ "subscriberId": "sub-4711" })),
    responses(
        (
            status = 201,
            description = "The VLAN.",
            body = VlanBinding,
            headers(
                ("Location" = String, description = "Path of it."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::isp_examples::binding()),
        ),
        (status = 200, description = "The VLAN that they have already; with `dryRun=true`, what would change.", body = VlanBinding),
    ),
)]
pub(crate) async fn allocate(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<VlanAllocate>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let pool = path::id(&request, "vlanPoolId")?;
    let (outcome, new) = vlans::allocate(&isp(&caller, &state)?, pool, sent.value, options).await?;
    if new {
        created(&request, outcome, |made| {
            format!("/api/v1/vlan-bindings/{}", made.id)
        })
    } else {
        changed(outcome)
    }
}
