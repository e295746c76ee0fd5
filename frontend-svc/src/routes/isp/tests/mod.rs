//! The provider's side over HTTP, with things in memory: which address space is meant, who may do what, and that what
//! `GET` returned can be sent back.
#![allow(clippy::unwrap_used)]

mod secrets;

use cadastre_api_types::internal::{Finding, IspCommand, KeptFor, Reserve, ReserveFrom, UseCase};
use cadastre_domain::isp::{EntityKey, Move};
use cadastre_domain::roles::{GrantTarget, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::openapi::isp_examples as examples;
use crate::routes::table::{Needs, ROUTES};
use crate::testing::{Answer, Call, Server};

const POOLS: &str = "/api/v1/ip-management/pools";

/// A server with one address space, and somebody with a role in it.
struct Isp {
    server: Server,
    space: Uuid,
    bearer: String,
}

impl Isp {
    async fn as_a(role: Role) -> Self {
        let server = Server::new().await;
        let space = server.access.add_named_space("Provider");
        server
            .add_user("ada", &[(role, GrantTarget::Space(space), None)])
            .await;
        let bearer = server.login("ada").await;
        Self {
            server,
            space,
            bearer,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.server.get(path, &self.bearer).await
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        self.server.send(method, path, &self.bearer, body).await
    }

    async fn with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let call = Call {
            bearer: Some(&self.bearer),
            headers,
            body,
            ..Call::default()
        };
        self.server.call(method, path, call).await
    }

    fn last(&self) -> IspCommand {
        let (space, command) = self.server.access.isp.last_command().unwrap();
        assert_eq!(space, self.space);
        command
    }
}

#[actix_web::test]
async fn who_may_know_of_one_space_need_not_name_it() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    let made = isp.send("POST", POOLS, examples::pool_create()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.text("addressSpaceId"), isp.space.to_string());
    let location = made.header("location").unwrap();
    assert_eq!(location, format!("{POOLS}/{}", made.text("id")));
    assert_eq!(isp.get(location).await.status, 200);
}

#[actix_web::test]
async fn a_space_is_named_by_its_id_or_its_name_in_a_header_or_a_parameter() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    let other = isp.server.access.add_named_space("Zürich Süd");
    let admin = isp.server.login("admin").await;
    let id = other.to_string();
    for (path, headers) in [
        (format!("{POOLS}?addressSpaceId={id}"), vec![]),
        (format!("{POOLS}?addressSpaceId=z%C3%BCrich%20s%C3%BCd"), vec![]),
        (POOLS.to_owned(), vec![("x-address-space", id.as_str())]),
        (POOLS.to_owned(), vec![("X-Address-Space", "Zürich Süd")]),
        (
            format!("{POOLS}?addressSpaceId={id}"),
            vec![("x-address-space", id.as_str())],
        ),
    ] {
        let mut body = examples::pool_create();
        body["poolName"] = json!(Uuid::now_v7());
        let call = Call {
            bearer: Some(&admin),
            headers: &headers,
            body: Some(body),
            ..Call::default()
        };
        let made = isp.server.call("POST", &path, call).await;
        assert_eq!(
            (made.status, made.text("addressSpaceId")),
            (201, id.clone()),
            "{path} {headers:?}"
        );
    }
}

#[actix_web::test]
async fn a_location_leads_to_the_space_that_a_parameter_named() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    isp.server.access.add_named_space("Other");
    let admin = isp.server.login("admin").await;
    let path = format!("{POOLS}?addressSpaceId=Provider");
    let made = isp
        .server
        .send("POST", &path, &admin, examples::pool_create())
        .await;
    let location = made.header("location").unwrap();
    assert!(location.ends_with("?addressSpaceId=Provider"), "{location}");
    assert_eq!(isp.server.get(location, &admin).await.status, 200);
}

