//! From errors of the store and of stored records to what a client may be told. Internal text goes to the log.

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_storage::StoreError;

use crate::records::RecordError;

/// Why an operation of this layer did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A rule says no. Nothing was changed.
    #[error("refused: {0}")]
    Refused(Box<ApiError>),
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored row cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Failure {
    /// A refusal with a code and a sentence.
    pub(crate) fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused(Box::new(ApiError::new(code, message)))
    }

    /// `404`.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::Refused(Box::new(ApiError::not_found(what)))
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => *error,
            Failure::Store(error) => store_error(&error),
            Failure::Record(error) => {
                tracing::error!(%error, "a stored row cannot be read");
                crate::metrics::corruption();
                ApiError::new(
                    ErrorCode::StoreCorrupt,
                    "A stored row cannot be read; the server refuses to guess. Ask its operator to look into the \
                     log for the correlation id.",
                )
            }
        }
    }
}

/// What a client is told about a failure of the store.
pub(crate) fn store_error(error: &StoreError) -> ApiError {
    match error {
        StoreError::Exists { .. } | StoreError::Changed { .. } => ApiError::new(
            ErrorCode::Contention,
            "Others changed the same thing at the same time. Nothing was changed by this request; send it again.",
        ),
        StoreError::Unavailable {
            reason, retry_after, ..
        } => {
            tracing::warn!(reason, "the store is unavailable");
            ApiError::new(
                ErrorCode::StoreUnavailable,
                "The store is unavailable. Nothing was changed by this request; send it again later.",
            )
            .with_retry_after(
                retry_after.map_or(1, |wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
            )
        }
        StoreError::OutcomeUnknown { reason, .. } => {
            tracing::error!(reason, "the outcome of a commit is unknown");
            ApiError::new(
                ErrorCode::StoreUnavailable,
                "The store did not answer whether the change was made. Read before sending it again, or send it \
                 again with the same Idempotency-Key.",
            )
            .with_retry_after(2)
        }
        StoreError::Corrupt { reason, .. } => {
            tracing::error!(reason, "the store is corrupt");
            ApiError::new(
                ErrorCode::StoreCorrupt,
                "The store is damaged; the server refuses to guess. Ask its operator to look into the log for the \
                 correlation id.",
            )
        }
        StoreError::Invalid { .. } | StoreError::Unsupported { .. } | StoreError::InUse { .. } => {
            tracing::error!(%error, "the store refused a request of ours");
            ApiError::new(
                ErrorCode::Internal,
                "A fault of the server. Its log has more under the correlation id.",
            )
        }
    }
}

/// Result of an operation of this layer.
pub(crate) type Outcome<T> = Result<T, Failure>;
