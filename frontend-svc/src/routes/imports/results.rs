//! How the lines of a request ended, as far as it is kept for its answer: bounded, whatever the file holds.

use std::convert::Infallible;

use actix_web::HttpResponse;
use bytes::Bytes;
use cadastre_api_types::internal::{FailedLine, ImportPartReport, LineOutcome};
use cadastre_api_types::public;
use futures::stream;
use serde::Serialize;

use super::terms::{Format, Told};

/// Failed lines that the answer with each line explains, and about how many bytes of them; of more it only says that they
/// failed.
const EXPLAINED: usize = 100_000;
const EXPLAINED_BYTES: usize = 64 << 20;
/// Changes of outcome that are kept; a file that has more of them is told of up to there, and summed up.
const RUNS: usize = 2_000_000;
/// Lines that are written together.
const PAGE: usize = 4_096;

/// Results of a request.
pub(super) struct Results {
    told: Told,
    /// Number of the line, how it ended, for as many lines behind it as ended alike.
    runs: Vec<Run>,
    failed: Vec<FailedLine>,
    /// About how many bytes those have.
    bytes: usize,
}

struct Run {
    first: u64,
    count: u64,
    outcome: LineOutcome,
}

#[derive(Serialize)]
struct OneLine<'a> {
    line: u64,
    outcome: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    failed: Option<&'a Explained>,
}

/// A [`public::FailedLine`] without its number.
#[derive(Serialize)]
struct Explained {
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "public::TagMap::is_empty")]
    tags: public::TagMap,
    error: public::ImportError,
}

impl From<FailedLine> for Explained {
    fn from(failed: FailedLine) -> Self {
        let failed = public::FailedLine::from(failed);
        Self {
            prefix: failed.prefix,
            description: failed.description,
            tags: failed.tags,
            error: failed.error,
        }
    }
}

impl Results {
    pub(super) fn new(told: Told) -> Self {
        Self {
            told,
            runs: Vec::new(),
            failed: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds what became of a part; `lines` are the numbers of its records.
    pub(super) fn add(&mut self, lines: &[u64], report: ImportPartReport) {
        if self.told == Told::Some {
            return;
        }
        for failed in report.failed {
            if self.failed.len() >= EXPLAINED || self.bytes >= EXPLAINED_BYTES {
                break;
            }
            self.bytes += bytes_of(&failed);
            self.failed.push(failed);
        }
        let only_failed = self.told == Told::Failed;
        let told = lines
            .iter()
            .zip(report.outcomes)
            .filter(|(_, outcome)| !only_failed || *outcome == LineOutcome::Failed);
        for (line, outcome) in told {
            let full = self.runs.len() >= RUNS;
            match self.runs.last_mut() {
                Some(run) if run.outcome == outcome && run.first + run.count == *line => run.count += 1,
                Some(_) | None if full => return,
                Some(_) | None => self.runs.push(Run {
                    first: *line,
                    count: 1,
                    outcome,
                }),
            }
        }
    }

    /// An answer with a line for each line that is told, and the summary behind them.
    pub(super) fn answer(self, summary: &public::Import) -> HttpResponse {
        let summary = serde_json::to_string(summary).unwrap_or_default();
        let lines = self
            .runs
            .into_iter()
            .flat_map(|run| (run.first..run.first + run.count).map(move |line| (line, run.outcome)));
        let state = (lines, self.failed.into_iter().peekable(), Some(summary));
        let pages = stream::unfold(state, |(mut lines, mut failed, summary)| async move {
            let mut page = String::new();
            for (line, outcome) in lines.by_ref().take(PAGE) {
                let explained = failed.next_if(|failed| failed.line == line).map(Explained::from);
                let one = OneLine {
                    line,
                    outcome: word(outcome),
                    failed: explained.as_ref(),
                };
                page.push_str(&serde_json::to_string(&one).unwrap_or_default());
                page.push('\n');
            }
            if !page.is_empty() {
                return Some((page, (lines, failed, summary)));
            }
            let last = summary?;
            Some((format!("{{\"import\":{last}}}\n"), (lines, failed, None)))
        });
        HttpResponse::Ok()
            .content_type(Format::Ndjson.media_type())
            .streaming(futures::StreamExt::map(pages, |page| {
                Ok::<_, Infallible>(Bytes::from(page))
            }))
    }
}

fn bytes_of(failed: &FailedLine) -> usize {
    let tags: usize = failed
        .tags
        .iter()
        .map(|(name, value)| 64 + name.len() + value.len())
        .sum();
    let texts = [&failed.prefix, &failed.description];
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    128 + failed.message.len() + texts + tags
}

fn word(outcome: LineOutcome) -> &'static str {
    match outcome {
        LineOutcome::Created => "created",
        LineOutcome::Updated => "updated",
        LineOutcome::Unchanged => "unchanged",
        LineOutcome::Failed => "failed",
    }
}
