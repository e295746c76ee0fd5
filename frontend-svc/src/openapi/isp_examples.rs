//! Examples of the provider's side: one small provider that fits together.

use serde_json::{Value, json};

const SPACE: &str = "0198a2b4-5c6d-7e8f-9012-3456789abcde";
const NODE: &str = "0198a2b4-7777-7abc-8def-0123456789ab";
const POOL: &str = "0198a2b4-aaaa-7abc-8def-0123456789ab";
const RESERVATION: &str = "0198a2b4-bbbb-7abc-8def-0123456789ab";
const ALERT: &str = "0198a2b4-cccc-7abc-8def-0123456789ab";
const PLAN: &str = "0198a2b4-dddd-7abc-8def-0123456789ab";
const VLAN_POOL: &str = "0198a2b4-eeee-7abc-8def-0123456789ab";
const BINDING: &str = "0198a2b4-ffff-7abc-8def-0123456789ab";
const TEMPLATE: &str = "0198a2b5-1111-7abc-8def-0123456789ab";
const WEBHOOK: &str = "0198a2b5-2222-7abc-8def-0123456789ab";
const ENTRY: &str = "0198a2b5-3333-7abc-8def-0123456789ab";
const CREATED: &str = "2026-01-31T09:30:00.123456Z";
const MODIFIED: &str = "2026-02-01T08:00:00.5Z";

fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

/// Body that makes a pool.
pub(crate) fn pool_create() -> Value {
    json!({
        "poolName": "Static residential",
        "poolType": "IPV4_PUBLIC",
        "networkCidr": "203.0.113.0/24",
        "gateway": "203.0.113.1",
        "dnsServers": ["192.0.2.53"],
        "exclusions": ["203.0.113.250-203.0.113.254"],
        "siteId": "ams-3",
        "costPerAddressMonth": "0.35",
        "currency": "EUR",
    })
}

/// Body that changes it.
pub(crate) fn pool_update() -> Value {
    json!({ "poolName": "Static residential", "gateway": "203.0.113.1", "status": "MAINTENANCE", "warnPercent": 90 })
}

/// A pool.
pub(crate) fn pool() -> Value {
    with(
        pool_create(),
        json!({
            "id": POOL,
            "addressSpaceId": SPACE,
            "nodeId": NODE,
            "status": "ACTIVE",
            "autoAssignEnabled": true,
            "allowManualReservation": true,
            "description": "",
            "allocation": "sequential",
            "exclusions": ["203.0.113.250/31", "203.0.113.252/31", "203.0.113.254"],
            "restDays": 30,
            "warnPercent": 80,
            "tags": { "Region": "EuropeWest" },
            "resolvedTags": { "Region": "EuropeWest" },
            "totalAddresses": "254",
            "reservedCount": "2",
            "assignedCount": "121",
            "restingCount": "1",
            "excludedCount": "6",
            "availableCount": "124",
            "utilizationPercent": 50.0,
            "createdAt": CREATED,
            "updatedAt": MODIFIED,
        }),
    )
}

/// How full it is.
pub(crate) fn utilization() -> Value {
    let projected = json!({
        "poolId": POOL,
        "projectedDepletionDate": null,
        "projection": {
            "reason": "Whole days since the first assignment: 4. A forecast takes 7; ask again in 3 days.",
        },
    });
    with(projected, numbers())
}

fn numbers() -> Value {
    json!({
        "total": "254",
        "reserved": "2",
        "assigned": "121",
        "resting": "1",
        "excluded": "6",
        "available": "124",
        "utilizationPercent": 50.0,
    })
}

/// It in numbers.
pub(crate) fn pool_stats() -> Value {
    json!({
        "poolId": POOL,
        "poolName": "Static residential",
        "poolType": "IPV4_PUBLIC",
        "status": "ACTIVE",
        "utilization": utilization(),
        "days": [{ "date": "2026-11-21", "taken": "4", "givenBack": "1" }],
        "openAlerts": 0,
    })
}

/// What it would hand out.
pub(crate) fn available() -> Value {
    json!({ "poolId": POOL, "availableIps": ["203.0.113.130", "203.0.113.131"], "availableCount": "124" })
}

/// Body that reserves.
pub(crate) fn reservation_create() -> Value {
    json!({ "subscriberId": "sub-4711", "poolId": POOL, "ipAddress": "203.0.113.9", "assignmentReason": "order 8812" })
}

