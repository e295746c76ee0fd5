//! `POST …/ips/import`: a file streamed into a space, part by part, while it comes in.
//!
//! Nothing of the file is kept but the part that is being decided. What a part made is durable before the next one
//! is sent, so a client that vanishes, a server that dies and an import that is stopped all leave the same: lines
//! that are settled, and a job that says up to where. The same file with the same `Idempotency-Key` goes on there.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::{
    CallContext, DataAccess, FailedLinesQuery, ImportMark, ImportMode, ImportPart, ImportQuery, ImportRecord,
    ImportState, ImportStop, ImportView, PageRequest,
};
use cadastre_api_types::public::{DryRun, FailedLine, Import, PlannedConflict};
use cadastre_api_types::{ApiError, ErrorCode};
use futures::StreamExt as _;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::results::Results;
use super::source::{self, Piece, Reading};
use super::terms::{Asked, Told};
use crate::convert::{import, plan};
use crate::http::authorized::{Authorized, Streaming, authorize};
use crate::http::detached::detached;
use crate::http::error::HttpError;
use crate::http::reply;
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, ImportParams, SpacePath};
use crate::state::FrontendState;

/// Records of a part: one commit, one version of the space.
const PART_RECORDS: usize = 2_048;
/// Tags of a part; each is a row.
const PART_TAGS: usize = 8_192;
/// About how many bytes a part may have, so that it fits into a commit, and into a call of another process.
const PART_BYTES: usize = 2 << 20;
/// Records are waited for no longer than this, so that what a slow client has sent (but for the last few lines) is
/// settled, too.
const PATIENCE: Duration = Duration::from_millis(500);
/// Most records that are decided together (atomic imports and dry runs), and about how many bytes they may have.
const TOGETHER: usize = 10_000;
const TOGETHER_BYTES: usize = 6 << 20;
/// After so long without a byte the client is not waited for any longer: it holds a place that others want.
const SILENCE: Duration = Duration::from_secs(60);
/// How often the caller is checked again.
const RECHECK: Duration = Duration::from_secs(1);
/// How often a part is sent again to a space that has too much to do.
const TRIES: u32 = 20;
/// Failed lines that a summary names.
const NAMED: usize = 100;
/// Pieces of the body that wait for the reader.
const PIECES: usize = 16;

/// Imports a file of prefixes: CSV (`prefix`, `description` and `tag:NAME` columns) or NDJSON (`{"prefix": "…",
/// "description": "…", "tags": {…}}` in each line).
///
/// Each line creates its node, or finds it as it says (`unchanged`), or, with `update=true`, changes it; a bad
/// line fails by its number and stops nothing, unless `mode=atomic` asks for all or nothing. Lines may come in any order.
/// The file (up to 512 MiB) is taken while it comes in: progress is at `GET …/imports`, and what broke off goes on
/// with the same file and the same `Idempotency-Key`.
///
/// With `results=all` the answer is NDJSON with one line for each line of the file (`{"line": 2, "outcome": "created"}`),
/// and the summary in the last one; with `results=allFailed` the lines that failed only.
#[utoipa::path(
    post,
    path = "/api/v1/addressspaces/{spaceId}/ips/import",
    operation_id = "importIps",
    tag = "Import and export",
    params(SpacePath, ImportParams, DryRunParam, IdempotencyKeyParam),
    request_body(
        content(
            (String = "text/csv", example = json!("prefix,description,tag:Site\n10.0.0.0/8,all,\n10.1.0.0/16,,AMS1\n")),
            (String = "application/x-ndjson", example = json!("{\"prefix\":\"10.0.0.0/8\",\"tags\":{\"Site\":\"AMS1\"}}\n")),
        ),
    ),
    responses((
        status = 200,
        description = "All lines are settled: how many were created, changed, unchanged or failed. With `dryRun=true`: what \
                       would change, and the lines that fail.",
        content(
            (Import = "application/json"),
            (String = "application/x-ndjson"),
        ),
        headers(
            ("Location" = String, description = "Path of the import."),
            ("Idempotency-Replayed" = String, description = "`true`: the import was finished by an earlier request."),
        ),
    )),
)]
pub(crate) async fn run(
    Streaming(caller): Streaming,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let asked = Asked::of(&request, &caller.account.name)?;
    let _place = state.imports.try_acquire().map_err(|_| busy())?;
    let space = caller.space()?;
    let stored = stored(&state, &caller, &asked, space).await?;
    let from = stored
        .as_ref()
        .map(|view| view.reached.clone())
        .unwrap_or_default();
    let (pieces, incoming) = mpsc::channel(PIECES);
    let heard = Cell::new(Instant::now());
    let records = source::start(asked.format, incoming, from.clone())?;
    let mut course = Course {
        state: &state,
        request: &request,
        results: Results::new(asked.told),
        run: Uuid::now_v7(),
        caller,
        checked: Instant::now(),
        space,
        settled: from,
        first: true,
        finished: stored.filter(|view| view.state == ImportState::Finished),
        asked,
        import: None,
        farewell: None,
        heard: &heard,
    };
    let replayed = course.finished.is_some();
    let pump = pump(payload, pieces, &heard);
    let ended = {
        let work = course.work(records);
        tokio::pin!(work, pump);
        let mut pumping = true;
        loop {
            tokio::select! {
                ended = &mut work => break ended,
                () = &mut pump, if pumping => pumping = false,
            }
        }
    };
    match ended {
        Ok(None) => course.answer(replayed).await,
        Ok(Some(plan)) => Ok(reply::json(&plan)?),
        Err(error) => Err(course.give_up(error).into()),
    }
}

