//! The mutations of the seed.

use serde_json::{Value, json};

use crate::client::Api;

const UPDATE: &str = "mutation($id: ID!, $input: UpdateIPPoolInput!) { updateIPPool(id: $id, input: $input) { poolName \
    gateway dnsServers description warnPercent restDays allocation netboxPrefixId tags status networkCidr availableCount } }";

#[actix_web::test]
async fn a_pool_is_made_with_all_its_settings_changed_and_removed() {
    let api = Api::start().await;
    let query = "mutation($input: CreateIPPoolInput!) { createIPPool(input: $input) { id poolName poolType gateway \
        dnsServers vlanId allocation exclusions restDays warnPercent siteId costPerAddressMonth currency netboxPrefixId \
        totalAddresses excludedCount availableCount nodeId addressSpaceId } }";
    let input = json!({
        "poolName": "Customers", "poolType": "IPV4_PUBLIC", "networkCidr": "203.0.113.0/24", "gateway": "203.0.113.1",
        "dnsServers": ["192.0.2.53"], "vlanId": 100, "allocation": "RANDOM", "exclusions": ["203.0.113.10-203.0.113.19"],
        "restDays": 7, "warnPercent": 90, "siteId": "ams", "costPerAddressMonth": "0.35", "currency": "EUR",
        "netboxPrefixId": "4294967296",
    });
    let made = api.data(query, json!({ "input": input })).await["createIPPool"].clone();
    assert_eq!(
        (&made["totalAddresses"], &made["excludedCount"]),
        (&json!("254"), &json!("11"))
    );
    assert_eq!(made["availableCount"], "243");
    assert_eq!(
        (&made["allocation"], &made["vlanId"], &made["netboxPrefixId"]),
        (&json!("RANDOM"), &json!(100), &json!("4294967296"))
    );
    assert_eq!(made["addressSpaceId"], json!(api.space));
    let id = &made["id"];

    // What is left out stays, and null takes away.
    let input =
        json!({ "poolName": "Business", "gateway": null, "description": "for firms", "netboxPrefixId": 7 });
    let changed = api.data(UPDATE, json!({ "id": id, "input": input })).await["updateIPPool"].clone();
    assert_eq!(
        changed,
        json!({
            "poolName": "Business", "gateway": null, "dnsServers": ["192.0.2.53"], "description": "for firms",
            "warnPercent": 90, "restDays": 7, "allocation": "RANDOM", "netboxPrefixId": "7", "tags": {},
            "status": "ACTIVE", "networkCidr": "203.0.113.0/24", "availableCount": "244",
        })
    );
    let wrong = api
        .ask(UPDATE, json!({ "id": id, "input": { "warnPercent": 0 } }))
        .await;
    assert_eq!(wrong.fails(), "InvalidValue");

    let delete = "mutation($id: ID!) { deleteIPPool(id: $id) }";
    assert_eq!(
        api.data(delete, json!({ "id": id })).await,
        json!({ "deleteIPPool": true })
    );
    let again = api.ask(delete, json!({ "id": id })).await;
    assert_eq!(
        (again.fails().as_str(), &again.json["data"]),
        ("NotFound", &Value::Null)
    );
}

#[actix_web::test]
async fn changing_a_depleted_pool_keeps_it_an_active_one() {
    let api = Api::start().await;
    let pool = api.pool("Tiny", "203.0.113.0/31").await;
    api.assign("sub-1", &pool).await;
    let second = api.assign("sub-2", &pool).await;
    let changed = api
        .data(UPDATE, json!({ "id": pool, "input": { "description": "full" } }))
        .await;
    assert_eq!(changed["updateIPPool"]["status"], "DEPLETED");
    let release = "mutation($id: ID!) { releaseIP(reservationId: $id) }";
    assert_eq!(
        api.data(release, json!({ "id": second })).await,
        json!({ "releaseIP": true })
    );
    let refused = api
        .ask(
            "mutation($s: String!, $p: ID!) { assignIPAuto(subscriberId: $s, poolId: $p) { id } }",
            json!({ "s": "sub-3", "p": pool }),
        )
        .await;
    assert_eq!(refused.fails(), "PoolDepleted");
}

