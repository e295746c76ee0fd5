//! Access tokens at the door: which are believed, which are not, and how long.

use std::num::NonZeroU32;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cadastre_gateway::{Gateway, GatewayConfig};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{FIRST, SECOND, TestKeys, bearer, call, claims, gateway, get, jwks, now, peer, token};

async fn refused(gateway: &Gateway, token: &str) -> String {
    let answer = call(gateway, bearer(get("/api/v1/me"), token)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token}");
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    assert_eq!(
        answer.body["error"]["correlationId"],
        answer.header("x-correlation-id")
    );
    answer.code().to_owned()
}

#[actix_web::test]
async fn a_good_token_becomes_a_proof_and_is_remembered() {
    let gateway = gateway(GatewayConfig::default());
    let token = token("alice");
    for _ in 0..3 {
        let answer = call(&gateway, bearer(get("/api/v1/me"), &token)).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body["user"], "alice");
    }
}

#[actix_web::test]
async fn no_token_and_api_tokens_are_the_frontends_business() {
    let gateway = gateway(GatewayConfig::default());
    for request in [
        get("/api/v1/me"),
        bearer(get("/api/v1/me"), "cad_0123456789abcdef"),
    ] {
        let answer = call(&gateway, request).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body["user"], Value::Null);
    }
}

#[actix_web::test]
async fn a_token_without_a_signature_is_refused() {
    let gateway = gateway(GatewayConfig::default());
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let payload = part(claims("alice", json!({})));
    for alg in ["none", "None", "NONE", ""] {
        let header = part(json!({"typ": "JWT", "alg": alg, "kid": "first"}));
        assert_eq!(
            refused(&gateway, &format!("{header}.{payload}.")).await,
            "InvalidToken"
        );
    }
    let signed = token("alice");
    let (unsigned, _) = signed.rsplit_once('.').unwrap();
    assert_eq!(refused(&gateway, &format!("{unsigned}.")).await, "InvalidToken");
}

#[actix_web::test]
async fn a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() {
    let gateway = gateway(GatewayConfig::default());
    let jwk = FIRST.jwk();
    let secrets = [
        FIRST.public_bytes(),
        jwk.x.clone().into_bytes(),
        serde_json::to_vec(&jwk).unwrap(),
    ];
    for algorithm in [Algorithm::HS256, Algorithm::HS512] {
        for secret in &secrets {
            let mut header = Header::new(algorithm);
            header.kid = Some("first".into());
            let key = EncodingKey::from_secret(secret);
            let forged = jsonwebtoken::encode(&header, &claims("admin", json!({})), &key).unwrap();
            assert_eq!(refused(&gateway, &forged).await, "InvalidToken");
        }
    }
}

#[actix_web::test]
async fn the_named_key_must_be_ours_and_must_be_the_one_that_signed() {
    let gateway = Gateway::new(GatewayConfig::default(), TestKeys::of(&[&FIRST, &SECOND])).unwrap();
    let good = claims("alice", json!({}));
    assert_eq!(
        refused(&gateway, &FIRST.sign_as("second", &good)).await,
        "InvalidToken"
    );
    assert_eq!(
        refused(&gateway, &FIRST.sign_as("third", &good)).await,
        "InvalidToken"
    );
    let without_kid = {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": "EdDSA"}).to_string());
        let signed = FIRST.sign(&good);
        format!("{header}.{}", signed.split_once('.').unwrap().1)
    };
    assert_eq!(refused(&gateway, &without_kid).await, "InvalidToken");
    assert_eq!(
        call(&gateway, bearer(get("/"), &SECOND.sign(&good))).await.status,
        StatusCode::OK
    );
}

#[actix_web::test]
async fn claims_are_checked() {
    let gateway = gateway(GatewayConfig {
        bad_token_limit: None,
        ..GatewayConfig::default()
    });
    for changes in [
        json!({"aud": "another-api"}),
        json!({"aud": ["cadastre-api", "another"]}),
        json!({"aud": null}),
        json!({"iss": "somebody"}),
        json!({"iss": null}),
        json!({"sub": null}),
        json!({"exp": null}),
        json!({"exp": "tomorrow"}),
        json!({"nbf": now() + 60}),
        json!({"nbf": "soon"}),
    ] {
        let token = FIRST.sign(&claims("alice", changes.clone()));
        assert_eq!(refused(&gateway, &token).await, "InvalidToken", "{changes}");
    }
    let early = FIRST.sign(&claims("alice", json!({"nbf": now() - 1})));
    assert_eq!(
        call(&gateway, bearer(get("/"), &early)).await.status,
        StatusCode::OK
    );
}

#[actix_web::test]
async fn an_expired_token_is_told_apart_the_first_time_and_every_time() {
    let gateway = gateway(GatewayConfig::default());
    let old = FIRST.sign(&claims("alice", json!({"exp": now() - 30})));
    for _ in 0..2 {
        assert_eq!(refused(&gateway, &old).await, "TokenExpired");
    }
    let a_little_late = FIRST.sign(&claims("alice", json!({"exp": now() - 2})));
    assert_eq!(
        call(&gateway, bearer(get("/"), &a_little_late)).await.status,
        StatusCode::OK
    );
}

