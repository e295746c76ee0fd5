//! What a change does to an account. Pure: account and time in, account or refusal out.

use cadastre_api_types::internal::{Account, IfMatch, UserChange};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::sessions::{Rotation, rotate, start};
use jiff::Timestamp;
use uuid::Uuid;

use crate::errors::{Failure, Outcome};
use crate::space::check_if_match;

/// Roles one user can have.
const MAX_GRANTS: usize = 1000;
/// API tokens one user can have.
const MAX_TOKENS: usize = 100;

/// An account after a change.
#[derive(Debug)]
pub(crate) struct Changed {
    /// `None` = removed.
    pub account: Option<Account>,
    /// For the journal; `None` = too frequent and too small for the audit (sessions).
    pub audit: Option<String>,
    /// The change is durable, and this is what the caller is told.
    pub refusal: Option<ApiError>,
    /// What it made.
    pub made: Option<Uuid>,
}

/// The answer for a user that is not there.
pub(crate) fn no_user() -> Failure {
    Failure::not_found("user")
}

/// Decides a change; `version` is what the account will have.
pub(crate) fn decide(
    name: &str,
    account: Option<&Account>,
    change: &UserChange,
    if_match: Option<&IfMatch>,
    now: Timestamp,
    version: u64,
) -> Outcome<Changed> {
    if let UserChange::Create {
        password_hash,
        grants,
    } = change
    {
        if account.is_some() {
            return Err(Failure::refused(
                ErrorCode::NameTaken,
                format!("There is a user named {name} already. Choose another name, or change that user."),
            ));
        }
        let account = Account {
            name: name.to_owned(),
            password_hash: password_hash.clone(),
            grants: grants.clone(),
            sessions: Vec::new(),
            tokens: Vec::new(),
            created: now,
            modified: now,
            revision: version,
            version,
        };
        return Ok(done(Some(account), Some("create".to_owned())));
    }
    let mut account = account.cloned().ok_or_else(no_user)?;
    check_if_match(if_match, account.revision)?;
    let before = account.version;
    account.version = version;
    let mut changed = match change {
        UserChange::Create { .. } => unreachable!("handled above"),
        UserChange::SetPassword { password_hash } => {
            account.password_hash.clone_from(password_hash);
            account.sessions.clear();
            account.modified = now;
            account.revision = version;
            done(Some(account), Some("set password".to_owned()))
        }
        UserChange::Rehash { from, to } => {
            if account.password_hash != *from {
                return Err(Failure::refused(
                    ErrorCode::Contention,
                    "The password was changed meanwhile.",
                ));
            }
            account.password_hash.clone_from(to);
            done(Some(account), None)
        }
        UserChange::Delete => done(None, Some("delete".to_owned())),
        UserChange::Grant { grant } => {
            let same = |known: &cadastre_domain::roles::Grant| {
                known.role == grant.role && known.target == grant.target && known.prefix == grant.prefix
            };
            if account.grants.iter().any(same) {
                return Err(Failure::refused(
                    ErrorCode::Duplicate,
                    format!("{name} has this role already."),
                ));
            }
            if account.grants.len() >= MAX_GRANTS {
                return Err(Failure::refused(
                    ErrorCode::InUse,
                    format!("{name} has {MAX_GRANTS} roles already; remove some first."),
                ));
            }
            account.grants.push(grant.clone());
            account.modified = now;
            account.revision = version;
            let mut changed = done(Some(account), Some(format!("grant {grant:?}")));
            changed.made = Some(grant.id);
            changed
        }
        UserChange::Revoke { grant } => {
            let Some(at) = account.grants.iter().position(|known| known.id == *grant) else {
                return Err(Failure::not_found("role of this user"));
            };
            let revoked = account.grants.remove(at);
            account.modified = now;
            account.revision = version;
            done(Some(account), Some(format!("revoke {revoked:?}")))
        }
        UserChange::StartSession { family, max } => {
            account.sessions = start(account.sessions, family.clone(), now.as_second(), *max);
            done(Some(account), None)
        }
        UserChange::RotateSession {
            family,
            presented_hash,
            next_hash,
            lifetime,
        } => {
            let rotation = rotate(
                &account.sessions,
                *family,
                presented_hash,
                next_hash,
                now.as_second(),
                *lifetime,
            );
            let without = |account: &mut Account| account.sessions.retain(|known| known.id != *family);
            match rotation {
                Rotation::Rotated(next) => {
                    without(&mut account);
                    account.sessions.push(next);
                    done(Some(account), None)
                }
                Rotation::Reused => {
                    without(&mut account);
                    let mut changed = done(
                        Some(account),
                        Some(format!("refresh token reused, session {family} ended")),
                    );
                    changed.refusal = Some(ApiError::new(
                        ErrorCode::TokenReused,
                        "This refresh token was used before, so somebody else may have it. The session has been ended; \
                         log in again.",
                    ));
                    changed
                }
                Rotation::Unknown => {
                    return Err(Failure::refused(
                        ErrorCode::InvalidToken,
                        "This refresh token is not valid; log in again.",
                    ));
                }
                Rotation::Expired => {
                    return Err(Failure::refused(
                        ErrorCode::TokenExpired,
                        "This session has expired; log in again.",
                    ));
                }
            }
        }
        UserChange::EndSession {
            family,
            presented_hash,
        } => {
            let known = account.sessions.iter().find(|known| known.id == *family);
            if let (Some(known), Some(presented)) = (known, presented_hash)
                && known.current_hash != *presented
            {
                return Err(Failure::refused(
                    ErrorCode::InvalidToken,
                    "This refresh token is not valid.",
                ));
            }
            if known.is_none() {
                account.version = before;
            }
            account.sessions.retain(|known| known.id != *family);
            done(Some(account), None)
        }
        UserChange::AddToken { token } => {
            account.tokens.retain(|known| known.expires > now);
            if account.tokens.iter().any(|known| known.name == token.name) {
                return Err(Failure::refused(
                    ErrorCode::NameTaken,
                    format!(
                        "You have a token named {} already. Revoke it first, or choose another name.",
                        token.name
                    ),
                ));
            }
            if account.tokens.len() >= MAX_TOKENS {
                return Err(Failure::refused(
                    ErrorCode::InUse,
                    format!("You have {MAX_TOKENS} tokens already; revoke some first."),
                ));
            }
            account.tokens.push(token.clone());
            account.revision = version;
            done(Some(account), Some(format!("add token {}", token.id)))
        }
        UserChange::RevokeToken { id } => {
            if !account.tokens.iter().any(|known| known.id == *id) {
                return Err(Failure::not_found("API token of yours"));
            }
            account.tokens.retain(|known| known.id != *id);
            account.revision = version;
            done(Some(account), Some(format!("revoke token {id}")))
        }
    };
    if changed.made.is_none()
        && let UserChange::AddToken { token } = change
    {
        changed.made = Some(token.id);
    }
    Ok(changed)
}

fn done(account: Option<Account>, audit: Option<String>) -> Changed {
    Changed {
        account,
        audit,
        refusal: None,
        made: None,
    }
}