#[actix_web::test]
async fn who_may_know_of_several_spaces_is_offered_five_to_choose_from() {
    let server = Server::new().await;
    for number in 1..=7 {
        server.access.add_named_space(&format!("Space-{number}"));
    }
    let admin = server.login("admin").await;
    let refused = server.get(POOLS, &admin).await;
    assert_eq!((refused.status, refused.code()), (400, "AddressSpaceRequired"));
    let offered = refused.json["error"]["details"]["addressSpaces"]
        .as_array()
        .unwrap();
    assert_eq!(offered.len(), 5);
    assert!(
        refused.json["error"]["message"]
            .as_str()
            .unwrap()
            .contains("Space-1, Space-2")
    );
}

#[actix_web::test]
async fn who_may_know_of_no_space_is_told_so() {
    let server = Server::new().await;
    let admin = server.login("admin").await;
    let refused = server.get(POOLS, &admin).await;
    assert_eq!((refused.status, refused.code()), (400, "AddressSpaceRequired"));
}

#[actix_web::test]
async fn header_and_parameter_that_name_different_spaces_are_refused() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    let path = format!("{POOLS}?addressSpaceId={}", isp.space);
    let refused = isp
        .with("GET", &path, &[("x-address-space", "Provider")], None)
        .await;
    assert_eq!((refused.status, refused.code()), (400, "InvalidParameter"));
    let twice = format!("{path}&addressSpaceId=Provider");
    assert_eq!(isp.get(&twice).await.status, 400);
}

#[actix_web::test]
async fn a_space_that_one_may_not_know_of_is_a_404_by_id_and_by_name() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    let hidden = isp.server.access.add_named_space("Hidden").to_string();
    for name in [hidden.as_str(), "Hidden", "Nowhere"] {
        let refused = isp.with("GET", POOLS, &[("x-address-space", name)], None).await;
        assert_eq!((refused.status, refused.code()), (404, "NotFound"), "{name}");
    }
}

fn filled(path: &str) -> String {
    let mut path = path.to_owned();
    for name in [
        "poolId",
        "reservationId",
        "alertId",
        "planId",
        "vlanPoolId",
        "bindingId",
        "templateId",
        "webhookId",
        "entryId",
    ] {
        path = path.replace(&format!("{{{name}}}"), &Uuid::now_v7().to_string());
    }
    path.replace("{subscriberId}", "sub-1")
        .replace("{address}", "203.0.113.9")
}

#[actix_web::test]
async fn every_route_needs_its_permission_in_its_space() {
    let isp = Isp::as_a(Role::AddressSpaceViewer).await;
    let unseen = isp.server.access.add_named_space("Unseen").to_string();
    let mut checked = 0;
    for route in ROUTES {
        let Needs::IspSpace(permission) = route.needs else {
            continue;
        };
        let path = filled(route.path);
        let anonymous = isp.server.call(route.method, &path, Call::default()).await;
        assert_eq!(anonymous.status, 401, "{} {path}", route.method);
        let hidden = isp
            .with(route.method, &path, &[("x-address-space", &unseen)], None)
            .await;
        assert_eq!(
            (hidden.status, hidden.code()),
            (404, "NotFound"),
            "{} {path}",
            route.method
        );
        if !Role::AddressSpaceViewer.permits(permission) {
            let refused = isp.with(route.method, &path, &[], None).await;
            assert_eq!(
                (refused.status, refused.code()),
                (403, "Forbidden"),
                "{} {path}",
                route.method
            );
            assert_eq!(
                refused.json["error"]["details"]["permission"],
                permission.as_str()
            );
        }
        checked += 1;
    }
    assert!(checked > 60, "{checked}");
}

#[actix_web::test]
async fn force_needs_a_permission_of_its_own_which_is_named() {
    let forced = json!({ "subscriberId": "sub-1", "ipType": "ipv4", "force": true });
    let path = "/api/v1/ip-management/reservations";
    let operator = Isp::as_a(Role::AddressSpaceOperator).await;
    let refused = operator.send("POST", path, forced.clone()).await;
    assert_eq!((refused.status, refused.code()), (403, "Forbidden"));
    assert_eq!(refused.json["error"]["details"]["permission"], "isp.ipam.force");
    let admin = Isp::as_a(Role::AddressSpaceAdmin).await;
    assert_eq!(admin.send("POST", path, forced).await.json["forced"], true);
}

