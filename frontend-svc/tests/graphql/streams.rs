//! Subscriptions as streams of events.

use serde_json::{Value, json};

use crate::client::Api;

#[actix_web::test]
async fn an_alert_is_told_when_it_is_raised_and_when_it_is_over() {
    let api = Api::start().await;
    let pool = api.pool("Tiny", "203.0.113.0/31").await;
    let mut stream = api
        .follow(
            "subscription { alertChanged { kind state pool { poolName availableCount } } }",
            json!({}),
        )
        .await;
    stream.waits().await;
    api.assign("sub-1", &pool).await;
    let second = api.assign("sub-2", &pool).await;
    let mut told = Vec::new();
    while !told.iter().any(|kind: &Value| kind == "POOL_DEPLETED") {
        let alert = stream.next().await["data"]["alertChanged"].clone();
        assert_eq!(
            (&alert["state"], &alert["pool"]["poolName"]),
            (&json!("RAISED"), &json!("Tiny"))
        );
        told.push(alert["kind"].clone());
    }
    let acknowledge = "mutation($id: ID!) { acknowledgeAlert(id: $id) { id } }";
    let alerts = api.data("{ alerts { nodes { id kind } } }", json!({})).await;
    api.data(acknowledge, json!({ "id": alerts["alerts"]["nodes"][0]["id"] }))
        .await;
    assert_eq!(
        stream.next().await["data"]["alertChanged"]["state"],
        "ACKNOWLEDGED"
    );
    drop(second);
}

#[actix_web::test]
async fn changes_of_a_pool_are_told_and_those_of_others_are_not() {
    let api = Api::start().await;
    let (pool, other) = (
        api.pool("One", "203.0.113.0/24").await,
        api.pool("Two", "198.51.100.0/24").await,
    );
    let query = "subscription($p: ID) { poolChanged(poolId: $p) { action poolId version pool { poolName assignedCount } } }";
    let mut stream = api.follow(query, json!({ "p": pool })).await;
    stream.waits().await;
    api.assign("sub-1", &other).await;
    api.assign("sub-2", &pool).await;
    let used = stream.next().await["data"]["poolChanged"].clone();
    assert_eq!(
        (&used["action"], &used["pool"]),
        (
            &json!("USAGE_CHANGED"),
            &json!({ "poolName": "One", "assignedCount": "1" })
        )
    );
    let rename = "mutation($p: ID!) { updateIPPool(id: $p, input: { poolName: \"Uno\" }) { id } }";
    api.data(rename, json!({ "p": pool })).await;
    let renamed = stream.next().await["data"]["poolChanged"].clone();
    assert_eq!(
        (&renamed["action"], &renamed["pool"]["poolName"]),
        (&json!("UPDATED"), &json!("Uno"))
    );

    let mut all = api.follow(query, json!({})).await;
    all.waits().await;
    let third = api.pool("Three", "192.0.2.0/24").await;
    api.data(
        "mutation($p: ID!) { deleteIPPool(id: $p) }",
        json!({ "p": third }),
    )
    .await;
    let mut actions = Vec::new();
    while actions.last() != Some(&json!("DELETED")) {
        let change = all.next().await["data"]["poolChanged"].clone();
        assert_eq!(change["poolId"], json!(third));
        actions.push(change["action"].clone());
    }
    assert_eq!(actions, [json!("CREATED"), json!("DELETED")]);
}

#[actix_web::test]
async fn a_stream_ends_when_the_role_is_taken_and_tells_nothing_of_what_came_after() {
    let api = Api::start().await;
    let pool = api.pool("One", "203.0.113.0/24").await;
    let viewer = api.as_user("eve", "AddressSpaceViewer", &api.space).await;
    let mut stream = viewer
        .follow("subscription { poolChanged { poolId } }", json!({}))
        .await;
    stream.waits().await;
    let roles = api.raw("GET", "/api/v1/users/eve/roles", &[], Vec::new()).await;
    let grant = roles.json[0]["id"].as_str().unwrap();
    let revoked = api
        .raw(
            "DELETE",
            &format!("/api/v1/users/eve/roles/{grant}"),
            &[],
            Vec::new(),
        )
        .await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    api.assign("sub-1", &pool).await;
    stream.finish().await;
    assert!(!stream.text.contains(&pool), "{}", stream.text);
    assert!(stream.text.contains("\"code\":\"NotFound\""), "{}", stream.text);
    assert!(
        stream.text.ends_with("event: complete\ndata:\n\n"),
        "{}",
        stream.text
    );
}

#[actix_web::test]
async fn a_stream_ends_with_the_server_and_says_nothing_of_being_complete() {
    let api = Api::start().await;
    let mut stream = api
        .follow("subscription { poolChanged { poolId } }", json!({}))
        .await;
    stream.waits().await;
    api.frontend.end_streams();
    stream.finish().await;
    assert!(!stream.text.contains("complete"), "{}", stream.text);
}

#[actix_web::test]
async fn a_query_as_a_stream_is_one_event_and_complete() {
    let api = Api::start().await;
    let mut stream = api.follow("{ ipPools { id } }", json!({})).await;
    assert_eq!(stream.next().await, json!({ "data": { "ipPools": [] } }));
    stream.finish().await;
    assert_eq!(
        stream.text,
        "event: next\ndata: {\"data\":{\"ipPools\":[]}}\n\nevent: complete\ndata:\n\n"
    );
}

#[actix_web::test]
async fn what_cannot_be_followed_is_an_error_not_a_stream() {
    let api = Api::start().await;
    let stream = [
        ("content-type", "application/json"),
        ("accept", "text/event-stream"),
    ];
    let body = |query: &str| json!({ "query": query }).to_string().into_bytes();
    let wrong = api
        .raw(
            "POST",
            "/graphql",
            &stream,
            body("subscription { nothing { id } }"),
        )
        .await;
    assert_eq!((wrong.status, wrong.error().0.as_str()), (400, "InvalidQuery"));
    let two = api
        .raw(
            "POST",
            "/graphql",
            &stream,
            body("subscription { poolChanged { poolId } alertChanged { id } }"),
        )
        .await;
    assert_eq!((two.status, two.error().0.as_str()), (400, "InvalidQuery"));
    let plain = [("content-type", "application/json")];
    let asked = api
        .raw(
            "POST",
            "/graphql",
            &plain,
            body("subscription { poolChanged { poolId } }"),
        )
        .await;
    let (code, error) = asked.error();
    assert_eq!((asked.status, code.as_str()), (400, "InvalidQuery"));
    assert!(error["message"].as_str().unwrap().contains("text/event-stream"));

    let path = "/graphql?query=subscription%7BpoolChanged%7BpoolId%7D%7D&addressSpaceId=Nowhere";
    let refused = api
        .raw("GET", path, &[("accept", "text/event-stream")], Vec::new())
        .await;
    assert_eq!(refused.status, 200);
    assert!(
        refused.text.contains("\"code\":\"NotFound\"")
            && refused.text.ends_with("event: complete\ndata:\n\n")
    );
}
