//! Making, changing and deleting nodes.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::{CommandOutcome, Image, NodeQuery, NodeRef, SpaceCommand};
use cadastre_api_types::public::{DryRun, Ip, IpCreate, IpUpdate};
use cadastre_domain::Prefix;
use uuid::Uuid;

use super::super::command;
use crate::convert::errors::prefix_error;
use crate::convert::space::check_description;
use crate::convert::{node, plan, tag};
use crate::http::authorized::Authorized;
use crate::http::error::HttpError;
use crate::http::mutation::{self, Compared, compare_and_change};
use crate::http::{body, path, reply};
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, NodePath, SpacePath};
use crate::state::FrontendState;

/// Creates a node. Its place in the tree follows from its prefix; nodes that it contains become its children.
#[utoipa::path(
    post,
    path = "/api/v1/addressspaces/{spaceId}/ips",
    operation_id = "createIp",
    tag = "IP addresses",
    params(SpacePath, DryRunParam, IdempotencyKeyParam),
    request_body(
        content = IpCreate,
        example = json!({ "prefix": "10.1.0.0/16", "tags": { "Owner": "team-networking" } }),
    ),
    responses(
        (
            status = 201,
            description = "The new node.",
            body = Ip,
            headers(
                ("Location" = String, description = "Path of the new node."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::examples::node()),
        ),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn create(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<IpCreate>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let IpCreate {
        prefix,
        parent_id,
        tags,
        description,
    } = sent.value;
    let prefix: Prefix = prefix.parse().map_err(|error| prefix_error("prefix", &error))?;
    let description = description.unwrap_or_default();
    check_description(&description)?;
    let command = SpaceCommand::CreateNode {
        id: Uuid::now_v7(),
        prefix,
        parent_id,
        tags: tag::explicit(tags)?,
        description,
    };
    match command::run(&caller, &state, command, options).await? {
        CommandOutcome::Committed {
            subject: Some(Image::Node(made)),
            replayed,
            ..
        } => {
            let location = format!("/api/v1/addressspaces/{}/ips/{}", caller.space()?, made.id);
            Ok(reply::created(
                &node::WireNode::from(&made),
                made.revision,
                &location,
                replayed,
            )?)
        }
        CommandOutcome::Committed { .. } => Err(reply::unexpected("no node was made").into()),
        CommandOutcome::Planned { changes, conflict } => {
            Ok(reply::json(&plan::of_command(changes, conflict)?)?)
        }
    }
}

/// Replaces a node's tags as a whole and, if it is sent, its description.
///
/// What `GET` returned can be sent back: read-only fields are accepted where they equal what is stored.
#[utoipa::path(
    put,
    path = "/api/v1/addressspaces/{spaceId}/ips/{ipId}",
    operation_id = "updateIp",
    tag = "IP addresses",
    params(SpacePath, NodePath, DryRunParam, IfMatchParam),
    request_body(
        content = IpUpdate,
        example = json!({ "tags": { "Owner": "team-alpha", "Service": "new-service" } }),
    ),
    responses((
        status = 200,
        description = "The node as it is now; with `dryRun=true`, what would change.",
        body = Ip,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::examples::node()),
    )),
)]
pub(crate) async fn update(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let id = path::id(&request, "ipId")?;
    let sent = body::read::<IpUpdate>(&request, payload).await?;
    let options = mutation::of_change(&request)?;
    let parent_was_null = sent.sent_null("parentId");
    let update = sent.value;
    if let Some(description) = &update.description {
        check_description(description)?;
    }
    let tags = tag::explicit(update.tags.clone())?;
    let attempt = async |options| {
        let command = SpaceCommand::UpdateNode {
            id,
            tags: tags.clone(),
            description: update.description.clone(),
        };
        command::run(&caller, &state, command, options).await
    };
    let outcome = if node::sends_read_only(&update, parent_was_null) {
        let space = caller.space()?;
        let compare = async || {
            let question = NodeQuery {
                space,
                node: NodeRef::Id(id),
            };
            let stored = state.access.get_node(&caller.context(), question).await?;
            let outcome = node::check_read_only(&update, parent_was_null, &stored);
            Ok(Compared {
                revision: stored.revision,
                outcome,
            })
        };
        compare_and_change(options, compare, attempt).await?
    } else {
        attempt(options).await?
    };
    match outcome {
        CommandOutcome::Committed {
            subject: Some(Image::Node(stored)),
            ..
        } => Ok(reply::one(&node::WireNode::from(&stored), stored.revision)?),
        CommandOutcome::Committed { .. } => Err(reply::unexpected("no node is left").into()),
        CommandOutcome::Planned { changes, conflict } => {
            Ok(reply::json(&plan::of_command(changes, conflict)?)?)
        }
    }
}

/// Deletes a node. Its children move up to its parent and keep every tag that they resolve to.
#[utoipa::path(
    delete,
    path = "/api/v1/addressspaces/{spaceId}/ips/{ipId}",
    operation_id = "deleteIp",
    tag = "IP addresses",
    params(SpacePath, NodePath, DryRunParam, IfMatchParam),
    responses(
        (status = 204, description = "It is gone."),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn delete(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let command = SpaceCommand::DeleteNode {
        id: path::id(&request, "ipId")?,
    };
    command::delete(&caller, &state, &request, command).await
}
