//! The authentication half of the API over the real data access layer and a store in memory: first start,
//! sessions, users, roles and API tokens as a client sees them.
#![allow(clippy::unwrap_used, missing_docs)]

mod sessions;
mod start;
mod users;

use std::path::Path;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::{App, test};
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_frontend::{Frontend, FrontendConfig};
use cadastre_storage::MemoryStore;
use serde_json::{Value, json};

const PASSWORD: &str = "drei maulwürfe graben";

/// A store that outlives the frontends on it, and a directory for their files.
struct Site {
    access: Arc<LocalDataAccess>,
    dir: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let access = LocalDataAccess::open(store, DataAccessConfig::default())
            .await
            .unwrap();
        Self {
            access,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn config(&self, admin_password: Option<&str>) -> FrontendConfig {
        FrontendConfig {
            keys_dir: self.dir.path().join("keys"),
            admin_password: admin_password.map(str::to_owned),
            admin_password_file: self.password_file().to_path_buf(),
            ..FrontendConfig::default()
        }
    }

    fn password_file(&self) -> Box<Path> {
        self.dir.path().join("admin-password").into()
    }

    async fn start(&self, admin_password: Option<&str>) -> Frontend {
        Frontend::start(self.config(admin_password), self.access.clone())
            .await
            .unwrap()
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Answer {
    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    #[track_caller]
    fn fails(self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.json["error"]["code"].as_str()),
            (status, Some(code)),
            "{self:?}"
        );
    }

    #[track_caller]
    fn text(&self, field: &str) -> String {
        self.json[field]
            .as_str()
            .unwrap_or_else(|| panic!("{field} in {self:?}"))
            .to_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Sends a request; headers as they are.
async fn send(
    frontend: &Frontend,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Answer {
    let app = test::init_service(App::new().configure(frontend.configure())).await;
    let mut request =
        test::TestRequest::with_uri(path).method(Method::from_bytes(method.as_bytes()).unwrap());
    for header in headers {
        request = request.append_header(*header);
    }
    if let Some(body) = &body {
        request = request.set_json(body);
    }
    let answer = test::call_service(&app, request.to_request()).await;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = test::read_body(answer).await;
    Answer {
        status,
        headers,
        json: serde_json::from_slice(&body).unwrap_or(Value::Null),
    }
}

/// Sends a request with a token.
async fn ask(frontend: &Frontend, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
    send(
        frontend,
        method,
        path,
        &[("authorization", &format!("Bearer {token}"))],
        body,
    )
    .await
}

async fn login(frontend: &Frontend, username: &str, password: &str) -> Answer {
    let body = json!({ "username": username, "password": password });
    send(frontend, "POST", "/api/v1/auth/login", &[], Some(body)).await
}

async fn token(frontend: &Frontend, username: &str) -> String {
    login(frontend, username, PASSWORD)
        .await
        .is(200)
        .text("accessToken")
}
