//! A server in this process and a client of it.

use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::{App, test};
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_frontend::{Frontend, FrontendConfig};
use cadastre_storage::MemoryStore;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) const PASSWORD: &str = "drei maulwürfe graben";

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
            .to_str()
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// An error with this code; its sentence.
    #[track_caller]
    pub(crate) fn fails(self, status: u16, code: &str) -> String {
        assert_eq!(
            (self.status, self.json["error"]["code"].as_str()),
            (status, Some(code)),
            "{self:?}"
        );
        assert!(self.json["error"]["correlationId"].is_string(), "{self:?}");
        self.json["error"]["message"].as_str().unwrap().to_owned()
    }

    /// Values of one field over a list.
    #[track_caller]
    pub(crate) fn all(&self, field: &str) -> Vec<&str> {
        assert_eq!(self.status, 200, "{self:?}");
        self.json
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item[field].as_str().unwrap())
            .collect()
    }
}

/// A server with the user `admin`, and a space of its own.
pub(crate) struct Api {
    frontend: Frontend,
    bearer: String,
    /// `/api/v1/addressspaces/{id}` of the space.
    pub(crate) space: String,
    _dir: Arc<tempfile::TempDir>,
}

impl Api {
    pub(crate) async fn start() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let access = LocalDataAccess::open(Arc::new(MemoryStore::new()), DataAccessConfig::default())
            .await
            .unwrap();
        let config = FrontendConfig {
            keys_dir: dir.path().join("keys"),
            admin_password: Some(PASSWORD.to_owned()),
            admin_password_file: dir.path().join("admin-password"),
            ..FrontendConfig::default()
        };
        let frontend = Frontend::start(config, access).await.unwrap();
        let mut api = Self {
            frontend,
            bearer: String::new(),
            space: String::new(),
            _dir: dir,
        };
        api.bearer = api.login("admin").await;
        let made = api
            .post("/api/v1/addressspaces", json!({ "name": "Corporate" }))
            .await
            .is(201);
        api.space = made.header("location").to_owned();
        api
    }

    async fn login(&self, user: &str) -> String {
        let answer = self
            .post(
                "/api/v1/auth/login",
                json!({ "username": user, "password": PASSWORD }),
            )
            .await
            .is(200);
        answer.json["accessToken"].as_str().unwrap().to_owned()
    }

    /// The same server for a user with one role in the space.
    pub(crate) async fn as_user(&self, name: &str, role: &str, prefix: Option<&str>) -> Self {
        self.post("/api/v1/users", json!({ "username": name, "password": PASSWORD }))
            .await
            .is(201);
        let space = self.space.rsplit('/').next().unwrap();
        let mut grant = json!({ "role": role, "addressSpaceId": space });
        if let Some(prefix) = prefix {
            grant["prefix"] = json!(prefix);
        }
        self.post(&format!("/api/v1/users/{name}/roles"), grant)
            .await
            .is(201);
        Self {
            frontend: self.frontend.clone(),
            bearer: self.login(name).await,
            space: self.space.clone(),
            _dir: Arc::clone(&self._dir),
        }
    }

    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let app = test::init_service(App::new().configure(self.frontend.configure())).await;
        let path = if path.starts_with("/api/") {
            path.to_owned()
        } else {
            format!("{}{path}", self.space)
        };
        let mut request = test::TestRequest::with_uri(&path)
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .peer_addr("192.0.2.1:5000".parse().unwrap());
        if !self.bearer.is_empty() {
            request = request.insert_header(("authorization", format!("Bearer {}", self.bearer)));
        }
        for header in headers {
            request = request.append_header(*header);
        }
        if !body.is_empty() {
            request = request.set_payload(body);
        }
        let answer = test::call_service(&app, request.to_request()).await;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = test::read_body(answer).await;
        let json = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        };
        Answer {
            status,
            headers,
            json,
        }
    }

    /// With headers beside the body's own.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.raw(method, path, &all, body.to_string().into_bytes()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.raw("GET", path, &[], Vec::new()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.raw("DELETE", path, &[], Vec::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[], body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, &[], body).await
    }

    /// A tag that flows down and takes any value.
    pub(crate) async fn tag(&self, name: &str) {
        self.post("/tags", json!({ "name": name, "type": "Inheritable" }))
            .await
            .is(201);
    }

    /// A node; its path.
    pub(crate) async fn node(&self, prefix: &str, tags: Value) -> String {
        let made = self
            .post("/ips", json!({ "prefix": prefix, "tags": tags }))
            .await
            .is(201);
        made.header("location").to_owned()
    }

    /// All items of a list, following its links; and how many pages it took.
    pub(crate) async fn follow(&self, path: &str, field: &str) -> (Vec<String>, usize) {
        let (mut items, mut pages, mut next) = (Vec::new(), 0, path.to_owned());
        loop {
            let page = self.get(&next).await.is(200);
            items.extend(page.all(field).into_iter().map(str::to_owned));
            pages += 1;
            let Some(link) = page.headers.get("link") else {
                return (items, pages);
            };
            let link = link.to_str().unwrap();
            next = link
                .strip_prefix('<')
                .unwrap()
                .split('>')
                .next()
                .unwrap()
                .to_owned();
        }
    }
}
