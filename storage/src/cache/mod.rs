//! A cache that several processes share, and that nobody has to believe (DESIGN §1.6).
//!
//! * [`Cache`] is what a server of values does: get many, put many. It has no errors: what fails is a miss.
//! * [`SharedCache`] is what the layers above use. It names values so that a name can only mean one value, signs them,
//!   bounds them, and counts hits and misses.
//! * `RedisCache` (feature `redis`) keeps them in Redis, behind a circuit breaker.

#[cfg(feature = "redis")]
mod breaker;
#[cfg(feature = "redis")]
mod redis;
mod seal;
mod shared;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

#[cfg(feature = "redis")]
pub use self::redis::{CacheUrlError, RedisCache, RedisOptions};
pub use seal::CacheKey;
pub use shared::{Kind, SharedCache};

/// Bytes of one value, sealed.
pub const CACHE_VALUE_BYTES: usize = 512 << 10;

/// A value on its way into the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// Its name.
    pub key: CacheKey,
    /// What is kept, at most [`CACHE_VALUE_BYTES`].
    pub value: Bytes,
    /// How long it is kept at most.
    pub lifetime: Duration,
}

/// A server of values that may lose, mix up or invent them at any time.
#[async_trait]
pub trait Cache: Send + Sync + Debug + 'static {
    /// The values in the order of `keys`, in one round trip; `None` as a whole: nothing could be asked now.
    async fn get(&self, keys: &[CacheKey]) -> Option<Vec<Option<Bytes>>>;

    /// Keeps the values if that is possible, in one round trip; returns when that is done or has failed.
    async fn put(&self, entries: Vec<CacheEntry>);
}
