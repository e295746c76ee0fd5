//! Bodies on their way through the proxy, both ways, without collecting them.
//!
//! actix bodies stay on their thread and reqwest's may move between threads, so a pump on the worker's thread
//! hands chunks over through a small channel: back pressure included.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::web;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::pool::UnderWay;

/// Bodies up to this length are read before the request is sent: they cost no channel, and can be sent again.
const COLLECTED_BYTES: u64 = 65_536;
/// Chunks in flight between client and upstream.
const CHUNKS_IN_FLIGHT: usize = 4;

/// A request body that can be given to more than one attempt for as long as nobody has read from it.
pub(crate) enum Outbound {
    Nothing,
    Collected(Bytes),
    Streaming(Arc<StreamingBody>),
}

/// What a pump and the attempts share.
pub(crate) struct StreamingBody {
    /// Taken by the first attempt that asks for a byte.
    chunks: Mutex<Option<mpsc::Receiver<Piece>>>,
    /// Chunks handed over so far; while it grows, the request is not stuck.
    progress: AtomicU64,
    length: Option<u64>,
}

enum Piece {
    Chunk(Bytes),
    /// Told apart from a pump that died: a body that breaks off must not look complete.
    End,
}

impl Outbound {
    /// Reads a small body, or starts pumping a large or unbounded one.
    pub(crate) async fn read(
        mut payload: web::Payload,
        declared: Option<u64>,
        has_body: bool,
    ) -> Result<Self, PayloadError> {
        match declared {
            Some(0) => Ok(Self::Nothing),
            None if !has_body => Ok(Self::Nothing),
            Some(length) if length <= COLLECTED_BYTES => {
                let mut body = BytesMut::with_capacity(usize::try_from(length).unwrap_or_default());
                while let Some(chunk) = payload.next().await {
                    body.extend_from_slice(&chunk?);
                }
                Ok(Self::Collected(body.freeze()))
            }
            length => Ok(Self::Streaming(start_pump(payload, length))),
        }
    }

    /// The body for one attempt, and its length if known.
    pub(crate) fn attempt(&self) -> Option<(reqwest::Body, Option<u64>)> {
        match self {
            Self::Nothing => None,
            Self::Collected(bytes) => Some((bytes.clone().into(), None)),
            Self::Streaming(body) => {
                let chunks = OutboundChunks {
                    body: Arc::clone(body),
                    receiver: None,
                    done: false,
                };
                Some((reqwest::Body::wrap_stream(chunks), body.length))
            }
        }
    }

    /// Whether a byte of the body may have reached an upstream.
    pub(crate) fn was_read(&self) -> bool {
        match self {
            Self::Nothing | Self::Collected(_) => false,
            Self::Streaming(body) => body.chunks.lock().is_none(),
        }
    }

    pub(crate) fn progress(&self) -> u64 {
        match self {
            Self::Nothing | Self::Collected(_) => 0,
            Self::Streaming(body) => body.progress.load(Ordering::Relaxed),
        }
    }
}

fn start_pump(mut payload: web::Payload, length: Option<u64>) -> Arc<StreamingBody> {
    let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let body = Arc::new(StreamingBody {
        chunks: Mutex::new(Some(receiver)),
        progress: AtomicU64::new(0),
        length,
    });
    let pumped = Arc::clone(&body);
    actix_web::rt::spawn(async move {
        while let Some(chunk) = payload.next().await {
            // An error ends the pump without an end mark, which breaks the request off at the upstream.
            let Ok(chunk) = chunk else { return };
            if sender.send(Piece::Chunk(chunk)).await.is_err() {
                return;
            }
            pumped.progress.fetch_add(1, Ordering::Relaxed);
        }
        let _ = sender.send(Piece::End).await;
    });
    body
}

struct OutboundChunks {
    body: Arc<StreamingBody>,
    receiver: Option<mpsc::Receiver<Piece>>,
    done: bool,
}

impl Stream for OutboundChunks {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done {
            return Poll::Ready(None);
        }
        if self.receiver.is_none() {
            let taken = self.body.chunks.lock().take();
            self.receiver = taken;
        }
        let broken_off = || io::Error::new(io::ErrorKind::UnexpectedEof, "the client's body broke off");
        let piece = match &mut self.receiver {
            Some(receiver) => ready!(receiver.poll_recv(cx)),
            None => None,
        };
        match piece {
            Some(Piece::Chunk(chunk)) => Poll::Ready(Some(Ok(chunk))),
            Some(Piece::End) => {
                self.done = true;
                Poll::Ready(None)
            }
            None => {
                self.done = true;
                Poll::Ready(Some(Err(broken_off())))
            }
        }
    }
}

/// What ends an answer from outside.
pub(crate) enum Until {
    /// Nothing has come for this long: it has broken off.
    Silent(Duration),
    /// This process ends: it is complete as far as it goes.
    Cancelled(CancellationToken),
}

/// The answer's body for the client. The upstream counts as busy until it ends.
pub(crate) fn inbound_chunks(
    response: reqwest::Response,
    under_way: UnderWay,
    until: Until,
) -> impl Stream<Item = io::Result<Bytes>> {
    let chunks = response.bytes_stream().boxed();
    futures::stream::unfold(Some((chunks, under_way, until)), move |state| async move {
        let (mut chunks, under_way, until) = state?;
        let next = match &until {
            Until::Silent(limit) => match tokio::time::timeout(*limit, chunks.next()).await {
                Ok(next) => next,
                Err(_) => {
                    tracing::warn!(
                        upstream = under_way.upstream().name,
                        "the answer stopped coming; giving up"
                    );
                    return Some((Err(io::ErrorKind::TimedOut.into()), None));
                }
            },
            Until::Cancelled(ending) => tokio::select! {
                biased;
                () = ending.cancelled() => return None,
                next = chunks.next() => next,
            },
        };
        match next? {
            Ok(chunk) => Some((Ok(chunk), Some((chunks, under_way, until)))),
            Err(error) => {
                tracing::warn!(upstream = under_way.upstream().name, %error, "the answer broke off");
                Some((Err(io::Error::other(error)), None))
            }
        }
    })
}
