//! One node, and why its tags hold.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::{NodeAsOfQuery, NodeQuery, NodeRef};
use cadastre_api_types::public::{Explanation, Ip};

use crate::convert::{explain as explanation, node};
use crate::http::authorized::Authorized;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{path, reply};
use crate::openapi::params::{AsOfParam, NodePath, SpacePath};
use crate::state::FrontendState;

/// One node with its resolved tags; with `asOf` as it was at that moment, also if it is deleted now.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/ips/{ipId}",
    operation_id = "getIp",
    tag = "IP addresses",
    params(SpacePath, NodePath, AsOfParam),
    responses((
        status = 200,
        description = "The node.",
        body = Ip,
        headers(("ETag" = String, description = "For `If-Match`: it names the node's own last change, not changes of inherited tags.")),
        example = json!(crate::openapi::examples::node()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["asOf"])?;
    let (space, node) = (caller.space()?, NodeRef::Id(path::id(&request, "ipId")?));
    if let Some(at) = query.timestamp("asOf")? {
        let question = NodeAsOfQuery { space, node, at };
        let found = state.access.node_as_of(&caller.context(), question).await?;
        return Ok(reply::one(&node::WireNode::from(&found), found.revision)?);
    }
    let question = NodeQuery { space, node };
    let found = state.access.get_node(&caller.context(), question).await?;
    Ok(reply::one(&node::WireNode::from(found.as_ref()), found.revision)?)
}

/// Where each resolved tag of a node comes from: set here, inherited from a node, implied by a tag.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/ips/{ipId}/explain",
    operation_id = "explainIp",
    tag = "IP addresses",
    params(SpacePath, NodePath),
    responses((
        status = 200,
        description = "One entry per resolved tag, by name.",
        body = Explanation,
        example = json!(crate::openapi::examples::explanation()),
    )),
)]
pub(crate) async fn explain(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let question = NodeQuery {
        space: caller.space()?,
        node: NodeRef::Id(path::id(&request, "ipId")?),
    };
    let found = state.access.explain_node(&caller.context(), question).await?;
    Ok(reply::json(&explanation::to_wire(&found))?)
}
