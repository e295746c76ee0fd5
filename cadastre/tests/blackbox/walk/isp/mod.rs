//! The provider's side of the table: pools and reservations are in a part of the tree, subscribers and all that serves them
//! are of the whole space.

use super::actors::Rank;
use super::table::route;
use super::who::{Route, Who};
use crate::support::{json, unique};
use make::*;

mod make;

use Rank::{Admin, Operator, Viewer};
use Who::{In, InWhole};

const POOLS: &str = "/api/v1/ip-management/pools";
const RESERVATIONS: &str = "/api/v1/ip-management/reservations";

/// Every route of the provider's side.
pub(super) const ROUTES: &[Route] = &[
    route("GET", POOLS, In(Viewer), 200, |cast, actor| {
        get(cast, actor, POOLS)
    }),
    route("POST", POOLS, In(Operator), 201, |cast, actor| {
        actor.client.post(&at(cast, POOLS), &new_pool())
    }),
    route(
        "GET",
        "/api/v1/ip-management/pools/{poolId}",
        In(Viewer),
        200,
        |cast, actor| get(cast, actor, &pool(cast)),
    ),
    route(
        "PUT",
        "/api/v1/ip-management/pools/{poolId}",
        In(Operator),
        200,
        |cast, actor| {
            let path = pool(cast);
            let mut body = cast.at.admin().get(&at(cast, &path)).ok();
            body["description"] = json!(unique("d"));
            actor.client.put(&at(cast, &path), &body)
        },
    ),
    route(
        "DELETE",
        "/api/v1/ip-management/pools/{poolId}",
        In(Operator),
        204,
        |cast, actor| actor.client.delete(&at(cast, &pool(cast))),
    ),
    route(
        "GET",
        "/api/v1/ip-management/pools/{poolId}/utilization",
        In(Viewer),
        200,
        |cast, actor| get(cast, actor, &format!("{}/utilization", pool(cast))),
    ),
    route(
        "GET",
        "/api/v1/ip-management/pools/{poolId}/stats",
        In(Viewer),
        200,
        |cast, actor| get(cast, actor, &format!("{}/stats", pool(cast))),
    ),
    route(
        "GET",
        "/api/v1/ip-management/pools/{poolId}/available-ips",
        In(Viewer),
        200,
        |cast, actor| get(cast, actor, &format!("{}/available-ips", pool(cast))),
    ),
    route("GET", RESERVATIONS, In(Viewer), 200, |cast, actor| {
        get(cast, actor, RESERVATIONS)
    }),
    route("POST", RESERVATIONS, In(Operator), 201, |cast, actor| {
        let body = json!({ "poolId": pool_id(cast), "subscriberId": unique("s") });
        actor.client.post(&at(cast, RESERVATIONS), &body)
    }),
    route(
        "POST",
        "/api/v1/ip-management/reservations/bulk",
        In(Operator),
        201,
        |cast, actor| {
            let item = json!({ "poolId": pool_id(cast), "subscriberId": unique("s") });
            let path = at(cast, "/api/v1/ip-management/reservations/bulk");
            actor.client.post(&path, &json!({ "items": [item] }))
        },
    ),
    route(
        "GET",
        "/api/v1/ip-management/reservations/{reservationId}",
        In(Viewer),
        200,
        |cast, actor| get(cast, actor, &reservation(cast)),
    ),
    route(
        "PUT",
        "/api/v1/ip-management/reservations/{reservationId}",
        In(Operator),
        200,
        |cast, actor| {
            actor
                .client
                .put(&at(cast, &reservation(cast)), &json!({ "notes": unique("n") }))
        },
    ),
    route(
        "DELETE",
        "/api/v1/ip-management/reservations/{reservationId}",
        In(Operator),
        204,
        |cast, actor| actor.client.delete(&at(cast, &reservation(cast))),
    ),
    route(
        "POST",
        "/api/v1/ip-management/reservations/{reservationId}/assign",
        In(Operator),
        200,
        |cast, actor| post(cast, actor, &format!("{}/assign", reservation(cast)), &json!({})),
    ),
    route(
        "POST",
        "/api/v1/ip-management/reservations/{reservationId}/release",
        In(Operator),
        200,
        |cast, actor| post(cast, actor, &format!("{}/release", reservation(cast)), &json!({})),
    ),
    route(
        "POST",
        "/api/v1/ip-management/reservations/{reservationId}/extend",
        In(Operator),
        200,
        |cast, actor| {
            let body = json!({ "expiresAt": "2100-01-01T00:00:00Z" });
            post(cast, actor, &format!("{}/extend", reservation(cast)), &body)
        },
    ),
    route(
        "POST",
        "/api/v1/ip-management/subscribers/{subscriberId}/assign-ip",
        In(Operator),
        201,
        |cast, actor| {
            let path = format!("/api/v1/ip-management/subscribers/{}/assign-ip", unique("s"));
            post(cast, actor, &path, &json!({ "poolId": pool_id(cast) }))
        },
    ),
    route(
        "POST",
        "/api/v1/ip-management/subscribers/{subscriberId}/release-ip",
        In(Operator),
        200,
        |cast, actor| {
            let holder = holder(cast);
            let path = format!("/api/v1/ip-management/subscribers/{holder}/release-ip");
            post(cast, actor, &path, &json!({ "ipType": "ipv4" }))
        },
    ),
    route(
        "GET",
        "/api/v1/ip-management/subscribers/{subscriberId}/ips",
        In(Viewer),
        200,
        |cast, actor| {
            get(
                cast,
                actor,
                &format!("/api/v1/ip-management/subscribers/{}/ips", holder(cast)),
            )
        },
    ),
    route(
        "POST",
        "/api/v1/ip-management/check-conflicts",
        In(Viewer),
        200,
        |cast, actor| {
            let body = json!({ "ipAddress": "10.1.1.1" });
            post(cast, actor, "/api/v1/ip-management/check-conflicts", &body)
        },
    ),
    route(
        "GET",
        "/api/v1/ip-management/conflicts",
        In(Viewer),
        200,
        |cast, actor| get(cast, actor, "/api/v1/ip-management/conflicts"),
    ),
    route(
        "GET",
        "/api/v1/ip-management/stats",
        In(Viewer),
        200,
        |cast, actor| get(cast, actor, "/api/v1/ip-management/stats"),
    ),
    route(
        "GET",
        "/api/v1/ip-management/alerts",
        In(Viewer),
        200,
        |cast, actor| get(cast, actor, "/api/v1/ip-management/alerts"),
    ),
    route(
        "GET",
        "/api/v1/ip-management/alerts/{alertId}",
        In(Viewer),
        200,
        |cast, actor| get(cast, actor, &alert(cast)),
    ),
    route(
        "POST",
        "/api/v1/ip-management/alerts/{alertId}/acknowledge",
        In(Operator),
        200,
        |cast, actor| {
            let path = at(cast, &format!("{}/acknowledge", alert(cast)));
            actor.client.request(reqwest::Method::POST, &path).send()
        },
    ),
    route(
        "GET",
        "/api/v1/ip-management/reports/costs",
        In(Viewer),
        200,
        |cast, actor| get(cast, actor, "/api/v1/ip-management/reports/costs?month=2026-01"),
    ),
    route(
        "GET",
        "/api/v1/ip-management/reports/audit",
        In(Viewer),
        200,
        |cast, actor| {
            get(
                cast,
                actor,
                "/api/v1/ip-management/reports/audit?within=10.1.0.0/16",
            )
        },
    ),
    route(
        "GET",
        "/api/v1/ip-management/addresses/{address}/history",
        In(Viewer),
        200,
        |cast, actor| get(cast, actor, "/api/v1/ip-management/addresses/10.1.1.1/history"),
    ),
    route(
        "GET",
        "/api/v1/subscribers",
        InWhole(Viewer),
        200,
        |cast, actor| get(cast, actor, "/api/v1/subscribers"),
    ),
    route(
        "POST",
        "/api/v1/subscribers",
        InWhole(Operator),
        201,
        |cast, actor| post(cast, actor, "/api/v1/subscribers", &json!({ "id": unique("s") })),
    ),
    route(
        "GET",
        "/api/v1/subscribers/{subscriberId}",
        InWhole(Viewer),
        200,
        |cast, actor| get(cast, actor, &subscriber(cast)),
    ),
    route(
        "PUT",
        "/api/v1/subscribers/{subscriberId}",
        InWhole(Operator),
        200,
        |cast, actor| {
            let path = at(cast, &subscriber(cast));
            actor.client.put(&path, &json!({ "notes": unique("n") }))
        },
    ),
    route(
        "DELETE",
        "/api/v1/subscribers/{subscriberId}",
        InWhole(Operator),
        204,
        |cast, actor| actor.client.delete(&at(cast, &subscriber(cast))),
    ),
    route(
        "GET",
        "/api/v1/subscribers/{subscriberId}/network-profile",
        InWhole(Viewer),
        200,
        |cast, actor| get(cast, actor, &profile(cast)),
    ),
    route(
        "PUT",
        "/api/v1/subscribers/{subscriberId}/network-profile",
        InWhole(Operator),
        200,
        |cast, actor| {
            let path = at(cast, &profile(cast));
            actor.client.put(&path, &json!({ "circuitId": unique("c") }))
        },
    ),
    route(
        "DELETE",
        "/api/v1/subscribers/{subscriberId}/network-profile",
        InWhole(Operator),
        204,
        |cast, actor| actor.client.delete(&at(cast, &profile(cast))),
    ),
    route(
        "POST",
        "/api/v1/subscribers/{subscriberId}/provision",
        InWhole(Operator),
        200,
        |cast, actor| {
            let body = json!({ "planId": plan_id(cast) });
            post(cast, actor, &format!("{}/provision", subscriber(cast)), &body)
        },
    ),
    route(
        "POST",
        "/api/v1/subscribers/{subscriberId}/change-plan",
        InWhole(Operator),
        200,
        |cast, actor| {
            let body = json!({ "planId": plan_id(cast) });
            post(cast, actor, &format!("{}/change-plan", in_service(cast)), &body)
        },
    ),
    route(
        "POST",
        "/api/v1/subscribers/{subscriberId}/suspend",
        InWhole(Operator),
        200,
        |cast, actor| post(cast, actor, &format!("{}/suspend", in_service(cast)), &json!({})),
    ),
    route(
        "POST",
        "/api/v1/subscribers/{subscriberId}/resume",
        InWhole(Operator),
        200,
        |cast, actor| post(cast, actor, &format!("{}/resume", in_service(cast)), &json!({})),
    ),
    route(
        "POST",
        "/api/v1/subscribers/{subscriberId}/terminate",
        InWhole(Operator),
        200,
        |cast, actor| {
            post(
                cast,
                actor,
                &format!("{}/terminate", in_service(cast)),
                &json!({}),
            )
        },
    ),
    route("GET", "/api/v1/plans", InWhole(Viewer), 200, |cast, actor| {
        get(cast, actor, "/api/v1/plans")
    }),
    route("POST", "/api/v1/plans", InWhole(Admin), 201, |cast, actor| {
        post(
            cast,
            actor,
            "/api/v1/plans",
            &json!({ "name": unique("p"), "features": {} }),
        )
    }),
    route(
        "GET",
        "/api/v1/plans/{planId}",
        InWhole(Viewer),
        200,
        |cast, actor| get(cast, actor, &plan(cast)),
    ),
    route(
        "PUT",
        "/api/v1/plans/{planId}",
        InWhole(Admin),
        200,
        |cast, actor| {
            let body = json!({ "name": unique("p"), "features": {} });
            actor.client.put(&at(cast, &plan(cast)), &body)
        },
    ),
    route(
        "DELETE",
        "/api/v1/plans/{planId}",
        InWhole(Admin),
        204,
        |cast, actor| actor.client.delete(&at(cast, &plan(cast))),
    ),
    route(
        "GET",
        "/api/v1/vlan-pools",
        InWhole(Viewer),
        200,
        |cast, actor| get(cast, actor, "/api/v1/vlan-pools"),
    ),
    route(
        "POST",
        "/api/v1/vlan-pools",
        InWhole(Operator),
        201,
        |cast, actor| post(cast, actor, "/api/v1/vlan-pools", &new_vlan_pool()),
    ),
    route(
        "GET",
        "/api/v1/vlan-pools/{vlanPoolId}",
        InWhole(Viewer),
        200,
        |cast, actor| get(cast, actor, &vlan_pool(cast)),
    ),
    route(
        "PUT",
        "/api/v1/vlan-pools/{vlanPoolId}",
        InWhole(Operator),
        200,
        |cast, actor| {
            let path = vlan_pool(cast);
            let mut body = cast.at.admin().get(&at(cast, &path)).ok();
            body["description"] = json!(unique("d"));
            actor.client.put(&at(cast, &path), &body)
        },
    ),
    route(
        "DELETE",
        "/api/v1/vlan-pools/{vlanPoolId}",
        InWhole(Operator),
        204,
        |cast, actor| actor.client.delete(&at(cast, &vlan_pool(cast))),
    ),
    route(
        "POST",
        "/api/v1/vlan-pools/{vlanPoolId}/allocate",
        InWhole(Operator),
        201,
        |cast, actor| {
            let body = json!({ "port": unique("port") });
            post(cast, actor, &format!("{}/allocate", vlan_pool(cast)), &body)
        },
    ),
    route(
        "GET",
        "/api/v1/vlan-bindings",
        InWhole(Viewer),
        200,
        |cast, actor| get(cast, actor, "/api/v1/vlan-bindings"),
    ),
    route(
        "DELETE",
        "/api/v1/vlan-bindings/{bindingId}",
        InWhole(Operator),
        204,
        |cast, actor| {
            let path = format!("{}/allocate", vlan_pool(cast));
            let made = make(cast, &path, &json!({ "port": unique("port") }));
            actor
                .client
                .delete(&at(cast, &format!("/api/v1/vlan-bindings/{}", id(&made))))
        },
    ),
    route(
        "GET",
        "/api/v1/reservation-templates",
        InWhole(Viewer),
        200,
        |cast, actor| get(cast, actor, "/api/v1/reservation-templates"),
    ),
    route(
        "POST",
        "/api/v1/reservation-templates",
        InWhole(Admin),
        201,
        |cast, actor| post(cast, actor, "/api/v1/reservation-templates", &new_template()),
    ),
    route(
        "GET",
        "/api/v1/reservation-templates/{templateId}",
        InWhole(Viewer),
        200,
        |cast, actor| get(cast, actor, &template(cast)),
    ),
    route(
        "PUT",
        "/api/v1/reservation-templates/{templateId}",
        InWhole(Admin),
        200,
        |cast, actor| actor.client.put(&at(cast, &template(cast)), &new_template()),
    ),
    route(
        "DELETE",
        "/api/v1/reservation-templates/{templateId}",
        InWhole(Admin),
        204,
        |cast, actor| actor.client.delete(&at(cast, &template(cast))),
    ),
    route(
        "POST",
        "/api/v1/reservation-templates/{templateId}/apply",
        In(Operator),
        201,
        |cast, actor| {
            let body = json!({ "siteId": unique("site"), "poolId": pool_id(cast) });
            post(cast, actor, &format!("{}/apply", template(cast)), &body)
        },
    ),
    route("GET", "/api/v1/webhooks", InWhole(Viewer), 200, |cast, actor| {
        get(cast, actor, "/api/v1/webhooks")
    }),
    route("POST", "/api/v1/webhooks", InWhole(Admin), 201, |cast, actor| {
        post(cast, actor, "/api/v1/webhooks", &new_webhook())
    }),
    route(
        "GET",
        "/api/v1/webhooks/{webhookId}",
        InWhole(Viewer),
        200,
        |cast, actor| get(cast, actor, &webhook(cast)),
    ),
    route(
        "PUT",
        "/api/v1/webhooks/{webhookId}",
        InWhole(Admin),
        200,
        |cast, actor| actor.client.put(&at(cast, &webhook(cast)), &new_webhook()),
    ),
    route(
        "DELETE",
        "/api/v1/webhooks/{webhookId}",
        InWhole(Admin),
        204,
        |cast, actor| actor.client.delete(&at(cast, &webhook(cast))),
    ),
    route(
        "GET",
        "/api/v1/pool-policy",
        InWhole(Viewer),
        200,
        |cast, actor| get(cast, actor, "/api/v1/pool-policy"),
    ),
    route(
        "PUT",
        "/api/v1/pool-policy",
        InWhole(Admin),
        200,
        |cast, actor| {
            actor
                .client
                .put(&at(cast, "/api/v1/pool-policy"), &json!({ "rules": [] }))
        },
    ),
    route("GET", "/api/v1/outbox", InWhole(Viewer), 200, |cast, actor| {
        get(cast, actor, "/api/v1/outbox")
    }),
    route(
        "GET",
        "/api/v1/outbox/{entryId}",
        InWhole(Viewer),
        200,
        |cast, actor| get(cast, actor, &entry(cast)),
    ),
    route(
        "POST",
        "/api/v1/outbox/{entryId}/cancel",
        InWhole(Admin),
        200,
        |cast, actor| {
            let path = at(cast, &format!("{}/cancel", entry(cast)));
            actor.client.request(reqwest::Method::POST, &path).send()
        },
    ),
    route(
        "POST",
        "/api/v1/outbox/{entryId}/retry",
        InWhole(Admin),
        200,
        |cast, actor| {
            let path = at(cast, &format!("{}/retry", entry(cast)));
            actor.client.request(reqwest::Method::POST, &path).send()
        },
    ),
    route(
        "POST",
        "/api/v1/addressing-plans/preview",
        In(Viewer),
        200,
        |cast, actor| post(cast, actor, "/api/v1/addressing-plans/preview", &addressing()),
    ),
    route(
        "POST",
        "/api/v1/addressing-plans/apply",
        InWhole(Operator),
        200,
        |cast, actor| post(cast, actor, "/api/v1/addressing-plans/apply", &addressing()),
    ),
];
