//! The error body and its stable codes, in one table: code, status, when.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $status:literal,)+) => {
        /// Stable, documented word for what went wrong; each has one HTTP status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ErrorCode {
            /// Every code, for the documentation and its test.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name,)+];

            /// HTTP status that goes with the code.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// The word itself.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// When it is answered (its documentation).
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)+),)+ }
            }
        }
    };
}

error_codes! {
    /// The body is not JSON, has a wrong type, or lacks a required field.
    MalformedRequest = 400,
    /// The body has a field that this call does not know.
    UnknownField = 400,
    /// A parameter of the query or the path is unknown, missing or has no legal value.
    InvalidParameter = 400,
    /// A read-only field was sent with a value other than the stored one.
    ReadOnlyField = 400,
    /// A name (space, tag, user, token) breaks the rules for names.
    InvalidName = 400,
    /// A description is too long or has control characters.
    InvalidDescription = 400,
    /// An id in the path is not a UUID.
    InvalidId = 400,
    /// A prefix or an address is not canonical CIDR notation.
    InvalidPrefix = 400,
    /// `parentId` is not the tightest node that contains the prefix.
    InvalidParent = 400,
    /// A tag is not defined in this space.
    UndefinedTag = 400,
    /// A value is not among the `knownValues` of its tag.
    UnknownTagValue = 400,
    /// More than 32 tags on one node.
    TooManyTags = 400,
    /// A tag definition breaks a rule (limits, implied tag undefined or not inheritable, …).
    InvalidTagDefinition = 400,
    /// Tag definitions would imply each other in a circle.
    TagCycle = 400,
    /// A tag definition is in use and cannot be deleted or narrowed like that.
    TagInUse = 400,
    /// A cursor is not from this list with these parameters.
    InvalidCursor = 400,
    /// An `If-Match`, `Idempotency-Key` or other header cannot be understood.
    InvalidHeader = 400,
    /// A password is too short, too long or too common.
    WeakPassword = 400,
    /// A role or its target does not exist or does not fit.
    InvalidRole = 400,
    /// The command would change more rows than one command may.
    CommandTooLarge = 400,
    /// Prefix length or count of an allocation are out of range, or do not fit the node.
    InvalidAllocation = 400,
    /// A prefix length does not fit the node, or the family of its addresses.
    InvalidPrefixLength = 400,
    /// A value of a pool, reservation, subscriber, plan, VLAN or another thing breaks a rule.
    InvalidValue = 400,
    /// The address space of a call of the provider's side was not named, and the caller has not just one.
    AddressSpaceRequired = 400,
    /// A plan is based on itself, directly or through others.
    PlanLoop = 400,
    /// A document of GraphQL breaks the grammar, or does not fit the schema.
    InvalidQuery = 400,
    /// A document of GraphQL is nested deeper, or asks for more, than one request may.
    QueryTooLarge = 400,
    /// No token was sent.
    Unauthenticated = 401,
    /// The token is malformed, unknown, revoked, not signed by us, or not for us.
    InvalidToken = 401,
    /// The token has expired.
    TokenExpired = 401,
    /// User name or password is wrong.
    InvalidCredentials = 401,
    /// A refresh token was used a second time; its whole family has been ended.
    TokenReused = 401,
    /// The caller lacks the permission.
    Forbidden = 403,
    /// The change touches something outside the subtree that the caller's grant is narrowed to.
    OutsideScope = 403,
    /// The caller's network address is not allowed here.
    AddressDenied = 403,
    /// No such thing, or the caller may not know of it.
    NotFound = 404,
    /// The path exists with other methods only.
    MethodNotAllowed = 405,
    /// The body did not arrive in time.
    RequestTimeout = 408,
    /// The name is taken.
    NameTaken = 409,
    /// The prefix exists already in this space.
    Duplicate = 409,
    /// A name or number that may be there once only is somebody else's.
    AlreadyExists = 409,
    /// Pools of a space do not overlap.
    PoolOverlap = 409,
    /// Nodes or pools that are there stand in the way of an addressing plan; the details name them.
    PlanCollision = 409,
    /// The pool has nothing left, or does not hand out now.
    PoolDepleted = 409,
    /// The pool does not hand out, or not in the way that was asked for.
    PoolNotUsable = 409,
    /// Something stands against handing out this address; the details say what.
    AddressConflict = 409,
    /// The subscriber holds one of this type already.
    AlreadyAssigned = 409,
    /// The thing is not in a state in which this can be done.
    IllegalState = 409,
    /// The VLAN is taken, or the pool has none left.
    VlanUnavailable = 409,
    /// Tags would contradict each other.
    TagConflict = 409,
    /// The thing is in use and cannot be changed like that.
    InUse = 409,
    /// The same `Idempotency-Key` was used with another body.
    IdempotencyMismatch = 409,
    /// There is not enough room: the details name the largest free block.
    Depleted = 409,
    /// Others changed the same thing at the same time, again and again; try once more.
    Contention = 409,
    /// The nodes are not siblings with equal tags that fill one prefix together.
    NotMergeable = 409,
    /// Nodes lie between the node to split and the length to split it into.
    Straddled = 409,
    /// The new prefix neither contains the old one nor lies in it, or is not inside the node's parent.
    NotResizable = 409,
    /// Children would come to lie outside of their parent.
    WouldCutOff = 409,
    /// Resolved tags of nodes that the call does not name would change.
    WouldRetag = 409,
    /// An atomic import has lines that fail: nothing was imported. The details name them.
    ImportRefused = 409,
    /// The import was stopped by somebody, or another request has taken it over.
    ImportStopped = 409,
    /// A backup of this store is not made through the server: `cadastre backup --store …` reads it beside the servers.
    BackupElsewhere = 409,
    /// A change cannot be taken back: something in its place has changed since, or would suffer from it.
    RevertConflict = 409,
    /// `If-Match` names an older version.
    PreconditionFailed = 412,
    /// The body is larger than this server takes.
    PayloadTooLarge = 413,
    /// The body is not `application/json`; of an import, not CSV or NDJSON.
    UnsupportedMediaType = 415,
    /// Too many requests; see `Retry-After`.
    RateLimited = 429,
    /// Too many failed logins; see `Retry-After`.
    LoginThrottled = 429,
    /// A fault of the server; the correlation id finds it in the log.
    Internal = 500,
    /// The store is damaged; the server refuses to guess.
    StoreCorrupt = 500,
    /// The service that should answer is away; see `Retry-After`.
    UpstreamUnavailable = 503,
    /// The store is away or throttles; see `Retry-After`.
    StoreUnavailable = 503,
    /// The server is shutting down or has too much to do; see `Retry-After`.
    Overloaded = 503,
    /// Older than what the journal keeps, or a position in another life of the space (before a restore).
    Gone = 410,
}

