//! Slows down guessing: failed logins are counted per user name and per client address; after a few free ones
//! each further failure doubles a time in which attempts are refused.
//!
//! Attempts that are still being checked count as failures until they are known, so that guessing in parallel
//! gains nothing; those that would go beyond wait for the ones in front of them. Names are counted whether or not
//! a user has them, which keeps unknown users indistinguishable. All of it lives in this process and in bounded
//! memory; an attempt that is refused changes nothing.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cadastre_api_types::{ApiError, ErrorCode};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::clock::Clock;
use crate::config::ThrottleConfig;

/// Longest time that an attempt waits for those in front of it.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Most attempts that wait, over all names and addresses.
const MOST_WAITING: usize = 512;

/// What is counted. A name is kept as its hash: it may be long, and may be a password typed into the wrong field.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    User([u8; 32]),
    Address(IpAddr),
}

impl Key {
    fn user(name: &str) -> Self {
        Self::User(Sha256::digest(name.to_lowercase()).into())
    }

    /// An IPv6 customer has at least a /64, so that is what counts as one address.
    fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        })
    }
}

#[derive(Default)]
struct Count {
    failures: u32,
    in_flight: u32,
    last_failure: Duration,
    blocked_until: Duration,
}

#[derive(Default)]
struct Counter {
    count: Mutex<Count>,
    changed: Notify,
}

/// The rule for one kind of key.
#[derive(Clone, Copy)]
struct Rule {
    free: u32,
    first_delay: Duration,
    longest_delay: Duration,
    forget_after: Duration,
}

enum Admission {
    Admitted,
    Blocked(Duration),
    /// Whether it may go on depends on attempts that are still being checked.
    Busy,
}

impl Counter {
    fn admit(&self, rule: Rule, now: Duration) -> Admission {
        let mut count = self.count.lock();
        if count.in_flight == 0 && now.saturating_sub(count.last_failure) >= rule.forget_after {
            *count = Count::default();
        }
        if count.failures.saturating_add(count.in_flight) >= rule.free.max(1) {
            if count.blocked_until > now {
                return Admission::Blocked(count.blocked_until - now);
            }
            if count.in_flight > 0 {
                return Admission::Busy;
            }
        }
        count.in_flight += 1;
        Admission::Admitted
    }

    fn settle(&self, rule: Rule, now: Duration, verdict: Settled) {
        let mut count = self.count.lock();
        count.in_flight = count.in_flight.saturating_sub(1);
        match verdict {
            Settled::Failure => {
                count.failures = count.failures.saturating_add(1);
                count.last_failure = now;
                if let Some(beyond) = count.failures.checked_sub(rule.free.max(1)) {
                    let delay = rule
                        .first_delay
                        .saturating_mul(1_u32.checked_shl(beyond).unwrap_or(u32::MAX));
                    count.blocked_until = now + delay.min(rule.longest_delay);
                }
            }
            Settled::Forgiven => {
                count.failures = 0;
                count.blocked_until = Duration::ZERO;
            }
            Settled::NoMatter => {}
        }
        drop(count);
        self.changed.notify_waiters();
    }
}

#[derive(Clone, Copy)]
enum Settled {
    Failure,
    Forgiven,
    NoMatter,
}

/// Counts failed logins and says who has to wait.
pub(crate) struct LoginThrottle {
    clock: Arc<dyn Clock>,
    counters: Cache<Key, Arc<Counter>>,
    user_rule: Rule,
    address_rule: Rule,
    waiting: AtomicUsize,
    longest_wait: Duration,
}

impl LoginThrottle {
    /// With settings and a clock.
    pub(crate) fn new(config: &ThrottleConfig, clock: Arc<dyn Clock>) -> Self {
        let rule = |free, longest_delay| Rule {
            free,
            first_delay: config.first_delay,
            longest_delay,
            forget_after: config.forget_after,
        };
        Self {
            clock,
            counters: Cache::new(config.remembered.max(1024).saturating_mul(2)),
            user_rule: rule(config.free_per_user, config.longest_user_delay),
            address_rule: rule(config.free_per_address, config.longest_address_delay),
            waiting: AtomicUsize::new(0),
            longest_wait: LONGEST_WAIT,
        }
    }

