//! The change feed as a stream of events: reads behind the last version that was sent, then waits for more.
//!
//! Every event is sent once and in order, because the only state is the version that was reached, which is also the
//! id of the last event. The caller is checked again before anything is sent: what was committed after a role was
//! revoked is not seen any more. The stream ends when the caller may not have it any longer, when the server ends,
//! and when the client leaves (the body is dropped, and all that waits for it).

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use cadastre_api_types::internal::{ChangesPage, ChangesQuery, JournalMark, Since, WaitQuery};
use cadastre_api_types::{ApiError, ErrorCode};
use serde_json::json;
use uuid::Uuid;

use crate::convert::history::journal;
use crate::http::authorized::{Authorized, authorize};
use crate::http::error::HttpError;
use crate::http::query::{Query, invalid};
use crate::http::sse;
use crate::http::wording::echo;
use crate::state::FrontendState;

/// Commands that are read at a time.
const BATCH: usize = 100;
/// After how many milliseconds clients shall connect again.
const RETRY_MS: u32 = 2_000;
/// Pause before a data access layer that is away is asked again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is asked again before the stream ends.
const PAUSES: u32 = 60;

/// The answer that follows the journal.
pub(super) async fn start(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: &HttpRequest,
    query: &Query<'_>,
) -> Result<HttpResponse, HttpError> {
    for parameter in ["limit", "cursor"] {
        if query.get(parameter).is_some() {
            let message = format!("`{parameter}` is for pages; a stream has none. Leave it out.");
            return Err(invalid(parameter, message).into());
        }
    }
    let asked = super::since(query)?;
    let since = match last_event_id(request)? {
        Some(mark) => Since::Mark(mark),
        None => asked.unwrap_or(Since::Now),
    };
    let space = caller.space()?;
    let question = ChangesQuery {
        space,
        since,
        limit: BATCH,
    };
    // What cannot be followed is answered as an error, not as a stream that ends.
    let first = state.access.changes(&caller.context(), question).await?;
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, sse::EVENT_STREAM))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Proxies of the nginx kind would hold events back otherwise.
        .insert_header(("x-accel-buffering", "no"));
    if request.method() == Method::HEAD {
        return Ok(answer.finish());
    }
    let begun_at = match since {
        Since::Version(version) | Since::Mark(JournalMark { version, .. }) => version,
        Since::Beginning | Since::Now => first.reached.version,
    };
    let follow = Follow {
        state,
        request: request.clone(),
        space,
        at: JournalMark {
            version: begun_at,
            ..first.reached
        },
        behind: true,
        greeted: false,
        ready: Some(first),
        caller,
        failures: 0,
    };
    let pieces = futures::stream::unfold(Some(Box::new(follow)), |follow| async move {
        let mut follow = follow?;
        let (text, goes_on) = match follow.piece().await {
            Piece::More(text) => (text, true),
            Piece::Last(text) => (text, false),
        };
        let chunk: Result<Bytes, Infallible> = Ok(Bytes::from(text));
        Some((chunk, goes_on.then_some(follow)))
    });
    Ok(answer.streaming(pieces))
}

/// The id in `Last-Event-ID`; an empty one is none.
fn last_event_id(request: &HttpRequest) -> Result<Option<JournalMark>, ApiError> {
    let Some(value) = request.headers().get(&sse::LAST_EVENT_ID) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or("?");
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        ApiError::new(
            ErrorCode::InvalidHeader,
            format!(
                "Last-Event-ID is `{}`, which is not the id of an event of this stream. Send the last one that you \
                 received, or none.",
                echo(text)
            ),
        )
    })
}

/// A stream under way.
struct Follow {
    state: web::Data<FrontendState>,
    /// To check the caller again.
    request: HttpRequest,
    space: Uuid,
    caller: Authorized,
    /// All up to here has been sent.
    at: JournalMark,
    /// There may be more already.
    behind: bool,
    greeted: bool,
    /// Read, but not sent.
    ready: Option<ChangesPage>,
    failures: u32,
}

