//! What the service's refusals and silences mean for a store.

use azure_core::StatusCode;
use azure_core::error::{Error, ErrorKind, HttpError};

use super::wire::{Pause, Silence};
use crate::error::StoreError;

/// The service's word for a table that is not there.
pub(super) const TABLE_NOT_FOUND: &str = "TableNotFound";

/// What an error of a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There is no such row (or no such table).
    NotFound,
    /// The request was refused for who sent it: nothing was done.
    Refused,
    /// It is not a request that the service takes, whoever sends it; a fault of the program. Nothing was done.
    Wrong,
    /// The service is busy and has not done it.
    Busy,
    /// It never arrived.
    NotSent,
    /// It may have been done.
    Unknown,
}

/// Reads an error.
pub(super) fn meaning(error: &Error) -> Meaning {
    if let ErrorKind::HttpResponse { status, .. } = error.kind() {
        return match u16::from(*status) {
            404 => Meaning::NotFound,
            429 | 503 => Meaning::Busy,
            400 | 405 | 411 | 413 | 414 | 415 | 431 => Meaning::Wrong,
            400..=499 => Meaning::Refused,
            _ => Meaning::Unknown,
        };
    }
    if *error.kind() == ErrorKind::Credential {
        // It could not be signed.
        return Meaning::NotSent;
    }
    match silence_of(error) {
        Some(Silence::NotSent(..)) => Meaning::NotSent,
        Some(Silence::NoAnswer(..)) | None => Meaning::Unknown,
    }
}

/// The silence among the causes of an error.
fn silence_of<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e Silence> {
    let mut cause = Some(error);
    while let Some(this) = cause {
        if let Some(silence) = this.downcast_ref::<Silence>() {
            return Some(silence);
        }
        cause = this.source();
    }
    None
}

/// The error of a read, or of a commit that has certainly not happened.
pub(super) fn unavailable(error: Error, pause: &Pause) -> StoreError {
    StoreError::Unavailable {
        reason: sentence(&error),
        retry_after: pause.left(),
        source: Some(Box::new(error)),
    }
}

/// The error of a commit that may have happened.
pub(super) fn unknown(error: Error) -> StoreError {
    StoreError::OutcomeUnknown {
        reason: sentence(&error),
        source: Some(Box::new(error)),
    }
}

/// One sentence that says what to do; never a secret: requests carry signatures in their addresses and headers.
pub(super) fn sentence(error: &Error) -> String {
    let ErrorKind::HttpResponse { status, error_code } = error.kind() else {
        return silence_of(error).map_or_else(
            || "the table service gave no readable answer".to_owned(),
            ToString::to_string,
        );
    };
    let code = error_code.as_deref().unwrap_or("no code");
    let said = format!("the table service answered {} ({code})", u16::from(*status));
    let advice = match (status, code) {
        (_, TABLE_NOT_FOUND) => ": the table does not exist",
        (_, "TableBeingDeleted") => ": the table is being deleted, which takes a while",
        (StatusCode::Forbidden | StatusCode::Unauthorized, _) => {
            ": check the account name, the account key or shared access signature and its permissions (tables: read, add, \
             update, delete, query; the first start: create), and that the clock of this machine is right to the minute"
        }
        // Not of a row: that a row is not there is an answer.
        (StatusCode::NotFound, _) => {
            ": the account name or the endpoint of the tables in the connection string may be wrong"
        }
        (StatusCode::TooManyRequests | StatusCode::ServiceUnavailable, _) => ": it is busy",
        _ => "",
    };
    let detail = error
        .get_ref()
        .and_then(|source| source.downcast_ref::<HttpError>())
        .and_then(HttpError::error_message)
        .and_then(|text| text.lines().next())
        .filter(|_| advice.is_empty())
        .map(|text| format!(": {text}"))
        .unwrap_or_default();
    format!("{said}{advice}{detail}")
}
