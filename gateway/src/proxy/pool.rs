//! The pool: which upstreams there are, how they are, and whose turn it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, counter, gauge};
use parking_lot::Mutex;
use reqwest::Url;

use super::{HealthCheckConfig, MAX_UPSTREAMS, join_base};
use crate::error::GatewayError;

/// How long an upstream is left alone after it refused a connection.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// The upstreams.
pub(crate) struct Pool {
    upstreams: Vec<Arc<Upstream>>,
    turn: AtomicUsize,
    epoch: Instant,
}

/// One frontend.
pub(crate) struct Upstream {
    /// Position in the pool.
    pub(crate) index: usize,
    /// Base URL without a trailing slash.
    pub(crate) base: String,
    pub(crate) ready: Url,
    /// Host and port, for the log.
    pub(crate) name: String,
    healthy: AtomicBool,
    /// A check has succeeded since the start: before, requests are tried here, and nobody is told that they will succeed.
    seen_well: AtomicBool,
    /// Checks in a row that contradict `healthy`.
    contradicted: AtomicU32,
    /// Milliseconds after the pool's epoch until which it is left alone.
    left_alone_until: AtomicU64,
    outstanding: AtomicUsize,
    /// What the last check came to.
    last_check: Mutex<Result<(), Sick>>,
    health: Gauge,
    connect_failures: Counter,
}

/// Why a check of an upstream failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sick {
    /// No connection: it is away, or has just come back without our knowing. Trying costs nothing.
    Unreachable(String),
    /// It says so, or says nothing.
    Other(String),
}

impl Sick {
    fn reason(&self) -> &str {
        match self {
            Self::Unreachable(reason) | Self::Other(reason) => reason,
        }
    }
}

/// A request under way at an upstream; counts until it is dropped.
pub(crate) struct UnderWay(Arc<Upstream>);

impl UnderWay {
    pub(crate) fn upstream(&self) -> &Arc<Upstream> {
        &self.0
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    pub(crate) fn new(bases: &[Url]) -> Result<Self, GatewayError> {
        if bases.is_empty() {
            return Err(GatewayError::NoUpstream);
        }
        if bases.len() > MAX_UPSTREAMS {
            return Err(GatewayError::TooManyUpstreams(bases.len()));
        }
        let upstreams = bases
            .iter()
            .enumerate()
            .map(|(index, base)| Upstream::new(index, base).map(Arc::new))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            upstreams,
            turn: AtomicUsize::new(0),
            epoch: Instant::now(),
        })
    }

    /// The available upstream with the fewest requests under way that has not been tried; they take turns where
    /// that is equal. `tried` has one bit per upstream. Where none is available, one that may have come back since it
    /// was looked at last.
    pub(crate) fn choose(&self, tried: u64) -> Option<UnderWay> {
        let now = self.now();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.upstreams.len();
        let fewest = |wanted: &dyn Fn(&Upstream) -> bool| {
            (0..count)
                .map(|offset| &self.upstreams[(first.wrapping_add(offset)) % count])
                .filter(|upstream| tried & upstream.bit() == 0 && wanted(upstream))
                .min_by_key(|upstream| upstream.outstanding.load(Ordering::Relaxed))
        };
        let chosen = fewest(&|upstream| upstream.is_available(now))
            .or_else(|| fewest(&|upstream| upstream.may_be_back()))?;
        chosen.outstanding.fetch_add(1, Ordering::Relaxed);
        Some(UnderWay(Arc::clone(chosen)))
    }

    /// What is wrong with each of them.
    pub(crate) fn what_is_wrong(&self) -> String {
        let wrong = self.upstreams.iter().map(|upstream| {
            let last = upstream.last_check.lock();
            let reason = last.as_ref().err().map_or(
                "it does not take connections, or was not looked at yet",
                Sick::reason,
            );
            format!("{}: {reason}", upstream.name)
        });
        wrong.collect::<Vec<_>>().join("; ")
    }

    /// Whether the last checks contradict what was thought before, so that it is worth looking again soon.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let mut all = self.upstreams.iter();
        all.any(|upstream| upstream.contradicted.load(Ordering::Relaxed) > 0)
    }

    /// Whether some upstream is available, and was seen to be.
    pub(crate) fn any_ready(&self) -> bool {
        let now = self.now();
        let is_ready = |upstream: &Arc<Upstream>| {
            upstream.is_available(now) && upstream.seen_well.load(Ordering::Relaxed)
        };
        self.upstreams.iter().any(is_ready)
    }

    pub(crate) fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
    }

    /// The upstream refused a connection.
    pub(crate) fn note_connect_failure(&self, upstream: &Upstream) {
        upstream.connect_failures.increment(1);
        let until = self.now() + u64::try_from(LEFT_ALONE.as_millis()).unwrap_or(u64::MAX / 2);
        upstream.left_alone_until.store(until, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX / 2)
    }
}

impl Upstream {
    fn new(index: usize, base: &Url) -> Result<Self, GatewayError> {
        let ready = join_base(base, "/ready")?;
        let host = base.host_str().unwrap_or_default();
        let name = base
            .port_or_known_default()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let health = gauge!("cadastre_gateway_upstream_healthy", "upstream" => name.clone());
        health.set(1.0);
        Ok(Self {
            index,
            base: base.as_str().trim_end_matches('/').to_owned(),
            ready,
            healthy: AtomicBool::new(true),
            seen_well: AtomicBool::new(false),
            contradicted: AtomicU32::new(0),
            left_alone_until: AtomicU64::new(0),
            outstanding: AtomicUsize::new(0),
            last_check: Mutex::new(Ok(())),
            health,
            connect_failures: counter!("cadastre_gateway_upstream_connect_failures_total", "upstream" => name.clone()),
            name,
        })
    }

