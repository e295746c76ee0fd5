//! Lists of nodes: by prefix, tags and parent in any combination; the nodes above an address; children and
//! subtree of a node.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::{
    CallContext, LookupQuery, NodeAsOfQuery, NodeListAsOfQuery, NodeListQuery, NodeQuery, NodeRef,
    NodeSelection, NodeView,
};
use cadastre_api_types::public::Ip;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::tags::{TagName, TagValue, parse_tag_filter};
use cadastre_domain::{Prefix, parse_address_or_prefix};
use jiff::Timestamp;
use uuid::Uuid;

use crate::convert::errors::{filter_error, prefix_error};
use crate::convert::node;
use crate::http::authorized::Authorized;
use crate::http::cursor::{Pager, foreign_cursor};
use crate::http::error::HttpError;
use crate::http::query::{Query, invalid};
use crate::http::wording::echo;
use crate::http::{path, reply};
use crate::openapi::params::{
    AsOfParam, LookupParam, NodeFilterParams, NodePath, PageParams, SpacePath, TagFilterParam,
};
use crate::state::FrontendState;

pub(crate) type TagFilter = Vec<(TagName, TagValue)>;

/// Finds nodes by prefix, tags and parent, in order of their prefixes. All filters given must hold; with `asOf` they
/// must have held at that moment.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/ips",
    operation_id = "listIps",
    tag = "IP addresses",
    params(SpacePath, NodeFilterParams, TagFilterParam, AsOfParam, PageParams),
    responses((
        status = 200,
        description = "A page of nodes. It may have fewer than `limit` while there are more: follow `Link`.",
        body = [Ip],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::examples::top(), crate::openapi::examples::node()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(
        &request,
        &["prefix", "tags", "parentId", "asOf", "limit", "cursor"],
    )?;
    let pager = Pager::of(&request, &query)?;
    let (select, tags) = (parent(&query)?, tag_filter(&query)?);
    let at = query.timestamp("asOf")?;
    let prefix = match query.get("prefix") {
        None => return page(&caller, &state, select, tags, at, &pager).await,
        Some(text) => text
            .parse::<Prefix>()
            .map_err(|error| prefix_error("prefix", &error))?,
    };
    if pager.page.after.is_some() {
        // At most one node has a prefix: such a list never gives out a cursor.
        return Err(foreign_cursor().into());
    }
    let found = exact(&caller.context(), &state, caller.space()?, prefix, &select, at).await?;
    let found: Vec<NodeView> = found.into_iter().filter(|node| carries(node, &tags)).collect();
    Ok(reply::page(&node::to_wire(&found), &pager, None)?)
}

/// The nodes that contain an address or a prefix, longest first.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/ips/lookup",
    operation_id = "lookupIps",
    tag = "IP addresses",
    params(SpacePath, LookupParam),
    responses((
        status = 200,
        description = "The tightest node first, then those above it; empty if no node contains it.",
        body = [Ip],
        example = json!([crate::openapi::examples::node(), crate::openapi::examples::top()]),
    )),
)]
pub(crate) async fn lookup(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["address"])?;
    let Some(text) = query.get("address") else {
        return Err(invalid(
            "address",
            "`address` is missing; write ?address=10.1.2.3, or a prefix.".to_owned(),
        )
        .into());
    };
    let target = parse_address_or_prefix(text).map_err(|error| prefix_error("address", &error))?;
    let found = state
        .access
        .lookup(
            &caller.context(),
            LookupQuery {
                space: caller.space()?,
                target,
            },
        )
        .await?;
    Ok(reply::json(&node::to_wire(&found))?)
}

/// The direct children of a node, in order of their prefixes.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/ips/{ipId}/children",
    operation_id = "listIpChildren",
    tag = "IP addresses",
    params(SpacePath, NodePath, TagFilterParam, PageParams),
    responses((
        status = 200,
        description = "A page of children.",
        body = [Ip],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::examples::node()]),
    )),
)]
pub(crate) async fn children(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    beneath(&caller, &state, &request, NodeSelection::ChildrenOf).await
}

