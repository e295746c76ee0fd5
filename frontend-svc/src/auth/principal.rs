//! From the `Authorization` header to an account, read afresh for every request: a changed role, a logout, a
//! removed user and a revoked token act at once, whatever a token says.

use std::sync::Arc;

use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpMessage, HttpRequest};
use cadastre_api_types::internal::{Account, CallContext, UserQuery};
use cadastre_api_types::token::{API_TOKEN_PREFIX, Claims, VerifiedToken};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::roles::Scope;
use uuid::Uuid;

use super::access_token::invalid;
use super::api_token;
use crate::http::request_info::RequestInfo;
use crate::state::FrontendState;

/// Somebody who has proven who they are.
pub(crate) struct Principal {
    /// Their account as it is stored now.
    pub(crate) account: Arc<Account>,
    /// The session of their access token; `None` with an API token.
    pub(crate) session: Option<Uuid>,
}

/// Authenticates the caller of a request.
///
/// # Errors
/// `401` in its kinds, or why the account cannot be read.
pub(crate) async fn authenticate(
    state: &FrontendState,
    request: &HttpRequest,
    info: &RequestInfo,
) -> Result<Principal, ApiError> {
    // Put there by the gateway in this process, after it has checked the signature. Times are cheap to look at.
    let verified = request
        .extensions()
        .get::<VerifiedToken>()
        .map(|token| Arc::clone(&token.0));
    if let Some(claims) = verified {
        state.tokens.check_time(&claims)?;
        return of_session(state, &claims, info).await;
    }
    let token = bearer(request)?;
    if !token.starts_with(API_TOKEN_PREFIX) {
        let claims = state.tokens.verify(token)?;
        return of_session(state, &claims, info).await;
    }
    let presented = api_token::parse(token)?;
    let account = account(state, UserQuery::complete(presented.user.as_ref()), info).await?;
    api_token::check(&presented, &account, state.clock.now())?;
    Ok(Principal {
        account,
        session: None,
    })
}

async fn of_session(
    state: &FrontendState,
    claims: &Claims,
    info: &RequestInfo,
) -> Result<Principal, ApiError> {
    let account = account(state, UserQuery::without_secrets(&claims.sub), info).await?;
    let now = state.clock.now().as_second();
    let open = account
        .sessions
        .iter()
        .any(|session| session.id == claims.sid && session.expires > now);
    if open {
        Ok(Principal {
            account,
            session: Some(claims.sid),
        })
    } else {
        Err(invalid())
    }
}

async fn account(
    state: &FrontendState,
    query: UserQuery,
    info: &RequestInfo,
) -> Result<Arc<Account>, ApiError> {
    let found = state.access.get_user(&context(&query.name, info), query).await;
    found.map_err(|error| {
        if error.code == ErrorCode::NotFound {
            invalid()
        } else {
            error
        }
    })
}

/// The context of a call that a user makes about their own account.
pub(crate) fn context(user: &str, info: &RequestInfo) -> CallContext {
    CallContext {
        actor: user.to_owned(),
        correlation_id: info.correlation_id.clone(),
        scope: Scope::Whole,
    }
}

/// The token of the `Authorization` header (RFC 6750 §2.1). Tokens in the query or the body are not looked at:
/// they would end up in logs.
fn bearer(request: &HttpRequest) -> Result<&str, ApiError> {
    let missing = || {
        ApiError::new(
            ErrorCode::Unauthenticated,
            "Send a token: Authorization: Bearer <token>; POST /api/v1/auth/login gives one.",
        )
    };
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().ok_or_else(missing)?;
    if headers.next().is_some() {
        return Err(invalid());
    }
    let (scheme, token) = header
        .to_str()
        .map_err(|_| invalid())?
        .split_once(' ')
        .ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(missing())
    }
}
