//! Keys over HTTP: fetched when the first token comes, fetched again for an unknown key, but not for each one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, HttpServer, web};
use cadastre_gateway::{Gateway, GatewayConfig, JwksOverHttp};
use serde_json::json;

use super::upstreams::nobody;
use super::{base, client};
use crate::support::{FIRST, SECOND, bearer, call, claims, get, jwks, token};

/// Serves one key set and counts how often it was asked.
fn key_server() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let data = web::Data::from(Arc::clone(&asked));
    let server = HttpServer::new(move || {
        App::new().app_data(data.clone()).route(
            "/.well-known/jwks.json",
            web::get().to(|asked: web::Data<AtomicUsize>| async move {
                asked.fetch_add(1, Ordering::SeqCst);
                HttpResponse::Ok().json(jwks(&[&FIRST]))
            }),
        )
    })
    .workers(1)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .unwrap();
    let address = server.addrs()[0];
    actix_web::rt::spawn(server.run());
    (address, asked)
}

#[actix_web::test]
async fn the_first_token_fetches_the_keys_and_unknown_keys_do_not_flood_the_frontend() {
    let (server, asked) = key_server();
    let keys = JwksOverHttp::new(&[base(nobody().await), base(server)], client()).unwrap();
    let gateway = Gateway::with_remote_keys(GatewayConfig::default(), keys).unwrap();
    let answer = call(&gateway, bearer(get("/api/v1/me"), &token("alice"))).await;
    assert_eq!(
        (answer.status, &answer.body["user"]),
        (StatusCode::OK, &json!("alice"))
    );
    assert_eq!(answer.body["client"], "192.0.2.1");
    for _ in 0..5 {
        let unknown = SECOND.sign(&claims("mallory", json!({})));
        let answer = call(&gateway, bearer(get("/api/v1/me"), &unknown)).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::UNAUTHORIZED, "InvalidToken")
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[actix_web::test]
async fn without_any_key_a_token_is_neither_good_nor_bad() {
    let keys = JwksOverHttp::new(&[base(nobody().await)], client()).unwrap();
    let gateway = Gateway::with_remote_keys(GatewayConfig::default(), keys).unwrap();
    let answer = call(&gateway, bearer(get("/api/v1/me"), &token("alice"))).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "UpstreamUnavailable")
    );
    assert_eq!(call(&gateway, get("/docs")).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn keys_are_kept_up_to_date_in_the_background() {
    let (server, asked) = key_server();
    let keys = JwksOverHttp::new(&[base(server)], client()).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = actix_web::rt::spawn(Arc::clone(&keys).run(async { drop(stopped.await) }));
    crate::support::eventually(async || asked.load(Ordering::SeqCst) > 0).await;
    drop(stop);
    running.await.unwrap();
}
