//! `/addressspaces/{spaceId}/changes/{version}/revert`: taking a change back, over the real data access layer.

use serde_json::{Value, json};

use crate::client::{Answer, Api};

/// The version of the space.
async fn head(api: &Api) -> u64 {
    let changes = api.get("/changes?limit=1000").await.is(200);
    let entries = changes.json.as_array().unwrap();
    entries.last().unwrap()["version"].as_u64().unwrap()
}

/// A revert without a body.
async fn revert(api: &Api, version: u64, query: &str, headers: &[(&str, &str)]) -> Answer {
    let path = format!("/changes/{version}/revert{query}");
    api.raw("POST", &path, headers, Vec::new()).await
}

#[actix_web::test]
async fn a_change_taken_back_is_told_as_it_stands_in_the_journal() {
    let api = Api::start().await;
    api.tag("Owner").await;
    let node = api.node("10.0.0.0/8", json!({ "Owner": "net" })).await;
    let before = api.get(&node).await.is(200);
    api.put(&node, json!({ "tags": {}, "description": "Lab" }))
        .await
        .is(200);
    let changed = head(&api).await;

    let plan = revert(&api, changed, "?dryRun=true", &[]).await.is(200);
    assert_eq!(plan.json["conflicts"], json!([]));
    assert_eq!(
        plan.json["changes"][0]["after"]["tags"],
        json!({ "Owner": "net" })
    );
    assert_eq!(head(&api).await, changed);

    let back = revert(&api, changed, "", &[]).await.is(200);
    assert_eq!(
        (
            &back.json["command"],
            &back.json["reverts"],
            &back.json["version"]
        ),
        (&json!("Revert"), &json!(changed), &json!(changed + 1))
    );
    assert_eq!(back.json["changes"][0]["action"], "update");
    assert!(!back.headers.contains_key("etag") && !back.headers.contains_key("location"));
    let listed = api.get(&format!("/changes?since={changed}")).await.is(200);
    assert_eq!(listed.json, json!([back.json]));
    let after = api.get(&node).await.is(200);
    assert_ne!(after.header("etag"), before.header("etag"));
    for field in [
        "id",
        "prefix",
        "tags",
        "resolvedTags",
        "createdOn",
        "parentId",
        "description",
    ] {
        assert_eq!(after.json.get(field), before.json.get(field), "{field}");
    }

    // A second time it is refused, and says why; the revert itself can be taken back.
    let sentence = revert(&api, changed, "", &[]).await.fails(409, "RevertConflict");
    assert!(
        sentence.contains(&format!("already taken back by version {}", changed + 1)),
        "{sentence}"
    );
    let plan = revert(&api, changed, "?dryRun=true", &[]).await.is(200);
    assert_eq!(plan.json["changes"], json!([]));
    let conflict = &plan.json["conflicts"][0];
    assert_eq!(
        (&conflict["code"], &conflict["details"]["revertedBy"]),
        (&json!("RevertConflict"), &json!(changed + 1))
    );
    revert(&api, changed + 1, "", &[]).await.is(200);
    assert_eq!(api.get(&node).await.json["description"], "Lab");
    let commands = api.get("/changes").await;
    assert_eq!(commands.all("command")[2..], ["UpdateNode", "Revert", "Revert"]);
    assert!(commands.json[0].get("reverts").is_none());
}

#[actix_web::test]
async fn a_deleted_node_comes_back_with_its_id_and_children() {
    let api = Api::start().await;
    api.tag("Region").await;
    let top = api.node("10.0.0.0/8", json!({ "Region": "eu" })).await;
    api.node("10.1.0.0/16", json!({})).await;
    let before = api.get("/ips").await.is(200).json;
    api.delete(&top).await.is(204);
    let removed = head(&api).await;
    revert(&api, removed, "", &[]).await.is(200);
    let stored = |list: &Value| -> Vec<Value> {
        let mut list = list.as_array().unwrap().clone();
        for node in &mut list {
            node.as_object_mut().unwrap().remove("modifiedOn");
        }
        list
    };
    assert_eq!(stored(&api.get("/ips").await.json), stored(&before));
    let history = api.get(&format!("{top}/history")).await.is(200);
    assert_eq!(history.all("command"), ["Revert", "DeleteNode", "CreateNode"]);
}

#[actix_web::test]
async fn the_same_key_takes_a_change_back_once() {
    let api = Api::start().await;
    api.node("10.0.0.0/8", json!({})).await;
    let key = [("idempotency-key", "r-1")];
    let first = revert(&api, 1, "", &key).await.is(200);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    // No body and an empty one are the same.
    let again = api
        .send("POST", "/changes/1/revert", &key, json!({}))
        .await
        .is(200);
    assert_eq!(
        (&again.json, again.header("idempotency-replayed")),
        (&first.json, "true")
    );
    assert_eq!(head(&api).await, 2);
    // Another version is another path, so the key is new there.
    revert(&api, 2, "", &key).await.is(200);
    assert_eq!(api.get("/ips").await.all("prefix"), ["10.0.0.0/8"]);
}

