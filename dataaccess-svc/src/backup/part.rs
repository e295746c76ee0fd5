//! What flows from a cut to a file or a store: rows of one partition after the other, in the order of their keys.

use bytes::Bytes;
use cadastre_storage::{PartitionKey, RowKey};

use crate::keys;

/// Some rows of a partition, and whether they are its last ones. The parts of a partition follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Whose rows.
    pub partition: PartitionKey,
    /// Keys and values, ascending; each key behind those of the parts before.
    pub rows: Vec<(RowKey, Bytes)>,
    /// With the last rows of a partition: what all of it comes to.
    pub end: Option<PartEnd>,
}

/// What a partition comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartEnd {
    /// Rows.
    pub rows: u64,
    /// The version in its head, if it has one: the moment it is of.
    pub version: Option<u64>,
    /// Hash of its content, whatever the order of the rows and of the fields in them, and without what a restore changes.
    pub digest: String,
}

/// Rows in which the table says what it is; every table has its own, so they do not travel.
pub(crate) fn stays(partition: &PartitionKey, key: &RowKey) -> bool {
    *partition == keys::system_partition() && (*key == keys::table_format() || *key == keys::restoring())
}
