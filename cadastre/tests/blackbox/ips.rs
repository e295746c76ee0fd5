//! `/api/v1/addressspaces/{spaceId}/ips`: the tree and its nodes. Lists and searches are in `find`, what
//! happens to tags when nodes go in `removal`.

mod allocation;
mod find;
mod removal;

use reqwest::Method;

use crate::support::{Deployment, Value, claims, json};

claims! {
    both: [
        a_new_node_is_answered_read_back_and_found,
        a_node_made_between_two_others_becomes_the_parent_of_the_lower,
        both_families_keep_to_themselves_from_zero_to_full_length,
        put_replaces_the_tags_and_what_get_returned_can_be_put_back,
        explain_names_the_node_and_the_way_of_every_value,
        the_same_key_and_body_make_one_node,
    ],
    one: [
        a_parent_id_must_be_the_tightest_container,
        a_prefix_exists_once,
        an_older_etag_and_differing_read_only_fields_are_refused,
        a_dry_run_changes_nothing_and_shows_what_stands_in_the_way,
        a_node_carries_at_most_32_tags,
        ids_of_other_spaces_and_of_nobody_are_not_found,
    ],
}

fn a_new_node_is_answered_read_back_and_found(at: &Deployment) {
    let space = at.space();
    space.tag("Region");
    space.define(json!({ "name": "Owner", "type": "NonInheritable" }));
    let top = space
        .post(
            "/ips",
            &json!({ "prefix": "10.0.0.0/8", "tags": { "Region": "USWest" } }),
        )
        .expect(201);
    let made = top.json();
    assert_eq!(
        (&made["prefix"], &made["parentId"]),
        (&json!("10.0.0.0/8"), &Value::Null)
    );
    assert_eq!(
        (&made["tags"], &made["resolvedTags"]),
        (&json!({ "Region": "USWest" }), &json!({ "Region": "USWest" }))
    );
    let id = made["id"].as_str().unwrap();
    assert_eq!(
        top.header("location"),
        Some(space.path(&format!("/ips/{id}")).as_str())
    );

    let body = json!({
        "prefix": "10.1.0.0/16", "parentId": id, "tags": { "Owner": "team-networking" }, "description": "Lab",
    });
    let below = space.post("/ips", &body).expect(201);
    let made = below.json();
    assert_eq!(
        (&made["parentId"], &made["description"]),
        (&json!(id), &json!("Lab"))
    );
    assert_eq!(
        made["resolvedTags"],
        json!({ "Owner": "team-networking", "Region": "USWest" })
    );
    assert!(made["createdOn"].as_str().unwrap().ends_with('Z'));
    let read = space
        .get(&format!("/ips/{}", made["id"].as_str().unwrap()))
        .expect(200);
    assert_eq!((read.json(), read.etag()), (made.clone(), below.etag()));
    assert_eq!(space.by_prefix("10.1.0.0/16"), made);
    assert_eq!(space.by_prefix("10.1.0.0%2F16"), made);
}

fn a_node_made_between_two_others_becomes_the_parent_of_the_lower(at: &Deployment) {
    let space = at.space();
    let low = space.node("10.1.1.0/24", json!({}));
    assert_eq!(space.by_prefix("10.1.1.0/24")["parentId"], Value::Null);
    let top = space.node("10.0.0.0/8", json!({}));
    assert_eq!(space.by_prefix("10.1.1.0/24")["parentId"], json!(top));
    let etag = space.get(&format!("/ips/{low}")).etag();
    let middle = space.node("10.1.0.0/16", json!({}));
    assert_eq!(space.by_prefix("10.1.1.0/24")["parentId"], json!(middle));
    assert_eq!(space.by_prefix("10.1.0.0/16")["parentId"], json!(top));
    assert_eq!(
        space.get(&format!("/ips/{low}")).etag(),
        etag,
        "a node that did not change keeps its ETag"
    );
    assert_eq!(space.prefixes(&format!("/ips/{top}/children")), ["10.1.0.0/16"]);
    space.delete(&format!("/ips/{middle}")).gone();
    assert_eq!(space.by_prefix("10.1.1.0/24")["parentId"], json!(top));
    space.get(&format!("/ips/{middle}")).refused(404, "NotFound");
    space.delete(&format!("/ips/{middle}")).refused(404, "NotFound");
}

