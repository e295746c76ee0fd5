//! Imports of files of prefixes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::TagMap;
use crate::error::ErrorCode;
use crate::internal;

/// How an import treats its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ImportMode {
    /// Each line by itself: a bad one stops nothing.
    Lines,
    /// All lines or none; at most 10,000.
    Atomic,
}

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ImportState {
    /// Lines are coming in.
    Running,
    /// It was stopped, or its request ended before the file did. Send the same file with the same
    /// `Idempotency-Key` to go on where it stands.
    Stopped,
    /// All lines are settled.
    Finished,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportError {
    /// Stable word for it.
    pub code: ErrorCode,
    /// The same for people.
    pub message: String,
}

/// A line that failed, with what it says as far as it could be read: corrected, it can be imported as NDJSON as it
/// stands here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// The prefix as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The tags, as they were written.
    #[serde(default, skip_serializing_if = "TagMap::is_empty")]
    #[schema(value_type = Object)]
    pub tags: TagMap,
    /// What is wrong with it.
    pub error: ImportError,
}

impl From<internal::FailedLine> for FailedLine {
    fn from(failed: internal::FailedLine) -> Self {
        Self {
            line: failed.line,
            prefix: failed.prefix,
            description: failed.description,
            tags: failed.tags.into_iter().collect(),
            error: ImportError {
                code: failed.code,
                message: failed.message,
            },
        }
    }
}

/// An import and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    /// Its id.
    pub id: Uuid,
    /// What it is doing.
    pub state: ImportState,
    /// How it treats its lines.
    pub mode: ImportMode,
    /// Whether nodes that exist with other tags or another description are changed.
    pub update: bool,
    /// Format of the file: `csv` or `ndjson`; `addressing-plan` where an addressing plan was applied.
    pub format: String,
    /// User name of who began it.
    pub actor: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_on: Timestamp,
    /// When it last came forward.
    #[schema(value_type = String, format = DateTime)]
    pub modified_on: Timestamp,
    /// Number of the last line that is settled.
    pub line: u64,
    /// Bytes of the file up to there.
    pub bytes: u64,
    /// Bytes of the file, where the request said how many it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// Lines whose node is new.
    pub created: u64,
    /// Lines whose node has other tags or another description now.
    pub updated: u64,
    /// Lines that said what was there already.
    pub unchanged: u64,
    /// Lines that failed.
    pub failed: u64,
    /// First version of the space that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_version: Option<u64>,
    /// Last version of the space that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_version: Option<u64>,
    /// In the answer to the import itself: the first hundred lines that failed in this request. The first thousand
    /// are at `…/imports/{importId}/failed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailedLine>,
}
