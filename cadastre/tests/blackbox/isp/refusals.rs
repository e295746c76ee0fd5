//! What is refused with a clear error, and that nothing has changed then.

use super::Provider;
use crate::support::{Deployment, claims, json};

claims! {
    both: [],
    one: [
        bad_pools_are_refused_field_by_field,
        bad_reservations_are_refused_and_change_nothing,
        bad_vlans_plans_and_subscribers_are_refused,
        another_tenant_sees_nothing_and_touches_nothing,
        only_who_may_force_can_force,
    ],
}

fn bad_pools_are_refused_field_by_field(at: &Deployment) {
    let isp = Provider::new(at);
    isp.pool("IPV4_PUBLIC", "203.0.113.0/24", &json!({}));
    let before = isp.space.dump();
    let good = json!({ "poolName": "p", "poolType": "IPV4_PUBLIC", "networkCidr": "198.51.100.0/24" });
    for (field, value, status, code) in [
        ("networkCidr", json!("203.0.113.128/25"), 409, "PoolOverlap"),
        ("networkCidr", json!("203.0.112.0/22"), 409, "PoolOverlap"),
        ("networkCidr", json!("198.51.100.7/24"), 400, "InvalidPrefix"),
        ("networkCidr", json!("2001:db8::/40"), 400, "InvalidValue"),
        ("gateway", json!("203.0.113.1"), 400, "InvalidValue"),
        ("gateway", json!("198.51.100.0"), 400, "InvalidValue"),
        ("vlanId", json!(0), 400, "InvalidValue"),
        ("vlanId", json!(4095), 400, "InvalidValue"),
        (
            "exclusions",
            json!(["203.0.113.1-203.0.113.9"]),
            400,
            "InvalidValue",
        ),
        ("warnPercent", json!(0), 400, "InvalidValue"),
        ("colour", json!("red"), 400, "UnknownField"),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let error = isp.post("/ip-management/pools", &body).refused(status, code);
        assert!(
            error["message"].as_str().unwrap().len() > 20,
            "{field} {value}: {error}"
        );
    }
    let pd = json!({ "poolName": "pd", "poolType": "IPV6_PREFIX_DELEGATION", "networkCidr": "2001:db8::/40", "delegatedPrefixLength": 40 });
    isp.post("/ip-management/pools", &pd).refused(400, "InvalidValue");
    assert_eq!(isp.space.dump(), before);
}

fn bad_reservations_are_refused_and_change_nothing(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool("IPV4_PUBLIC", "203.0.113.0/24", &json!({}));
    let before = isp.pool_now(&pool);
    for (more, code) in [
        (json!({ "ipAddress": "198.51.100.1" }), "InvalidValue"),
        (json!({ "ipAddress": "203.0.113.255" }), "InvalidValue"),
        (json!({ "ipAddress": "203.0.113.300" }), "InvalidPrefix"),
        (json!({ "expiresAt": "2020-01-01T00:00:00Z" }), "InvalidValue"),
        (json!({ "prefixLength": 24 }), "InvalidValue"),
        (json!({ "subscriberId": "" }), "InvalidValue"),
    ] {
        let mut body = json!({ "poolId": pool, "subscriberId": "ada" });
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        let answer = isp.post("/ip-management/reservations", &body);
        let got = answer.error()["code"].as_str().unwrap_or_default().to_owned();
        assert!(
            answer.status == 400 && (got == code || got == "InvalidName" || got == "InvalidValue"),
            "{more}: {got}"
        );
    }
    assert_eq!(isp.pool_now(&pool), before);
}

fn bad_vlans_plans_and_subscribers_are_refused(at: &Deployment) {
    let isp = Provider::new(at);
    for outer in [
        json!({ "first": 0, "last": 10 }),
        json!({ "first": 1, "last": 4095 }),
        json!({ "first": 9, "last": 3 }),
    ] {
        let body = json!({ "name": "v", "domain": "olt", "outer": outer });
        isp.post("/vlan-pools", &body).refused(400, "InvalidValue");
    }
    let body = json!({ "name": "v", "domain": "olt", "outer": { "first": 1, "last": 9 }, "inner": { "first": 1, "last": 9 } });
    let pool = super::id(&isp.post("/vlan-pools", &body).made());
    for tag in [
        json!({ "port": "1", "sVlan": 3 }),
        json!({ "port": "1", "cVlan": 3 }),
    ] {
        isp.post(&format!("/vlan-pools/{pool}/allocate"), &tag)
            .refused(400, "InvalidValue");
    }
    let (one, two) = (isp.plan(&json!({})), isp.plan(&json!({})));
    let based = |on: &str, name: &str| json!({ "name": name, "features": {}, "basePlanId": on });
    isp.put(&format!("/plans/{one}"), &based(&two, "one")).ok();
    let error = isp
        .put(&format!("/plans/{two}"), &based(&one, "two"))
        .refused(400, "PlanLoop");
    assert!(error["message"].as_str().unwrap().contains("one"), "{error}");
    isp.post("/subscribers/nobody/terminate", &json!({}))
        .refused(404, "NotFound");
}

fn another_tenant_sees_nothing_and_touches_nothing(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool("IPV4_PUBLIC", "203.0.113.0/24", &json!({}));
    let subscriber = isp.subscriber();
    let tenant = at.space();
    let grant = crate::support::Grant::new("AddressSpaceAdmin", &tenant.id);
    let stranger = at.user(&[grant]).client;
    for path in [
        format!("/api/v1/ip-management/pools/{pool}"),
        format!("/api/v1/ip-management/pools/{pool}/utilization"),
        format!("/api/v1/subscribers/{subscriber}"),
    ] {
        // In their own space it is not there, and of the other space they know nothing.
        let own = stranger.get(&path).refused(404, "NotFound");
        stranger
            .get(&format!("{path}?addressSpaceId={}", isp.space.id))
            .refused(404, "NotFound");
        let unknown = path.replace(&pool, &uuid::Uuid::now_v7().to_string());
        let unknown = stranger
            .get(&unknown.replace(&subscriber, "nobody"))
            .refused(404, "NotFound");
        assert_eq!(own["message"], unknown["message"], "{path}");
    }
    let assign = format!("/api/v1/ip-management/subscribers/{subscriber}/assign-ip");
    stranger
        .post(&assign, &json!({ "poolId": pool }))
        .refused(404, "NotFound");
    stranger
        .post(&format!("/api/v1/subscribers/{subscriber}/terminate"), &json!({}))
        .refused(404, "NotFound");
    assert_eq!(super::counts(&isp.pool_now(&pool)), [0, 0, 0, 0, 254]);
}

fn only_who_may_force_can_force(at: &Deployment) {
    let isp = Provider::new(at);
    let pool = isp.pool("IPV4_PUBLIC", "203.0.113.0/24", &json!({}));
    isp.space.node("203.0.113.9/32", json!({}));
    let grant = crate::support::Grant::new("AddressSpaceOperator", &isp.space.id);
    let operator = at.user(&[grant]).client;
    let body = json!({ "poolId": pool, "subscriberId": "ada", "ipAddress": "203.0.113.9", "force": true });
    let error = operator
        .post(&isp.at("/ip-management/reservations"), &body)
        .refused(403, "Forbidden");
    assert_eq!(error["details"]["permission"], "isp.ipam.force");
    isp.post("/ip-management/reservations", &body).made();
    let changes = isp.space.get("/changes?since=0&limit=1000").ok();
    assert!(changes.to_string().contains("FORCED"), "the journal says so");
}
