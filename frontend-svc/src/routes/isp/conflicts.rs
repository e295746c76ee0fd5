//! `/api/v1/ip-management/check-conflicts` and `/conflicts`.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::public::isp::{ConflictCheck, ConflictReport, IpConflict};

use super::{State, isp, listed};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, reply};
use crate::isp::conflicts;
use crate::openapi::params::PageParams;

/// What stands against an address, or a prefix that would be delegated, being handed out; and the way out.
///
/// Nothing is changed by asking.
#[utoipa::path(
    post,
    path = "/api/v1/ip-management/check-conflicts",
    operation_id = "checkConflicts",
    tag = "Conflicts",
    request_body(content = ConflictCheck, example = json!(crate::openapi::isp_examples::conflict_check())),
    responses((
        status = 200,
        description = "What was found, the worst first.",
        body = ConflictReport,
        example = json!(crate::openapi::isp_examples::conflict_report()),
    )),
)]
pub(crate) async fn check(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let sent = body::read::<ConflictCheck>(&request, payload).await?.value;
    let report = conflicts::check(&isp(&caller, &state)?, sent).await?;
    Ok(reply::json(&report)?)
}

/// Lists what is wrong between reservations, the tree and network profiles as they are.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/conflicts",
    operation_id = "listConflicts",
    tag = "Conflicts",
    params(PageParams),
    responses((
        status = 200,
        description = "A page of conflicts; a page may be short, even empty, while more may follow.",
        body = [IpConflict],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::isp_examples::conflict()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let found = conflicts::standing(&isp(&caller, &state)?, pager.page.clone()).await?;
    listed(&found, &pager)
}
