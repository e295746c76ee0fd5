//! The server's half: every call of the list becomes a route. A request without the service token is refused.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use cadastre_api_types::correlation::{ROLE_HEADER, SERVICE_TOKEN_HEADER};
use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode, data_access_calls};
use cadastre_domain::Scope;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument;
use uuid::Uuid;

use super::{BASE, OwnedCall};
use crate::secret::Secret;

/// Largest body of a call: an import line is small, a tag definition is not.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

struct Internal {
    access: Arc<dyn DataAccess>,
    token: Secret,
}

fn answer_error(error: &ApiError) -> HttpResponse {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).json(error)
}

fn authorised(request: &HttpRequest, internal: &Internal) -> Result<(), ApiError> {
    let presented = request
        .headers()
        .get(SERVICE_TOKEN_HEADER)
        .and_then(|value| value.to_str().ok());
    if presented.is_some_and(|presented| internal.token.matches(presented)) {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::Unauthenticated,
        "This is the internal API; it answers calls with the service token only.",
    ))
}

fn parse<R: DeserializeOwned>(body: &[u8]) -> Result<OwnedCall<R>, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        ApiError::new(
            ErrorCode::MalformedRequest,
            format!("Not a call of this version: {error}"),
        )
    })
}

fn respond<T: Serialize>(result: Result<T, ApiError>) -> HttpResponse {
    match result {
        Ok(value) => HttpResponse::Ok().json(value),
        Err(error) => answer_error(&error),
    }
}

macro_rules! make_routes {
    ($($name:ident($request:ty) -> $response:ty, $doc:literal;)+) => {
        $(
            async fn $name(request: HttpRequest, body: web::Bytes, internal: web::Data<Internal>) -> HttpResponse {
                if let Err(refusal) = authorised(&request, &internal) {
                    return answer_error(&refusal);
                }
                let call: OwnedCall<$request> = match parse(&body) {
                    Ok(call) => call,
                    Err(refusal) => return answer_error(&refusal),
                };
                let span = tracing::info_span!(
                    "call",
                    name = stringify!($name),
                    correlation_id = %call.context.correlation_id,
                );
                respond(internal.access.$name(&call.context, call.request).instrument(span).await)
            }
        )+

        fn routes(config: &mut ServiceConfig) {
            $( config.route(concat!("/", stringify!($name)), web::post().to($name)); )+
        }
    };
}

data_access_calls!(make_routes);

async fn health() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"status": "ok"}))
}

/// Says what it is, to a gateway that was given the wrong address.
async fn is_ready(internal: web::Data<Internal>) -> HttpResponse {
    let correlation_id = Uuid::now_v7().to_string();
    let context = CallContext {
        actor: "readiness".to_owned(),
        correlation_id: correlation_id.clone(),
        scope: Scope::Whole,
    };
    let role = (ROLE_HEADER, "dataaccess");
    match internal.access.ready(&context, ()).await {
        Ok(()) => HttpResponse::Ok()
            .insert_header(role)
            .json(serde_json::json!({"status": "ready"})),
        Err(error) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            HttpResponse::build(status)
                .insert_header(role)
                .json(error.into_body(correlation_id))
        }
    }
}

/// Mounts the internal API, `/health` and `/ready`.
pub fn configure_internal_api(
    access: Arc<dyn DataAccess>,
    service_token: Secret,
) -> impl FnOnce(&mut ServiceConfig) + Clone + Send + 'static {
    let internal = web::Data::new(Internal {
        access,
        token: service_token,
    });
    move |config: &mut ServiceConfig| {
        config
            .app_data(internal)
            .route("/health", web::get().to(health))
            .route("/ready", web::get().to(is_ready))
            .service(
                web::scope(BASE)
                    .app_data(web::PayloadConfig::new(BODY_LIMIT))
                    .configure(routes),
            );
    }
}
