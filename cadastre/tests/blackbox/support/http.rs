//! A client for tests: plain calls, answers that are read whole, and failures that show the whole answer. Calls
//! run on one runtime of their own, so that tests stay plain functions.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cadastre_api_types::error::ErrorBody;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::runtime::Runtime;

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        // The first one to ask installs it; a second attempt changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    })
}

/// A caller: where to, from where, with which token.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    /// A caller without a token, from a loopback address of its own: what the server counts by address is
    /// counted for this caller alone.
    pub(crate) fn new(base: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed) + (std::process::id() % 64) * 65_536;
        Self::from_address(base, Ipv4Addr::from(0x7f01_0001 + number).into())
    }

    /// A caller from an address of this machine.
    pub(crate) fn from_address(base: &str, address: IpAddr) -> Self {
        let _entered = runtime().enter();
        let http = reqwest::Client::builder()
            .local_address(address)
            .timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            http,
            base: base.to_owned(),
            token: None,
        }
    }

    /// The same caller with a token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The same caller without a token.
    pub(crate) fn without_token(&self) -> Self {
        Self {
            token: None,
            ..self.clone()
        }
    }

    /// The same caller at another server.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    /// A request to be completed; `path` may be a whole URL.
    pub(crate) fn request(&self, method: Method, path: &str) -> Request {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        let what = format!("{method} {path}");
        let mut builder = self.http.request(method, url);
        if let Some(token) = &self.token {
            builder = builder.bearer_auth(token);
        }
        Request { builder, what }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).send()
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path).send()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::POST, path).json(body).send()
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::PUT, path).json(body).send()
    }
}

/// A request under construction.
pub(crate) struct Request {
    builder: reqwest::RequestBuilder,
    what: String,
}

impl Request {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.builder = self
            .builder
            .header("content-type", "application/json")
            .body(body.to_string());
        self
    }

    pub(crate) fn body(mut self, bytes: impl Into<reqwest::Body>) -> Self {
        self.builder = self.builder.body(bytes);
        self
    }

    /// Sends it; a connection that fails fails the test.
    pub(crate) fn send(self) -> Answer {
        let what = self.what.clone();
        self.try_send()
            .unwrap_or_else(|error| panic!("{what}: {error:?}"))
    }

    /// Sends it to a server that may be dying.
    pub(crate) fn try_send(self) -> Result<Answer, reqwest::Error> {
        runtime().block_on(async move {
            let answer = self.builder.send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let body = answer.bytes().await?.to_vec();
            Ok(Answer {
                what: self.what,
                status,
                headers,
                body,
            })
        })
    }
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) what: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn describe(&self) -> String {
        let text = self.text();
        format!(
            "{}: {} {}",
            self.what,
            self.status,
            &text[..text.floor_char_boundary(2000)]
        )
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert!(
            self.status == status,
            "expected {status}, got {}",
            self.describe()
        );
        self
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.describe()))
    }

    /// `200` with JSON.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        self.expect(200).json()
    }

    /// `201` with JSON.
    #[track_caller]
    pub(crate) fn made(self) -> Value {
        self.expect(201).json()
    }

    /// `204`.
    #[track_caller]
    pub(crate) fn gone(self) {
        assert!(self.expect(204).body.is_empty());
    }

    /// An error of this status and code in the one shape of errors; the answer is its `error` object.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let found = self.error();
        assert!(
            self.status == status && found["code"] == code,
            "expected {status} {code}, got {}",
            self.describe()
        );
        found
    }

    /// The `error` object of an answer that must be an error in the one shape of errors.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        assert!(self.status >= 400, "expected an error, got {}", self.describe());
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{}",
            self.describe()
        );
        let body: ErrorBody =
            serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.describe()));
        assert_eq!(
            body.error.code.status(),
            self.status,
            "code and status disagree: {}",
            self.describe()
        );
        let sentence = body.error.message.trim();
        let enough = sentence.chars().count() > 10 && sentence.contains(' ');
        assert!(enough, "not a sentence: {}", self.describe());
        let id = self.header("x-correlation-id");
        assert_eq!(
            id,
            Some(body.error.correlation_id.as_str()),
            "correlation ids differ: {}",
            self.describe()
        );
        assert!(
            self.status != 401 || self.header("www-authenticate").is_some(),
            "{}",
            self.describe()
        );
        let waits = matches!(self.status, 429 | 503);
        assert!(
            !waits || self.header("retry-after").is_some(),
            "no Retry-After: {}",
            self.describe()
        );
        self.json()["error"].clone()
    }

    #[track_caller]
    pub(crate) fn etag(&self) -> String {
        self.header("etag")
            .unwrap_or_else(|| panic!("no ETag: {}", self.describe()))
            .to_owned()
    }

    /// Path of the next page.
    pub(crate) fn next(&self) -> Option<String> {
        let link = self.header("link")?;
        let (target, rest) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
        assert_eq!(rest, "; rel=\"next\"", "{link}");
        Some(target.to_owned())
    }
}
