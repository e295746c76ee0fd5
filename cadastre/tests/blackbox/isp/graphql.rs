//! The provider's side over GraphQL: the same claims as over REST, on the real server.

use super::{Provider, id};
use crate::support::{Answer, Client, Deployment, Grant, Value, claims, json, unique};

claims! {
    both: [
        a_pool_is_made_read_changed_and_deleted,
        an_address_is_reserved_and_nobody_else_gets_it,
        an_address_is_assigned_by_itself_and_released_until_the_pool_is_depleted,
        a_prefix_is_delegated_from_a_pool,
        a_subscriber_is_provisioned_upgraded_and_terminated,
        another_tenants_things_are_not_there,
    ],
    one: [
        conflicts_of_an_address_are_found,
        a_query_that_is_too_deep_or_too_dear_is_refused_and_nothing_is_changed,
    ],
}

fn send(client: &Client, space: &str, query: &str, variables: &Value) -> Answer {
    client
        .request(reqwest::Method::POST, "/graphql")
        .header("x-address-space", space)
        .json(&json!({ "query": query, "variables": variables }))
        .send()
}

impl Provider {
    /// What a document answers that is carried out without errors.
    #[track_caller]
    fn data(&self, query: &str, variables: &Value) -> Value {
        let answer = send(self.client(), &self.space.id, query, variables).ok();
        assert_eq!(answer.get("errors"), None, "{query}: {answer}");
        answer["data"].clone()
    }

