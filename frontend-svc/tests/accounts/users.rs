//! Users over HTTP, on the real data access layer.
use serde_json::json;

use super::{PASSWORD, Site, ask, login, send, token};

const NEW: &str = "vier neue worte hier";

#[actix_web::test]
async fn a_user_lives_from_creation_over_a_new_password_to_deletion() {
    let site = Site::new().await;
    let frontend = site.start(Some(PASSWORD)).await;
    let admin = token(&frontend, "admin").await;
    let body = json!({ "username": "Ada", "password": PASSWORD });
    let made = ask(&frontend, "POST", "/api/v1/users", &admin, Some(body.clone()))
        .await
        .is(201);
    let location = made.header("location").unwrap();
    ask(&frontend, "POST", "/api/v1/users", &admin, Some(body))
        .await
        .fails(409, "NameTaken");
    let read = ask(&frontend, "GET", location, &admin, None).await.is(200);
    assert_eq!(
        (&read.json, read.header("etag")),
        (&made.json, made.header("etag"))
    );

    let ada = token(&frontend, "ada").await;
    let still = ask(&frontend, "GET", location, &admin, None).await.is(200);
    assert_eq!(
        still.header("etag"),
        made.header("etag"),
        "a login is no change of the user"
    );
    let change = json!({ "password": NEW, "currentPassword": PASSWORD });
    ask(&frontend, "PUT", location, &ada, Some(change)).await.is(200);
    ask(&frontend, "GET", "/api/v1/me", &ada, None)
        .await
        .fails(401, "InvalidToken");
    login(&frontend, "ada", NEW).await.is(200);

    let bearer = format!("Bearer {admin}");
    let stale = [
        ("authorization", bearer.as_str()),
        ("if-match", made.header("etag").unwrap()),
    ];
    send(&frontend, "DELETE", location, &stale, None)
        .await
        .fails(412, "PreconditionFailed");
    ask(&frontend, "DELETE", location, &admin, None).await.is(204);
    ask(&frontend, "GET", location, &admin, None)
        .await
        .fails(404, "NotFound");
    login(&frontend, "ada", NEW)
        .await
        .fails(401, "InvalidCredentials");
}

#[actix_web::test]
async fn creations_sent_again_are_answered_as_before_and_done_once() {
    let site = Site::new().await;
    let frontend = site.start(Some(PASSWORD)).await;
    let bearer = format!("Bearer {}", token(&frontend, "admin").await);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "once")];
    let user = json!({ "username": "ada", "password": PASSWORD });
    let first = send(&frontend, "POST", "/api/v1/users", &headers, Some(user.clone()))
        .await
        .is(201);
    let role = json!({ "role": "SystemAdmin", "addressSpaceId": "SYSTEM" });
    let path = "/api/v1/users/ada/roles";
    let granted = send(&frontend, "POST", path, &headers, Some(role.clone()))
        .await
        .is(201);
    let again = send(&frontend, "POST", "/api/v1/users", &headers, Some(user))
        .await
        .is(201);
    assert_eq!(
        (&again.json, again.header("idempotency-replayed")),
        (&first.json, Some("true"))
    );
    let again = send(&frontend, "POST", path, &headers, Some(role)).await.is(201);
    assert_eq!(
        (&again.json, again.header("location")),
        (&granted.json, granted.header("location"))
    );
    let other = json!({ "username": "ada", "password": NEW });
    send(&frontend, "POST", "/api/v1/users", &headers, Some(other))
        .await
        .fails(409, "IdempotencyMismatch");
    let list = send(&frontend, "GET", path, &headers[..1], None).await.is(200);
    assert_eq!(list.json.as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn plans_of_users_and_roles_say_what_would_change_or_what_stands_in_the_way() {
    let site = Site::new().await;
    let frontend = site.start(Some(PASSWORD)).await;
    let admin = token(&frontend, "admin").await;
    let plan =
        async |method: &str, path: &str, body| ask(&frontend, method, path, &admin, body).await.is(200).json;
    let user = Some(json!({ "username": "ada", "password": PASSWORD }));
    let made = plan("POST", "/api/v1/users?dryRun=true", user.clone()).await;
    assert_eq!(
        (&made["changes"][0]["action"], &made["conflicts"]),
        (&json!("create"), &json!([]))
    );
    ask(&frontend, "GET", "/api/v1/users/ada", &admin, None)
        .await
        .fails(404, "NotFound");
    ask(&frontend, "POST", "/api/v1/users", &admin, user.clone())
        .await
        .is(201);
    let taken = plan("POST", "/api/v1/users?dryRun=true", user).await;
    assert_eq!(taken["conflicts"][0]["code"], json!("NameTaken"));
    let role = Some(json!({ "role": "SystemAdmin", "addressSpaceId": "SYSTEM" }));
    let granted = plan("POST", "/api/v1/users/ada/roles?dryRun=true", role).await;
    assert_eq!(granted["changes"][0]["after"]["role"], json!("SystemAdmin"));
    let gone = plan("DELETE", "/api/v1/users/ada?dryRun=true", None).await;
    assert_eq!(gone["changes"][0]["action"], json!("delete"));
    // What is not there cannot be planned about.
    ask(&frontend, "DELETE", "/api/v1/users/bob?dryRun=true", &admin, None)
        .await
        .fails(404, "NotFound");
    login(&frontend, "ada", PASSWORD).await.is(200);
}

#[actix_web::test]
async fn a_role_is_given_in_a_space_that_exists_and_acts_at_once() {
    let site = Site::new().await;
    let frontend = site.start(Some(PASSWORD)).await;
    let admin = token(&frontend, "admin").await;
    let user = json!({ "username": "ada", "password": PASSWORD });
    ask(&frontend, "POST", "/api/v1/users", &admin, Some(user))
        .await
        .is(201);
    let ada = token(&frontend, "ada").await;
    let space = ask(
        &frontend,
        "POST",
        "/api/v1/addressspaces",
        &admin,
        Some(json!({ "name": "Corporate" })),
    )
    .await
    .is(201);
    let path = space.header("location").unwrap();
    ask(&frontend, "GET", path, &ada, None)
        .await
        .fails(404, "NotFound");
    let role = json!({ "role": "AddressSpaceViewer", "addressSpaceId": space.text("id") });
    let made = ask(&frontend, "POST", "/api/v1/users/ada/roles", &admin, Some(role))
        .await
        .is(201);
    ask(&frontend, "GET", path, &ada, None).await.is(200);
    ask(&frontend, "DELETE", path, &ada, None)
        .await
        .fails(403, "Forbidden");
    ask(
        &frontend,
        "DELETE",
        made.header("location").unwrap(),
        &admin,
        None,
    )
    .await
    .is(204);
    ask(&frontend, "GET", path, &ada, None)
        .await
        .fails(404, "NotFound");
    let nowhere =
        json!({ "role": "AddressSpaceViewer", "addressSpaceId": "0198a2b4-5c6d-7e8f-9012-3456789abcde" });
    ask(
        &frontend,
        "POST",
        "/api/v1/users/ada/roles",
        &admin,
        Some(nowhere),
    )
    .await
    .fails(400, "InvalidRole");
}
