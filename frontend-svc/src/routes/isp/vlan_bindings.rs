//! `/api/v1/vlan-bindings`: who has which VLAN.

use actix_web::{HttpRequest, HttpResponse};
use cadastre_api_types::internal::VlanFilter;
use cadastre_api_types::public::DryRun;
use cadastre_api_types::public::isp::VlanBinding;

use super::{State, id_of, isp, listed, removed, subscriber_of};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{mutation, path};
use crate::isp::vlans;
use crate::openapi::isp_params::{VlanBindingFilterParams, VlanBindingPath};
use crate::openapi::params::{DryRunParam, IfMatchParam, PageParams};

/// Lists the VLANs that somebody has.
#[utoipa::path(
    get,
    path = "/api/v1/vlan-bindings",
    operation_id = "listVlanBindings",
    tag = "VLANs",
    params(VlanBindingFilterParams, PageParams),
    responses((
        status = 200,
        description = "A page of them.",
        body = [VlanBinding],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::isp_examples::binding()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(
        &request,
        &["poolId", "domain", "subscriberId", "port", "limit", "cursor"],
    )?;
    let pager = Pager::of(&request, &query)?;
    let filter = VlanFilter {
        pool_id: id_of(&query, "poolId")?,
        domain: query.text("domain"),
        subscriber_id: subscriber_of(&query)?,
        port: query.text("port"),
    };
    let found = vlans::bindings(&isp(&caller, &state)?, filter, pager.page.clone()).await?;
    listed(&found, &pager)
}

/// Gives a VLAN back.
#[utoipa::path(
    delete,
    path = "/api/v1/vlan-bindings/{bindingId}",
    operation_id = "releaseVlan",
    tag = "VLANs",
    params(VlanBindingPath, DryRunParam, IfMatchParam),
    responses(
        (status = 204, description = "It is gone."),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn release(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let options = mutation::of_change(&request)?;
    let outcome = vlans::release(&isp(&caller, &state)?, path::id(&request, "bindingId")?, options).await?;
    removed(outcome)
}