fn both_families_keep_to_themselves_from_zero_to_full_length(at: &Deployment) {
    let space = at.space();
    let all = [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "0.0.0.0/32",
        "128.0.0.0/1",
        "255.255.255.255/32",
        "::/0",
        "::/128",
        "2001:db8::/32",
        "2001:db8::1/128",
        "8000::/1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
    ];
    for prefix in all.iter().rev() {
        space.node(prefix, json!({}));
    }
    assert_eq!(space.prefixes("/ips"), all);
    assert_eq!(space.prefixes("/ips?parentId=root"), ["0.0.0.0/0", "::/0"]);
    let parent = |prefix: &str| {
        let id = space.by_prefix(prefix)["parentId"].as_str().unwrap().to_owned();
        space.get(&format!("/ips/{id}")).ok()["prefix"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(parent("0.0.0.0/32"), "0.0.0.0/1");
    assert_eq!(parent("255.255.255.255/32"), "128.0.0.0/1");
    assert_eq!(
        (parent("::/128"), parent("8000::/1")),
        ("::/0".to_owned(), "::/0".to_owned())
    );
    assert_eq!(parent("2001:db8::1/128"), "2001:db8::/32");
    // Another spelling is the same prefix, and is answered in the canonical one.
    space
        .post("/ips", &json!({ "prefix": "2001:DB8:0:0:0:0:0:0/32" }))
        .refused(409, "Duplicate");
    assert_eq!(
        space
            .post("/ips", &json!({ "prefix": "2001:0DB8:1::/48" }))
            .made()["prefix"],
        "2001:db8:1::/48"
    );
}

fn put_replaces_the_tags_and_what_get_returned_can_be_put_back(at: &Deployment) {
    let space = at.space();
    for tag in ["Owner", "Service", "Region"] {
        space.tag(tag);
    }
    space.node("10.0.0.0/8", json!({ "Region": "USWest" }));
    let id = space.node("10.1.0.0/16", json!({ "Owner": "team-networking" }));
    let path = format!("/ips/{id}");
    let described =
        json!({ "tags": { "Owner": "team-alpha", "Service": "new-service" }, "description": "D" });
    let changed = space.put(&path, &described).ok();
    assert_eq!(
        changed["resolvedTags"],
        json!({ "Owner": "team-alpha", "Region": "USWest", "Service": "new-service" })
    );
    assert_eq!(space.get(&path).ok(), changed);
    assert_eq!(space.put(&path, &changed).ok(), changed);
    // An absent description stays; an empty one is none.
    assert_eq!(space.put(&path, &json!({ "tags": {} })).ok()["description"], "D");
    let bare = space.put(&path, &json!({ "tags": {}, "description": "" })).ok();
    assert_eq!((&bare["tags"], bare.get("description")), (&json!({}), None));
    space.put(&path, &json!({})).refused(400, "MalformedRequest");
}

fn explain_names_the_node_and_the_way_of_every_value(at: &Deployment) {
    let space = at.space();
    space.tag("Continent");
    space.define(
        json!({ "name": "Region", "type": "Inheritable", "implies": { "Continent": { "eu-1": "Europe" } } }),
    );
    space
        .define(json!({ "name": "Site", "type": "Inheritable", "implies": { "Region": { "AMS": "eu-1" } } }));
    space.tag("Owner");
    let top = space.node("10.0.0.0/8", json!({ "Site": "AMS", "Owner": "top" }));
    let id = space.node("10.1.0.0/16", json!({ "Owner": "low" }));
    let answer = space.get(&format!("/ips/{id}/explain")).ok();
    assert_eq!(
        (&answer["id"], &answer["prefix"]),
        (&json!(id), &json!("10.1.0.0/16"))
    );
    let of = |tag: &str| {
        answer["tags"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["tag"] == tag)
            .unwrap_or_else(|| panic!("{tag}: {answer}"))
    };
    assert_eq!(answer["tags"].as_array().unwrap().len(), 4);
    let facts = |tag: &str| {
        let entry = of(tag);
        (
            entry["value"].as_str().unwrap(),
            entry["source"].as_str().unwrap(),
            entry["nodePrefix"].as_str().unwrap(),
        )
    };
    assert_eq!(facts("Owner"), ("low", "explicit", "10.1.0.0/16"));
    assert_eq!(facts("Site"), ("AMS", "inherited", "10.0.0.0/8"));
    assert_eq!(facts("Continent"), ("Europe", "inheritedImplied", "10.0.0.0/8"));
    assert_eq!(
        of("Continent")["impliedBy"],
        json!({ "tag": "Region", "value": "eu-1" })
    );
    let chain = json!([{ "tag": "Site", "value": "AMS" }, { "tag": "Region", "value": "eu-1" }]);
    assert_eq!(of("Continent")["implicationChain"], chain);
    assert_eq!(
        (&of("Owner")["nodeId"], &of("Site")["nodeId"]),
        (&json!(id), &json!(top))
    );
    for entry in answer["tags"].as_array().unwrap() {
        let reason = entry["reason"].as_str().unwrap();
        assert!(
            reason.contains(entry["nodePrefix"].as_str().unwrap()) || entry["source"] == "explicit",
            "{reason}"
        );
    }
    let at_top = space.get(&format!("/ips/{top}/explain")).ok();
    let continent = at_top["tags"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["tag"] == "Continent")
        .unwrap();
    assert_eq!(continent["source"], "implied");
}

fn the_same_key_and_body_make_one_node(at: &Deployment) {
    let space = at.space();
    space.tag("Owner");
    let send = |rest: &str, body: Value, key: &str| {
        space
            .client
            .request(Method::POST, &space.path(rest))
            .header("idempotency-key", key)
            .json(&body)
            .send()
    };
    let body = json!({ "prefix": "10.0.0.0/8", "tags": { "Owner": "x" } });
    // A dry run leaves no trace.
    send("/ips?dryRun=true", json!({ "prefix": "11.0.0.0/8" }), "k").expect(200);
    let first = send("/ips", body.clone(), "k").expect(201);
    let id = first.json()["id"].as_str().unwrap().to_owned();
    // The answer stays what it was, whatever has happened since.
    space
        .put(&format!("/ips/{id}"), &json!({ "tags": {} }))
        .expect(200);
    let again = send("/ips", body.clone(), "k").expect(201);
    assert_eq!((again.json(), again.etag()), (first.json(), first.etag()));
    send("/ips", json!({ "prefix": "10.0.0.0/9" }), "k").refused(409, "IdempotencyMismatch");
    send("/ips", body.clone(), "other").refused(409, "Duplicate");
    send("/ips", body, "k").expect(201);
    assert_eq!(space.prefixes("/ips"), ["10.0.0.0/8"]);
}

fn a_parent_id_must_be_the_tightest_container(at: &Deployment) {
    let space = at.space();
    let top = space.node("10.0.0.0/8", json!({}));
    let middle = space.node("10.1.0.0/16", json!({}));
    let beside = space.node("10.2.0.0/16", json!({}));
    let post =
        |prefix: &str, parent: Value| space.post("/ips", &json!({ "prefix": prefix, "parentId": parent }));
    for wrong in [json!(top), json!(beside), json!(uuid::Uuid::now_v7())] {
        let error = post("10.1.1.0/24", wrong).refused(400, "InvalidParent");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("10.1.0.0/16") && message.contains(&middle),
            "{message}"
        );
    }
    post("11.0.0.0/8", json!(top)).refused(400, "InvalidParent");
    post("10.1.1.0/24", json!("root")).refused(400, "MalformedRequest");
    assert_eq!(
        post("10.1.1.0/24", json!(middle)).made()["parentId"],
        json!(middle)
    );
    assert_eq!(post("10.1.2.0/24", Value::Null).made()["parentId"], json!(middle));
}

fn a_prefix_exists_once(at: &Deployment) {
    let space = at.space();
    let id = space.node("10.0.0.0/8", json!({}));
    let error = space
        .post("/ips", &json!({ "prefix": "10.0.0.0/8" }))
        .refused(409, "Duplicate");
    assert!(
        error["message"].as_str().unwrap().contains("10.0.0.0/8"),
        "{error}"
    );
    at.space().node("10.0.0.0/8", json!({}));
    space.delete(&format!("/ips/{id}")).gone();
    assert_ne!(space.node("10.0.0.0/8", json!({})), id);
}

fn an_older_etag_and_differing_read_only_fields_are_refused(at: &Deployment) {
    let space = at.space();
    space.tag("Owner");
    let id = space.node("10.0.0.0/8", json!({}));
    let path = space.path(&format!("/ips/{id}"));
    let put = |etag: &str, owner: &str| {
        let body = json!({ "tags": { "Owner": owner } });
        space
            .client
            .request(Method::PUT, &path)
            .header("if-match", etag)
            .json(&body)
            .send()
    };
    let old = space.client.get(&path).etag();
    let new = put(&old, "a").expect(200).etag();
    put(&old, "b").refused(412, "PreconditionFailed");
    put("\"0\"", "b").refused(412, "PreconditionFailed");
    put("*", "b").expect(200);
    let delete = |etag: &str| {
        space
            .client
            .request(Method::DELETE, &path)
            .header("if-match", etag)
            .send()
    };
    delete(&new).refused(412, "PreconditionFailed");
    let stored = space.client.get(&path).ok();
    let differing = [
        ("id", json!(uuid::Uuid::now_v7())),
        ("prefix", json!("10.0.0.0/9")),
        ("parentId", json!(id)),
        ("resolvedTags", json!({})),
        ("createdOn", json!("2001-01-01T00:00:00Z")),
        ("modifiedOn", json!("2001-01-01T00:00:00Z")),
    ];
    for (field, value) in differing {
        let mut body = stored.clone();
        body[field] = value;
        let error = space.client.put(&path, &body).refused(400, "ReadOnlyField");
        assert!(error["message"].as_str().unwrap().contains(field), "{error}");
    }
    assert_eq!(space.client.get(&path).ok(), stored);
    let now = space.client.get(&path).etag();
    delete(&now).gone();
}

fn a_dry_run_changes_nothing_and_shows_what_stands_in_the_way(at: &Deployment) {
    let space = at.space();
    space.tag("Owner");
    let top = space.node("10.0.0.0/8", json!({ "Owner": "net" }));
    space.node("10.1.0.0/16", json!({}));
    let before = space.dump();
    let plan = space
        .post("/ips?dryRun=true", &json!({ "prefix": "10.2.0.0/16" }))
        .ok();
    let change = &plan["changes"][0];
    assert_eq!(
        (&change["action"], &change["kind"], &change["name"]),
        (&json!("create"), &json!("ip"), &json!("10.2.0.0/16"))
    );
    assert_eq!(change["after"]["resolvedTags"], json!({ "Owner": "net" }));
    let plan = space
        .post("/ips?dryRun=true", &json!({ "prefix": "10.1.0.0/16" }))
        .ok();
    assert_eq!(plan["conflicts"][0]["code"], "Duplicate");
    let plan = space
        .put(&format!("/ips/{top}?dryRun=true"), &json!({ "tags": {} }))
        .ok();
    assert_eq!(plan["changes"][0]["action"], "update");
    // Deleting hands the tag down: the plan shows both nodes.
    let plan = space.delete(&format!("/ips/{top}?dryRun=true")).ok();
    let names: Vec<&str> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["10.0.0.0/8", "10.1.0.0/16"]);
    assert_eq!(plan["changes"][1]["after"]["tags"], json!({ "Owner": "net" }));
    assert_eq!(space.dump(), before);
}

