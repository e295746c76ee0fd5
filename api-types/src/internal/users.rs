//! Users: accounts, roles, sessions, API tokens. One partition per user.

use cadastre_domain::roles::Grant;
use cadastre_domain::sessions::TokenFamily;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

use super::{MutationOptions, PageRequest};
use crate::error::ApiError;

/// A user's account, with secrets only as hashes. Never leaves the frontend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Lower case.
    pub name: String,
    /// Argon2id in PHC format.
    pub password_hash: String,
    /// Roles, oldest first.
    pub grants: Vec<Grant>,
    /// Open sessions.
    pub sessions: Vec<TokenFamily>,
    /// API tokens.
    pub tokens: Vec<StoredApiToken>,
    /// When it was made.
    pub created: Timestamp,
    /// When password or roles last changed.
    pub modified: Timestamp,
    /// Grows with every change of password, roles or tokens; its `ETag`.
    pub revision: u64,
    /// Grows with every change whatever (sessions too).
    pub version: u64,
}

/// An API token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredApiToken {
    /// UUIDv7.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// Hex SHA-256 of the token.
    pub hash: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops working.
    pub expires: Timestamp,
}

/// A change of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UserChange {
    /// A new account.
    Create {
        /// Argon2id in PHC format.
        password_hash: String,
        /// First roles.
        grants: Vec<Grant>,
    },
    /// A new password; ends all sessions.
    SetPassword {
        /// Argon2id in PHC format.
        password_hash: String,
    },
    /// The same password hashed with newer parameters; sessions stay. Refused if the hash has changed meanwhile.
    Rehash {
        /// The hash that was verified.
        from: String,
        /// The new one.
        to: String,
    },
    /// Removes the account. The last SystemAdmin cannot be removed (`409 InUse`), see `DataAccess::change_user`.
    Delete,
    /// One more role.
    Grant {
        /// The role.
        grant: Grant,
    },
    /// One role less.
    Revoke {
        /// Id of the grant.
        grant: Uuid,
    },
    /// A login: a new session.
    StartSession {
        /// The session.
        family: TokenFamily,
        /// At most this many sessions.
        max: usize,
    },
    /// A refresh. Reuse ends the session and answers `401 TokenReused`; that end is durable too.
    RotateSession {
        /// The session.
        family: Uuid,
        /// Hash of what was presented.
        presented_hash: String,
        /// Hash of the next token.
        next_hash: String,
        /// Seconds that the session lives on.
        lifetime: i64,
    },
    /// A logout. Ending a session that is not there is fine.
    EndSession {
        /// The session.
        family: Uuid,
        /// If given, must be its current token (a logout by refresh token).
        presented_hash: Option<String>,
    },
    /// One more API token.
    AddToken {
        /// The token.
        token: StoredApiToken,
    },
    /// One API token less.
    RevokeToken {
        /// Its id.
        id: Uuid,
    },
}

/// `change_user`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserChangeRequest {
    /// The account, lower case.
    pub name: String,
    /// What to do.
    pub change: UserChange,
    /// How.
    #[serde(default)]
    pub options: MutationOptions,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum UserChangeOutcome {
    /// Durable. `None` after a deletion.
    Committed {
        /// The account after the change.
        account: Option<Arc<Account>>,
        /// The same `Idempotency-Key` was answered before; nothing was done this time.
        replayed: bool,
        /// On a replay: the id that the first answer was about (grant), so that the same answer can be built.
        subject: Option<Uuid>,
    },
    /// A dry run.
    Planned {
        /// State before.
        before: Option<Arc<Account>>,
        /// State after.
        after: Option<Arc<Account>>,
        /// The error it would answer.
        conflict: Option<ApiError>,
    },
}

/// `get_user`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserQuery {
    /// The account, lower case.
    pub name: String,
    /// The hashes of password and tokens are not needed; they may be empty in the answer, which can be had sooner then.
    #[serde(default)]
    pub without_secrets: bool,
}

impl UserQuery {
    /// For all of an account.
    pub fn complete(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            without_secrets: false,
        }
    }

    /// For roles and open sessions.
    pub fn without_secrets(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            without_secrets: true,
        }
    }
}

/// `list_users`: in order of their names. Positions are the last name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserListQuery {
    /// Part of the name, case does not matter.
    #[serde(default)]
    pub name_contains: Option<String>,
    /// Which slice.
    pub page: PageRequest,
}
