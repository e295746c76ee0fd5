//! Pools and reservations.

use std::time::Duration;

use super::{Provider, counts, id};
use crate::support::{Deployment, claims, json};

claims! {
    both: [
        a_pool_is_made_read_changed_and_deleted,
        an_address_is_reserved_and_nobody_else_gets_it,
        an_address_is_assigned_by_itself_and_released,
        a_pool_hands_out_each_of_its_addresses_once_and_then_nothing,
        prefixes_are_delegated_from_a_pool_and_do_not_overlap,
        conflicts_of_an_address_are_found_with_advice,
        reservations_whose_time_is_over_are_cleaned_up,
    ],
    one: [
        counters_follow_each_reservation_exactly,
        the_space_is_named_by_header_parameter_or_not_at_all,
        what_a_get_of_a_pool_returned_can_be_put_back,
        the_life_of_an_address_is_told_after_everything_is_gone,
        many_clients_at_once_never_get_one_address_twice,
    ],
}

fn a_pool_is_made_read_changed_and_deleted(at: &Deployment) {
    let isp = Provider::new(at);
    let body = json!({
        "poolName": "north", "poolType": "IPV4_PUBLIC", "networkCidr": "203.0.113.0/24", "gateway": "203.0.113.1",
        "dnsServers": ["9.9.9.9"], "vlanId": 100, "exclusions": ["203.0.113.250-203.0.113.254"],
    });
    let made = isp.post("/ip-management/pools", &body).made();
    assert_eq!(
        (&made["totalAddresses"], &made["availableCount"]),
        (&json!("254"), &json!("248"))
    );
    assert_eq!(made["status"], "ACTIVE");
    let path = format!("/ip-management/pools/{}", id(&made));
    assert_eq!(isp.get(&path).ok(), made);
    let mut changed = body;
    changed["poolName"] = json!("south");
    changed["gateway"] = json!("203.0.113.2");
    let changed = isp.put(&path, &changed).ok();
    assert_eq!(
        (&changed["poolName"], &changed["excludedCount"]),
        (&json!("south"), &json!("6"))
    );
    let found = isp
        .get("/ip-management/pools?search=south&poolType=IPV4_PUBLIC")
        .ok();
    assert_eq!(found.as_array().unwrap().len(), 1);
    let prefixes = isp.space.get("/ips").ok();
    let gateway = prefixes
        .as_array()
        .unwrap()
        .iter()
        .any(|node| node["prefix"] == "203.0.113.2/32");
    assert!(gateway, "the tree shows the gateway: {prefixes}");
    isp.delete(&path).expect(204);
    isp.get(&path).refused(404, "NotFound");
    assert_eq!(isp.space.get("/ips").ok(), json!([]));
}

fn an_address_is_reserved_and_nobody_else_gets_it(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool("IPV4_PUBLIC", "203.0.113.0/24", &json!({}));
    let body =
        json!({ "poolId": pool, "subscriberId": "ada", "ipAddress": "203.0.113.7", "notes": "door bell" });
    let made = isp.post("/ip-management/reservations", &body).made();
    assert_eq!(
        (&made["status"], &made["ipType"]),
        (&json!("RESERVED"), &json!("ipv4"))
    );
    let other = json!({ "poolId": pool, "subscriberId": "eve", "ipAddress": "203.0.113.7" });
    let error = isp
        .post("/ip-management/reservations", &other)
        .refused(409, "AddressConflict");
    assert_eq!(error["details"]["subscriberId"], "ada");
    let again = json!({ "poolId": pool, "subscriberId": "ada" });
    isp.post("/ip-management/reservations", &again)
        .refused(409, "AlreadyAssigned");
    let path = format!("/ip-management/reservations/{}", id(&made));
    let assigned = isp.put(&path, &json!({ "status": "ASSIGNED" })).ok();
    assert_eq!(
        (&assigned["status"], &assigned["notes"]),
        (&json!("ASSIGNED"), &json!("door bell"))
    );
    let listed = isp
        .get("/ip-management/reservations?ipAddress=203.0.113.7&status=ASSIGNED")
        .ok();
    assert_eq!(listed.as_array().unwrap().len(), 1);
}

