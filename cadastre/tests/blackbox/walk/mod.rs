//! Who may do what: every route, called by everybody. What is expected comes from the table in this folder, which
//! was written from the description of the roles and not from the server's own table; a route that the server
//! describes and this table does not know fails the walk, and the other way round.

mod actors;
mod at_once;
mod isp;
mod subtree;
mod table;
mod who;

use std::collections::BTreeSet;

use crate::support::{Deployment, claims};
use actors::Cast;
use table::ROUTES;
use who::Expected;

claims! {
    both: [every_route_answers_every_caller_as_the_table_of_this_test_says],
    one: [
        the_table_of_this_test_knows_every_route_that_the_server_describes,
        an_invisible_space_is_answered_like_one_that_is_not_there,
    ],
}

fn the_table_of_this_test_knows_every_route_that_the_server_describes(at: &Deployment) {
    let document = at.client().get("/openapi.json").ok();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            if matches!(
                method.as_str(),
                "get" | "put" | "post" | "delete" | "patch" | "head" | "options" | "trace"
            ) {
                described.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let known: BTreeSet<String> = ROUTES
        .iter()
        .chain(isp::ROUTES)
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let missing: Vec<&String> = described.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "the server describes routes whose callers nobody has tested: {missing:?}"
    );
    let gone: Vec<&String> = known.difference(&described).collect();
    assert!(gone.is_empty(), "the server no longer describes {gone:?}");
}

fn every_route_answers_every_caller_as_the_table_of_this_test_says(at: &Deployment) {
    let cast = Cast::new(at);
    let mut wrong = Vec::new();
    let mut calls = 0;
    for route in ROUTES.iter().chain(isp::ROUTES) {
        for actor in &cast.actors {
            let expected = route.expected(actor);
            let answer = (route.call)(&cast, actor);
            calls += 1;
            let fits = match expected {
                // The caller may, and the shape of the deployment says no.
                Expected::Done => {
                    answer.status == route.done
                        || (at.table().is_some()
                            && answer.status == 409
                            && answer.error()["code"] == "BackupElsewhere")
                }
                Expected::Unauthenticated => {
                    answer.status == 401 && answer.error()["code"] == "Unauthenticated"
                }
                Expected::Forbidden => {
                    answer.status == 403
                        && matches!(
                            answer.error()["code"].as_str(),
                            Some("Forbidden" | "OutsideScope")
                        )
                }
                Expected::Hidden => answer.status == 404 && answer.error()["code"] == "NotFound",
            };
            if !fits {
                let (status, text) = (answer.status, answer.text());
                let text: String = text.chars().take(200).collect();
                wrong.push(format!(
                    "{} {} by {}: expected {expected:?}, got {status} {text}",
                    route.method, route.path, actor.name
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {calls} calls:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    at.assert_no_panic();
}

fn an_invisible_space_is_answered_like_one_that_is_not_there(at: &Deployment) {
    let (space, user) = (at.space(), at.user(&[]));
    let node = space.node("10.0.0.0/8", crate::support::json!({}));
    let nobody = uuid::Uuid::now_v7().to_string();
    for rest in [
        "",
        "/tags",
        "/tags/Region",
        "/ips",
        "/ips/lookup?address=10.0.0.1",
        &format!("/ips/{node}"),
        &format!("/ips/{node}/history"),
        &format!("/ips/{node}?asOf=2026-01-01T00:00:00Z"),
        "/history?prefix=10.0.0.0/8",
        "/changes",
    ] {
        let error = |space: &str| {
            let mut error = user
                .client
                .get(&format!("/api/v1/addressspaces/{space}{rest}"))
                .refused(404, "NotFound");
            error["correlationId"].take();
            error
        };
        assert_eq!(error(&space.id), error(&nobody), "{rest}");
    }
}
