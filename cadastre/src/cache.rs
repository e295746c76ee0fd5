//! Opens the shared cache that the settings name, and turns what can go wrong into a sentence for the operator.

use std::sync::Arc;

use cadastre_storage::{Cache, SharedCache};

use crate::config::{Effective, table};
use crate::failure::Failure;

/// A cache before it is known which store it is for.
pub(crate) struct Opened {
    cache: Arc<dyn Cache>,
    key: Key,
}

/// The cache of the settings; `None` without the setting.
pub(crate) fn open(settings: &Effective) -> Result<Option<Opened>, Failure> {
    let Some(url) = settings.text(&table::CACHE) else {
        return Ok(None);
    };
    let key = key(settings)?;
    let cache = connect(settings, url)?;
    Ok(Some(Opened { cache, key }))
}

impl Opened {
    /// The shared cache; `None` where memory does as well.
    pub(crate) fn unless(self, exclusive: bool) -> Option<SharedCache> {
        if exclusive {
            tracing::warn!(
                "the shared cache is not used: no other process can write this store, so memory knows all that it could tell"
            );
            return None;
        }
        if self.key.is_own {
            tracing::warn!(
                "the shared cache is used by this process alone: set cache-key to the same secret for all processes on this store"
            );
        }
        Some(SharedCache::new(self.cache, &self.key.secret))
    }
}

/// What values in the cache are signed with.
struct Key {
    secret: Vec<u8>,
    /// Nobody else has it.
    is_own: bool,
}

/// Shorter secrets can be guessed.
const SHORTEST_KEY: usize = 16;

fn key(settings: &Effective) -> Result<Key, Failure> {
    let shared = |secret: &str| Key {
        secret: secret.as_bytes().to_vec(),
        is_own: false,
    };
    if let Some(secret) = settings.text(&table::CACHE_KEY) {
        if secret.len() < SHORTEST_KEY {
            return Err(settings.refuse(
                &table::CACHE_KEY,
                "is no good secret: it takes at least 16 characters; make one with: openssl rand -hex 32",
            ));
        }
        return Ok(shared(secret));
    }
    if let Some(token) = settings.text(&table::SERVICE_TOKEN) {
        return Ok(shared(token));
    }
    Ok(Key {
        secret: rand::random::<[u8; 32]>().to_vec(),
        is_own: true,
    })
}

#[cfg(feature = "redis")]
fn connect(settings: &Effective, url: &str) -> Result<Arc<dyn Cache>, Failure> {
    use cadastre_storage::{RedisCache, RedisOptions};
    let cache = RedisCache::connect(url, RedisOptions::default()).map_err(|error| {
        settings.refuse(
            &table::CACHE,
            &format!("cannot be used: {error}; write for example redis://127.0.0.1:6379"),
        )
    })?;
    Ok(Arc::new(cache))
}

#[cfg(not(feature = "redis"))]
fn connect(settings: &Effective, _: &str) -> Result<Arc<dyn Cache>, Failure> {
    Err(settings.refuse(
        &table::CACHE,
        "cannot be used: this program was built without Redis; take the setting away",
    ))
}
