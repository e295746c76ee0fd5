//! `…/changes/{version}/revert`: taking a change back.

use reqwest::Method;

use crate::support::{Answer, Deployment, Grant, Space, claims, json, pages};

claims! {
    both: [
        a_change_and_its_revert_leave_everything_as_it_was,
        the_same_key_takes_a_change_back_once,
    ],
    one: [
        what_came_since_stands_in_the_way_and_is_named,
        a_change_outside_the_subtree_is_not_there_to_take_back,
        a_dry_run_of_a_revert_changes_nothing,
    ],
}

/// The version of a space.
fn head(space: &Space) -> u64 {
    let entries = pages::all(&space.client, &space.path("/changes"), 1000, "version");
    entries.last().unwrap()["version"].as_u64().unwrap()
}

fn revert(space: &Space, version: u64, rest: &str) -> Answer {
    let path = space.path(&format!("/changes/{version}/revert{rest}"));
    space.client.request(Method::POST, &path).send()
}

/// What a change is called, and how it is made.
type Change<'a> = (&'a str, &'a dyn Fn());

fn a_change_and_its_revert_leave_everything_as_it_was(at: &Deployment) {
    let space = at.space();
    space.tag("Region");
    let top = space.node("10.0.0.0/8", json!({ "Region": "eu" }));
    space.node("10.1.0.0/16", json!({}));
    let lower = space.node("10.1.1.0/24", json!({}));
    let stored = || {
        let mut dump = space.dump();
        for node in dump["ips"].as_array_mut().unwrap() {
            node.as_object_mut().unwrap().remove("modifiedOn");
        }
        dump
    };
    let before = stored();
    let body = json!({ "tags": { "Region": "us" }, "description": "moved" });
    let changes: [Change<'_>; 4] = [
        ("UpdateNode", &|| {
            drop(space.put(&format!("/ips/{top}"), &body).ok())
        }),
        ("DeleteNode", &|| space.delete(&format!("/ips/{top}")).gone()),
        ("SplitNode", &|| {
            let split = space.post(&format!("/ips/{lower}/split"), &json!({ "prefixLength": 26 }));
            drop(split.expect(201));
        }),
        ("ResizeNode", &|| {
            let resize = space.post(&format!("/ips/{lower}/resize"), &json!({ "prefixLength": 23 }));
            drop(resize.ok());
        }),
    ];
    for (name, change) in changes {
        change();
        let after = stored();
        assert_ne!(after, before, "{name}");
        let changed = head(&space);
        let back = revert(&space, changed, "").ok();
        assert_eq!(
            (&back["command"], &back["reverts"], &back["version"]),
            (&json!("Revert"), &json!(changed), &json!(changed + 1))
        );
        assert_eq!(stored(), before, "{name}");
        revert(&space, changed + 1, "").ok();
        assert_eq!(stored(), after, "{name} again");
        revert(&space, changed + 2, "").ok();
        assert_eq!(stored(), before, "{name} back again");
    }
}

fn the_same_key_takes_a_change_back_once(at: &Deployment) {
    let space = at.space();
    space.node("10.0.0.0/8", json!({}));
    let made = head(&space);
    let ask = || {
        let path = space.path(&format!("/changes/{made}/revert"));
        let request = space.client.request(Method::POST, &path);
        request.header("idempotency-key", "back").send()
    };
    let (first, second) = (ask(), ask());
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.ok(), second.ok());
    assert_eq!(head(&space), made + 1);
    assert!(space.prefixes("/ips").is_empty());
}

fn what_came_since_stands_in_the_way_and_is_named(at: &Deployment) {
    let space = at.space();
    space.tag("Region");
    let top = space.node("10.0.0.0/8", json!({ "Region": "eu" }));
    let made = head(&space);
    space.node("10.1.0.0/16", json!({}));
    let error = revert(&space, made, "").refused(409, "RevertConflict");
    let sentence = error["message"].as_str().unwrap();
    assert!(
        sentence.contains("10.1.0.0/16") && sentence.contains("Region=eu"),
        "{sentence}"
    );
    space
        .put(
            &format!("/ips/{top}"),
            &json!({ "tags": {}, "description": "later" }),
        )
        .ok();
    let changed = head(&space);
    let error = revert(&space, made, "").refused(409, "RevertConflict");
    assert_eq!(error["details"]["changedSince"][0]["changedBy"], changed);
    revert(&space, changed, "").ok();
    let error = revert(&space, changed, "").refused(409, "RevertConflict");
    assert_eq!(error["details"]["revertedBy"], changed + 1);
    revert(&space, 0, "").refused(404, "NotFound");
    revert(&space, changed + 99, "").refused(404, "NotFound");
}

fn a_change_outside_the_subtree_is_not_there_to_take_back(at: &Deployment) {
    let space = at.space();
    space.tag("Region");
    let defined = head(&space);
    space.node("10.1.0.0/16", json!({}));
    space.node("10.2.0.0/16", json!({}));
    let beside = head(&space);
    space.node("10.1.1.0/24", json!({}));
    let user = at.user(&[Grant::within("AddressSpaceOperator", &space.id, "10.1.0.0/16")]);
    let narrowed = space.seen_by(&user.client);
    let message = |version: u64| {
        let error = revert(&narrowed, version, "").refused(404, "NotFound");
        error["message"]
            .as_str()
            .unwrap()
            .replace(&version.to_string(), "N")
    };
    let head = beside + 1;
    assert_eq!(
        message(beside).replace(&head.to_string(), "H"),
        message(beside + 99).replace(&head.to_string(), "H")
    );
    revert(&narrowed, defined, "").refused(403, "OutsideScope");
    revert(&narrowed, head, "").ok();
    assert_eq!(space.prefixes("/ips"), ["10.1.0.0/16", "10.2.0.0/16"]);
}

fn a_dry_run_of_a_revert_changes_nothing(at: &Deployment) {
    let space = at.space();
    space.node("10.0.0.0/8", json!({}));
    let before = space.dump();
    let made = head(&space);
    let plan = revert(&space, made, "?dryRun=true").ok();
    assert_eq!(
        (
            &plan["changes"][0]["action"],
            &plan["changes"][0]["name"],
            &plan["conflicts"]
        ),
        (&json!("delete"), &json!("10.0.0.0/8"), &json!([]))
    );
    assert_eq!((space.dump(), head(&space)), (before, made));
}
