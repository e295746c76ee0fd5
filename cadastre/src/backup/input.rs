//! The file that is restored, as text: gzip is known by how it begins, whatever the file is called.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use cadastre_dataaccess::{Header, LineReader, Part, TransferError};
use flate2::bufread::MultiGzDecoder;
use tokio::sync::{mpsc, oneshot};

use crate::failure::{Failure, sentence};

/// Bytes that are read at a time.
const BUFFER: usize = 256 << 10;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Parts that are read ahead.
const AHEAD: usize = 4;

/// A backup being read, on a thread of its own: standard input may give nothing for a long time.
pub(super) struct Reading {
    pub(super) header: Header,
    /// What it is called in a refusal.
    name: String,
    parts: mpsc::Receiver<Result<Part, TransferError>>,
}

impl Reading {
    /// Begins with the header.
    pub(super) async fn begin(file: &Path) -> Result<Self, Failure> {
        let (told, header) = oneshot::channel();
        let (sender, parts) = mpsc::channel(AHEAD);
        let name = if file == Path::new("-") {
            "Standard input".to_owned()
        } else {
            file.display().to_string()
        };
        let (file, called) = (file.to_owned(), name.clone());
        tokio::task::spawn_blocking(move || {
            let opened = open(&file)
                .and_then(|input| LineReader::open(input).map_err(|error| unusable(&called, &error)));
            let mut reader = match opened {
                Ok(reader) => reader,
                Err(failure) => return drop(told.send(Err(failure))),
            };
            if told.send(Ok(reader.header().clone())).is_err() {
                return;
            }
            while let Some(part) = reader.next().transpose() {
                let ends = part.is_err();
                // Who stops listening has been interrupted, or has failed.
                if sender.blocking_send(part).is_err() || ends {
                    return;
                }
            }
        });
        let header = header
            .await
            .map_err(|_| Failure::new("The backup could not be read."))??;
        Ok(Self { header, name, parts })
    }

    /// The next rows; `None` = it was read to its end, and is as it was written.
    pub(super) async fn next(&mut self) -> Result<Option<Part>, Failure> {
        let part = self.parts.recv().await.transpose();
        part.map_err(|error| unusable(&self.name, &error))
    }
}

/// Whatever is wrong with it: which file, and why not.
fn unusable(name: &str, error: &TransferError) -> Failure {
    Failure::new(sentence(&format!("{name} cannot be restored: {error}")))
}

/// What is to be restored: a file, or standard input.
fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, Failure> {
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