/// A part of the body.
enum Piece {
    More(String),
    Last(String),
}

impl Follow {
    async fn piece(&mut self) -> Piece {
        let stopping = self.state.streams.clone();
        let outcome = tokio::select! {
            biased;
            () = stopping.cancelled() => return farewell(&ApiError::new(
                ErrorCode::Overloaded,
                "The server is shutting down; connect again.",
            )),
            outcome = self.advance() => outcome,
        };
        match outcome {
            Ok(text) => {
                self.failures = 0;
                Piece::More(text)
            }
            // What is away comes back: the stream outlives a restart of what is behind it.
            Err(error) if error.code.status() == 503 && self.failures < PAUSES => {
                self.failures += 1;
                self.behind = true;
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = tokio::time::sleep(PAUSE) => {}
                }
                Piece::More(sse::HEARTBEAT.to_owned())
            }
            Err(error) => farewell(&error),
        }
    }

    /// The next text: events, or a sign of life.
    async fn advance(&mut self) -> Result<String, ApiError> {
        loop {
            if self.ready.is_none() && !self.behind && !self.wait().await? {
                self.check().await?;
                return Ok(sse::HEARTBEAT.to_owned());
            }
            let page = match self.ready.take() {
                Some(page) => page,
                None => self.read().await?,
            };
            let scope = self.caller.scope.clone();
            self.check().await?;
            if self.caller.scope != scope {
                // It was read with what the caller could see before.
                self.behind = true;
                continue;
            }
            let is_news = page.reached != self.at || !page.items.is_empty();
            let (reached, head) = (page.reached, page.head);
            let mut text = String::new();
            if !self.greeted {
                sse::write_retry(&mut text, RETRY_MS);
            }
            if is_news || !self.greeted {
                write(&mut text, page)?;
            }
            self.greeted = true;
            self.at = reached;
            self.behind = reached.version < head;
            if !text.is_empty() {
                return Ok(text);
            }
        }
    }

    async fn read(&self) -> Result<ChangesPage, ApiError> {
        let question = ChangesQuery {
            space: self.space,
            since: Since::Mark(self.at),
            limit: BATCH,
        };
        self.state.access.changes(&self.caller.context(), question).await
    }

    /// Whether there is more before the next sign of life is due.
    async fn wait(&self) -> Result<bool, ApiError> {
        let heartbeat = self.state.config.stream_heartbeat;
        let question = WaitQuery {
            space: self.space,
            above: self.at,
            at_most_ms: u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX),
        };
        let now = self
            .state
            .access
            .wait_for_change(&self.caller.context(), question)
            .await?;
        Ok(now != self.at)
    }

    /// The caller once more, as when the request came.
    async fn check(&mut self) -> Result<(), ApiError> {
        self.caller = authorize(&self.request).await.map_err(|error| error.0)?;
        Ok(())
    }
}

/// Writes a slice as events, and where it ends if nothing of its end is for this caller.
fn write(text: &mut String, page: ChangesPage) -> Result<(), ApiError> {
    let mut last = None;
    for item in page.items {
        let mark = JournalMark {
            version: item.version,
            ..page.reached
        };
        sse::write_event(text, Some(&mark.to_string()), "change", &journal(item)?)?;
        last = Some(mark);
    }
    if last != Some(page.reached) {
        sse::write_id(text, &page.reached.to_string());
    }
    Ok(())
}

/// Says why a stream ends. Without an id: the client resumes behind the last change.
fn farewell(error: &ApiError) -> Piece {
    let mut text = String::new();
    let reason = json!({ "code": error.code, "message": error.message });
    match sse::write_event(&mut text, None, "end", &reason) {
        Ok(()) => Piece::Last(text),
        Err(_) => Piece::Last(sse::HEARTBEAT.to_owned()),
    }
}
