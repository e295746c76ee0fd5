//! What is imported: a file, which can be sent again, or something that flows by once, such as standard input.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use cadastre_frontend::prefix_file::{CsvLines, Lines, NdjsonLines};
use futures::stream;
use tokio::sync::mpsc;

use super::args::{Format, ImportArgs};
use crate::failure::Failure;

/// Bytes that are read and sent together.
const PIECE: usize = 128 << 10;
/// Pieces that are read ahead.
const AHEAD: usize = 4;

/// What is imported.
pub(super) struct Source {
    path: PathBuf,
    pub(super) format: Format,
    /// Bytes of a file; what flows by has none that are known.
    pub(super) bytes: Option<u64>,
}

/// The bytes of a source on their way, read in a thread of their own: files and standard input block.
pub(super) struct Flow {
    begin: Option<io::Result<Vec<u8>>>,
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// Bytes that will come.
    pub(super) length: Option<u64>,
    pub(super) complaint: Complaint,
}

/// Why a source could not be read to its end: the sender of a body hears of it, whoever asked for it to be sent sees
/// only that it broke off.
#[derive(Clone, Default)]
pub(super) struct Complaint(Arc<OnceLock<String>>);

impl Complaint {
    pub(super) fn get(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

impl Source {
    /// What the command line names, if it can be opened.
    pub(super) fn of(arguments: &ImportArgs) -> Result<Self, Failure> {
        let mut source = Self {
            path: arguments.file.clone(),
            format: format_of(arguments)?,
            bytes: None,
        };
        source.bytes = source.open()?.1;
        Ok(source)
    }

    /// It says the same when it is read again.
    pub(super) fn is_repeatable(&self) -> bool {
        self.bytes.is_some()
    }

    pub(super) fn media_type(&self) -> &'static str {
        match self.format {
            Format::Csv => "text/csv",
            Format::Ndjson => "application/x-ndjson",
        }
    }

    fn open(&self) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
        if self.path == Path::new("-") {
            return Ok((Box::new(io::stdin()), None));
        }
        let refuse =
            |error: io::Error| Failure::usage(format!("{} cannot be read: {error}.", self.path.display()));
        let file = File::open(&self.path).map_err(refuse)?;
        let facts = file.metadata().map_err(refuse)?;
        if facts.is_dir() {
            return Err(Failure::usage(format!(
                "{} is a directory; name a file.",
                self.path.display()
            )));
        }
        Ok((Box::new(file), facts.is_file().then_some(facts.len())))
    }

    /// Its lines, for whoever has to cut it.
    pub(super) fn lines(&self) -> Result<Lines, Failure> {
        let (bytes, _) = self.open()?;
        Ok(match self.format {
            Format::Csv => Box::new(
                CsvLines::new(bytes)
                    .map_err(|complaint| Failure::usage(format!("{}: {complaint}.", self.path.display())))?,
            ),
            Format::Ndjson => Box::new(NdjsonLines::new(BufReader::new(bytes))),
        })
    }

    /// Its bytes from the beginning.
    pub(super) fn flow(&self) -> Result<Flow, Failure> {
        let (bytes, length) = self.open()?;
        let (sender, pieces) = mpsc::channel(AHEAD);
        // A file that grows meanwhile is imported as it was: the request has said how long it is.
        let mut bytes = bytes.take(length.unwrap_or(u64::MAX));
        let read = move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = match bytes.read(&mut piece) {
                    Ok(0) => return,
                    Ok(n) => {
                        piece.truncate(n);
                        Ok(piece)
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let last = read.is_err();
                if sender.blocking_send(read).is_err() || last {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("import-reader".to_owned())
            .spawn(read)
            .map_err(|error| Failure::new(format!("No thread can be started: {error}.")))?;
        Ok(Flow {
            begin: None,
            pieces,
            length,
            complaint: Complaint::default(),
        })
    }
}

impl Flow {
    /// Waits for the first bytes: the server does not wait for long for those of a request.
    pub(super) async fn begin(&mut self) {
        if self.begin.is_none() {
            self.begin = self.pieces.recv().await;
        }
    }

    /// The bytes as a body.
    pub(super) fn into_body(self) -> reqwest::Body {
        let Self {
            begin,
            pieces,
            complaint,
            ..
        } = self;
        let state = (begin, pieces, complaint);
        reqwest::Body::wrap_stream(stream::unfold(
            state,
            |(mut begin, mut pieces, complaint)| async move {
                let piece = match begin.take() {
                    Some(piece) => piece,
                    None => pieces.recv().await?,
                };
                if let Err(error) = &piece {
                    // The first complaint counts; there is no second.
                    let _ = complaint.0.set(error.to_string());
                }
                Some((piece, (None, pieces, complaint)))
            },
        ))
    }
}

fn format_of(arguments: &ImportArgs) -> Result<Format, Failure> {
    let extension = arguments
        .file
        .extension()
        .and_then(|text| text.to_str())
        .map(str::to_ascii_lowercase);
    match (arguments.format, extension.as_deref()) {
        (Some(format), _) => Ok(format),
        (None, Some("csv")) => Ok(Format::Csv),
        (None, Some("ndjson" | "jsonl")) => Ok(Format::Ndjson),
        (None, _) => Err(Failure::usage(format!(
            "{} does not say by its name what it is; add --format csv or --format ndjson.",
            arguments.file.display()
        ))),
    }
}
