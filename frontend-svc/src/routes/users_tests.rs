//! Claims about users.
#![allow(clippy::unwrap_used)]
use cadastre_domain::roles::{GrantTarget, Role};
use serde_json::json;
use uuid::Uuid;

use crate::testing::{Call, PASSWORD, Server};

const NEW: &str = "vier neue worte hier";

#[actix_web::test]
async fn a_new_user_can_log_in_and_has_no_roles() {
    let server = Server::new().await;
    let admin = server.login("admin").await;
    let made = server
        .send(
            "POST",
            "/api/v1/users",
            &admin,
            json!({ "username": "Ada", "password": PASSWORD }),
        )
        .await;
    assert_eq!(
        (made.status, made.header("location")),
        (201, Some("/api/v1/users/ada")),
        "{made:?}"
    );
    assert_eq!(
        (made.text("username").as_str(), &made.json["roles"]),
        ("ada", &json!([]))
    );
    assert!(!made.json.to_string().contains("argon2"));
    server.login("ADA").await;
    let again = server
        .send(
            "POST",
            "/api/v1/users",
            &admin,
            json!({ "username": "ada", "password": PASSWORD }),
        )
        .await;
    assert_eq!((again.status, again.code()), (409, "NameTaken"));
    let list = server.get("/api/v1/users", &admin).await;
    assert_eq!(list.json.as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn bad_names_and_weak_passwords_are_refused() {
    let server = Server::new().await;
    let admin = server.login("admin").await;
    for (body, code) in [
        (json!({ "username": "a b", "password": PASSWORD }), "InvalidName"),
        (json!({ "username": "", "password": PASSWORD }), "InvalidName"),
        (json!({ "username": "ada", "password": "short" }), "WeakPassword"),
        (
            json!({ "username": "ada", "password": "password1234" }),
            "WeakPassword",
        ),
        (
            json!({ "username": "ada", "password": PASSWORD, "role": "x" }),
            "UnknownField",
        ),
        (json!({ "username": "ada" }), "MalformedRequest"),
    ] {
        let refused = server.send("POST", "/api/v1/users", &admin, body).await;
        assert_eq!((refused.status, refused.code()), (400, code));
    }
}

#[actix_web::test]
async fn only_system_administrators_manage_users_and_everybody_may_see_themselves() {
    let server = Server::new().await;
    let space = GrantTarget::Space(Uuid::now_v7());
    server
        .add_user("ada", &[(Role::AddressSpaceAdmin, space, None)])
        .await;
    let ada = server.login("ada").await;
    assert_eq!(server.get("/api/v1/users/ADA", &ada).await.status, 200);
    for (method, path) in [
        ("GET", "/api/v1/users"),
        ("POST", "/api/v1/users"),
        ("GET", "/api/v1/users/admin"),
        ("GET", "/api/v1/users/nobody"),
        ("PUT", "/api/v1/users/admin"),
        ("DELETE", "/api/v1/users/admin"),
        ("DELETE", "/api/v1/users/ada"),
    ] {
        let body = Some(json!({ "password": NEW }));
        let refused = server
            .call(
                method,
                path,
                Call {
                    bearer: Some(&ada),
                    body,
                    ..Call::default()
                },
            )
            .await;
        assert_eq!(
            (refused.status, refused.code()),
            (403, "Forbidden"),
            "{method} {path}"
        );
    }
}

#[actix_web::test]
async fn changing_one_s_own_password_takes_the_current_one_and_ends_all_sessions() {
    let server = Server::new().await;
    server.add_user("ada", &[]).await;
    let (ada, elsewhere) = (server.login("ada").await, server.login("ada").await);
    let without = server
        .send("PUT", "/api/v1/users/ada", &ada, json!({ "password": NEW }))
        .await;
    assert_eq!((without.status, without.code()), (400, "MalformedRequest"));
    let body = json!({ "password": NEW, "currentPassword": "wrong" });
    assert_eq!(
        server.send("PUT", "/api/v1/users/ada", &ada, body).await.code(),
        "InvalidCredentials"
    );
    assert_eq!(server.get("/api/v1/me", &ada).await.status, 200);

    let body = json!({ "password": NEW, "currentPassword": PASSWORD });
    assert_eq!(
        server.send("PUT", "/api/v1/users/ada", &ada, body).await.status,
        200
    );
    for token in [&ada, &elsewhere] {
        assert_eq!(server.get("/api/v1/me", token).await.code(), "InvalidToken");
    }
    assert_eq!(server.login_with("ada", PASSWORD).await.status, 401);
    assert_eq!(server.login_with("ada", NEW).await.status, 200);
}

#[actix_web::test]
async fn guessing_the_current_password_is_throttled_like_a_login() {
    let server = Server::new().await;
    server.add_user("ada", &[]).await;
    let ada = server.login("ada").await;
    let guess = json!({ "password": NEW, "currentPassword": "wrong" });
    for _ in 0..5 {
        assert_eq!(
            server
                .send("PUT", "/api/v1/users/ada", &ada, guess.clone())
                .await
                .status,
            401
        );
    }
    assert_eq!(
        server.send("PUT", "/api/v1/users/ada", &ada, guess).await.code(),
        "LoginThrottled"
    );
    assert_eq!(server.login_with("ada", PASSWORD).await.code(), "LoginThrottled");
}

#[actix_web::test]
async fn an_administrator_sets_a_password_without_the_current_one_but_not_their_own() {
    let server = Server::new().await;
    server.add_user("ada", &[]).await;
    let (admin, ada) = (server.login("admin").await, server.login("ada").await);
    assert_eq!(
        server
            .send("PUT", "/api/v1/users/ada", &admin, json!({ "password": NEW }))
            .await
            .status,
        200
    );
    assert_eq!(server.get("/api/v1/me", &ada).await.status, 401);
    assert_eq!(
        server
            .send("PUT", "/api/v1/users/admin", &admin, json!({ "password": NEW }))
            .await
            .status,
        400
    );
    assert_eq!(
        server
            .send("PUT", "/api/v1/users/nobody", &admin, json!({ "password": NEW }))
            .await
            .status,
        404
    );
}

#[actix_web::test]
async fn nobody_deletes_themselves_not_even_in_a_plan() {
    let server = Server::new().await;
    let admin = server.login("admin").await;
    let refused = server.delete("/api/v1/users/Admin", &admin).await;
    assert_eq!((refused.status, refused.code()), (409, "InUse"));
    let plan = server.delete("/api/v1/users/admin?dryRun=true", &admin).await;
    assert_eq!(
        (
            plan.status,
            &plan.json["changes"],
            &plan.json["conflicts"][0]["code"]
        ),
        (200, &json!([]), &json!("InUse"))
    );
    assert!(server.access.account("admin").is_some());
}

#[actix_web::test]
async fn a_dry_run_changes_nothing_and_hashes_nothing() {
    let server = Server::new().await;
    server.add_user("ada", &[]).await;
    let admin = server.login("admin").await;
    let body = json!({ "username": "bob", "password": PASSWORD });
    let plan = server
        .send("POST", "/api/v1/users?dryRun=true", &admin, body)
        .await;
    assert_eq!(
        (plan.status, &plan.json["changes"][0]["action"]),
        (200, &json!("create")),
        "{plan:?}"
    );
    assert_eq!(plan.json["changes"][0]["after"]["username"], json!("bob"));
    let body = json!({ "username": "ada", "password": PASSWORD });
    let plan = server
        .send("POST", "/api/v1/users?dryRun=true", &admin, body)
        .await;
    assert_eq!(plan.json["conflicts"][0]["code"], json!("NameTaken"));
    assert_eq!(
        server
            .send(
                "PUT",
                "/api/v1/users/ada?dryRun=true",
                &admin,
                json!({ "password": NEW })
            )
            .await
            .status,
        200
    );
    assert_eq!(
        server
            .delete("/api/v1/users/ada?dryRun=true", &admin)
            .await
            .status,
        200
    );
    assert!(server.access.account("bob").is_none());
    server.login("ada").await;
}

#[actix_web::test]
async fn a_stale_etag_is_refused_and_the_current_one_is_not() {
    let server = Server::new().await;
    server.add_user("ada", &[]).await;
    let admin = server.login("admin").await;
    let etag = server
        .get("/api/v1/users/ada", &admin)
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    let put = async |etag: &str| {
        let headers = [("if-match", etag)];
        let body = Some(json!({ "password": NEW }));
        server
            .call(
                "PUT",
                "/api/v1/users/ada",
                Call {
                    bearer: Some(&admin),
                    headers: &headers,
                    body,
                    ..Call::default()
                },
            )
            .await
    };
    assert_eq!(put(&etag).await.status, 200);
    assert_eq!(put(&etag).await.code(), "PreconditionFailed");
}

#[actix_web::test]
async fn a_creation_can_be_sent_again_and_what_is_kept_of_it_does_not_give_the_password_away() {
    let server = Server::new().await;
    let admin = server.login("admin").await;
    let post = async |key: &str, password: &str| {
        let headers = [("idempotency-key", key)];
        let body = Some(json!({ "username": "ada", "password": password }));
        server
            .call(
                "POST",
                "/api/v1/users",
                Call {
                    bearer: Some(&admin),
                    headers: &headers,
                    body,
                    ..Call::default()
                },
            )
            .await
    };
    let first = post("k1", PASSWORD).await;
    let again = post("k1", PASSWORD).await;
    assert_eq!((again.status, &again.json), (201, &first.json));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(post("k1", NEW).await.code(), "IdempotencyMismatch");
    let hashes = server.access.remembered_body_hashes();
    post("k2", PASSWORD).await;
    let more = server.access.remembered_body_hashes();
    assert_eq!(hashes.len(), 1);
    assert!(
        more.len() == 1 || more[0] != more[1],
        "the same body is kept under another hash with another key"
    );
}
