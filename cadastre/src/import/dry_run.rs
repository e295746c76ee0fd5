//! A dry run by the server. It tries out a limited number of lines in one request, so the file is cut here; for that it
//! is read here, by the same code that reads it there.

use cadastre_api_types::ErrorCode;
use cadastre_api_types::public::{ChangeAction, DryRun, FailedLine, ImportError};
use cadastre_frontend::prefix_file::{BadLine, Line, Lines};
use reqwest::{Method, Url};
use serde_json::json;
use tokio::sync::mpsc;

use super::api::{Api, Call, Content};
use super::progress::Counts;
use super::upload::Upload;
use crate::failure::Failure;

/// Lines that the server tries out together, and about how many bytes of them, as it counts them.
const TOGETHER: u64 = 10_000;
const TOGETHER_BYTES: usize = 6 << 20;

/// Lines that are tried out together.
#[derive(Default)]
struct Part {
    /// As NDJSON; each line has the number that it has in the file, so that what the server says about numbers is
    /// true. (Empty lines are read over.)
    body: Vec<u8>,
    /// Number of the last line of the body.
    line: u64,
    records: u64,
    bytes: usize,
    /// Lines that cannot be read.
    bad: Vec<FailedLine>,
    /// Bytes of the file up to its end.
    end: u64,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Tried {
    pub(super) counts: Counts,
    pub(super) parts: u64,
    /// Bytes of the file up to where it is.
    pub(super) position: u64,
}

/// Tries out all lines of an upload. After each part somebody is told how far it is, and which lines of it fail.
pub(super) async fn run(
    upload: &Upload<'_>,
    lines: Lines,
    mut tell: impl FnMut(&Tried, Vec<FailedLine>),
) -> Result<Tried, Failure> {
    let mut url = upload.job.url(&["ips", "import"]);
    url.query_pairs_mut().append_pair("dryRun", "true");
    if upload.update {
        url.query_pairs_mut().append_pair("update", "true");
    }
    let mut tried = Tried::default();
    let mut parts = cut(lines)?;
    while let Some(part) = parts.recv().await {
        let records = part.records;
        tried.parts += 1;
        tried.position = part.end;
        let (answer, mut failed) = try_out(upload.job.api, &url, part).await?;
        failed.sort_by_key(|failed| failed.line);
        let of = |action: ChangeAction| {
            let changes = answer.changes.iter();
            changes.filter(|change| change.action == action).count() as u64
        };
        let (created, updated) = (of(ChangeAction::Create), of(ChangeAction::Update));
        let counts = &mut tried.counts;
        counts.created += created;
        counts.updated += updated;
        counts.failed += failed.len() as u64;
        // Each line that is neither makes one change at most.
        counts.unchanged += records.saturating_sub(created + updated + failed.len() as u64);
        tell(&tried, failed);
    }
    Ok(tried)
}

async fn try_out(api: &Api, url: &Url, part: Part) -> Result<(DryRun, Vec<FailedLine>), Failure> {
    let mut failed = part.bad;
    let call = Call {
        method: Method::POST,
        url: url.clone(),
        body: Some(Content::Ndjson(part.body)),
        idempotency_key: None,
    };
    let answer = api.send(&call).await.and_then(super::api::Answer::read::<DryRun>);
    let answer = answer.map_err(|error| error.into_failure("The lines cannot be tried out"))?;
    for conflict in &answer.conflicts {
        let details = conflict.details.clone().unwrap_or_default();
        let line = serde_json::from_value::<FailedLine>(details).map_err(|error| {
            Failure::new(format!(
                "The server's answer is not what this version of cadastre knows: {error}."
            ))
        })?;
        failed.push(line);
    }
    Ok((answer, failed))
}

/// Cuts in a thread of its own: reading blocks.
fn cut(lines: Lines) -> Result<mpsc::Receiver<Part>, Failure> {
    let (sender, receiver) = mpsc::channel(1);
    let cut = move || {
        let mut part = Part::default();
        for line in lines {
            if part.is_full(&line) {
                let full = std::mem::take(&mut part);
                part.end = full.end;
                if sender.blocking_send(full).is_err() {
                    return;
                }
            }
            part.add(line);
        }
        if part.records > 0 {
            // Nobody may be left to hear it.
            let _ = sender.blocking_send(part);
        }
    };
    std::thread::Builder::new()
        .name("import-reader".to_owned())
        .spawn(cut)
        .map_err(|error| Failure::new(format!("No thread can be started: {error}.")))?;
    Ok(receiver)
}

impl Part {
    fn is_full(&self, next: &Result<Line, BadLine>) -> bool {
        let more = next.as_ref().map_or(0, weight);
        self.records == TOGETHER || (self.records > 0 && self.bytes + more > TOGETHER_BYTES)
    }