fn an_address_is_assigned_by_itself_and_released(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool(
        "IPV4_PUBLIC",
        "203.0.113.0/24",
        &json!({ "gateway": "203.0.113.1" }),
    );
    let made = isp
        .post(
            "/ip-management/subscribers/ada/assign-ip",
            &json!({ "poolId": pool, "ipType": "ipv4" }),
        )
        .made();
    assert_eq!(
        (&made["status"], &made["ipAddress"]),
        (&json!("ASSIGNED"), &json!("203.0.113.2"))
    );
    assert_eq!(isp.held("ada"), ["203.0.113.2"]);
    isp.post(
        "/ip-management/subscribers/ada/release-ip",
        &json!({ "ipType": "ipv4", "reason": "moved" }),
    )
    .ok();
    assert_eq!(isp.held("ada"), Vec::<String>::new());
    // Twice is once too often.
    isp.post(
        "/ip-management/subscribers/ada/release-ip",
        &json!({ "ipType": "ipv4" }),
    )
    .refused(404, "NotFound");
    let path = format!("/ip-management/reservations/{}", id(&made));
    isp.post(&format!("{path}/release"), &json!({}))
        .refused(409, "IllegalState");
    // It rests: others get another, and whoever had it has it again.
    let other = isp
        .post("/ip-management/subscribers/bob/assign-ip", &json!({}))
        .made();
    assert_eq!(other["ipAddress"], "203.0.113.3");
    let again = isp
        .post("/ip-management/subscribers/ada/assign-ip", &json!({}))
        .made();
    assert_eq!(again["ipAddress"], "203.0.113.2");
}

fn a_pool_hands_out_each_of_its_addresses_once_and_then_nothing(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool(
        "IPV4_PRIVATE",
        "10.0.0.0/29",
        &json!({ "gateway": "10.0.0.1", "restDays": 0 }),
    );
    let mut given = Vec::new();
    for number in 0..5 {
        let path = format!("/ip-management/subscribers/s{number}/assign-ip");
        given.push(isp.post(&path, &json!({ "poolId": pool })).made());
    }
    let mut addresses: Vec<_> = given
        .iter()
        .map(|made| made["ipAddress"].as_str().unwrap())
        .collect();
    addresses.dedup();
    assert_eq!(
        addresses,
        ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]
    );
    let full = isp.pool_now(&pool);
    assert_eq!(
        (&full["status"], &full["utilizationPercent"]),
        (&json!("DEPLETED"), &json!(100.0))
    );
    isp.post(
        "/ip-management/subscribers/late/assign-ip",
        &json!({ "poolId": pool }),
    )
    .refused(409, "PoolDepleted");
    let alerts = isp
        .get(&format!("/ip-management/alerts?poolId={pool}&state=RAISED"))
        .ok();
    let mut kinds: Vec<_> = alerts
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| alert["kind"].clone())
        .collect();
    kinds.sort_by_key(ToString::to_string);
    assert_eq!(kinds, [json!("POOL_DEPLETED"), json!("POOL_UTILIZATION")]);
    let path = format!("/ip-management/reservations/{}", id(&given[0]));
    isp.delete(&path).expect(204);
    assert_eq!(isp.pool_now(&pool)["status"], "ACTIVE");
    let after = isp
        .get(&format!("/ip-management/alerts?poolId={pool}&state=CLEARED"))
        .ok();
    assert_eq!(after[0]["kind"], "POOL_DEPLETED");
}

fn prefixes_are_delegated_from_a_pool_and_do_not_overlap(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool(
        "IPV6_PREFIX_DELEGATION",
        "2001:db8::/40",
        &json!({ "delegatedPrefixLength": 56 }),
    );
    let mut given = Vec::new();
    for number in 0..8 {
        let path = format!("/ip-management/subscribers/s{number}/assign-ip");
        let made = isp.post(&path, &json!({ "ipType": "ipv6_prefix" })).made();
        assert_eq!(
            (&made["prefixLength"], &made["ipType"]),
            (&json!(56), &json!("ipv6_prefix"))
        );
        given.push(made["ipAddress"].as_str().unwrap().to_owned());
    }
    // Far apart: each could grow.
    assert_eq!(
        &given[..3],
        ["2001:db8::/56", "2001:db8:80::/56", "2001:db8:40::/56"]
    );
    let business = isp
        .post(
            "/ip-management/subscribers/big/assign-ip",
            &json!({ "poolId": pool, "prefixLength": 48 }),
        )
        .made();
    assert_eq!(business["prefixLength"], 48);
    let now = isp.pool_now(&pool);
    assert_eq!(
        (&now["totalAddresses"], &now["assignedCount"]),
        (&json!("65536"), &json!("264"))
    );
    isp.post(
        "/ip-management/subscribers/x/assign-ip",
        &json!({ "poolId": pool, "prefixLength": 40 }),
    )
    .refused(400, "InvalidValue");
}

