//! The queries of the seed, and those beside them.

use serde_json::{Value, json};

use crate::client::Api;

#[actix_web::test]
async fn pools_are_listed_filtered_and_read_with_exact_numbers() {
    let api = Api::start().await;
    let pool = api.pool("Customers", "203.0.113.0/24").await;
    let big = json!({ "poolName": "Addresses 6", "poolType": "IPV6_GLOBAL", "networkCidr": "2001:db8::/32" });
    api.data(
        "mutation($input: CreateIPPoolInput!) { createIPPool(input: $input) { id } }",
        json!({ "input": big }),
    )
    .await;
    let query = "{ ipPools { id poolName poolType networkCidr gateway dnsServers vlanId status totalAddresses \
        reservedCount assignedCount availableCount utilizationPercent autoAssignEnabled description createdAt updatedAt } }";
    let all = api.data(query, json!({})).await;
    let pools = all["ipPools"].as_array().unwrap();
    assert_eq!(pools.len(), 2);
    assert_eq!(pools[0]["id"], pool);
    assert_eq!(pools[0]["totalAddresses"], "254");
    assert_eq!(pools[0]["status"], "ACTIVE");
    assert_eq!(
        (&pools[0]["gateway"], &pools[0]["dnsServers"]),
        (&Value::Null, &json!([]))
    );
    // 2^96: no double counts that.
    assert_eq!(pools[1]["totalAddresses"], "79228162514264337593543950336");

    let found = api
        .data(
            "query($filters: IPPoolFilters) { ipPools(filters: $filters) { poolName } }",
            json!({ "filters": { "poolType": "IPV6_GLOBAL", "search": "addresses", "status": "ACTIVE" } }),
        )
        .await;
    assert_eq!(found, json!({ "ipPools": [{ "poolName": "Addresses 6" }] }));

    let one = api
        .data(
            "query($id: ID!) { ipPool(id: $id) { poolName } }",
            json!({ "id": pool }),
        )
        .await;
    assert_eq!(one, json!({ "ipPool": { "poolName": "Customers" } }));
    let nothing = "0198a2b4-5c6d-7e8f-9012-3456789abcde";
    let none = api
        .data(
            "query($id: ID!) { ipPool(id: $id) { poolName } }",
            json!({ "id": nothing }),
        )
        .await;
    assert_eq!(none, json!({ "ipPool": null }));
    assert_eq!(
        api.ask("{ ipPool(id: \"xyz\") { id } }", json!({})).await.fails(),
        "InvalidId"
    );
}

#[actix_web::test]
async fn plain_lists_lead_on_by_the_cursor_beside_the_data() {
    let api = Api::start().await;
    for n in 0..5 {
        api.pool(&format!("Pool {n}"), &format!("10.{n}.0.0/24")).await;
    }
    let query = "query($after: String) { few: ipPools(limit: 2, after: $after) { poolName } }";
    let (mut names, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = api.ask(query, json!({ "after": after })).await;
        let next = page.json["extensions"]["next"]["few"].clone();
        let data = page.data();
        let pools = data["few"].as_array().unwrap();
        assert!(pools.len() <= 2);
        names.extend(
            pools
                .iter()
                .map(|pool| pool["poolName"].as_str().unwrap().to_owned()),
        );
        if next.is_null() {
            break;
        }
        after = next;
    }
    assert_eq!(names, ["Pool 0", "Pool 1", "Pool 2", "Pool 3", "Pool 4"]);
    // A cursor belongs to its list with its filters.
    let other =
        "query($after: String) { ipPools(limit: 2, after: $after, filters: { search: \"x\" }) { id } }";
    assert_eq!(
        api.ask(other, json!({ "after": after_first(&api).await }))
            .await
            .fails(),
        "InvalidCursor"
    );
    for limit in [0, -1, 1001] {
        let query = format!("{{ ipPools(limit: {limit}) {{ id }} }}");
        assert_eq!(api.ask(&query, json!({})).await.fails(), "InvalidParameter");
    }
}

async fn after_first(api: &Api) -> Value {
    let page = api.ask("{ ipPools(limit: 2) { id } }", json!({})).await;
    page.json["extensions"]["next"]["ipPools"].clone()
}

