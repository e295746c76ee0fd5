//! Claims about API tokens.
#![allow(clippy::unwrap_used)]
use serde_json::json;

use crate::testing::{Call, Server};

const TOKENS: &str = "/api/v1/auth/tokens";

#[actix_web::test]
async fn a_token_works_until_it_is_revoked_and_is_shown_once() {
    let server = Server::new().await;
    let admin = server.login("admin").await;
    let made = server.send("POST", TOKENS, &admin, json!({ "name": "ci" })).await;
    assert_eq!(
        (made.status, made.header("cache-control")),
        (201, Some("no-store")),
        "{made:?}"
    );
    let token = made.text("token");
    assert!(token.starts_with("cad_"));
    assert_eq!(server.get("/api/v1/users", &token).await.status, 200);

    let list = server.get(TOKENS, &admin).await;
    assert_eq!(list.json[0]["name"], json!("ci"));
    assert!(list.json[0].get("token").is_none());
    let stored = &server.access.account("admin").unwrap().tokens[0];
    assert!(stored.hash.len() == 64 && !token.contains(&stored.hash));

    assert_eq!(
        server
            .delete(made.header("location").unwrap(), &admin)
            .await
            .status,
        204
    );
    assert_eq!(server.get("/api/v1/users", &token).await.code(), "InvalidToken");
    assert_eq!(
        server
            .delete(made.header("location").unwrap(), &admin)
            .await
            .status,
        404
    );
}

#[actix_web::test]
async fn a_token_expires_after_90_days_or_when_it_says() {
    let server = Server::new().await;
    let admin = server.login("admin").await;
    let soon = server.state.clock.now() + jiff::SignedDuration::from_secs(60);
    let made = server
        .send(
            "POST",
            TOKENS,
            &admin,
            json!({ "name": "soon", "expiresOn": soon }),
        )
        .await;
    let later = server
        .send("POST", TOKENS, &admin, json!({ "name": "later" }))
        .await;
    server.clock.advance(60);
    assert_eq!(
        server.get("/api/v1/me", &made.text("token")).await.code(),
        "TokenExpired"
    );
    server.clock.advance(90 * 24 * 3600 - 61);
    assert_eq!(server.get("/api/v1/me", &later.text("token")).await.status, 200);
    server.clock.advance(1);
    assert_eq!(
        server.get("/api/v1/me", &later.text("token")).await.code(),
        "TokenExpired"
    );
}

#[actix_web::test]
async fn names_are_unique_and_expiry_is_bounded() {
    let server = Server::new().await;
    let admin = server.login("admin").await;
    assert_eq!(
        server
            .send("POST", TOKENS, &admin, json!({ "name": "ci" }))
            .await
            .status,
        201
    );
    for (body, status, code) in [
        (json!({ "name": "ci" }), 409, "NameTaken"),
        (json!({ "name": "" }), 400, "InvalidName"),
        (json!({ "name": " x" }), 400, "InvalidName"),
        (json!({ "name": "x".repeat(129) }), 400, "InvalidName"),
        (
            json!({ "name": "a", "expiresOn": "2020-01-01T00:00:00Z" }),
            400,
            "MalformedRequest",
        ),
        (
            json!({ "name": "a", "expiresOn": "2120-01-01T00:00:00Z" }),
            400,
            "MalformedRequest",
        ),
    ] {
        let refused = server.send("POST", TOKENS, &admin, body).await;
        assert_eq!((refused.status, refused.code()), (status, code));
    }
}

#[actix_web::test]
async fn a_token_makes_no_token_has_no_session_and_reaches_only_its_owner_s_tokens() {
    let server = Server::new().await;
    server.add_user("ada", &[]).await;
    let (admin, ada) = (server.login("admin").await, server.login("ada").await);
    let made = server.send("POST", TOKENS, &ada, json!({ "name": "ci" })).await;
    let token = made.text("token");
    assert_eq!(
        server
            .send("POST", TOKENS, &token, json!({ "name": "next" }))
            .await
            .status,
        403
    );
    let logout = Call {
        bearer: Some(&token),
        ..Call::default()
    };
    assert_eq!(
        server.call("POST", "/api/v1/auth/logout", logout).await.status,
        400
    );
    assert_eq!(server.get(TOKENS, &admin).await.json, json!([]));
    assert_eq!(
        server
            .delete(made.header("location").unwrap(), &admin)
            .await
            .status,
        404
    );
    assert_eq!(server.get("/api/v1/me", &token).await.text("username"), "ada");
}
