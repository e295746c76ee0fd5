//! Addressing plans.

use serde_json::{Value, json};

use crate::client::{Answer, Api};

const PREVIEW: &str = "/api/v1/addressing-plans/preview";
const APPLY: &str = "/api/v1/addressing-plans/apply";
const POOLS: &str = "/api/v1/ip-management/pools";

/// Two regions of two sites, with blocks for infrastructure: 2 + 1 in the network, (2 + 1) in each region, 1 in each site.
fn request() -> Value {
    json!({
        "networkCidr": "2001:db8::/32",
        "levels": [{ "name": "region", "count": 2 }, { "name": "site", "count": 2 }],
        "subscriberPrefixLength": 56,
        "subscribersPerLeaf": 200,
        "infrastructure": true,
        "spread": "sequential",
    })
}

/// Two sites, 2001:db8::/40 and 2001:db8:100::/40.
fn sites(changes: &Value) -> Value {
    let mut sent = json!({
        "networkCidr": "2001:db8::/32",
        "levels": [{ "name": "site", "count": 2 }],
        "subscriberPrefixLength": 56,
        "subscribersPerLeaf": 40_000,
        "spread": "sequential",
    });
    for (key, value) in changes.as_object().unwrap() {
        sent[key] = value.clone();
    }
    sent
}

fn texts(list: &Value) -> Vec<&str> {
    let texts = list.as_array().unwrap().iter();
    texts.map(|text| text.as_str().unwrap()).collect()
}

fn each<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item[field].as_str().unwrap()).collect()
}

async fn nodes(api: &Api) -> Value {
    api.get("/ips?limit=1000").await.is(200).json
}

async fn node(api: &Api, prefix: &str) -> Value {
    let all = nodes(api).await;
    let found = all
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["prefix"] == prefix);
    found.unwrap_or_else(|| panic!("{prefix} in {all}")).clone()
}

async fn pool(api: &Api, name: &str, network: &str) {
    let body = json!({ "poolName": name, "poolType": "IPV6_PREFIX_DELEGATION", "networkCidr": network });
    api.post(POOLS, body).await.is(201);
}

/// A plan is refused for what is in the way of it: `conflicts` of the details.
fn collides(answer: Answer) -> Value {
    let conflicts = answer.json["error"]["details"]["conflicts"].clone();
    let message = answer.fails(409, "PlanCollision");
    assert!(message.ends_with("Nothing was made."), "{message}");
    conflicts
}

#[actix_web::test]
async fn a_preview_changes_nothing() {
    let api = Api::start().await;
    let plan = api.post(PREVIEW, request()).await.is(200).json;
    assert_eq!(plan["blocks"].as_array().unwrap().len(), 13);
    assert_eq!(plan["conflicts"], json!([]));
    let blocks = plan["blocks"].as_array().unwrap();
    assert!(blocks.iter().all(|block| block["exists"] == false));
    assert_eq!(nodes(&api).await, json!([]));
    assert_eq!(api.get(POOLS).await.is(200).json, json!([]));
    // It is the plan that is applied.
    let applied = api.post(APPLY, request()).await.is(200).json;
    assert_eq!(applied["plan"], plan);
}

#[actix_web::test]
async fn applying_makes_parents_before_children_and_can_be_sent_again() {
    let api = Api::start().await;
    let applied = api.post(APPLY, request()).await.is(200).json;
    let blocks = applied["plan"]["blocks"].as_array().unwrap();
    let created = texts(&applied["created"]);
    assert_eq!(created, each(&applied["plan"]["blocks"], "prefix"));
    assert_eq!(applied["unchanged"], json!([]));
    for (at, block) in blocks.iter().enumerate() {
        let made = node(&api, created[at]).await;
        let Some(parent) = block["parent"].as_str() else {
            assert_eq!(made["parentId"], Value::Null);
            continue;
        };
        assert!(created[..at].contains(&parent), "{parent} before {block}");
        assert_eq!(made["parentId"], node(&api, parent).await["id"]);
    }
    let site = blocks
        .iter()
        .find(|block| block["role"] == "SUBSCRIBER_POOL")
        .unwrap();
    let site = node(&api, site["prefix"].as_str().unwrap()).await;
    assert_eq!(
        site["description"],
        "region 1 / site 1: a /56 for each subscriber"
    );

    let before = nodes(&api).await;
    let again = api.post(APPLY, request()).await.is(200).json;
    assert_eq!(again["created"], json!([]));
    assert_eq!(again["unchanged"], applied["created"]);
    assert_eq!(again["plan"]["blocks"][0]["exists"], true);
    assert_eq!(nodes(&api).await, before);
}

