//! `/addressspaces/{spaceId}/tags`.

use serde_json::json;

use crate::client::Api;

#[actix_web::test]
async fn a_definition_is_made_read_put_back_and_deleted() {
    let api = Api::start().await;
    api.post(
        "/tags",
        json!({ "name": "Region", "type": "Inheritable", "knownValues": ["EuropeWest", "USEast"] }),
    )
    .await
    .is(201);
    let made = api
        .post(
            "/tags",
            json!({
                "name": "Datacenter",
                "description": "The specific datacenter.",
                "type": "Inheritable",
                "implies": { "Region": { "AMS05": "EuropeWest", "DBL01": "EuropeWest" } },
            }),
        )
        .await
        .is(201);
    assert!(made.header("location").ends_with("/tags/Datacenter"));
    let got = api.get("/tags/Datacenter").await.is(200);
    assert_eq!((&got.json, got.header("etag")), (&made.json, made.header("etag")));
    assert_eq!(got.json["implies"]["Region"]["DBL01"], "EuropeWest");

    let put = [("if-match", got.header("etag"))];
    let back = api
        .send("PUT", "/tags/Datacenter", &put, got.json.clone())
        .await
        .is(200);
    assert_eq!(back.json["implies"], got.json["implies"]);

    let refusal = api.delete("/tags/Region").await.fails(400, "TagInUse");
    assert!(refusal.contains("Datacenter"), "{refusal}");
    api.delete("/tags/Datacenter").await.is(204);
    api.delete("/tags/Region").await.is(204);
    assert_eq!(api.get("/tags").await.all("name"), Vec::<&str>::new());
}

#[actix_web::test]
async fn another_name_in_the_body_and_rules_that_are_broken_are_refused() {
    let api = Api::start().await;
    api.tag("Region").await;
    api.put("/tags/Region", json!({ "name": "Other", "type": "Inheritable" }))
        .await
        .fails(400, "ReadOnlyField");
    api.put("/tags/Nothing", json!({ "type": "Inheritable" }))
        .await
        .fails(404, "NotFound");
    api.get("/tags/a%20b").await.fails(400, "InvalidName");
    api.get("/tags/%FF").await.fails(400, "InvalidName");
    api.post("/tags", json!({ "name": "Region", "type": "Inheritable" }))
        .await
        .fails(409, "NameTaken");
    let undefined = json!({ "name": "A", "type": "Inheritable", "implies": { "Regoin": { "a": "b" } } });
    let message = api
        .post("/tags", undefined)
        .await
        .fails(400, "InvalidTagDefinition");
    assert!(message.contains("Region"), "{message}");
    api.post(
        "/tags",
        json!({ "name": "A", "type": "Inheritable", "implies": { "Region": { "a": "b" } } }),
    )
    .await
    .is(201);
    let cycle = json!({ "type": "Inheritable", "implies": { "A": { "b": "a" } } });
    api.put("/tags/Region", cycle).await.fails(400, "TagCycle");
}

#[actix_web::test]
async fn a_definition_in_use_is_not_narrowed_or_deleted() {
    let api = Api::start().await;
    api.tag("Owner").await;
    api.node("10.0.0.0/8", json!({ "Owner": "net" })).await;
    api.delete("/tags/Owner").await.fails(400, "TagInUse");
    let narrowed = json!({ "type": "Inheritable", "knownValues": ["other"] });
    api.put("/tags/Owner", narrowed.clone())
        .await
        .fails(400, "TagInUse");
    let plan = api.put("/tags/Owner?dryRun=true", narrowed).await.is(200);
    assert_eq!(plan.json["conflicts"][0]["code"], "TagInUse");
}

#[actix_web::test]
async fn the_list_is_by_name_filtered_and_paged() {
    let api = Api::start().await;
    for name in ["b", "a", "abc"] {
        api.tag(name).await;
    }
    assert_eq!(api.follow("/tags?limit=2", "name").await.0, ["a", "abc", "b"]);
    assert_eq!(api.get("/tags?nameContains=B").await.all("name"), ["abc", "b"]);
}
