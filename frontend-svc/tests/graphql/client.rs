//! A server in this process that counts what reaches its data access layer, and a client of it.

use std::any::Any;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::{App, test};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_frontend::{Frontend, FrontendConfig};
use cadastre_storage::MemoryStore;
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "drei maulwürfe graben";

/// Counts the calls that reach a data access layer.
pub(crate) struct Counted {
    inner: Arc<LocalDataAccess>,
    calls: Mutex<BTreeMap<&'static str, usize>>,
}

impl Counted {
    fn count(&self, call: &'static str) {
        *self.calls.lock().unwrap().entry(call).or_default() += 1;
    }

    /// Counts what a question costs beside.
    fn look(&self, request: &dyn Any) {
        if let Some(IspAsk {
            question: IspQuestion::Figures { with_days: true, .. },
            ..
        }) = request.downcast_ref()
        {
            self.count("isp_ask for days");
        }
    }
}

macro_rules! counted {
    ($($name:ident($request:ty) -> $response:ty, $doc:literal;)+) => {
        #[async_trait::async_trait]
        impl DataAccess for Counted {
            $(
                async fn $name(&self, context: &CallContext, request: $request) -> Result<$response, ApiError> {
                    self.count(stringify!($name));
                    self.look(&request);
                    self.inner.$name(context, request).await
                }
            )+
        }
    };
}

cadastre_api_types::data_access_calls!(counted);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
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

    /// The data, if nothing failed.
    #[track_caller]
    pub(crate) fn data(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.json.get("errors").is_none(), "{self:?}");
        self.json["data"].clone()
    }

    /// The only error, and its code.
    #[track_caller]
    pub(crate) fn error(&self) -> (String, Value) {
        let errors = self.json["errors"]
            .as_array()
            .unwrap_or_else(|| panic!("{self:?}"));
        assert_eq!(errors.len(), 1, "{self:?}");
        let extensions = &errors[0]["extensions"];
        assert!(
            extensions["correlationId"]
                .as_str()
                .is_some_and(|id| id.len() == 36),
            "{self:?}"
        );
        assert!(extensions["status"].is_u64(), "{self:?}");
        assert!(
            errors[0]["message"].as_str().is_some_and(|text| text.len() > 5),
            "{self:?}"
        );
        (extensions["code"].as_str().unwrap().to_owned(), errors[0].clone())
    }

    /// The code of the only error of a document that was run.
    #[track_caller]
    pub(crate) fn fails(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.error().0
    }
}

/// A server with the user `admin`, and an address space.
pub(crate) struct Api {
    pub(crate) frontend: Frontend,
    pub(crate) bearer: String,
    /// Id of the address space.
    pub(crate) space: String,
    access: Arc<Counted>,
    _dir: Arc<tempfile::TempDir>,
}

