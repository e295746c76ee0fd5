//! A backup as a stream of lines, each a JSON object:
//!
//! | line | |
//! |---|---|
//! | `{"cadastreBackup":1,"id":…,"time":…,"program":…,"source":…,"tableFormat":1,"oneMoment":…}` | the first |
//! | `{"p":PARTITION,"k":KEY,"v":{…}}` | a row, as it is stored; keys ascend |
//! | `{"end":PARTITION,"rows":…,"version":…,"digest":…}` | behind the last row of a partition |
//! | `{"total":{"partitions":…,"rows":…},"sha256":…}` | the last: the hash is of every byte before this line |

mod read;
mod write;

pub use read::{LineReader, check};
pub use write::LineWriter;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The newest format of a file that this version reads, and the one it writes.
const FORMAT: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Format of the file.
    cadastre_backup: u32,
    /// Of this backup.
    pub id: Uuid,
    /// When it began.
    pub time: Timestamp,
    /// The version of Cadastre that made it.
    pub program: String,
    /// Of which store.
    pub source: String,
    /// The format of its table.
    pub table_format: u32,
    /// Whether all of it is of one moment, or each partition of one of its own.
    pub one_moment: bool,
}

impl Header {
    /// Of a backup that begins now.
    pub fn new(source: &str, table_format: u32, one_moment: bool) -> Self {
        Self {
            cadastre_backup: FORMAT,
            id: Uuid::new_v4(),
            time: crate::clock::micros(Timestamp::now()),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            source: source.to_owned(),
            table_format,
            one_moment,
        }
    }

    /// In words, by which a restore is known again.
    pub fn origin(&self) -> String {
        format!("backup {} of {}", self.id, self.time)
    }
}

/// The line behind the last row of a partition.
#[derive(Serialize, Deserialize)]
struct EndLine {
    end: String,
    rows: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    digest: String,
}

/// The last line.
#[derive(Serialize, Deserialize)]
struct LastLine {
    total: Total,
    sha256: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Total {
    partitions: u64,
    rows: u64,
}

/// A backup that was read to its end and is as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Its first line.
    pub header: Header,
    /// Partitions in it.
    pub partitions: u64,
    /// Rows in it.
    pub rows: u64,
    /// SHA-256 of it.
    pub sha256: String,
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a text has no way to fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
