//! Writing a backup.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::super::part::Part;
use super::{Checked, EndLine, Header, LastLine, Total, hex};

/// Writes lines, and hashes them.
#[derive(Debug)]
pub struct LineWriter<W> {
    out: W,
    hash: Sha256,
    header: Header,
    total: Total,
}

#[derive(Serialize)]
struct RowLine<'a> {
    p: &'a str,
    k: &'a str,
    v: &'a RawValue,
}

impl<W: Write> LineWriter<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// Those of `out`, here and below.
    pub fn begin(out: W, header: Header) -> io::Result<Self> {
        let mut writer = Self {
            out,
            hash: Sha256::new(),
            header,
            total: Total::default(),
        };
        let first = serde_json::to_vec(&writer.header)?;
        writer.line(first)?;
        Ok(writer)
    }

    /// What it writes into.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes the rows of a part, and the end of its partition.
    pub fn part(&mut self, part: &Part) -> io::Result<()> {
        let partition = part.partition.as_str();
        for (key, value) in &part.rows {
            let text = std::str::from_utf8(value).map_err(io::Error::other)?;
            // Between the fields of a row that somebody else has written there may be line breaks.
            let value: Box<RawValue> = if text.contains(['\n', '\r']) {
                serde_json::value::to_raw_value(&serde_json::from_str::<serde_json::Value>(text)?)?
            } else {
                RawValue::from_string(text.to_owned())?
            };
            let line = serde_json::to_vec(&RowLine {
                p: partition,
                k: key.as_str(),
                v: &value,
            })?;
            self.line(line)?;
            self.total.rows += 1;
        }
        if let Some(end) = &part.end {
            let line = serde_json::to_vec(&EndLine {
                end: partition.to_owned(),
                rows: end.rows,
                version: end.version,
                digest: end.digest.clone(),
            })?;
            self.line(line)?;
            self.total.partitions += 1;
        }
        Ok(())
    }

    /// Writes the last line.
    pub fn finish(mut self) -> io::Result<(W, Checked)> {
        let sha256 = hex(&self.hash.finalize());
        let last = LastLine {
            total: self.total,
            sha256: sha256.clone(),
        };
        let mut line = serde_json::to_vec(&last)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()?;
        let checked = Checked {
            header: self.header,
            partitions: self.total.partitions,
            rows: self.total.rows,
            sha256,
        };
        Ok((self.out, checked))
    }

    fn line(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        self.hash.update(&line);
        self.out.write_all(&line)
    }
}
