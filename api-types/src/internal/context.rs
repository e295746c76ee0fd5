//! What goes with every internal call.

use cadastre_domain::Scope;
use serde::{Deserialize, Serialize};

/// Who calls, under which request, and how far they may see and change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallContext {
    /// User name; in the journal as the author of a change.
    pub actor: String,
    /// Correlation id of the request.
    pub correlation_id: String,
    /// The caller's scope in the space the call is about. Reads are clipped to it; the decision itself
    /// refuses a changed row outside it.
    pub scope: Scope,
}

/// How a mutation is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MutationOptions {
    /// Plan only.
    #[serde(default)]
    pub dry_run: bool,
    /// `If-Match`: the revision the thing must have.
    #[serde(default)]
    pub if_match: Option<IfMatch>,
    /// `Idempotency-Key`, hashed.
    #[serde(default)]
    pub idempotency: Option<IdempotencyKey>,
}

/// A parsed `If-Match`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IfMatch {
    /// `*`: it must exist.
    Any,
    /// One of these revisions.
    Revisions(Vec<u64>),
}

impl IfMatch {
    /// Whether a thing of this revision satisfies it.
    pub fn matches(&self, revision: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Revisions(revisions) => revisions.contains(&revision),
        }
    }
}

/// `Idempotency-Key` as it is kept: no text of the client's, only hashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// Hex SHA-256 over principal, method, path and key.
    pub key_hash: String,
    /// Hex SHA-256 over the query string and the canonical body.
    pub body_hash: String,
}

/// A slice of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// At most this many items (1 to 1,000).
    pub limit: usize,
    /// Position from the page before (`Listed::next`), already unwrapped from the public cursor.
    #[serde(default)]
    pub after: Option<String>,
}

/// A slice of a list. A page may be short while `next` says that more may follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Position for the next page; `None` = finished.
    pub next: Option<String>,
}