impl Api {
    pub(crate) async fn start() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let inner = LocalDataAccess::open(Arc::new(MemoryStore::new()), DataAccessConfig::default())
            .await
            .unwrap();
        let access = Arc::new(Counted {
            inner,
            calls: Mutex::default(),
        });
        let config = FrontendConfig {
            keys_dir: dir.path().join("keys"),
            admin_password: Some(PASSWORD.to_owned()),
            admin_password_file: dir.path().join("admin-password"),
            stream_heartbeat: Duration::from_millis(50),
            ..FrontendConfig::default()
        };
        let frontend = Frontend::start(config, access.clone()).await.unwrap();
        let mut api = Self {
            frontend,
            bearer: String::new(),
            space: String::new(),
            access,
            _dir: dir,
        };
        api.bearer = api.login("admin").await;
        api.space = api.add_space("Provider").await;
        api
    }

    /// Another address space; its id.
    pub(crate) async fn add_space(&self, name: &str) -> String {
        let made = self
            .rest("POST", "/api/v1/addressspaces", json!({ "name": name }))
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        made.json["id"].as_str().unwrap().to_owned()
    }

    async fn login(&self, user: &str) -> String {
        let body = json!({ "username": user, "password": PASSWORD });
        let answer = self.rest("POST", "/api/v1/auth/login", body).await;
        answer.json["accessToken"].as_str().unwrap().to_owned()
    }

    /// The same server for a user with one role in an address space.
    pub(crate) async fn as_user(&self, name: &str, role: &str, space: &str) -> Self {
        let body = json!({ "username": name, "password": PASSWORD });
        assert_eq!(self.rest("POST", "/api/v1/users", body).await.status, 201);
        let grant = json!({ "role": role, "addressSpaceId": space });
        let path = format!("/api/v1/users/{name}/roles");
        assert_eq!(self.rest("POST", &path, grant).await.status, 201);
        Self {
            frontend: self.frontend.clone(),
            bearer: self.login(name).await,
            space: space.to_owned(),
            access: Arc::clone(&self.access),
            _dir: Arc::clone(&self._dir),
        }
    }

    /// The same server for somebody whom nobody knows.
    pub(crate) fn without_token(self) -> Self {
        Self {
            bearer: String::new(),
            ..self
        }
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> test::TestRequest {
        let mut request = test::TestRequest::with_uri(path)
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .peer_addr("192.0.2.1:5000".parse().unwrap());
        if !self.bearer.is_empty() {
            request = request.insert_header(("authorization", format!("Bearer {}", self.bearer)));
        }
        for header in headers {
            request = request.append_header(*header);
        }
        if body.is_empty() {
            request
        } else {
            request.set_payload(body)
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
        let request = self.request(method, path, headers, body);
        let answer = test::call_service(&app, request.to_request()).await;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = test::read_body(answer).await;
        Answer {
            status,
            headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
            json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    pub(crate) async fn rest(&self, method: &str, path: &str, body: Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.raw(method, path, &headers, body.to_string().into_bytes())
            .await
    }

    /// Asks with `POST`.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Answer {
        self.rest(
            "POST",
            "/graphql",
            json!({ "query": query, "variables": variables }),
        )
        .await
    }

    /// The data of what must not fail.
    pub(crate) async fn data(&self, query: &str, variables: Value) -> Value {
        self.ask(query, variables).await.data()
    }

    /// A pool; its id.
    pub(crate) async fn pool(&self, name: &str, network: &str) -> String {
        let query = "mutation($input: CreateIPPoolInput!) { createIPPool(input: $input) { id } }";
        let input = json!({ "poolName": name, "poolType": "IPV4_PUBLIC", "networkCidr": network });
        let made = self.data(query, json!({ "input": input })).await;
        made["createIPPool"]["id"].as_str().unwrap().to_owned()
    }

    /// A reservation of the next address; its id.
    pub(crate) async fn assign(&self, subscriber: &str, pool: &str) -> String {
        let query = "mutation($s: String!, $p: ID!) { assignIPAuto(subscriberId: $s, poolId: $p) { id } }";
        let made = self.data(query, json!({ "s": subscriber, "p": pool })).await;
        made["assignIPAuto"]["id"].as_str().unwrap().to_owned()
    }

    /// How often the provider's side was read since the last time that this was asked, by call.
    pub(crate) fn reads(&self) -> BTreeMap<&'static str, usize> {
        let mut calls = self.access.calls.lock().unwrap();
        let taken = std::mem::take(&mut *calls);
        taken
            .into_iter()
            .filter(|(call, _)| call.starts_with("isp_"))
            .collect()
    }

    /// Opens a stream.
    pub(crate) async fn follow(&self, query: &str, variables: Value) -> Stream {
        let app = test::init_service(App::new().configure(self.frontend.configure())).await;
        let headers = [
            ("content-type", "application/json"),
            ("accept", "text/event-stream"),
        ];
        let body = json!({ "query": query, "variables": variables }).to_string();
        let request = self.request("POST", "/graphql", &headers, body.into_bytes());
        let answer = test::call_service(&app, request.to_request()).await;
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers().get("content-type").unwrap(), "text/event-stream");
        Stream {
            body: answer.into_body(),
            text: String::new(),
        }
    }
}

/// A stream as its client sees it.
pub(crate) struct Stream {
    body: BoxBody,
    pub(crate) text: String,
}

impl Stream {
    /// The next piece; `None` = it has ended.
    pub(crate) async fn piece(&mut self) -> Option<String> {
        let next = std::future::poll_fn(|context| Pin::new(&mut self.body).poll_next(context));
        let piece = tokio::time::timeout(Duration::from_secs(10), next).await;
        let bytes = piece.expect("a stream that goes on")?.ok().unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.text.push_str(&text);
        Some(text)
    }

    /// The data of the next `next` event.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            let piece = self
                .piece()
                .await
                .unwrap_or_else(|| panic!("no more in {}", self.text));
            if let Some(data) = piece.strip_prefix("event: next\ndata: ") {
                return serde_json::from_str(data.trim_end()).unwrap();
            }
            assert!(piece == ":\n\n", "{piece}");
        }
    }

    /// Reads until it has begun to wait: a sign of life.
    pub(crate) async fn waits(&mut self) {
        loop {
            let piece = self
                .piece()
                .await
                .unwrap_or_else(|| panic!("no more in {}", self.text));
            if piece == ":\n\n" {
                return;
            }
        }
    }

    pub(crate) async fn finish(&mut self) {
        while self.piece().await.is_some() {}
    }
}
