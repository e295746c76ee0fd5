//! First and later starts of a frontend.
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::{PASSWORD, Site, ask, login, token};
use cadastre_frontend::Frontend;

#[actix_web::test]
async fn the_first_start_writes_a_password_that_opens_system_administration() {
    let site = Site::new().await;
    let frontend = site.start(None).await;
    assert_eq!(frontend.first_password_file(), Some(&*site.password_file()));
    assert_eq!(
        std::fs::metadata(site.password_file())
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    let password = std::fs::read_to_string(site.password_file()).unwrap();
    let token = login(&frontend, "admin", password.trim())
        .await
        .is(200)
        .text("accessToken");
    let me = ask(&frontend, "GET", "/api/v1/me", &token, None).await.is(200);
    assert_eq!(me.json["roles"][0]["role"], json!("SystemAdmin"));
    assert_eq!(me.json["roles"][0]["addressSpaceId"], json!("SYSTEM"));
}

#[actix_web::test]
async fn a_restart_keeps_password_sessions_and_keys() {
    let site = Site::new().await;
    let frontend = site.start(Some(PASSWORD)).await;
    let token = token(&frontend, "admin").await;
    let restarted = site.start(Some("ein ganz anderes wort")).await;
    assert_eq!(restarted.first_password_file(), None);
    ask(&restarted, "GET", "/api/v1/me", &token, None).await.is(200);
    login(&restarted, "admin", PASSWORD).await.is(200);
    login(&restarted, "admin", "ein ganz anderes wort")
        .await
        .fails(401, "InvalidCredentials");
    assert_eq!(
        frontend.verification_keys().current(),
        restarted.verification_keys().current()
    );
}

#[actix_web::test]
async fn frontends_that_start_together_make_one_administrator_whose_password_is_in_the_file() {
    let site = Site::new().await;
    let starts = (0..4).map(|_| site.start(None));
    let frontends = futures::future::join_all(starts).await;
    let password = std::fs::read_to_string(site.password_file()).unwrap();
    for frontend in &frontends {
        login(frontend, "admin", password.trim()).await.is(200);
    }
    assert_eq!(
        frontends
            .iter()
            .filter(|frontend| frontend.first_password_file().is_some())
            .count(),
        1
    );
}

#[actix_web::test]
async fn a_weak_configured_password_and_an_exposed_key_are_refused_with_a_sentence() {
    let site = Site::new().await;
    let refusal = Frontend::start(site.config(Some("password")), site.access.clone())
        .await
        .err()
        .unwrap();
    assert!(
        refusal
            .to_string()
            .starts_with("CADASTRE_ADMIN_PASSWORD is not accepted: "),
        "{refusal}"
    );
    site.start(Some(PASSWORD)).await;
    let keys = std::fs::read_dir(site.dir.path().join("keys"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let key = keys
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "pem"))
        .unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o604)).unwrap();
    let refusal = Frontend::start(site.config(Some(PASSWORD)), site.access.clone())
        .await
        .err()
        .unwrap();
    assert!(refusal.to_string().contains("chmod 600"), "{refusal}");
}
