//! What stands behind the door when the gateway runs alone: a reverse proxy to a pool of frontends.
//!
//! # What happens to a request
//! It goes to the healthy upstream with the fewest requests under way. Bodies stream both ways, nothing is
//! buffered beyond a small request body, so server-sent events flow. If no connection can be made, another
//! upstream is tried, whatever the method: not a byte of the request has been sent. If a connection breaks
//! before the answer begins, only a safe request (`GET`, `HEAD`, `OPTIONS`) without a body is tried again;
//! anything else may have been done already, and the client is told so.
//!
//! When the client goes away, a safe request is dropped at the upstream too. Any other request that was sent
//! completely is finished there and its answer thrown away: a mutation does not stop half way because somebody
//! closed a laptop. (actix notices a client that has gone while an answer is being waited for only with
//! `HttpServer::h1_allow_half_closed(false)`, which the server in front of a proxy should be given.)

mod forward;
mod headers;
mod health;
mod pool;
mod relay;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use cadastre_api_types::correlation::RequestIds;
use cadastre_api_types::error::{ApiError, ErrorCode};
use metrics::{Counter, counter};
use reqwest::Url;
use reqwest::header::HeaderValue;
use tokio_util::sync::CancellationToken;

use crate::error::GatewayError;
use crate::refusal;
use pool::Pool;

/// Upstreams of one pool, so that those tried are bits of a word.
pub(crate) const MAX_UPSTREAMS: usize = 64;

/// Settings of a [`Proxy`].
#[derive(Clone)]
pub struct ProxyConfig {
    /// Base URLs of the frontends.
    pub upstreams: Vec<Url>,
    /// Proves to the frontends that what comes with it is our word.
    pub service_token: String,
    /// Made by [`upstream_client`]: no redirects, no environment proxies.
    pub client: reqwest::Client,
    /// Until the answer begins, counted from the last bit of request body sent.
    pub response_timeout: Duration,
    /// The same for an import, whose answer begins when all of it has been worked through.
    pub import_timeout: Duration,
    /// Between two pieces of an answer, except `text/event-stream`.
    pub idle_timeout: Duration,
    /// How many times a request is tried again at most.
    pub retries: u32,
    /// Active checks of the upstreams.
    pub health: HealthCheckConfig,
}

impl ProxyConfig {
    /// Settings with the defaults: 30 s until the answer begins (an hour for an import) and between its pieces, two
    /// retries.
    pub fn new(upstreams: Vec<Url>, service_token: String, client: reqwest::Client) -> Self {
        Self {
            upstreams,
            service_token,
            client,
            response_timeout: Duration::from_secs(30),
            import_timeout: Duration::from_secs(3600),
            idle_timeout: Duration::from_secs(30),
            retries: 2,
            health: HealthCheckConfig::default(),
        }
    }
}

impl std::fmt::Debug for ProxyConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyConfig")
            .field(
                "upstreams",
                &self.upstreams.iter().map(Url::as_str).collect::<Vec<_>>(),
            )
            .field("service_token", &"***")
            .field("response_timeout", &self.response_timeout)
            .field("import_timeout", &self.import_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("retries", &self.retries)
            .field("health", &self.health)
            .finish_non_exhaustive()
    }
}

/// Active checks: `GET /ready` at each upstream. Beside them, an upstream that refuses a connection is left
/// alone for a second, so that requests do not wait for the next check to go elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthCheckConfig {
    /// Between two checks of one upstream.
    pub interval: Duration,
    /// A check that takes longer has failed.
    pub timeout: Duration,
    /// Successes in a row that make an upstream healthy again.
    pub rise: u32,
    /// Failures in a row that make it unhealthy.
    pub fall: u32,
}

impl Default for HealthCheckConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            rise: 2,
            fall: 3,
        }
    }
}

/// A client for talking to upstreams, ready to have certificates added: it follows no redirects (they are the
/// client's to follow), uses no proxy from the environment, and gives up connecting after `connect_timeout`.
pub fn upstream_client(connect_timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .connect_timeout(connect_timeout)
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(30))
}

/// A reverse proxy to a pool of frontends. Clones share the pool.
#[derive(Clone)]
pub struct Proxy {
    parts: Arc<ProxyParts>,
}