    /// The code of the only error of a document.
    #[track_caller]
    fn code(&self, query: &str, variables: &Value) -> String {
        let answer = send(self.client(), &self.space.id, query, variables).json();
        let errors = answer["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{answer}");
        errors[0]["extensions"]["code"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn make_pool(&self, input: &Value) -> String {
        let query = "mutation($input: CreateIPPoolInput!) { createIPPool(input: $input) { id } }";
        id(&self.data(query, &json!({ "input": input }))["createIPPool"])
    }
}

const ASSIGN: &str =
    "mutation($s: String!, $p: ID!) { assignIPAuto(subscriberId: $s, poolId: $p) { id ipAddress status } }";
const USED: &str = "query($p: ID!) { poolUtilization(poolId: $p) { total reserved assigned available utilizationPercent } \
    ipPool(id: $p) { status } }";

fn a_pool_is_made_read_changed_and_deleted(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.make_pool(&json!({
        "poolName": "north", "poolType": "IPV4_PUBLIC", "networkCidr": "203.0.113.0/24", "gateway": "203.0.113.1",
    }));
    let fields = "poolName poolType networkCidr gateway dnsServers vlanId status totalAddresses reservedCount assignedCount \
        availableCount utilizationPercent autoAssignEnabled description createdAt updatedAt";
    let found = isp.data(
        &format!("query($p: ID!) {{ ipPool(id: $p) {{ {fields} }} ipPools {{ id {fields} }} }}"),
        &json!({ "p": pool }),
    );
    assert_eq!(found["ipPool"]["availableCount"], "253", "{found}");
    assert_eq!(found["ipPools"][0]["id"], json!(pool));
    let rest = isp.pool_now(&pool);
    for field in [
        "poolName",
        "networkCidr",
        "status",
        "totalAddresses",
        "availableCount",
        "createdAt",
    ] {
        assert_eq!(found["ipPool"][field], rest[field], "{field}");
    }
    let changed = isp.data(
        "mutation($p: ID!) { updateIPPool(id: $p, input: { poolName: \"south\" }) { poolName gateway } }",
        &json!({ "p": pool }),
    );
    assert_eq!(
        changed["updateIPPool"],
        json!({ "poolName": "south", "gateway": "203.0.113.1" })
    );
    let overlapping = json!({ "input": {
        "poolName": "b", "poolType": "IPV4_PUBLIC", "networkCidr": "203.0.113.0/25",
    } });
    let query = "mutation($input: CreateIPPoolInput!) { createIPPool(input: $input) { id } }";
    assert_eq!(isp.code(query, &overlapping), "PoolOverlap");
    let gone = isp.data(
        "mutation($p: ID!) { deleteIPPool(id: $p) }",
        &json!({ "p": pool }),
    );
    assert_eq!(gone["deleteIPPool"], true);
    assert_eq!(isp.space.get("/ips").ok(), json!([]));
}

fn an_address_is_reserved_and_nobody_else_gets_it(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.make_pool(&json!({
        "poolName": "p", "poolType": "IPV4_PUBLIC", "networkCidr": "203.0.113.0/24",
    }));
    let query = "mutation($i: ReserveIPInput!) { reserveIP(input: $i) { id ipAddress ipType status reservedAt notes } }";
    let wanted =
        |who: &str| json!({ "i": { "poolId": pool, "subscriberId": who, "ipAddress": "203.0.113.7" } });
    let made = isp.data(query, &wanted("ada"))["reserveIP"].clone();
    assert_eq!(
        (&made["ipAddress"], &made["status"], &made["ipType"]),
        (&json!("203.0.113.7"), &json!("RESERVED"), &json!("ipv4"))
    );
    assert_eq!(isp.code(query, &wanted("eve")), "AddressConflict");
    let used = isp.data(USED, &json!({ "p": pool }))["poolUtilization"].clone();
    assert_eq!((&used["reserved"], &used["assigned"]), (&json!("1"), &json!("0")));
    let held = isp.data(
        "{ subscriberIPs(subscriberId: \"ada\") { ipAddress pool { poolName } } }",
        &json!({}),
    );
    assert_eq!(
        held["subscriberIPs"],
        json!([{ "ipAddress": "203.0.113.7", "pool": { "poolName": "p" } }])
    );
}

fn an_address_is_assigned_by_itself_and_released_until_the_pool_is_depleted(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.make_pool(&json!({
        "poolName": "p", "poolType": "IPV4_PRIVATE", "networkCidr": "10.0.0.0/30", "restDays": 0,
    }));
    let assign = |who: &str| isp.data(ASSIGN, &json!({ "s": who, "p": pool }))["assignIPAuto"].clone();
    let first = assign("a");
    assert_eq!(
        (&first["ipAddress"], &first["status"]),
        (&json!("10.0.0.1"), &json!("ASSIGNED"))
    );
    assert_eq!(assign("b")["ipAddress"], "10.0.0.2");
    assert_eq!(isp.code(ASSIGN, &json!({ "s": "c", "p": pool })), "PoolDepleted");
    let full = isp.data(USED, &json!({ "p": pool }));
    assert_eq!(
        (&full["poolUtilization"]["available"], &full["ipPool"]["status"]),
        (&json!("0"), &json!("DEPLETED"))
    );
    let release = "mutation($r: ID!) { releaseIP(reservationId: $r) }";
    let variables = json!({ "r": first["id"] });
    assert_eq!(isp.data(release, &variables)["releaseIP"], true);
    assert_eq!(isp.code(release, &variables), "IllegalState");
    assert_eq!(assign("c")["ipAddress"], "10.0.0.1");
}

fn a_prefix_is_delegated_from_a_pool(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.make_pool(&json!({
        "poolName": "pd", "poolType": "IPV6_PREFIX_DELEGATION", "networkCidr": "2001:db8::/40",
        "delegatedPrefixLength": 56,
    }));
    let made = isp.data(ASSIGN, &json!({ "s": "a", "p": pool }))["assignIPAuto"].clone();
    assert_eq!(made["ipAddress"], "2001:db8::/56");
    assert_eq!(isp.held("a"), ["2001:db8::/56"]);
}

fn a_subscriber_is_provisioned_upgraded_and_terminated(at: &Deployment) {
    let isp = Provider::new(at);
    isp.pool("IPV4_PUBLIC", "203.0.113.0/24", &json!({}));
    let plan = |name: &str, features: &Value| {
        let query = "mutation($i: CreatePlanInput!) { createPlan(input: $i) { id } }";
        let input = json!({ "i": { "name": name, "features": features } });
        id(&isp.data(query, &input)["createPlan"])
    };
    let (basic, fixed) = (
        plan("basic", &json!({})),
        plan("fixed", &json!({ "staticIp": true })),
    );
    let subscriber = unique("sub");
    let made = isp.data(
        "mutation($s: ID!) { createSubscriber(input: { id: $s, password: \"s3cret\" }) { status hasPassword } }",
        &json!({ "s": subscriber }),
    );
    assert_eq!(
        made["createSubscriber"],
        json!({ "status": "PENDING", "hasPassword": true })
    );
    let run = |what: &str, plan: &str| {
        let query = format!(
            "mutation($s: String!, $p: ID!) {{ {what}(subscriberId: $s, input: {{ planId: $p }}) \
             {{ changed subscriber {{ status staticIpv4 ipv6Prefix plan {{ name }} }} reservations {{ ipAddress }} }} }}"
        );
        isp.data(&query, &json!({ "s": subscriber, "p": plan }))[what].clone()
    };
    let provisioned = run("provisionSubscriber", &basic);
    assert_eq!(provisioned["reservations"], json!([]));
    let upgraded = run("changeSubscriberPlan", &fixed);
    assert_eq!(
        upgraded["subscriber"],
        json!({ "status": "ACTIVE", "staticIpv4": "203.0.113.1", "ipv6Prefix": null, "plan": { "name": "fixed" } })
    );
    assert_eq!(run("changeSubscriberPlan", &fixed)["changed"], false);
    let ended = isp.data(
        "mutation($s: String!) { terminateSubscriber(subscriberId: $s) { subscriber { status staticIpv4 } } }",
        &json!({ "s": subscriber }),
    );
    assert_eq!(
        ended["terminateSubscriber"]["subscriber"],
        json!({ "status": "TERMINATED", "staticIpv4": null })
    );
    assert_eq!(isp.held(&subscriber), Vec::<String>::new());
    let unknown = "mutation { terminateSubscriber(subscriberId: \"nobody\") { changed } }";
    assert_eq!(isp.code(unknown, &json!({})), "NotFound");
}

fn conflicts_of_an_address_are_found(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool("IPV4_PUBLIC", "203.0.113.0/24", &json!({}));
    isp.data(ASSIGN, &json!({ "s": "ada", "p": pool }));
    let query = "query($a: String!) { checkIPConflicts(ipAddress: $a) { ipAddress conflictType severity \
        existingReservation { subscriberId } } }";
    let found = isp.data(query, &json!({ "a": "203.0.113.1" }))["checkIPConflicts"].clone();
    assert_eq!(
        (
            &found[0]["conflictType"],
            &found[0]["existingReservation"]["subscriberId"]
        ),
        (&json!("RESERVATION"), &json!("ada")),
        "{found}"
    );
    let free = isp.data(query, &json!({ "a": "203.0.113.2" }));
    assert_eq!(free["checkIPConflicts"], json!([]));
}

fn a_query_that_is_too_deep_or_too_dear_is_refused_and_nothing_is_changed(at: &Deployment) {
    let isp = Provider::new(at);
    let deep = format!(
        "{{ ipReservations {}{} }}",
        "{ subscriber { reservations ".repeat(15),
        "{ id } } }".repeat(15).trim_end_matches('}')
    );
    let answer = send(isp.client(), &isp.space.id, &deep, &json!({})).expect(400);
    assert!(
        answer.json()["errors"][0]["message"].is_string(),
        "{}",
        answer.text()
    );
    let nested = format!(
        "{{ ipReservations {{ {} id {} }} }}",
        "subscriber { reservations { ".repeat(15),
        "} }".repeat(15)
    );
    let answer = send(isp.client(), &isp.space.id, &nested, &json!({})).expect(400);
    assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "QueryTooLarge");
    let aliases: String = (0..500)
        .map(|number| {
            format!(
                "a{number}: createIPPool(input: {{ poolName: \"p{number}\", poolType: IPV4_PRIVATE, \
                 networkCidr: \"10.{}.{}.0/24\" }}) {{ id }} ",
                number / 250,
                number % 250
            )
        })
        .collect();
    let answer = send(
        isp.client(),
        &isp.space.id,
        &format!("mutation {{ {aliases} }}"),
        &json!({}),
    )
    .expect(400);
    assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "QueryTooLarge");
    assert_eq!(isp.get("/ip-management/pools").ok(), json!([]));
}

