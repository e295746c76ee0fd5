//! A role narrowed to a subtree: everything in it, the chain above with prefix and tags only, nothing beside it.

use crate::support::{Deployment, Grant, Space, Value, claims, json, pages};

claims! {
    both: [
        an_operator_of_a_subtree_works_in_it_and_nowhere_else,
        the_chain_above_shows_prefix_and_tags_only_and_nothing_beside_is_there,
    ],
    one: [
        the_root_of_the_scope_may_be_tagged_and_not_deleted,
        refusals_and_plans_name_nothing_outside_the_scope,
        two_subtrees_are_seen_together_and_apart_from_what_lies_between,
        a_viewer_of_a_subtree_sees_as_much_and_changes_nothing,
    ],
}

const CHAIN: [&str; 1] = ["10.0.0.0/8"];
const INSIDE: [&str; 4] = ["10.1.0.0/16", "10.1.1.0/24", "10.1.1.1/32", "10.1.2.0/24"];
const BESIDE: [&str; 4] = ["10.2.0.0/16", "10.2.1.0/24", "192.0.2.0/24", "2001:db8::/32"];

/// A space with nodes in, above and beside `10.1.0.0/16`, and the same space as somebody of a role in it sees it.
fn narrowed(at: &Deployment, role: &'static str) -> (Space, Space) {
    let space = at.space();
    space.tag("Region");
    space.define(json!({ "name": "Owner", "type": "NonInheritable" }));
    for prefix in CHAIN.iter().chain(&INSIDE).chain(&BESIDE) {
        let tags = json!({ "Owner": format!("owner of {prefix}"), "Region": format!("region {prefix}") });
        let body = json!({ "prefix": prefix, "tags": tags, "description": format!("about {prefix}") });
        space.post("/ips", &body).made();
    }
    let user = at.user(&[Grant::within(role, &space.id, "10.1.0.0/16")]);
    let seen = space.seen_by(&user.client);
    (space, seen)
}

fn id(space: &Space, prefix: &str) -> String {
    space.by_prefix(prefix)["id"].as_str().unwrap().to_owned()
}

fn an_operator_of_a_subtree_works_in_it_and_nowhere_else(at: &Deployment) {
    let (space, seen) = narrowed(at, "AddressSpaceOperator");
    let made = seen.node("10.1.3.0/24", json!({ "Region": "mine" }));
    seen.put(
        &format!("/ips/{made}"),
        &json!({ "tags": {}, "description": "d" }),
    )
    .expect(200);
    // What is handed down stays inside.
    let inner = id(&space, "10.1.1.0/24");
    seen.delete(&format!("/ips/{inner}")).gone();
    assert_eq!(
        space.by_prefix("10.1.1.1/32")["resolvedTags"]["Region"],
        "region 10.1.1.1/32"
    );
    seen.delete(&format!("/ips/{made}")).gone();

    let before = space.dump();
    for prefix in [
        "0.0.0.0/0",
        "10.0.0.0/9",
        "10.0.0.0/15",
        "10.2.3.0/24",
        "11.0.0.0/8",
        "2001:db8:1::/48",
        "::/0",
    ] {
        seen.post("/ips", &json!({ "prefix": prefix }))
            .refused(403, "OutsideScope");
    }
    let above = format!("/ips/{}", id(&space, "10.0.0.0/8"));
    seen.put(&above, &json!({ "tags": {} }))
        .refused(403, "OutsideScope");
    seen.delete(&above).refused(403, "OutsideScope");
    for prefix in BESIDE {
        let path = format!("/ips/{}", id(&space, prefix));
        seen.put(&path, &json!({ "tags": {} })).refused(404, "NotFound");
        seen.delete(&path).refused(404, "NotFound");
        // That it exists is not said either.
        seen.post("/ips", &json!({ "prefix": prefix }))
            .refused(403, "OutsideScope");
    }
    let body = json!({ "name": "Region", "type": "Inheritable" });
    seen.post("/tags", &body).refused(403, "Forbidden");
    seen.put("/tags/Region", &body).refused(403, "Forbidden");
    seen.delete("/tags/Region").refused(403, "Forbidden");
    seen.delete("").refused(403, "Forbidden");
    assert_eq!(space.dump(), before);
}