#[actix_web::test]
async fn a_remembered_token_does_not_outlive_its_expiry() {
    let gateway = gateway(GatewayConfig::default());
    // Five seconds of leeway: good for one more second.
    let short = FIRST.sign(&claims("alice", json!({"exp": now() - 4})));
    assert_eq!(
        call(&gateway, bearer(get("/"), &short)).await.status,
        StatusCode::OK
    );
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    assert_eq!(refused(&gateway, &short).await, "TokenExpired");
}

#[actix_web::test]
async fn a_token_is_only_itself_after_it_was_remembered() {
    let gateway = gateway(GatewayConfig {
        bad_token_limit: None,
        ..GatewayConfig::default()
    });
    let good = token("alice");
    assert_eq!(
        call(&gateway, bearer(get("/"), &good)).await.status,
        StatusCode::OK
    );
    let mut parts = good.split('.');
    let (header, signature) = (parts.next().unwrap(), parts.nth(1).unwrap());
    let forged = URL_SAFE_NO_PAD.encode(claims("admin", json!({})).to_string());
    assert_eq!(
        refused(&gateway, &format!("{header}.{forged}.{signature}")).await,
        "InvalidToken"
    );
    for at in (0..good.len()).step_by(7) {
        let mut tampered = good.clone().into_bytes();
        tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(
            refused(&gateway, std::str::from_utf8(&tampered).unwrap()).await,
            "InvalidToken",
            "byte {at}"
        );
    }
}

#[actix_web::test]
async fn a_withdrawn_key_ends_the_tokens_that_are_remembered() {
    let keys = TestKeys::of(&[&FIRST]);
    let gateway = Gateway::new(GatewayConfig::default(), keys.clone()).unwrap();
    let token = token("alice");
    assert_eq!(
        call(&gateway, bearer(get("/"), &token)).await.status,
        StatusCode::OK
    );
    keys.0.store(jwks(&[&SECOND]).into());
    crate::support::eventually(async || {
        call(&gateway, bearer(get("/"), &token)).await.status == StatusCode::UNAUTHORIZED
    })
    .await;
}

#[actix_web::test]
async fn keys_of_another_kind_are_never_used() {
    let mut set = jwks(&[&FIRST, &SECOND]);
    set.keys[0].alg = "HS256".into();
    set.keys[1].x = "AAAA".into();
    let keys = TestKeys::of(&[]);
    keys.0.store(set.into());
    let gateway = Gateway::new(GatewayConfig::default(), keys).unwrap();
    let answer = call(&gateway, bearer(get("/"), &token("alice"))).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "UpstreamUnavailable")
    );
    assert_eq!(answer.header("retry-after"), "1");
}

#[actix_web::test]
async fn anything_else_in_the_header_is_malformed() {
    let gateway = gateway(GatewayConfig::default());
    for value in ["Basic YTpi", "Bearer", "Bearer x", "Bearer a.b", "cad_abc"] {
        let answer = call(
            &gateway,
            get("/api/v1/me").insert_header(("authorization", value)),
        )
        .await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::UNAUTHORIZED, "InvalidToken"),
            "{value}"
        );
    }
    let twice = get("/")
        .append_header(("authorization", "Bearer a.b.c"))
        .append_header(("authorization", "Bearer a.b.c"));
    assert_eq!(call(&gateway, twice).await.status, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn a_stale_token_does_not_keep_anybody_from_logging_in() {
    let gateway = gateway(GatewayConfig::default());
    let old = FIRST.sign(&claims("alice", json!({"exp": now() - 600})));
    for path in ["/api/v1/auth/login", "/api/v1/auth/refresh"] {
        let answer = call(&gateway, bearer(TestRequest::post().uri(path), &old)).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body["user"], Value::Null, "and is not believed either");
    }
}

#[actix_web::test]
async fn guessing_is_slowed_down_and_known_tokens_are_not_affected() {
    let gateway = gateway(GatewayConfig {
        bad_token_limit: NonZeroU32::new(1),
        ..GatewayConfig::default()
    });
    let good = token("alice");
    assert_eq!(
        call(&gateway, bearer(get("/"), &good)).await.status,
        StatusCode::OK
    );
    let mut statuses = Vec::new();
    for n in 0..10 {
        let answer = call(&gateway, bearer(get("/"), &format!("a.b{n}.c"))).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert_ne!(answer.header("retry-after"), "");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses[0], StatusCode::UNAUTHORIZED);
    assert_eq!(statuses[9], StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        call(&gateway, bearer(get("/"), &good)).await.status,
        StatusCode::OK
    );
    let elsewhere = bearer(get("/").peer_addr(peer("192.0.2.77")), "a.b.c");
    assert_eq!(call(&gateway, elsewhere).await.status, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn refused_api_tokens_count_as_guesses() {
    let gateway = gateway(GatewayConfig {
        bad_token_limit: NonZeroU32::new(1),
        ..GatewayConfig::default()
    });
    let mut last = StatusCode::OK;
    for n in 0..10 {
        last = call(
            &gateway,
            bearer(get("/api/v1/me?status=401"), &format!("cad_guess{n}")),
        )
        .await
        .status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}
