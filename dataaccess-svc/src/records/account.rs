//! A user's account, in one row, and the head of the user's partition, which outlives the account.

use cadastre_api_types::internal::Account;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record;

/// An account. Its content is the internal protocol's: both are ours and change together; the format version
/// is what guards the stored one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AccountRecord {
    /// Format.
    pub v: u32,
    /// The account.
    pub account: Account,
}
record!(AccountRecord, "account", 1);

/// Head of a user's partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UserHeadRecord {
    /// Format.
    pub v: u32,
    /// Grows by one per change, across deletion and re-creation of the account.
    pub version: u64,
    /// Random id of the last commit.
    pub commit_id: Uuid,
    /// Time of the last change.
    pub last_time: Timestamp,
}
record!(UserHeadRecord, "user head", 1);
