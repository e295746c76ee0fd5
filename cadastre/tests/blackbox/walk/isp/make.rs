//! What the calls of the provider's side need: made by an administrator, in everybody's subtree.

use std::sync::atomic::{AtomicU32, Ordering};

use super::super::actors::{Actor, Cast};
use super::{POOLS, RESERVATIONS};
use crate::support::{Answer, Value, json, unique};

/// A path with the space that is called.
pub(super) fn at(cast: &Cast<'_>, path: &str) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}addressSpaceId={}", cast.space.id)
}

pub(super) fn get(cast: &Cast<'_>, actor: &Actor, path: &str) -> Answer {
    actor.client.get(&at(cast, path))
}

pub(super) fn post(cast: &Cast<'_>, actor: &Actor, path: &str, body: &Value) -> Answer {
    actor.client.post(&at(cast, path), body)
}

/// Made by an administrator.
pub(super) fn make(cast: &Cast<'_>, path: &str, body: &Value) -> Value {
    cast.at.admin().post(&at(cast, path), body).made()
}

pub(super) fn id(made: &Value) -> &str {
    made["id"].as_str().unwrap()
}

pub(super) fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A pool of six addresses in everybody's subtree.
pub(super) fn new_pool() -> Value {
    let number = next();
    let network = format!("10.1.{}.{}/29", 200 + number / 32 % 56, number % 32 * 8);
    json!({ "poolName": unique("pool"), "poolType": "IPV4_PRIVATE", "networkCidr": network })
}

pub(super) fn pool_id(cast: &Cast<'_>) -> String {
    id(&make(cast, POOLS, &new_pool())).to_owned()
}

pub(super) fn pool(cast: &Cast<'_>) -> String {
    format!("{POOLS}/{}", pool_id(cast))
}

pub(super) fn held(cast: &Cast<'_>) -> Value {
    let body = json!({ "poolId": pool_id(cast), "subscriberId": unique("s") });
    make(cast, RESERVATIONS, &body)
}

pub(super) fn reservation(cast: &Cast<'_>) -> String {
    format!("{RESERVATIONS}/{}", id(&held(cast)))
}

pub(super) fn holder(cast: &Cast<'_>) -> String {
    held(cast)["subscriberId"].as_str().unwrap().to_owned()
}

/// The alert of a pool that has nothing left.
pub(super) fn alert(cast: &Cast<'_>) -> String {
    let pool = pool_id(cast);
    for _ in 0..6 {
        make(
            cast,
            RESERVATIONS,
            &json!({ "poolId": pool, "subscriberId": unique("s") }),
        );
    }
    let path = format!("/api/v1/ip-management/alerts?poolId={pool}");
    let alerts = cast.at.admin().get(&at(cast, &path)).ok();
    format!("/api/v1/ip-management/alerts/{}", id(&alerts[0]))
}

pub(super) fn subscriber(cast: &Cast<'_>) -> String {
    let made = make(cast, "/api/v1/subscribers", &json!({ "id": unique("s") }));
    format!("/api/v1/subscribers/{}", id(&made))
}

pub(super) fn in_service(cast: &Cast<'_>) -> String {
    let path = subscriber(cast);
    let body = json!({ "planId": plan_id(cast) });
    cast.at
        .admin()
        .post(&at(cast, &format!("{path}/provision")), &body)
        .ok();
    path
}

pub(super) fn profile(cast: &Cast<'_>) -> String {
    let path = format!("{}/network-profile", subscriber(cast));
    let body = json!({ "circuitId": unique("c") });
    cast.at.admin().put(&at(cast, &path), &body).ok();
    path
}

pub(super) fn plan_id(cast: &Cast<'_>) -> String {
    let made = make(
        cast,
        "/api/v1/plans",
        &json!({ "name": unique("p"), "features": {} }),
    );
    id(&made).to_owned()
}

pub(super) fn plan(cast: &Cast<'_>) -> String {
    format!("/api/v1/plans/{}", plan_id(cast))
}

pub(super) fn new_vlan_pool() -> Value {
    json!({ "name": unique("v"), "domain": unique("olt"), "outer": { "first": 100, "last": 199 } })
}

pub(super) fn vlan_pool(cast: &Cast<'_>) -> String {
    format!(
        "/api/v1/vlan-pools/{}",
        id(&make(cast, "/api/v1/vlan-pools", &new_vlan_pool()))
    )
}

pub(super) fn new_template() -> Value {
    json!({ "name": unique("t"), "siteType": "pop", "items": [{ "role": "router", "ipType": "ipv4" }] })
}

pub(super) fn template(cast: &Cast<'_>) -> String {
    let made = make(cast, "/api/v1/reservation-templates", &new_template());
    format!("/api/v1/reservation-templates/{}", id(&made))
}

/// Nobody is there, and nobody may be called there.
pub(super) fn new_webhook() -> Value {
    json!({ "name": unique("w"), "url": "http://127.0.0.1:9/", "events": ["alert.cleared"] })
}

pub(super) fn webhook(cast: &Cast<'_>) -> String {
    format!(
        "/api/v1/webhooks/{}",
        id(&make(cast, "/api/v1/webhooks", &new_webhook()))
    )
}

/// An entry for a webhook that is told of subscribers, and of nothing any more.
pub(super) fn entry(cast: &Cast<'_>) -> String {
    let mut hook = new_webhook();
    hook["events"] = json!(["subscriber.created"]);
    let made = make(cast, "/api/v1/webhooks", &hook);
    subscriber(cast);
    cast.at
        .admin()
        .delete(&at(cast, &format!("/api/v1/webhooks/{}", id(&made))));
    let entries = cast.at.admin().get(&at(cast, "/api/v1/outbox?limit=1")).ok();
    format!("/api/v1/outbox/{}", id(&entries[0]))
}

/// A small plan; it lies in nobody's subtree.
pub(super) fn addressing() -> Value {
    json!({
        "networkCidr": "2001:db8::/40", "levels": [{ "name": "site", "count": 2 }], "subscriberPrefixLength": 56,
        "subscribersPerLeaf": 100,
    })
}