fn busy() -> ApiError {
    ApiError::new(
        ErrorCode::Overloaded,
        "Too many imports are under way on this server. Nothing was imported by this request; send it again later.",
    )
    .with_retry_after(5)
}

/// The import that the key belongs to, if it was begun before.
async fn stored(
    state: &FrontendState,
    caller: &Authorized,
    asked: &Asked,
    space: Uuid,
) -> Result<Option<ImportView>, ApiError> {
    if !asked.keyed || asked.dry_run {
        return Ok(None);
    }
    let query = ImportQuery {
        space,
        import: asked.import,
    };
    let found = match state.access.get_import(&caller.context(), query).await {
        Ok(found) => found,
        Err(error) if error.code == ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let same = found.terms.mode == asked.terms.mode
        && found.terms.update == asked.terms.update
        && found.terms.format == asked.terms.format;
    if same { Ok(Some(found)) } else { Err(another()) }
}

fn another() -> ApiError {
    ApiError::new(
        ErrorCode::IdempotencyMismatch,
        "This Idempotency-Key belongs to an import of another file, or with other parameters; use a new key for a new \
         import.",
    )
}

/// Hands the body to the reader. When the body breaks off, the channel ends without saying that it was complete.
async fn pump(mut payload: web::Payload, pieces: mpsc::Sender<Piece>, heard: &Cell<Instant>) {
    while let Some(chunk) = payload.next().await {
        heard.set(Instant::now());
        match chunk {
            Ok(chunk) => {
                if pieces.send(Piece::Chunk(chunk)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "the body of an import broke off");
                return;
            }
        }
    }
    let _ = pieces.send(Piece::End).await;
}

/// A request on its way through its file.
struct Course<'a> {
    state: &'a web::Data<FrontendState>,
    request: &'a HttpRequest,
    caller: Authorized,
    checked: Instant,
    asked: Asked,
    space: Uuid,
    run: Uuid,
    /// Up to where lines are settled.
    settled: ImportMark,
    first: bool,
    /// It was finished by an earlier request: the file is only compared.
    finished: Option<ImportView>,
    results: Results,
    import: Option<ImportView>,
    farewell: Option<Farewell>,
    /// When the last bytes came.
    heard: &'a Cell<Instant>,
}

/// Says that a request has ended before its file, however it ends: also when the client hangs up and the handler is
/// dropped.
struct Farewell {
    access: Arc<dyn DataAccess>,
    context: CallContext,
    stop: ImportStop,
    /// The file is not at its end.
    is_due: bool,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        if !self.is_due {
            return;
        }
        let (access, context, stop) = (Arc::clone(&self.access), self.context.clone(), self.stop);
        // A server that has ended its runtime stops everything anyway.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = access.stop_import(&context, stop).await {
                tracing::debug!(%error, "an import that broke off could not be marked as stopped");
            }
        });
    }
}

