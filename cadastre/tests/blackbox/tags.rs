//! `/api/v1/addressspaces/{spaceId}/tags`: the definitions. What they make of the values on nodes is in `rules`.

mod rules;

use reqwest::Method;

use crate::support::{Deployment, Space, Value, claims, json, pages};

claims! {
    both: [
        a_definition_is_answered_read_back_and_listed,
        a_definition_is_replaced_and_what_get_returned_can_be_put_back,
        a_definition_goes_unless_a_node_or_another_definition_needs_it,
    ],
    one: [
        definitions_are_found_by_part_of_the_name_and_paged,
        a_bad_definition_is_refused_and_says_why,
        an_older_etag_and_a_differing_read_only_field_are_refused,
        a_dry_run_changes_nothing_and_shows_what_stands_in_the_way,
        the_same_key_and_body_define_one_tag,
    ],
}

/// A space with the example that the API's own description uses.
fn example(at: &Deployment) -> Space {
    let space = at.space();
    space.define(
        json!({ "name": "Region", "type": "Inheritable", "knownValues": ["EuropeWest", "USEast", "USWest"] }),
    );
    space.define(json!({
        "name": "Datacenter", "description": "The specific datacenter.", "type": "Inheritable",
        "attributes": { "DisplayName": { "AMS05": "Amsterdam-05" } },
        "implies": { "Region": { "AMS05": "EuropeWest", "DBL01": "EuropeWest", "NYC01": "USEast" } },
    }));
    space.define(json!({ "name": "Owner", "type": "NonInheritable" }));
    space
}

