//! The way to the service: requests over the workspace's HTTP client, with deadlines, counted, and with what the SDK
//! does not say: whether a request can have arrived, how long the service wants to be left alone, and the code of an
//! error where the service writes it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use azure_core::error::ErrorKind;
use azure_core::headers::{ERROR_CODE, HeaderName, HeaderValue, Headers};
use azure_core::{Body, Error, HttpClient, Method, Request, Response, StatusCode};
use bytes::Bytes;
use parking_lot::Mutex;

/// Until a connection must be there.
const CONNECT: Duration = Duration::from_secs(3);
/// Until an answer must be complete. The service itself gives up after 30 seconds.
const ANSWER: Duration = Duration::from_secs(35);
/// Connections kept open without use, and for how long; the service closes them after two minutes.
const IDLE_CONNECTIONS: usize = 64;
const IDLE: Duration = Duration::from_secs(90);
/// Headers that ask for a pause.
const PAUSES: [&str; 3] = ["retry-after-ms", "x-ms-retry-after-ms", "retry-after"];
/// The longest pause the service is granted when it asks for one.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Why no answer came, and from where.
#[derive(Debug)]
pub(super) enum Silence {
    /// There was no connection: the service has not seen the request.
    NotSent(Endpoint, reqwest::Error),
    /// It may have arrived.
    NoAnswer(Endpoint, reqwest::Error),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(endpoint, error) => {
                let cause = cause(error);
                write!(
                    f,
                    "no connection to {endpoint}: {cause}{}",
                    endpoint.advice(&cause)
                )
            }
            Self::NoAnswer(endpoint, error) => write!(f, "no answer from {endpoint}: {}", cause(error)),
        }
    }
}

impl std::error::Error for Silence {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let (Self::NotSent(_, error) | Self::NoAnswer(_, error)) = self;
        Some(error)
    }
}

/// Scheme, host and port of an address, without what is secret in it: paths and queries hold names and signatures.
#[derive(Clone, Debug)]
pub(super) struct Endpoint(String);

impl Endpoint {
    pub(super) fn of(url: &azure_core::Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        let port = url
            .port_or_known_default()
            .map_or_else(String::new, |port| format!(":{port}"));
        Self(format!("{}://{host}{port}", url.scheme()))
    }

    /// What is likely behind a cause that does not say it.
    fn advice(&self, cause: &str) -> &'static str {
        // How a server of plain HTTP looks to TLS: its answer is no record, or it just goes.
        let no_tls = cause.contains("InvalidContentType") || cause.contains("handshake eof");
        if no_tls && self.0.starts_with("https:") {
            "; this port may not speak TLS: if so, write TableEndpoint=http://… in the connection string, or another port"
        } else {
            ""
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The innermost reason, which is the one that helps ("connection refused").
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// See the module.
#[derive(Debug)]
pub(super) struct Wire {
    client: reqwest::Client,
    pause: Pause,
}

/// When the service wants to be asked again.
#[derive(Clone, Debug, Default)]
pub(super) struct Pause(Arc<Mutex<Option<Instant>>>);

impl Pause {
    /// How long it still wants to be left alone.
    pub(super) fn left(&self) -> Option<Duration> {
        let until = (*self.0.lock())?;
        until.checked_duration_since(Instant::now())
    }

    fn ask(&self, time: Duration) {
        *self.0.lock() = Some(Instant::now() + time);
    }
}

impl Wire {
    pub(super) fn new(pause: Pause) -> Result<Self, reqwest::Error> {
        // The first one wins: the program may have chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE)
            // Small requests that are answered before the next one.
            .tcp_nodelay(true)
            .no_proxy()
            // A signature is for the place it was made for.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, pause })
    }
}

#[async_trait::async_trait]
impl HttpClient for Wire {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<Response> {
        let method = method_of(*request.method())?;
        let mut outgoing = self.client.request(method, request.url().as_str());
        for (name, value) in request.headers().iter() {
            outgoing = outgoing.header(name.as_str(), value.as_str());
        }
        outgoing = match request.body() {
            Body::Bytes(bytes) => outgoing.body(bytes.clone()),
            Body::SeekableStream(_) => {
                return Err(Error::message(
                    ErrorKind::Other,
                    "bodies of tables are never streams",
                ));
            }
        };
        metrics::counter!("cadastre_store_round_trips_total").increment(1);
        let started = Instant::now();
        let silence = |error: reqwest::Error| {
            // A shared access signature is part of the address.
            let error = error.without_url();
            let endpoint = Endpoint::of(request.url());
            let silence = if error.is_connect() {
                Silence::NotSent(endpoint, error)
            } else {
                Silence::NoAnswer(endpoint, error)
            };
            let text = silence.to_string();
            Error::full(ErrorKind::Io, silence, text)
        };
        let answer = outgoing.send().await.map_err(silence)?;
        let status = answer.status().as_u16();
        let mut headers = Headers::new();
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(
                    HeaderName::from(name.as_str().to_owned()),
                    HeaderValue::from(value.to_owned()),
                );
            }
        }
        let body = answer.bytes().await.map_err(silence)?;
        metrics::histogram!("cadastre_store_round_trip_seconds").record(started.elapsed().as_secs_f64());
        let status = StatusCode::try_from(status)
            .map_err(|_| Error::message(ErrorKind::DataConversion, format!("status {status} is unknown")))?;
        answer_of(status, &headers, body, &self.pause)
    }
}

/// The answer as the SDK shall see it.
pub(super) fn answer_of(
    status: StatusCode,
    theirs: &Headers,
    body: Bytes,
    pause: &Pause,
) -> azure_core::Result<Response> {
    let mut headers = Headers::new();
    for (name, value) in theirs.iter() {
        // The SDK would sleep for as long as it is told to; here the pause has a limit.
        if !PAUSES.contains(&name.as_str()) {
            headers.insert(name.clone(), value.clone());
        }
    }
    if matches!(
        status,
        StatusCode::TooManyRequests | StatusCode::ServiceUnavailable
    ) {
        metrics::counter!("cadastre_store_throttled_total").increment(1);
        if let Some(time) = retry_after(theirs) {
            let time = time.min(LONGEST_PAUSE);
            pause.ask(time);
            headers.insert(PAUSES[0], time.as_millis().to_string());
        }
    }
    if !status.is_success()
        && headers.get_optional_str(&ERROR_CODE).is_none()
        && let Some(code) = code_in(&body)
    {
        headers.insert(ERROR_CODE, code);
    }
    let body = Box::pin(futures::stream::once(async move { Ok(body) }));
    Ok(Response::new(status, headers, body))
}

fn method_of(method: Method) -> azure_core::Result<reqwest::Method> {
    reqwest::Method::from_bytes(method.as_ref().as_bytes())
        .map_err(|_| Error::message(ErrorKind::DataConversion, format!("method {method} is unknown")))
}

/// The code of an error as the table service writes it; the SDK looks for other names.
fn code_in(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let code = body.get("odata.error")?.get("code")?.as_str()?;
    code.bytes()
        .all(|byte| byte.is_ascii_alphanumeric())
        .then(|| code.to_owned())
}

/// What `Retry-After` says in seconds, or its variants in milliseconds; dates are not used by the service.
fn retry_after(headers: &Headers) -> Option<Duration> {
    let number = |name: &'static str| {
        let text = headers.get_optional_str(&HeaderName::from_static(name))?;
        text.trim().parse().ok()
    };
    number(PAUSES[0])
        .or_else(|| number(PAUSES[1]))
        .map(Duration::from_millis)
        .or_else(|| number(PAUSES[2]).map(Duration::from_secs))
}