fn the_chain_above_shows_prefix_and_tags_only_and_nothing_beside_is_there(at: &Deployment) {
    let (space, seen) = narrowed(at, "AddressSpaceOperator");
    let visible: Vec<&str> = CHAIN.iter().chain(&INSIDE).copied().collect();
    let (top, root) = (id(&space, "10.0.0.0/8"), id(&space, "10.1.0.0/16"));

    let chain = seen.get(&format!("/ips/{top}")).ok();
    let fields: Vec<&str> = chain.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["id", "parentId", "prefix", "resolvedTags", "tags"]);
    assert_eq!(chain["tags"]["Region"], "region 10.0.0.0/8");
    assert_eq!(
        seen.get(&format!("/ips/{root}")).ok(),
        space.get(&format!("/ips/{root}")).ok()
    );
    for prefix in BESIDE {
        let hidden = id(&space, prefix);
        for rest in ["", "/explain", "/children", "/subtree"] {
            seen.get(&format!("/ips/{hidden}{rest}")).refused(404, "NotFound");
        }
        seen.get(&format!("/ips?parentId={hidden}"))
            .refused(404, "NotFound");
        assert!(
            seen.prefixes(&format!("/ips?prefix={prefix}")).is_empty(),
            "{prefix}"
        );
        assert!(
            seen.prefixes(&format!("/ips?tags=Region=region%20{prefix}"))
                .is_empty(),
            "{prefix}"
        );
    }
    assert_eq!(seen.prefixes("/ips"), visible);
    assert_eq!(seen.prefixes("/ips?parentId=root"), CHAIN);
    assert_eq!(seen.prefixes(&format!("/ips?parentId={top}")), ["10.1.0.0/16"]);
    assert_eq!(seen.prefixes(&format!("/ips/{top}/children")), ["10.1.0.0/16"]);
    assert_eq!(seen.prefixes(&format!("/ips/{top}/subtree")), visible);
    assert_eq!(seen.prefixes(&format!("/ips/{root}/subtree")), INSIDE);
    for list in [
        "/ips".to_owned(),
        format!("/ips/{top}/children"),
        format!("/ips/{top}/subtree"),
    ] {
        pages::assert_pages_agree(&seen.client, &seen.path(&list), "id");
    }
    let around = |address: &str| {
        pages::column(
            seen.get(&format!("/ips/lookup?address={address}"))
                .ok()
                .as_array()
                .unwrap(),
            "prefix",
        )
    };
    assert_eq!(
        around("10.1.1.1"),
        ["10.1.1.1/32", "10.1.1.0/24", "10.1.0.0/16", "10.0.0.0/8"]
    );
    assert_eq!(around("10.2.1.1"), CHAIN);
    assert!(around("192.0.2.1").is_empty() && around("2001:db8::1").is_empty());
    let explained = seen.get(&format!("/ips/{root}/explain")).ok();
    assert_eq!(explained["tags"].as_array().unwrap().len(), 2);
    assert_eq!(seen.get("").ok()["name"], json!(space.name));
    assert_eq!(
        pages::listed(&seen.client, "/api/v1/addressspaces", "id"),
        [space.id]
    );
}

fn the_root_of_the_scope_may_be_tagged_and_not_deleted(at: &Deployment) {
    let (space, seen) = narrowed(at, "AddressSpaceOperator");
    let root = format!("/ips/{}", id(&space, "10.1.0.0/16"));
    seen.put(&root, &json!({ "tags": { "Region": "new" } }))
        .expect(200);
    seen.delete(&root).refused(403, "OutsideScope");
    let stored = seen.get(&root).ok();
    assert_eq!(
        seen.put(&root, &stored).ok(),
        stored,
        "what GET returned can be PUT back, parentId and all"
    );
    // Where there is no node at the root of a scope yet, it may be made, and then it stays.
    let user = at.user(&[Grant::within("AddressSpaceOperator", &space.id, "10.77.0.0/16")]);
    let theirs = space.seen_by(&user.client);
    let made = theirs.node("10.77.0.0/16", json!({}));
    theirs
        .delete(&format!("/ips/{made}"))
        .refused(403, "OutsideScope");
}