/// Body that reserves many.
pub(crate) fn reservation_bulk() -> Value {
    json!({ "items": [reservation_create(), { "subscriberId": "sub-4712", "ipType": "ipv4", "assign": true }] })
}

/// A reservation.
pub(crate) fn reservation() -> Value {
    json!({
        "id": RESERVATION,
        "poolId": POOL,
        "subscriberId": "sub-4711",
        "ipAddress": "203.0.113.9",
        "ipType": "ipv4",
        "status": "RESERVED",
        "reservedAt": CREATED,
        "assignedBy": "ada",
        "assignmentReason": "order 8812",
        "notes": "",
        "forced": false,
        "netboxSynced": false,
        "events": [{ "at": CREATED, "event": "RESERVED", "by": "ada", "reason": "order 8812" }],
        "createdAt": CREATED,
        "updatedAt": CREATED,
    })
}

/// The same in use.
pub(crate) fn assigned() -> Value {
    with(
        reservation(),
        json!({ "status": "ASSIGNED", "assignedAt": MODIFIED, "updatedAt": MODIFIED }),
    )
}

/// The same given back.
pub(crate) fn released() -> Value {
    with(
        assigned(),
        json!({ "status": "RELEASED", "releasedAt": "2026-03-01T10:00:00Z", "restsUntil": "2026-03-31T10:00:00Z" }),
    )
}

/// What was released.
pub(crate) fn released_list() -> Value {
    json!({ "released": [released()] })
}

/// Body that checks an address.
pub(crate) fn conflict_check() -> Value {
    json!({ "ipAddress": "203.0.113.9", "poolId": POOL, "subscriberId": "sub-4712" })
}

/// A conflict.
pub(crate) fn conflict() -> Value {
    json!({
        "ipAddress": "203.0.113.9",
        "conflictType": "RESERVATION",
        "severity": "CRITICAL",
        "message": "203.0.113.9 is in use by sub-4711 in the pool Static residential.",
        "existingReservation": assigned(),
        "subscriberId": "sub-4711",
        "canForce": false,
        "suggestion": {
            "action": "USE_ANOTHER",
            "message": "Take another address, or release it from its holder first.",
            "ipAddress": "203.0.113.130",
        },
    })
}

/// What was found.
pub(crate) fn conflict_report() -> Value {
    json!({
        "ipAddress": "203.0.113.9",
        "poolId": POOL,
        "conflicts": [conflict()],
        "available": false,
        "unavailableSources": [],
    })
}

/// All pools in numbers.
pub(crate) fn stats() -> Value {
    let family = |pools: u64| json!({ "pools": pools, "numbers": numbers() });
    json!({
        "totalPools": 1,
        "totals": numbers(),
        "byType": [{ "poolType": "IPV4_PUBLIC", "pools": 1, "numbers": numbers() }],
        "ipv4": family(1),
        "ipv6": family(0),
        "topPools": [{
            "poolId": POOL,
            "poolName": "Static residential",
            "poolType": "IPV4_PUBLIC",
            "networkCidr": "203.0.113.0/24",
            "utilizationPercent": 50.0,
            "available": "124",
        }],
        "recentAssignments": [assigned()],
        "openAlerts": 1,
    })
}

/// An alert.
pub(crate) fn alert() -> Value {
    json!({
        "id": ALERT,
        "kind": "POOL_UTILIZATION",
        "poolId": POOL,
        "poolName": "Static residential",
        "state": "RAISED",
        "thresholdPercent": 80,
        "used": "199",
        "usable": "248",
        "raisedAt": CREATED,
        "updatedAt": CREATED,
    })
}

/// What pools cost.
pub(crate) fn costs() -> Value {
    json!({
        "from": "2026-11-01T00:00:00Z",
        "to": "2026-12-01T00:00:00Z",
        "lines": [{
            "month": "2026-11",
            "poolId": POOL,
            "poolName": "Static residential",
            "heldSeconds": "129600000",
            "reservations": 50,
            "costPerAddressMonth": "0.35",
            "currency": "EUR",
            "amount": "17.50",
        }],
        "totals": [{ "currency": "EUR", "amount": "17.50" }],
    })
}

