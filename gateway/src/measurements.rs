//! Metrics of the door. Handles are looked up once, when the gateway is built (install the recorder before),
//! so that a request only touches atomics; labels have a handful of values each.

use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Whether a request may change something (RFC 9110 §9.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MethodClass {
    Read,
    Mutation,
}

impl MethodClass {
    pub(crate) fn of(method: &actix_web::http::Method) -> Self {
        if method.is_safe() {
            Self::Read
        } else {
            Self::Mutation
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Mutation => "mutation",
        }
    }
}

struct ByMethodClass {
    statuses: [Counter; STATUS_CLASSES.len()],
    seconds: Histogram,
}

impl ByMethodClass {
    fn new(class: MethodClass) -> Self {
        Self {
            statuses: STATUS_CLASSES.map(
                |status| counter!("cadastre_gateway_requests_total", "method" => class.label(), "status" => status),
            ),
            seconds: histogram!("cadastre_gateway_request_duration_seconds", "method" => class.label()),
        }
    }
}

/// Metrics of the door.
pub(crate) struct Measurements {
    reads: ByMethodClass,
    mutations: ByMethodClass,
    pub(crate) limited_by_principal: Counter,
    pub(crate) limited_by_address: Counter,
    pub(crate) limited_probes: Counter,
    pub(crate) limited_bad_tokens: Counter,
    pub(crate) denied: Counter,
    pub(crate) bodies_too_large: Counter,
    pub(crate) tokens_verified: Counter,
    pub(crate) tokens_refused: Counter,
    pub(crate) tokens_expired: Counter,
}

impl Measurements {
    pub(crate) fn new() -> Self {
        let limited = |by: &'static str| counter!("cadastre_gateway_rate_limited_total", "by" => by);
        let tokens =
            |outcome: &'static str| counter!("cadastre_gateway_tokens_checked_total", "outcome" => outcome);
        Self {
            reads: ByMethodClass::new(MethodClass::Read),
            mutations: ByMethodClass::new(MethodClass::Mutation),
            limited_by_principal: limited("principal"),
            limited_by_address: limited("address"),
            limited_probes: limited("probe"),
            limited_bad_tokens: limited("bad_token"),
            denied: counter!("cadastre_gateway_denied_total"),
            bodies_too_large: counter!("cadastre_gateway_bodies_too_large_total"),
            tokens_verified: tokens("verified"),
            tokens_refused: tokens("refused"),
            tokens_expired: tokens("expired"),
        }
    }

    /// One request has been answered.
    pub(crate) fn answered(&self, class: MethodClass, status: u16, took: Duration) {
        let by = match class {
            MethodClass::Read => &self.reads,
            MethodClass::Mutation => &self.mutations,
        };
        if let Some(counter) = by.statuses.get(usize::from(status / 100).wrapping_sub(1)) {
            counter.increment(1);
        }
        by.seconds.record(took.as_secs_f64());
    }
}
