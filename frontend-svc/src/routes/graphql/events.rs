//! An operation whose answers are a stream of events: `next` for each, then `complete`
//! (graphql-sse, `PROTOCOL.md`, distinct connections mode).
//!
//! A stream that the server ends because it ends itself has no `complete`: clients take that for a broken connection and
//! connect again. So does a reader that was gone: the body is dropped, and all that waits for it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::{Request, Response};
use bytes::Bytes;
use futures::FutureExt;
use futures::stream::{BoxStream, StreamExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use super::{State, respond, written};
use crate::graphql::{Ask, Completion, SCHEMA, Session, is_request_error};
use crate::http::authorized::authorize;
use crate::http::request_info::RequestInfo;
use crate::http::sse;

/// Ends a stream that has told everything.
const COMPLETE: &str = "event: complete\ndata:\n\n";

/// Runs an operation as a stream.
pub(super) fn stream(
    request: &HttpRequest,
    state: &State,
    session: Arc<Session>,
    completion: Completion,
    run: Request,
    asks: UnboundedReceiver<Ask>,
) -> HttpResponse {
    let mut answers = SCHEMA.execute_stream(run);
    // A document that does not fit the schema is found at once, and answered as an error.
    let ready = match answers.next().now_or_never() {
        Some(Some(response)) if is_request_error(&response) => {
            return respond(request, &session, &completion, response);
        }
        Some(Some(response)) => Some(response),
        Some(None) | None => None,
    };
    let running = Running {
        correlation_id: RequestInfo::of(request).correlation_id,
        request: request.clone(),
        session,
        completion,
        ready,
        answers,
        asks,
        heartbeat: state.config.stream_heartbeat,
        stopping: state.streams.clone(),
    };
    let pieces = futures::stream::unfold(Some(Box::new(running)), |running| async move {
        let mut running = running?;
        let (text, goes_on) = running.piece().await?;
        let chunk: Result<Bytes, Infallible> = Ok(Bytes::from(text));
        Some((chunk, goes_on.then_some(running)))
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, sse::EVENT_STREAM))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Proxies of the nginx kind would hold events back otherwise.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(pieces)
}

/// A stream under way.
struct Running {
    /// To check the caller again.
    request: HttpRequest,
    correlation_id: String,
    session: Arc<Session>,
    completion: Completion,
    /// An answer that was there at once.
    ready: Option<Response>,
    answers: BoxStream<'static, Response>,
    /// Questions whether the caller still is who they were.
    asks: UnboundedReceiver<Ask>,
    heartbeat: Duration,
    stopping: CancellationToken,
}

impl Running {
    /// The next piece of the body, and whether there may be more; `None` = the server ends.
    async fn piece(&mut self) -> Option<(String, bool)> {
        if let Some(response) = self.ready.take() {
            return Some((self.next(response), true));
        }
        loop {
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return None,
                Some(ask) = self.asks.recv() => {
                    let account = authorize(&self.request).await.map(|caller| caller.account);
                    // Who does not wait for the answer any more does not need it.
                    let _ = ask.send(account.map_err(|error| error.0));
                }
                answer = self.answers.next() => {
                    return Some(match answer {
                        Some(response) => (self.next(response), true),
                        None => (COMPLETE.to_owned(), false),
                    });
                }
                () = tokio::time::sleep(self.heartbeat) => return Some((sse::HEARTBEAT.to_owned(), true)),
            }
        }
    }

    /// An answer as an event.
    fn next(&self, response: Response) -> String {
        let data = written(&self.session, &self.completion, response, &self.correlation_id);
        // JSON has no line breaks of its own.
        format!("event: next\ndata: {data}\n\n")
    }
}
