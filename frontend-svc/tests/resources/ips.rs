//! `/addressspaces/{spaceId}/ips`: one node at a time.

use serde_json::{Value, json};

use crate::client::Api;

async fn with_tags() -> Api {
    let api = Api::start().await;
    api.tag("Region").await;
    api.tag("Owner").await;
    api
}

#[actix_web::test]
async fn a_node_finds_its_place_and_inherits() {
    let api = with_tags().await;
    let top = api.node("10.0.0.0/8", json!({ "Region": "USWest" })).await;
    let made = api
        .post(
            "/ips",
            json!({ "prefix": "10.1.0.0/16", "tags": { "Owner": "net" }, "description": "Offices" }),
        )
        .await
        .is(201);
    assert_eq!(made.json["parentId"], top.rsplit('/').next().unwrap());
    assert_eq!(
        made.json["resolvedTags"],
        json!({ "Owner": "net", "Region": "USWest" })
    );
    let got = api.get(made.header("location")).await.is(200);
    assert_eq!((&got.json, got.header("etag")), (&made.json, made.header("etag")));
}

#[actix_web::test]
async fn a_wrong_prefix_parent_or_tag_is_refused_with_what_was_meant() {
    let api = with_tags().await;
    let create = |body: Value| api.post("/ips", body);
    let message = create(json!({ "prefix": "10.1.2.3/24" }))
        .await
        .fails(400, "InvalidPrefix");
    assert_eq!(
        message,
        "10.1.2.3/24 has host bits set; did you mean 10.1.2.0/24?"
    );
    api.node("10.0.0.0/8", json!({})).await;
    let tight = api.node("10.1.0.0/16", json!({})).await;
    create(json!({ "prefix": "10.0.0.0/8" }))
        .await
        .fails(409, "Duplicate");
    let elsewhere = json!({ "prefix": "192.0.2.0/24", "parentId": tight.rsplit('/').next().unwrap() });
    create(elsewhere).await.fails(400, "InvalidParent");
    create(json!({ "prefix": "10.2.0.0/16", "tags": { "Regoin": "x" } }))
        .await
        .fails(400, "UndefinedTag");
    create(json!({ "prefix": "10.2.0.0/16", "tags": { "Region": "" } }))
        .await
        .fails(400, "InvalidName");
    let many: Value = (0..33)
        .map(|i| (format!("t{i}"), json!("v")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let refused = create(json!({ "prefix": "10.2.0.0/16", "tags": many })).await;
    assert_eq!(refused.status, 400, "{refused:?}");
}

#[actix_web::test]
async fn tags_are_replaced_as_a_whole_and_a_read_only_field_must_be_as_stored() {
    let api = with_tags().await;
    api.node("10.0.0.0/8", json!({ "Region": "a" })).await;
    let path = api.node("10.1.0.0/16", json!({ "Owner": "x" })).await;
    let changed = api
        .put(&path, json!({ "tags": { "Region": "b" }, "description": "d" }))
        .await
        .is(200);
    assert_eq!(changed.json["tags"], json!({ "Region": "b" }));
    let kept = api.put(&path, json!({ "tags": { "Owner": "y" } })).await.is(200);
    assert_eq!(
        (&kept.json["description"], &kept.json["resolvedTags"]["Region"]),
        (&json!("d"), &json!("a"))
    );

    let mut back = api.get(&path).await.is(200).json;
    back["tags"] = json!({ "Owner": "z" });
    let done = api.put(&path, back.clone()).await.is(200);
    assert_eq!(done.json["resolvedTags"]["Owner"], "z");
    // The same again: `modifiedOn` and `resolvedTags` are of an older state now.
    api.put(&path, back).await.fails(400, "ReadOnlyField");
    api.put(&path, json!({ "tags": {}, "parentId": null }))
        .await
        .fails(400, "ReadOnlyField");
    api.put(&path, json!({ "tags": {}, "prefix": "10.2.0.0/16" }))
        .await
        .fails(400, "ReadOnlyField");
    api.put(&path, json!({ "tags": {}, "prefix": "10.1.0.0/16" }))
        .await
        .is(200);
}

#[actix_web::test]
async fn if_match_protects_put_and_delete() {
    let api = with_tags().await;
    let path = api.node("10.0.0.0/8", json!({})).await;
    let first = api.get(&path).await.is(200);
    let tag = |etag: &str| vec![("if-match".to_owned(), etag.to_owned())];
    let put = async |headers: Vec<(String, String)>, body: Value| {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        api.send("PUT", &path, &headers, body).await
    };
    put(tag(first.header("etag")), json!({ "tags": { "Owner": "a" } }))
        .await
        .is(200);
    put(tag(first.header("etag")), json!({ "tags": { "Owner": "b" } }))
        .await
        .fails(412, "PreconditionFailed");
    // A stale body with a stale tag is a 412, not a complaint about its read-only fields.
    put(tag(first.header("etag")), first.json.clone())
        .await
        .fails(412, "PreconditionFailed");
    put(tag("*"), json!({ "tags": { "Owner": "b" } })).await.is(200);
    let now = api.get(&path).await.is(200);
    put(tag(&format!("W/{}", now.header("etag"))), json!({ "tags": {} }))
        .await
        .fails(412, "PreconditionFailed");
    put(tag("abc"), json!({ "tags": {} }))
        .await
        .fails(400, "InvalidHeader");
    put(
        tag(&format!("\"nonsense\", {}", now.header("etag"))),
        json!({ "tags": {} }),
    )
    .await
    .is(200);
    api.raw("DELETE", &path, &[("if-match", now.header("etag"))], Vec::new())
        .await
        .fails(412, "PreconditionFailed");
    api.raw("DELETE", &path, &[("if-match", "*")], Vec::new())
        .await
        .is(204);
    api.delete(&path).await.fails(404, "NotFound");
}

#[actix_web::test]
async fn deleting_a_node_pushes_its_tags_down_and_a_dry_run_shows_it() {
    let api = with_tags().await;
    api.node("10.0.0.0/8", json!({})).await;
    let middle = api.node("10.0.0.0/12", json!({ "Region": "x" })).await;
    let leaf = api.node("10.1.0.0/16", json!({})).await;
    let plan = api
        .raw("DELETE", &format!("{middle}?dryRun=true"), &[], Vec::new())
        .await
        .is(200);
    let changes = plan.json["changes"].as_array().unwrap();
    assert_eq!(
        (&changes[0]["action"], &changes[0]["name"]),
        (&json!("delete"), &json!("10.0.0.0/12"))
    );
    assert_eq!(changes[1]["after"]["tags"], json!({ "Region": "x" }));
    api.delete(&middle).await.is(204);
    let after = api.get(&leaf).await.is(200);
    assert_eq!(
        (&after.json["tags"], &after.json["resolvedTags"]),
        (&json!({ "Region": "x" }), &json!({ "Region": "x" }))
    );
}

#[actix_web::test]
async fn explain_says_where_each_tag_comes_from() {
    let api = with_tags().await;
    api.post(
        "/tags",
        json!({ "name": "Datacenter", "type": "Inheritable", "implies": { "Region": { "AMS05": "EuropeWest" } } }),
    )
    .await
    .is(201);
    api.node("10.0.0.0/8", json!({ "Datacenter": "AMS05" })).await;
    let leaf = api.node("10.1.0.0/16", json!({ "Owner": "net" })).await;
    let explained = api.get(&format!("{leaf}/explain")).await.is(200);
    let reasons: Vec<&str> = explained.json["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        [
            "Datacenter=AMS05 is inherited from 10.0.0.0/8, where it is set.",
            "Owner=net is set on this node.",
            "Region=EuropeWest is implied by Datacenter=AMS05, which is set on 10.0.0.0/8.",
        ]
    );
}

#[actix_web::test]
async fn a_repeated_creation_of_a_node_is_done_once() {
    let api = with_tags().await;
    let key = [("idempotency-key", "n-1")];
    let body = json!({ "prefix": "10.0.0.0/8", "tags": {} });
    let first = api.send("POST", "/ips", &key, body.clone()).await.is(201);
    let again = api.send("POST", "/ips", &key, body.clone()).await.is(201);
    assert_eq!(
        (&again.json, again.header("etag")),
        (&first.json, first.header("etag"))
    );
    assert_eq!(again.header("idempotency-replayed"), "true");
    let planned = api
        .send("POST", "/ips?dryRun=true", &[("idempotency-key", "n-2")], body)
        .await
        .is(200);
    assert_eq!(planned.json["conflicts"][0]["code"], "Duplicate");
}
