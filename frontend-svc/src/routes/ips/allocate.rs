//! Taking what is free beneath a node, seeing what is free, and how much is used.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::{
    AllocateFrom, AvailableQuery, CommandOutcome, MutationOptions, SpaceCommand, UtilizationQuery, Wanted,
};
use cadastre_api_types::public::{Allocate, AllocateTagged, DryRun, FreeBlock, Ip, Utilization};

use super::super::command;
use crate::convert::{allocation, node, plan};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::{Query, invalid};
use crate::http::wording::echo;
use crate::http::{body, mutation, path, reply};
use crate::openapi::params::{
    DryRunParam, FittingParam, IdempotencyKeyParam, NodePath, PageParams, SpacePath,
};
use crate::state::FrontendState;

/// Takes free prefixes directly beneath a node, all or none, and answers with the new nodes.
///
/// Never one prefix twice, however many ask at once. Single IPv4 addresses skip the network and the broadcast
/// address of the node unless `includeEdges` says otherwise.
#[utoipa::path(
    post,
    path = "/api/v1/addressspaces/{spaceId}/ips/{ipId}/allocate",
    operation_id = "allocateIps",
    tag = "IP addresses",
    params(SpacePath, NodePath, DryRunParam, IdempotencyKeyParam),
    request_body(content = Allocate, example = json!({ "prefixLength": 24, "tags": { "Owner": "team-networking" } })),
    responses(
        (
            status = 201,
            description = "The new nodes, in the order in which they were taken.",
            body = [Ip],
            headers(
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!([crate::openapi::examples::node()]),
        ),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn allocate(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let id = path::id(&request, "ipId")?;
    let sent = body::read::<Allocate>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let wanted = allocation::wanted(sent.value)?;
    run(&caller, &state, AllocateFrom::Node(id), wanted, options).await
}

/// Takes free prefixes beneath the first nodes that resolve to certain tags and have room, all or none.
#[utoipa::path(
    post,
    path = "/api/v1/addressspaces/{spaceId}/allocate",
    operation_id = "allocateIpsByTags",
    tag = "IP addresses",
    params(SpacePath, DryRunParam, IdempotencyKeyParam),
    request_body(
        content = AllocateTagged,
        example = json!({ "where": { "Region": "EuropeWest" }, "prefixLength": 24, "count": 2 }),
    ),
    responses(
        (
            status = 201,
            description = "The new nodes, in the order in which they were taken.",
            body = [Ip],
            headers(
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!([crate::openapi::examples::node()]),
        ),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn allocate_tagged(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<AllocateTagged>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let (from, wanted) = allocation::tagged(sent.value)?;
    run(&caller, &state, from, wanted, options).await
}

async fn run(
    caller: &Authorized,
    state: &FrontendState,
    from: AllocateFrom,
    wanted: Wanted,
    options: MutationOptions,
) -> Result<HttpResponse, HttpError> {
    let command = SpaceCommand::Allocate { from, wanted };
    match command::run(caller, state, command, options).await? {
        CommandOutcome::Committed { made, replayed, .. } => {
            Ok(reply::created_many(&node::to_wire(&made), replayed)?)
        }
        CommandOutcome::Planned { changes, conflict } => {
            Ok(reply::json(&plan::of_command(changes, conflict)?)?)
        }
    }
}

/// The free blocks directly beneath a node, in ascending order: what is left between its children, as few and as
/// large blocks as there are.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/ips/{ipId}/available",
    operation_id = "listAvailable",
    tag = "IP addresses",
    params(SpacePath, NodePath, FittingParam, PageParams),
    responses((
        status = 200,
        description = "A page of free blocks.",
        body = [FreeBlock],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([{ "prefix": "10.1.4.0/22", "addresses": "1024", "fits": "4" }]),
    )),
)]
pub(crate) async fn available(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["prefixLength", "limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let fitting = query.get("prefixLength").map(|text| {
        text.parse::<u8>().map_err(|_| {
            invalid(
                "prefixLength",
                format!("`prefixLength` is `{}`; write a length such as 24.", echo(text)),
            )
        })
    });
    let fitting = fitting.transpose()?;
    let question = AvailableQuery {
        space: caller.space()?,
        node: path::id(&request, "ipId")?,
        fitting,
        page: pager.page.clone(),
    };
    let found = state.access.available(&caller.context(), question).await?;
    let blocks: Vec<FreeBlock> = found
        .items
        .iter()
        .map(|prefix| allocation::block(prefix, fitting))
        .collect();
    Ok(reply::page(&blocks, &pager, found.next.as_deref())?)
}

/// How much of a node its direct children cover, exactly.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/ips/{ipId}/utilization",
    operation_id = "getUtilization",
    tag = "IP addresses",
    params(SpacePath, NodePath),
    responses((status = 200, description = "The figures.", body = Utilization)),
)]
pub(crate) async fn utilization(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let question = UtilizationQuery {
        space: caller.space()?,
        node: path::id(&request, "ipId")?,
    };
    let found = state.access.utilization(&caller.context(), question).await?;
    Ok(reply::json(&allocation::utilization(&found))?)
}