pub(crate) struct ProxyParts {
    pub(crate) pool: Pool,
    pub(crate) client: reqwest::Client,
    pub(crate) service_token: HeaderValue,
    pub(crate) response_timeout: Duration,
    pub(crate) import_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) health: HealthCheckConfig,
    pub(crate) retried: Counter,
    pub(crate) timed_out: Counter,
    pub(crate) unavailable: Counter,
    /// Ends streams of events on their way through.
    pub(crate) streams: CancellationToken,
}

impl Proxy {
    pub(crate) fn new(config: ProxyConfig) -> Result<Self, GatewayError> {
        let mut service_token = HeaderValue::from_str(&config.service_token)
            .ok()
            .filter(|token| !token.is_empty())
            .ok_or(GatewayError::ServiceToken)?;
        service_token.set_sensitive(true);
        let parts = ProxyParts {
            pool: Pool::new(&config.upstreams)?,
            client: config.client,
            service_token,
            response_timeout: config.response_timeout,
            import_timeout: config.import_timeout,
            idle_timeout: config.idle_timeout,
            retries: config.retries,
            health: config.health,
            retried: counter!("cadastre_gateway_upstream_retries_total"),
            timed_out: counter!("cadastre_gateway_upstream_timeouts_total"),
            unavailable: counter!("cadastre_gateway_upstream_unavailable_total"),
            streams: CancellationToken::new(),
        };
        Ok(Self {
            parts: Arc::new(parts),
        })
    }

    /// Routes: `/health` (this process is alive), `/ready` (some upstream is), everything else goes upstream.
    /// Register what the process answers itself, like `/metrics`, before this.
    pub fn configure(&self) -> impl FnOnce(&mut ServiceConfig) + Clone + Send + 'static {
        let proxy = self.clone();
        move |service| {
            service
                .app_data(web::ThinData(proxy))
                .route("/health", web::get().to(alive))
                .route("/ready", web::get().to(ready))
                .default_service(web::route().to(forward::forward));
        }
    }

    /// Checks the upstreams until `shutdown` is done. Without it only connections that fail tell who is away.
    pub async fn run_health_checks(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        tokio::select! {
            () = &mut shutdown => {}
            () = health::check_forever(&self.parts) => {}
        }
    }

    /// Ends the streams of events on their way through, which would hold up a server that ends. Their clients connect
    /// again, elsewhere.
    pub fn end_streams(&self) {
        self.parts.streams.cancel();
    }

    pub(crate) fn parts(&self) -> &Arc<ProxyParts> {
        &self.parts
    }
}

/// The URL of `path` beneath a base URL.
pub(crate) fn join_base(base: &Url, path: &str) -> Result<Url, GatewayError> {
    let invalid = |reason| GatewayError::UpstreamUrl {
        url: base.to_string(),
        reason,
    };
    if !matches!(base.scheme(), "http" | "https") {
        return Err(invalid("it must begin with http:// or https://"));
    }
    if base.host_str().is_none() || base.query().is_some() || base.fragment().is_some() {
        return Err(invalid(
            "it must be a base URL: a host, perhaps a port and a path, nothing else",
        ));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(invalid("it may not contain credentials"));
    }
    Url::parse(&format!("{}{path}", base.as_str().trim_end_matches('/')))
        .map_err(|_| invalid("it cannot be joined"))
}

async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

async fn ready(proxy: web::ThinData<Proxy>, request: HttpRequest) -> HttpResponse {
    if proxy.parts.pool.any_ready() {
        return HttpResponse::build(StatusCode::OK).json(serde_json::json!({ "status": "ready" }));
    }
    let message = format!("No frontend is ready. {}.", proxy.parts.pool.what_is_wrong());
    refuse(
        &request,
        ApiError::new(ErrorCode::UpstreamUnavailable, message).with_retry_after(1),
    )
}

/// No upstream can be asked.
pub(crate) fn no_upstream() -> ApiError {
    ApiError::new(
        ErrorCode::UpstreamUnavailable,
        "No server that could answer this is available; try again shortly.",
    )
    .with_retry_after(1)
}

/// An answer of the proxy itself.
pub(crate) fn refuse(request: &HttpRequest, error: ApiError) -> HttpResponse {
    let extensions = request.extensions();
    let id = extensions
        .get::<RequestIds>()
        .map_or("-", |ids| &ids.correlation_id);
    refusal::answer(error, id)
}