/// Body that makes a subscriber.
pub(crate) fn subscriber_create() -> Value {
    json!({
        "id": "sub-4711",
        "username": "john.doe@isp.example",
        "password": "what the router sends",
        "serviceType": "RESIDENTIAL",
        "connectionType": "ftth",
        "siteId": "ams-3",
        "accessNode": "olt-ams-3",
        "cpeMacAddress": "00:1b:44:11:3a:b7",
        "tags": { "Region": "EuropeWest" },
    })
}

/// Body that changes it.
pub(crate) fn subscriber_update() -> Value {
    json!({ "username": "john.doe@isp.example", "serviceType": "BUSINESS", "siteId": "ams-3", "password": null })
}

/// A subscriber.
pub(crate) fn subscriber() -> Value {
    json!({
        "id": "sub-4711",
        "username": "john.doe@isp.example",
        "hasPassword": true,
        "status": "ACTIVE",
        "serviceType": "RESIDENTIAL",
        "planId": PLAN,
        "connectionType": "ftth",
        "siteId": "ams-3",
        "accessNode": "olt-ams-3",
        "cpeMacAddress": "00:1b:44:11:3a:b7",
        "tags": { "Region": "EuropeWest" },
        "notes": "",
        "activatedAt": MODIFIED,
        "createdAt": CREATED,
        "updatedAt": MODIFIED,
    })
}

/// Body that sets a network profile.
pub(crate) fn profile_write() -> Value {
    json!({
        "staticIpv4": "203.0.113.9",
        "ipv6Mode": "DUAL_STACK",
        "ipv6Prefix": "2001:db8:0:100::/56",
        "sVlan": 100,
        "cVlan": 7,
        "circuitId": "olt-ams-3/1/1/4",
        "option82Policy": "ENFORCE",
    })
}

/// A network profile.
pub(crate) fn profile() -> Value {
    with(
        profile_write(),
        json!({ "subscriberId": "sub-4711", "dnsServers": [], "createdAt": CREATED, "updatedAt": MODIFIED }),
    )
}

/// Body that provisions.
pub(crate) fn provision() -> Value {
    json!({ "planId": PLAN, "ipv4PoolId": POOL, "reason": "order 8812" })
}

/// A subscriber with all it has.
pub(crate) fn subscriber_state() -> Value {
    json!({
        "subscriber": subscriber(),
        "reservations": [assigned()],
        "networkProfile": profile(),
        "vlans": [binding()],
        "changed": true,
    })
}

/// Body that makes a plan.
pub(crate) fn plan_create() -> Value {
    json!({
        "name": "Fibre 1000 static",
        "serviceType": "RESIDENTIAL",
        "features": { "staticIp": true, "ipv6Pd": true, "ipv6PdLength": 56, "vlan": "QINQ", "downloadKbps": 1_000_000 },
        "bandwidthProfileId": "fibre-1000",
    })
}

/// A plan.
pub(crate) fn plan() -> Value {
    with(
        plan_create(),
        json!({ "id": PLAN, "description": "", "active": true, "createdAt": CREATED, "updatedAt": CREATED }),
    )
}

/// Body that makes a VLAN pool.
pub(crate) fn vlan_pool_create() -> Value {
    json!({
        "name": "OLT Amsterdam 3",
        "domain": "olt-ams-3",
        "outer": { "first": 100, "last": 199 },
        "inner": { "first": 1, "last": 4094 },
    })
}

/// A VLAN pool.
pub(crate) fn vlan_pool() -> Value {
    with(
        vlan_pool_create(),
        json!({ "id": VLAN_POOL, "description": "", "total": 409_400, "createdAt": CREATED, "updatedAt": CREATED }),
    )
}

/// A VLAN that somebody has.
pub(crate) fn binding() -> Value {
    json!({
        "id": BINDING,
        "poolId": VLAN_POOL,
        "domain": "olt-ams-3",
        "sVlan": 100,
        "cVlan": 7,
        "subscriberId": "sub-4711",
        "createdAt": CREATED,
        "updatedAt": CREATED,
    })
}

/// Body that makes a template.
pub(crate) fn template_create() -> Value {
    json!({
        "name": "Small PoP",
        "siteType": "pop",
        "items": [{ "role": "router", "ipType": "ipv4", "offset": 1 }, { "role": "switch", "ipType": "ipv4", "count": 2 }],
    })
}

/// A template.
pub(crate) fn template() -> Value {
    with(
        template_create(),
        json!({ "id": TEMPLATE, "description": "", "createdAt": CREATED, "updatedAt": CREATED }),
    )
}