fn a_node_carries_at_most_32_tags(at: &Deployment) {
    let space = at.space();
    let tags = |count: usize| -> Value {
        (0..count)
            .map(|n| (format!("T{n}"), json!("v")))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    for number in 0..33 {
        space.tag(&format!("T{number}"));
    }
    space
        .post("/ips", &json!({ "prefix": "10.0.0.0/8", "tags": tags(33) }))
        .refused(400, "TooManyTags");
    let id = space.node("10.0.0.0/8", tags(32));
    space
        .put(&format!("/ips/{id}"), &json!({ "tags": tags(33) }))
        .refused(400, "TooManyTags");
    assert_eq!(space.by_prefix("10.0.0.0/8")["resolvedTags"], tags(32));
}

fn ids_of_other_spaces_and_of_nobody_are_not_found(at: &Deployment) {
    let (space, other) = (at.space(), at.space());
    let id = space.node("10.0.0.0/8", json!({}));
    for id in [id, uuid::Uuid::now_v7().to_string()] {
        let path = format!("/ips/{id}");
        other.get(&path).refused(404, "NotFound");
        for rest in ["explain", "children", "subtree"] {
            other.get(&format!("{path}/{rest}")).refused(404, "NotFound");
        }
        other.get(&format!("/ips?parentId={id}")).refused(404, "NotFound");
        other.put(&path, &json!({ "tags": {} })).refused(404, "NotFound");
        other.delete(&path).refused(404, "NotFound");
    }
    assert_eq!(space.prefixes("/ips"), ["10.0.0.0/8"]);
}