#[actix_web::test]
async fn what_get_returned_can_be_put_back_and_a_stale_etag_cannot() {
    let isp = Isp::as_a(Role::AddressSpaceAdmin).await;
    for (path, body) in [
        (POOLS, examples::pool_create()),
        ("/api/v1/plans", examples::plan_create()),
        ("/api/v1/vlan-pools", examples::vlan_pool_create()),
        ("/api/v1/reservation-templates", examples::template_create()),
        ("/api/v1/webhooks", without(examples::webhook_create(), "secret")),
        (
            "/api/v1/subscribers",
            without(examples::subscriber_create(), "password"),
        ),
    ] {
        let made = isp.send("POST", path, body).await;
        assert_eq!(made.status, 201, "{path} {made:?}");
        let at = made.header("location").unwrap();
        let got = isp.get(at).await;
        assert_eq!((got.status, &got.json), (200, &made.json), "{path}");
        let etag = got.header("etag").unwrap().to_owned();
        let put = isp
            .with("PUT", at, &[("if-match", &etag)], Some(got.json.clone()))
            .await;
        assert_eq!(put.status, 200, "{path} {put:?}");
        let stale = isp
            .with("PUT", at, &[("if-match", &etag)], Some(got.json.clone()))
            .await;
        assert_eq!(
            (stale.status, stale.code()),
            (412, "PreconditionFailed"),
            "{path}"
        );
        let mut unknown = got.json.clone();
        unknown["nonsense"] = json!(1);
        let refused = isp.send("PUT", at, unknown).await;
        assert_eq!((refused.status, refused.code()), (400, "UnknownField"), "{path}");
        assert_eq!(isp.server.delete(at, &isp.bearer).await.status, 204, "{path}");
        assert_eq!(isp.get(at).await.status, 404, "{path}");
    }
}

fn without(mut body: Value, field: &str) -> Value {
    body.as_object_mut().unwrap().remove(field);
    body
}

#[actix_web::test]
async fn a_dry_run_shows_the_thing_and_changes_nothing() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    let planned = isp
        .send("POST", &format!("{POOLS}?dryRun=true"), examples::pool_create())
        .await;
    assert_eq!(planned.status, 200, "{planned:?}");
    let change = &planned.json["changes"][0];
    assert_eq!(
        (&change["action"], &change["kind"]),
        (&json!("create"), &json!("pool"))
    );
    assert_eq!(change["after"]["networkCidr"], "203.0.113.0/24");
    assert_eq!(isp.get(POOLS).await.json, json!([]));
}

#[actix_web::test]
async fn a_list_goes_on_with_its_link_in_the_same_space_only() {
    let isp = Isp::as_a(Role::AddressSpaceAdmin).await;
    for number in 0..3 {
        let mut body = examples::plan_create();
        body["name"] = json!(format!("plan {number}"));
        assert_eq!(isp.send("POST", "/api/v1/plans", body).await.status, 201);
    }
    let id = isp.space.to_string();
    let first = isp
        .with("GET", "/api/v1/plans?limit=2", &[("x-address-space", &id)], None)
        .await;
    let link = first.header("link").unwrap();
    let next = link
        .strip_prefix('<')
        .unwrap()
        .split('>')
        .next()
        .unwrap()
        .to_owned();
    let second = isp.with("GET", &next, &[("x-address-space", &id)], None).await;
    assert_eq!(second.json.as_array().unwrap().len(), 1);
    let other = isp
        .with("GET", &next, &[("x-address-space", "Provider")], None)
        .await;
    assert_eq!(other.code(), "InvalidCursor");
}

#[actix_web::test]
async fn the_id_of_a_subscriber_may_be_any_text() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    for id in ["A/B#1", "john.doe@isp.example", "Zürich 7", "100%", "a+b", "%2F"] {
        let made = isp.send("POST", "/api/v1/subscribers", json!({ "id": id })).await;
        assert_eq!(made.status, 201, "{made:?}");
        let at = made.header("location").unwrap();
        assert_eq!(isp.get(at).await.text("id"), id, "{at}");
        let assign = format!(
            "{}/assign-ip",
            at.replace("/v1/subscribers", "/v1/ip-management/subscribers")
        );
        let assigned = isp.send("POST", &assign, json!({})).await;
        assert_eq!(
            (assigned.status, assigned.text("subscriberId")),
            (201, id.to_owned())
        );
    }
    let bad = isp.get("/api/v1/subscribers/%00").await;
    assert_eq!((bad.status, bad.code()), (400, "InvalidValue"));
}

