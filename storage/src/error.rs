//! One error for all backends; each backend maps its private errors to it once and keeps the source.

use crate::key::RowKey;

/// Source of an error, kept for the log.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What went wrong in a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A `Create` met an existing row. Nothing was written.
    #[error("row {key} exists already")]
    Exists {
        /// The row that exists.
        key: RowKey,
    },
    /// A `Replace` or `DeleteIf` met another version, or no row. Nothing was written.
    #[error("row {key} has changed")]
    Changed {
        /// The row that has another version.
        key: RowKey,
    },
    /// The request breaks the contract (a key twice, a batch over the limits). Nothing was written.
    #[error("invalid request to the store: {reason}")]
    Invalid {
        /// Which rule was broken.
        reason: String,
    },
    /// This backend cannot do that (see `Limits`).
    #[error("this store cannot {what}")]
    Unsupported {
        /// The operation.
        what: &'static str,
    },
    /// The store is away or throttles. Nothing was written.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// For the log.
        reason: String,
        /// When the store asks to be left alone for a while.
        retry_after: Option<std::time::Duration>,
        /// The backend's own error.
        #[source]
        source: Option<Cause>,
    },
    /// A commit whose answer was lost: it may or may not have happened.
    #[error("the outcome of a commit is unknown: {reason}")]
    OutcomeUnknown {
        /// For the log.
        reason: String,
        /// The backend's own error.
        #[source]
        source: Option<Cause>,
    },
    /// Stored bytes are damaged (checksum, format). Never ignored.
    #[error("the store is corrupt: {reason}")]
    Corrupt {
        /// What is damaged.
        reason: String,
        /// The backend's own error.
        #[source]
        source: Option<Cause>,
    },
    /// Another process has the store open.
    #[error("{reason}")]
    InUse {
        /// Says which directory; what to do depends on who wanted it.
        reason: String,
    },
}

/// Damage is never just returned: it is logged and counted wherever it is met.
#[cfg(any(feature = "rocksdb", feature = "azure"))]
pub(crate) fn corrupt(reason: String, source: Option<Cause>) -> StoreError {
    metrics::counter!("cadastre_store_corruption_total").increment(1);
    let error = StoreError::Corrupt { reason, source };
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "stored bytes are damaged"
    );
    error
}

impl StoreError {
    /// The same kind of error, for a second receiver (the source stays with the first).
    pub fn duplicate(&self) -> Self {
        match self {
            Self::Exists { key } => Self::Exists { key: key.clone() },
            Self::Changed { key } => Self::Changed { key: key.clone() },
            Self::Invalid { reason } => Self::Invalid {
                reason: reason.clone(),
            },
            Self::Unsupported { what } => Self::Unsupported { what },
            Self::Unavailable {
                reason, retry_after, ..
            } => Self::Unavailable {
                reason: reason.clone(),
                retry_after: *retry_after,
                source: None,
            },
            Self::OutcomeUnknown { reason, .. } => Self::OutcomeUnknown {
                reason: reason.clone(),
                source: None,
            },
            Self::Corrupt { reason, .. } => Self::Corrupt {
                reason: reason.clone(),
                source: None,
            },
            Self::InUse { reason } => Self::InUse {
                reason: reason.clone(),
            },
        }
    }
}
