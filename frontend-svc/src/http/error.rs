//! How an error reaches a client: one JSON shape with a correlation id, whoever raised it.
//!
//! [`actix_web::ResponseError`] does not see the request, and the correlation id belongs to the request. So
//! every resource is wrapped in [`RenderErrors`], which rewrites the answer once the request is at hand again;
//! it does so for our own errors and for those of actix.

use std::future::{Ready, ready};

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use cadastre_api_types::error::ErrorBody;
use cadastre_api_types::{ApiError, ErrorCode};
use futures::TryFutureExt;
use futures::future::MapOk;

use super::request_info::RequestInfo;
use crate::routes::table::RouteNeeds;

/// What handlers and extractors fail with.
#[derive(Debug)]
pub struct HttpError(pub ApiError);

impl HttpError {
    /// An error with a code and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(ApiError::new(code, message))
    }
}

impl From<ApiError> for HttpError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl std::fmt::Display for HttpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for HttpError {
    fn status_code(&self) -> StatusCode {
        status(self.0.code)
    }

    fn error_response(&self) -> HttpResponse {
        // Rendered again, with the correlation id, by `RenderErrors`.
        respond(self.0.clone(), "unknown")
    }
}

fn status(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn respond(error: ApiError, correlation_id: &str) -> HttpResponse {
    let status = status(error.code);
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = error.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
    }
    response.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
    let body: ErrorBody = error.into_body(correlation_id);
    response.json(body)
}

/// The answer to a request that failed: body with correlation id, and the headers its status asks for.
pub(crate) fn render(request: &HttpRequest, error: ApiError) -> HttpResponse {
    let info = RequestInfo::of(request);
    if status(error.code).is_server_error() {
        tracing::error!(
            correlation_id = %info.correlation_id,
            code = error.code.as_str(),
            method = %request.method(),
            path = request.path(),
            message = %error.message,
            "request failed"
        );
    }
    let code = error.code;
    let mut response = respond(error, &info.correlation_id);
    if code == ErrorCode::MethodNotAllowed
        && let Some(needs) = request.app_data::<RouteNeeds>()
        && let Ok(allow) = HeaderValue::from_str(&needs.allow())
    {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// Default service of the application: a path that nobody knows.
pub(crate) async fn unknown_path(request: HttpRequest) -> HttpResponse {
    render(
        &request,
        ApiError::new(
            ErrorCode::NotFound,
            "There is nothing at this path; GET /openapi.json lists the paths of this server.",
        ),
    )
}

/// Default service of every resource: a known path with a method it does not have.
pub(crate) async fn method_not_allowed(request: HttpRequest) -> HttpResponse {
    let allow = request
        .app_data::<RouteNeeds>()
        .map(RouteNeeds::allow)
        .unwrap_or_default();
    render(
        &request,
        ApiError::new(
            ErrorCode::MethodNotAllowed,
            format!(
                "{} is not possible here; use {allow}.",
                shown_method(request.method())
            ),
        ),
    )
}

fn shown_method(method: &Method) -> String {
    method.as_str().chars().take(16).collect()
}

/// Errors that actix raised by itself, as ours.
fn foreign(error: &actix_web::Error) -> ApiError {
    let status = error.as_response_error().status_code();
    match status.as_u16() {
        404 => ApiError::new(ErrorCode::NotFound, "There is nothing at this path."),
        405 => ApiError::new(ErrorCode::MethodNotAllowed, "This method is not possible here."),
        413 => ApiError::new(
            ErrorCode::PayloadTooLarge,
            "The body is larger than this server takes.",
        ),
        415 => ApiError::new(
            ErrorCode::UnsupportedMediaType,
            "The body must be JSON with Content-Type: application/json.",
        ),
        400..=499 => ApiError::new(
            ErrorCode::MalformedRequest,
            "The request cannot be understood; check its path, query, headers and body.",
        ),
        _ => {
            tracing::error!(error = %error, "unexpected error of the HTTP layer");
            ApiError::new(
                ErrorCode::Internal,
                "The server failed; its log has more under this correlation id.",
            )
        }
    }
}

/// Wraps a resource so that its errors are rendered with the correlation id.
#[derive(Clone, Copy)]
pub(crate) struct RenderErrors;

impl<S> Transform<S, ServiceRequest> for RenderErrors
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = actix_web::Error;
    type Transform = RenderErrorsService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RenderErrorsService { service }))
    }
}

/// The wrapped service. Its future is the inner one with a function at its end: nothing is boxed.
pub(crate) struct RenderErrorsService<S> {
    service: S,
}

impl<S> Service<ServiceRequest> for RenderErrorsService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = actix_web::Error;
    type Future = MapOk<S::Future, fn(ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        self.service.call(request).map_ok(rendered)
    }
}

fn rendered(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let error = match response.response().error() {
        None => return response,
        Some(error) => error
            .as_error::<HttpError>()
            .map_or_else(|| foreign(error), |ours| ours.0.clone()),
    };
    let (request, _) = response.into_parts();
    let response = render(&request, error);
    ServiceResponse::new(request, response)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Call, Server};

    #[actix_web::test]
    async fn every_error_has_the_one_shape_also_where_no_handler_was_reached() {
        let server = Server::new().await;
        let unknown = server.call("GET", "/api/v2/nothing", Call::default()).await;
        assert_eq!((unknown.status, unknown.code()), (404, "NotFound"));
        let wrong_method = server.call("PATCH", "/api/v1/users/ada", Call::default()).await;
        assert_eq!(
            (wrong_method.status, wrong_method.code()),
            (405, "MethodNotAllowed")
        );
        assert_eq!(wrong_method.header("allow"), Some("GET, HEAD, PUT, DELETE"));
        let headers = [("content-type", "application/json")];
        let body = Some(serde_json::json!("x".repeat(1_200_000)));
        let large = server
            .call(
                "POST",
                "/api/v1/auth/logout",
                Call {
                    body,
                    headers: &headers,
                    ..Call::default()
                },
            )
            .await;
        assert_eq!((large.status, large.code()), (413, "PayloadTooLarge"));
    }

    #[actix_web::test]
    async fn the_gateway_s_correlation_id_is_in_the_error_and_a_client_s_is_not() {
        let server = Server::new().await;
        let id = "0198a2b4-0000-7abc-8def-0123456789ab";
        let trusted = [
            ("x-correlation-id", id),
            ("x-cadastre-service-token", "between-our-services"),
        ];
        let answer = server
            .call(
                "GET",
                "/api/v1/me",
                Call {
                    headers: &trusted,
                    ..Call::default()
                },
            )
            .await;
        assert_eq!(answer.json["error"]["correlationId"], id);
        let direct = server
            .call(
                "GET",
                "/api/v1/me",
                Call {
                    headers: &trusted[..1],
                    ..Call::default()
                },
            )
            .await;
        assert_ne!(direct.json["error"]["correlationId"], id);
        assert_eq!(direct.code(), "Unauthenticated");
    }

    #[actix_web::test]
    async fn head_is_get_without_a_body_and_needs_the_same() {
        let server = Server::new().await;
        assert_eq!(server.call("HEAD", "/health", Call::default()).await.status, 200);
        assert_eq!(
            server.call("HEAD", "/api/v1/me", Call::default()).await.status,
            401
        );
    }
}
