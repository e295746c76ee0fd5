//! Upstreams that are away, slow or unwell: who is asked next, and what the client is told.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cadastre_gateway::{GatewayConfig, HealthCheckConfig, ProxyConfig};
use reqwest::StatusCode;
use serde_json::Value;

use super::upstreams::{frontend, nobody, raw};
use super::{client, config, start, start_with};
use crate::support::eventually;

async fn code_of(response: reqwest::Response) -> (StatusCode, String) {
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    (status, body["error"]["code"].as_str().unwrap().to_owned())
}

#[actix_web::test]
async fn an_upstream_that_refuses_connections_costs_nobody_an_answer() {
    let (upstream, state) = frontend();
    let gateway = start(&[nobody().await, upstream]);
    for _ in 0..4 {
        assert!(
            client()
                .get(gateway.url("/x"))
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
        // Nothing was sent, so any method may go elsewhere, with any kind of body.
        assert!(
            client()
                .post(gateway.url("/x"))
                .body("small")
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
        let large = client()
            .post(gateway.url("/x"))
            .body(vec![b'x'; 300_000])
            .send()
            .await
            .unwrap();
        assert_eq!(large.json::<Value>().await.unwrap()["body"], 300_000);
    }
    assert_eq!(state.finished.load(Ordering::SeqCst), 12);
}

#[actix_web::test]
async fn a_get_whose_connection_breaks_is_asked_elsewhere() {
    let (breaking, _asked) = raw("").await;
    let (upstream, state) = frontend();
    let gateway = start(&[breaking, upstream]);
    for _ in 0..4 {
        assert!(
            client()
                .get(gateway.url("/x"))
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
    }
    assert_eq!(state.finished.load(Ordering::SeqCst), 4);
}

#[actix_web::test]
async fn a_post_that_was_sent_is_never_sent_again() {
    let (breaking, mut asked) = raw("").await;
    let (other_breaking, mut other_asked) = raw("").await;
    let gateway = start(&[breaking, other_breaking]);
    let response = client().post(gateway.url("/x")).body("x").send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "UpstreamUnavailable");
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("Idempotency-Key")
    );
    tokio::time::sleep(Duration::from_millis(200)).await;
    let sent = usize::from(asked.try_recv().is_ok()) + usize::from(other_asked.try_recv().is_ok());
    assert_eq!(sent, 1);
}

#[actix_web::test]
async fn with_everybody_away_the_answer_is_503_and_when_to_come_back() {
    let gateway = start(&[nobody().await, nobody().await]);
    let response = client().get(gateway.url("/api/v1/me")).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(
        code_of(response).await,
        (StatusCode::SERVICE_UNAVAILABLE, "UpstreamUnavailable".into())
    );
    let ready = client().get(gateway.url("/ready")).send().await.unwrap();
    assert_eq!(code_of(ready).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        client()
            .get(gateway.url("/health"))
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::OK
    );
}

#[actix_web::test]
async fn retries_are_bounded() {
    let (first, mut first_asked) = raw("").await;
    let (second, mut second_asked) = raw("").await;
    let (third, state) = frontend();
    let gateway = start_with(
        ProxyConfig {
            retries: 0,
            ..config(&[first, second, third])
        },
        GatewayConfig::default(),
    );
    let mut failures = 0;
    for _ in 0..3 {
        failures += usize::from(
            client()
                .get(gateway.url("/x"))
                .send()
                .await
                .unwrap()
                .status()
                .is_server_error(),
        );
    }
    assert_eq!(failures, 2);
    assert!(first_asked.try_recv().is_ok() && second_asked.try_recv().is_ok());
    assert_eq!(state.requests.load(Ordering::SeqCst), 1);
}

#[actix_web::test]
async fn health_follows_the_checks() {
    let (first, first_state) = frontend();
    let (second, second_state) = frontend();
    let health = HealthCheckConfig {
        interval: Duration::from_millis(20),
        timeout: Duration::from_millis(500),
        rise: 2,
        fall: 2,
    };
    let gateway = start_with(
        ProxyConfig {
            health,
            ..config(&[first, second])
        },
        GatewayConfig::default(),
    );
    let proxy = gateway.proxy.clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let checks = actix_web::rt::spawn(async move {
        proxy.run_health_checks(async { drop(stopped.await) }).await;
    });
    let ask = async || client().get(gateway.url("/x")).send().await.unwrap().status();

    first_state.not_ready.store(true, Ordering::SeqCst);
    eventually(async || {
        let before = first_state.requests.load(Ordering::SeqCst);
        for _ in 0..4 {
            assert!(ask().await.is_success());
        }
        first_state.requests.load(Ordering::SeqCst) == before
    })
    .await;

    second_state.not_ready.store(true, Ordering::SeqCst);
    eventually(async || ask().await == StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(
        client().get(gateway.url("/ready")).send().await.unwrap().status(),
        StatusCode::SERVICE_UNAVAILABLE
    );

    let reason = async || {
        client()
            .get(gateway.url("/ready"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    assert!(reason().await.contains("The store is away"));
    second_state.is_another.store(true, Ordering::SeqCst);
    eventually(async || reason().await.contains("no frontend but a dataaccess service")).await;

    first_state.not_ready.store(false, Ordering::SeqCst);
    eventually(async || ask().await.is_success()).await;
    assert_eq!(
        client().get(gateway.url("/ready")).send().await.unwrap().status(),
        StatusCode::OK
    );
    drop(stop);
    checks.await.unwrap();
}

#[actix_web::test]
async fn a_slow_upstream_is_given_up_and_a_mutation_is_told_so() {
    let (upstream, state) = frontend();
    let limits = ProxyConfig {
        response_timeout: Duration::from_millis(100),
        ..config(&[upstream])
    };
    let gateway = start_with(limits, GatewayConfig::default());
    let response = client().get(gateway.url("/slow")).send().await.unwrap();
    assert_eq!(
        code_of(response).await,
        (StatusCode::SERVICE_UNAVAILABLE, "UpstreamUnavailable".into())
    );
    assert_eq!(state.requests.load(Ordering::SeqCst), 1, "and is not asked twice");
    // An import answers when it has worked through all of it.
    let import = client()
        .post(gateway.url("/slow/ips/import"))
        .send()
        .await
        .unwrap();
    assert_eq!(import.status(), StatusCode::OK);
}

#[actix_web::test]
async fn a_mutation_is_finished_when_its_client_goes_away() {
    let (upstream, state) = frontend();
    let gateway = start(&[upstream]);
    let impatient = actix_web::rt::spawn(client().post(gateway.url("/slow")).send());
    eventually(async || state.requests.load(Ordering::SeqCst) == 1).await;
    impatient.abort();
    eventually(async || state.finished.load(Ordering::SeqCst) == 1).await;
}

#[actix_web::test]
async fn a_read_is_dropped_when_its_client_goes_away() {
    let (upstream, state) = frontend();
    let gateway = start(&[upstream]);
    let impatient = actix_web::rt::spawn(client().get(gateway.url("/slow")).send());
    eventually(async || state.requests.load(Ordering::SeqCst) == 1).await;
    impatient.abort();
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(state.requests.load(Ordering::SeqCst), 1);
    assert_eq!(state.finished.load(Ordering::SeqCst), 0);
}
