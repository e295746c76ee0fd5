//! What guessing tokens costs the one who guesses.
//!
//! Checking a signature takes tens of microseconds and asking the frontend about an API token takes a read, so
//! an address that keeps presenting bad ones is refused for a moment before either is done. Tokens that are
//! known to be good are not affected, whoever else sits behind the same address.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

use crate::limits::{LimitKey, Limiter};

/// Bursts hold this many seconds' worth.
const BURST_SECONDS: u32 = 5;
/// Addresses under suspicion that are remembered at a time.
const SUSPECTS: usize = 8_192;

/// Counts bad tokens by address.
pub(crate) struct BadTokens {
    limiter: Option<Limiter>,
    suspects: Cache<LimitKey, Instant>,
}

impl BadTokens {
    pub(crate) fn new(rate: Option<NonZeroU32>, max_keys: usize) -> Self {
        let limiter = rate.map(|rate| {
            let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
            Limiter::new(rate, burst, max_keys)
        });
        Self {
            limiter,
            suspects: Cache::new(SUSPECTS),
        }
    }

    /// How long tokens from this address that are not known yet are refused unseen.
    pub(crate) fn wait(&self, address: LimitKey) -> Option<Duration> {
        self.limiter.as_ref()?;
        let until = self.suspects.get(&address)?;
        until
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
    }

    /// A token from this address was bad.
    pub(crate) fn record(&self, address: LimitKey) {
        if let Some(limiter) = &self.limiter
            && let Err(exceeded) = limiter.take(address)
        {
            // At least a second: a wait shorter than that would let nearly every guess through again.
            let wait = exceeded.wait.max(Duration::from_secs(1));
            self.suspects.insert(address, Instant::now() + wait);
        }
    }

    pub(crate) fn tidy(&self, thorough: bool) {
        if let Some(limiter) = &self.limiter {
            limiter.tidy(thorough);
        }
    }
}

/// API tokens that were accepted behind the door. Until then a token is counted against its address, so that
/// inventing tokens does not bring a fresh bucket each. This decides whom a request is *counted* against and
/// nothing else: access is always decided by the frontend.
pub(crate) struct KnownApiTokens {
    known: Cache<u64, ()>,
    hashing: RandomState,
}

impl KnownApiTokens {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            known: Cache::new(capacity.max(1)),
            hashing: RandomState::new(),
        }
    }

    pub(crate) fn hash(&self, token: &[u8]) -> u64 {
        self.hashing.hash_one(token)
    }

    pub(crate) fn contains(&self, hash: u64) -> bool {
        self.known.get(&hash).is_some()
    }

    pub(crate) fn accepted(&self, hash: u64) {
        self.known.insert(hash, ());
    }

    pub(crate) fn refused(&self, hash: u64) {
        self.known.remove(&hash);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_that_guesses_has_to_wait_and_others_do_not() {
        let bad = BadTokens::new(NonZeroU32::new(2), 100);
        let (guesser, other) = (LimitKey::Network(1), LimitKey::Network(2));
        for _ in 0..2 * BURST_SECONDS {
            bad.record(guesser);
            assert_eq!(bad.wait(guesser), None);
        }
        bad.record(guesser);
        assert!(bad.wait(guesser).unwrap() > Duration::ZERO);
        assert_eq!(bad.wait(other), None);
    }
}
