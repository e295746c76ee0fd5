//! The file that is restored, as text: gzip is known by how it begins, whatever the file is called.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::failure::Failure;

/// Bytes that are read at a time.
const BUFFER: usize = 256 << 10;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What is to be restored: a file, or standard input.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, Failure> {
    let unread = |error: io::Error| Failure::new(format!("{} cannot be read: {error}.", path.display()));
    let raw: Box<dyn Read + Send> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(unread)?)
    };
    let mut raw = BufReader::with_capacity(BUFFER, raw);
    let beginning = raw.fill_buf().map_err(unread)?;
    if beginning.starts_with(&ZSTD) {
        return Err(Failure::usage(format!(
            "{} is compressed with zstd: zstdcat FILE | cadastre restore - …",
            path.display()
        )));
    }
    if beginning.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::with_capacity(
            BUFFER,
            MultiGzDecoder::new(raw),
        )));
    }
    Ok(Box::new(raw))
}
