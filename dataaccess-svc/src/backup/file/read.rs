//! Reading a backup, which may be anything: cut off, altered, of another version, or another program's file.

use std::borrow::Cow;
use std::io::{self, BufRead, ErrorKind, Read as _};

use bytes::Bytes;
use cadastre_storage::{PartitionKey, RowKey, VALUE_BYTES};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::super::digest::Tally;
use super::super::error::TransferError;
use super::super::part::Part;
use super::{Checked, EndLine, FORMAT, Header, LastLine, Total, hex};
use crate::table::TABLE_FORMAT;

/// No line is longer: a value, its keys, and room.
const LONGEST_LINE: u64 = (VALUE_BYTES + (64 << 10)) as u64;
/// Rows in one part.
const ROWS: usize = 1_000;
/// Bytes of rows in one part, about.
const BYTES: usize = 4 << 20;

/// Reads lines, and checks them.
#[derive(Debug)]
pub struct LineReader<R> {
    from: R,
    line: Vec<u8>,
    number: u64,
    hash: Sha256,
    header: Header,
    total: Total,
    /// The partition whose rows are being read, and its last key.
    open: Option<(PartitionKey, Option<RowKey>)>,
    tally: Tally,
    /// When the last line was read.
    checked: Option<Checked>,
}

#[derive(Deserialize)]
struct RowLine<'a> {
    #[serde(borrow)]
    p: Cow<'a, str>,
    #[serde(borrow)]
    k: Cow<'a, str>,
    #[serde(borrow)]
    v: &'a RawValue,
}

/// What a line is.
enum Line {
    Row(PartitionKey, RowKey, Bytes),
    End(EndLine),
    Last(LastLine),
}

/// Reads a backup to its end without keeping it.
///
/// # Errors
/// What is wrong with it.
pub fn check(from: impl BufRead) -> Result<Checked, TransferError> {
    let mut reader = LineReader::open(from)?;
    while reader.next()?.is_some() {}
    reader.checked().cloned().ok_or(TransferError::CutOff(0))
}

