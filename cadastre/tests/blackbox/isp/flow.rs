//! The use cases of a subscriber from one end to the other.

use super::{Provider, counts};
use crate::support::{Deployment, claims, json, unique};

claims! {
    both: [
        a_subscriber_is_provisioned_with_everything_that_the_plan_includes,
        a_plan_upgrade_adds_a_static_address_and_a_downgrade_releases_it,
        the_termination_of_a_subscriber_releases_its_addresses,
    ],
    one: [
        a_subscriber_shows_what_it_holds_and_nodes_show_whose_they_are,
        a_use_case_sent_again_changes_nothing,
        a_password_is_kept_and_never_answered,
        the_policy_takes_the_pool_of_the_subscribers_region,
        a_template_reserves_what_a_site_needs_once,
    ],
}

/// Pools of addresses, of prefixes and of VLANs.
fn equipped(at: &Deployment) -> (Provider, String, String) {
    let isp = Provider::new(at);
    let v4 = isp.pool(
        "IPV4_PUBLIC",
        "203.0.113.0/24",
        &json!({ "gateway": "203.0.113.1" }),
    );
    let pd = isp.pool("IPV6_PREFIX_DELEGATION", "2001:db8::/40", &json!({}));
    let vlans = json!({
        "name": "olt-1", "domain": "olt-1", "outer": { "first": 100, "last": 110 }, "inner": { "first": 1, "last": 4094 },
    });
    isp.post("/vlan-pools", &vlans).made();
    (isp, v4, pd)
}

fn a_subscriber_is_provisioned_with_everything_that_the_plan_includes(at: &Deployment) {
    let (isp, v4, _) = equipped(at);
    let plan =
        isp.plan(&json!({ "staticIp": true, "ipv6Pd": true, "vlan": "QINQ", "downloadKbps": 100_000 }));
    let body =
        json!({ "id": "sub-1", "username": "ada@isp.example", "password": "s3cret", "accessNode": "olt-1" });
    isp.post("/subscribers", &body).made();
    let done = isp.use_case("sub-1", "provision", &json!({ "planId": plan }));
    assert_eq!(
        (&done["subscriber"]["status"], &done["changed"]),
        (&json!("ACTIVE"), &json!(true))
    );
    assert_eq!(isp.held("sub-1"), ["203.0.113.2", "2001:db8::/56"]);
    let profile = isp.get("/subscribers/sub-1/network-profile").ok();
    assert_eq!(
        (&profile["staticIpv4"], &profile["ipv6Mode"]),
        (&json!("203.0.113.2"), &json!("DUAL_STACK"))
    );
    assert_eq!(
        (&profile["sVlan"], &profile["cVlan"]),
        (&json!(100), &json!(1)),
        "{profile}"
    );
    assert_eq!(counts(&isp.pool_now(&v4))[1], 1);
    let recent = isp.get("/ip-management/stats").ok();
    assert_eq!(recent["recentAssignments"].as_array().unwrap().len(), 2);
}

fn a_plan_upgrade_adds_a_static_address_and_a_downgrade_releases_it(at: &Deployment) {
    let (isp, v4, _) = equipped(at);
    let (bare, full) = (isp.plan(&json!({})), isp.plan(&json!({ "staticIp": true })));
    let subscriber = isp.subscriber();
    isp.use_case(&subscriber, "provision", &json!({ "planId": bare }));
    assert_eq!(isp.held(&subscriber), Vec::<String>::new());
    isp.use_case(&subscriber, "change-plan", &json!({ "planId": full }));
    assert_eq!(isp.held(&subscriber), ["203.0.113.2"]);
    isp.use_case(&subscriber, "change-plan", &json!({ "planId": bare }));
    assert_eq!(isp.held(&subscriber), Vec::<String>::new());
    assert_eq!(counts(&isp.pool_now(&v4)), [0, 0, 1, 1, 252]);
    let profile = isp
        .get(&format!("/subscribers/{subscriber}/network-profile"))
        .ok();
    assert_eq!(profile.get("staticIpv4"), None);
}

fn the_termination_of_a_subscriber_releases_its_addresses(at: &Deployment) {
    let (isp, v4, pd) = equipped(at);
    let plan = isp.plan(&json!({ "staticIp": true, "ipv6Pd": true }));
    let subscriber = isp.subscriber();
    isp.use_case(&subscriber, "provision", &json!({ "planId": plan }));
    isp.use_case(&subscriber, "suspend", &json!({ "reason": "unpaid" }));
    assert_eq!(
        isp.held(&subscriber).len(),
        2,
        "a suspended subscriber keeps everything"
    );
    let done = isp.use_case(&subscriber, "terminate", &json!({ "reason": "left" }));
    assert_eq!(done["subscriber"]["status"], "TERMINATED");
    assert_eq!(isp.held(&subscriber), Vec::<String>::new());
    for pool in [v4, pd] {
        assert_eq!(counts(&isp.pool_now(&pool))[2], 1);
    }
    isp.get(&format!("/subscribers/{subscriber}/network-profile"))
        .refused(404, "NotFound");
    isp.delete(&format!("/subscribers/{subscriber}")).expect(204);
}

fn a_use_case_sent_again_changes_nothing(at: &Deployment) {
    let (isp, _, _) = equipped(at);
    let plan = isp.plan(&json!({ "staticIp": true, "ipv6Pd": true }));
    let subscriber = isp.subscriber();
    for (what, body) in [
        ("provision", json!({ "planId": plan })),
        ("suspend", json!({})),
        ("resume", json!({})),
        ("terminate", json!({})),
    ] {
        assert_eq!(isp.use_case(&subscriber, what, &body)["changed"], true, "{what}");
        let before = isp.space.get("/changes?since=0&limit=1000").ok();
        let again = isp.use_case(&subscriber, what, &body);
        assert_eq!(again["changed"], false, "{what}: {again}");
        assert_eq!(
            isp.space.get("/changes?since=0&limit=1000").ok(),
            before,
            "{what}"
        );
    }
}

