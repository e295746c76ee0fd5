//! `…/ips/{ipId}/history` and `…/history?prefix=`: what became of a node, or of whatever was at a prefix.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::{HistoryQuery, NodeRef};
use cadastre_api_types::public::IpHistoryEntry;
use cadastre_domain::Prefix;

use crate::convert::errors::prefix_error;
use crate::convert::history::entry;
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::{Query, invalid};
use crate::http::{path, reply};
use crate::openapi::params::{HistoryPrefixParam, NodePath, PageParams, SpacePath};
use crate::state::FrontendState;

/// What became of a node, newest first. Nodes that are deleted have a history too.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/ips/{ipId}/history",
    operation_id = "listIpHistory",
    tag = "History",
    params(SpacePath, NodePath, PageParams),
    responses((
        status = 200,
        description = "A page of changes. It may have fewer than `limit` while there are more: follow `Link`.",
        body = [IpHistoryEntry],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!(crate::openapi::history_examples::history()),
    )),
)]
pub(crate) async fn of_node(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["limit", "cursor"])?;
    let of = NodeRef::Id(path::id(&request, "ipId")?);
    page(&caller, &state, of, &Pager::of(&request, &query)?).await
}

/// What became of the nodes that a prefix had, newest first; the ids tell them apart.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/history",
    operation_id = "listPrefixHistory",
    tag = "History",
    params(SpacePath, HistoryPrefixParam, PageParams),
    responses((
        status = 200,
        description = "A page of changes; empty if the prefix never had a node.",
        body = [IpHistoryEntry],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!(crate::openapi::history_examples::history()),
    )),
)]
pub(crate) async fn of_prefix(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["prefix", "limit", "cursor"])?;
    let Some(text) = query.get("prefix") else {
        let message = "`prefix` is missing; write ?prefix=10.1.0.0/16.";
        return Err(invalid("prefix", message.to_owned()).into());
    };
    let prefix: Prefix = text.parse().map_err(|error| prefix_error("prefix", &error))?;
    page(
        &caller,
        &state,
        NodeRef::Prefix(prefix),
        &Pager::of(&request, &query)?,
    )
    .await
}

async fn page(
    caller: &Authorized,
    state: &FrontendState,
    of: NodeRef,
    pager: &Pager<'_>,
) -> Result<HttpResponse, HttpError> {
    let question = HistoryQuery {
        space: caller.space()?,
        of,
        page: pager.page.clone(),
    };
    let found = state.access.node_history(&caller.context(), question).await?;
    let entries: Vec<IpHistoryEntry> = found.items.into_iter().map(entry).collect();
    Ok(reply::page(&entries, pager, found.next.as_deref())?)
}