/// `{"error": {…}}`, the body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong, for programs (`code`) and for people (`message`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorDetail {
    /// Stable word.
    pub code: ErrorCode,
    /// One or two sentences that say what to do next.
    pub message: String,
    /// Facts for programs, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<serde_json::Value>,
    /// Finds this request in the server's log.
    pub correlation_id: String,
}

/// An error on its way to a client, before it has a correlation id. Also what the internal protocol carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{code:?}: {message}")]
#[serde(rename_all = "camelCase")]
pub struct ApiError {
    /// Stable word.
    pub code: ErrorCode,
    /// Text for the client.
    pub message: String,
    /// Facts for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
    /// Seconds for `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl ApiError {
    /// An error with a code and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: None,
            retry_after: None,
        }
    }

    /// Adds facts for programs.
    #[must_use]
    pub fn with_details(mut self, details: serde_json::Value) -> Self {
        self.details = Some(details);
        self
    }

    /// Adds `Retry-After`, in seconds (at least 1).
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// `404 NotFound` for a thing: `not_found("address space")`.
    pub fn not_found(what: &str) -> Self {
        Self::new(
            ErrorCode::NotFound,
            format!("There is no such {what}, or you may not see it."),
        )
    }

    /// The body with its correlation id.
    pub fn into_body(self, correlation_id: impl Into<String>) -> ErrorBody {
        ErrorBody {
            error: ErrorDetail {
                code: self.code,
                message: self.message,
                details: self.details,
                correlation_id: correlation_id.into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_table_of_codes_is_this_one() {
        let documented = include_str!("../../docs/errors.md");
        for code in ErrorCode::ALL {
            let row = format!(
                "| `{}` | {} | {} |",
                code.as_str(),
                code.status(),
                code.meaning().trim()
            );
            assert!(documented.contains(&row), "docs/errors.md lacks this row:\n{row}");
        }
        let rows = documented.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(
            rows,
            ErrorCode::ALL.len(),
            "docs/errors.md has rows of codes that are gone"
        );
    }
}