#[actix_web::test]
async fn what_is_missing_of_a_plan_is_made_and_the_rest_is_kept() {
    let api = Api::start().await;
    api.tag("Site").await;
    api.node("2001:db8::/40", json!({ "Site": "ams" })).await;
    let kept = node(&api, "2001:db8::/40").await;
    let applied = api.post(APPLY, sites(&json!({}))).await.is(200).json;
    assert_eq!(texts(&applied["unchanged"]), ["2001:db8::/40"]);
    assert_eq!(texts(&applied["created"]), ["2001:db8:100::/40"]);
    assert_eq!(applied["plan"]["blocks"][0]["exists"], true);
    assert_eq!(node(&api, "2001:db8::/40").await, kept);
}

#[actix_web::test]
async fn a_plan_that_does_not_fit_is_refused_with_the_field_and_what_would_fit() {
    let api = Api::start().await;
    for path in [PREVIEW, APPLY] {
        let sent = sites(&json!({ "networkCidr": "2001:db8::/44" }));
        let answer = api.post(path, sent).await;
        assert_eq!(answer.json["error"]["details"]["field"], "networkCidr");
        let message = answer.fails(400, "InvalidValue");
        assert!(message.contains("need a /39"), "{message}");
        assert!(
            message.contains("It fits with a /64 for each subscriber"),
            "{message}"
        );
    }
    assert_eq!(nodes(&api).await, json!([]));
}

#[actix_web::test]
async fn a_node_between_a_block_and_the_one_around_it_is_refused_and_nothing_is_made() {
    let api = Api::start().await;
    api.node("2001:db8::/36", json!({})).await;
    let id = node(&api, "2001:db8::/36").await["id"].clone();
    let before = nodes(&api).await;
    let plan = api.post(PREVIEW, sites(&json!({}))).await.is(200).json;
    let conflicts = collides(api.post(APPLY, sites(&json!({}))).await);
    assert_eq!(plan["conflicts"], conflicts);
    assert_eq!(conflicts.as_array().unwrap().len(), 1);
    assert_eq!(
        (
            &conflicts[0]["type"],
            &conflicts[0]["id"],
            &conflicts[0]["prefix"],
            &conflicts[0]["block"]
        ),
        (
            &json!("NODE"),
            &id,
            &json!("2001:db8::/36"),
            &json!("2001:db8::/40")
        )
    );
    assert_eq!(nodes(&api).await, before);
}

#[actix_web::test]
async fn nodes_around_beside_and_in_the_blocks_are_in_nobodys_way() {
    let api = Api::start().await;
    for prefix in [
        "2001:db8::/30",
        "2001:db8::/32",
        "2001:db8:f000::/36",
        "2001:db8:42::/48",
    ] {
        api.node(prefix, json!({})).await;
    }
    let applied = api.post(APPLY, sites(&json!({}))).await.is(200).json;
    assert_eq!(applied["created"].as_array().unwrap().len(), 2);
    let (network, site) = (
        node(&api, "2001:db8::/32").await,
        node(&api, "2001:db8::/40").await,
    );
    assert_eq!(site["parentId"], network["id"]);
    assert_eq!(node(&api, "2001:db8:42::/48").await["parentId"], site["id"]);
}

#[actix_web::test]
async fn a_pool_that_overlaps_a_block_is_refused_and_nothing_is_made() {
    for network in ["2001:db8::/36", "2001:db8::/32", "2001:db8:100::/44"] {
        let api = Api::start().await;
        pool(&api, "legacy", network).await;
        let before = nodes(&api).await;
        let conflicts = collides(api.post(APPLY, sites(&json!({}))).await);
        let of_pools: Vec<&Value> = conflicts
            .as_array()
            .unwrap()
            .iter()
            .filter(|conflict| conflict["type"] == "POOL")
            .collect();
        assert_eq!(of_pools.len(), 1, "{conflicts}");
        assert_eq!(
            (&of_pools[0]["name"], &of_pools[0]["prefix"]),
            (&json!("legacy"), &json!(network))
        );
        assert_eq!(nodes(&api).await, before);
    }
}

