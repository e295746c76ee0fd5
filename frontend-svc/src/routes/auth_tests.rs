//! Claims about login, refresh and logout.
#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use cadastre_api_types::token::{Claims, VerifiedToken};
use futures::future::join_all;
use serde_json::json;

use crate::testing::{Answer, Call, PASSWORD, Server};

async fn refresh(server: &Server, token: &str) -> Answer {
    server
        .post("/api/v1/auth/refresh", json!({ "refreshToken": token }))
        .await
}

#[actix_web::test]
async fn a_login_gives_tokens_that_work_and_are_not_cached() {
    let server = Server::new().await;
    let answer = server.login_with("Admin", PASSWORD).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        (answer.text("tokenType").as_str(), &answer.json["expiresIn"]),
        ("Bearer", &json!(900))
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let me = server.get("/api/v1/me", &answer.text("accessToken")).await;
    assert_eq!((me.status, me.text("username").as_str()), (200, "admin"));
}

#[actix_web::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer_for_the_same_work() {
    let server = Server::new().await;
    let mut answers = Vec::new();
    for (name, password) in [
        ("admin", "wrong"),
        ("nobody", "wrong"),
        ("no body!", PASSWORD),
        ("", ""),
    ] {
        let before = server.state.passwords.verifications();
        let mut answer = server.login_with(name, password).await;
        assert_eq!(server.state.passwords.verifications() - before, 1, "{name}");
        assert_eq!((answer.status, answer.code()), (401, "InvalidCredentials"));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        answer.json["error"]["correlationId"] = json!(null);
        answers.push((
            answer.json,
            answer
                .headers
                .iter()
                .map(|(name, _)| name.to_string())
                .collect::<Vec<_>>(),
        ));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[actix_web::test]
async fn known_and_unknown_names_are_throttled_alike_and_then_cost_nothing() {
    let server = Server::new().await;
    for name in ["admin", "nobody"] {
        for _ in 0..5 {
            assert_eq!(server.login_with(name, "wrong").await.status, 401);
        }
        let before = server.state.passwords.verifications();
        let refused = server.login_with(name, PASSWORD).await;
        assert_eq!((refused.status, refused.code()), (429, "LoginThrottled"));
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(server.state.passwords.verifications(), before);
    }
    server.clock.advance(1);
    assert_eq!(server.login_with("admin", PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn of_many_guesses_at_once_only_the_free_ones_are_checked() {
    let server = Server::new().await;
    let guess = async |n: u32| {
        server
            .login_with("admin", &format!("guess number {n}"))
            .await
            .status
    };
    let statuses = join_all((0..40).map(guess)).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        5,
        "{statuses:?}"
    );
    assert_eq!(server.state.passwords.verifications(), 5);
}

#[actix_web::test]
async fn many_right_logins_at_once_all_pass() {
    let server = Server::new().await;
    let login = async |_| server.login_with("admin", PASSWORD).await.status;
    assert!(
        join_all((0..40).map(login))
            .await
            .iter()
            .all(|status| *status == 200)
    );
}

#[actix_web::test]
async fn headers_of_a_client_do_not_choose_the_address_its_failures_are_counted_under() {
    let server = Server::new().await;
    let login = async |headers: &[(&str, &str)], name: String| {
        let body = Some(json!({ "username": name, "password": "wrong" }));
        server
            .call(
                "POST",
                "/api/v1/auth/login",
                Call {
                    headers,
                    body,
                    ..Call::default()
                },
            )
            .await
            .status
    };
    for n in 0..20 {
        let address = format!("198.51.100.{n}");
        let headers = [
            ("x-forwarded-for", address.as_str()),
            ("x-cadastre-service-token", "guessed"),
        ];
        assert_eq!(login(&headers, format!("user{n}")).await, 401);
    }
    let forged = [("x-forwarded-for", "198.51.100.77")];
    assert_eq!(login(&forged, "ada".into()).await, 429);
    let by_gateway = [
        ("x-forwarded-for", "198.51.100.77"),
        ("x-cadastre-service-token", "between-our-services"),
    ];
    assert_eq!(login(&by_gateway, "ada".into()).await, 401);
}

#[actix_web::test]
async fn refresh_tokens_rotate_and_using_one_twice_ends_the_session() {
    let server = Server::new().await;
    let first = server.login_with("admin", PASSWORD).await;
    let second = refresh(&server, &first.text("refreshToken")).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_ne!(first.text("refreshToken"), second.text("refreshToken"));
    assert_eq!(
        server.get("/api/v1/me", &second.text("accessToken")).await.status,
        200
    );

    let reused = refresh(&server, &first.text("refreshToken")).await;
    assert_eq!((reused.status, reused.code()), (401, "TokenReused"));
    for token in [first.text("accessToken"), second.text("accessToken")] {
        let refused = server.get("/api/v1/me", &token).await;
        assert_eq!((refused.status, refused.code()), (401, "InvalidToken"));
    }
    assert_eq!(
        refresh(&server, &second.text("refreshToken")).await.code(),
        "InvalidToken"
    );
    assert_eq!(
        server.login_with("admin", PASSWORD).await.status,
        200,
        "only that session has ended"
    );
}

#[actix_web::test]
async fn of_two_refreshes_with_one_token_at_most_one_wins() {
    let server = Server::new().await;
    let token = server.login_with("admin", PASSWORD).await.text("refreshToken");
    let statuses = join_all((0..4).map(async |_| refresh(&server, &token).await.status)).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
}

#[actix_web::test]
async fn refresh_tokens_that_are_none_of_ours_are_told_apart_by_nothing() {
    let server = Server::new().await;
    let real = server.login_with("admin", PASSWORD).await.text("refreshToken");
    let (head, secret) = real.rsplit_once('.').unwrap();
    let (user, _) = head.split_once('.').unwrap();
    let other_session = format!("{user}.{}.{secret}", "0".repeat(32));
    let other_user = real.replacen(user, "cadr_bm9ib2R5", 1);
    for token in ["", "x", "cadr_", &other_session, &other_user, &format!("{real}x")] {
        let refused = refresh(&server, token).await;
        assert_eq!((refused.status, refused.code()), (401, "InvalidToken"), "{token}");
        assert!(
            refused.json["error"]["message"]
                .as_str()
                .unwrap()
                .contains("not valid, or no longer")
        );
    }
    assert_eq!(
        refresh(&server, &real).await.status,
        200,
        "nothing has happened to the session"
    );
}

#[actix_web::test]
async fn a_password_that_is_replaced_while_it_is_checked_opens_no_session() {
    let server = Server::new().await;
    let mut changed = (*server.access.account("admin").unwrap()).clone();
    changed.password_hash = server.state.passwords.hash("vier neue worte hier").await.unwrap();
    changed.revision += 1;
    server.access.overtake(changed);
    assert_eq!(
        server.login_with("admin", PASSWORD).await.code(),
        "InvalidCredentials"
    );
    assert!(server.access.account("admin").unwrap().sessions.is_empty());
}

#[actix_web::test]
async fn a_role_that_changes_during_a_login_is_no_reason_to_refuse_it() {
    let server = Server::new().await;
    let mut changed = (*server.access.account("admin").unwrap()).clone();
    changed.revision += 1;
    server.access.overtake(changed);
    server.login("admin").await;
}

#[actix_web::test]
async fn a_logout_with_a_replaced_refresh_token_says_that_it_ended_nothing() {
    let server = Server::new().await;
    let first = server.login_with("admin", PASSWORD).await;
    let second = refresh(&server, &first.text("refreshToken")).await;
    let body = json!({ "refreshToken": first.text("refreshToken") });
    let refused = server.post("/api/v1/auth/logout", body).await;
    assert_eq!((refused.status, refused.code()), (401, "InvalidToken"));
    assert_eq!(
        server.get("/api/v1/me", &second.text("accessToken")).await.status,
        200
    );
}

#[actix_web::test]
async fn a_session_that_is_not_refreshed_expires() {
    let server = Server::new().await;
    let token = server.login_with("admin", PASSWORD).await.text("refreshToken");
    server.clock.advance(30 * 24 * 3600);
    let refused = refresh(&server, &token).await;
    assert_eq!((refused.status, refused.code()), (401, "TokenExpired"));
}

#[actix_web::test]
async fn a_logout_acts_at_once_on_its_own_session_only() {
    let server = Server::new().await;
    let (one, other) = (
        server.login_with("admin", PASSWORD).await,
        server.login("admin").await,
    );
    let access = one.text("accessToken");
    let logout = Call {
        bearer: Some(&access),
        ..Call::default()
    };
    assert_eq!(
        server.call("POST", "/api/v1/auth/logout", logout).await.status,
        204
    );
    assert_eq!(server.get("/api/v1/me", &access).await.code(), "InvalidToken");
    assert_eq!(
        refresh(&server, &one.text("refreshToken")).await.code(),
        "InvalidToken"
    );
    assert_eq!(server.get("/api/v1/me", &other).await.status, 200);
}

#[actix_web::test]
async fn a_logout_by_refresh_token_needs_no_other_and_can_be_repeated() {
    let server = Server::new().await;
    let login = server.login_with("admin", PASSWORD).await;
    for _ in 0..2 {
        let answer = server
            .post(
                "/api/v1/auth/logout",
                json!({ "refreshToken": login.text("refreshToken") }),
            )
            .await;
        assert_eq!(answer.status, 204);
    }
    assert_eq!(
        server.get("/api/v1/me", &login.text("accessToken")).await.status,
        401
    );
    let nothing = server.call("POST", "/api/v1/auth/logout", Call::default()).await;
    assert_eq!((nothing.status, nothing.code()), (401, "Unauthenticated"));
}

#[actix_web::test]
async fn an_old_password_hash_is_replaced_at_login() {
    let server = Server::new().await;
    let old = argon2::Params::new(16, 3, 1, None).unwrap();
    let limits = crate::auth::password::Limits {
        concurrency: 1,
        queue: 1,
        wait: std::time::Duration::from_secs(1),
    };
    let old = crate::auth::password::Passwords::with_params(old, limits).unwrap();
    let mut ada = crate::testing::account("ada");
    ada.password_hash = old.hash(PASSWORD).await.unwrap();
    server.access.add(ada.clone());
    server.login("ada").await;
    let now = server.access.account("ada").unwrap();
    assert!(now.password_hash.contains("m=8,t=1,p=1") && ada.password_hash.contains("m=16,t=3,p=1"));
    server.login("ada").await;
}

#[actix_web::test]
async fn a_token_that_the_gateway_verified_skips_the_signature_only() {
    let server = Server::new().await;
    let claims = (*server.state.tokens.verify(&server.login("admin").await).unwrap()).clone();
    let with = async |claims: Claims| {
        let verified = Some(VerifiedToken(Arc::new(claims)));
        server
            .call(
                "GET",
                "/api/v1/me",
                Call {
                    verified,
                    ..Call::default()
                },
            )
            .await
            .status
    };
    assert_eq!(with(claims.clone()).await, 200);
    assert_eq!(
        with(Claims {
            sub: "nobody".into(),
            ..claims.clone()
        })
        .await,
        401
    );
    assert_eq!(
        with(Claims {
            sid: uuid::Uuid::now_v7(),
            ..claims.clone()
        })
        .await,
        401
    );
    assert_eq!(
        with(Claims {
            exp: claims.iat,
            ..claims
        })
        .await,
        401
    );
}

#[actix_web::test]
async fn identity_comes_from_the_authorization_header_alone() {
    let server = Server::new().await;
    let token = server.login("admin").await;
    for headers in [
        &[][..],
        &[("authorization", "Basic YWRtaW46YWRtaW4=")],
        &[("authorization", "Bearer")],
        &[
            ("x-user", "admin"),
            ("x-cadastre-service-token", "between-our-services"),
        ],
    ] {
        let refused = server
            .call(
                "GET",
                "/api/v1/me",
                Call {
                    headers,
                    ..Call::default()
                },
            )
            .await;
        assert_eq!(
            (refused.status, refused.code()),
            (401, "Unauthenticated"),
            "{headers:?}"
        );
    }
    let twice = format!("Bearer {token}");
    let headers = [
        ("authorization", twice.as_str()),
        ("authorization", "Bearer other"),
    ];
    assert_eq!(
        server
            .call(
                "GET",
                "/api/v1/me",
                Call {
                    headers: &headers,
                    ..Call::default()
                }
            )
            .await
            .status,
        401
    );
    assert_eq!(
        server
            .call(
                "GET",
                &format!("/api/v1/me?access_token={token}"),
                Call::default()
            )
            .await
            .status,
        401
    );
    assert_eq!(server.get("/api/v1/me", "a.b.c").await.code(), "InvalidToken");
}

#[actix_web::test]
async fn a_removed_user_s_token_stops_working() {
    let server = Server::new().await;
    server.add_user("ada", &[]).await;
    let (admin, ada) = (server.login("admin").await, server.login("ada").await);
    assert_eq!(server.get("/api/v1/me", &ada).await.status, 200);
    assert_eq!(server.delete("/api/v1/users/ada", &admin).await.status, 204);
    assert_eq!(server.get("/api/v1/me", &ada).await.code(), "InvalidToken");
}

#[actix_web::test]
async fn the_verification_keys_are_public_and_the_service_says_how_it_is() {
    let server = Server::new().await;
    let keys = server
        .call("GET", "/.well-known/jwks.json", Call::default())
        .await;
    assert_eq!(
        (
            keys.status,
            &keys.json["keys"][0]["kty"],
            &keys.json["keys"][0]["use"]
        ),
        (200, &json!("OKP"), &json!("sig"))
    );
    assert!(keys.json["keys"][0].get("d").is_none());
    assert_eq!(server.call("GET", "/health", Call::default()).await.status, 200);
    assert_eq!(server.call("GET", "/ready", Call::default()).await.status, 200);
    server.access.fail_changes(true);
    assert_eq!(server.call("GET", "/health", Call::default()).await.status, 200);
    let away = server.call("GET", "/ready", Call::default()).await;
    assert_eq!(
        (away.status, away.code(), away.header("retry-after")),
        (503, "StoreUnavailable", Some("1"))
    );
    let login = server.login_with("admin", PASSWORD).await;
    assert_eq!(login.status, 503, "a store that is away is no wrong password");
}
