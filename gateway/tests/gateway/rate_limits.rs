//! Rate limits by principal and by address, and what the headers say.

use std::num::NonZeroU32;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use cadastre_gateway::GatewayConfig;

use crate::support::{bearer, call, gateway, get, peer, token};

fn per_principal(rate: u32, burst: u32) -> GatewayConfig {
    GatewayConfig {
        rate_limit: NonZeroU32::new(rate),
        rate_burst: NonZeroU32::new(burst),
        ..GatewayConfig::default()
    }
}

#[actix_web::test]
async fn without_limits_there_are_no_headers() {
    let answer = call(&gateway(GatewayConfig::default()), get("/")).await;
    assert_eq!(answer.header("ratelimit-limit"), "");
}

#[actix_web::test]
async fn a_principal_is_limited_wherever_it_comes_from_and_others_are_not() {
    let gateway = gateway(per_principal(1, 3));
    let (alice, bob) = (token("alice"), token("bob"));
    for (n, address) in ["192.0.2.1", "192.0.2.2", "192.0.2.3"].into_iter().enumerate() {
        let answer = call(&gateway, bearer(get("/").peer_addr(peer(address)), &alice)).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("ratelimit-limit"), "3");
        assert_eq!(answer.header("ratelimit-remaining"), (2 - n).to_string());
    }
    let refused = call(&gateway, bearer(get("/").peer_addr(peer("192.0.2.4")), &alice)).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::TOO_MANY_REQUESTS, "RateLimited")
    );
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit-limit"), "3");
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    assert_eq!(refused.header("ratelimit-reset"), "3");
    assert_eq!(refused.header("x-content-type-options"), "nosniff");
    assert_eq!(
        call(&gateway, bearer(get("/"), &bob)).await.status,
        StatusCode::OK
    );
}

#[actix_web::test]
async fn a_new_token_of_the_same_user_brings_no_new_bucket() {
    use crate::support::{FIRST, claims, now};
    let gateway = gateway(per_principal(1, 2));
    let mut statuses = Vec::new();
    for n in 0..3 {
        let token = FIRST.sign(&claims("alice", serde_json::json!({ "exp": now() + 100 + n })));
        statuses.push(call(&gateway, bearer(get("/"), &token)).await.status);
    }
    assert_eq!(statuses[2], StatusCode::TOO_MANY_REQUESTS);
}

#[actix_web::test]
async fn whoever_shows_no_token_is_limited_by_address() {
    let gateway = gateway(per_principal(1, 1));
    let login = |address: &str| {
        TestRequest::post()
            .uri("/api/v1/auth/login")
            .peer_addr(peer(address))
    };
    assert_eq!(call(&gateway, login("192.0.2.1")).await.status, StatusCode::OK);
    assert_eq!(
        call(&gateway, login("192.0.2.1")).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(call(&gateway, login("192.0.2.2")).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn invented_api_tokens_share_the_bucket_of_their_address() {
    // Neither an answer that is no success nor a page for everybody makes a token a good one.
    for path in ["/api/v1/x?status=404", "/openapi.json", "/docs"] {
        let gateway = gateway(per_principal(1, 2));
        let mut statuses = Vec::new();
        for n in 0..4 {
            statuses.push(
                call(&gateway, bearer(get(path), &format!("cad_{}", n / 2)))
                    .await
                    .status,
            );
        }
        assert_eq!(statuses[2], StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
}

#[actix_web::test]
async fn an_api_token_that_has_proved_itself_gets_its_own_bucket() {
    let gateway = gateway(per_principal(1, 2));
    let request = || bearer(get("/api/v1/me"), "cad_real");
    assert_eq!(call(&gateway, request()).await.header("ratelimit-remaining"), "1");
    assert_eq!(call(&gateway, request()).await.header("ratelimit-remaining"), "1");
    assert_eq!(call(&gateway, request()).await.header("ratelimit-remaining"), "0");
    assert_eq!(
        call(&gateway, request()).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[actix_web::test]
async fn an_address_is_limited_whoever_asks_from_it() {
    let gateway = gateway(GatewayConfig {
        address_rate_limit: NonZeroU32::new(2),
        ..GatewayConfig::default()
    });
    assert_eq!(
        call(&gateway, bearer(get("/"), &token("alice"))).await.status,
        StatusCode::OK
    );
    assert_eq!(
        call(&gateway, bearer(get("/"), &token("bob"))).await.status,
        StatusCode::OK
    );
    let refused = call(&gateway, bearer(get("/"), &token("carol"))).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(
        refused.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("network address")
    );
    assert_eq!(
        call(&gateway, get("/").peer_addr(peer("192.0.2.9"))).await.status,
        StatusCode::OK
    );
}

#[actix_web::test]
async fn the_headers_describe_the_tighter_limit() {
    let config = GatewayConfig {
        address_rate_limit: NonZeroU32::new(100),
        ..per_principal(5, 5)
    };
    let answer = call(&gateway(config), get("/")).await;
    assert_eq!(
        (
            answer.header("ratelimit-limit"),
            answer.header("ratelimit-remaining")
        ),
        ("5", "4")
    );
    let config = GatewayConfig {
        address_rate_limit: NonZeroU32::new(5),
        ..per_principal(100, 100)
    };
    let answer = call(&gateway(config), get("/")).await;
    assert_eq!(
        (
            answer.header("ratelimit-limit"),
            answer.header("ratelimit-remaining")
        ),
        ("5", "4")
    );
}

#[actix_web::test]
async fn probes_have_a_bucket_of_their_own() {
    let config = GatewayConfig {
        address_rate_limit: NonZeroU32::new(1),
        ..per_principal(1, 1)
    };
    let gateway = gateway(config);
    assert_eq!(call(&gateway, get("/")).await.status, StatusCode::OK);
    assert_eq!(
        call(&gateway, get("/")).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    let mut statuses = Vec::new();
    for _ in 0..160 {
        statuses.push(call(&gateway, get("/ready")).await.status);
    }
    assert_eq!(statuses[50], StatusCode::OK);
    assert!(
        statuses.contains(&StatusCode::TOO_MANY_REQUESTS),
        "which is not bottomless"
    );
}
