//! Attempts to be somebody else by way of `X-Forwarded-For` and its relatives.

use cadastre_gateway::GatewayConfig;

use crate::support::{call, gateway, get, peer};

fn behind_a_proxy() -> GatewayConfig {
    GatewayConfig {
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..GatewayConfig::default()
    }
}

#[actix_web::test]
async fn a_stranger_is_its_own_address_whatever_it_claims() {
    let gateway = gateway(behind_a_proxy());
    for name in [
        "x-forwarded-for",
        "forwarded",
        "x-real-ip",
        "true-client-ip",
        "x-client-ip",
    ] {
        let request = get("/")
            .peer_addr(peer("203.0.113.5"))
            .insert_header((name, "10.0.0.1"));
        let answer = call(&gateway, request).await;
        assert_eq!(answer.body["client"], "203.0.113.5", "{name}");
        assert!(
            answer.body["headers"].get(name).is_none(),
            "{name} is not passed on"
        );
    }
}

#[actix_web::test]
async fn a_client_of_our_proxy_cannot_prepend_another_address() {
    let gateway = gateway(behind_a_proxy());
    let request = get("/")
        .peer_addr(peer("10.0.0.1"))
        .insert_header(("x-forwarded-for", "127.0.0.1, 10.5.5.5, 198.51.100.9, 10.0.0.2"));
    assert_eq!(call(&gateway, request).await.body["client"], "198.51.100.9");
}

#[actix_web::test]
async fn identities_and_the_service_token_do_not_pass_the_door() {
    let gateway = gateway(behind_a_proxy());
    let names = [
        "x-cadastre-service-token",
        "x-cadastre-user",
        "x-remote-user",
        "x-forwarded-user",
        "remote-user",
        "x-forwarded-proto",
    ];
    let request = names
        .iter()
        .fold(get("/"), |request, name| request.insert_header((*name, "admin")));
    let seen = call(&gateway, request).await.body;
    for name in names {
        assert!(seen["headers"].get(name).is_none(), "{name}");
    }
    let proxied = get("/")
        .peer_addr(peer("10.0.0.1"))
        .insert_header(("x-forwarded-proto", "https"));
    assert_eq!(
        call(&gateway, proxied).await.body["headers"]["x-forwarded-proto"],
        "https"
    );
}