impl<R: BufRead> LineReader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// [`TransferError::NotABackup`], also for formats of a newer version.
    pub fn open(mut from: R) -> Result<Self, TransferError> {
        let mut line = Vec::new();
        from.by_ref()
            .take(4096)
            .read_until(b'\n', &mut line)
            .map_err(|error| unreadable(error, 0))?;
        let not_ours = || {
            TransferError::NotABackup(
                "this is not a backup of Cadastre: it does not begin with the line that `cadastre backup` writes first"
                    .to_owned(),
            )
        };
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            cadastre_backup: u32,
        }
        let version: Version = serde_json::from_slice(&line).map_err(|_| not_ours())?;
        if version.cadastre_backup > FORMAT {
            return Err(TransferError::NotABackup(format!(
                "the backup has format {}, and this version of Cadastre ({}) reads formats up to {FORMAT}; take a newer \
                 version",
                version.cadastre_backup,
                env!("CARGO_PKG_VERSION")
            )));
        }
        let header: Header = serde_json::from_slice(&line).map_err(|_| not_ours())?;
        if header.table_format > TABLE_FORMAT {
            return Err(TransferError::NotABackup(format!(
                "the backup is of a table of format {}, and this version of Cadastre ({}) knows formats up to \
                 {TABLE_FORMAT}; take version {} or a newer one",
                header.table_format,
                env!("CARGO_PKG_VERSION"),
                header.program
            )));
        }
        let mut hash = Sha256::new();
        hash.update(&line);
        Ok(Self {
            from,
            line,
            number: 1,
            hash,
            header,
            total: Total::default(),
            open: None,
            tally: Tally::default(),
            checked: None,
        })
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What it all came to, once it was read to its end.
    pub fn checked(&self) -> Option<&Checked> {
        self.checked.as_ref()
    }

    /// The next rows; `None` = it was read to its end, and is as it was written.
    ///
    /// # Errors
    /// [`TransferError::CutOff`], [`TransferError::Altered`]: then nothing that was read can be trusted.
    #[allow(
        clippy::should_implement_trait,
        reason = "an iterator could go on behind an error"
    )]
    pub fn next(&mut self) -> Result<Option<Part>, TransferError> {
        if self.checked.is_some() {
            return Ok(None);
        }
        let (mut rows, mut bytes) = (Vec::new(), 0);
        loop {
            match self.read_line()? {
                Line::Row(partition, key, value) => {
                    self.see(&partition, &key)?;
                    self.tally.add(&partition, &key, &value);
                    self.total.rows += 1;
                    bytes += value.len();
                    rows.push((key, value));
                    if rows.len() >= ROWS || bytes >= BYTES {
                        return Ok(Some(Part {
                            partition,
                            rows,
                            end: None,
                        }));
                    }
                }
                Line::End(line) => {
                    let end = std::mem::take(&mut self.tally).end();
                    let partition = match self.open.take() {
                        Some((partition, _)) => partition,
                        // All of its rows are of those that do not travel.
                        None => {
                            PartitionKey::new(&line.end).map_err(|_| self.altered("a partition's name"))?
                        }
                    };
                    let same =
                        line.end == partition.as_str() && line.rows == end.rows && line.digest == end.digest;
                    if !same || line.version != end.version {
                        return Err(self.altered("rows of a partition"));
                    }
                    self.total.partitions += 1;
                    let end = Some(end);
                    return Ok(Some(Part { partition, rows, end }));
                }
                Line::Last(last) => {
                    let sha256 = hex(&self.hash.clone().finalize());
                    if last.sha256 != sha256 {
                        return Err(self.altered("its SHA-256"));
                    }
                    if last.total != self.total || self.open.is_some() {
                        return Err(self.altered("its totals"));
                    }
                    let number = self.number;
                    let behind = self.from.fill_buf().map_err(|error| unreadable(error, number))?;
                    if !behind.is_empty() {
                        return Err(self.altered("something behind its end"));
                    }
                    self.checked = Some(Checked {
                        header: self.header.clone(),
                        partitions: self.total.partitions,
                        rows: self.total.rows,
                        sha256,
                    });
                    return Ok(None);
                }
            }
        }
    }

    /// A row must belong to the partition that is open, and stand behind its rows before.
    fn see(&mut self, partition: &PartitionKey, key: &RowKey) -> Result<(), TransferError> {
        let fits = match &self.open {
            None => true,
            Some((open, last)) => open == partition && last.as_ref().is_none_or(|last| last < key),
        };
        if !fits {
            return Err(self.altered("the order of rows"));
        }
        self.open = Some((partition.clone(), Some(key.clone())));
        Ok(())
    }

    fn read_line(&mut self) -> Result<Line, TransferError> {
        self.line.clear();
        self.from
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut self.line)
            .map_err(|error| unreadable(error, self.number))?;
        if !self.line.ends_with(b"\n") {
            return Err(if self.line.len() as u64 == LONGEST_LINE {
                self.altered("a line that is too long")
            } else {
                TransferError::CutOff(self.number)
            });
        }
        self.number += 1;
        let line = if self.line.starts_with(b"{\"p\":") {
            let line: RowLine<'_> = serde_json::from_slice(&self.line).map_err(|_| self.altered("a row"))?;
            let partition = PartitionKey::new(&*line.p).map_err(|_| self.altered("a partition's name"))?;
            let key = RowKey::new(&*line.k).map_err(|_| self.altered("a key"))?;
            if !line.v.get().starts_with('{') {
                return Err(self.altered("a value"));
            }
            Line::Row(partition, key, Bytes::from(line.v.get().to_owned()))
        } else if self.line.starts_with(b"{\"end\":") {
            Line::End(serde_json::from_slice(&self.line).map_err(|_| self.altered("the end of a partition"))?)
        } else {
            // Not part of what it is the hash of.
            let last = serde_json::from_slice(&self.line).map_err(|_| self.altered("a line"))?;
            return Ok(Line::Last(last));
        };
        self.hash.update(&self.line);
        Ok(line)
    }

    fn altered(&self, what: &str) -> TransferError {
        TransferError::Altered {
            what: what.to_owned(),
            line: self.number,
        }
    }
}

/// Why nothing more can be read behind a line. What is compressed may end in the middle, or be no compressed data there.
fn unreadable(error: io::Error, line: u64) -> TransferError {
    if error.kind() == ErrorKind::UnexpectedEof {
        TransferError::CutOff(line)
    } else if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput) {
        TransferError::Altered {
            what: format!("its compression: {error}"),
            line,
        }
    } else {
        error.into()
    }
}
