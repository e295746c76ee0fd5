//! Changing the structure of a tree: split, merge, resize.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::{CommandOutcome, Image, NewSize, SpaceCommand};
use cadastre_api_types::public::{DryRun, Ip, IpMerge, IpResize, IpSplit};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use uuid::Uuid;

use super::super::command;
use crate::convert::errors::prefix_error;
use crate::convert::space::check_description;
use crate::convert::{node, plan, tag};
use crate::http::authorized::Authorized;
use crate::http::error::HttpError;
use crate::http::{body, mutation, path, reply};
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, NodePath, SpacePath};
use crate::state::FrontendState;

/// Splits a node into blocks of one length.
///
/// The node stays; the blocks that do not exist yet are made beneath it. Nodes of that length are kept as they are,
/// longer ones become children of the new block around them. A node between the two lengths is in the way (`409
/// Straddled`). At most 1,000 nodes are made at once. Resolved tags of existing nodes do not change: tags that would
/// change them are refused (`409 WouldRetag`).
#[utoipa::path(
    post,
    path = "/api/v1/addressspaces/{spaceId}/ips/{ipId}/split",
    operation_id = "splitIp",
    tag = "IP addresses",
    params(SpacePath, NodePath, DryRunParam, IdempotencyKeyParam),
    request_body(
        content = IpSplit,
        example = json!({ "prefixLength": 18, "tags": { "Owner": "team-networking" } }),
    ),
    responses(
        (
            status = 201,
            description = "The new nodes in order; none if all were there.",
            body = [Ip],
            headers(
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!([crate::openapi::examples::node()]),
        ),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn split(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let id = path::id(&request, "ipId")?;
    let sent = body::read::<IpSplit>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let IpSplit {
        prefix_length,
        tags,
        description,
    } = sent.value;
    let description = description.unwrap_or_default();
    check_description(&description)?;
    let command = SpaceCommand::SplitNode {
        id,
        prefix_length,
        first_id: Uuid::now_v7(),
        tags: tag::explicit(tags)?,
        description,
    };
    match command::run(&caller, &state, command, options).await? {
        CommandOutcome::Committed { made, replayed, .. } => {
            Ok(reply::created_many(&node::to_wire(&made), replayed)?)
        }
        CommandOutcome::Planned { changes, conflict } => {
            Ok(reply::json(&plan::of_command(changes, conflict)?)?)
        }
    }
}

/// Merges siblings into one node.
///
/// Together they must fill exactly one prefix and have equal tags (`409 NotMergeable`). They go, and one node at that
/// prefix takes their tags, their description if it is the same for all, and their children. If they fill their
/// parent, that is the node: it stays as it is, and what their children had from them is set on those. Resolved tags
/// of no other node change.
#[utoipa::path(
    post,
    path = "/api/v1/addressspaces/{spaceId}/ips/merge",
    operation_id = "mergeIps",
    tag = "IP addresses",
    params(SpacePath, DryRunParam, IdempotencyKeyParam),
    request_body(
        content = IpMerge,
        example = json!({ "ids": ["0198a2b4-7777-7abc-8def-0123456789ab", "0198a2b4-8888-7abc-8def-0123456789ab"] }),
    ),
    responses((
        status = 200,
        description = "The node that they are now; with `dryRun=true`, what would change.",
        body = Ip,
        headers(
            ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::examples::node()),
    )),
)]
pub(crate) async fn merge(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<IpMerge>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let command = SpaceCommand::MergeNodes {
        ids: sent.value.ids,
        merged_id: Uuid::now_v7(),
    };
    answer_one(command::run(&caller, &state, command, options).await?)
}

/// Changes the prefix of a node: it grows or shrinks where it is.
///
/// It keeps its id, tags, description and children, and stays beneath its parent (`409 NotResizable`). It may not
/// leave a child behind (`409 WouldCutOff`). Siblings that it grows over become its children; if that would change
/// what one of them resolves to, it is refused with the tags (`409 WouldRetag`), and a dry run shows all of it.
#[utoipa::path(
    post,
    path = "/api/v1/addressspaces/{spaceId}/ips/{ipId}/resize",
    operation_id = "resizeIp",
    tag = "IP addresses",
    params(SpacePath, NodePath, DryRunParam, IfMatchParam, IdempotencyKeyParam),
    request_body(content = IpResize, example = json!({ "prefixLength": 15 })),
    responses((
        status = 200,
        description = "The node as it is now; with `dryRun=true`, what would change.",
        body = Ip,
        headers(
            ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::examples::node()),
    )),
)]
pub(crate) async fn resize(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let id = path::id(&request, "ipId")?;
    let sent = body::read::<IpResize>(&request, payload).await?;
    let options = mutation::of_action(&request, &caller.account.name, &sent)?;
    let command = SpaceCommand::ResizeNode {
        id,
        to: new_size(&sent.value)?,
    };
    answer_one(command::run(&caller, &state, command, options).await?)
}

/// Exactly one of prefix and length.
fn new_size(sent: &IpResize) -> Result<NewSize, ApiError> {
    match (&sent.prefix, sent.prefix_length) {
        (Some(text), None) => {
            let prefix: Prefix = text.parse().map_err(|error| prefix_error("prefix", &error))?;
            Ok(NewSize::Prefix(prefix))
        }
        (None, Some(len)) => Ok(NewSize::Length(len)),
        (Some(_), Some(_)) | (None, None) => Err(ApiError::new(
            ErrorCode::MalformedRequest,
            "Send either `prefix`, the new prefix, or `prefixLength`, its length.",
        )),
    }
}

fn answer_one(outcome: CommandOutcome) -> Result<HttpResponse, HttpError> {
    match outcome {
        CommandOutcome::Committed {
            subject: Some(Image::Node(stored)),
            replayed,
            ..
        } => Ok(reply::done(
            &node::WireNode::from(&stored),
            stored.revision,
            replayed,
        )?),
        CommandOutcome::Committed { .. } => Err(reply::unexpected("no node is left").into()),
        CommandOutcome::Planned { changes, conflict } => {
            Ok(reply::json(&plan::of_command(changes, conflict)?)?)
        }
    }
}
