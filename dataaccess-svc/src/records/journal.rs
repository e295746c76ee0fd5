//! The journal row of a command: who, when, under which request, what changed. Large ones go on in chunk rows.

use bytes::Bytes;
use cadastre_domain::Prefix;
use cadastre_domain::isp::{Entity, Kept};
use cadastre_storage::RowKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{NodeRecord, RecordError, TagRecord, decode, encode, record};
use crate::keys;

/// Longest part of a journal entry in one row, in bytes (DESIGN §9: images over 32 KiB in chunk rows).
pub(crate) const CHUNK_BYTES: usize = 32 * 1024;

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum JournalImage {
    /// A node.
    Node {
        /// Before; `None` = made.
        before: Option<NodeRecord>,
        /// After; `None` = removed.
        after: Option<NodeRecord>,
    },
    /// A tag definition.
    Tag {
        /// Before; `None` = made.
        before: Option<TagRecord>,
        /// After; `None` = removed.
        after: Option<TagRecord>,
        /// Version of the change of a definition before this one (0 = none): so the definitions of any earlier
        /// version are found without reading all of the journal. Missing in rows that are older than the field.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<u64>,
    },
    /// The space itself, in the catalogue's or the space's journal.
    Space {
        /// Name before; `None` = made.
        before: Option<String>,
        /// Name after; `None` = removed.
        after: Option<String>,
        /// Which. Missing in rows that are older than the field.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Uuid>,
    },
    /// A user: what was done, never a secret.
    User {
        /// For example `grant AddressSpaceViewer …`.
        what: String,
    },
    /// A thing of the provider's side.
    Entity {
        /// Before; `None` = made.
        before: Option<Box<Kept<Entity>>>,
        /// After; `None` = removed.
        after: Option<Box<Kept<Entity>>>,
    },
}

/// A command in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct JournalEntry {
    /// Version of the partition after the command.
    pub version: u64,
    /// When.
    pub time: Timestamp,
    /// User name.
    pub actor: String,
    /// Of the request.
    pub correlation_id: String,
    /// Name of the command.
    pub command: String,
    /// The version that it took back, of a `Revert`. Missing in rows that are older than the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts: Option<u64>,
    /// What changed, the command's subject first.
    pub changes: Vec<JournalImage>,
    /// Nodes that changed, too, and whose states before and after are in their history: how an import of thousands of
    /// nodes does not store each of them once more. Loading an entry turns them into `changes`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Prefix>,
}

/// The first row of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct JournalRecord {
    /// Format.
    pub v: u32,
    /// Id of the commit: settles unknown outcomes.
    pub commit_id: Uuid,
    /// The entry, if it is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<JournalEntry>,
    /// Else the number of chunk rows that hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<usize>,
}
record!(JournalRecord, "journal row", 1);

/// A part of a long entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct JournalChunk {
    v: u32,
    part: String,
}
record!(JournalChunk, "journal chunk", 1);

impl JournalEntry {
    /// The rows of the entry.
    pub(crate) fn rows(self, commit_id: Uuid) -> Vec<(RowKey, Bytes)> {
        let version = self.version;
        let record = JournalRecord {
            v: 1,
            commit_id,
            entry: Some(self),
            chunks: None,
        };
        let whole = encode(&record);
        if whole.len() <= CHUNK_BYTES {
            return vec![(keys::journal(version), whole)];
        }
        let text = match serde_json::to_string(&record.entry) {
            Ok(text) => text,
            Err(error) => unreachable!("journal entry: {error}"),
        };
        let mut rows = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let mut cut = rest.len().min(CHUNK_BYTES);
            while !rest.is_char_boundary(cut) {
                cut -= 1;
            }
            let (part, tail) = rest.split_at(cut);
            let chunk = JournalChunk {
                v: 1,
                part: part.to_owned(),
            };
            rows.push((keys::journal_chunk(version, rows.len()), encode(&chunk)));
            rest = tail;
        }
        let record = JournalRecord {
            v: 1,
            commit_id,
            entry: None,
            chunks: Some(rows.len()),
        };
        rows.insert(0, (keys::journal(version), encode(&record)));
        rows
    }

    /// Puts an entry together again from its first row and the chunk rows behind it.
    pub(crate) fn assemble(first: (&RowKey, &[u8]), chunks: &[(RowKey, Bytes)]) -> Result<Self, RecordError> {
        let record: JournalRecord = decode(first.0, first.1)?;
        let inconsistent = |reason: &str| RecordError::Inconsistent {
            key: first.0.clone(),
            reason: reason.to_owned(),
        };
        match (record.entry, record.chunks) {
            (Some(entry), None) => Ok(entry),
            (None, Some(count)) if count == chunks.len() => {
                let mut text = String::new();
                for (key, bytes) in chunks {
                    text.push_str(&decode::<JournalChunk>(key, bytes)?.part);
                }
                serde_json::from_str(&text).map_err(|source| RecordError::Unreadable {
                    key: first.0.clone(),
                    kind: "journal entry",
                    source,
                })
            }
            (None, Some(_)) => Err(inconsistent("chunk rows are missing")),
            (Some(_), Some(_)) | (None, None) => Err(inconsistent("neither whole nor in chunks")),
        }
    }
}
