//! Checking a user's password, for a login and for a change of password: throttled, and without a difference
//! between a user who does not exist and a password that is wrong.

use std::sync::Arc;

use cadastre_api_types::internal::{Account, UserChange, UserQuery};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::names::UserName;

use super::password::Verdict;
use super::principal::context;
use super::session;
use crate::http::request_info::RequestInfo;
use crate::state::FrontendState;

/// What a password is checked for; a word of the audit line.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// A new session.
    Login,
    /// A change of the user's own password.
    PasswordChange,
}

/// The account that a name and a password open.
///
/// # Errors
/// `401 InvalidCredentials`, `429 LoginThrottled`, `503 Overloaded`, or why the account cannot be read.
pub(crate) async fn check_password(
    state: &FrontendState,
    name: &str,
    password: &str,
    purpose: Purpose,
    info: &RequestInfo,
) -> Result<Arc<Account>, ApiError> {
    let attempt = match state.throttle.begin(name, info.client_ip).await {
        Ok(attempt) => attempt,
        Err(refusal) => {
            report(purpose, "throttled", None, info);
            return Err(refusal);
        }
    };
    let checked = async {
        let account = find(state, name, info).await?;
        let hash = account.as_ref().map(|account| account.password_hash.as_str());
        let verdict = state.passwords.verify(hash, password).await?;
        Ok::<_, ApiError>((account, verdict))
    };
    match checked.await {
        Ok((Some(account), Verdict::Right { outdated })) => {
            attempt.succeeded();
            report(purpose, "success", Some(&account.name), info);
            if outdated {
                rehash(state, &account, password, info).await;
            }
            Ok(account)
        }
        Ok((account, Verdict::Right { .. } | Verdict::Wrong)) => {
            attempt.failed();
            report(
                purpose,
                "failure",
                account.as_ref().map(|account| account.name.as_str()),
                info,
            );
            Err(ApiError::new(
                ErrorCode::InvalidCredentials,
                "User name or password is wrong.",
            ))
        }
        Err(error) => {
            attempt.abandoned();
            Err(error)
        }
    }
}

/// The user of a name, if there is one.
async fn find(
    state: &FrontendState,
    name: &str,
    info: &RequestInfo,
) -> Result<Option<Arc<Account>>, ApiError> {
    let Ok(name) = UserName::new(name) else {
        return Ok(None);
    };
    let query = UserQuery::complete(name.to_string());
    match state.access.get_user(&context(name.as_ref(), info), query).await {
        Ok(account) => Ok(Some(account)),
        Err(error) if error.code == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces a hash that was made with older parameters. It can be done at the next login as well, so a failure
/// is no reason to refuse this one.
async fn rehash(state: &FrontendState, account: &Account, password: &str, info: &RequestInfo) {
    let rehashed = async {
        let to = state.passwords.hash(password).await?;
        let change = UserChange::Rehash {
            from: account.password_hash.clone(),
            to,
        };
        session::change(state, &account.name, change, info).await
    };
    if let Err(error) = rehashed.await {
        tracing::warn!(user = %account.name, code = error.code.as_str(), "a password could not be hashed anew");
    }
}

/// The audit line. A name that is nobody's is left out: it may be a password typed into the wrong field.
fn report(purpose: Purpose, outcome: &'static str, user: Option<&str>, info: &RequestInfo) {
    let purpose = match purpose {
        Purpose::Login => "login",
        Purpose::PasswordChange => "password change",
    };
    metrics::counter!("cadastre_password_checks_total", "purpose" => purpose, "outcome" => outcome)
        .increment(1);
    tracing::info!(
        outcome,
        user = user.unwrap_or("(unknown)"),
        client = ?info.client_ip,
        correlation_id = %info.correlation_id,
        "{purpose}"
    );
}