    /// Its bit among those tried.
    pub(crate) fn bit(&self) -> u64 {
        1 << self.index
    }

    fn is_available(&self, now: u64) -> bool {
        self.healthy.load(Ordering::Relaxed) && self.left_alone_until.load(Ordering::Relaxed) <= now
    }

    /// Whether it would answer if it were there, for all that is known.
    fn may_be_back(&self) -> bool {
        matches!(*self.last_check.lock(), Ok(()) | Err(Sick::Unreachable(_)))
    }

    /// Takes in the outcome of an active check.
    pub(crate) fn note_check(&self, outcome: Result<(), Sick>, config: &HealthCheckConfig) {
        let succeeded = outcome.is_ok();
        if succeeded {
            self.seen_well.store(true, Ordering::Relaxed);
            self.left_alone_until.store(0, Ordering::Relaxed);
        }
        let reason = outcome.as_ref().err().map(|sick| sick.reason().to_owned());
        *self.last_check.lock() = outcome;
        if succeeded == self.healthy.load(Ordering::Relaxed) {
            self.contradicted.store(0, Ordering::Relaxed);
            return;
        }
        let in_a_row = self.contradicted.fetch_add(1, Ordering::Relaxed) + 1;
        let needed = if succeeded { config.rise } else { config.fall };
        if in_a_row >= needed {
            self.contradicted.store(0, Ordering::Relaxed);
            self.healthy.store(succeeded, Ordering::Relaxed);
            self.health.set(if succeeded { 1.0 } else { 0.0 });
            match reason {
                None => tracing::info!(upstream = self.name, "upstream is healthy again"),
                Some(reason) => {
                    tracing::warn!(
                        upstream = self.name,
                        reason,
                        "upstream is unhealthy; it gets no requests"
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn pool(count: usize) -> Pool {
        let bases: Vec<Url> = (0..count)
            .map(|i| format!("http://127.0.0.1:{}", 9000 + i).parse().unwrap())
            .collect();
        Pool::new(&bases).unwrap()
    }

    #[test]
    fn the_upstream_with_the_fewest_requests_is_next_and_equals_take_turns() {
        let pool = pool(3);
        let under_way: Vec<UnderWay> = (0..6).map(|_| pool.choose(0).unwrap()).collect();
        for index in 0..3 {
            assert_eq!(
                under_way
                    .iter()
                    .filter(|one| one.upstream().index == index)
                    .count(),
                2
            );
        }
        let busy: Vec<UnderWay> = under_way
            .into_iter()
            .filter(|one| one.upstream().index != 1)
            .collect();
        assert_eq!(pool.choose(0).unwrap().upstream().index, 1);
        drop(busy);
    }

    #[test]
    fn an_upstream_that_was_tried_or_refused_a_connection_is_passed_over() {
        let pool = pool(2);
        assert_eq!(pool.choose(1).unwrap().upstream().index, 1);
        pool.note_connect_failure(&pool.upstreams()[1]);
        assert_eq!(pool.choose(0).unwrap().upstream().index, 0);
        assert!(pool.choose(0b11).is_none());
        // Rather that one than none at all, unless it said itself that it is not ready.
        assert_eq!(pool.choose(1).unwrap().upstream().index, 1);
        let config = HealthCheckConfig::default();
        let check = |outcome| pool.upstreams()[1].note_check(outcome, &config);
        check(Err(Sick::Unreachable("refused".into())));
        assert!(pool.choose(1).is_some());
        check(Err(Sick::Other("not ready".into())));
        assert!(pool.choose(1).is_none());
        assert!(pool.what_is_wrong().contains("not ready"));
        check(Ok(()));
        assert!(pool.choose(1).is_some());
    }

    #[test]
    fn checks_need_to_agree_before_health_changes() {
        let config = HealthCheckConfig {
            rise: 2,
            fall: 3,
            ..HealthCheckConfig::default()
        };
        let pool = pool(1);
        let check = |succeeded: bool| {
            let outcome = succeeded.then_some(()).ok_or(Sick::Other("no".into()));
            pool.upstreams()[0].note_check(outcome, &config);
        };
        assert!(!pool.any_ready(), "nobody has looked yet");
        for succeeded in [false, false, true, false, false] {
            check(succeeded);
        }
        assert!(pool.any_ready(), "a success in between starts the count again");
        check(false);
        assert!(!pool.any_ready());
        check(true);
        assert!(!pool.any_ready());
        check(true);
        assert!(pool.any_ready());
    }

    #[test]
    fn urls_that_are_not_bases_are_refused() {
        for bad in [
            "ftp://host",
            "http://user:pw@host",
            "http://host/?q=1",
            "http://host/#x",
        ] {
            assert!(Pool::new(&[bad.parse().unwrap()]).is_err(), "{bad}");
        }
        assert!(matches!(Pool::new(&[]), Err(GatewayError::NoUpstream)));
        let based = Pool::new(&["http://host/base/".parse().unwrap()]).unwrap();
        assert_eq!(based.upstreams()[0].ready.as_str(), "http://host/base/ready");
    }
}
