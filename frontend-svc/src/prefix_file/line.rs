//! One line of an import file, good or bad. A bad one is a result like any other: it never stops the good.

use std::collections::BTreeMap;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// A prefix to register, as its line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Number in the file, from 1.
    pub number: u64,
    /// Bytes of the file up to the end of this line, for the progress bar.
    pub end: u64,
    /// As written; the server judges it.
    pub prefix: String,
    /// `None`: the file has no say about descriptions.
    pub description: Option<String>,
    /// Tags to set.
    pub tags: BTreeMap<String, String>,
}

/// A line that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Number in the file, from 1.
    pub line: u64,
    /// What it says, if it could be read.
    pub record: Option<Box<Line>>,
    /// The server's word for it, if it was the server.
    pub code: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl BadLine {
    /// A line that could not be read.
    pub fn unreadable(line: u64, message: impl Into<String>) -> Self {
        Self {
            line,
            record: None,
            code: None,
            message: message.into(),
        }
    }

    /// A line that could be read, and is refused.
    pub fn of(line: &Line, code: Option<String>, message: impl Into<String>) -> Self {
        Self {
            line: line.number,
            record: Some(Box::new(line.clone())),
            code,
            message: message.into(),
        }
    }

    /// The prefix, if there is one.
    pub fn prefix(&self) -> Option<&str> {
        let prefix = self.record.as_deref()?.prefix.as_str();
        Some(prefix).filter(|prefix| !prefix.is_empty())
    }
}

/// What `--errors` writes: the record as it would be imported, and `line` and `error`, which the import reads
/// over. A line that could not be read has no prefix, and is refused again until somebody writes one.
impl Serialize for BadLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Error<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            code: Option<&'a str>,
            message: &'a str,
        }
        let mut map = serializer.serialize_map(None)?;
        if let Some(prefix) = self.prefix() {
            map.serialize_entry("prefix", prefix)?;
        }
        if let Some(record) = &self.record {
            if let Some(description) = &record.description {
                map.serialize_entry("description", description)?;
            }
            if !record.tags.is_empty() {
                map.serialize_entry("tags", &record.tags)?;
            }
        }
        map.serialize_entry("line", &self.line)?;
        let error = Error {
            code: self.code.as_deref(),
            message: &self.message,
        };
        map.serialize_entry("error", &error)?;
        map.end()
    }
}

/// Lines of a file, in their order. `Err` of the inside is one bad line; the file goes on.
pub type Lines = Box<dyn Iterator<Item = Result<Line, BadLine>> + Send>;