impl Course<'_> {
    /// Goes through the file. `Some` is the answer of a dry run.
    async fn work(&mut self, mut reads: mpsc::Receiver<Reading>) -> Result<Option<DryRun>, ApiError> {
        let together = self.asked.dry_run || self.asked.terms.mode == ImportMode::Atomic;
        let leaving = self.state.streams.clone();
        let mut waiting: Vec<ImportRecord> = Vec::new();
        let (mut tags, mut bytes) = (0, 0);
        let mut mark = self.settled.clone();
        loop {
            let next = tokio::select! {
                () = leaving.cancelled() => return Err(stopping()),
                next = tokio::time::timeout(PATIENCE, reads.recv()) => next,
            };
            let mut idle = false;
            match next {
                Ok(Some(Reading::Records(records, upto))) => {
                    if self.finished.is_some() {
                        return Err(another());
                    }
                    tags += records.iter().map(tags_of).sum::<usize>();
                    bytes += records.iter().map(bytes_of).sum::<usize>();
                    waiting.extend(records);
                    mark = upto;
                    if together && (waiting.len() > TOGETHER || bytes > TOGETHER_BYTES) {
                        return Err(too_many());
                    }
                }
                Ok(Some(Reading::End)) => break,
                Ok(Some(Reading::Broken) | None) => return Err(broke_off()),
                Ok(Some(Reading::Refused(error))) => return Err(error),
                Ok(Some(Reading::Another)) => return Err(another()),
                Err(_) if self.heard.get().elapsed() > SILENCE => return Err(silent()),
                // Nothing comes at the moment: what is there is settled meanwhile.
                Err(_) if waiting.is_empty() => continue,
                Err(_) => idle = true,
            }
            let full = waiting.len() >= PART_RECORDS || tags >= PART_TAGS || bytes >= PART_BYTES;
            let enough = full || idle;
            if enough && !together {
                let part = std::mem::take(&mut waiting);
                (tags, bytes) = (0, 0);
                self.send(part, mark.clone(), false).await?;
            }
        }
        if self.finished.is_some() {
            return Ok(None);
        }
        if self.asked.dry_run {
            return self.plan(waiting, mark).await.map(Some);
        }
        self.send(waiting, mark, true).await?;
        Ok(None)
    }

    fn part(&self, records: Vec<ImportRecord>, upto: ImportMark, last: bool) -> ImportPart {
        ImportPart {
            space: self.space,
            import: self.asked.import,
            run: self.run,
            first: self.first,
            last,
            terms: self.asked.terms.clone(),
            after: self.settled.records,
            upto,
            records,
            dry_run: self.asked.dry_run,
        }
    }

    async fn send(
        &mut self,
        records: Vec<ImportRecord>,
        upto: ImportMark,
        last: bool,
    ) -> Result<(), ApiError> {
        self.check().await?;
        let lines: Vec<u64> = records.iter().map(ImportRecord::line).collect();
        let part = self.part(records, upto.clone(), last);
        self.farewell.get_or_insert_with(|| Farewell {
            access: Arc::clone(&self.state.access),
            context: self.caller.context(),
            stop: ImportStop {
                space: self.space,
                import: self.asked.import,
                run: Some(self.run),
            },
            is_due: true,
        });
        let mut tries = 0;
        let report = loop {
            let (access, context, part) = (self.state.access.clone(), self.caller.context(), part.clone());
            // The part is decided also when the client has gone: its lines were sent.
            match detached(async move { access.import_part(&context, part).await }).await {
                // A space that has too much to do has less a little later; what of the part was done is not done twice.
                Err(error) if error.code == ErrorCode::Overloaded && tries < TRIES => {
                    tries += 1;
                    tokio::select! {
                        () = self.state.streams.cancelled() => return Err(stopping()),
                        () = tokio::time::sleep(PATIENCE) => {}
                    }
                }
                report => break report?,
            }
        };
        self.first = false;
        self.settled = upto;
        if last {
            self.end_well();
        }
        self.import.clone_from(&report.import);
        self.results.add(&lines, report);
        Ok(())
    }

    /// There is nothing to stop any more.
    fn end_well(&mut self) {
        if let Some(farewell) = &mut self.farewell {
            farewell.is_due = false;
        }
    }

    async fn plan(&mut self, records: Vec<ImportRecord>, upto: ImportMark) -> Result<DryRun, ApiError> {
        let part = self.part(records, upto, true);
        let report = self
            .state
            .access
            .import_part(&self.caller.context(), part)
            .await?;
        let mut answer = plan::of_command(report.changes, None)?;
        answer.conflicts = report
            .failed
            .into_iter()
            .map(|failed| PlannedConflict {
                code: failed.code,
                message: failed.message.clone(),
                details: serde_json::to_value(FailedLine::from(failed)).ok(),
            })
            .collect();
        Ok(answer)
    }

    /// A role that was taken while the file comes in must not act any more.
    async fn check(&mut self) -> Result<(), ApiError> {
        if self.checked.elapsed() > RECHECK {
            self.caller = authorize(self.request).await.map_err(|error| error.0)?;
            self.checked = Instant::now();
        }
        Ok(())
    }

    async fn answer(mut self, replayed: bool) -> Result<HttpResponse, HttpError> {
        let Some(view) = self.import.take().or(self.finished.take()) else {
            return Err(reply::unexpected("an import without a part").into());
        };
        let location = format!("/api/v1/addressspaces/{}/imports/{}", self.space, view.id);
        let mut summary: Import = import::to_wire(view);
        let mut answer = if self.asked.told != Told::Some {
            self.results.answer(&summary)
        } else {
            // The first ones of all its requests.
            summary.failures = self.failures(summary.failed).await?;
            reply::json(&summary)?
        };
        reply::locate(&mut answer, &location);
        reply::mark_replayed(&mut answer, replayed);
        Ok(answer)
    }

    /// The first lines of the import that failed, whichever request sent them.
    async fn failures(&self, failed: u64) -> Result<Vec<FailedLine>, ApiError> {
        if failed == 0 {
            return Ok(Vec::new());
        }
        let question = FailedLinesQuery {
            space: self.space,
            import: self.asked.import,
            page: PageRequest {
                limit: NAMED,
                after: None,
            },
        };
        let found = self
            .state
            .access
            .list_failed_lines(&self.caller.context(), question)
            .await?;
        Ok(found.items.into_iter().map(Into::into).collect())
    }

    /// The request ends before its file: the client is told what to do, the job by the farewell.
    fn give_up(&self, error: ApiError) -> ApiError {
        let begun = !self.first && !self.asked.dry_run;
        if !begun {
            return error;
        }
        // Their own words are about a request that has changed nothing.
        let cause = if error.code == ErrorCode::StoreUnavailable {
            "The store is unavailable; the import has stopped."
        } else if error.code == ErrorCode::Overloaded {
            "The server has no time for the import at the moment; it has stopped."
        } else {
            error.message.as_str()
        };
        let how = match error.code.status() {
            // Whoever may not go on is not told how.
            401 | 403 | 404 => "",
            _ if cause.contains("Idempotency-Key") => "",
            _ if self.asked.keyed => " Send the same file with the same Idempotency-Key to go on there.",
            _ => {
                " Send the file again: lines that are there already count as unchanged. (With an Idempotency-Key an import goes \
                 on where it stopped.)"
            }
        };
        let message = format!("{cause} The lines up to {} are settled.{how}", self.settled.line);
        let mut details = match error.details.clone() {
            Some(Value::Object(details)) => details,
            Some(_) | None => Map::new(),
        };
        details.insert("import".to_owned(), json!(self.asked.import));
        details.insert("line".to_owned(), json!(self.settled.line));
        ApiError { message, ..error }.with_details(Value::Object(details))
    }
}

