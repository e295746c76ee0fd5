//! RocksDB's errors, mapped once, kind by kind.

use rocksdb::ErrorKind;

pub(super) use crate::error::corrupt;
use crate::error::{Cause, StoreError};

pub(super) fn unavailable(reason: String, source: Option<Cause>) -> StoreError {
    StoreError::Unavailable {
        reason,
        retry_after: None,
        source,
    }
}

/// What a failed read means. Nothing was changed, so all that is not damage is "not now".
pub(super) fn of_read(doing: &str, error: rocksdb::Error) -> StoreError {
    let reason = format!("{doing}: {error}");
    match error.kind() {
        ErrorKind::Corruption => corrupt(reason, Some(error.into())),
        ErrorKind::NotFound
        | ErrorKind::NotSupported
        | ErrorKind::InvalidArgument
        | ErrorKind::IOError
        | ErrorKind::MergeInProgress
        | ErrorKind::Incomplete
        | ErrorKind::ShutdownInProgress
        | ErrorKind::TimedOut
        | ErrorKind::Aborted
        | ErrorKind::Busy
        | ErrorKind::Expired
        | ErrorKind::TryAgain
        | ErrorKind::CompactionTooLarge
        | ErrorKind::ColumnFamilyDropped
        | ErrorKind::Unknown => unavailable(reason, Some(error.into())),
    }
}

/// What a failed synced write means.
///
/// * Corruption: RocksDB met damage (mostly earlier, in the background) and has stopped writing.
/// * Refused before the log is touched (arguments, features): nothing was written.
/// * All else, an I/O error above all: the record may be in the log, whole or in part, synced or not, and
///   after a failed sync nobody can tell from the outside. Only reading the log again can.
pub(super) fn of_write(error: rocksdb::Error) -> StoreError {
    let reason = format!("writing a group of commits: {error}");
    match error.kind() {
        ErrorKind::Corruption => corrupt(reason, Some(error.into())),
        ErrorKind::NotSupported | ErrorKind::InvalidArgument => unavailable(reason, Some(error.into())),
        ErrorKind::NotFound
        | ErrorKind::IOError
        | ErrorKind::MergeInProgress
        | ErrorKind::Incomplete
        | ErrorKind::ShutdownInProgress
        | ErrorKind::TimedOut
        | ErrorKind::Aborted
        | ErrorKind::Busy
        | ErrorKind::Expired
        | ErrorKind::TryAgain
        | ErrorKind::CompactionTooLarge
        | ErrorKind::ColumnFamilyDropped
        | ErrorKind::Unknown => StoreError::OutcomeUnknown {
            reason,
            source: Some(error.into()),
        },
    }
}

/// Whether opening failed because somebody has the directory open. RocksDB has no kind for it.
pub(super) fn is_lock_held(error: &rocksdb::Error) -> bool {
    let message = error.as_ref();
    error.kind() == ErrorKind::IOError
        && (message.contains("lock hold by current process") || message.contains("While lock file"))
}
