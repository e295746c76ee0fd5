//! Subscribers, plans, VLANs, use cases, alerts and the outbox.

use serde_json::{Value, json};

use crate::client::Api;

async fn plan(api: &Api, name: &str, features: Value) -> String {
    let query = "mutation($input: CreatePlanInput!) { createPlan(input: $input) { id features { staticIp ipv6Pd } } }";
    let made = api
        .data(query, json!({ "input": { "name": name, "features": features } }))
        .await;
    made["createPlan"]["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_subscriber_goes_through_its_life() {
    let api = Api::start().await;
    api.pool("Customers", "203.0.113.0/24").await;
    let home = plan(&api, "Home", json!({ "staticIp": true, "downloadKbps": 100_000 })).await;
    let plain = plan(&api, "Plain", json!({})).await;
    let create = "mutation($input: CreateSubscriberInput!) { createSubscriber(input: $input) { id status hasPassword tags } }";
    let input = json!({
        "id": "sub-1", "username": "john@isp.example", "password": "s3cret", "serviceType": "BUSINESS",
        "tags": { "Site": "ams" },
    });
    let made = api.data(create, json!({ "input": input })).await;
    assert_eq!(
        made["createSubscriber"],
        json!({ "id": "sub-1", "status": "PENDING", "hasPassword": true, "tags": { "Site": "ams" } })
    );
    let update = "mutation($input: UpdateSubscriberInput!) { updateSubscriber(id: \"sub-1\", input: $input) { username \
        hasPassword notes serviceType tags } }";
    let changed = api
        .data(
            update,
            json!({ "input": { "notes": "calls often", "username": null } }),
        )
        .await;
    assert_eq!(
        changed["updateSubscriber"],
        json!({
            "username": null, "hasPassword": true, "notes": "calls often", "serviceType": "BUSINESS",
            "tags": { "Site": "ams" },
        })
    );
    let state = "{ changed subscriber { status plan { name } reservations { ipAddress } networkProfile { staticIpv4 } } \
        reservations { ipAddress status } networkProfile { staticIpv4 } vlans { vlanId } }";
    let provision = format!(
        "mutation($plan: ID!) {{ provisionSubscriber(subscriberId: \"sub-1\", input: {{ planId: $plan }}) {state} }}"
    );
    let served = api.data(&provision, json!({ "plan": home })).await["provisionSubscriber"].clone();
    assert_eq!(
        served,
        json!({
            "changed": true,
            "subscriber": {
                "status": "ACTIVE", "plan": { "name": "Home" }, "reservations": [{ "ipAddress": "203.0.113.1" }],
                "networkProfile": { "staticIpv4": "203.0.113.1" },
            },
            "reservations": [{ "ipAddress": "203.0.113.1", "status": "ASSIGNED" }],
            "networkProfile": { "staticIpv4": "203.0.113.1" },
            "vlans": [],
        })
    );
    for (field, arguments, status) in [
        ("suspendSubscriber", "reason: \"unpaid\"", "SUSPENDED"),
        ("resumeSubscriber", "reason: \"paid\"", "ACTIVE"),
    ] {
        let query = format!(
            "mutation {{ {field}(subscriberId: \"sub-1\", {arguments}) {{ subscriber {{ status }} }} }}"
        );
        assert_eq!(
            api.data(&query, json!({})).await[field]["subscriber"]["status"],
            status
        );
    }
    let change = "mutation($plan: ID!) { changeSubscriberPlan(subscriberId: \"sub-1\", input: { planId: $plan }) { \
        reservations { ipAddress } subscriber { planId } } }";
    let fewer = api.data(change, json!({ "plan": plain })).await["changeSubscriberPlan"].clone();
    assert_eq!(
        fewer,
        json!({ "reservations": [], "subscriber": { "planId": plain } })
    );
    let end = "mutation { terminateSubscriber(subscriberId: \"sub-1\") { subscriber { status } } }";
    assert_eq!(
        api.data(end, json!({})).await["terminateSubscriber"]["subscriber"]["status"],
        "TERMINATED"
    );
    let delete = "mutation { deleteSubscriber(id: \"sub-1\") }";
    assert_eq!(
        api.data(delete, json!({})).await,
        json!({ "deleteSubscriber": true })
    );
    let gone = api
        .data(
            "{ subscriber(id: \"sub-1\") { id } subscribers { nodes { id } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        gone,
        json!({ "subscriber": null, "subscribers": { "nodes": [] } })
    );
}

#[actix_web::test]
async fn plans_profiles_and_vlans_are_made_changed_and_removed() {
    let api = Api::start().await;
    let base = plan(
        &api,
        "Base",
        json!({ "ipv6Pd": true, "vlan": "SINGLE", "ipv4PoolType": "IPV4_PUBLIC" }),
    )
    .await;
    let update = "mutation($id: ID!, $input: UpdatePlanInput!) { updatePlan(id: $id, input: $input) { name active features \
        { ipv6Pd vlan ipv4PoolType } } }";
    let changed = api
        .data(update, json!({ "id": base, "input": { "active": false } }))
        .await;
    assert_eq!(
        changed["updatePlan"],
        json!({
            "name": "Base", "active": false,
            "features": { "ipv6Pd": true, "vlan": "SINGLE", "ipv4PoolType": "IPV4_PUBLIC" },
        })
    );
    let more = "mutation($base: ID!) { createPlan(input: { name: \"More\", basePlanId: $base }) { basePlan { name } } }";
    assert_eq!(
        api.data(more, json!({ "base": base })).await["createPlan"]["basePlan"]["name"],
        "Base"
    );
    assert_eq!(
        api.data("{ plans { nodes { name } } }", json!({})).await["plans"]["nodes"],
        json!([{ "name": "Base" }, { "name": "More" }])
    );
    assert_eq!(
        api.ask(
            "mutation($id: ID!) { deletePlan(id: $id) }",
            json!({ "id": base })
        )
        .await
        .fails(),
        "InUse"
    );

    api.data(
        "mutation { createSubscriber(input: { id: \"sub-1\" }) { id } }",
        json!({}),
    )
    .await;
    let profile = "mutation { setNetworkProfile(subscriberId: \"sub-1\", input: { ipv6Mode: PD, circuitId: \"olt/1\", \
        option82Policy: ENFORCE, downloadKbps: \"5000000000\" }) { ipv6Mode option82Policy downloadKbps } }";
    assert_eq!(
        api.data(profile, json!({})).await["setNetworkProfile"],
        json!({ "ipv6Mode": "PD", "option82Policy": "ENFORCE", "downloadKbps": "5000000000" })
    );
    let read = "{ networkProfile(subscriberId: \"sub-1\") { circuitId } }";
    assert_eq!(
        api.data(read, json!({})).await["networkProfile"]["circuitId"],
        "olt/1"
    );
    let delete = "mutation { deleteNetworkProfile(subscriberId: \"sub-1\") }";
    assert_eq!(
        api.data(delete, json!({})).await,
        json!({ "deleteNetworkProfile": true })
    );
    assert_eq!(api.data(read, json!({})).await, json!({ "networkProfile": null }));

    let create = "mutation { createVlanPool(input: { name: \"OLT 3\", domain: \"olt-3\", outer: { first: 100, last: 101 } \
        }) { id total outer { first last } } }";
    let pool = api.data(create, json!({})).await["createVlanPool"].clone();
    assert_eq!(
        (&pool["total"], &pool["outer"]["last"]),
        (&json!("2"), &json!(101))
    );
    let allocate = "mutation($p: ID!) { allocateVlan(poolId: $p, input: { subscriberId: \"sub-1\" }) { id vlanId pool { \
        name } subscriber { id } } }";
    let bound = api.data(allocate, json!({ "p": pool["id"] })).await["allocateVlan"].clone();
    assert_eq!(
        (
            &bound["vlanId"],
            &bound["pool"]["name"],
            &bound["subscriber"]["id"]
        ),
        (&json!(100), &json!("OLT 3"), &json!("sub-1"))
    );
    let lists = "query($p: ID!) { vlanPools { nodes { name } } vlanPool(id: $p) { bindings { nodes { vlanId } } } \
        vlanBindings(filters: { subscriberId: \"sub-1\" }) { nodes { domain } } }";
    assert_eq!(
        api.data(lists, json!({ "p": pool["id"] })).await,
        json!({
            "vlanPools": { "nodes": [{ "name": "OLT 3" }] },
            "vlanPool": { "bindings": { "nodes": [{ "vlanId": 100 }] } },
            "vlanBindings": { "nodes": [{ "domain": "olt-3" }] },
        })
    );
    let rename =
        "mutation($p: ID!) { updateVlanPool(id: $p, input: { name: \"OLT three\" }) { name domain } }";
    assert_eq!(
        api.data(rename, json!({ "p": pool["id"] })).await["updateVlanPool"],
        json!({ "name": "OLT three", "domain": "olt-3" })
    );
    let release = "mutation($b: ID!, $p: ID!) { releaseVlan(bindingId: $b) deleteVlanPool(id: $p) }";
    assert_eq!(
        api.data(release, json!({ "b": bound["id"], "p": pool["id"] }))
            .await,
        json!({ "releaseVlan": true, "deleteVlanPool": true })
    );
}

#[actix_web::test]
async fn alerts_are_listed_and_acknowledged_and_the_outbox_is_shown() {
    let api = Api::start().await;
    let hook = json!({ "name": "billing", "url": "https://billing.example/hooks" });
    let made = api
        .raw(
            "POST",
            &format!("/api/v1/webhooks?addressSpaceId={}", api.space),
            &[("content-type", "application/json")],
            hook.to_string().into_bytes(),
        )
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let pool = api.pool("Tiny", "203.0.113.0/31").await;
    api.assign("sub-1", &pool).await;
    api.assign("sub-2", &pool).await;
    let alerts = api
        .data(
            "{ alerts(states: [RAISED]) { nodes { id kind used usable pool { poolName status } } } }",
            json!({}),
        )
        .await;
    let nodes = alerts["alerts"]["nodes"].as_array().unwrap();
    let depleted = nodes
        .iter()
        .find(|alert| alert["kind"] == "POOL_DEPLETED")
        .unwrap();
    assert_eq!(
        (&depleted["used"], &depleted["pool"]["status"]),
        (&json!("2"), &json!("DEPLETED"))
    );
    let known = api
        .data(
            "mutation($id: ID!) { acknowledgeAlert(id: $id) { state acknowledgedBy } }",
            json!({ "id": depleted["id"] }),
        )
        .await;
    assert_eq!(
        known["acknowledgeAlert"],
        json!({ "state": "ACKNOWLEDGED", "acknowledgedBy": "admin" })
    );
    let of_pool = api
        .data(
            "query($p: ID!) { ipPool(id: $p) { alerts(states: [ACKNOWLEDGED]) { nodes { id } } } }",
            json!({ "p": pool }),
        )
        .await;
    assert_eq!(
        of_pool["ipPool"]["alerts"]["nodes"],
        json!([{ "id": depleted["id"] }])
    );

    let outbox = api
        .data(
            "{ outbox(state: PENDING, first: 1) { nodes { id event state attempts payload } } }",
            json!({}),
        )
        .await;
    let entry = outbox["outbox"]["nodes"][0].clone();
    assert!(
        entry["event"].is_string() && entry["payload"].is_object(),
        "{entry}"
    );
    let cancel = "mutation($id: ID!) { cancelOutboxEntry(id: $id) { state } }";
    let cancelled = api.data(cancel, json!({ "id": entry["id"] })).await;
    assert_eq!(cancelled["cancelOutboxEntry"]["state"], "CANCELLED");
    let one = "query($id: ID!) { outboxEntry(id: $id) { state webhookId } }";
    assert_eq!(
        api.data(one, json!({ "id": entry["id"] })).await["outboxEntry"]["state"],
        "CANCELLED"
    );
}
