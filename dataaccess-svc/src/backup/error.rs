//! Why a backup, a restore or a copy does not go on, in sentences for an operator.

use cadastre_storage::StoreError;
use jiff::Timestamp;

use crate::errors::Failure;
use crate::table::OpenError;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A store does not answer, or its rows are damaged.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A stored row cannot be read.
    #[error("{0}")]
    Row(String),
    /// The source must not be read: of a newer format, or not whole.
    #[error("the source cannot be read: {0}")]
    Source(OpenError),
    /// The source has no rows.
    #[error("the source is empty; no server has ever run on it. Is that the right name?")]
    Empty,
    /// A partition changed all the time.
    #[error(
        "{0} changed all the time while it was read, and is in no state that can be kept; try again when less is changed there"
    )]
    Restless(String),
    /// The target holds something.
    #[error(
        "the target is not empty: it holds row {key} of partition {partition}; name an empty or a new store"
    )]
    NotEmpty {
        /// Of the first row that is there.
        partition: String,
        /// Its key.
        key: String,
    },
    /// The target is being filled from something else.
    #[error(
        "the target holds a part of {found} (begun {started}), and this is {wanted}; finish that one, or name an empty \
         store"
    )]
    AnotherOrigin {
        /// What it is being filled from.
        found: String,
        /// Since when.
        started: Timestamp,
        /// What was to be put into it.
        wanted: String,
    },
    /// What was read is not a backup, or not one that this version reads.
    #[error("{0}")]
    NotABackup(String),
    /// The backup ends too early.
    #[error("the backup is cut off behind line {0}: its end is missing; take another copy of it")]
    CutOff(u64),
    /// The backup is not as it was written.
    #[error("the backup is altered or damaged ({what}, line {line}); take another copy of it")]
    Altered {
        /// What is wrong.
        what: String,
        /// Where it was noticed.
        line: u64,
    },
    /// A file cannot be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// What is in the target is not what should be.
    #[error("the target is not what the source is: {}", .0.join("; "))]
    Differs(Vec<String>),
}

impl From<Failure> for TransferError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => Self::Store(error),
            Failure::Record(error) => Self::Row(error.to_string()),
            Failure::Refused(error) => Self::Row(error.message),
        }
    }
}
