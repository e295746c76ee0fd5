//! Secrets that are sent are sealed, and never answered.

use super::*;

#[actix_web::test]
async fn a_password_is_kept_sealed_never_shown_and_removed_by_null() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    let body = examples::subscriber_create();
    let password = body["password"].as_str().unwrap().to_owned();
    let made = isp.send("POST", "/api/v1/subscribers", body).await;
    assert_eq!((made.status, &made.json["hasPassword"]), (201, &json!(true)));
    assert!(!made.json.to_string().contains(&password));
    let IspCommand::CreateSubscriber {
        secret: Some(secret), ..
    } = isp.last()
    else {
        unreachable!()
    };
    assert!(!secret.sealed.contains(&password) && !secret.key_id.is_empty());
    let at = made.header("location").unwrap();
    let kept = isp.send("PUT", at, json!({ "notes": "moved" })).await;
    assert_eq!(kept.json["hasPassword"], true);
    let removed = isp.send("PUT", at, json!({ "password": null })).await;
    assert_eq!(removed.json["hasPassword"], false);
    let empty = isp.send("PUT", at, json!({ "password": "" })).await;
    assert_eq!(empty.json["error"]["details"]["field"], "password");
}

#[actix_web::test]
async fn the_secret_of_a_webhook_is_kept_sealed() {
    let isp = Isp::as_a(Role::AddressSpaceAdmin).await;
    let made = isp
        .send("POST", "/api/v1/webhooks", examples::webhook_create())
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let IspCommand::CreateThing {
        secret: Some(secret), ..
    } = isp.last()
    else {
        unreachable!()
    };
    assert!(!secret.sealed.contains("sixteen"));
    assert!(!made.json.to_string().contains("sixteen"));
}