#[actix_web::test]
async fn reservations_are_found_by_what_is_known_of_them() {
    let api = Api::start().await;
    let pool = api.pool("Customers", "203.0.113.0/24").await;
    for n in 0..3 {
        api.assign(&format!("sub-{n}"), &pool).await;
    }
    let found = api
        .data(
            "query($filters: ReservationFilters) { ipReservations(filters: $filters) { poolId subscriberId ipAddress \
             ipType status reservedAt assignedAt releasedAt expiresAt assignedBy notes } }",
            json!({ "filters": { "poolId": pool, "subscriberId": "sub-1", "status": "ASSIGNED", "ipType": "ipv4" } }),
        )
        .await;
    let found = found["ipReservations"].as_array().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (
            &found[0]["ipAddress"],
            &found[0]["ipType"],
            &found[0]["assignedBy"]
        ),
        (&json!("203.0.113.2"), &json!("ipv4"), &json!("admin"))
    );
    assert!(found[0]["assignedAt"].is_string() && found[0]["notes"].is_null());

    let within = api
        .data(
            "{ ipReservations(filters: { within: \"203.0.113.0/31\" }) { subscriberId } }",
            json!({}),
        )
        .await;
    assert_eq!(within, json!({ "ipReservations": [{ "subscriberId": "sub-0" }] }));
    let held = api
        .data(
            "{ subscriberIPs(subscriberId: \"sub-2\") { ipAddress } }",
            json!({}),
        )
        .await;
    assert_eq!(held, json!({ "subscriberIPs": [{ "ipAddress": "203.0.113.3" }] }));
    let wrong = "{ ipReservations(filters: { ipType: \"ipv5\" }) { id } }";
    assert_eq!(api.ask(wrong, json!({})).await.fails(), "InvalidParameter");
}

#[actix_web::test]
async fn conflicts_name_what_stands_against_an_address() {
    let api = Api::start().await;
    let pool = api.pool("Customers", "203.0.113.0/24").await;
    let reservation = api.assign("sub-1", &pool).await;
    let query = "query($a: String!) { checkIPConflicts(ipAddress: $a) { ipAddress conflictType severity message canForce \
        existingReservation { id subscriberId } suggestion { action ipAddress } } }";
    let taken = api.data(query, json!({ "a": "203.0.113.1" })).await;
    let conflict = &taken["checkIPConflicts"][0];
    assert_eq!(
        (&conflict["conflictType"], &conflict["existingReservation"]["id"]),
        (&json!("RESERVATION"), &json!(reservation))
    );
    assert_eq!(conflict["suggestion"]["ipAddress"], "203.0.113.2");
    let free = api.data(query, json!({ "a": "203.0.113.77" })).await;
    assert_eq!(free, json!({ "checkIPConflicts": [] }));
    assert_eq!(
        api.ask(query, json!({ "a": "nonsense" })).await.fails(),
        "InvalidPrefix"
    );
    let none = api
        .data(
            "{ ipConflicts { nodes { message } pageInfo { hasNextPage endCursor } } }",
            json!({}),
        )
        .await;
    assert_eq!(none["ipConflicts"]["nodes"], json!([]));
}

#[actix_web::test]
async fn utilization_stats_and_what_comes_next_are_told() {
    let api = Api::start().await;
    let pool = api.pool("Small", "203.0.113.0/29").await;
    api.assign("sub-1", &pool).await;
    let told = api
        .data(
            "query($p: ID!) { poolUtilization(poolId: $p) { poolId total reserved assigned available utilizationPercent \
             projectedDepletionDate projection { reason } } poolStats(poolId: $p) { poolName days { taken } openAlerts } \
             availableIPs(poolId: $p, count: 2) { ipAddresses availableCount } \
             ipStats { totals { pools total assigned } ipv4 { pools } ipv6 { pools } topPools { poolName } \
             recentAssignments { ipAddress } openAlerts } }",
            json!({ "p": pool }),
        )
        .await;
    let utilization = &told["poolUtilization"];
    assert_eq!(
        (
            &utilization["total"],
            &utilization["assigned"],
            &utilization["available"]
        ),
        (&json!("6"), &json!("1"), &json!("5"))
    );
    assert_eq!(utilization["utilizationPercent"], 16.66);
    assert!(
        utilization["projectedDepletionDate"].is_null() && utilization["projection"]["reason"].is_string()
    );
    assert_eq!(told["poolStats"]["days"], json!([{ "taken": "1" }]));
    assert_eq!(
        told["availableIPs"],
        json!({ "ipAddresses": ["203.0.113.2", "203.0.113.3"], "availableCount": "5" })
    );
    assert_eq!(
        told["ipStats"]["totals"],
        json!({ "pools": "1", "total": "6", "assigned": "1" })
    );
    assert_eq!(
        told["ipStats"]["recentAssignments"],
        json!([{ "ipAddress": "203.0.113.1" }])
    );

    let nothing = json!({ "p": "0198a2b4-5c6d-7e8f-9012-3456789abcde" });
    let query = "query($p: ID!) { poolUtilization(poolId: $p) { total } }";
    assert_eq!(api.ask(query, nothing).await.fails(), "NotFound");
}

