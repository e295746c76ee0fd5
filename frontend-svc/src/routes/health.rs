//! Whether this process lives, and whether it can do its work.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::correlation::{ROLE_HEADER, SERVICE_TOKEN_HEADER};
use cadastre_api_types::{ApiError, ErrorCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::principal::context;
use crate::http::error::HttpError;
use crate::http::reply;
use crate::http::request_info::{RequestInfo, has_another_token};
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
    request: HttpRequest,
    info: RequestInfo,
) -> Result<HttpResponse, HttpError> {
    if has_another_token(&request) {
        let error = ApiError::new(
            ErrorCode::UpstreamUnavailable,
            "This gateway has another service token than the frontend: CADASTRE_SERVICE_TOKEN must be the same in all \
             services.",
        );
        return Err(error.into());
    }
    state.access.ready(&context("system", &info), ()).await?;
    let mut response = reply::json(&Status { status: "ready" })?;
    if request.headers().contains_key(SERVICE_TOKEN_HEADER) {
        // A gateway asks: it is told whether it asks the right service.
        let role = HeaderValue::from_static("frontend");
        response
            .headers_mut()
            .insert(HeaderName::from_static(ROLE_HEADER), role);
    }
    Ok(response)
}