#[actix_web::test]
async fn an_address_is_reserved_assigned_extended_and_released() {
    let api = Api::start().await;
    let pool = api.pool("Customers", "203.0.113.0/24").await;
    let reserve = "mutation($input: ReserveIPInput!) { reserveIP(input: $input) { id ipAddress status expiresAt notes } }";
    let input = json!({
        "subscriberId": "sub-1", "poolId": pool, "ipAddress": "203.0.113.9", "notes": "router",
        "expiresAt": "2999-01-01T00:00:00Z",
    });
    let held = api.data(reserve, json!({ "input": input })).await["reserveIP"].clone();
    assert_eq!(
        (&held["ipAddress"], &held["status"], &held["notes"]),
        (&json!("203.0.113.9"), &json!("RESERVED"), &json!("router"))
    );
    let other = json!({ "subscriberId": "sub-2", "ipAddress": "203.0.113.9" });
    let conflict = api.ask(reserve, json!({ "input": other })).await;
    let (code, error) = conflict.error();
    assert_eq!(
        (code.as_str(), &error["extensions"]["status"]),
        ("AddressConflict", &json!(409))
    );
    assert!(error["extensions"]["details"].is_object());

    let id = &held["id"];
    let extend = "mutation($id: ID!, $to: DateTime!) { extendIPReservation(reservationId: $id, expiresAt: $to) { expiresAt } }";
    let extended = api
        .data(extend, json!({ "id": id, "to": "2999-06-01T00:00:00Z" }))
        .await;
    assert_eq!(
        extended["extendIPReservation"]["expiresAt"],
        "2999-06-01T00:00:00Z"
    );
    let assign = "mutation($id: ID!) { assignIP(reservationId: $id) { status events { event by } } }";
    let assigned = api.data(assign, json!({ "id": id })).await["assignIP"].clone();
    assert_eq!(assigned["status"], "ASSIGNED");
    assert!(assigned["events"].as_array().unwrap().len() >= 3, "{assigned}");
    let release = "mutation($id: ID!) { releaseIP(reservationId: $id, reason: \"moved\") }";
    assert_eq!(
        api.data(release, json!({ "id": id })).await,
        json!({ "releaseIP": true })
    );
    assert_eq!(
        api.ask(release, json!({ "id": id })).await.fails(),
        "IllegalState"
    );
    let past = api
        .data(
            "{ subscriberIPs(subscriberId: \"sub-1\", withPast: true) { status } }",
            json!({}),
        )
        .await;
    assert_eq!(past, json!({ "subscriberIPs": [{ "status": "RELEASED" }] }));
}

#[actix_web::test]
async fn the_same_key_gives_the_same_answer_and_another_request_under_it_is_refused() {
    let api = Api::start().await;
    let pool = api.pool("Customers", "203.0.113.0/24").await;
    let assign = "mutation($s: String!, $p: ID!, $k: String) { assignIPAuto(subscriberId: $s, poolId: $p, idempotencyKey: \
        $k) { id ipAddress } }";
    let first = api
        .data(assign, json!({ "s": "sub-1", "p": pool, "k": "order-1" }))
        .await;
    // Written otherwise, it is the same.
    let literal = format!(
        "mutation {{ assignIPAuto(idempotencyKey: \"order-1\", poolId: \"{pool}\", subscriberId: \"sub-1\") {{ id ipAddress }} }}"
    );
    assert_eq!(api.data(&literal, json!({})).await, first);
    let other = api
        .ask(assign, json!({ "s": "sub-2", "p": pool, "k": "order-1" }))
        .await;
    assert_eq!(other.fails(), "IdempotencyMismatch");
    let without = api
        .ask(assign, json!({ "s": "sub-1", "p": pool, "k": null }))
        .await;
    assert_eq!(without.fails(), "AlreadyAssigned");
    assert_eq!(
        api.ask(assign, json!({ "s": "a", "p": pool, "k": "two words" }))
            .await
            .fails(),
        "InvalidParameter"
    );

    let delete = "mutation($id: ID!) { deleteIPPool(id: $id, idempotencyKey: \"gone\") }";
    let empty = api.pool("Empty", "198.51.100.0/24").await;
    for _ in 0..2 {
        assert_eq!(
            api.data(delete, json!({ "id": empty })).await,
            json!({ "deleteIPPool": true })
        );
    }
}

#[actix_web::test]
async fn changes_of_one_request_run_one_after_another_and_each_sees_what_is_there_then() {
    let api = Api::start().await;
    let pool = api.pool("Customers", "203.0.113.0/29").await;
    let query = "mutation($p: ID!) { a: assignIPAuto(subscriberId: \"a\", poolId: $p) { pool { assignedCount } } \
        b: assignIPAuto(subscriberId: \"b\", poolId: $p) { pool { assignedCount } } \
        again: assignIPAuto(subscriberId: \"a\", poolId: $p) { id } }";
    let answer = api.ask(query, json!({ "p": pool })).await;
    let (code, error) = answer.error();
    assert_eq!(
        (code.as_str(), &error["path"]),
        ("AlreadyAssigned", &json!(["again"]))
    );
    // The failed one may not be null, so nothing of the data is left; but what was done stays.
    assert_eq!(answer.json["data"], Value::Null);
    let held = api
        .data(
            "query($p: ID!) { ipPool(id: $p) { assignedCount } }",
            json!({ "p": pool }),
        )
        .await;
    assert_eq!(held["ipPool"]["assignedCount"], "2");
    let counts = api
        .data(
            "mutation($p: ID!) { c: assignIPAuto(subscriberId: \"c\", poolId: $p) { pool { assignedCount } } \
             d: assignIPAuto(subscriberId: \"d\", poolId: $p) { pool { assignedCount } } }",
            json!({ "p": pool }),
        )
        .await;
    assert_eq!(
        (
            &counts["c"]["pool"]["assignedCount"],
            &counts["d"]["pool"]["assignedCount"]
        ),
        (&json!("3"), &json!("4"))
    );
}
