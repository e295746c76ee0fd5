//! What tests of this crate share: a clock that is set by hand, accounts in memory, and a server around them.
#![allow(clippy::unwrap_used)]

mod fake_access;
mod fake_isp;
mod fake_journal;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::{App, HttpMessage, test};
use argon2::Params;
use cadastre_api_types::internal::Account;
use cadastre_api_types::token::VerifiedToken;
use cadastre_domain::roles::{Grant, GrantTarget, Role};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::auth::access_token::AccessTokens;
use crate::auth::keys::KeyRing;
use crate::auth::password::{Limits, Passwords};
use crate::auth::throttle::LoginThrottle;
use crate::clock::Clock;
use crate::config::FrontendConfig;
use crate::frontend::Frontend;
use crate::secrets::SecretBox;
use crate::state::FrontendState;

pub(crate) use fake_access::FakeAccess;
pub(crate) use fake_journal::FakeJournal;

/// A clock that moves when told to.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    const START: i64 = 1_800_000_000;

    pub(crate) fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(Self::START + self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn uptime(&self) -> Duration {
        // A machine that has been up for a while.
        Duration::from_secs(1_000_000 + u64::try_from(self.0.load(Ordering::SeqCst)).unwrap())
    }
}

/// An account without password, roles, sessions or tokens.
pub(crate) fn account(name: &str) -> Account {
    Account {
        name: name.to_owned(),
        password_hash: String::new(),
        grants: Vec::new(),
        sessions: Vec::new(),
        tokens: Vec::new(),
        created: Timestamp::UNIX_EPOCH,
        modified: Timestamp::UNIX_EPOCH,
        revision: 1,
        version: 1,
    }
}

/// Passwords whose hashes cost next to nothing.
pub(crate) fn cheap_passwords() -> Passwords {
    let limits = Limits {
        concurrency: 4,
        queue: 1000,
        wait: Duration::from_secs(30),
    };
    Passwords::with_params(Params::new(8, 1, 1, None).unwrap(), limits).unwrap()
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The code of an error, after checking that it has the shape of one.
    pub(crate) fn code(&self) -> &str {
        let error = &self.json["error"];
        assert!(
            error["message"].as_str().is_some_and(|text| !text.is_empty()),
            "{self:?}"
        );
        assert!(
            error["correlationId"].as_str().is_some_and(|id| id.len() == 36),
            "{self:?}"
        );
        assert!(
            self.header("content-type")
                .is_some_and(|value| value.starts_with("application/json")),
            "{self:?}"
        );
        error["code"].as_str().unwrap()
    }

    pub(crate) fn text(&self, field: &str) -> String {
        self.json[field]
            .as_str()
            .unwrap_or_else(|| panic!("{field} in {self:?}"))
            .to_owned()
    }
}

/// A request to be made.
#[derive(Default)]
pub(crate) struct Call<'a> {
    pub(crate) bearer: Option<&'a str>,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: Option<Value>,
    pub(crate) verified: Option<VerifiedToken>,
}

/// A frontend over accounts in memory.
pub(crate) struct Server {
    pub(crate) frontend: Frontend,
    pub(crate) state: actix_web::web::Data<FrontendState>,
    pub(crate) access: Arc<FakeAccess>,
    pub(crate) clock: Arc<TestClock>,
    _dir: tempfile::TempDir,
}

/// The password of every user of a [`Server`].
pub(crate) const PASSWORD: &str = "korrekt pferd batterie";

impl Server {
    /// With the user `admin`, who has the role `SystemAdmin`.
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::new());
        let access = Arc::new(FakeAccess::at(clock.clone()));
        let config = FrontendConfig {
            service_token: Some("between-our-services".into()),
            stream_heartbeat: Duration::from_millis(40),
            ..FrontendConfig::default()
        };
        let ring = Arc::new(KeyRing::load_or_generate(dir.path()).unwrap());
        let state = FrontendState {
            tokens: AccessTokens::new(ring, clock.clone(), config.access_token_seconds),
            throttle: LoginThrottle::new(&config.login_throttle, clock.clone()),
            passwords: cheap_passwords(),
            secrets: Arc::new(SecretBox::load_or_create(dir.path()).unwrap()),
            access: access.clone(),
            clock: clock.clone(),
            config,
            streams: tokio_util::sync::CancellationToken::new(),
            imports: tokio::sync::Semaphore::new(crate::state::IMPORTS),
        };
        let frontend = Frontend::of(state, None);
        let server = Self {
            state: frontend.state(),
            frontend,
            access,
            clock,
            _dir: dir,
        };
        server
            .add_user("admin", &[(Role::SystemAdmin, GrantTarget::System, None)])
            .await;
        server
    }

    /// Adds a user with roles.
    pub(crate) async fn add_user(&self, name: &str, roles: &[(Role, GrantTarget, Option<&str>)]) {
        let grants = roles.iter().map(|(role, target, prefix)| Grant {
            id: Uuid::now_v7(),
            role: *role,
            target: *target,
            prefix: prefix.map(|text| text.parse().unwrap()),
        });
        let password_hash = self.state.passwords.hash(PASSWORD).await.unwrap();
        self.access.add(Account {
            password_hash,
            grants: grants.collect(),
            ..account(name)
        });
    }

    /// Makes a request.
    pub(crate) async fn call(&self, method: &str, path: &str, call: Call<'_>) -> Answer {
        let app = test::init_service(App::new().configure(self.frontend.configure())).await;
        let mut request = test::TestRequest::with_uri(path)
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .peer_addr("192.0.2.1:5000".parse().unwrap());
        if let Some(token) = call.bearer {
            request = request.insert_header(("authorization", format!("Bearer {token}")));
        }
        for header in call.headers {
            request = request.append_header(*header);
        }
        if let Some(body) = &call.body {
            request = request.set_json(body);
        }
        let request = request.to_request();
        if let Some(verified) = call.verified {
            request.extensions_mut().insert(verified);
        }
        let answer = test::call_service(&app, request).await;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = test::read_body(answer).await;
        Answer {
            status,
            headers,
            json: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }

    pub(crate) async fn get(&self, path: &str, bearer: &str) -> Answer {
        self.call(
            "GET",
            path,
            Call {
                bearer: Some(bearer),
                ..Call::default()
            },
        )
        .await
    }

    pub(crate) async fn delete(&self, path: &str, bearer: &str) -> Answer {
        self.call(
            "DELETE",
            path,
            Call {
                bearer: Some(bearer),
                ..Call::default()
            },
        )
        .await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, bearer: &str, body: Value) -> Answer {
        self.call(
            method,
            path,
            Call {
                bearer: Some(bearer),
                body: Some(body),
                ..Call::default()
            },
        )
        .await
    }

    /// A request with a body and without a token.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(
            "POST",
            path,
            Call {
                body: Some(body),
                ..Call::default()
            },
        )
        .await
    }

    /// The answer to a login.
    pub(crate) async fn login_with(&self, username: &str, password: &str) -> Answer {
        self.post(
            "/api/v1/auth/login",
            serde_json::json!({ "username": username, "password": password }),
        )
        .await
    }

    /// The access token of a successful login.
    pub(crate) async fn login(&self, username: &str) -> String {
        let answer = self.login_with(username, PASSWORD).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("accessToken")
    }
}