/// A node and everything beneath it, in order of the prefixes: each node before what it contains.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/ips/{ipId}/subtree",
    operation_id = "listIpSubtree",
    tag = "IP addresses",
    params(SpacePath, NodePath, TagFilterParam, PageParams),
    responses((
        status = 200,
        description = "A page of the subtree.",
        body = [Ip],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::examples::top(), crate::openapi::examples::node()]),
    )),
)]
pub(crate) async fn subtree(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    beneath(&caller, &state, &request, NodeSelection::SubtreeOf).await
}

async fn beneath(
    caller: &Authorized,
    state: &FrontendState,
    request: &HttpRequest,
    select: fn(Uuid) -> NodeSelection,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(request, &["tags", "limit", "cursor"])?;
    let pager = Pager::of(request, &query)?;
    let select = select(path::id(request, "ipId")?);
    page(caller, state, select, tag_filter(&query)?, None, &pager).await
}

async fn page(
    caller: &Authorized,
    state: &FrontendState,
    select: NodeSelection,
    tags: TagFilter,
    at: Option<Timestamp>,
    pager: &Pager<'_>,
) -> Result<HttpResponse, HttpError> {
    let question = NodeListQuery {
        space: caller.space()?,
        select,
        tags,
        page: pager.page.clone(),
    };
    let context = caller.context();
    let found = match at {
        None => state.access.list_nodes(&context, question).await?,
        Some(at) => {
            let question = NodeListAsOfQuery {
                at: Some(at),
                list: question,
            };
            state.access.list_nodes_as_of(&context, question).await?
        }
    };
    Ok(reply::page(
        &node::to_wire(&found.items),
        pager,
        found.next.as_deref(),
    )?)
}

/// The node of a prefix, if it is where it should be.
async fn exact(
    context: &CallContext,
    state: &FrontendState,
    space: Uuid,
    prefix: Prefix,
    select: &NodeSelection,
    at: Option<Timestamp>,
) -> Result<Option<NodeView>, ApiError> {
    if let NodeSelection::ChildrenOf(parent) = select {
        // A parent that is not there is a 404, whether or not a prefix is asked for too.
        one(context, state, space, NodeRef::Id(*parent), at).await?;
    }
    let found = match one(context, state, space, NodeRef::Prefix(prefix), at).await {
        Ok(found) => found,
        Err(error) if error.code == ErrorCode::NotFound => {
            // The node is missing, which an empty list says; but the space itself may be missing, too.
            state
                .access
                .get_space(context, cadastre_api_types::internal::SpaceQuery { space })
                .await?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let fits = match select {
        NodeSelection::All | NodeSelection::SubtreeOf(_) => true,
        NodeSelection::Top => found.parent_id.is_none(),
        NodeSelection::ChildrenOf(parent) => found.parent_id == Some(*parent),
    };
    Ok(Some(Arc::unwrap_or_clone(found)).filter(|_| fits))
}

/// One node, now or at a moment.
async fn one(
    context: &CallContext,
    state: &FrontendState,
    space: Uuid,
    node: NodeRef,
    at: Option<Timestamp>,
) -> Result<Arc<NodeView>, ApiError> {
    match at {
        None => state.access.get_node(context, NodeQuery { space, node }).await,
        Some(at) => {
            let question = NodeAsOfQuery { space, node, at };
            state.access.node_as_of(context, question).await.map(Arc::new)
        }
    }
}

fn carries(node: &NodeView, tags: &[(TagName, TagValue)]) -> bool {
    tags.iter()
        .all(|(name, value)| node.resolved.get(name) == Some(value))
}

fn parent(query: &Query<'_>) -> Result<NodeSelection, ApiError> {
    match query.get("parentId") {
        None => Ok(NodeSelection::All),
        Some("root") => Ok(NodeSelection::Top),
        Some(text) => path::parse_id(text)
            .map(NodeSelection::ChildrenOf)
            .ok_or_else(|| {
                invalid(
                    "parentId",
                    format!(
                        "`parentId` is `{}`; write the id of a node, or `root` for the top.",
                        echo(text)
                    ),
                )
            }),
    }
}

/// `tags=`, as a filter of lists.
pub(crate) fn tag_filter(query: &Query<'_>) -> Result<TagFilter, ApiError> {
    query.get("tags").map_or(Ok(Vec::new()), |text| {
        parse_tag_filter(text).map_err(|error| filter_error(&error))
    })
}
