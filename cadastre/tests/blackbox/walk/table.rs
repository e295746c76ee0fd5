//! The table of the walk: each route, who may call it, and a call of it that must succeed for those who may.

use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::Method;

use super::actors::{Actor, Cast, Rank};
use super::who::{Route, Who};
use crate::support::world::PASSWORD;
use crate::support::{Answer, Client, Grant, json, unique};

pub(super) const fn route(
    method: &'static str,
    path: &'static str,
    who: Who,
    done: u16,
    call: fn(&Cast<'_>, &Actor) -> Answer,
) -> Route {
    Route {
        method,
        path,
        who,
        done,
        call,
    }
}

use Rank::{Admin, Operator, Viewer};
use Who::{AnyAdmin, AnyUser, Anybody, In, InWhole, SeenInWhole, SubtreeAdmins, SystemAdmins};

/// Every route.
pub(super) const ROUTES: &[Route] = &[
    route("GET", "/api/v1/backup", SystemAdmins, 200, |_, actor| {
        actor.client.get("/api/v1/backup")
    }),
    route("GET", "/api/v1/addressspaces", AnyUser, 200, |_, actor| {
        actor.client.get("/api/v1/addressspaces")
    }),
    route("POST", "/api/v1/addressspaces", SystemAdmins, 201, |_, actor| {
        actor
            .client
            .post("/api/v1/addressspaces", &json!({ "name": unique("walk") }))
    }),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}",
        In(Viewer),
        200,
        |cast, actor| seen(cast, actor, ""),
    ),
    route(
        "PUT",
        "/api/v1/addressspaces/{spaceId}",
        InWhole(Admin),
        200,
        |cast, actor| {
            actor.client.put(
                &cast.space.path(""),
                &json!({ "name": cast.space.name, "description": unique("d") }),
            )
        },
    ),
    route(
        "DELETE",
        "/api/v1/addressspaces/{spaceId}",
        InWhole(Admin),
        204,
        |cast, actor| actor.client.delete(&cast.space_like(actor).path("")),
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/tags",
        In(Viewer),
        200,
        |cast, actor| seen(cast, actor, "/tags"),
    ),
    route(
        "POST",
        "/api/v1/addressspaces/{spaceId}/tags",
        InWhole(Admin),
        201,
        |cast, actor| {
            actor.client.post(
                &cast.space.path("/tags"),
                &json!({ "name": unique("T"), "type": "Inheritable" }),
            )
        },
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/tags/{tagName}",
        In(Viewer),
        200,
        |cast, actor| seen(cast, actor, "/tags/Region"),
    ),
    route(
        "PUT",
        "/api/v1/addressspaces/{spaceId}/tags/{tagName}",
        InWhole(Admin),
        200,
        |cast, actor| {
            let body = json!({ "type": "Inheritable", "description": unique("d") });
            actor.client.put(&cast.space.path("/tags/Region"), &body)
        },
    ),
    route(
        "DELETE",
        "/api/v1/addressspaces/{spaceId}/tags/{tagName}",
        InWhole(Admin),
        204,
        |cast, actor| {
            let name = unique("T");
            cast.space.tag(&name);
            actor.client.delete(&cast.space.path(&format!("/tags/{name}")))
        },
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/ips",
        In(Viewer),
        200,
        |cast, actor| seen(cast, actor, "/ips"),
    ),
    route(
        "POST",
        "/api/v1/addressspaces/{spaceId}/ips",
        In(Operator),
        201,
        |cast, actor| {
            actor
                .client
                .post(&cast.space.path("/ips"), &json!({ "prefix": address() }))
        },
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/ips/lookup",
        In(Viewer),
        200,
        |cast, actor| seen(cast, actor, "/ips/lookup?address=10.1.1.1"),
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/ips/{ipId}",
        In(Viewer),
        200,
        |cast, actor| node(cast, actor, ""),
    ),
    route(
        "PUT",
        "/api/v1/addressspaces/{spaceId}/ips/{ipId}",
        In(Operator),
        200,
        |cast, actor| {
            let path = cast.space.path(&format!("/ips/{}", cast.node));
            actor
                .client
                .put(&path, &json!({ "tags": {}, "description": unique("d") }))
        },
    ),
    route(
        "DELETE",
        "/api/v1/addressspaces/{spaceId}/ips/{ipId}",
        In(Operator),
        204,
        |cast, actor| {
            let id = cast.space.node(&address(), json!({}));
            actor.client.delete(&cast.space.path(&format!("/ips/{id}")))
        },
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/ips/{ipId}/explain",
        In(Viewer),
        200,
        |cast, actor| node(cast, actor, "/explain"),
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/ips/{ipId}/children",
        In(Viewer),
        200,
        |cast, actor| node(cast, actor, "/children"),
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/ips/{ipId}/subtree",
        In(Viewer),
        200,
        |cast, actor| node(cast, actor, "/subtree"),
    ),
    route(
        "POST",
        "/api/v1/addressspaces/{spaceId}/ips/{ipId}/allocate",
        In(Operator),
        201,
        |cast, actor| {
            let path = cast.space.path(&format!("/ips/{}/allocate", cast.node));
            actor.client.post(&path, &json!({ "prefixLength": 32 }))
        },
    ),
    route(
        "POST",
        "/api/v1/addressspaces/{spaceId}/allocate",
        In(Operator),
        201,
        |cast, actor| {
            let body = json!({ "where": { "Region": "r" }, "prefixLength": 32 });
            actor.client.post(&cast.space.path("/allocate"), &body)
        },
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/ips/{ipId}/available",
        In(Viewer),
        200,
        |cast, actor| node(cast, actor, "/available"),
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/ips/{ipId}/utilization",
        In(Viewer),
        200,
        |cast, actor| node(cast, actor, "/utilization"),
    ),
    route(
        "POST",
        "/api/v1/addressspaces/{spaceId}/ips/{ipId}/split",
        In(Operator),
        201,
        |cast, actor| {
            let id = cast.space.node(&block(), json!({}));
            let path = cast.space.path(&format!("/ips/{id}/split"));
            actor.client.post(&path, &json!({ "prefixLength": 29 }))
        },
    ),
    route(
        "POST",
        "/api/v1/addressspaces/{spaceId}/ips/merge",
        In(Operator),
        200,
        |cast, actor| {
            let whole = block();
            let (left, right) = (whole.replace("/28", "/29"), whole.replace(".0/28", ".8/29"));
            let ids = [left, right].map(|prefix| cast.space.node(&prefix, json!({})));
            actor
                .client
                .post(&cast.space.path("/ips/merge"), &json!({ "ids": ids }))
        },
    ),
    route(
        "POST",
        "/api/v1/addressspaces/{spaceId}/ips/{ipId}/resize",
        In(Operator),
        200,
        |cast, actor| {
            let id = cast.space.node(&block(), json!({}));
            let path = cast.space.path(&format!("/ips/{id}/resize"));
            actor.client.post(&path, &json!({ "prefixLength": 27 }))
        },
    ),
    route(
        "POST",
        "/api/v1/addressspaces/{spaceId}/ips/import",
        In(Operator),
        200,
        |cast, actor| import(cast, &actor.client),
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/ips/export",
        In(Viewer),
        200,
        |cast, actor| seen(cast, actor, "/ips/export"),
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/imports",
        In(Viewer),
        200,
        |cast, actor| seen(cast, actor, "/imports"),
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/imports/{importId}",
        SeenInWhole(Viewer),
        200,
        |cast, actor| seen(cast, actor, &imported(cast)),
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/imports/{importId}/failed",
        SeenInWhole(Viewer),
        200,
        |cast, actor| seen(cast, actor, &format!("{}/failed", imported(cast))),
    ),
    route(
        "POST",
        "/api/v1/addressspaces/{spaceId}/imports/{importId}/stop",
        SeenInWhole(Operator),
        200,
        |cast, actor| {
            let place = format!("{}/stop", imported(cast));
            actor
                .client
                .request(Method::POST, &cast.space.path(&place))
                .send()
        },
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/ips/{ipId}/history",
        In(Viewer),
        200,
        |cast, actor| node(cast, actor, "/history"),
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/history",
        In(Viewer),
        200,
        |cast, actor| seen(cast, actor, "/history?prefix=10.1.1.0/24"),
    ),
    route(
        "GET",
        "/api/v1/addressspaces/{spaceId}/changes",
        In(Viewer),
        200,
        |cast, actor| seen(cast, actor, "/changes?since=0"),
    ),
    route("GET", "/api/v1/search", AnyUser, 200, |_, actor| {
        actor.client.get("/api/v1/search?q=10.1.1.1")
    }),
    route(
        "POST",
        "/api/v1/addressspaces/{spaceId}/changes/{version}/revert",
        In(Operator),
        200,
        |cast, actor| {
            let id = cast.space.node(&address(), json!({}));
            let history = cast.space.get(&format!("/ips/{id}/history")).ok();
            let path = cast
                .space
                .path(&format!("/changes/{}/revert", history[0]["version"]));
            actor.client.request(Method::POST, &path).send()
        },
    ),
    route("POST", "/api/v1/auth/login", Anybody, 200, |cast, actor| {
        login(&actor.client, &cast.at.user(&[]).name)
    }),
    route("POST", "/api/v1/auth/refresh", Anybody, 200, |cast, actor| {
        actor.client.post(
            "/api/v1/auth/refresh",
            &json!({ "refreshToken": refresh_token(cast) }),
        )
    }),
    route("POST", "/api/v1/auth/logout", Anybody, 204, |cast, actor| {
        actor.client.post(
            "/api/v1/auth/logout",
            &json!({ "refreshToken": refresh_token(cast) }),
        )
    }),
    route("GET", "/api/v1/auth/tokens", AnyUser, 200, |_, actor| {
        actor.client.get("/api/v1/auth/tokens")
    }),
    route("POST", "/api/v1/auth/tokens", AnyUser, 201, |_, actor| {
        actor
            .client
            .post("/api/v1/auth/tokens", &json!({ "name": unique("t") }))
    }),
    route(
        "DELETE",
        "/api/v1/auth/tokens/{tokenId}",
        AnyUser,
        204,
        |_, actor| {
            let mut id = uuid::Uuid::now_v7().to_string();
            if actor.user.is_some() {
                let made = actor
                    .client
                    .post("/api/v1/auth/tokens", &json!({ "name": unique("t") }))
                    .made();
                made["id"].as_str().unwrap().clone_into(&mut id);
            }
            actor.client.delete(&format!("/api/v1/auth/tokens/{id}"))
        },
    ),
    route("GET", "/api/v1/me", AnyUser, 200, |_, actor| {
        actor.client.get("/api/v1/me")
    }),
    route("GET", "/api/v1/users", SystemAdmins, 200, |_, actor| {
        actor.client.get("/api/v1/users")
    }),
    route("POST", "/api/v1/users", SystemAdmins, 201, |_, actor| {
        actor.client.post(
            "/api/v1/users",
            &json!({ "username": unique("walk"), "password": PASSWORD }),
        )
    }),
    // Of another user: their own is theirs to read, which `users` tests.
    route("GET", "/api/v1/users/{name}", SystemAdmins, 200, |_, actor| {
        actor.client.get("/api/v1/users/admin")
    }),
    route("PUT", "/api/v1/users/{name}", SystemAdmins, 200, |cast, actor| {
        let name = cast.at.user(&[]).name;
        actor.client.put(
            &format!("/api/v1/users/{name}"),
            &json!({ "password": "five tame foxes nap here" }),
        )
    }),
    route(
        "DELETE",
        "/api/v1/users/{name}",
        SystemAdmins,
        204,
        |cast, actor| {
            actor
                .client
                .delete(&format!("/api/v1/users/{}", cast.at.user(&[]).name))
        },
    ),
    route("GET", "/api/v1/users/{name}/roles", AnyAdmin, 200, |_, actor| {
        actor.client.get("/api/v1/users/admin/roles")
    }),
    route(
        "POST",
        "/api/v1/users/{name}/roles",
        SubtreeAdmins,
        201,
        |cast, actor| {
            let roles = format!("/api/v1/users/{}/roles", cast.at.user(&[]).name);
            actor.client.post(
                &roles,
                &Grant::within("AddressSpaceViewer", &cast.space.id, "10.1.1.0/24").body(),
            )
        },
    ),
    route(
        "GET",
        "/api/v1/users/{name}/roles/{grantId}",
        SubtreeAdmins,
        200,
        |cast, actor| actor.client.get(&role(cast)),
    ),
    route(
        "DELETE",
        "/api/v1/users/{name}/roles/{grantId}",
        SubtreeAdmins,
        204,
        |cast, actor| actor.client.delete(&role(cast)),
    ),
    route("GET", "/.well-known/jwks.json", Anybody, 200, |_, actor| {
        actor.client.get("/.well-known/jwks.json")
    }),
    route("GET", "/health", Anybody, 200, |_, actor| {
        actor.client.get("/health")
    }),
    route("GET", "/ready", Anybody, 200, |_, actor| {
        actor.client.get("/ready")
    }),
    route("GET", "/graphql", AnyUser, 200, |_, actor| {
        actor.client.get("/graphql?query=%7B__typename%7D")
    }),
    route("POST", "/graphql", AnyUser, 200, |_, actor| {
        actor
            .client
            .post("/graphql", &json!({ "query": "{ __typename }" }))
    }),
    route("GET", "/openapi.json", Anybody, 200, |_, actor| {
        actor.client.get("/openapi.json")
    }),
    route("GET", "/docs", Anybody, 200, |_, actor| actor.client.get("/docs")),
    route("GET", "/docs/", Anybody, 200, |_, actor| {
        actor.client.get("/docs/")
    }),
    route("GET", "/docs/{file}", Anybody, 200, |_, actor| {
        actor.client.get("/docs/swagger-ui.css")
    }),
];

