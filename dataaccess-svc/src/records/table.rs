//! What a table says of itself: the format of all that is in it, and that it is not whole yet.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record;

/// Which rows there are and what they mean together. A program that does not know the format must not touch the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TableFormatRecord {
    /// Format of this row.
    pub v: u32,
    /// Format of the table.
    pub table_format: u32,
    /// The version of the program that made the table.
    pub made_by: String,
}
record!(TableFormatRecord, "format of the table", 1);

/// There as long as a table is filled from a backup or another store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RestoringRecord {
    /// Format.
    pub v: u32,
    /// What it is filled from, in words: who goes on must say the same.
    pub origin: String,
    /// The incarnations of the spaces follow from it.
    pub seed: Uuid,
    /// When it began.
    pub started_on: Timestamp,
}
record!(RestoringRecord, "mark of an unfinished restore", 1);
