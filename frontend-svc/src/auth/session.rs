//! Sessions: a login starts one, each refresh replaces its refresh token, a logout ends it. A refresh token that
//! comes back after it was replaced ends the session for everybody who holds it (RFC 9700 §4.14.2).

use cadastre_api_types::internal::{
    Account, IfMatch, MutationOptions, UserChange, UserChangeOutcome, UserChangeRequest,
};
use cadastre_api_types::public::TokenResponse;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::sessions::TokenFamily;
use uuid::Uuid;

use super::access_token::invalid;
use super::opaque::{NoRandomness, Presented, TokenText};
use super::principal::context;
use crate::http::reply::unexpected;
use crate::http::request_info::RequestInfo;
use crate::state::FrontendState;

/// First characters of every refresh token.
const REFRESH_TOKEN_PREFIX: &str = "cadr_";

/// Starts a session for a user whose password was right.
///
/// # Errors
/// `412 PreconditionFailed` if the account has changed since: a password that has just been replaced must not
/// open a session that outlives it.
pub(crate) async fn start(
    state: &FrontendState,
    account: &Account,
    info: &RequestInfo,
) -> Result<TokenResponse, ApiError> {
    let user = &account.name;
    let id = Uuid::now_v7();
    let refresh_token = TokenText::generate(REFRESH_TOKEN_PREFIX, user, id).map_err(no_randomness)?;
    let now = state.clock.now().as_second();
    let family = TokenFamily {
        id,
        current_hash: refresh_token.hash(),
        created: now,
        rotated: now,
        expires: now.saturating_add_unsigned(state.config.refresh_token_seconds),
    };
    let max = state.config.max_sessions;
    let options = MutationOptions {
        if_match: Some(IfMatch::Revisions(vec![account.revision])),
        ..MutationOptions::default()
    };
    run(
        state,
        user,
        UserChange::StartSession { family, max },
        options,
        info,
    )
    .await?;
    answer(state, user, id, refresh_token)
}

/// Replaces a refresh token.
pub(crate) async fn refresh(
    state: &FrontendState,
    token: &str,
    info: &RequestInfo,
) -> Result<TokenResponse, ApiError> {
    let presented = parse(token)?;
    let user = presented.user.as_ref();
    let next = TokenText::generate(REFRESH_TOKEN_PREFIX, user, presented.id).map_err(no_randomness)?;
    let rotation = UserChange::RotateSession {
        family: presented.id,
        presented_hash: presented.hash.clone(),
        next_hash: next.hash(),
        lifetime: i64::try_from(state.config.refresh_token_seconds).unwrap_or(i64::MAX),
    };
    if let Err(error) = change(state, user, rotation, info).await {
        if error.code == ErrorCode::TokenReused {
            metrics::counter!("cadastre_refresh_token_reuse_total").increment(1);
            tracing::warn!(
                user,
                session = %presented.id,
                client = ?info.client_ip,
                correlation_id = %info.correlation_id,
                "a refresh token was used a second time; its session has been ended"
            );
        }
        // An unknown user, an unknown session and an ended one are not told apart.
        let unknown = matches!(error.code, ErrorCode::NotFound | ErrorCode::InvalidToken);
        return Err(if unknown { invalid() } else { error });
    }
    answer(state, user, presented.id, next)
}

/// Ends the session of a refresh token. A session that has ended is fine; a token that is not the current one of a
/// session that lives is refused, so that nobody believes it ended.
pub(crate) async fn end_by_token(
    state: &FrontendState,
    token: &str,
    info: &RequestInfo,
) -> Result<String, ApiError> {
    let presented = parse(token)?;
    let user = presented.user.as_ref();
    end(state, user, presented.id, Some(presented.hash.clone()), info).await?;
    Ok(user.to_owned())
}

/// Ends a session of a user.
pub(crate) async fn end(
    state: &FrontendState,
    user: &str,
    session: Uuid,
    presented_hash: Option<String>,
    info: &RequestInfo,
) -> Result<(), ApiError> {
    let ended = change(
        state,
        user,
        UserChange::EndSession {
            family: session,
            presented_hash,
        },
        info,
    )
    .await;
    match ended {
        Err(error) if error.code == ErrorCode::NotFound => Ok(()),
        Err(error) if error.code == ErrorCode::InvalidToken => Err(invalid()),
        ended => ended,
    }
}

fn parse(token: &str) -> Result<Presented, ApiError> {
    Presented::parse(REFRESH_TOKEN_PREFIX, token).ok_or_else(invalid)
}

fn answer(
    state: &FrontendState,
    user: &str,
    session: Uuid,
    refresh: TokenText,
) -> Result<TokenResponse, ApiError> {
    Ok(TokenResponse {
        access_token: state.tokens.issue(user, session)?,
        token_type: "Bearer".to_owned(),
        expires_in: state.tokens.lifetime_seconds(),
        refresh_token: refresh.into_text(),
    })
}

/// One change of an account by its own user.
pub(crate) async fn change(
    state: &FrontendState,
    user: &str,
    change: UserChange,
    info: &RequestInfo,
) -> Result<(), ApiError> {
    run(state, user, change, MutationOptions::default(), info).await
}

async fn run(
    state: &FrontendState,
    user: &str,
    change: UserChange,
    options: MutationOptions,
    info: &RequestInfo,
) -> Result<(), ApiError> {
    let name = user.to_owned();
    let request = UserChangeRequest {
        name,
        change,
        options,
    };
    match state.access.change_user(&context(user, info), request).await? {
        UserChangeOutcome::Committed { .. } => Ok(()),
        UserChangeOutcome::Planned { .. } => Err(unexpected("change_user")),
    }
}

/// `500`: the operating system is not well.
#[allow(clippy::needless_pass_by_value)] // a function for map_err
pub(crate) fn no_randomness(error: NoRandomness) -> ApiError {
    tracing::error!(%error, "cannot make a token");
    ApiError::new(
        ErrorCode::Internal,
        "The server cannot make tokens; its log has more.",
    )
}
