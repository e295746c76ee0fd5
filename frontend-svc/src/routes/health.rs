//! Whether this process lives, and whether it can do its work.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::principal::context;
use crate::http::error::HttpError;
use crate::http::reply;
use crate::http::request_info::RequestInfo;
use crate::state::FrontendState;

/// A good answer of `GET /health` or `GET /ready`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Status {
    /// `ok` or `ready`.
    #[schema(example = "ready")]
    status: &'static str,
}

/// Alive
///
/// Answers as long as the process can answer at all.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "getHealth",
    tag = "Service",
    responses((status = 200, description = "The process is alive.", body = Status, example = json!({"status": "ok"}))),
)]
pub(crate) async fn health() -> Result<HttpResponse, HttpError> {
    Ok(reply::json(&Status { status: "ok" })?)
}

/// Ready
///
/// Answers `200` when the store can be reached, so that requests can be served.
#[utoipa::path(
    get,
    path = "/ready",
    operation_id = "getReady",
    tag = "Service",
    responses(
        (status = 200, description = "Requests can be served.", body = Status, example = json!({"status": "ready"})),
    ),
)]
pub(crate) async fn ready(
    state: web::Data<FrontendState>,
    info: RequestInfo,
) -> Result<HttpResponse, HttpError> {
    state.access.ready(&context("system", &info), ()).await?;
    Ok(reply::json(&Status { status: "ready" })?)
}
