//! A file on its way through one import: sent in one request, sent again when that breaks off, and stopped when
//! somebody wants it to.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::time::Duration;

use cadastre_api_types::public::{FailedLine, Import, ImportState};
use futures::StreamExt as _;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::api::{Delivery, Error, Refusal, explain, refusal};
use super::args::Mode;
use super::failures::Failures;
use super::job::Job;
use super::progress::{Counts, Progress, TOLD};
use super::retry;
use super::source::Source;
use crate::failure::Failure;
use crate::interrupt::{INTERRUPTED, Interrupt};

/// How often it is asked how far the import is.
const GLANCE: Duration = Duration::from_millis(500);

/// How long Ctrl-C waits for the server.
const PATIENCE: Duration = Duration::from_secs(5);

/// A file and where it goes.
pub(super) struct Upload<'a> {
    pub(super) job: Job<'a>,
    pub(super) source: &'a Source,
    pub(super) mode: Mode,
    pub(super) update: bool,
    pub(super) progress: &'a Progress,
}

/// How it ended.
pub(super) enum Ended {
    /// All lines are settled.
    Finished(Import),
    /// Nothing is imported, because some lines fail (`--mode atomic`).
    Refused(Refusal),
    /// Somebody has pressed Ctrl-C; nothing was begun if there is no import.
    Stopped(Option<Import>),
}

/// Why an attempt has not come to an answer.
enum Broken {
    /// The same request may go well later.
    Later {
        complaint: String,
        asked: Option<Duration>,
    },
    /// It will not.
    Ends(String),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Ends(error.into_failure("The import is refused").sentence)
    }
}

/// A line of the answer: a line of the file that failed, or in the end the summary.
#[derive(Deserialize)]
#[serde(untagged)]
enum Told {
    Summary { import: Import },
    Explained(FailedLine),
    Unexplained { line: u64 },
}

