//! Stored records: the JSON object of each kind of row, with a format version `V`. They are neither domain nor
//! wire types; field names are the seed's column names. Golden bytes per format are tested.

mod account;
#[cfg(test)]
mod golden;
mod head;
mod idempotency;
mod import;
mod isp;
mod journal;
mod lease;
mod node;
mod occupancy;
mod plan;
mod space;
mod table;
mod tag;

pub(crate) use account::{AccountRecord, UserHeadRecord};
pub(crate) use head::{HeadRecord, LengthCounts, PartitionState, SystemHeadRecord};
pub(crate) use idempotency::{DerivedRun, IdempotencyRecord};
pub(crate) use import::{FailedLineRecord, ImportJobRecord};
pub(crate) use isp::{
    EntityRecord, OwnerRecord, PoolCountersRecord, PoolDayRecord, SecretRecord, VlanPlaceRecord,
    VlansTakenRecord,
};
pub(crate) use journal::{CHUNK_BYTES, JournalEntry, JournalImage, JournalRecord};
pub(crate) use lease::LeaseRecord;
pub(crate) use node::{HistoryRecord, Hold, KeptBack, NodeRecord, encode_history};
pub(crate) use occupancy::OccupancyRecord;
pub(crate) use plan::{PendingRecord, PlanHintRecord, PlanRecord, PlannedWrite};
pub(crate) use space::{PurgeHintRecord, SpaceRecord};
pub(crate) use table::{RestoringRecord, TableFormatRecord};
pub(crate) use tag::TagRecord;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use cadastre_storage::RowKey;

/// A stored row that cannot be read: damage, or a format from the future.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// Not the JSON it should be.
    #[error("row {key} cannot be read as {kind}: {source}")]
    Unreadable {
        /// The row.
        key: RowKey,
        /// What it should be.
        kind: &'static str,
        /// Why not.
        source: serde_json::Error,
    },
    /// A format version that this program does not know.
    #[error("row {key} has format {found} of {kind}, this program knows up to {known}: use a newer version")]
    Format {
        /// The row.
        key: RowKey,
        /// What it is.
        kind: &'static str,
        /// Its format.
        found: u32,
        /// The newest we know.
        known: u32,
    },
    /// Rows that contradict each other.
    #[error("row {key} is inconsistent: {reason}")]
    Inconsistent {
        /// The row.
        key: RowKey,
        /// How.
        reason: String,
    },
}

/// A kind of stored record.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// For messages.
    const KIND: &'static str;
    /// The format version that is written.
    const FORMAT: u32;
    /// The format version that was read.
    fn format(&self) -> u32;
}

/// Bytes of a record.
pub(crate) fn encode<R: Record>(record: &R) -> Bytes {
    match serde_json::to_vec(record) {
        Ok(bytes) => Bytes::from(bytes),
        // Records are plain structs with text keys: nothing in them can fail to serialise.
        Err(error) => unreachable!("{}: {error}", R::KIND),
    }
}

/// A record from its bytes.
pub(crate) fn decode<R: Record>(key: &RowKey, bytes: &[u8]) -> Result<R, RecordError> {
    let record: R = serde_json::from_slice(bytes).map_err(|source| RecordError::Unreadable {
        key: key.clone(),
        kind: R::KIND,
        source,
    })?;
    if record.format() > R::FORMAT {
        return Err(RecordError::Format {
            key: key.clone(),
            kind: R::KIND,
            found: record.format(),
            known: R::FORMAT,
        });
    }
    Ok(record)
}

macro_rules! record {
    ($name:ident, $kind:literal, $format:literal) => {
        impl crate::records::Record for $name {
            const KIND: &'static str = $kind;
            const FORMAT: u32 = $format;
            fn format(&self) -> u32 {
                self.v
            }
        }
    };
}
pub(crate) use record;