#[actix_web::test]
async fn bad_requests_and_versions_that_are_not_there_are_told_apart() {
    let api = Api::start().await;
    api.node("10.0.0.0/8", json!({})).await;
    for text in ["x", "-1", "1.5", "%2B1", "1%20"] {
        api.raw("POST", &format!("/changes/{text}/revert"), &[], Vec::new())
            .await
            .fails(400, "InvalidParameter");
    }
    for text in ["0", "2", "99999999999999999999999999"] {
        let sentence = api
            .raw("POST", &format!("/changes/{text}/revert"), &[], Vec::new())
            .await
            .fails(404, "NotFound");
        assert!(sentence.contains("is at version 1"), "{sentence}");
    }
    revert(&api, 1, "?dryrun=true", &[])
        .await
        .fails(400, "InvalidParameter");
    api.post("/changes/1/revert", json!({ "force": true }))
        .await
        .fails(400, "UnknownField");
    api.post("/changes/1/revert", json!([]))
        .await
        .fails(400, "MalformedRequest");
    api.raw(
        "POST",
        "/changes/1/revert",
        &[("content-type", "text/plain")],
        b"{}".to_vec(),
    )
    .await
    .fails(415, "UnsupportedMediaType");
    api.raw("POST", "/changes/1/revert", &[], b"{}".to_vec())
        .await
        .fails(415, "UnsupportedMediaType");
    revert(&api, 1, "", &[("idempotency-key", " ")])
        .await
        .fails(400, "InvalidHeader");
    api.get("/changes/1/revert").await.fails(405, "MethodNotAllowed");
    assert_eq!(head(&api).await, 1);
}

#[actix_web::test]
async fn who_may_take_what_back() {
    let api = Api::start().await;
    api.tag("Region").await;
    api.node("10.0.0.0/8", json!({ "Region": "eu" })).await;
    api.node("10.1.0.0/16", json!({})).await;
    api.node("10.2.0.0/16", json!({})).await;
    api.node("10.1.1.0/24", json!({})).await;
    let oscar = api.as_user("oscar", "AddressSpaceOperator", None).await;
    let sub = api.as_user("sub", "AddressSpaceAdmin", Some("10.1.0.0/16")).await;
    let eve = api.as_user("eve", "AddressSpaceViewer", None).await;
    revert(&eve, 5, "", &[]).await.fails(403, "Forbidden");
    // Definitions need more than nodes do.
    let sentence = revert(&oscar, 1, "", &[]).await.fails(403, "Forbidden");
    assert!(sentence.contains("tags.write"), "{sentence}");
    revert(&sub, 1, "", &[]).await.fails(403, "OutsideScope");
    revert(&sub, 1, "?dryRun=true", &[])
        .await
        .fails(403, "OutsideScope");
    // What lies beside the subtree is not there.
    let hidden = revert(&sub, 4, "", &[]).await.fails(404, "NotFound");
    let missing = revert(&sub, 44, "", &[]).await.fails(404, "NotFound");
    assert_eq!(hidden.replace(" 4,", " N,"), missing.replace(" 44,", " N,"));
    revert(&sub, 3, "", &[]).await.fails(403, "OutsideScope");
    revert(&sub, 5, "", &[]).await.is(200);
    revert(&oscar, 4, "", &[]).await.is(200);
    let sentence = revert(&api, 1, "", &[]).await.fails(409, "RevertConflict");
    assert!(sentence.contains("Tag Region is set on 1 node"), "{sentence}");
}

#[actix_web::test]
async fn a_definition_is_taken_back_by_who_may_define() {
    let api = Api::start().await;
    api.tag("Region").await;
    let kept = api.get("/tags/Region").await.is(200);
    let body = json!({ "type": "Inheritable", "knownValues": ["eu"] });
    api.put("/tags/Region", body).await.is(200);
    let back = revert(&api, 2, "", &[]).await.is(200);
    assert_eq!(
        (&back.json["changes"][0]["kind"], &back.json["changes"][0]["name"]),
        (&json!("tag"), &json!("Region"))
    );
    let now = api.get("/tags/Region").await.is(200);
    assert_eq!(
        (&now.json["knownValues"], &now.json["createdOn"]),
        (&kept.json["knownValues"], &kept.json["createdOn"])
    );
    api.delete("/tags/Region").await.is(204);
    revert(&api, 4, "", &[]).await.is(200);
    assert_eq!(
        api.get("/tags/Region").await.is(200).json["createdOn"],
        kept.json["createdOn"]
    );
}
