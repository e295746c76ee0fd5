//! What passes through the proxy, and what stays on its connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use cadastre_gateway::GatewayConfig;
use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::upstreams::{frontend, raw};
use super::{client, config, start, start_with};
use crate::support::eventually;

#[actix_web::test]
async fn a_request_arrives_with_our_word_about_the_client_and_the_answer_comes_back_whole() {
    let (upstream, _) = frontend();
    let gateway = start(&[upstream]);
    let response = client()
        .post(gateway.url("/api/v1/a%2Fb?x=%20y&z=1"))
        .header("x-forwarded-for", "1.2.3.4")
        .header("x-cadastre-service-token", "guess")
        .header("x-correlation-id", "through")
        .header("tracestate", "v=1")
        .header("te", "trailers")
        .header("if-match", "\"6\"")
        .body("hello")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["etag"], "\"7\"");
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    assert_eq!(response.headers()["x-correlation-id"], "through");
    assert_eq!(response.headers()["x-frame-options"], "DENY");
    assert!(response.headers().contains_key("content-length"));
    let seen: Value = response.json().await.unwrap();
    assert_eq!(seen["path"], "/api/v1/a%2Fb?x=%20y&z=1");
    assert_eq!(seen["body"], 5);
    let headers = &seen["headers"];
    assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["x-forwarded-host"], gateway.address.to_string());
    assert_eq!(headers["host"], upstream.to_string());
    assert_eq!(headers["x-cadastre-service-token"], "service-secret");
    assert_eq!(headers["x-correlation-id"], "through");
    assert_eq!(headers["tracestate"], "v=1");
    assert_eq!(headers["if-match"], "\"6\"");
    assert_eq!(headers["traceparent"].as_str().unwrap().len(), 55);
    assert_eq!(headers["te"], Value::Null);
}

#[actix_web::test]
async fn connection_headers_of_the_upstream_stay_there() {
    let (upstream, mut asked) = raw(
        "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nX-End: 1\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let gateway = start(&[upstream]);
    let request = client()
        .get(gateway.url("/"))
        .header("connection", "keep-alive, x-mine")
        .header("x-mine", "1")
        .header("upgrade", "websocket")
        .header("keep-alive", "timeout=9");
    let response = request.send().await.unwrap();
    for gone in ["x-hop", "keep-alive", "proxy-authenticate"] {
        assert!(!response.headers().contains_key(gone), "{gone}");
    }
    assert_eq!(response.headers()["x-end"], "1");
    assert_eq!(response.text().await.unwrap(), "ok");
    let head = asked.recv().await.unwrap();
    for gone in ["x-mine", "upgrade", "keep-alive"] {
        assert!(!head.contains(gone), "{gone}: {head}");
    }
}

#[actix_web::test]
async fn events_flow_as_they_happen() {
    let (upstream, state) = frontend();
    let gateway = start(&[upstream]);
    let mut response = client().get(gateway.url("/events")).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    for n in 0..3 {
        // The next one is made only after this one has arrived here.
        let chunk = tokio::time::timeout(Duration::from_secs(3), response.chunk())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(chunk, format!("data: {n}\n\n"));
        state.next_event.notify_one();
    }
}

#[actix_web::test]
async fn a_gateway_that_ends_ends_streams_of_events_as_if_they_were_complete() {
    let (upstream, _) = frontend();
    let gateway = start(&[upstream]);
    let mut response = client().get(gateway.url("/events")).send().await.unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    gateway.proxy.end_streams();
    let rest = tokio::time::timeout(Duration::from_secs(3), response.chunk()).await;
    assert_eq!(rest.unwrap().unwrap(), None);
}

#[actix_web::test]
async fn a_large_body_without_a_length_streams_through() {
    let (upstream, _) = frontend();
    let gateway = start(&[upstream]);
    let chunks = (0..80).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 65_536])));
    let response = client()
        .post(gateway.url("/api/v1/addressspaces/a/ips/import"))
        .body(reqwest::Body::wrap_stream(futures::stream::iter(chunks)))
        .send()
        .await
        .unwrap();
    let seen: Value = response.json().await.unwrap();
    assert_eq!(seen["body"], 80 * 65_536);
    assert_eq!(seen["headers"]["transfer-encoding"], "chunked");
}

#[actix_web::test]
async fn a_large_body_with_a_length_keeps_it() {
    let (upstream, _) = frontend();
    let gateway = start(&[upstream]);
    let response = client()
        .post(gateway.url("/api/v1/x"))
        .body(vec![b'x'; 500_000])
        .send()
        .await
        .unwrap();
    let seen: Value = response.json().await.unwrap();
    assert_eq!(seen["body"], 500_000);
    assert_eq!(seen["headers"]["content-length"], "500000");
}

#[actix_web::test]
async fn a_body_over_the_limit_ends_here_whether_it_says_so_or_not() {
    let (upstream, state) = frontend();
    let limits = GatewayConfig {
        body_limit_bytes: 100_000,
        ..GatewayConfig::default()
    };
    let gateway = start_with(config(&[upstream]), limits);
    let declared = client()
        .post(gateway.url("/api/v1/x"))
        .body(vec![b'x'; 100_001])
        .send()
        .await
        .unwrap();
    assert_eq!(declared.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(state.requests.load(Ordering::SeqCst), 0);

    let chunks = (0..20).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 10_000])));
    let counted = client()
        .post(gateway.url("/api/v1/x"))
        .body(reqwest::Body::wrap_stream(futures::stream::iter(chunks)))
        .send()
        .await
        .unwrap();
    assert_eq!(counted.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let body: Value = counted.json().await.unwrap();
    assert_eq!(body["error"]["code"], "PayloadTooLarge");
    assert_eq!(
        state.finished.load(Ordering::SeqCst),
        0,
        "the upstream never saw a complete body"
    );
}

#[actix_web::test]
async fn a_body_that_breaks_off_never_looks_complete() {
    let (upstream, state) = frontend();
    let gateway = start(&[upstream]);
    let mut connection = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let head =
        "POST /api/v1/addressspaces/a/ips/import HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(b"5\r\nhello\r\n").await.unwrap();
    eventually(async || state.requests.load(Ordering::SeqCst) == 1).await;
    drop(connection);
    eventually(async || state.bodies_broken_off.load(Ordering::SeqCst) == 1).await;
    assert_eq!(state.finished.load(Ordering::SeqCst), 0);
}

#[actix_web::test]
async fn answers_without_a_body_keep_their_shape() {
    let (upstream, _) = frontend();
    let gateway = start(&[upstream]);
    let head = client().head(gateway.url("/x")).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()["content-length"], "12");
    let empty = client().get(gateway.url("/empty")).send().await.unwrap();
    assert_eq!(empty.status(), StatusCode::NO_CONTENT);
    let moved = client().get(gateway.url("/moved")).send().await.unwrap();
    assert_eq!(
        moved.status(),
        StatusCode::FOUND,
        "redirects are the client's to follow"
    );
    assert_eq!(moved.headers()["location"], "/elsewhere");
}

#[actix_web::test]
async fn a_path_that_means_something_else_upstream_is_refused() {
    let (upstream, state) = frontend();
    let gateway = start(&[upstream]);
    for path in [
        "/api/../internal/v1/get",
        "/api/%2e%2e/internal",
        "/api/.%2E/internal",
        "/api/..\\internal",
        "/a/./b",
        "*",
    ] {
        // Raw, because clients tidy paths up.
        let mut connection = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
        let request = format!("OPTIONS {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
    }
    assert_eq!(state.requests.load(Ordering::SeqCst), 0);
}
