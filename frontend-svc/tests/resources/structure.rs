//! `/addressspaces/{spaceId}/ips`: split, merge, resize.

use serde_json::{Value, json};

use crate::client::Api;

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

fn prefixes(list: &Value) -> Vec<&str> {
    let items = list.as_array().unwrap();
    items
        .iter()
        .map(|item| item["prefix"].as_str().unwrap())
        .collect()
}

#[actix_web::test]
async fn a_split_answers_the_new_nodes_as_get_would() {
    let api = Api::start().await;
    api.tag("Owner").await;
    api.tag("Region").await;
    let container = api.node("10.0.0.0/22", json!({ "Region": "eu" })).await;
    api.node("10.0.1.0/24", json!({})).await;
    let body = json!({ "prefixLength": 24, "tags": { "Owner": "net" }, "description": "offices" });
    let made = api.post(&format!("{container}/split"), body).await.is(201);
    assert_eq!(
        prefixes(&made.json),
        ["10.0.0.0/24", "10.0.2.0/24", "10.0.3.0/24"]
    );
    for node in made.json.as_array().unwrap() {
        let got = api
            .get(&format!("/ips/{}", node["id"].as_str().unwrap()))
            .await
            .is(200);
        assert_eq!(&got.json, node);
        assert_eq!(node["parentId"], id(&container));
        assert_eq!(node["resolvedTags"], json!({ "Owner": "net", "Region": "eu" }));
    }
    let none = api
        .post(&format!("{container}/split"), json!({ "prefixLength": 24 }))
        .await
        .is(201);
    assert_eq!(none.json, json!([]));
}

#[actix_web::test]
async fn a_repeated_split_answers_the_same_nodes() {
    let api = Api::start().await;
    let container = api.node("2001:db8::/32", json!({})).await;
    let split = async || {
        let body = json!({ "prefixLength": 40 });
        api.send(
            "POST",
            &format!("{container}/split"),
            &[("idempotency-key", "s-1")],
            body,
        )
        .await
    };
    let first = split().await.is(201);
    assert_eq!(first.json.as_array().unwrap().len(), 256);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let again = split().await.is(201);
    assert_eq!(
        (again.json.clone(), again.header("idempotency-replayed")),
        (first.json, "true")
    );
}

#[actix_web::test]
async fn a_merge_takes_a_split_back_and_makes_one_node_of_two() {
    let api = Api::start().await;
    let container = api.node("10.0.0.0/22", json!({})).await;
    let made = api
        .post(&format!("{container}/split"), json!({ "prefixLength": 24 }))
        .await
        .is(201);
    let ids: Vec<&str> = made
        .json
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["id"].as_str().unwrap())
        .collect();
    let half = api.post("/ips/merge", json!({ "ids": &ids[..2] })).await.is(200);
    assert_eq!(
        (&half.json["prefix"], &half.json["parentId"]),
        (&json!("10.0.0.0/23"), &json!(id(&container)))
    );
    let got = api
        .get(&format!("/ips/{}", half.json["id"].as_str().unwrap()))
        .await
        .is(200);
    assert_eq!((&got.json, got.header("etag")), (&half.json, half.header("etag")));
    let all = [half.json["id"].as_str().unwrap(), ids[2], ids[3]];
    let whole = api.post("/ips/merge", json!({ "ids": all })).await.is(200);
    assert_eq!(whole.json["id"], id(&container));
    assert_eq!(api.get("/ips").await.all("prefix"), ["10.0.0.0/22"]);
    api.post("/ips/merge", json!({ "ids": all }))
        .await
        .fails(404, "NotFound");
    api.post("/ips/merge", json!({ "ids": [] }))
        .await
        .fails(409, "NotMergeable");
    api.post("/ips/merge", json!({ "ids": ["x"] }))
        .await
        .fails(400, "MalformedRequest");
    api.post("/ips/merge", json!({ "prefixes": [] }))
        .await
        .fails(400, "UnknownField");
}