    /// Asks to check a password for a name from an address. What comes back counts as an attempt in flight until
    /// it is settled.
    ///
    /// # Errors
    /// `429 LoginThrottled` with the time to wait.
    pub(crate) async fn begin(&self, user: &str, address: Option<IpAddr>) -> Result<Attempt<'_>, ApiError> {
        let mut attempt = Attempt {
            throttle: self,
            user: None,
            address: None,
        };
        // The address first: one that is blocked cannot push names out of the memory.
        if let Some(address) = address {
            attempt.address = Some(self.enter(Key::address(address), self.address_rule).await?);
        }
        attempt.user = match self.enter(Key::user(user), self.user_rule).await {
            Ok(counter) => Some(counter),
            Err(refusal) => {
                attempt.abandon();
                return Err(refusal);
            }
        };
        Ok(attempt)
    }

    async fn enter(&self, key: Key, rule: Rule) -> Result<Arc<Counter>, ApiError> {
        let counter = match self
            .counters
            .get_or_insert_with(&key, || Ok::<_, std::convert::Infallible>(Arc::default()))
        {
            Ok(counter) => counter,
            Err(never) => match never {},
        };
        let deadline = Instant::now() + self.longest_wait;
        let mut waiting = None;
        loop {
            // Made before looking, so that no change in between is missed.
            let changed = counter.changed.notified();
            match counter.admit(rule, self.clock.uptime()) {
                Admission::Admitted => return Ok(Arc::clone(&counter)),
                Admission::Blocked(delay) => return Err(throttled(delay)),
                Admission::Busy => {}
            }
            if waiting.is_none() {
                waiting =
                    Some(Waiting::join(&self.waiting).ok_or_else(|| throttled(Duration::from_secs(1)))?);
            }
            if timeout_at(deadline, changed).await.is_err() {
                return Err(throttled(Duration::from_secs(1)));
            }
        }
    }
}

/// One who waits; leaves when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn join(count: &'a AtomicUsize) -> Option<Self> {
        let joined = count.fetch_add(1, Ordering::AcqRel);
        let this = Self(count);
        (joined < MOST_WAITING).then_some(this)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn throttled(delay: Duration) -> ApiError {
    let seconds = delay
        .as_millis()
        .div_ceil(1000)
        .try_into()
        .unwrap_or(u64::MAX)
        .max(1);
    ApiError::new(
        ErrorCode::LoginThrottled,
        format!("Too many failed logins; try again in {seconds} s."),
    )
    .with_retry_after(seconds)
}

/// A login whose password is being checked. Dropped without a verdict (the client went away), it has failed.
#[must_use]
pub(crate) struct Attempt<'a> {
    throttle: &'a LoginThrottle,
    user: Option<Arc<Counter>>,
    address: Option<Arc<Counter>>,
}

impl Attempt<'_> {
    /// The password was right: the name starts afresh, the address keeps its count, so that somebody with an
    /// account of their own cannot wash away their guesses at others'.
    pub(crate) fn succeeded(mut self) {
        self.settle(Settled::Forgiven, Settled::NoMatter);
    }

    /// The password was wrong, or there is no such user.
    pub(crate) fn failed(mut self) {
        self.settle(Settled::Failure, Settled::Failure);
    }

    /// It came to no verdict because of us.
    pub(crate) fn abandoned(mut self) {
        self.abandon();
    }

    fn abandon(&mut self) {
        self.settle(Settled::NoMatter, Settled::NoMatter);
    }

    fn settle(&mut self, user: Settled, address: Settled) {
        let now = self.throttle.clock.uptime();
        if let Some(counter) = self.user.take() {
            counter.settle(self.throttle.user_rule, now, user);
        }
        if let Some(counter) = self.address.take() {
            counter.settle(self.throttle.address_rule, now, address);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.settle(Settled::Failure, Settled::Failure);
    }
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
