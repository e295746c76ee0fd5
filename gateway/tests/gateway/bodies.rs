//! Body limits, declared and counted, and the headers that every answer gets.

use actix_web::http::{StatusCode, header};
use actix_web::test::TestRequest;
use cadastre_gateway::GatewayConfig;

use crate::support::{call, gateway, get, peer};

fn small() -> GatewayConfig {
    GatewayConfig {
        body_limit_bytes: 100,
        import_body_limit_bytes: 1_000,
        ..GatewayConfig::default()
    }
}

fn post(path: &str, bytes: usize) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .peer_addr(peer("192.0.2.1"))
        .set_payload(vec![b'x'; bytes])
}

#[actix_web::test]
async fn a_declared_length_above_the_limit_is_refused_at_once() {
    let gateway = gateway(small());
    let answer = call(
        &gateway,
        post("/api/v1/x", 1).insert_header((header::CONTENT_LENGTH, 101)),
    )
    .await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge")
    );
    assert_eq!(answer.body["error"]["details"]["limitBytes"], 100);
    let fits = call(
        &gateway,
        post("/api/v1/x", 100).insert_header((header::CONTENT_LENGTH, 100)),
    )
    .await;
    assert_eq!(fits.body["body"], 100);
}

#[actix_web::test]
async fn a_body_without_a_length_is_cut_and_the_door_says_why() {
    let gateway = gateway(small());
    let answer = call(&gateway, post("/api/v1/x", 101)).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge")
    );
    assert_eq!(call(&gateway, post("/api/v1/x", 100)).await.body["body"], 100);
}

#[actix_web::test]
async fn an_import_may_be_larger() {
    let gateway = gateway(small());
    assert_eq!(
        call(&gateway, post("/api/v1/addressspaces/a/ips/import", 1_000))
            .await
            .body["body"],
        1_000
    );
    let answer = call(&gateway, post("/api/v1/addressspaces/a/ips/import", 1_001)).await;
    assert_eq!(answer.body["error"]["details"]["limitBytes"], 1_000);
}

#[actix_web::test]
async fn answers_are_sealed_against_browsers_tricks() {
    let gateway = gateway(GatewayConfig {
        hsts: true,
        ..GatewayConfig::default()
    });
    let api = call(&gateway, get("/api/v1/me")).await;
    assert_eq!(api.header("x-content-type-options"), "nosniff");
    assert_eq!(api.header("x-frame-options"), "DENY");
    assert_eq!(api.header("referrer-policy"), "no-referrer");
    assert_eq!(api.header("cache-control"), "no-store");
    assert_eq!(
        api.header("content-security-policy"),
        "default-src 'none'; frame-ancestors 'none'"
    );
    assert_eq!(api.header("strict-transport-security"), "max-age=31536000");

    let docs = call(&gateway, get("/docs/")).await;
    assert!(
        docs.header("content-security-policy")
            .contains("script-src 'self';")
    );
    let asset = call(&gateway, get("/assets/app.1a2b.js")).await;
    assert_eq!(asset.header("cache-control"), "");
    assert!(!asset.header("content-security-policy").contains("unsafe"));
}