fn refusals_and_plans_name_nothing_outside_the_scope(at: &Deployment) {
    let (space, seen) = narrowed(at, "AddressSpaceAdmin");
    let beside = id(&space, "10.2.0.0/16");
    let mut said: Vec<Value> = Vec::new();
    for prefix in ["10.2.1.0/24", "10.3.0.0/16"] {
        for query in ["", "?dryRun=true"] {
            let answer = seen.post(&format!("/ips{query}"), &json!({ "prefix": prefix }));
            let plan = answer.json();
            let refused = answer.status == 403 || plan["conflicts"][0]["code"] == "OutsideScope";
            assert!(
                refused && plan["changes"].as_array().is_none_or(Vec::is_empty),
                "{plan}"
            );
            said.push(json!(plan.to_string().replace(prefix, "")));
        }
    }
    let body = json!({ "prefix": "10.1.9.0/24", "parentId": beside });
    said.push(seen.post("/ips", &body).refused(400, "InvalidParent"));
    let root = id(&space, "10.1.0.0/16");
    said.push(
        seen.put(&format!("/ips/{root}?dryRun=true"), &json!({ "tags": {} }))
            .ok(),
    );
    said.push(
        seen.delete(&format!("/ips/{}?dryRun=true", id(&space, "10.1.1.0/24")))
            .ok(),
    );
    for words in said {
        let text = words.to_string().replace(&beside, "");
        assert!(BESIDE.iter().all(|prefix| !text.contains(prefix)), "{text}");
        assert!(
            !text.contains("owner of 10.2") && !text.contains("about 10.0.0.0/8"),
            "{text}"
        );
    }
}

fn two_subtrees_are_seen_together_and_apart_from_what_lies_between(at: &Deployment) {
    let (space, _) = narrowed(at, "AddressSpaceViewer");
    let grants = [
        Grant::within("AddressSpaceViewer", &space.id, "10.1.1.0/24"),
        Grant::within("AddressSpaceOperator", &space.id, "10.2.1.0/24"),
    ];
    let seen = space.seen_by(&at.user(&grants).client);
    let all = [
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.1.0/24",
        "10.1.1.1/32",
        "10.2.0.0/16",
        "10.2.1.0/24",
    ];
    assert_eq!(seen.prefixes("/ips"), all);
    assert_eq!(
        seen.prefixes(&format!("/ips/{}/children", id(&space, "10.1.0.0/16"))),
        ["10.1.1.0/24"]
    );
    seen.node("10.2.1.5/32", json!({}));
    seen.post("/ips", &json!({ "prefix": "10.1.1.5/32" }))
        .refused(403, "OutsideScope");
}

fn a_viewer_of_a_subtree_sees_as_much_and_changes_nothing(at: &Deployment) {
    let (space, seen) = narrowed(at, "AddressSpaceViewer");
    let before = space.dump();
    assert_eq!(seen.prefixes("/ips").len(), CHAIN.len() + INSIDE.len());
    let root = format!("/ips/{}", id(&space, "10.1.0.0/16"));
    seen.post("/ips", &json!({ "prefix": "10.1.9.0/24" }))
        .refused(403, "Forbidden");
    seen.put(&root, &json!({ "tags": {} })).refused(403, "Forbidden");
    seen.delete(&root).refused(403, "Forbidden");
    seen.post("/ips?dryRun=true", &json!({ "prefix": "10.1.9.0/24" }))
        .refused(403, "Forbidden");
    assert_eq!(space.dump(), before);
}
