//! A space in the catalogue (`AddressSpaces` in the seed), and the hint that one is being deleted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record;

/// A space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SpaceRecord {
    /// Format.
    pub v: u32,
    /// UUIDv7, the same as in the row key.
    pub address_space_id: Uuid,
    /// Unique without regard to case.
    pub name: String,
    /// Empty = none.
    pub description: String,
    /// When it was made.
    pub created_on: Timestamp,
    /// When it last changed.
    pub modified_on: Timestamp,
    /// Version of the catalogue at its last change.
    pub revision: u64,
}
record!(SpaceRecord, "address space", 1);

/// Written before the deletion of a space begins, removed when its purge is done: one too many is possible
/// (the deletion never began), one too few is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PurgeHintRecord {
    /// Format.
    pub v: u32,
    /// When.
    pub time: Timestamp,
}
record!(PurgeHintRecord, "purge hint", 1);