/// Body that makes a webhook.
pub(crate) fn webhook_create() -> Value {
    json!({
        "name": "billing",
        "url": "https://billing.example/hooks/cadastre",
        "events": ["subscriber.*"],
        "secret": "sixteen letters or more",
    })
}

/// A webhook.
pub(crate) fn webhook() -> Value {
    json!({
        "id": WEBHOOK,
        "name": "billing",
        "url": "https://billing.example/hooks/cadastre",
        "events": ["subscriber.*"],
        "hasSecret": true,
        "active": true,
        "createdAt": CREATED,
        "updatedAt": CREATED,
    })
}

/// Rules of pool selection.
pub(crate) fn policy_write() -> Value {
    json!({ "rules": [{ "name": "by region", "poolType": "IPV4_PUBLIC", "poolTags": { "Region": "{Region}" } }] })
}

/// The same as they are answered.
pub(crate) fn policy() -> Value {
    json!({
        "rules": [{
            "name": "by region",
            "planIds": [],
            "siteIds": [],
            "serviceTypes": [],
            "subscriberTags": {},
            "poolType": "IPV4_PUBLIC",
            "poolIds": [],
            "poolTags": { "Region": "{Region}" },
            "sameSite": false,
        }],
        "updatedAt": MODIFIED,
    })
}

/// An entry of the outbox.
pub(crate) fn outbox_entry() -> Value {
    json!({
        "id": ENTRY,
        "target": { "webhookId": WEBHOOK },
        "event": "subscriber.provisioned",
        "version": 42,
        "payload": { "subscriberId": "sub-4711" },
        "state": "PENDING",
        "attempts": 1,
        "nextAttemptAt": MODIFIED,
        "lastError": "the server answered 503",
        "createdAt": CREATED,
        "updatedAt": MODIFIED,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadastre_api_types::public::isp::*;

    #[test]
    fn the_examples_are_of_their_types() -> Result<(), serde_json::Error> {
        serde_json::from_value::<PoolCreate>(pool_create())?;
        serde_json::from_value::<PoolUpdate>(pool_update())?;
        serde_json::from_value::<Pool>(pool())?;
        serde_json::from_value::<PoolUpdate>(pool())?;
        serde_json::from_value::<PoolUtilization>(utilization())?;
        serde_json::from_value::<PoolStats>(pool_stats())?;
        serde_json::from_value::<AvailableIps>(available())?;
        serde_json::from_value::<ReservationBulk>(reservation_bulk())?;
        serde_json::from_value::<Reservation>(released())?;
        serde_json::from_value::<ReservationUpdate>(released())?;
        serde_json::from_value::<Released>(released_list())?;
        serde_json::from_value::<ConflictCheck>(conflict_check())?;
        serde_json::from_value::<ConflictReport>(conflict_report())?;
        serde_json::from_value::<IpStats>(stats())?;
        serde_json::from_value::<Alert>(alert())?;
        serde_json::from_value::<CostReport>(costs())?;
        serde_json::from_value::<SubscriberCreate>(subscriber_create())?;
        serde_json::from_value::<SubscriberUpdate>(subscriber_update())?;
        serde_json::from_value::<SubscriberUpdate>(subscriber())?;
        serde_json::from_value::<NetworkProfileWrite>(profile())?;
        serde_json::from_value::<Provision>(provision())?;
        serde_json::from_value::<SubscriberState>(subscriber_state())?;
        serde_json::from_value::<ServicePlanCreate>(plan_create())?;
        serde_json::from_value::<ServicePlanUpdate>(plan())?;
        serde_json::from_value::<ServicePlan>(plan())?;
        serde_json::from_value::<VlanPoolCreate>(vlan_pool_create())?;
        serde_json::from_value::<VlanPoolUpdate>(vlan_pool())?;
        serde_json::from_value::<VlanPool>(vlan_pool())?;
        serde_json::from_value::<ReservationTemplateCreate>(template_create())?;
        serde_json::from_value::<ReservationTemplateUpdate>(template())?;
        serde_json::from_value::<WebhookCreate>(webhook_create())?;
        serde_json::from_value::<WebhookUpdate>(webhook())?;
        serde_json::from_value::<PoolPolicyWrite>(policy_write())?;
        serde_json::from_value::<PoolPolicyWrite>(policy())?;
        serde_json::from_value::<OutboxEntry>(outbox_entry())?;
        Ok(())
    }
}