#[actix_web::test]
async fn tags_of_a_level_are_set_on_its_nodes_and_must_be_defined() {
    let api = Api::start().await;
    let mut sent = request();
    sent["levels"][1]["tags"] = json!({ "Role": "site" });
    let message = api.post(APPLY, sent.clone()).await.fails(400, "UndefinedTag");
    assert!(
        message.contains("Role") && message.ends_with("Nothing was made."),
        "{message}"
    );
    assert_eq!(nodes(&api).await, json!([]));

    api.tag("Role").await;
    let applied = api.post(APPLY, sent).await.is(200).json;
    for block in applied["plan"]["blocks"].as_array().unwrap() {
        let tags = node(&api, block["prefix"].as_str().unwrap()).await["tags"].clone();
        let expected = if block["role"] == "SUBSCRIBER_POOL" {
            json!({ "Role": "site" })
        } else {
            json!({})
        };
        assert_eq!(tags, expected, "{block}");
    }
}

#[actix_web::test]
async fn a_dry_run_says_what_would_change_and_what_is_in_the_way() {
    let api = Api::start().await;
    let dry = format!("{APPLY}?dryRun=true");
    let plan = api
        .post(&dry, sites(&json!({ "makePools": true })))
        .await
        .is(200)
        .json;
    let kinds: Vec<(&str, &str)> = each(&plan["changes"], "kind")
        .into_iter()
        .zip(each(&plan["changes"], "name"))
        .collect();
    assert_eq!(
        kinds,
        [
            ("ip", "2001:db8::/40"),
            ("ip", "2001:db8:100::/40"),
            ("pool", "site 1"),
            ("pool", "site 2")
        ]
    );
    assert_eq!(plan["conflicts"], json!([]));
    assert_eq!(nodes(&api).await, json!([]));

    api.node("2001:db8::/36", json!({})).await;
    let tagged = json!({ "levels": [{ "name": "site", "count": 2, "tags": { "Role": "site" } }] });
    let plan = api.post(&dry, sites(&tagged)).await.is(200).json;
    let codes = each(&plan["conflicts"], "code");
    assert_eq!(codes, ["PlanCollision", "UndefinedTag", "UndefinedTag"]);
    assert_eq!(nodes(&api).await.as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_plan_with_a_key_is_applied_once() {
    let api = Api::start().await;
    let send =
        async |key: &str, body: Value| api.send("POST", APPLY, &[("idempotency-key", key)], body).await;
    api.node("2001:db8::/40", json!({})).await;
    let first = send("plan-1", sites(&json!({}))).await.is(200);
    assert!(first.headers.get("idempotency-replayed").is_none());
    let again = send("plan-1", sites(&json!({}))).await.is(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.json, first.json);
    send("plan-1", request()).await.fails(409, "IdempotencyMismatch");

    // What was removed since is not made again, and is told as neither.
    let id = node(&api, "2001:db8:100::/40").await["id"].clone();
    api.delete(&format!("/ips/{}", id.as_str().unwrap()))
        .await
        .is(204);
    let again = send("plan-1", sites(&json!({}))).await.is(200);
    assert_eq!(again.json["created"], json!([]));
    assert_eq!(nodes(&api).await.as_array().unwrap().len(), 1);
    let other = send("plan-2", sites(&json!({}))).await.is(200);
    assert_eq!(texts(&other.json["created"]), ["2001:db8:100::/40"]);
}

#[actix_web::test]
async fn each_block_of_the_last_level_becomes_a_pool_once() {
    let api = Api::start().await;
    let mut sent = request();
    sent["makePools"] = json!(true);
    let applied = api.post(APPLY, sent.clone()).await.is(200).json;
    let names = [
        "region 1 / site 1",
        "region 1 / site 2",
        "region 2 / site 1",
        "region 2 / site 2",
    ];
    assert_eq!(each(&applied["pools"], "poolName"), names);
    assert_eq!(each(&applied["pools"], "outcome"), ["CREATED"; 4]);
    let id = applied["pools"][0]["poolId"].as_str().unwrap();
    let made = api.get(&format!("{POOLS}/{id}")).await.is(200).json;
    assert_eq!(
        (
            &made["poolType"],
            &made["delegatedPrefixLength"],
            &made["networkCidr"]
        ),
        (
            &json!("IPV6_PREFIX_DELEGATION"),
            &json!(56),
            &applied["pools"][0]["networkCidr"]
        )
    );
    // The block for infrastructure is a node, so it is never handed out.
    assert_eq!(made["excludedCount"], "1");

    let again = api.post(APPLY, sent).await.is(200).json;
    assert_eq!(each(&again["pools"], "outcome"), ["UNCHANGED"; 4]);
    assert_eq!(again["pools"][0]["poolId"], id);
    assert_eq!(api.get(POOLS).await.is(200).json.as_array().unwrap().len(), 4);
}

#[actix_web::test]
async fn a_pool_that_fails_stops_no_others_and_is_made_when_it_is_asked_for_again() {
    let api = Api::start().await;
    pool(&api, "site 1", "2001:db9::/40").await;
    pool(&api, "SITE 2", "2001:db9:100::/40").await;
    pool(&api, "site 2 (2001:db8:100::/40)", "2001:db9:200::/40").await;
    let sent = sites(&json!({ "makePools": true }));
    let dry = format!("{APPLY}?dryRun=true");
    let plan = api.post(&dry, sent.clone()).await.is(200).json;
    assert_eq!(plan["changes"][2]["name"], "site 1 (2001:db8::/40)");
    assert_eq!(each(&plan["conflicts"], "code"), ["AlreadyExists"]);
    let applied = api.post(APPLY, sent.clone()).await.is(200).json;
    assert_eq!(applied["created"].as_array().unwrap().len(), 2);
    assert_eq!(each(&applied["pools"], "outcome"), ["CREATED", "FAILED"]);
    // A name that somebody else has gets the network beside it.
    assert_eq!(applied["pools"][0]["poolName"], "site 1 (2001:db8::/40)");
    assert_eq!(applied["pools"][1]["error"]["code"], "AlreadyExists");

    let others = api.get(POOLS).await.is(200).json;
    let other = others
        .as_array()
        .unwrap()
        .iter()
        .find(|pool| pool["poolName"] == "SITE 2");
    let other = other.unwrap()["id"].as_str().unwrap();
    api.delete(&format!("{POOLS}/{other}")).await.is(204);
    let again = api.post(APPLY, sent).await.is(200).json;
    assert_eq!(each(&again["pools"], "outcome"), ["UNCHANGED", "CREATED"]);
    assert_eq!(again["pools"][1]["poolName"], "site 2");
}

#[actix_web::test]
async fn the_largest_plan_is_applied_as_a_whole() {
    let api = Api::start().await;
    let many = json!({ "levels": [{ "name": "site", "count": 1_000 }], "subscribersPerLeaf": 200 });
    let applied = api.post(APPLY, sites(&many)).await.is(200).json;
    assert_eq!(applied["created"].as_array().unwrap().len(), 1_000);
    assert_eq!(nodes(&api).await.as_array().unwrap().len(), 1_000);
}

#[actix_web::test]
async fn two_requests_with_one_key_at_the_same_time_make_one_plan() {
    let api = Api::start().await;
    let send = || api.send("POST", APPLY, &[("idempotency-key", "plan-1")], request());
    let (one, other) = futures::join!(send(), send());
    let (one, other) = (one.is(200), other.is(200));
    assert_eq!(one.json["created"], other.json["created"]);
    assert_eq!(one.json["created"].as_array().unwrap().len(), 13);
    let replayed = [&one, &other].map(|answer| answer.headers.contains_key("idempotency-replayed"));
    assert_eq!(replayed.iter().filter(|replayed| **replayed).count(), 1);
}

#[actix_web::test]
async fn whoever_may_only_look_can_preview_and_not_apply() {
    let api = Api::start().await;
    let viewer = api.as_user("vera", "AddressSpaceViewer", None).await;
    viewer.post(PREVIEW, request()).await.is(200);
    viewer.post(APPLY, request()).await.fails(403, "Forbidden");
    // Nor can somebody beyond the part of the space that is theirs.
    let operator = api
        .as_user("otto", "AddressSpaceOperator", Some("2001:db8::/40"))
        .await;
    let message = operator
        .post(APPLY, sites(&json!({})))
        .await
        .fails(403, "OutsideScope");
    assert!(message.contains("2001:db8:100::/40"), "{message}");
    assert_eq!(nodes(&api).await, json!([]));
}

#[actix_web::test]
async fn what_a_plan_does_not_know_is_refused_by_name() {
    let api = Api::start().await;
    let message = api
        .post(PREVIEW, sites(&json!({ "subscriberLength": 56 })))
        .await
        .fails(400, "UnknownField");
    assert!(message.contains("subscriberLength"), "{message}");
    let dry = format!("{PREVIEW}?dryRun=true");
    api.post(&dry, request()).await.fails(400, "InvalidParameter");
}