#[actix_web::test]
async fn a_bulk_is_all_or_none_and_names_the_item_that_is_wrong() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    let path = "/api/v1/ip-management/reservations/bulk";
    let items = json!([{ "subscriberId": "a", "ipType": "ipv4" }, { "subscriberId": "b" }]);
    let refused = isp.send("POST", path, json!({ "items": items })).await;
    assert_eq!((refused.status, refused.code()), (400, "InvalidValue"));
    assert_eq!(refused.json["error"]["details"]["field"], "items[1].ipType");
    let typo = isp
        .send("POST", path, json!({ "items": [{ "subscriber": "a" }] }))
        .await;
    assert_eq!(typo.code(), "UnknownField", "{typo:?}");
    assert_eq!(
        isp.send("POST", path, json!({ "items": [] })).await.code(),
        "InvalidValue"
    );
    assert!(isp.server.access.isp.last_command().is_none());
    let items = json!([{ "subscriberId": "a", "ipType": "ipv4" }, { "subscriberId": "b", "ipAddress": "203.0.113.9" }]);
    let made = isp.send("POST", path, json!({ "items": items })).await;
    assert_eq!((made.status, made.json.as_array().unwrap().len()), (201, 2));
}

#[actix_web::test]
async fn the_type_that_is_asked_for_is_held_against_the_pool() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    let pool = isp.send("POST", POOLS, examples::pool_create()).await.text("id");
    let path = "/api/v1/ip-management/subscribers/sub-1/assign-ip";
    let refused = isp
        .send("POST", path, json!({ "poolId": pool, "ipType": "ipv6" }))
        .await;
    assert_eq!(refused.json["error"]["details"]["field"], "ipType");
    assert_eq!(
        isp.send("POST", path, json!({ "poolId": pool })).await.status,
        201
    );
    let IspCommand::Reserve { wanted, force: false } = isp.last() else {
        unreachable!()
    };
    assert!(matches!(
        &wanted[..],
        [Reserve {
            from: ReserveFrom::Pool(_),
            assign: true,
            ..
        }]
    ));
}

#[actix_web::test]
async fn what_a_subscriber_does_not_hold_cannot_be_released() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    let base = "/api/v1/ip-management/subscribers";
    let held = isp
        .send(
            "POST",
            &format!("{base}/a/assign-ip"),
            json!({ "ipAddress": "203.0.113.9" }),
        )
        .await;
    let id = held.text("id");
    let other = isp
        .send(
            "POST",
            &format!("{base}/b/release-ip"),
            json!({ "reservationId": id }),
        )
        .await;
    assert_eq!((other.status, other.code()), (404, "NotFound"));
    let both = json!({ "reservationId": id, "ipType": "ipv4" });
    assert_eq!(
        isp.send("POST", &format!("{base}/a/release-ip"), both)
            .await
            .status,
        400
    );
    let own = isp
        .send(
            "POST",
            &format!("{base}/a/release-ip"),
            json!({ "ipAddress": "203.0.113.9" }),
        )
        .await;
    assert_eq!(own.status, 200, "{own:?}");
    assert!(matches!(
        isp.last(),
        IspCommand::MoveReservation {
            to: Move::Release,
            ..
        }
    ));
    let all = isp
        .send(
            "POST",
            &format!("{base}/a/release-ip"),
            json!({ "reason": "moved" }),
        )
        .await;
    assert_eq!(all.status, 200);
    assert!(matches!(isp.last(), IspCommand::ReleaseHeld { ip_types, .. } if ip_types.is_empty()));
}

#[actix_web::test]
async fn an_expiry_lies_in_the_future() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    let past = json!({ "subscriberId": "a", "ipType": "ipv4", "expiresAt": "2020-01-01T00:00:00Z" });
    let refused = isp.send("POST", "/api/v1/ip-management/reservations", past).await;
    assert_eq!(refused.json["error"]["details"]["field"], "expiresAt");
}