fn another_tenants_things_are_not_there(at: &Deployment) {
    let (mine, theirs) = (Provider::new(at), Provider::new(at));
    let pool = theirs.pool("IPV4_PUBLIC", "203.0.113.0/24", &json!({}));
    theirs.post("/subscribers", &json!({ "id": "their-sub" })).made();
    let reservation = id(&theirs
        .post(
            "/ip-management/reservations",
            &json!({ "poolId": pool, "subscriberId": "their-sub" }),
        )
        .made());
    let tenant = at.user(&[Grant::new("AddressSpaceAdmin", &mine.space.id)]).client;
    let before = theirs.pool_now(&pool);
    let variables = json!({ "p": pool, "r": reservation });
    // In their own space the ids of others name nothing,
    let found = send(
        &tenant,
        &mine.space.id,
        "query($p: ID!, $r: ID!) { ipPools { id } ipPool(id: $p) { id } ipReservation(id: $r) { id } \
         ipReservations { id } subscriber(id: \"their-sub\") { id } subscribers { nodes { id } } alerts { nodes { id } } \
         subscriberIPs(subscriberId: \"their-sub\") { id } }",
        &variables,
    )
    .ok();
    let empty = json!({ "nodes": [] });
    assert_eq!(
        found["data"],
        json!({ "ipPools": [], "ipPool": null, "ipReservation": null, "ipReservations": [], "subscriber": null,
                "subscribers": empty, "alerts": empty, "subscriberIPs": [] })
    );
    for change in [
        "mutation($p: ID!) { deleteIPPool(id: $p) }",
        "mutation($r: ID!) { releaseIP(reservationId: $r) }",
        "mutation($p: ID!) { assignIPAuto(subscriberId: \"x\", poolId: $p) { id } }",
        "mutation { terminateSubscriber(subscriberId: \"their-sub\") { changed } }",
    ] {
        let answer = send(&tenant, &mine.space.id, change, &variables).json();
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "NotFound",
            "{change}: {answer}"
        );
    }
    // and the space of others is one that is not there.
    let refused = |space: &str| {
        let answer = send(&tenant, space, "{ ipPools { id } }", &json!({})).json();
        let error = answer["errors"][0].clone();
        assert_eq!(answer["data"], Value::Null, "{answer}");
        (error["extensions"]["code"].clone(), error["message"].clone())
    };
    let nobodys = "01890000-0000-7000-8000-000000000000";
    assert_eq!(refused(&theirs.space.id), refused(nobodys));
    assert_eq!(theirs.pool_now(&pool), before);
}
