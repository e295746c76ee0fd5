//! Who may do what, in which address space.

use serde_json::{Value, json};

use crate::client::Api;

#[actix_web::test]
async fn a_viewer_reads_and_changes_nothing() {
    let api = Api::start().await;
    let pool = api.pool("Customers", "203.0.113.0/24").await;
    let viewer = api.as_user("eve", "AddressSpaceViewer", &api.space).await;
    assert_eq!(
        viewer.data("{ ipPools { poolName } }", json!({})).await,
        json!({ "ipPools": [{ "poolName": "Customers" }] })
    );
    let plan = "0198a2b4-5c6d-7e8f-9012-3456789abcde";
    for query in [
        "mutation { createIPPool(input: { poolName: \"X\", poolType: IPV4_PUBLIC, networkCidr: \"10.0.0.0/24\" }) { id } }".to_owned(),
        format!("mutation {{ updateIPPool(id: \"{pool}\", input: {{ poolName: \"Y\" }}) {{ id }} }}"),
        format!("mutation {{ deleteIPPool(id: \"{pool}\") }}"),
        format!("mutation {{ reserveIP(input: {{ subscriberId: \"a\", poolId: \"{pool}\" }}) {{ id }} }}"),
        format!("mutation {{ assignIPAuto(subscriberId: \"a\", poolId: \"{pool}\") {{ id }} }}"),
        format!("mutation {{ releaseIP(reservationId: \"{plan}\") }}"),
        "mutation { createSubscriber(input: {}) { id } }".to_owned(),
        format!("mutation {{ provisionSubscriber(subscriberId: \"a\", input: {{ planId: \"{plan}\" }}) {{ changed }} }}"),
        "mutation { terminateSubscriber(subscriberId: \"a\") { changed } }".to_owned(),
        "mutation { createPlan(input: { name: \"P\" }) { id } }".to_owned(),
        "mutation { createVlanPool(input: { name: \"V\", domain: \"d\", outer: { first: 1, last: 2 } }) { id } }".to_owned(),
        format!("mutation {{ acknowledgeAlert(id: \"{plan}\") {{ id }} }}"),
        format!("mutation {{ cancelOutboxEntry(id: \"{plan}\") {{ id }} }}"),
    ] {
        let refused = viewer.ask(&query, json!({})).await;
        let (code, error) = refused.error();
        assert_eq!((refused.status, code.as_str()), (200, "Forbidden"), "{query}");
        assert_eq!(error["extensions"]["status"], 403);
        assert!(error["extensions"]["details"]["permission"].is_string(), "{error}");
    }
    let left = api
        .data(
            "{ ipPools { poolName } ipReservations { id } subscribers { nodes { id } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        left,
        json!({ "ipPools": [{ "poolName": "Customers" }], "ipReservations": [], "subscribers": { "nodes": [] } })
    );
}

#[actix_web::test]
async fn what_is_in_another_space_is_not_there() {
    let api = Api::start().await;
    let pool = api.pool("Customers", "203.0.113.0/24").await;
    let reservation = api.assign("sub-1", &pool).await;
    let other = api.add_space("Another provider").await;
    let tenant = api.as_user("bob", "AddressSpaceAdmin", &other).await;

    let none = tenant
        .data(
            "query($p: ID!, $r: ID!) { ipPools { id } ipPool(id: $p) { id } ipReservation(id: $r) { id } ipReservations { \
             id } subscriberIPs(subscriberId: \"sub-1\") { id } }",
            json!({ "p": pool, "r": reservation }),
        )
        .await;
    assert_eq!(
        none,
        json!({ "ipPools": [], "ipPool": null, "ipReservation": null, "ipReservations": [], "subscriberIPs": [] })
    );
    let sent = json!({ "p": pool, "r": reservation });
    for query in [
        "query($p: ID!) { poolUtilization(poolId: $p) { total } }",
        "query($p: ID!) { poolStats(poolId: $p) { poolName } }",
        "mutation($p: ID!) { deleteIPPool(id: $p) }",
        "mutation($p: ID!) { updateIPPool(id: $p, input: { poolName: \"Mine\" }) { id } }",
        "mutation($p: ID!) { assignIPAuto(subscriberId: \"x\", poolId: $p) { id } }",
        "mutation($r: ID!) { releaseIP(reservationId: $r) }",
    ] {
        assert_eq!(
            tenant.ask(query, sent.clone()).await.fails(),
            "NotFound",
            "{query}"
        );
    }
    // Naming the other's space is naming one that is not there, whoever asks for what in it.
    for query in [
        format!("{{ ipPools(addressSpace: \"{}\") {{ id }} }}", api.space),
        "{ ipPools(addressSpace: \"Provider\") { id } }".to_owned(),
        format!(
            "mutation {{ deleteIPPool(id: \"{pool}\", addressSpace: \"{}\") }}",
            api.space
        ),
    ] {
        let refused = tenant.ask(&query, json!({})).await;
        let (code, error) = refused.error();
        assert_eq!(
            (code.as_str(), &error["extensions"]["status"]),
            ("NotFound", &json!(404)),
            "{query}"
        );
    }
    assert_eq!(
        api.data(
            "query($p: ID!) { ipPool(id: $p, addressSpace: \"Provider\") { assignedCount } }",
            sent
        )
        .await["ipPool"]["assignedCount"],
        "1"
    );
}

#[actix_web::test]
async fn a_space_is_named_by_an_argument_a_header_or_a_parameter() {
    let api = Api::start().await;
    api.pool("One", "203.0.113.0/24").await;
    let other = api.add_space("Second").await;
    let body = |query: &str| json!({ "query": query }).to_string().into_bytes();
    let ask = async |path: &str, header: Option<&str>, query: &str| {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(header.map(|space| ("x-address-space", space)));
        api.raw("POST", path, &headers, body(query)).await
    };
    let names = "{ ipPools { poolName } }";
    let missing = ask("/graphql", None, names).await;
    let (code, error) = missing.error();
    assert_eq!(code, "AddressSpaceRequired");
    assert_eq!(
        error["extensions"]["details"]["addressSpaces"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let one = json!({ "ipPools": [{ "poolName": "One" }] });
    let none = json!({ "ipPools": [] });
    assert_eq!(ask("/graphql", Some("Provider"), names).await.data(), one);
    assert_eq!(ask("/graphql", Some(&other), names).await.data(), none);
    assert_eq!(
        ask("/graphql?addressSpaceId=provider", None, names).await.data(),
        one
    );
    let clash = ask("/graphql?addressSpaceId=Provider", Some("Second"), names).await;
    assert_eq!(
        (clash.status, clash.error().0.as_str()),
        (400, "InvalidParameter")
    );
    // The argument says more than the request, and fields of one request may be about different spaces.
    let both = "{ a: ipPools { poolName } b: ipPools(addressSpace: \"Provider\") { poolName } }";
    assert_eq!(
        ask("/graphql", Some("Second"), both).await.data(),
        json!({ "a": [], "b": [{ "poolName": "One" }] })
    );
    assert_eq!(ask("/graphql", Some("Nowhere"), names).await.fails(), "NotFound");
    let unknown: Value = json!("0198a2b4-5c6d-7e8f-9012-3456789abcde");
    let query = "query($s: String) { ipPools(addressSpace: $s) { id } }";
    assert_eq!(api.ask(query, json!({ "s": unknown })).await.fails(), "NotFound");
}
