//! A backup of the whole store, read out part by part.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `read_backup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupQuery {
    /// The backup that goes on; `None` begins one.
    pub backup: Option<Uuid>,
    /// Number of the part, from 0. The last one can be asked for again.
    pub part: u64,
}

/// Lines of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupPart {
    /// The backup, for the next question. It is forgotten when nobody asks for a minute.
    pub backup: Uuid,
    /// Whole lines.
    pub lines: String,
    /// Nothing follows.
    pub last: bool,
}
