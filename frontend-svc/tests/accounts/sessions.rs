//! Sessions over HTTP, on the real data access layer.
use futures::future::join_all;
use serde_json::json;

use super::{PASSWORD, Site, ask, login, send, token};
use cadastre_frontend::Frontend;

async fn refresh(frontend: &Frontend, token: &str) -> super::Answer {
    send(
        frontend,
        "POST",
        "/api/v1/auth/refresh",
        &[],
        Some(json!({ "refreshToken": token })),
    )
    .await
}

#[actix_web::test]
async fn reuse_of_a_refresh_token_ends_the_session_durably() {
    let site = Site::new().await;
    let frontend = site.start(Some(PASSWORD)).await;
    let first = login(&frontend, "admin", PASSWORD).await.is(200);
    let second = refresh(&frontend, &first.text("refreshToken")).await.is(200);
    refresh(&frontend, &first.text("refreshToken"))
        .await
        .fails(401, "TokenReused");
    ask(&frontend, "GET", "/api/v1/me", &second.text("accessToken"), None)
        .await
        .fails(401, "InvalidToken");
    let restarted = site.start(None).await;
    refresh(&restarted, &second.text("refreshToken"))
        .await
        .fails(401, "InvalidToken");
}

#[actix_web::test]
async fn of_refreshes_that_race_at_most_one_wins() {
    let site = Site::new().await;
    let frontend = site.start(Some(PASSWORD)).await;
    let first = login(&frontend, "admin", PASSWORD)
        .await
        .is(200)
        .text("refreshToken");
    let statuses = join_all((0..8).map(async |_| refresh(&frontend, &first).await.status)).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
}

#[actix_web::test]
async fn a_logout_ends_the_session_by_either_token_and_can_be_repeated() {
    let site = Site::new().await;
    let frontend = site.start(Some(PASSWORD)).await;
    let one = login(&frontend, "admin", PASSWORD).await.is(200);
    let body = Some(json!({ "refreshToken": one.text("refreshToken") }));
    for _ in 0..2 {
        send(&frontend, "POST", "/api/v1/auth/logout", &[], body.clone())
            .await
            .is(204);
    }
    ask(&frontend, "GET", "/api/v1/me", &one.text("accessToken"), None)
        .await
        .fails(401, "InvalidToken");
    let two = token(&frontend, "admin").await;
    ask(&frontend, "POST", "/api/v1/auth/logout", &two, None)
        .await
        .is(204);
    ask(&frontend, "GET", "/api/v1/me", &two, None)
        .await
        .fails(401, "InvalidToken");
}

#[actix_web::test]
async fn many_logins_at_once_all_get_a_session_of_their_own() {
    let site = Site::new().await;
    let frontend = site.start(Some(PASSWORD)).await;
    let tokens = join_all((0..24).map(|_| token(&frontend, "admin"))).await;
    for token in &tokens {
        ask(&frontend, "GET", "/api/v1/me", token, None).await.is(200);
    }
}

#[actix_web::test]
async fn api_tokens_outlive_sessions_until_they_are_revoked() {
    let site = Site::new().await;
    let frontend = site.start(Some(PASSWORD)).await;
    let admin = token(&frontend, "admin").await;
    let made = ask(
        &frontend,
        "POST",
        "/api/v1/auth/tokens",
        &admin,
        Some(json!({ "name": "ci" })),
    )
    .await
    .is(201);
    ask(
        &frontend,
        "POST",
        "/api/v1/auth/tokens",
        &admin,
        Some(json!({ "name": "ci" })),
    )
    .await
    .fails(409, "NameTaken");
    ask(&frontend, "POST", "/api/v1/auth/logout", &admin, None)
        .await
        .is(204);
    let api_token = made.text("token");
    let list = ask(&frontend, "GET", "/api/v1/auth/tokens", &api_token, None)
        .await
        .is(200);
    assert_eq!(list.json.as_array().unwrap().len(), 1);
    ask(
        &frontend,
        "DELETE",
        made.header("location").unwrap(),
        &api_token,
        None,
    )
    .await
    .is(204);
    ask(&frontend, "GET", "/api/v1/me", &api_token, None)
        .await
        .fails(401, "InvalidToken");
}
