//! The store contract: what every backend and decorator promises (DESIGN §8).
//!
//! Few required methods and no defaults, so that a decorator cannot silently inherit behaviour that its
//! inner store does better. Designed for the weakest backend (Azure Tables): a commit is atomic inside one
//! partition only, and its size is bounded by [`Limits`].

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::StoreError;
use crate::key::{PartitionKey, RowKey};

/// Version of one row, opaque: compare it, hand it back, read nothing into it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Etag(pub Bytes);

/// One stored row: its key, the bytes of one JSON object, and the version of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Key inside the partition.
    pub key: RowKey,
    /// One JSON object, UTF-8.
    pub value: Bytes,
    /// Version to hand back in a precondition.
    pub etag: Etag,
}

/// One write of a commit, with what must be true for it to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The row must not exist.
    Create {
        /// Key of the row.
        key: RowKey,
        /// Its value, one JSON object.
        value: Bytes,
    },
    /// The row must exist with this version.
    Replace {
        /// Key of the row.
        key: RowKey,
        /// Its new value.
        value: Bytes,
        /// The version that is replaced.
        etag: Etag,
    },
    /// Written whatever is there.
    Put {
        /// Key of the row.
        key: RowKey,
        /// Its value.
        value: Bytes,
    },
    /// The row must exist with this version, and is deleted.
    DeleteIf {
        /// Key of the row.
        key: RowKey,
        /// The version that is deleted.
        etag: Etag,
    },
    /// Deleted if it is there.
    Delete {
        /// Key of the row.
        key: RowKey,
    },
}

impl Write {
    /// Key of the row that is written.
    pub fn key(&self) -> &RowKey {
        match self {
            Self::Create { key, .. }
            | Self::Replace { key, .. }
            | Self::Put { key, .. }
            | Self::DeleteIf { key, .. }
            | Self::Delete { key } => key,
        }
    }

    /// Bytes that count against [`Limits::batch_bytes`].
    pub fn bytes(&self) -> usize {
        self.key().as_str().len()
            + match self {
                Self::Create { value, .. } | Self::Replace { value, .. } | Self::Put { value, .. } => {
                    value.len()
                }
                Self::DeleteIf { .. } | Self::Delete { .. } => 0,
            }
    }
}

/// Keys to scan: `start` (inclusive) up to `end` (exclusive), ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// First key that may be returned; `None` = from the first of the partition.
    pub start: Option<RowKey>,
    /// First key that may not be returned; `None` = to the last of the partition.
    pub end: Option<RowKey>,
}

/// Part of a scan. A page may be short, even empty, while `next` says that more may follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Rows in ascending order of their keys.
    pub rows: Vec<Row>,
    /// Where to continue (inclusive start of the next scan); `None` = finished.
    pub next: Option<RowKey>,
}

/// Where a row stands among all rows: they sort by partition, then key, byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Its partition.
    pub partition: PartitionKey,
    /// Its key there.
    pub key: RowKey,
}

/// Part of a scan of the whole table. It is empty only when nothing follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TablePage {
    /// Rows with their partitions, in ascending order of their places.
    pub rows: Vec<(PartitionKey, Row)>,
    /// The place of the last row, to go on behind it; `None` = finished.
    pub next: Option<Place>,
}

/// A table as it was at one moment, whatever is written meanwhile. It costs the store something while it is kept.
#[async_trait]
pub trait Snapshot: Send + Sync + Debug + 'static {
    /// As [`Store::scan_table`], of that moment.
    async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError>;
}

/// Bytes of one value in every backend, so that data can move: an entity of Azure holds 1 MiB, and counts two bytes a
/// character.
pub const VALUE_BYTES: usize = 480 << 10;

/// What a backend can do and how much a batch may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows in one commit.
    pub batch_rows: usize,
    /// Bytes of keys and values in one commit.
    pub batch_bytes: usize,
    /// Bytes of one value: [`VALUE_BYTES`].
    pub value_bytes: usize,
    /// [`Store::last_at_or_before`] works. Where not, it answers [`StoreError::Unsupported`].
    pub backwards: bool,
    /// No other process can write this store while we have it open, so what this process committed last
    /// may be remembered instead of read.
    pub exclusive: bool,
}

/// A partitioned, ordered key-value store with conditional, atomic commits inside a partition.
///
/// Cancel safety: dropping the future of [`Store::commit`] leaves its outcome unknown (it may still happen);
/// every other call only reads.
#[async_trait]
pub trait Store: Send + Sync + Debug + 'static {
    /// What this store can do; constant for its life.
    fn limits(&self) -> Limits;

    /// One row, or `None`.
    async fn get(&self, partition: &PartitionKey, key: &RowKey) -> Result<Option<Row>, StoreError>;

    /// Many rows, in the order of `keys`, `None` where there is none.
    async fn get_many(
        &self,
        partition: &PartitionKey,
        keys: &[RowKey],
    ) -> Result<Vec<Option<Row>>, StoreError>;

    /// Rows of a range in ascending order, at most `limit` (which is at least 1).
    async fn scan(
        &self,
        partition: &PartitionKey,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Page, StoreError>;

    /// The row with the greatest key in `floor ..= key`, or `None`.
    async fn last_at_or_before(
        &self,
        partition: &PartitionKey,
        key: &RowKey,
        floor: &RowKey,
    ) -> Result<Option<Row>, StoreError>;

    /// Rows of the whole table behind `after` (`None` = from the first), at most `limit` (which is at least 1). Of what
    /// is written meanwhile some may be seen and some not; a row that is there all the time comes exactly once.
    async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError>;

    /// The table as it is now; `None` where the backend cannot keep a moment.
    async fn snapshot(&self) -> Result<Option<Box<dyn Snapshot>>, StoreError>;

    /// All writes, or none, durable when this returns; the new etags in order (empty [`Etag`] for deletions).
    ///
    /// A key may occur once in a batch ([`StoreError::Invalid`] otherwise). [`StoreError::OutcomeUnknown`]
    /// means that it may or may not have happened.
    async fn commit(&self, partition: &PartitionKey, writes: Vec<Write>) -> Result<Vec<Etag>, StoreError>;

    /// The store answers (for readiness).
    async fn ping(&self) -> Result<(), StoreError>;

    /// Finishes the commits that wait and lets go of what the store holds; nothing of it runs on afterwards.
    /// What is called later may be refused with [`StoreError::Unavailable`]. Closing again changes nothing.
    async fn close(&self);
}
