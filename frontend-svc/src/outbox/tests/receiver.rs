//! A receiver: a real server on a real socket that keeps what it got and answers what it was told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// An answer: status, headers, body.
pub(super) type Answer = (u16, Vec<(&'static str, String)>, String);

struct Parts {
    got: watch::Sender<Vec<Got>>,
    answers: Mutex<VecDeque<Answer>>,
    /// Requests wait for a permit before they are answered.
    gate: Semaphore,
    inside: AtomicUsize,
    most_inside: AtomicUsize,
}

/// Stops when dropped.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    parts: Arc<Parts>,
    handle: ServerHandle,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

impl Receiver {
    /// Answers at once: these answers first, then 204.
    pub(super) fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::start(answers.into_iter().collect(), Semaphore::MAX_PERMITS)
    }

    /// Answers nobody before [`Receiver::open`].
    pub(super) fn closed() -> Self {
        Self::start(VecDeque::new(), 0)
    }

    fn start(answers: VecDeque<Answer>, permits: usize) -> Self {
        let parts = Arc::new(Parts {
            got: watch::Sender::default(),
            answers: Mutex::new(answers),
            gate: Semaphore::new(permits),
            inside: AtomicUsize::new(0),
            most_inside: AtomicUsize::new(0),
        });
        let data = web::Data::from(Arc::clone(&parts));
        let server =
            HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(answer)))
                .workers(1)
                .disable_signals()
                .bind("127.0.0.1:0")
                .unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            address,
            parts,
            handle,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Lets everybody in.
    pub(super) fn open(&self) {
        self.parts.gate.add_permits(Semaphore::MAX_PERMITS);
    }

    pub(super) fn got(&self) -> Vec<Got> {
        self.parts.got.borrow().clone()
    }

    /// Waits until so many requests have come.
    pub(super) async fn got_times(&self, times: usize) -> Vec<Got> {
        let mut seen = self.parts.got.subscribe();
        seen.wait_for(|got| got.len() >= times).await.unwrap().clone()
    }

    /// Most requests that it had at a time.
    pub(super) fn most_at_a_time(&self) -> usize {
        self.parts.most_inside.load(Ordering::SeqCst)
    }
}

async fn answer(request: HttpRequest, body: web::Bytes, parts: web::Data<Parts>) -> HttpResponse {
    let headers = request.headers().iter();
    let got = Got {
        path: request.path().to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: body.to_vec(),
    };
    let inside = parts.inside.fetch_add(1, Ordering::SeqCst) + 1;
    parts.most_inside.fetch_max(inside, Ordering::SeqCst);
    parts.got.send_modify(|all| all.push(got));
    drop(parts.gate.acquire().await.unwrap());
    parts.inside.fetch_sub(1, Ordering::SeqCst);
    let (status, headers, body) =
        parts
            .answers
            .lock()
            .pop_front()
            .unwrap_or((204, Vec::new(), String::new()));
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    for header in headers {
        response.insert_header(header);
    }
    response.body(body)
}
