//! `/api/v1/auth/tokens`: the caller's own API tokens.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::UserChange;
use cadastre_api_types::public::{ApiToken, ApiTokenCreate, ApiTokenCreated};
use cadastre_api_types::{ApiError, ErrorCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::auth::not_stored;
use crate::auth::{api_token, session};
use crate::convert::user::token_to_wire;
use crate::http::authorized::Authorized;
use crate::http::cursor::{Pager, foreign_cursor};
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, path, reply};
use crate::openapi::params::PageParams;
use crate::state::FrontendState;

const MAX_NAME_CHARS: usize = 128;
const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Two years, one of them a leap year.
const LONGEST_LIFETIME: SignedDuration = SignedDuration::from_hours(731 * 24);

/// Lists the caller's API tokens, oldest first, without their secrets.
#[utoipa::path(
    get,
    path = "/api/v1/auth/tokens",
    operation_id = "listApiTokens",
    tag = "Authentication",
    params(PageParams),
    responses((
        status = 200,
        description = "A page of API tokens.",
        body = [ApiToken],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::user_examples::token()]),
    )),
)]
pub(crate) async fn list(caller: Authorized, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let after = match &pager.page.after {
        None => Uuid::nil(),
        Some(after) => after.parse().map_err(|_| foreign_cursor())?,
    };
    let mut tokens: Vec<_> = caller
        .account
        .tokens
        .iter()
        .filter(|token| token.id > after)
        .collect();
    tokens.sort_unstable_by_key(|token| token.id);
    let more = tokens.len() > pager.page.limit;
    tokens.truncate(pager.page.limit);
    let next = tokens.last().filter(|_| more).map(|token| token.id.to_string());
    let items: Vec<ApiToken> = tokens.into_iter().map(token_to_wire).collect();
    Ok(reply::page(&items, &pager, next.as_deref())?)
}

/// Makes an API token for the caller. Its text is in this answer only.
///
/// It can do what the caller can do. An API token cannot make another: log in for that.
#[utoipa::path(
    post,
    path = "/api/v1/auth/tokens",
    operation_id = "createApiToken",
    tag = "Authentication",
    request_body(content = ApiTokenCreate, example = json!({ "name": "ci-import" })),
    responses((
        status = 201,
        description = "The new API token.",
        body = ApiTokenCreated,
        headers(("Location" = String, description = "Path to revoke it.")),
        example = json!(crate::openapi::user_examples::token_created()),
    )),
)]
pub(crate) async fn create(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    if caller.session.is_none() {
        return Err(HttpError::new(
            ErrorCode::Forbidden,
            "An API token cannot make another; log in with user name and password to make one.",
        ));
    }
    let sent = body::read::<ApiTokenCreate>(&request, payload).await?.value;
    check_name(&sent.name)?;
    let now = state.clock.now();
    let expires = expiry(sent.expires_on, now)?;
    let user = &caller.account.name;
    let (text, stored) =
        api_token::generate(user, sent.name, now, expires).map_err(session::no_randomness)?;
    let info = token_to_wire(&stored);
    session::change(
        &state,
        user,
        UserChange::AddToken { token: stored },
        &caller.request,
    )
    .await?;
    tracing::info!(user, token = %info.id, correlation_id = %caller.request.correlation_id, "API token made");
    let location = format!("/api/v1/auth/tokens/{}", info.id);
    let created = ApiTokenCreated {
        token: text.into_text(),
        info,
    };
    let answer = HttpResponse::Created()
        .insert_header(("location", location))
        .json(created);
    Ok(not_stored(answer))
}

/// Revokes an API token of the caller. It stops working at once.
#[utoipa::path(
    delete,
    path = "/api/v1/auth/tokens/{tokenId}",
    operation_id = "revokeApiToken",
    tag = "Authentication",
    params(("tokenId" = Uuid, Path, description = "Id of the API token.")),
    responses((status = 204, description = "The API token no longer works.")),
)]
pub(crate) async fn revoke(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let id = path::id(&request, "tokenId")?;
    let user = &caller.account.name;
    session::change(&state, user, UserChange::RevokeToken { id }, &caller.request).await?;
    tracing::info!(user, token = %id, correlation_id = %caller.request.correlation_id, "API token revoked");
    Ok(reply::nothing())
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let legal = (1..=MAX_NAME_CHARS).contains(&name.chars().count())
        && !name.chars().any(char::is_control)
        && name.trim() == name;
    if legal {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::InvalidName,
        format!("The name of an API token has 1 to {MAX_NAME_CHARS} characters, none of them control characters, and no white space around it."),
    )
    .with_details(json!({ "field": "name" })))
}

fn expiry(wanted: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, ApiError> {
    let latest = now.saturating_add(LONGEST_LIFETIME).unwrap_or(Timestamp::MAX);
    let Some(wanted) = wanted else {
        return Ok(now.saturating_add(DEFAULT_LIFETIME).unwrap_or(Timestamp::MAX));
    };
    if wanted > now && wanted <= latest {
        return Ok(wanted);
    }
    Err(ApiError::new(
        ErrorCode::MalformedRequest,
        format!("`expiresOn` must lie between now and two years ahead, that is before {latest:.0}."),
    )
    .with_details(json!({ "field": "expiresOn" })))
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
