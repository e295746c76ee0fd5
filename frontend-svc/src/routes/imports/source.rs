//! From the bytes of a request to records: a thread of its own reads the file while its bytes come in, so that a
//! core that parses is not one that answers, and at most a few pieces of the file are in memory.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::{Buf as _, Bytes};
use cadastre_api_types::internal::{FailedLine, ImportLine, ImportMark, ImportRecord};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::names::MAX_DESCRIPTION_CHARS;
use cadastre_domain::tags::{MAX_TAGS_PER_NODE, TagError};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::terms::Format;
use crate::convert::errors::prefix_error;
use crate::convert::space::check_description;
use crate::convert::tag;
use crate::http::wording::sentence;
use crate::prefix_file::{BadLine, CsvLines, Line, Lines, NdjsonLines};

/// Records that are handed over together. Parts end between two of these.
const BATCH: usize = 64;
/// Batches that are read ahead.
const AHEAD: usize = 64;

/// A piece of a body.
pub(super) enum Piece {
    /// Bytes.
    Chunk(Bytes),
    /// The body is complete.
    End,
}

/// What is read.
pub(super) enum Reading {
    /// Records, and where the file stands behind them.
    Records(Vec<ImportRecord>, ImportMark),
    /// There are no more.
    End,
    /// The body broke off; what it began is dropped.
    Broken,
    /// The file cannot be read at all.
    Refused(ApiError),
    /// The beginning is not that of the file that was sent before.
    Another,
}

/// Reads on from a mark: what is before it is only compared.
pub(super) fn start(
    format: Format,
    pieces: mpsc::Receiver<Piece>,
    from: ImportMark,
) -> Result<mpsc::Receiver<Reading>, ApiError> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let broken = Arc::new(AtomicBool::new(false));
    let taken = Arc::new(AtomicU64::new(0));
    let body = Body {
        pieces,
        chunk: Bytes::new(),
        ended: false,
        broken: Arc::clone(&broken),
        taken: Arc::clone(&taken),
    };
    let read = move || {
        let last = read(format, body, (&broken, &taken), &from, &sender);
        // Whoever waited for it may have gone.
        let _ = sender.blocking_send(last);
    };
    std::thread::Builder::new()
        .name("import".to_owned())
        .spawn(read)
        .map_err(|error| {
            tracing::error!(%error, "no thread can be started");
            ApiError::new(
                ErrorCode::Overloaded,
                "The server has too much to do; send it again later.",
            )
            .with_retry_after(2)
        })?;
    Ok(receiver)
}

fn read(
    format: Format,
    body: Body,
    (broken, taken): (&AtomicBool, &AtomicU64),
    from: &ImportMark,
    sender: &mpsc::Sender<Reading>,
) -> Reading {
    let lines: Lines = match format {
        Format::Csv => match CsvLines::new(body) {
            Ok(lines) => Box::new(lines),
            Err(_) if broken.load(Ordering::Acquire) => return Reading::Broken,
            Err(complaint) => return Reading::Refused(malformed(&complaint)),
        },
        Format::Ndjson => Box::new(NdjsonLines::new(BufReader::new(body))),
    };
    let mut mark = ImportMark::default();
    let mut hash = Sha256::new();
    let mut batch = Vec::with_capacity(BATCH);
    for line in lines {
        // What was cut off in the middle must not be taken for a shorter prefix.
        if line.is_err() && broken.load(Ordering::Acquire) {
            return Reading::Broken;
        }
        mark.records += 1;
        account(&mut mark, &mut hash, &line);
        if line.is_err() {
            // A line that cannot be read does not say where it ends; what was taken for it says it nearly.
            mark.bytes = mark.bytes.max(taken.load(Ordering::Relaxed));
        }
        if mark.records <= from.records {
            if mark.records == from.records && hex(&hash) != from.digest {
                return Reading::Another;
            }
            continue;
        }
        batch.push(record(line));
        if batch.len() == BATCH {
            mark.digest = hex(&hash);
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if sender
                .blocking_send(Reading::Records(full, mark.clone()))
                .is_err()
            {
                return Reading::Broken;
            }
        }
    }
    if broken.load(Ordering::Acquire) {
        return Reading::Broken;
    }
    if mark.records < from.records {
        return Reading::Another;
    }
    if !batch.is_empty() {
        mark.digest = hex(&hash);
        if sender.blocking_send(Reading::Records(batch, mark)).is_err() {
            return Reading::Broken;
        }
    }
    Reading::End
}

fn malformed(complaint: &str) -> ApiError {
    ApiError::new(
        ErrorCode::MalformedRequest,
        format!("The file cannot be imported: {complaint}."),
    )
}