fn conflicts_of_an_address_are_found_with_advice(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool(
        "IPV4_PUBLIC",
        "203.0.113.0/24",
        &json!({ "gateway": "203.0.113.1" }),
    );
    isp.space.node("203.0.113.64/26", json!({}));
    isp.post(
        "/ip-management/subscribers/ada/assign-ip",
        &json!({ "ipAddress": "203.0.113.9" }),
    )
    .made();
    let subscriber = isp.subscriber();
    isp.put(
        &format!("/subscribers/{subscriber}/network-profile"),
        &json!({ "staticIpv4": "203.0.113.20" }),
    )
    .ok();
    for (address, kind) in [
        ("203.0.113.9", "RESERVATION"),
        ("203.0.113.1", "TREE_NODE"),
        ("203.0.113.70", "TREE_NODE"),
        ("203.0.113.0", "POOL_BOUNDARY"),
        ("198.51.100.1", "POOL_BOUNDARY"),
        ("203.0.113.20", "NETWORK_PROFILE"),
    ] {
        let found = isp
            .post("/ip-management/check-conflicts", &json!({ "ipAddress": address }))
            .ok();
        assert_eq!(found["available"], false, "{address}");
        let conflicts = found["conflicts"].as_array().unwrap();
        let of_kind = conflicts.iter().find(|conflict| conflict["conflictType"] == kind);
        let of_kind = of_kind.unwrap_or_else(|| panic!("{address}: {found}"));
        assert!(of_kind["suggestion"]["message"].is_string(), "{of_kind}");
    }
    let free = isp
        .post(
            "/ip-management/check-conflicts",
            &json!({ "ipAddress": "203.0.113.10" }),
        )
        .ok();
    assert_eq!(
        (&free["available"], &free["conflicts"]),
        (&json!(true), &json!([]))
    );
    // What may be overruled is, by whoever may.
    let body = json!({ "poolId": pool, "subscriberId": "eve", "ipAddress": "203.0.113.70" });
    let refused = isp
        .post("/ip-management/reservations", &body)
        .refused(409, "AddressConflict");
    assert_eq!(refused["details"]["canForce"], true);
    let mut forced = body;
    forced["force"] = json!(true);
    assert_eq!(
        isp.post("/ip-management/reservations", &forced).made()["forced"],
        true
    );
}

