//! Upstreams: one that answers like a frontend, one that speaks bytes, one that is not there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::Method, web};
use bytes::Bytes;
use futures::StreamExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

/// What an upstream was asked, and how it is to behave.
#[derive(Default)]
pub(crate) struct Frontend {
    pub(crate) requests: AtomicUsize,
    pub(crate) finished: AtomicUsize,
    pub(crate) bodies_broken_off: AtomicUsize,
    pub(crate) not_ready: AtomicBool,
    /// Says that it is another service.
    pub(crate) is_another: AtomicBool,
    pub(crate) next_event: Notify,
}

/// Starts an upstream like a frontend.
pub(crate) fn frontend() -> (SocketAddr, Arc<Frontend>) {
    let state = Arc::new(Frontend::default());
    let data = web::Data::from(Arc::clone(&state));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .app_data(web::PayloadConfig::new(64 << 20))
            .route("/ready", web::get().to(ready))
            .route("/events", web::get().to(events))
            .route("/slow", web::route().to(slow))
            .route("/slow/ips/import", web::route().to(slow))
            .route(
                "/empty",
                web::get().to(|| async { HttpResponse::NoContent().finish() }),
            )
            .route(
                "/moved",
                web::get().to(|| async {
                    HttpResponse::Found()
                        .insert_header(("location", "/elsewhere"))
                        .finish()
                }),
            )
            .default_service(web::route().to(echo))
    })
    .workers(1)
    .disable_signals()
    .h1_allow_half_closed(false)
    .bind(("127.0.0.1", 0))
    .unwrap();
    let address = server.addrs()[0];
    actix_web::rt::spawn(server.run());
    (address, state)
}

async fn ready(state: web::Data<Frontend>, request: HttpRequest) -> HttpResponse {
    if request.headers().get("x-cadastre-service-token").is_none() {
        return HttpResponse::BadRequest().finish();
    }
    if state.is_another.load(Ordering::SeqCst) {
        return HttpResponse::Ok()
            .insert_header(("x-cadastre-role", "dataaccess"))
            .finish();
    }
    if state.not_ready.load(Ordering::SeqCst) {
        let body = serde_json::json!({ "error": { "message": "The store is away." } });
        return HttpResponse::ServiceUnavailable().json(body);
    }
    HttpResponse::Ok().finish()
}

async fn echo(state: web::Data<Frontend>, request: HttpRequest, mut body: web::Payload) -> HttpResponse {
    state.requests.fetch_add(1, Ordering::SeqCst);
    let mut length = 0;
    while let Some(chunk) = body.next().await {
        let Ok(chunk) = chunk else {
            state.bodies_broken_off.fetch_add(1, Ordering::SeqCst);
            return HttpResponse::BadRequest().finish();
        };
        length += chunk.len();
    }
    state.finished.fetch_add(1, Ordering::SeqCst);
    let headers: serde_json::Map<_, _> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
        .collect();
    let answer = json!({ "path": request.uri().to_string(), "headers": headers, "body": length });
    if request.method() == Method::HEAD {
        return HttpResponse::Ok().body("twelve bytes");
    }
    HttpResponse::Created()
        .insert_header(("etag", "\"7\""))
        .append_header(("set-cookie", "a=1"))
        .append_header(("set-cookie", "b=2"))
        .json(answer)
}

async fn events(state: web::Data<Frontend>) -> HttpResponse {
    let stream = futures::stream::unfold(0, move |n| {
        let state = state.clone();
        async move {
            if n > 0 {
                state.next_event.notified().await;
            }
            Some((
                Ok::<_, std::io::Error>(Bytes::from(format!("data: {n}\n\n"))),
                n + 1,
            ))
        }
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .streaming(stream)
}

async fn slow(state: web::Data<Frontend>) -> HttpResponse {
    state.requests.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(400)).await;
    state.finished.fetch_add(1, Ordering::SeqCst);
    HttpResponse::Ok().finish()
}

/// An upstream that reads a request's head, answers with these bytes, and closes. Tells what it read.
pub(crate) async fn raw(answer: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut read = Vec::new();
                while !read.windows(4).any(|window| window == b"\r\n\r\n") {
                    if connection.read_buf(&mut read).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let _ = sender.send(String::from_utf8_lossy(&read).to_ascii_lowercase());
                let _ = connection.write_all(answer.as_bytes()).await;
            });
        }
    });
    (address, receiver)
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}
