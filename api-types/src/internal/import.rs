//! Imports: files of prefixes on their way into a space, part by part. How far an import has come is kept in the
//! space, in the same commit as what it made, so that it can be stopped, broken off and resumed.

use cadastre_domain::Prefix;
use cadastre_domain::tags::ExplicitTags;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ImageChange, PageRequest};
use crate::error::ErrorCode;

/// How an import treats its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportMode {
    /// Each line by itself: a bad one stops nothing.
    Lines,
    /// All lines or none.
    Atomic,
}

/// What an import goes by from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportTerms {
    /// How it treats its lines.
    pub mode: ImportMode,
    /// Nodes that exist with other tags or another description are changed.
    pub update: bool,
    /// Format of the file, for people: `csv` or `ndjson`; `addressing-plan` where there was none.
    pub format: String,
    /// Bytes of the file, if they are known.
    pub total_bytes: Option<u64>,
}

/// A line that could be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// The prefix.
    pub prefix: Prefix,
    /// Tags to set on the node, as a whole.
    pub tags: ExplicitTags,
    /// `None`: the file has no say about it.
    pub description: Option<String>,
}

/// A record of the file: read, or not to be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ImportRecord {
    /// A prefix to register.
    Line(ImportLine),
    /// What is wrong with it is known without the space.
    Bad(FailedLine),
}

impl ImportRecord {
    /// Its number in the file.
    pub fn line(&self) -> u64 {
        match self {
            Self::Line(line) => line.line,
            Self::Bad(bad) => bad.line,
        }
    }
}

/// A line that failed, with what it says as far as it could be read, so that it can be corrected and sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// The prefix as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The tags as they were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Stable word for what is wrong.
    pub code: ErrorCode,
    /// The same for people.
    pub message: String,
}

/// Where in its file an import is: behind this many records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportMark {
    /// Records, good and bad.
    pub records: u64,
    /// Number of the last line of the last one.
    pub line: u64,
    /// Bytes of the file up to there.
    pub bytes: u64,
    /// Hash of all that was read up to there: another file is not taken for this one.
    pub digest: String,
}

/// `import_part`: the next records of an import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportPart {
    /// The space.
    pub space: Uuid,
    /// The import; the first part makes it.
    pub import: Uuid,
    /// The request that sends it; another one takes over with its first part.
    pub run: Uuid,
    /// This is the first part of that request.
    pub first: bool,
    /// This is the last part of the file.
    pub last: bool,
    /// The same in all parts.
    pub terms: ImportTerms,
    /// Records that are settled already.
    pub after: u64,
    /// Where the file stands behind this part.
    pub upto: ImportMark,
    /// The records.
    pub records: Vec<ImportRecord>,
    /// Say what would change, and change nothing.
    pub dry_run: bool,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineOutcome {
    /// The node is new.
    Created,
    /// The node has other tags or another description now.
    Updated,
    /// The node was there with the same tags and description.
    Unchanged,
    /// It failed.
    Failed,
}

/// What became of a part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportPartReport {
    /// One per record, in order.
    pub outcomes: Vec<LineOutcome>,
    /// The lines that failed, in order.
    pub failed: Vec<FailedLine>,
    /// The import after it; `None` for a dry run.
    pub import: Option<ImportView>,
    /// For a dry run: what would change.
    pub changes: Vec<ImageChange>,
}

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportState {
    /// Lines are coming in.
    Running,
    /// It was stopped, or its request ended before the file did. It can be resumed.
    Stopped,
    /// All lines are settled.
    Finished,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportView {
    /// Its id.
    pub id: Uuid,
    /// What it is doing.
    pub state: ImportState,
    /// What it goes by.
    pub terms: ImportTerms,
    /// User name of who began it.
    pub actor: String,
    /// When it began.
    pub started: Timestamp,
    /// When it last came forward.
    pub modified: Timestamp,
    /// How far it is.
    pub reached: ImportMark,
    /// Nodes made.
    pub created: u64,
    /// Nodes changed.
    pub updated: u64,
    /// Lines that said what was there already.
    pub unchanged: u64,
    /// Lines that failed.
    pub failed: u64,
    /// Versions of the space that it made: the first one and the last one.
    pub versions: Option<(u64, u64)>,
}

/// `get_import`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportQuery {
    /// The space.
    pub space: Uuid,
    /// The import.
    pub import: Uuid,
}

/// `list_imports`: newest first. Positions are opaque.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportListQuery {
    /// The space.
    pub space: Uuid,
    /// Which slice.
    pub page: PageRequest,
}

/// `list_failed_lines`: in order of their numbers. Positions are opaque.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedLinesQuery {
    /// The space.
    pub space: Uuid,
    /// The import.
    pub import: Uuid,
    /// Which slice.
    pub page: PageRequest,
}

/// `stop_import`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportStop {
    /// The space.
    pub space: Uuid,
    /// The import.
    pub import: Uuid,
    /// Only if this request still sends it: how a request that ends early says so.
    pub run: Option<Uuid>,
}