fn tags_of(record: &ImportRecord) -> usize {
    match record {
        ImportRecord::Line(line) => line.tags.len(),
        ImportRecord::Bad(_) => 0,
    }
}

fn bytes_of(record: &ImportRecord) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let (texts, tags): (usize, usize) = match record {
        ImportRecord::Line(line) => (
            text(&line.description),
            line.tags
                .iter()
                .map(|(name, value)| name.as_str().len() + value.as_str().len())
                .sum(),
        ),
        ImportRecord::Bad(bad) => (
            text(&bad.description) + text(&bad.prefix) + bad.message.len(),
            bad.tags
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum(),
        ),
    };
    128 + texts + tags
}

fn stopping() -> ApiError {
    ApiError::new(ErrorCode::Overloaded, "The server is shutting down.").with_retry_after(1)
}

fn broke_off() -> ApiError {
    ApiError::new(ErrorCode::MalformedRequest, "The body broke off before its end.")
}

fn silent() -> ApiError {
    ApiError::new(
        ErrorCode::RequestTimeout,
        format!("Nothing of the file has come for {} s.", SILENCE.as_secs()),
    )
}

fn too_many() -> ApiError {
    ApiError::new(
        ErrorCode::CommandTooLarge,
        format!(
            "The file has more than {TOGETHER} records or {} MiB, which is the most that can be imported as a whole \
             (mode=atomic) or tried out (dryRun=true). Import it with mode=lines, or in pieces.",
            TOGETHER_BYTES >> 20
        ),
    )
}
