//! Rate limits: `governor` buckets by key, bounded in number, with what the `RateLimit` headers say.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

static RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
static RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
static RATELIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Common buckets that addresses share while there are too many to keep apart.
const SHARED_BUCKETS: u64 = 1_024;

/// Whom a bucket belongs to. Hashes are keyed per process: two that meet share a bucket and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LimitKey {
    /// User of a verified access token.
    Subject(u64),
    /// An API token that has been accepted behind the door before.
    ApiToken(u64),
    /// An address.
    Network(u64),
    /// One of the shared buckets.
    Shared(u16),
}

impl LimitKey {
    /// The bucket of an address: the address itself, or the /64 of an IPv6 address.
    pub(crate) fn of_address(address: Option<IpAddr>) -> Self {
        Self::Network(match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(v4)) => u64::from(v4.to_bits()),
            Some(IpAddr::V6(v6)) => (v6.to_bits() >> 64) as u64,
            None => 0,
        })
    }
}

/// What is left in a bucket; what the headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset_seconds: u32,
}

impl Standing {
    /// The one that a client runs into first.
    pub(crate) fn tighter(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.remaining < self.remaining => other,
            Some(_) | None => self,
        }
    }

    /// Writes `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`.
    pub(crate) fn write_to(self, headers: &mut HeaderMap) {
        headers.insert(RATELIMIT_LIMIT.clone(), HeaderValue::from(self.limit));
        headers.insert(RATELIMIT_REMAINING.clone(), HeaderValue::from(self.remaining));
        headers.insert(RATELIMIT_RESET.clone(), HeaderValue::from(self.reset_seconds));
    }
}

/// A bucket is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exceeded {
    pub(crate) standing: Standing,
    pub(crate) wait: Duration,
}

impl Exceeded {
    /// Whole seconds for `Retry-After`.
    pub(crate) fn retry_after(&self) -> u64 {
        retry_after(self.wait)
    }
}

/// Whole seconds, rounded up, at least one.
pub(crate) fn retry_after(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Buckets of one size, one per key.
pub(crate) struct Limiter {
    buckets: RateLimiter<LimitKey, DashMapStateStore<LimitKey>, DefaultClock, StateInformationMiddleware>,
    rate: u32,
    burst: u32,
    max_keys: usize,
    crowded: AtomicBool,
    sharing: RandomState,
}

impl Limiter {
    /// `rate` per second, bursts of `burst`, about `max_keys` keys kept apart.
    pub(crate) fn new(rate: NonZeroU32, burst: NonZeroU32, max_keys: usize) -> Self {
        let quota = Quota::per_second(rate).allow_burst(burst);
        Self {
            buckets: RateLimiter::dashmap(quota).with_middleware(),
            rate: rate.get(),
            burst: burst.get(),
            max_keys,
            crowded: AtomicBool::new(false),
            sharing: RandomState::new(),
        }
    }

    /// Takes one from the key's bucket.
    pub(crate) fn take(&self, key: LimitKey) -> Result<Standing, Exceeded> {
        let key = self.settle(key);
        match self.buckets.check_key(&key) {
            Ok(snapshot) => Ok(self.standing(snapshot.remaining_burst_capacity())),
            Err(not_until) => Err(Exceeded {
                standing: self.standing(0),
                wait: not_until.wait_time_from(self.buckets.clock().now()),
            }),
        }
    }

    fn standing(&self, remaining: u32) -> Standing {
        let missing = self.burst.saturating_sub(remaining);
        Standing {
            limit: self.burst,
            remaining,
            reset_seconds: missing.div_ceil(self.rate),
        }
    }

    /// Users and proven tokens are as many as there are accounts; addresses are as many as an attacker likes.
    fn settle(&self, key: LimitKey) -> LimitKey {
        match key {
            LimitKey::Network(network) if self.crowded.load(Ordering::Relaxed) => {
                LimitKey::Shared((self.sharing.hash_one(network) % SHARED_BUCKETS) as u16)
            }
            LimitKey::Network(_) | LimitKey::Subject(_) | LimitKey::ApiToken(_) | LimitKey::Shared(_) => key,
        }
    }

    /// Forgets full buckets and notices a crowd. Called every second.
    pub(crate) fn tidy(&self, thorough: bool) {
        let kept = self.buckets.len();
        if thorough || kept > self.max_keys / 2 {
            self.buckets.retain_recent();
            if kept > self.max_keys {
                self.buckets.shrink_to_fit();
            }
        }
        let crowded = self.buckets.len() > self.max_keys;
        if crowded && !self.crowded.swap(crowded, Ordering::Relaxed) {
            tracing::warn!(
                clients = kept,
                "too many clients to limit one by one; addresses share buckets for now"
            );
        } else if !crowded {
            self.crowded.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn limiter(rate: u32, burst: u32, max_keys: usize) -> Limiter {
        Limiter::new(
            NonZeroU32::new(rate).unwrap(),
            NonZeroU32::new(burst).unwrap(),
            max_keys,
        )
    }

    #[test]
    fn a_bucket_empties_and_says_when_to_come_back() {
        let limiter = limiter(1, 3, 100);
        let key = LimitKey::Subject(1);
        assert_eq!(
            limiter.take(key).unwrap(),
            Standing {
                limit: 3,
                remaining: 2,
                reset_seconds: 1
            }
        );
        assert_eq!(limiter.take(key).unwrap().remaining, 1);
        assert_eq!(
            limiter.take(key).unwrap(),
            Standing {
                limit: 3,
                remaining: 0,
                reset_seconds: 3
            }
        );
        let refused = limiter.take(key).unwrap_err();
        assert_eq!(refused.retry_after(), 1);
        assert!(
            limiter.take(LimitKey::Subject(2)).is_ok(),
            "others are not touched"
        );
    }

    #[test]
    fn the_addresses_of_one_ipv6_host_network_share_a_bucket() {
        let key = |text: &str| LimitKey::of_address(Some(text.parse().unwrap()));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
    }

    #[test]
    fn a_crowd_of_addresses_shares_buckets_and_users_keep_their_own() {
        let limiter = limiter(1, 1, 10);
        for network in 0..50 {
            limiter.take(LimitKey::Network(network)).unwrap();
        }
        limiter.tidy(false);
        assert!(matches!(
            limiter.settle(LimitKey::Network(7)),
            LimitKey::Shared(_)
        ));
        assert_eq!(limiter.settle(LimitKey::Subject(7)), LimitKey::Subject(7));
    }
}
