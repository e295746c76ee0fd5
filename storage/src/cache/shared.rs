//! The shared cache as the layers above use it: sealed, bounded, counted.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use metrics::counter;
use tokio::sync::Semaphore;

use super::seal::{CacheKey, Sealer};
use super::{CACHE_VALUE_BYTES, Cache, CacheEntry};

/// Fills under way at the same time; more are dropped, since a cache that is slow must not gather memory.
const FILLS: usize = 64;

/// What a value is, for names and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Tag definitions of a space.
    Definitions,
    /// What flows down to a node: the nodes above it and the tags resolved there.
    ResolvedTags,
    /// Roles and open sessions of a user.
    Accounts,
    /// Parts of the catalogue of spaces.
    Spaces,
}

impl Kind {
    fn label(self) -> &'static str {
        match self {
            Self::Definitions => "definitions",
            Self::ResolvedTags => "resolved_tags",
            Self::Accounts => "accounts",
            Self::Spaces => "spaces",
        }
    }

    /// How long a value of this kind is kept. Nothing becomes untrue by age: it is what bounds the memory of the cache
    /// that values of the past take.
    fn lifetime(self) -> Duration {
        match self {
            Self::Definitions | Self::ResolvedTags | Self::Accounts => Duration::from_secs(15 * 60),
            // Parts are shared by many states of the catalogue.
            Self::Spaces => Duration::from_secs(60 * 60),
        }
    }
}

/// A cache with a secret that its users share. Clones are the same one.
#[derive(Clone, Debug)]
pub struct SharedCache {
    cache: Arc<dyn Cache>,
    sealer: Sealer,
    fills: Arc<Semaphore>,
    runtime: tokio::runtime::Handle,
}

impl SharedCache {
    /// Over a cache; whoever has the same secret sees the same values. Inside a runtime, which its fills run on.
    pub fn new(cache: Arc<dyn Cache>, secret: &[u8]) -> Self {
        Self {
            cache,
            sealer: Sealer::new(secret),
            fills: Arc::new(Semaphore::new(FILLS)),
            runtime: tokio::runtime::Handle::current(),
        }
    }

    /// The name of a value. `parts` must say everything that the value follows from, with something in it that no
    /// other history of the same store can have.
    pub fn key(&self, kind: Kind, parts: &[&[u8]]) -> CacheKey {
        self.sealer.name(kind.label(), parts)
    }

    /// Values by their names, in one round trip; `None` where there is none that can be believed.
    pub async fn read(&self, kind: Kind, keys: &[CacheKey]) -> Vec<Option<Bytes>> {
        let Some(found) = self.cache.get(keys).await else {
            count_reads(kind, "unavailable", keys.len());
            return vec![None; keys.len()];
        };
        let (mut hits, mut refused) = (0, 0);
        let mut found = found.into_iter();
        let values: Vec<Option<Bytes>> = keys
            .iter()
            .map(|key| {
                let sealed = found.next().flatten()?;
                let value = self.sealer.open(key, sealed);
                match value {
                    Some(_) => hits += 1,
                    None => refused += 1,
                }
                value
            })
            .collect();
        count_reads(kind, "hit", hits);
        count_reads(kind, "refused", refused);
        count_reads(kind, "miss", keys.len() - hits - refused);
        values
    }

    /// One value by its name.
    pub async fn read_one(&self, kind: Kind, key: &CacheKey) -> Option<Bytes> {
        self.read(kind, std::slice::from_ref(key)).await.pop().flatten()
    }

    /// Keeps values, without making the caller wait. Dropped when too many are on their way already.
    pub fn fill(&self, kind: Kind, values: Vec<(CacheKey, Bytes)>) {
        let count = values.len();
        let Ok(permit) = Arc::clone(&self.fills).try_acquire_owned() else {
            count_fills(kind, "dropped", count);
            return;
        };
        let this = self.clone();
        self.runtime.spawn(async move {
            this.keep(kind, values).await;
            drop(permit);
        });
    }

    /// Runs something that belongs to the cache, in the background.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Keeps values, and waits until that is done or has failed.
    pub async fn keep(&self, kind: Kind, values: Vec<(CacheKey, Bytes)>) {
        let mut entries = Vec::with_capacity(values.len());
        for (key, value) in values {
            let sealed = self.sealer.seal(&key, &value);
            if sealed.len() > CACHE_VALUE_BYTES {
                count_fills(kind, "too_large", 1);
                continue;
            }
            entries.push(CacheEntry {
                value: sealed,
                // Values that were made together do not go together.
                lifetime: kind.lifetime().mul_f64(rand::random_range(0.8..=1.0)),
                key,
            });
        }
        if !entries.is_empty() {
            count_fills(kind, "sent", entries.len());
            self.cache.put(entries).await;
        }
    }
}

fn count_reads(kind: Kind, outcome: &'static str, count: usize) {
    if count > 0 {
        counter!("cadastre_cache_reads_total", "kind" => kind.label(), "outcome" => outcome)
            .increment(count as u64);
    }
}

fn count_fills(kind: Kind, outcome: &'static str, count: usize) {
    counter!("cadastre_cache_fills_total", "kind" => kind.label(), "outcome" => outcome)
        .increment(count as u64);
}