#[actix_web::test]
async fn conflicts_are_the_worst_first_with_a_way_out() {
    let isp = Isp::as_a(Role::AddressSpaceViewer).await;
    let node = |kept_for| Finding::Node {
        id: Uuid::nil(),
        prefix: "203.0.113.9/32".parse().unwrap(),
        description: String::new(),
        kept_for,
    };
    isp.server
        .access
        .isp
        .find(vec![node(None), node(Some(KeptFor::Gateway))]);
    let path = "/api/v1/ip-management/check-conflicts";
    let found = isp
        .send("POST", path, json!({ "ipAddress": "203.0.113.9" }))
        .await;
    assert_eq!(found.status, 200, "{found:?}");
    let conflicts = found.json["conflicts"].as_array().unwrap();
    assert_eq!(conflicts[0]["severity"], "CRITICAL");
    assert_eq!(
        (&conflicts[1]["canForce"], &conflicts[1]["suggestion"]["action"]),
        (&json!(true), &json!("CORRECT"))
    );
    assert_eq!(found.json["available"], false);
    isp.server.access.isp.find(Vec::new());
    let free = isp
        .send("POST", path, json!({ "ipAddress": "203.0.113.9" }))
        .await;
    assert_eq!(
        (&free.json["available"], &free.json["unavailableSources"]),
        (&json!(true), &json!([]))
    );
}

#[actix_web::test]
async fn a_use_case_answers_with_all_that_the_subscriber_has() {
    let isp = Isp::as_a(Role::AddressSpaceOperator).await;
    isp.send("POST", "/api/v1/subscribers", json!({ "id": "sub-1" }))
        .await;
    let suspended = isp
        .with("POST", "/api/v1/subscribers/sub-1/suspend", &[], None)
        .await;
    assert_eq!(suspended.status, 200, "{suspended:?}");
    assert_eq!(
        (&suspended.json["subscriber"]["id"], &suspended.json["changed"]),
        (&json!("sub-1"), &json!(false))
    );
    assert!(matches!(
        isp.last(),
        IspCommand::UseCase {
            what: UseCase::Suspend { reason: None },
            ..
        }
    ));
    let missing = isp
        .send("POST", "/api/v1/subscribers/sub-1/provision", json!({}))
        .await;
    assert_eq!(missing.code(), "MalformedRequest");
}

#[actix_web::test]
async fn reports_come_as_json_csv_or_ndjson() {
    let isp = Isp::as_a(Role::AddressSpaceViewer).await;
    let path = "/api/v1/ip-management/reports/audit";
    assert_eq!(isp.get(path).await.json, json!([]));
    let file = isp.with("GET", path, &[("accept", "text/csv")], None).await;
    assert_eq!(
        (file.status, file.header("content-type")),
        (200, Some("text/csv; charset=utf-8"))
    );
    let lines = isp
        .get(&format!("{path}?format=ndjson&within=203.0.113.0/24"))
        .await;
    assert_eq!(
        (lines.status, lines.header("content-type")),
        (200, Some("application/x-ndjson"))
    );
    let costs = isp.get("/api/v1/ip-management/reports/costs?month=2026-11").await;
    assert_eq!(costs.json["from"], "2026-11-01T00:00:00Z");
    let stats = isp.get("/api/v1/ip-management/stats").await;
    assert_eq!(
        (&stats.json["totalPools"], &stats.json["totals"]["total"]),
        (&json!(0), &json!("0"))
    );
}

#[actix_web::test]
async fn a_thing_that_is_removed_is_named_by_its_key() {
    let isp = Isp::as_a(Role::AddressSpaceAdmin).await;
    let made = isp.send("POST", "/api/v1/plans", examples::plan_create()).await;
    isp.server
        .delete(made.header("location").unwrap(), &isp.bearer)
        .await;
    let id: Uuid = made.text("id").parse().unwrap();
    assert_eq!(
        isp.last(),
        IspCommand::DeleteThing {
            key: EntityKey::Plan(id)
        }
    );
}