/// Brings a mark forward, and hashes what the record says.
fn account(mark: &mut ImportMark, hash: &mut Sha256, line: &Result<Line, BadLine>) {
    let mut text = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    match line {
        Ok(line) => {
            mark.line = line.number;
            mark.bytes = line.end;
            text(&line.prefix);
            text(line.description.as_deref().unwrap_or("\0"));
            for (name, value) in &line.tags {
                text(name);
                text(value);
            }
        }
        Err(bad) => {
            mark.line = bad.line;
            text(&bad.message);
        }
    }
    hash.update(mark.line.to_be_bytes());
}

fn hex(hash: &Sha256) -> String {
    use std::fmt::Write as _;
    hash.clone()
        .finalize()
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing into a String has no way to fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// A record as the data access layer takes it. What breaks the rules of a request by itself is bad here already.
fn record(line: Result<Line, BadLine>) -> ImportRecord {
    match line {
        Ok(line) => match checked(&line) {
            Ok(checked) => ImportRecord::Line(checked),
            Err(error) => ImportRecord::Bad(failed(Some(&line), line.number, error.code, error.message)),
        },
        Err(bad) => {
            let message = format!("Line {}: {}.", bad.line, bad.message);
            ImportRecord::Bad(failed(
                bad.record.as_deref(),
                bad.line,
                ErrorCode::MalformedRequest,
                message,
            ))
        }
    }
}

fn checked(line: &Line) -> Result<ImportLine, ApiError> {
    // Known here, too, so that what is read ahead stays small whatever a line holds.
    if line.tags.len() > MAX_TAGS_PER_NODE {
        let error = TagError::TooMany {
            actual: line.tags.len(),
        };
        return Err(ApiError::new(
            ErrorCode::TooManyTags,
            sentence(&error.to_string()),
        ));
    }
    if let Some(description) = &line.description {
        check_description(description)?;
    }
    Ok(ImportLine {
        line: line.number,
        prefix: line
            .prefix
            .parse()
            .map_err(|error| prefix_error("prefix", &error))?,
        tags: tag::explicit(line.tags.clone())?,
        description: line.description.clone(),
    })
}

/// How much of a text is repeated in the complaint about its line: a character more than is legal. Who corrects the line
/// and sends it again loses nothing then, and what was too long is still too long instead of being cut without a word.
const REPEATED_CHARS: usize = MAX_VALUE_CHARS + 1;
const REPEATED_DESCRIPTION: usize = MAX_DESCRIPTION_CHARS + 1;
const REPEATED_TAGS: usize = MAX_TAGS_PER_NODE + 1;
/// No name, value or prefix may be longer.
const MAX_VALUE_CHARS: usize = 256;

fn failed(record: Option<&Line>, line: u64, code: ErrorCode, message: String) -> FailedLine {
    let upto = |text: &String, most: usize| -> String { text.chars().take(most).collect() };
    let cut = |text: &String| upto(text, REPEATED_CHARS);
    FailedLine {
        line,
        prefix: record
            .map(|record| cut(&record.prefix))
            .filter(|text| !text.is_empty()),
        tags: record
            .map(|record| {
                let tags = record.tags.iter().take(REPEATED_TAGS);
                tags.map(|(name, value)| (cut(name), cut(value))).collect()
            })
            .unwrap_or_default(),
        description: record.and_then(|record| {
            let text = record.description.as_ref();
            text.map(|text| upto(text, REPEATED_DESCRIPTION))
        }),
        code,
        message,
    }
}

/// The bytes of a body as a thread reads them.
struct Body {
    pieces: mpsc::Receiver<Piece>,
    chunk: Bytes,
    ended: bool,
    broken: Arc<AtomicBool>,
    /// Bytes that were taken from it.
    taken: Arc<AtomicU64>,
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && !self.ended {
            match self.pieces.blocking_recv() {
                Some(Piece::Chunk(chunk)) => self.chunk = chunk,
                Some(Piece::End) => self.ended = true,
                None => {
                    self.broken.store(true, Ordering::Release);
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the body broke off"));
                }
            }
        }
        let n = self.chunk.len().min(into.len());
        into[..n].copy_from_slice(&self.chunk[..n]);
        self.chunk.advance(n);
        self.taken.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Reads a body that comes in pieces of a few bytes; `complete` or broken off.
    fn all(
        format: Format,
        body: &[u8],
        complete: bool,
        from: ImportMark,
    ) -> (Vec<ImportRecord>, ImportMark, Reading) {
        let (pieces, incoming) = mpsc::channel(1);
        let body = body.to_vec();
        let feed = std::thread::spawn(move || {
            for chunk in body.chunks(7) {
                if pieces
                    .blocking_send(Piece::Chunk(Bytes::copy_from_slice(chunk)))
                    .is_err()
                {
                    return;
                }
            }
            if complete {
                let _ = pieces.blocking_send(Piece::End);
            }
        });
        let mut reads = start(format, incoming, from).unwrap();
        let (mut records, mut mark) = (Vec::new(), ImportMark::default());
        let last = loop {
            match reads.blocking_recv().unwrap() {
                Reading::Records(more, at) => {
                    records.extend(more);
                    mark = at;
                }
                last @ (Reading::End | Reading::Broken | Reading::Refused(_) | Reading::Another) => {
                    break last;
                }
            }
        };
        feed.join().unwrap();
        (records, mark, last)
    }

    fn lines(n: usize) -> String {
        let line = |n: usize| format!("10.{}.{}.0/24,number {n}\n", n / 256, n % 256);
        format!("prefix,description\n{}", (0..n).map(line).collect::<String>())
    }

    #[test]
    fn what_is_cut_off_in_the_middle_is_dropped_not_misread() {
        let text = "prefix\n10.0.0.0/8\n10.1.0.0/24\n";
        // Cut behind `10.1.0.0/2`, which is a prefix, too.
        let cut = &text.as_bytes()[..text.len() - 2];
        let (records, _, last) = all(Format::Csv, cut, false, ImportMark::default());
        assert!(matches!(last, Reading::Broken));
        assert!(
            records.is_empty(),
            "nothing of an unfinished batch is handed over"
        );
        let (records, _, last) = all(Format::Csv, text.as_bytes(), true, ImportMark::default());
        assert!(matches!(last, Reading::End));
        assert_eq!(records.len(), 2);
        let cut = br#"{"prefix":"10.0.0.0/8"}"#;
        let (records, _, last) = all(Format::Ndjson, &cut[..20], false, ImportMark::default());
        assert!(matches!(last, Reading::Broken) && records.is_empty());
    }

    #[test]
    fn reading_on_from_a_mark_gives_the_rest_and_another_file_is_noticed() {
        let text = lines(200);
        let (records, _, _) = all(Format::Csv, text.as_bytes(), true, ImportMark::default());
        let (_, half, _) = all(Format::Csv, lines(128).as_bytes(), true, ImportMark::default());
        assert_eq!((half.records, half.line), (128, 129));
        let (rest, end, last) = all(Format::Csv, text.as_bytes(), true, half.clone());
        assert!(matches!(last, Reading::End));
        assert_eq!(rest, records[128..]);
        assert_eq!(end.records, 200);
        let other = text.replace("number 5\n", "number 55\n");
        let (rest, _, last) = all(Format::Csv, other.as_bytes(), true, half.clone());
        assert!(matches!(last, Reading::Another) && rest.is_empty());
        let (_, _, last) = all(Format::Csv, lines(100).as_bytes(), true, half);
        assert!(matches!(last, Reading::Another), "a shorter file");
    }

    #[test]
    fn what_is_repeated_of_a_bad_line_loses_nothing_legal_and_stays_too_long_if_it_was() {
        let (legal, long) = ("d".repeat(MAX_DESCRIPTION_CHARS), "v".repeat(1_000));
        let text = format!("prefix,description,tag:Site\n10.0.0.1/8,{legal},{long}\n");
        let (records, _, _) = all(Format::Csv, text.as_bytes(), true, ImportMark::default());
        let ImportRecord::Bad(bad) = &records[0] else {
            panic!("{records:?}")
        };
        assert_eq!(bad.description.as_deref(), Some(legal.as_str()));
        assert!(bad.tags[0].1.len() > MAX_VALUE_CHARS);
    }

    #[test]
    fn a_bad_line_is_a_record_with_its_number_and_a_bad_header_refuses_the_file() {
        let text = "prefix,tag:Site\n10.0.0.1/8,AMS\nrubbish\n10.2.0.0/16,\n";
        let (records, mark, _) = all(Format::Csv, text.as_bytes(), true, ImportMark::default());
        assert_eq!(mark.bytes, text.len() as u64);
        let told: Vec<String> = records
            .iter()
            .map(|record| match record {
                ImportRecord::Line(line) => format!("{} {}", line.line, line.prefix),
                ImportRecord::Bad(bad) => format!("{} {:?}", bad.line, bad.code),
            })
            .collect();
        assert_eq!(told, ["2 InvalidPrefix", "3 MalformedRequest", "4 10.2.0.0/16"]);
        let (_, _, last) = all(Format::Csv, b"network\n10.0.0.0/8\n", true, ImportMark::default());
        assert!(matches!(last, Reading::Refused(error) if error.code == ErrorCode::MalformedRequest));
    }
}