impl Upload<'_> {
    /// Does it, up to its end or to Ctrl-C.
    pub(super) async fn run(
        &self,
        failures: &RefCell<Failures>,
        interrupt: &Interrupt,
    ) -> Result<Ended, Failure> {
        let settled = Cell::new(0);
        tokio::select! {
            ended = self.send(failures, &settled) => ended,
            never = self.watch(&settled) => match never {},
            () = interrupt.comes() => self.stop().await,
        }
    }

    async fn stop(&self) -> Result<Ended, Failure> {
        self.progress
            .note("Stopping the import on the server (Ctrl-C again does not wait for it).");
        // Whoever has pressed it wants to leave: a server that is away is not waited for.
        match tokio::time::timeout(PATIENCE, self.job.stop()).await {
            Ok(Ok(Some(import))) if import.state == ImportState::Finished => Ok(Ended::Finished(import)),
            Ok(Ok(import)) => Ok(Ended::Stopped(import)),
            Ok(Err(error)) => Err(interrupted(
                &error
                    .into_failure("The server could not be asked to stop")
                    .sentence,
            )),
            Err(_) => Err(interrupted(
                "The server does not answer, so it could not be asked to stop; it ends the import by itself.",
            )),
        }
    }

    /// Tells how far it is, as long as somebody listens.
    async fn watch(&self, settled: &Cell<u64>) -> Infallible {
        loop {
            tokio::time::sleep(GLANCE).await;
            let Ok(Some(import)) = self.job.glance().await else {
                continue;
            };
            settled.set(import.line);
            let counts = Counts::from(&import);
            if self.progress.has_more_to_tell(counts)
                && let Some(failed) = self.job.first_failed(&import, TOLD + 1).await
            {
                failed.iter().for_each(|failed| self.progress.tell_failed(failed));
            }
            self.progress.show(counts, import.bytes);
        }
    }

    /// Sends the file until all of it is settled.
    async fn send(&self, failures: &RefCell<Failures>, settled: &Cell<u64>) -> Result<Ended, Failure> {
        let (mut tried, mut reached, mut refused) = (0, settled.get(), None);
        loop {
            let (complaint, asked) = match self.attempt(failures, &mut refused).await {
                Ok(ended) => return Ok(ended),
                Err(Broken::Ends(sentence)) => return Err(Failure::new(sentence)),
                Err(Broken::Later { complaint, asked }) => (complaint, asked),
            };
            if !self.source.is_repeatable() {
                return Err(Failure::new(format!(
                    "{complaint} What comes from standard input cannot be sent again from here."
                )));
            }
            // An import that comes forward may break off as often as it likes.
            if settled.get() > reached {
                (tried, reached) = (0, settled.get());
            }
            tried += 1;
            if tried >= retry::TRIES {
                return Err(Failure::new(format!(
                    "The import comes to no end ({tried} tries): {complaint}"
                )));
            }
            if tried == 1 {
                self.progress.note(&format!(
                    "{complaint} The file is sent again; the server goes on behind what is settled."
                ));
            }
            tokio::time::sleep(retry::pause(tried, asked)).await;
        }
    }

    /// Sends the file once.
    async fn attempt(
        &self,
        failures: &RefCell<Failures>,
        refused: &mut Option<u64>,
    ) -> Result<Ended, Broken> {
        let mut flow = self
            .source
            .flow()
            .map_err(|failure| Broken::Ends(failure.sentence))?;
        flow.begin().await;
        let token = self.job.api.token(*refused).await?;
        let (length, complaint) = (flow.length, flow.complaint.clone());
        let delivery = Delivery {
            url: self.url(failures.borrow().are_wanted()),
            key: self.job.key.clone(),
            media_type: self.source.media_type(),
            body: flow.into_body(),
            length,
        };
        let sent = self.job.api.deliver(delivery, &token).await;
        if let Some(complaint) = complaint.get() {
            return Err(Broken::Ends(format!(
                "The file cannot be read to its end: {complaint}."
            )));
        }
        let response = sent.map_err(|error| lost(&error))?;
        if response.status().is_success() {
            return read_answer(response, failures).await.map(Ended::Finished);
        }
        let (status, asked) = (response.status(), retry::asked(response.headers()));
        let body = response.json().await.unwrap_or(Value::Null);
        let refusal = refusal(status, body);
        match refusal.code.as_str() {
            "ImportRefused" => return Ok(Ended::Refused(refusal)),
            "ImportStopped" => return Err(self.stopped_by_whom(&refusal).await),
            _ => {}
        }
        if status == StatusCode::UNAUTHORIZED {
            *refused = Some(token.generation);
        }
        let later = retry::is_worthwhile(status)
            || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::REQUEST_TIMEOUT)
            || refusal.code == "Contention";
        Err(if later {
            Broken::Later {
                complaint: refusal.message,
                asked,
            }
        } else {
            Broken::Ends(refusal.message)
        })
    }

    fn url(&self, every_failure: bool) -> reqwest::Url {
        let mut url = self.job.url(&["ips", "import"]);
        {
            let mut query = url.query_pairs_mut();
            if self.mode == Mode::Atomic {
                query.append_pair("mode", "atomic");
            }
            if self.update {
                query.append_pair("update", "true");
            }
            if every_failure {
                query.append_pair("results", "allFailed");
            }
        }
        url
    }

    /// Somebody has stopped it, which is to be obeyed; or a request of ours that had broken off was still at work, which
    /// is over by the time it says so.
    async fn stopped_by_whom(&self, refusal: &Refusal) -> Broken {
        match self.job.glance().await {
            Ok(Some(import)) if import.state == ImportState::Stopped => Broken::Ends(format!(
                "The import was stopped on the server, behind line {}.",
                import.line
            )),
            Ok(_) | Err(_) => Broken::Later {
                complaint: refusal.message.clone(),
                asked: None,
            },
        }
    }

    /// What to do about an import that is not finished.
    pub(super) fn how_to_go_on(&self) -> String {
        let same = if self.source.is_repeatable() {
            "run the same command"
        } else {
            "run the same command, with the same data from its beginning,"
        };
        format!(
            "To go on behind the lines that are settled, {same} with --key {} (without it, what is there already counts as \
             unchanged).",
            self.job.key
        )
    }
}

/// The end after Ctrl-C where the server could not be told.
fn interrupted(sentence: &str) -> Failure {
    Failure {
        code: INTERRUPTED,
        sentence: sentence.to_owned(),
    }
}

fn lost(error: &reqwest::Error) -> Broken {
    Broken::Later {
        complaint: format!("The connection to the server broke off: {}", explain(error)),
        asked: None,
    }
}

/// The summary; the failed lines before it are kept.
async fn read_answer(response: Response, failures: &RefCell<Failures>) -> Result<Import, Broken> {
    let is_ndjson = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-ndjson"));
    if !is_ndjson {
        return response.json().await.map_err(|error| lost(&error));
    }
    let mut body = response.bytes_stream();
    let mut waiting: Vec<u8> = Vec::new();
    let mut summary = None;
    while let Some(chunk) = body.next().await {
        waiting.extend_from_slice(&chunk.map_err(|error| lost(&error))?);
        let Some(end) = waiting.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let rest = waiting.split_off(end + 1);
        for line in waiting
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let told = serde_json::from_slice(line).map_err(|error| {
                Broken::Ends(format!(
                    "The server's answer is not what this version of cadastre knows: {error}."
                ))
            })?;
            match told {
                Told::Summary { import } => summary = Some(import),
                Told::Explained(failed) => failures.borrow_mut().add(failed),
                Told::Unexplained { line } => failures.borrow_mut().add_unexplained(line),
            }
        }
        waiting = rest;
    }
    summary.ok_or_else(|| Broken::Later {
        complaint: "The server's answer broke off.".to_owned(),
        asked: None,
    })
}