fn a_password_is_kept_and_never_answered(at: &Deployment) {
    let isp = Provider::new(at);
    let secret = unique("Pa55word");
    let body = json!({ "id": "sub-1", "username": "ada", "password": secret });
    let made = isp.post("/subscribers", &body).made();
    assert_eq!(made["hasPassword"], true);
    let everything = [
        made.to_string(),
        isp.get("/subscribers/sub-1").ok().to_string(),
        isp.get("/subscribers").ok().to_string(),
        isp.space.get("/changes?since=0").ok().to_string(),
    ];
    for text in everything {
        assert!(!text.contains(&secret), "{text}");
    }
    let none = isp
        .put(
            "/subscribers/sub-1",
            &json!({ "username": "ada", "password": null }),
        )
        .ok();
    assert_eq!(none["hasPassword"], false);
}

fn the_policy_takes_the_pool_of_the_subscribers_region(at: &Deployment) {
    let isp = Provider::new(at);
    isp.space.tag("Region");
    isp.pool(
        "IPV4_PUBLIC",
        "198.51.100.0/24",
        &json!({ "tags": { "Region": "north" } }),
    );
    isp.pool(
        "IPV4_PUBLIC",
        "203.0.113.0/24",
        &json!({ "tags": { "Region": "south" } }),
    );
    let rule =
        json!({ "name": "the own region", "poolType": "IPV4_PUBLIC", "poolTags": { "Region": "{Region}" } });
    isp.put("/pool-policy", &json!({ "rules": [rule] })).ok();
    let plan = isp.plan(&json!({ "staticIp": true }));
    for (id, region, address) in [("s", "south", "203.0.113.1"), ("n", "north", "198.51.100.1")] {
        isp.post("/subscribers", &json!({ "id": id, "tags": { "Region": region } }))
            .made();
        isp.use_case(id, "provision", &json!({ "planId": plan }));
        assert_eq!(isp.held(id), [address]);
    }
    isp.post("/subscribers", &json!({ "id": "nowhere" })).made();
    isp.post("/subscribers/nowhere/provision", &json!({ "planId": plan }))
        .refused(409, "PoolNotUsable");
}

fn a_template_reserves_what_a_site_needs_once(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool("IPV4_PRIVATE", "10.0.0.0/28", &json!({}));
    let template = json!({
        "name": "pop", "siteType": "pop",
        "items": [
            { "role": "switch", "ipType": "ipv4", "count": 2 },
            { "role": "router", "ipType": "ipv4", "offset": 1 },
        ],
    });
    let made = isp.post("/reservation-templates", &template).made();
    let path = format!("/reservation-templates/{}/apply", made["id"].as_str().unwrap());
    let body = json!({ "siteId": "paris-1", "poolId": pool });
    let dry = isp.post(&format!("{path}?dryRun=true"), &body).ok();
    assert!(dry["changes"].as_array().unwrap().len() >= 3, "{dry}");
    assert_eq!(counts(&isp.pool_now(&pool))[0], 0);
    for _ in 0..2 {
        isp.post(&path, &body).made();
        assert_eq!(counts(&isp.pool_now(&pool))[0], 3);
    }
    let found = isp
        .get(&format!("/ip-management/reservations?poolId={pool}"))
        .ok();
    let holders: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["subscriberId"].clone())
        .collect();
    assert_eq!(
        holders,
        ["paris-1/router", "paris-1/switch-1", "paris-1/switch-2"]
    );
}

fn a_subscriber_shows_what_it_holds_and_nodes_show_whose_they_are(at: &Deployment) {
    let (isp, v4, _) = equipped(at);
    let plan = isp.plan(&json!({ "staticIp": true, "ipv6Pd": true }));
    let id = isp.subscriber();
    let path = format!("/subscribers/{id}");
    assert_eq!(isp.get(&path).ok()["staticIpv4"], json!(null));
    let done = isp.use_case(&id, "provision", &json!({ "planId": plan }));
    let shown = isp.get(&path).ok();
    assert_eq!(
        (&shown["staticIpv4"], &shown["ipv6Prefix"]),
        (&json!("203.0.113.2"), &json!("2001:db8::/56"))
    );
    assert_eq!(done["subscriber"], shown);
    let listed = isp.get("/subscribers").ok();
    assert!(listed.as_array().unwrap().contains(&shown), "{listed}");
    // What GET returned can be put back; what is assigned is not changed that way.
    assert_eq!(isp.put(&path, &shown).ok(), shown);
    let mut other = shown;
    other["staticIpv4"] = json!("203.0.113.9");
    isp.put(&path, &other).refused(400, "ReadOnlyField");

    let network = isp.space.by_prefix("203.0.113.0/24");
    assert_eq!(network["poolId"], json!(v4));
    let node = isp.space.by_prefix("203.0.113.2/32");
    assert_eq!(node["reservationId"], done["reservations"][0]["id"], "{node}");
    assert_eq!(node["poolId"], json!(null));
    let path = format!("/ips/{}", network["id"].as_str().unwrap());
    assert_eq!(isp.space.put(&path, &network).ok()["poolId"], json!(v4));

    isp.use_case(&id, "terminate", &json!({}));
    let ended = isp.get(&format!("/subscribers/{id}")).ok();
    assert_eq!(
        (&ended["staticIpv4"], &ended["ipv6Prefix"]),
        (&json!(null), &json!(null))
    );
}
