//! A caller whose role is narrowed to a subtree.

use serde_json::json;

use crate::client::Api;

#[actix_web::test]
async fn above_the_subtree_prefix_and_tags_are_seen_and_beside_it_nothing() {
    let api = Api::start().await;
    api.tag("Region").await;
    let top = api
        .post(
            "/ips",
            json!({ "prefix": "10.0.0.0/8", "tags": { "Region": "a" }, "description": "secret" }),
        )
        .await
        .is(201);
    let top = top.header("location").to_owned();
    let own = api.node("10.1.0.0/16", json!({})).await;
    let beside = api.node("10.2.0.0/16", json!({})).await;

    let ada = api
        .as_user("ada", "AddressSpaceOperator", Some("10.1.0.0/16"))
        .await;
    let above = ada.get(&top).await.is(200);
    assert_eq!(
        (&above.json["prefix"], &above.json["tags"]),
        (&json!("10.0.0.0/8"), &json!({ "Region": "a" }))
    );
    assert!(above.json.get("description").is_none() && above.json.get("createdOn").is_none());
    assert!(ada.get(&own).await.is(200).json.get("createdOn").is_some());
    ada.get(&beside).await.fails(404, "NotFound");
    assert!(ada.get("/ips?prefix=10.2.0.0/16").await.all("prefix").is_empty());
    assert!(!ada.get("/ips").await.all("prefix").contains(&"10.2.0.0/16"));

    ada.post("/ips", json!({ "prefix": "10.1.1.0/24" })).await.is(201);
    ada.post("/ips", json!({ "prefix": "10.2.1.0/24" }))
        .await
        .fails(403, "OutsideScope");
    ada.put(&top, json!({ "tags": {} }))
        .await
        .fails(403, "OutsideScope");
    ada.post("/tags", json!({ "name": "X", "type": "Inheritable" }))
        .await
        .fails(403, "Forbidden");
    ada.delete("").await.fails(403, "Forbidden");
    assert_eq!(ada.get("/api/v1/addressspaces").await.all("name"), ["Corporate"]);
}

#[actix_web::test]
async fn a_viewer_reads_and_a_stranger_sees_no_space() {
    let api = Api::start().await;
    let eve = api.as_user("eve", "AddressSpaceViewer", None).await;
    assert!(eve.get("/ips").await.all("prefix").is_empty());
    eve.post("/ips", json!({ "prefix": "10.0.0.0/8" }))
        .await
        .fails(403, "Forbidden");
    let other = api
        .post("/api/v1/addressspaces", json!({ "name": "Other" }))
        .await
        .is(201);
    eve.get(other.header("location")).await.fails(404, "NotFound");
}