/// A prefix in everybody's subtree that nobody has used.
fn address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("10.1.{}.{}/32", 100 + number / 250 % 100, number % 250)
}

/// A /28 in everybody's subtree, alone in its /24.
fn block() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("10.1.{}.0/28", 2 + NEXT.fetch_add(1, Ordering::Relaxed) % 98)
}

fn seen(cast: &Cast<'_>, actor: &Actor, rest: &str) -> Answer {
    actor.client.get(&cast.space.path(rest))
}

fn import(cast: &Cast<'_>, client: &Client) -> Answer {
    client
        .request(Method::POST, &cast.space.path("/ips/import"))
        .header("content-type", "text/csv")
        .body("prefix\n")
        .send()
}

/// An import of an administrator's.
fn imported(cast: &Cast<'_>) -> String {
    let import = import(cast, &cast.at.admin()).expect(200).json();
    format!("/imports/{}", import["id"].as_str().unwrap())
}

fn node(cast: &Cast<'_>, actor: &Actor, rest: &str) -> Answer {
    seen(cast, actor, &format!("/ips/{}{rest}", cast.node))
}

fn login(client: &Client, user: &str) -> Answer {
    client
        .request(Method::POST, "/api/v1/auth/login")
        .json(&json!({ "username": user, "password": PASSWORD }))
        .send()
}

fn refresh_token(cast: &Cast<'_>) -> String {
    let user = cast.at.user(&[]);
    login(&user.client, &user.name).ok()["refreshToken"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The path of a role that was given to somebody in the subtree.
fn role(cast: &Cast<'_>) -> String {
    let roles = format!("/api/v1/users/{}/roles", cast.at.user(&[]).name);
    let grant = Grant::within("AddressSpaceViewer", &cast.space.id, "10.1.1.0/24");
    let made = cast.at.admin().post(&roles, &grant.body()).made();
    format!("{roles}/{}", made["id"].as_str().unwrap())
}
