//! Draining: look elsewhere, but what comes is still served.

use actix_web::http::StatusCode;
use cadastre_gateway::GatewayConfig;

use crate::support::{call, gateway, get};

#[actix_web::test]
async fn a_draining_gateway_is_alive_and_not_ready_and_still_serves() {
    let gateway = gateway(GatewayConfig::default());
    assert_eq!(call(&gateway, get("/ready")).await.status, StatusCode::OK);
    gateway.clone().start_draining();
    assert!(gateway.is_draining());
    let ready = call(&gateway, get("/ready")).await;
    assert_eq!(
        (ready.status, ready.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "Overloaded")
    );
    assert_eq!(ready.header("retry-after"), "1");
    assert_eq!(call(&gateway, get("/health")).await.status, StatusCode::OK);
    assert_eq!(call(&gateway, get("/api/v1/me")).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn answers_of_a_draining_gateway_close_their_connection() {
    use crate::proxy::{client, config, start_gateway, upstreams::frontend};
    let (upstream, _) = frontend();
    let gateway = gateway(GatewayConfig::default());
    let running = start_gateway(&gateway, config(&[upstream]));
    let before = client().get(running.url("/x")).send().await.unwrap();
    assert!(!before.headers().contains_key("connection"));
    gateway.start_draining();
    let after = client().get(running.url("/x")).send().await.unwrap();
    assert_eq!(after.status(), 201);
    assert_eq!(after.headers()["connection"], "close");
}
