//! Rows put aside, in the order in which they came: in memory while they are few, then in a file that has no name and
//! goes with the process.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use bytes::Bytes;
use cadastre_storage::{Row, RowKey};
use tempfile::SpooledTempFile;

use super::super::error::TransferError;

/// Bytes in memory.
const IN_MEMORY: usize = 32 << 20;
/// Bytes that are read from it at a time.
const READ: usize = 256 << 10;

/// Being filled.
#[derive(Debug)]
pub(super) struct Spool {
    file: io::BufWriter<SpooledTempFile>,
    rows: u64,
}

impl Spool {
    pub(super) fn new() -> Self {
        Self {
            file: io::BufWriter::with_capacity(READ, SpooledTempFile::new(IN_MEMORY)),
            rows: 0,
        }
    }

    /// How many there are.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn push(&mut self, row: &Row) -> Result<(), TransferError> {
        let key = row.key.as_str().as_bytes();
        for part in [key, &row.value] {
            self.file.write_all(&(part.len() as u64).to_be_bytes())?;
            self.file.write_all(part)?;
        }
        self.rows += 1;
        Ok(())
    }

    /// From the beginning.
    pub(super) fn read(self) -> Result<SpoolRows, TransferError> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        let mut rows = SpoolRows {
            file: io::BufReader::with_capacity(READ, file),
            left: self.rows,
            next: None,
        };
        rows.advance()?;
        Ok(rows)
    }
}

/// Being read.
#[derive(Debug)]
pub(super) struct SpoolRows {
    file: io::BufReader<SpooledTempFile>,
    left: u64,
    next: Option<(RowKey, Bytes)>,
}

impl SpoolRows {
    /// Key of the next row.
    pub(super) fn peek(&self) -> Option<&RowKey> {
        self.next.as_ref().map(|(key, _)| key)
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<(RowKey, Bytes)>, TransferError> {
        let row = self.next.take();
        self.advance()?;
        Ok(row)
    }

    fn advance(&mut self) -> Result<(), TransferError> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        let key = self.part()?;
        let key = RowKey::new(String::from_utf8_lossy(&key)).map_err(io::Error::other)?;
        self.next = Some((key, self.part()?.into()));
        Ok(())
    }

    fn part(&mut self) -> Result<Vec<u8>, TransferError> {
        let mut length = [0; 8];
        self.file.read_exact(&mut length)?;
        let mut part = vec![0; usize::try_from(u64::from_be_bytes(length)).map_err(io::Error::other)?];
        self.file.read_exact(&mut part)?;
        Ok(part)
    }
}
