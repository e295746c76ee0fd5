//! What the door knows about a request while it is under way.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Instant;

use actix_web::dev::ServiceRequest;
use cadastre_api_types::correlation::RequestIds;
use tracing::Span;

use crate::gate::Gateway;
use crate::limits::{LimitKey, Standing};
use crate::measurements::MethodClass;
use crate::paths::{self, PathKind};
use crate::request_ids;

/// Paths are logged up to this many bytes.
const LOGGED_PATH_BYTES: usize = 256;

/// One request's way through the door and back.
pub(crate) struct Passage {
    pub(super) gateway: Rc<Gateway>,
    pub(super) ids: RequestIds,
    /// Carries the correlation id, trace id, method and path into every log line written for this request.
    pub(super) span: Span,
    pub(super) started: Instant,
    pub(super) client: Option<IpAddr>,
    /// The bucket of `client`.
    pub(super) address: LimitKey,
    pub(super) kind: PathKind,
    pub(super) ignores_tokens: bool,
    /// A success here means that the token was looked at and found good.
    pub(super) proves_tokens: bool,
    pub(super) method: MethodClass,
    pub(super) peer_is_trusted: bool,
    /// What the `RateLimit` headers will say.
    pub(super) standing: Option<Standing>,
    /// Hash of an API token, whose fate behind the door is of interest.
    pub(super) api_token: Option<u64>,
    /// Set while a body without a length is counted: whether it went over the limit.
    pub(super) body_exceeded: Option<Rc<Cell<bool>>>,
    /// The answer has been logged and counted.
    pub(super) noted: Cell<bool>,
}

impl Drop for Passage {
    /// actix drops what it is doing for a client that closes its connection.
    fn drop(&mut self) {
        if !self.noted.get() {
            let _entered = self.span.enter();
            tracing::debug!(target: "cadastre::access", "the client went away before its answer");
        }
    }
}

impl Passage {
    pub(super) fn begin(gateway: &Rc<Gateway>, request: &ServiceRequest) -> Self {
        let started = Instant::now();
        let head = request.head();
        let ids = request_ids::ids_of(&head.headers);
        let path = head.uri.path();
        let peer = head.peer_addr.map(|socket| socket.ip().to_canonical());
        let trusted = &gateway.parts.trusted;
        let client = peer.map(|peer| trusted.client(peer, &head.headers));
        // At the level of errors, because every line must carry it whatever the filter lets through. A filter
        // can still turn it off: `cadastre::request=off`. Then it costs one load.
        let span = tracing::error_span!(
            target: "cadastre::request",
            "request",
            correlation_id = &*ids.correlation_id,
            trace_id = format_args!("{:032x}", ids.traceparent.trace_id),
            method = head.method.as_str(),
            path = logged(path),
        );
        Self {
            gateway: Rc::clone(gateway),
            span,
            started,
            address: LimitKey::of_address(client),
            client,
            kind: PathKind::of(path),
            ignores_tokens: paths::ignores_tokens(path),
            proves_tokens: paths::proves_tokens(path),
            method: MethodClass::of(&head.method),
            peer_is_trusted: peer.is_some_and(|peer| trusted.contains(peer)),
            standing: None,
            api_token: None,
            body_exceeded: None,
            noted: Cell::new(false),
            ids,
        }
    }
}

/// A URI's path is ASCII without control characters already.
fn logged(path: &str) -> &str {
    path.get(..LOGGED_PATH_BYTES).unwrap_or(path)
}
