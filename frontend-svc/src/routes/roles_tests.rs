//! Claims about who may give and take roles.
#![allow(clippy::unwrap_used)]
use cadastre_domain::roles::{GrantTarget, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::testing::{Answer, Call, Server};

struct Fixture {
    server: Server,
    ours: Uuid,
    theirs: Uuid,
}

/// `boss` administers our space, `half` 10.0.0.0/8 of it, `ada` has a role in each of two spaces.
async fn fixture() -> Fixture {
    let server = Server::new().await;
    let (ours, theirs) = (server.access.add_space(), server.access.add_space());
    let (our, their) = (GrantTarget::Space(ours), GrantTarget::Space(theirs));
    server
        .add_user("boss", &[(Role::AddressSpaceAdmin, our, None)])
        .await;
    server
        .add_user("half", &[(Role::AddressSpaceAdmin, our, Some("10.0.0.0/8"))])
        .await;
    server
        .add_user(
            "ada",
            &[
                (Role::AddressSpaceViewer, our, None),
                (Role::AddressSpaceOperator, their, None),
            ],
        )
        .await;
    Fixture { server, ours, theirs }
}

impl Fixture {
    async fn grant(&self, token: &str, role: &str, space: Uuid, prefix: Option<&str>) -> Answer {
        let mut body = json!({ "role": role, "addressSpaceId": space.to_string() });
        if let Some(prefix) = prefix {
            body["prefix"] = json!(prefix);
        }
        self.server
            .send("POST", "/api/v1/users/ada/roles", token, body)
            .await
    }

    fn spaces_of(answer: &Answer) -> Vec<String> {
        let text = |role: &Value| role["addressSpaceId"].as_str().unwrap().to_owned();
        answer.json.as_array().unwrap().iter().map(text).collect()
    }
}

#[actix_web::test]
async fn a_granted_role_is_found_under_its_location_and_acts_at_once_until_revoked() {
    let fixture = fixture().await;
    let (server, admin) = (&fixture.server, fixture.server.login("admin").await);
    let ada = server.login("ada").await;
    assert_eq!(server.get("/api/v1/users", &ada).await.status, 403);
    let body = json!({ "role": "SystemAdmin", "addressSpaceId": "SYSTEM" });
    let made = server.send("POST", "/api/v1/users/Ada/roles", &admin, body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let location = made.header("location").unwrap().to_owned();
    assert_eq!(location, format!("/api/v1/users/ada/roles/{}", made.text("id")));
    assert_eq!(server.get(&location, &admin).await.json, made.json);
    assert_eq!(server.get("/api/v1/users", &ada).await.status, 200, "at once");
    assert_eq!(server.delete(&location, &admin).await.status, 204);
    assert_eq!(server.get("/api/v1/users", &ada).await.status, 403, "at once");
    assert_eq!(server.get(&location, &admin).await.status, 404);
    assert_eq!(server.delete(&location, &admin).await.status, 404);
}

#[actix_web::test]
async fn an_administrator_of_a_space_sees_and_gives_its_roles_only() {
    let fixture = fixture().await;
    let (server, boss) = (&fixture.server, fixture.server.login("boss").await);
    let seen = server.get("/api/v1/users/ada/roles", &boss).await;
    assert_eq!(Fixture::spaces_of(&seen), [fixture.ours.to_string()]);
    let hidden = server.access.account("ada").unwrap().grants[1].id;
    assert_eq!(
        server
            .get(&format!("/api/v1/users/ada/roles/{hidden}"), &boss)
            .await
            .status,
        404
    );
    assert_eq!(
        server
            .delete(&format!("/api/v1/users/ada/roles/{hidden}"), &boss)
            .await
            .status,
        404
    );

    let given = fixture
        .grant(&boss, "AddressSpaceOperator", fixture.ours, None)
        .await;
    assert_eq!(given.status, 201);
    assert_eq!(
        server
            .delete(given.header("location").unwrap(), &boss)
            .await
            .status,
        204
    );
    let elsewhere = fixture
        .grant(&boss, "AddressSpaceViewer", fixture.theirs, None)
        .await;
    let nowhere = fixture
        .grant(&boss, "AddressSpaceViewer", Uuid::now_v7(), None)
        .await;
    assert_eq!(
        (elsewhere.status, nowhere.status),
        (404, 404),
        "a space they may not know of does not exist"
    );
    let body = json!({ "role": "SystemAdmin", "addressSpaceId": "SYSTEM" });
    let escalation = server.send("POST", "/api/v1/users/boss/roles", &boss, body).await;
    assert_eq!((escalation.status, escalation.code()), (403, "Forbidden"));
}

#[actix_web::test]
async fn an_administrator_of_a_subtree_gives_roles_within_it_only() {
    let fixture = fixture().await;
    let half = fixture.server.login("half").await;
    let within = fixture
        .grant(&half, "AddressSpaceOperator", fixture.ours, Some("10.1.0.0/16"))
        .await;
    assert_eq!(within.status, 201, "{within:?}");
    for prefix in [None, Some("11.0.0.0/8"), Some("8.0.0.0/5")] {
        let beyond = fixture
            .grant(&half, "AddressSpaceViewer", fixture.ours, prefix)
            .await;
        assert_eq!(
            (beyond.status, beyond.code()),
            (403, "OutsideScope"),
            "{prefix:?}"
        );
    }
}

#[actix_web::test]
async fn who_administers_nothing_sees_their_own_roles_and_learns_of_nobody_else() {
    let fixture = fixture().await;
    let (server, ada) = (&fixture.server, fixture.server.login("ada").await);
    let own = server.get("/api/v1/users/ada/roles", &ada).await;
    assert_eq!(Fixture::spaces_of(&own).len(), 2);
    for name in ["boss", "nobody"] {
        let refused = server.get(&format!("/api/v1/users/{name}/roles"), &ada).await;
        assert_eq!((refused.status, refused.code()), (403, "Forbidden"), "{name}");
    }
    assert_eq!(
        fixture
            .grant(&ada, "AddressSpaceAdmin", fixture.ours, None)
            .await
            .status,
        403
    );
    let own_grant = server.access.account("ada").unwrap().grants[0].id;
    assert_eq!(
        server
            .delete(&format!("/api/v1/users/ada/roles/{own_grant}"), &ada)
            .await
            .status,
        403
    );
}

#[actix_web::test]
async fn nobody_takes_system_administration_from_themselves() {
    let fixture = fixture().await;
    let (server, admin) = (&fixture.server, fixture.server.login("admin").await);
    let own = server.access.account("admin").unwrap().grants[0].id;
    let path = format!("/api/v1/users/admin/roles/{own}");
    assert_eq!(server.delete(&path, &admin).await.code(), "InUse");
    let plan = server.delete(&format!("{path}?dryRun=true"), &admin).await;
    assert_eq!(
        (plan.status, &plan.json["conflicts"][0]["code"]),
        (200, &json!("InUse"))
    );
    assert_eq!(server.get("/api/v1/users", &admin).await.status, 200);
}

#[actix_web::test]
async fn roles_that_make_no_sense_are_refused() {
    let fixture = fixture().await;
    let admin = fixture.server.login("admin").await;
    for (role, space, prefix, code) in [
        ("Owner", fixture.ours, None, "InvalidRole"),
        ("SystemAdmin", fixture.ours, None, "InvalidRole"),
        ("AddressSpaceViewer", Uuid::now_v7(), None, "InvalidRole"),
        (
            "AddressSpaceViewer",
            fixture.ours,
            Some("10.0.0.1/8"),
            "InvalidPrefix",
        ),
    ] {
        let refused = fixture.grant(&admin, role, space, prefix).await;
        assert_eq!((refused.status, refused.code()), (400, code), "{role}");
    }
    let body = json!({ "role": "AddressSpaceViewer", "addressSpaceId": fixture.ours.to_string() });
    let nobody = fixture
        .server
        .send("POST", "/api/v1/users/nobody/roles", &admin, body)
        .await;
    assert_eq!((nobody.status, nobody.code()), (404, "NotFound"));
}

#[actix_web::test]
async fn a_grant_sent_again_is_answered_with_the_first_one_and_a_plan_gives_nothing() {
    let fixture = fixture().await;
    let (server, admin) = (&fixture.server, fixture.server.login("admin").await);
    let body = json!({ "role": "AddressSpaceAdmin", "addressSpaceId": fixture.ours.to_string() });
    let plan = server
        .send(
            "POST",
            "/api/v1/users/ada/roles?dryRun=true",
            &admin,
            body.clone(),
        )
        .await;
    assert_eq!(
        (plan.status, &plan.json["changes"][0]["kind"]),
        (200, &json!("role"))
    );
    assert_eq!(server.access.account("ada").unwrap().grants.len(), 2);
    let post = async || {
        let headers = [("idempotency-key", "once")];
        let call = Call {
            bearer: Some(&admin),
            headers: &headers,
            body: Some(body.clone()),
            ..Call::default()
        };
        server.call("POST", "/api/v1/users/ada/roles", call).await
    };
    let (first, again) = (post().await, post().await);
    assert_eq!((again.status, &again.json), (201, &first.json));
    assert_eq!(server.access.account("ada").unwrap().grants.len(), 3);
}

#[actix_web::test]
async fn long_lists_come_in_pages() {
    let fixture = fixture().await;
    let (server, admin) = (&fixture.server, fixture.server.login("admin").await);
    let first = server.get("/api/v1/users/ada/roles?limit=1", &admin).await;
    let link = first.header("link").unwrap();
    let next = link.split(['<', '>']).nth(1).unwrap();
    let second = server.get(next, &admin).await;
    assert_eq!(second.header("link"), None);
    assert_ne!(first.json[0]["id"], second.json[0]["id"]);
}
