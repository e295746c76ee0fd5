//! Login, refresh, logout.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::error::ErrorBody;
use cadastre_api_types::public::{LoginRequest, RefreshRequest, TokenResponse};
use cadastre_api_types::{ApiError, ErrorCode};

use crate::auth::login::{Purpose, check_password};
use crate::auth::{principal, session};
use crate::http::body;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::request_info::RequestInfo;
use crate::state::FrontendState;

/// How often a login starts over because the account was changed in between.
const ATTEMPTS: usize = 3;

/// An answer that holds a secret and must not be kept by anything on its way (RFC 6749 §5.1).
pub(crate) fn not_stored(mut answer: HttpResponse) -> HttpResponse {
    answer
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Log in
///
/// Answers an access token for the `Authorization: Bearer` header and a refresh token for the next one. Failed
/// logins are slowed down per user name and per address.
#[utoipa::path(
    post,
    path = "/api/v1/auth/login",
    operation_id = "login",
    tag = "Authentication",
    request_body(content = LoginRequest, example = json!({"username": "admin", "password": "four words of mine"})),
    responses(
        (status = 200, description = "A new session.", body = TokenResponse, example = json!({
            "accessToken": "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSIs…", "tokenType": "Bearer", "expiresIn": 900,
            "refreshToken": "cadr_YWRtaW4.019a…"
        })),
        (status = 401, description = "User name or password is wrong.", body = ErrorBody, example = json!({
            "error": {"code": "InvalidCredentials", "message": "User name or password is wrong.",
                "correlationId": "019a0000-0000-7000-8000-000000000000"}
        })),
    ),
)]
pub(crate) async fn login(
    state: web::Data<FrontendState>,
    info: RequestInfo,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let body = body::read::<LoginRequest>(&request, payload).await?.value;
    for _ in 0..ATTEMPTS {
        let LoginRequest { username, password } = &body;
        let account = check_password(&state, username, password, Purpose::Login, &info).await?;
        match session::start(&state, &account, &info).await {
            // The account has changed since its password was checked: perhaps that very password.
            Err(error) if error.code == ErrorCode::PreconditionFailed => {}
            tokens => return Ok(not_stored(reply::json(&tokens?)?)),
        }
    }
    Err(HttpError::new(
        ErrorCode::Contention,
        "The account was changed again and again while you logged in; try once more.",
    ))
}

/// Refresh
///
/// Exchanges a refresh token for a new pair. A refresh token works once: using it again ends the session.
#[utoipa::path(
    post,
    path = "/api/v1/auth/refresh",
    operation_id = "refresh",
    tag = "Authentication",
    request_body(content = RefreshRequest, example = json!({"refreshToken": "cadr_YWRtaW4.019a…"})),
    responses(
        (status = 200, description = "A new pair of tokens.", body = TokenResponse),
        (status = 401, description = "`InvalidToken`, `TokenExpired`, or `TokenReused`: log in again.", body = ErrorBody,
            example = json!({
                "error": {"code": "TokenReused", "message": "This refresh token was used before, so somebody else may have \
                    it. The session has been ended; log in again.", "correlationId": "019a0000-0000-7000-8000-000000000000"}
            })),
    ),
)]
pub(crate) async fn refresh(
    state: web::Data<FrontendState>,
    info: RequestInfo,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let body = body::read::<RefreshRequest>(&request, payload).await?.value;
    let tokens = session::refresh(&state, &body.refresh_token, &info).await?;
    Ok(not_stored(reply::json(&tokens)?))
}

/// Log out
///
/// Ends the session of the refresh token in the body; without a body, the session of the access token. Its access
/// tokens stop working at once.
#[utoipa::path(
    post,
    path = "/api/v1/auth/logout",
    operation_id = "logout",
    tag = "Authentication",
    request_body(content = Option<RefreshRequest>, example = json!({"refreshToken": "cadr_YWRtaW4.019a…"})),
    responses(
        (status = 204, description = "The session has ended, or had before."),
        (status = 401, description = "Neither a refresh token nor a valid access token was sent.", body = ErrorBody),
    ),
)]
pub(crate) async fn logout(
    state: web::Data<FrontendState>,
    info: RequestInfo,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let body = body::collect(&request, payload.into_inner()).await?.bytes;
    let user = if body.iter().all(u8::is_ascii_whitespace) {
        let caller = principal::authenticate(&state, &request, &info).await?;
        let session = caller.session.ok_or_else(no_session)?;
        session::end(&state, &caller.account.name, session, None, &info).await?;
        caller.account.name.clone()
    } else {
        let token = body::from_bytes::<RefreshRequest>(&body)?.value.refresh_token;
        session::end_by_token(&state, &token, &info).await?
    };
    tracing::info!(user, client = ?info.client_ip, correlation_id = %info.correlation_id, "logout");
    Ok(reply::nothing())
}

fn no_session() -> ApiError {
    ApiError::new(
        ErrorCode::MalformedRequest,
        "An API token has no session to end; revoke it with DELETE /api/v1/auth/tokens/{tokenId}.",
    )
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