#[actix_web::test]
async fn a_resize_by_prefix_or_length_keeps_the_node_and_honours_if_match() {
    let api = Api::start().await;
    let path = api.node("10.0.0.0/24", json!({})).await;
    let resize = format!("{path}/resize");
    let old = api.get(&path).await.is(200);
    let grown = api.post(&resize, json!({ "prefixLength": 23 })).await.is(200);
    assert_eq!(
        (&grown.json["prefix"], &grown.json["id"]),
        (&json!("10.0.0.0/23"), &old.json["id"])
    );
    assert_eq!(grown.json["createdOn"], old.json["createdOn"]);
    assert_eq!(api.get(&path).await.is(200).json, grown.json);
    let body = json!({ "prefix": "10.0.1.0/24" });
    api.send("POST", &resize, &[("if-match", old.header("etag"))], body.clone())
        .await
        .fails(412, "PreconditionFailed");
    let current = [("if-match", grown.header("etag"))];
    let shrunk = api.send("POST", &resize, &current, body).await.is(200);
    assert_eq!(shrunk.json["prefix"], "10.0.1.0/24");
    for body in [json!({}), json!({ "prefix": "10.0.0.0/8", "prefixLength": 8 })] {
        api.post(&resize, body).await.fails(400, "MalformedRequest");
    }
    let sentence = api
        .post(&resize, json!({ "prefix": "10.0.1.1/24" }))
        .await
        .fails(400, "InvalidPrefix");
    assert!(sentence.contains("did you mean 10.0.1.0/24"), "{sentence}");
    api.post(&resize, json!({ "prefixLength": 33 }))
        .await
        .fails(400, "InvalidPrefixLength");
    api.post(&resize, json!({ "prefixLength": 300 }))
        .await
        .fails(400, "MalformedRequest");
    api.post(&resize, json!({ "prefix": "10.9.0.0/24" }))
        .await
        .fails(409, "NotResizable");
}

#[actix_web::test]
async fn dry_runs_show_what_is_made_moved_and_retagged_and_what_stands_in_the_way() {
    let api = Api::start().await;
    api.tag("Owner").await;
    let node = api.node("10.0.0.0/24", json!({ "Owner": "net" })).await;
    let sibling = api.node("10.0.1.0/24", json!({})).await;
    let plan = api
        .post(
            &format!("{node}/resize?dryRun=true"),
            json!({ "prefixLength": 23 }),
        )
        .await
        .is(200);
    let changes = plan.json["changes"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0]["action"]), (2, &json!("update")));
    assert_eq!(
        (&changes[0]["before"]["prefix"], &changes[0]["after"]["prefix"]),
        (&json!("10.0.0.0/24"), &json!("10.0.0.0/23"))
    );
    assert_eq!(
        (
            &changes[1]["before"]["parentId"],
            &changes[1]["after"]["parentId"]
        ),
        (&Value::Null, &json!(id(&node)))
    );
    assert_eq!(changes[1]["after"]["resolvedTags"], json!({ "Owner": "net" }));
    let conflict = &plan.json["conflicts"][0];
    assert_eq!(
        (&conflict["code"], &conflict["details"]["count"]),
        (&json!("WouldRetag"), &json!(1))
    );
    assert_eq!(
        conflict["details"]["retagged"],
        json!([{ "id": id(&sibling), "prefix": "10.0.1.0/24", "tag": "Owner", "before": null, "after": "net" }])
    );
    let plan = api
        .post(
            &format!("{node}/split?dryRun=true"),
            json!({ "prefixLength": 32 }),
        )
        .await
        .is(200);
    assert_eq!(
        (
            plan.json["changes"].as_array().unwrap().len(),
            &plan.json["conflicts"]
        ),
        (256, &json!([]))
    );
    let plan = api
        .post(
            &format!("{node}/split?dryRun=true"),
            json!({ "prefixLength": 24 }),
        )
        .await
        .is(200);
    assert_eq!(plan.json["conflicts"][0]["code"], "InvalidPrefixLength");
    assert_eq!(
        api.get("/ips").await.all("prefix"),
        ["10.0.0.0/24", "10.0.1.0/24"]
    );
}

#[actix_web::test]
async fn a_caller_of_a_subtree_restructures_it_and_not_its_root() {
    let api = Api::start().await;
    api.node("10.0.0.0/8", json!({})).await;
    let root = api.node("10.1.0.0/16", json!({})).await;
    let ada = api
        .as_user("ada", "AddressSpaceOperator", Some("10.1.0.0/16"))
        .await;
    let made = ada
        .post(&format!("{root}/split"), json!({ "prefixLength": 17 }))
        .await
        .is(201);
    ada.post(&format!("{root}/resize"), json!({ "prefixLength": 15 }))
        .await
        .fails(403, "OutsideScope");
    let half = format!("/ips/{}", made.json[0]["id"].as_str().unwrap());
    ada.post(&format!("{half}/resize"), json!({ "prefixLength": 18 }))
        .await
        .is(200);
    let eve = api.as_user("eve", "AddressSpaceViewer", None).await;
    eve.post(&format!("{root}/split"), json!({ "prefixLength": 18 }))
        .await
        .fails(403, "Forbidden");
}
