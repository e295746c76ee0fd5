//! One line of an import file, good or bad. A bad one is a result like any other: it never stops the good.

use std::collections::BTreeMap;

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
    /// What is wrong.
    pub message: String,
}

impl BadLine {
    /// A line that could not be read.
    pub fn unreadable(line: u64, message: impl Into<String>) -> Self {
        Self {
            line,
            record: None,
            message: message.into(),
        }
    }

    /// A line that could be read, and is refused.
    pub fn of(line: &Line, message: impl Into<String>) -> Self {
        Self {
            line: line.number,
            record: Some(Box::new(line.clone())),
            message: message.into(),
        }
    }
}

/// Lines of a file, in their order. `Err` of the inside is one bad line; the file goes on.
pub type Lines = Box<dyn Iterator<Item = Result<Line, BadLine>> + Send>;