fn reservations_whose_time_is_over_are_cleaned_up(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool("IPV4_PUBLIC", "203.0.113.0/24", &json!({}));
    let soon = jiff::Timestamp::now()
        .checked_add(jiff::SignedDuration::from_secs(2))
        .unwrap();
    let body = json!({ "poolId": pool, "subscriberId": "ada", "expiresAt": soon.to_string() });
    let made = isp.post("/ip-management/reservations", &body).made();
    assert_eq!(counts(&isp.pool_now(&pool))[0], 1);
    let path = format!("/ip-management/reservations/{}", id(&made));
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while isp.get(&path).ok()["status"] != "EXPIRED" {
        assert!(std::time::Instant::now() < deadline, "it does not expire");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(counts(&isp.pool_now(&pool)), [0, 0, 0, 0, 254]);
    isp.post(&format!("{path}/assign"), &json!({}))
        .refused(409, "IllegalState");
}

fn counters_follow_each_reservation_exactly(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool(
        "IPV4_PUBLIC",
        "203.0.113.0/24",
        &json!({ "gateway": "203.0.113.1" }),
    );
    let now = || counts(&isp.pool_now(&pool));
    assert_eq!(now(), [0, 0, 0, 1, 253]);
    let held = isp
        .post(
            "/ip-management/reservations",
            &json!({ "poolId": pool, "subscriberId": "a" }),
        )
        .made();
    assert_eq!(now(), [1, 0, 0, 1, 252]);
    let path = format!("/ip-management/reservations/{}", id(&held));
    isp.post(&format!("{path}/assign"), &json!({})).ok();
    assert_eq!(now(), [0, 1, 0, 1, 252]);
    isp.space.node("203.0.113.128/25", json!({}));
    assert_eq!(now(), [0, 1, 0, 128, 125]);
    isp.post(&format!("{path}/release"), &json!({})).ok();
    assert_eq!(now(), [0, 0, 1, 128, 125]);
    let figures = isp.get(&format!("/ip-management/pools/{pool}/utilization")).ok();
    assert_eq!(
        (&figures["total"], &figures["available"]),
        (&json!("254"), &json!("125"))
    );
    assert_eq!(
        figures["projectedDepletionDate"],
        json!(null),
        "nobody guesses from one day: {figures}"
    );
    assert!(figures["projection"]["reason"].is_string(), "{figures}");
}

fn the_space_is_named_by_header_parameter_or_not_at_all(at: &Deployment) {
    let (one, two) = (Provider::new(at), Provider::new(at));
    let pool = one.pool("IPV4_PUBLIC", "203.0.113.0/24", &json!({}));
    let path = format!("/api/v1/ip-management/pools/{pool}");
    for name in [&one.space.id, &one.space.name] {
        let answer = one
            .client()
            .request(reqwest::Method::GET, &path)
            .header("x-address-space", name)
            .send();
        assert_eq!(answer.expect(200).json()["id"], json!(pool));
    }
    // The administrator sees several.
    one.client().get(&path).refused(400, "AddressSpaceRequired");
    // In another space the pool is not there.
    two.get(&format!("/ip-management/pools/{pool}"))
        .refused(404, "NotFound");
    let grant = crate::support::Grant::new("AddressSpaceOperator", &one.space.id);
    let operator = at.user(&[grant]);
    assert_eq!(
        operator.client.get(&path).ok()["id"],
        json!(pool),
        "their only space"
    );
    operator
        .client
        .get(&format!("{path}?addressSpaceId={}", two.space.id))
        .refused(404, "NotFound");
}

fn what_a_get_of_a_pool_returned_can_be_put_back(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool(
        "IPV4_PUBLIC",
        "203.0.113.0/30",
        &json!({ "vlanId": 7, "siteId": "paris" }),
    );
    for subscriber in ["a", "b"] {
        isp.post(
            &format!("/ip-management/subscribers/{subscriber}/assign-ip"),
            &json!({}),
        )
        .made();
    }
    let got = isp.pool_now(&pool);
    assert_eq!(got["status"], "DEPLETED");
    let put = isp.put(&format!("/ip-management/pools/{pool}"), &got).ok();
    assert_eq!(put, got);
    let mut wrong = got;
    wrong["assignedCount"] = json!("7");
    isp.put(&format!("/ip-management/pools/{pool}"), &wrong)
        .refused(400, "ReadOnlyField");
}

fn the_life_of_an_address_is_told_after_everything_is_gone(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool("IPV4_PUBLIC", "203.0.113.0/30", &json!({ "restDays": 0 }));
    for subscriber in ["ada", "bob"] {
        isp.post(
            &format!("/ip-management/subscribers/{subscriber}/assign-ip"),
            &json!({}),
        )
        .made();
        let body = json!({ "reason": format!("{subscriber} moved") });
        isp.post(
            &format!("/ip-management/subscribers/{subscriber}/release-ip"),
            &body,
        )
        .ok();
    }
    isp.delete(&format!("/ip-management/pools/{pool}")).expect(204);
    let life = isp.get("/ip-management/addresses/203.0.113.1/history").ok();
    let told: Vec<_> = life
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["subscriberId"].clone(), one["events"][1]["reason"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!("ada"), json!("ada moved")),
            (json!("bob"), json!("bob moved"))
        ]
    );
}

fn many_clients_at_once_never_get_one_address_twice(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool("IPV4_PRIVATE", "10.0.0.0/22", &json!({}));
    let (isp, pool) = (&isp, &pool);
    let mut given: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..16)
            .map(|client| {
                scope.spawn(move || {
                    let ask = |number: usize| {
                        let path = format!("/ip-management/subscribers/c{client}-{number}/assign-ip");
                        let made = isp.post(&path, &json!({ "poolId": pool })).made();
                        made["ipAddress"].as_str().unwrap().to_owned()
                    };
                    (0..20).map(ask).collect::<Vec<_>>()
                })
            })
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    given.sort();
    let all = given.len();
    given.dedup();
    assert_eq!((given.len(), all), (320, 320));
    assert_eq!(counts(&isp.pool_now(pool))[1], 320);
}