#[actix_web::test]
async fn nested_lists_are_paged_in_the_way_of_connections() {
    let api = Api::start().await;
    let pool = api.pool("Customers", "203.0.113.0/24").await;
    for n in 0..5 {
        api.assign(&format!("sub-{n}"), &pool).await;
    }
    let query = "query($p: ID!, $after: String) { ipPool(id: $p) { reservations(first: 2, after: $after, statuses: \
        [ASSIGNED]) { nodes { subscriberId } pageInfo { hasNextPage endCursor } } } }";
    let (mut held, mut after) = (Vec::new(), Value::Null);
    loop {
        let data = api.data(query, json!({ "p": pool, "after": after })).await;
        let page = &data["ipPool"]["reservations"];
        let nodes = page["nodes"].as_array().unwrap();
        held.extend(
            nodes
                .iter()
                .map(|one| one["subscriberId"].as_str().unwrap().to_owned()),
        );
        assert_eq!(
            page["pageInfo"]["hasNextPage"],
            page["pageInfo"]["endCursor"].is_string()
        );
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(held, ["sub-0", "sub-1", "sub-2", "sub-3", "sub-4"]);
}

#[actix_web::test]
async fn a_field_that_fails_leaves_the_others_standing() {
    let api = Api::start().await;
    let pool = api.pool("Customers", "203.0.113.0/24").await;
    let query = "query($p: ID!) { ipPool(id: $p) { poolName } bad: ipReservation(id: \"xyz\") { id } }";
    let answer = api.ask(query, json!({ "p": pool })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json["data"],
        json!({ "ipPool": { "poolName": "Customers" }, "bad": null })
    );
    let (code, error) = answer.error();
    assert_eq!(
        (code.as_str(), &error["path"], &error["extensions"]["status"]),
        ("InvalidId", &json!(["bad"]), &json!(400))
    );
    assert_eq!(error["extensions"]["details"], json!({ "argument": "id" }));
}

#[actix_web::test]
async fn fields_come_in_the_order_of_the_document_and_what_is_skipped_is_not_there() {
    let api = Api::start().await;
    api.pool("One", "203.0.113.0/24").await;
    let query = "query($no: Boolean!) { ipPools { availableCount ...Names id @skip(if: true) ... @include(if: $no) { gateway } \
        kind: __typename } again: ipPools { poolName } } fragment Names on IPPool { poolName totalAddresses networkCidr \
        tags }";
    let answer = api.ask(query, json!({ "no": false })).await;
    assert_eq!(
        answer.text,
        "{\"data\":{\"ipPools\":[{\"availableCount\":\"254\",\"poolName\":\"One\",\"totalAddresses\":\"254\",\
         \"networkCidr\":\"203.0.113.0/24\",\"tags\":{},\"kind\":\"IPPool\"}],\"again\":[{\"poolName\":\"One\"}]}}"
    );
}

#[actix_web::test]
async fn a_null_where_none_may_be_reaches_up_to_where_one_may_be() {
    let api = Api::start().await;
    let pool = api.pool("Customers", "203.0.113.0/24").await;
    api.assign("sub-1", &pool).await;
    // `reservations` may not be null, and so the pool is; the reservation beside it is not.
    let query = "query($p: ID!) { ipReservations { ipAddress pool { poolName reservations(first: 0) { nodes { id } } } } \
        ipPool(id: $p) { poolName } }";
    let answer = api.ask(query, json!({ "p": pool })).await;
    assert_eq!(
        answer.json["data"],
        json!({
            "ipReservations": [{ "ipAddress": "203.0.113.1", "pool": null }],
            "ipPool": { "poolName": "Customers" },
        })
    );
    assert_eq!(
        answer.error().1["path"],
        json!(["ipReservations", 0, "pool", "reservations"])
    );
    let only = "query($p: ID!) { ipPool(id: $p) { reservations(first: 0) { nodes { id } } } }";
    assert_eq!(
        api.ask(only, json!({ "p": pool })).await.json["data"],
        json!({ "ipPool": null })
    );
}
