//! Values in Redis: one connection, kept up by its manager, and a breaker in front, so that a Redis that is away or slow
//! costs nobody more than a few short waits.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use metrics::{counter, gauge};
use parking_lot::Mutex;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{IntoConnectionInfo as _, RedisError};

use super::breaker::{Advice, Breaker, Turn};
use super::seal::CacheKey;
use super::{CACHE_VALUE_BYTES, Cache, CacheEntry};

/// Operations, as they are counted.
const GET: &str = "get";
const PUT: &str = "put";

/// How long is waited for Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedisOptions {
    /// For an answer. What takes longer is a miss.
    pub answer: Duration,
    /// For a connection, in the background.
    pub connection: Duration,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            answer: Duration::from_millis(50),
            connection: Duration::from_secs(1),
        }
    }
}

/// A URL that names no Redis.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct CacheUrlError {
    reason: String,
}

/// See the module. Clones are the same connection.
#[derive(Clone)]
pub struct RedisCache {
    inner: Arc<Inner>,
}

struct Inner {
    client: redis::Client,
    /// The one that has been seen to answer last.
    connection: Mutex<Option<ConnectionManager>>,
    breaker: Mutex<Breaker>,
    options: RedisOptions,
    /// Host, port and database, without the password.
    shown: String,
    runtime: tokio::runtime::Handle,
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisCache").field(&self.inner.shown).finish()
    }
}

impl RedisCache {
    /// The Redis of a URL: `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, or `rediss://` with TLS. It is looked for
    /// in the background; until it answers everything is a miss. Inside a runtime, which the connection runs on.
    ///
    /// # Errors
    /// [`CacheUrlError`] if the URL cannot be used. It does not hold the password.
    pub fn connect(url: &str, options: RedisOptions) -> Result<Self, CacheUrlError> {
        let unusable = |error: RedisError| CacheUrlError {
            reason: error.to_string(),
        };
        if !["redis://", "rediss://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            return Err(CacheUrlError {
                reason: "it must begin with redis:// or rediss:// (TLS)".to_owned(),
            });
        }
        if url.contains('#') {
            return Err(CacheUrlError {
                reason: "nothing may follow a `#`: certificates are always checked".to_owned(),
            });
        }
        let info = url.into_connection_info().map_err(unusable)?;
        let shown = format!("{}/{}", info.addr(), info.redis_settings().db());
        let client = redis::Client::open(info).map_err(unusable)?;
        let cache = Self {
            inner: Arc::new(Inner {
                client,
                connection: Mutex::new(None),
                breaker: Mutex::new(Breaker::new(Instant::now())),
                options,
                shown,
                runtime: tokio::runtime::Handle::current(),
            }),
        };
        gauge!("cadastre_cache_available").set(0.0);
        // Looks for it at once.
        cache.may_ask();
        Ok(cache)
    }

    /// It answers, as far as is known.
    pub fn is_available(&self) -> bool {
        matches!(*self.inner.breaker.lock(), Breaker::Closed { .. })
    }

    /// The connection to ask on, if it is worth asking.
    fn may_ask(&self) -> Option<ConnectionManager> {
        match self.inner.breaker.lock().advise(Instant::now()) {
            Advice::Ask => {}
            Advice::DoWithout => return None,
            Advice::Probe => {
                let this = self.clone();
                self.inner.runtime.spawn(async move { this.probe().await });
                return None;
            }
        }
        self.inner.connection.lock().clone()
    }

    /// Looks whether it answers, on a new connection: the old one may lead to nowhere without anybody saying so.
    async fn probe(&self) {
        let options = self.inner.options;
        let probing = async {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(options.connection))
                .set_response_timeout(Some(options.answer))
                // The breaker decides when it is tried again.
                .set_number_of_retries(0);
            let mut fresh = ConnectionManager::new_with_config(self.inner.client.clone(), config).await?;
            redis::cmd("PING").exec_async(&mut fresh).await?;
            Ok(fresh)
        };
        let answer = within(options.connection + options.answer, probing).await;
        let error = match answer {
            Ok(fresh) => {
                *self.inner.connection.lock() = Some(fresh);
                None
            }
            Err(error) => Some(error),
        };
        let turn = self.inner.breaker.lock().probed(error.is_none(), Instant::now());
        self.report(turn, error.as_ref());
    }

    /// Asks, for as long as may be waited.
    async fn ask<T>(
        &self,
        what: &'static str,
        asking: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, NoAnswer> {
        let answer = within(self.inner.options.answer, asking).await;
        if let Err(error) = &answer {
            counter!("cadastre_cache_failures_total", "operation" => what).increment(1);
            tracing::debug!(%error, what, "the cache failed");
        }
        // A refusal to keep something (no memory, a replica) costs no time, and what is there can still be read.
        let answered = match &answer {
            Ok(_) => true,
            Err(NoAnswer::Refused(_)) => what == PUT,
            Err(NoAnswer::Silence(_)) => false,
        };
        let turn = self.inner.breaker.lock().asked(answered, Instant::now());
        self.report(turn, answer.as_ref().err());
        answer
    }

    fn report(&self, turn: Turn, error: Option<&NoAnswer>) {
        let cache = &self.inner.shown;
        match turn {
            Turn::None => {}
            Turn::Closed => {
                gauge!("cadastre_cache_available").set(1.0);
                tracing::info!(%cache, "the shared cache answers");
            }
            Turn::Opened => {
                gauge!("cadastre_cache_available").set(0.0);
                let error = error.map(ToString::to_string);
                tracing::warn!(%cache, error, "the shared cache does not answer: going on without it, slower");
            }
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    /// None came.
    #[error("{0}")]
    Silence(String),
    /// It says no.
    #[error("{0}")]
    Refused(String),
}

async fn within<T>(
    most: Duration,
    asking: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, NoAnswer> {
    match tokio::time::timeout(most, asking).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            let silence = error.is_io_error() || error.is_timeout() || error.is_connection_dropped();
            Err(if silence {
                NoAnswer::Silence(error.to_string())
            } else {
                NoAnswer::Refused(error.to_string())
            })
        }
        Err(_) => Err(NoAnswer::Silence("no answer in time".to_owned())),
    }
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, keys: &[CacheKey]) -> Option<Vec<Option<Bytes>>> {
        let mut connection = self.may_ask()?;
        let mut command = redis::cmd("MGET");
        for key in keys {
            command.arg(key.as_str());
        }
        let values: Vec<Option<Vec<u8>>> = self.ask(GET, command.query_async(&mut connection)).await.ok()?;
        // Anything of another number or size is nothing of ours.
        if values.len() != keys.len() {
            return None;
        }
        let values = values.into_iter();
        Some(
            values
                .map(|value| {
                    Some(Bytes::from(
                        value.filter(|value| value.len() <= CACHE_VALUE_BYTES)?,
                    ))
                })
                .collect(),
        )
    }

    async fn put(&self, entries: Vec<CacheEntry>) {
        let Some(mut connection) = self.may_ask() else {
            return;
        };
        let mut pipeline = redis::pipe();
        for entry in &entries {
            pipeline
                .cmd("SET")
                .arg(entry.key.as_str())
                .arg(entry.value.as_ref())
                .arg("PX")
                .arg(
                    u64::try_from(entry.lifetime.as_millis())
                        .unwrap_or(u64::MAX)
                        .max(1),
                )
                .ignore();
        }
        // What could not be kept is read from the store again.
        let _ = self.ask(PUT, pipeline.exec_async(&mut connection)).await;
    }
}