    fn add(&mut self, line: Result<Line, BadLine>) {
        self.records += 1;
        let line = match line {
            Ok(line) => line,
            Err(bad) => return self.bad.push(unreadable(bad)),
        };
        self.bytes += weight(&line);
        self.end = line.end;
        let empty = line.number.saturating_sub(self.line).saturating_sub(1);
        self.body.extend(std::iter::repeat_n(
            b'\n',
            usize::try_from(empty).unwrap_or_default(),
        ));
        self.line = line.number;
        let mut record = json!({ "prefix": line.prefix, "tags": line.tags });
        if let Some(description) = line.description {
            record["description"] = description.into();
        }
        self.body.extend_from_slice(record.to_string().as_bytes());
        self.body.push(b'\n');
    }
}

/// About how many bytes a record has for the server, which counts a little for each besides its texts.
fn weight(line: &Line) -> usize {
    let tags: usize = line
        .tags
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let texts = line.prefix.len() + line.description.as_ref().map_or(0, String::len);
    256 + texts + tags
}

/// A line that could not be read, as the server would tell of it.
pub(super) fn unreadable(bad: BadLine) -> FailedLine {
    let error = ImportError {
        code: ErrorCode::MalformedRequest,
        message: format!("Line {}: {}.", bad.line, bad.message),
    };
    match bad.record {
        Some(record) => FailedLine {
            line: bad.line,
            prefix: Some(record.prefix).filter(|prefix| !prefix.is_empty()),
            description: record.description,
            tags: record.tags,
            error,
        },
        None => FailedLine {
            line: bad.line,
            prefix: None,
            description: None,
            tags: Default::default(),
            error,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cadastre_frontend::prefix_file::{CsvLines, NdjsonLines};

    use super::*;

    fn parts(text: String) -> Vec<Part> {
        let lines = CsvLines::new(std::io::Cursor::new(text.into_bytes())).unwrap();
        let mut receiver = cut(Box::new(lines)).unwrap();
        std::iter::from_fn(|| receiver.blocking_recv()).collect()
    }

    #[test]
    fn every_line_of_every_part_keeps_its_number_and_what_it_says() {
        let mut text = "prefix,description,tag:Site\n".to_owned();
        for n in 0..25_000 {
            let more = if n == 12_000 { "\"two\nlines\"" } else { "" };
            text.push_str(&format!("10.{}.{}.0/24,{more},s{n}\n", n / 256, n % 256));
        }
        text.push_str("one,too,many,fields\n");
        let parts = parts(text.clone());
        assert_eq!(
            parts.iter().map(|part| part.records).collect::<Vec<_>>(),
            [10_000, 10_000, 5_001]
        );
        let says = |line: Line| (line.number, line.prefix, line.description, line.tags);
        let again: Vec<_> = parts
            .iter()
            .flat_map(|part| NdjsonLines::new(part.body.as_slice()).map(|line| says(line.unwrap())))
            .collect();
        let first: Vec<_> = CsvLines::new(text.as_bytes())
            .unwrap()
            .filter_map(Result::ok)
            .map(says)
            .collect();
        assert!(again == first, "{} and {} lines", again.len(), first.len());
        assert_eq!(parts[2].bad[0].line, 25_003);
    }

    #[test]
    fn few_lines_with_much_in_them_are_cut_too() {
        let mut text = "prefix,description\n".to_owned();
        for _ in 0..100 {
            text.push_str(&format!("10.0.0.0/8,{}\n", "x".repeat(1 << 17)));
        }
        let parts = parts(text);
        assert!(parts.len() > 1 && parts.iter().all(|part| part.bytes <= TOGETHER_BYTES));
    }
}
