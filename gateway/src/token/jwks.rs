//! Keys for a gateway that runs alone: fetched from the frontends, kept up to date in the background.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use cadastre_api_types::token::{PublicJwks, VerificationKeys};
use reqwest::Url;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::GatewayError;

/// Between two fetches when all is well. The frontend publishes a key for longer than this before it signs
/// with it, and keeps it published for as long as tokens signed with it live.
const REFRESH: Duration = Duration::from_secs(60);
/// Between two fetches while none has succeeded yet.
const FIRST: Duration = Duration::from_millis(500);
/// Tokens with an unknown key do not make us fetch more often than this.
const AT_MOST_EVERY: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(3);
const MAX_BYTES: usize = 65_536;

/// The frontends' key set, over HTTP.
pub struct JwksOverHttp {
    urls: Vec<Url>,
    client: reqwest::Client,
    current: ArcSwap<PublicJwks>,
    next_url: AtomicUsize,
    last_try: Mutex<Option<Instant>>,
}

impl JwksOverHttp {
    /// Keys of the frontends with these base URLs; none until [`run`](Self::run) has fetched them.
    ///
    /// # Errors
    /// No URL, or one that is not `http` or `https`.
    pub fn new(frontends: &[Url], client: reqwest::Client) -> Result<Arc<Self>, GatewayError> {
        let urls = frontends
            .iter()
            .map(|base| crate::proxy::join_base(base, "/.well-known/jwks.json"))
            .collect::<Result<Vec<_>, _>>()?;
        if urls.is_empty() {
            return Err(GatewayError::NoUpstream);
        }
        Ok(Arc::new(Self {
            urls,
            client,
            current: ArcSwap::default(),
            next_url: AtomicUsize::new(0),
            last_try: Mutex::new(None),
        }))
    }

    /// Keeps the keys up to date until `shutdown` is done.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let pause = tokio::select! {
                () = &mut shutdown => return,
                () = self.fetch(Duration::ZERO) => if self.current.load().keys.is_empty() { FIRST } else { REFRESH },
            };
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Fetches the keys because a token names one we do not have; returns at once if that was tried lately.
    /// Callers at the same time wait for one fetch.
    pub async fn refresh(&self) {
        self.fetch(AT_MOST_EVERY).await;
    }

    async fn fetch(&self, not_within: Duration) {
        let mut last_try = self.last_try.lock().await;
        if last_try.is_some_and(|at| at.elapsed() < not_within) {
            return;
        }
        *last_try = Some(Instant::now());
        let first = self.next_url.fetch_add(1, Ordering::Relaxed);
        for offset in 0..self.urls.len() {
            let url = &self.urls[(first + offset) % self.urls.len()];
            match self.fetch_from(url).await {
                Ok(keys) => {
                    if **self.current.load() != keys {
                        tracing::info!(keys = keys.keys.len(), "verification keys have been fetched");
                        self.current.store(Arc::new(keys));
                    }
                    return;
                }
                Err(reason) => tracing::warn!(%url, reason, "verification keys could not be fetched"),
            }
        }
    }

    async fn fetch_from(&self, url: &Url) -> Result<PublicJwks, String> {
        let answer = async {
            let mut response = self.client.get(url.clone()).send().await?.error_for_status()?;
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                body.extend_from_slice(&chunk);
                if body.len() > MAX_BYTES {
                    break;
                }
            }
            Ok::<_, reqwest::Error>(body)
        };
        let body = match tokio::time::timeout(TIMEOUT, answer).await {
            Ok(body) => body.map_err(|error| error.to_string())?,
            Err(_) => return Err("no answer in time".to_owned()),
        };
        if body.len() > MAX_BYTES {
            return Err("the answer is too large to be a key set".to_owned());
        }
        let keys: PublicJwks = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        if keys.keys.is_empty() {
            Err("the key set is empty".to_owned())
        } else {
            Ok(keys)
        }
    }
}

impl VerificationKeys for JwksOverHttp {
    fn current(&self) -> Arc<PublicJwks> {
        self.current.load_full()
    }
}