fn a_definition_is_answered_read_back_and_listed(at: &Deployment) {
    let space = at.space();
    let answer = space
        .post("/tags", &json!({ "name": "Region", "type": "Inheritable" }))
        .expect(201);
    let made = answer.json();
    let expected = [
        ("name", json!("Region")),
        ("description", json!("")),
        ("type", json!("Inheritable")),
        ("knownValues", json!([])),
        ("attributes", json!({})),
        ("implies", json!({})),
        ("conflict", json!("Nearest")),
    ];
    for (field, value) in expected {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!(
        answer.header("location"),
        Some(space.path("/tags/Region").as_str())
    );
    let read = space.get("/tags/Region").expect(200);
    assert_eq!((read.json(), read.etag()), (made.clone(), answer.etag()));
    assert_eq!(space.get("/tags").ok(), json!([made]));
    space
        .post("/tags", &json!({ "name": "Region", "type": "NonInheritable" }))
        .refused(409, "NameTaken");
    space.get("/tags/region").refused(404, "NotFound");
    // Names of one space mean nothing in another.
    at.space().get("/tags/Region").refused(404, "NotFound");
}

fn a_definition_is_replaced_and_what_get_returned_can_be_put_back(at: &Deployment) {
    let space = example(at);
    let before = space.get("/tags/Datacenter").ok();
    assert_eq!(space.put("/tags/Datacenter", &before).ok(), before);
    let after = space
        .put(
            "/tags/Datacenter",
            &json!({ "type": "Inheritable", "description": "New." }),
        )
        .ok();
    assert_eq!(
        (&after["description"], &after["implies"]),
        (&json!("New."), &json!({}))
    );
    assert_eq!(
        (&after["createdOn"], &after["name"]),
        (&before["createdOn"], &json!("Datacenter"))
    );
    assert_eq!(space.get("/tags/Datacenter").ok(), after);
    space
        .put("/tags/Nowhere", &json!({ "type": "Inheritable" }))
        .refused(404, "NotFound");
    let error = space
        .put("/tags/Region", &json!({ "name": "Other", "type": "Inheritable" }))
        .error();
    assert!(error["message"].as_str().unwrap().contains("name"), "{error}");
}

fn definitions_are_found_by_part_of_the_name_and_paged(at: &Deployment) {
    let space = at.space();
    for name in ["alpha", "Beta", "beta.2", "gamma", "a:b-c_d"] {
        space.tag(name);
    }
    let names = |rest: &str| pages::listed(&space.client, &space.path(rest), "name");
    assert_eq!(names("/tags?nameContains=beta"), ["Beta", "beta.2"]);
    assert_eq!(names("/tags?nameContains=%3Ab"), ["a:b-c_d"]);
    assert!(names("/tags?nameContains=zz").is_empty());
    assert_eq!(names("/tags").len(), 5);
    pages::assert_pages_agree(&space.client, &space.path("/tags"), "name");
    let next = space.get("/tags?limit=2").next().unwrap();
    let cursor = next.split("cursor=").nth(1).unwrap();
    space
        .get(&format!("/ips?limit=2&cursor={cursor}"))
        .refused(400, "InvalidCursor");
    at.space()
        .get(&format!("/tags?limit=2&cursor={cursor}"))
        .refused(400, "InvalidCursor");
}

fn a_definition_goes_unless_a_node_or_another_definition_needs_it(at: &Deployment) {
    let space = example(at);
    let node = space.node("10.0.0.0/8", json!({ "Owner": "net" }));
    let error = space.delete("/tags/Owner").refused(400, "TagInUse");
    assert!(
        error["message"].as_str().unwrap().contains("10.0.0.0/8"),
        "{error}"
    );
    let error = space.delete("/tags/Region").refused(400, "TagInUse");
    assert!(
        error["message"].as_str().unwrap().contains("Datacenter"),
        "{error}"
    );
    space
        .put(&format!("/ips/{node}"), &json!({ "tags": {} }))
        .expect(200);
    for name in ["Owner", "Datacenter", "Region"] {
        space.delete(&format!("/tags/{name}")).gone();
        space.get(&format!("/tags/{name}")).refused(404, "NotFound");
        space.delete(&format!("/tags/{name}")).refused(404, "NotFound");
    }
    space
        .post(
            "/ips",
            &json!({ "prefix": "10.1.0.0/16", "tags": { "Owner": "x" } }),
        )
        .refused(400, "UndefinedTag");
}

fn a_bad_definition_is_refused_and_says_why(at: &Deployment) {
    let space = at.space();
    let long = "t".repeat(65);
    for name in [
        "",
        "with space",
        "slash/es",
        "ünïcode",
        "-dash",
        ".",
        "..",
        "null\u{0}",
        &long,
    ] {
        space
            .post("/tags", &json!({ "name": name, "type": "Inheritable" }))
            .refused(400, "InvalidName");
    }
    space
        .post("/tags", &json!({ "type": "Inheritable" }))
        .expect(400)
        .error();
    space
        .post("/tags", &json!({ "name": "T" }))
        .refused(400, "MalformedRequest");
    space
        .post("/tags", &json!({ "name": "T", "type": "inheritable" }))
        .refused(400, "MalformedRequest");
    space
        .post(
            "/tags",
            &json!({ "name": "T", "type": "Inheritable", "conflict": "Never" }),
        )
        .refused(400, "MalformedRequest");
    for values in [
        json!(["a", "a"]),
        json!([""]),
        json!([" a"]),
        json!(["a\u{0}"]),
        json!(["v".repeat(257)]),
    ] {
        let answer = space.post(
            "/tags",
            &json!({ "name": "T", "type": "Inheritable", "knownValues": values }),
        );
        answer.expect(400).error();
    }
    let attributes = json!({ "name": "T", "type": "Inheritable", "knownValues": ["a"], "attributes": { "N": { "b": "c" } } });
    space
        .post("/tags", &attributes)
        .refused(400, "InvalidTagDefinition");
    assert_eq!(space.get("/tags").ok(), json!([]));
}

fn an_older_etag_and_a_differing_read_only_field_are_refused(at: &Deployment) {
    let space = example(at);
    let send = |method: Method, etag: &str| {
        let request = space
            .client
            .request(method.clone(), &space.path("/tags/Owner"))
            .header("if-match", etag);
        if method == Method::PUT {
            request.json(&json!({ "type": "NonInheritable", "description": "x" }))
        } else {
            request
        }
    };
    let old = space.get("/tags/Owner").etag();
    send(Method::PUT, &old).send().expect(200);
    send(Method::PUT, &old).send().refused(412, "PreconditionFailed");
    send(Method::DELETE, &old)
        .send()
        .refused(412, "PreconditionFailed");
    let mut body = space.get("/tags/Owner").ok();
    body["createdOn"] = json!("2001-01-01T00:00:00Z");
    space.put("/tags/Owner", &body).refused(400, "ReadOnlyField");
    let now = space.get("/tags/Owner").etag();
    send(Method::DELETE, &now).send().gone();
}

fn a_dry_run_changes_nothing_and_shows_what_stands_in_the_way(at: &Deployment) {
    let space = example(at);
    space.node("10.0.0.0/8", json!({ "Owner": "net" }));
    let before = space.dump();
    let plan = space
        .post(
            "/tags?dryRun=true",
            &json!({ "name": "New", "type": "Inheritable" }),
        )
        .ok();
    assert_eq!(
        (&plan["changes"][0]["kind"], &plan["changes"][0]["action"]),
        (&json!("tag"), &json!("create"))
    );
    let plan = space
        .put("/tags/Region?dryRun=true", &json!({ "type": "Inheritable" }))
        .ok();
    assert_eq!(
        plan["changes"][0]["before"]["knownValues"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let plan = space.delete("/tags/Owner?dryRun=true").ok();
    assert_eq!(plan["conflicts"][0]["code"], "TagInUse");
    let plan = space.delete("/tags/Datacenter?dryRun=true").ok();
    assert_eq!(
        (&plan["conflicts"], &plan["changes"][0]["action"]),
        (&json!([]), &json!("delete"))
    );
    assert_eq!(space.dump(), before);
}

fn the_same_key_and_body_define_one_tag(at: &Deployment) {
    let space = at.space();
    let send = |body: Value| {
        space
            .client
            .request(Method::POST, &space.path("/tags"))
            .header("idempotency-key", "k")
            .json(&body)
            .send()
    };
    let first = send(json!({ "name": "T", "type": "Inheritable" })).expect(201);
    let again = send(json!({ "name": "T", "type": "Inheritable" })).expect(201);
    assert_eq!((first.json(), first.etag()), (again.json(), again.etag()));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    send(json!({ "name": "U", "type": "Inheritable" })).refused(409, "IdempotencyMismatch");
}
