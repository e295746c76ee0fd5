//! `/api/v1/addressspaces`: made, read, found, changed and deleted, with every parameter the API has.

use reqwest::Method;

use crate::support::{Client, Deployment, Value, claims, json, pages, unique};

const SPACES: &str = "/api/v1/addressspaces";

claims! {
    both: [
        a_new_space_is_answered_read_back_and_listed,
        a_space_is_changed_and_what_get_returned_can_be_put_back,
        deleting_a_space_takes_everything_in_it_along,
        a_name_is_unique_until_its_space_is_gone,
        pages_of_spaces_are_led_by_links_and_cursors_belong_to_their_list,
        the_same_key_and_body_make_one_space_and_another_body_is_a_conflict,
        an_older_etag_is_refused,
    ],
    one: [
        spaces_are_found_by_part_of_the_name_and_by_time,
        a_bad_name_or_description_is_refused_and_says_why,
        a_dry_run_says_what_would_happen_and_changes_nothing,
        read_only_fields_are_refused_when_they_differ,
        a_parameter_that_is_not_known_is_refused_by_name,
        head_answers_like_get_without_a_body,
    ],
}

fn path(space: &Value) -> String {
    format!("{SPACES}/{}", space["id"].as_str().unwrap())
}

fn make(client: &Client, name: &str) -> Value {
    client.post(SPACES, &json!({ "name": name })).made()
}

fn a_new_space_is_answered_read_back_and_listed(at: &Deployment) {
    let (admin, name) = (at.admin(), unique("Corporate Network ü"));
    let answer = admin
        .post(
            SPACES,
            &json!({ "name": name, "description": "Main.\nTwo lines." }),
        )
        .expect(201);
    let made = answer.json();
    assert_eq!(made["name"], json!(name));
    assert_eq!(made["description"], "Main.\nTwo lines.");
    assert_eq!(made["createdOn"], made["modifiedOn"]);
    assert!(made["createdOn"].as_str().unwrap().ends_with('Z'));
    let id: uuid::Uuid = made["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(answer.header("location"), Some(path(&made).as_str()));

    let read = admin.get(&path(&made)).expect(200);
    assert_eq!((read.json(), read.etag()), (made.clone(), answer.etag()));
    let found = pages::all(&admin, SPACES, 1000, "id");
    assert!(found.contains(&made));
    let fields: Vec<&str> = made.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["createdOn", "description", "id", "modifiedOn", "name"]);
}

fn a_space_is_changed_and_what_get_returned_can_be_put_back(at: &Deployment) {
    let admin = at.admin();
    let made = make(&admin, &unique("before"));
    let name = unique("after");
    let answer = admin
        .put(&path(&made), &json!({ "name": name, "description": "Updated." }))
        .expect(200);
    let changed = answer.json();
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!(name), &json!("Updated."))
    );
    assert_eq!(
        (&changed["id"], &changed["createdOn"]),
        (&made["id"], &made["createdOn"])
    );
    assert!(changed["modifiedOn"].as_str() >= made["modifiedOn"].as_str());
    assert_eq!(admin.get(&path(&made)).ok(), changed);
    assert_eq!(admin.put(&path(&made), &changed).ok(), changed);
    // An absent description stays as it is.
    assert_eq!(
        admin.put(&path(&made), &json!({ "name": name })).ok()["description"],
        "Updated."
    );
    let nowhere = format!("{SPACES}/{}", uuid::Uuid::now_v7());
    admin
        .put(&nowhere, &json!({ "name": name }))
        .refused(404, "NotFound");
    admin.get(&nowhere).refused(404, "NotFound");
    admin.delete(&nowhere).refused(404, "NotFound");
}

fn deleting_a_space_takes_everything_in_it_along(at: &Deployment) {
    let space = at.space();
    space.tag("Region");
    let node = space.node("10.0.0.0/8", json!({ "Region": "here" }));
    space.delete("").gone();
    for rest in [
        "",
        "/tags",
        "/tags/Region",
        "/ips",
        &format!("/ips/{node}"),
        "/ips/lookup?address=10.0.0.1",
    ] {
        space.get(rest).refused(404, "NotFound");
    }
    space
        .post("/ips", &json!({ "prefix": "10.0.0.0/8" }))
        .refused(404, "NotFound");
    space
        .post("/tags", &json!({ "name": "X", "type": "Inheritable" }))
        .refused(404, "NotFound");
    space.delete("").refused(404, "NotFound");
    assert!(!pages::listed(&at.admin(), SPACES, "id").contains(&space.id));
}

fn a_name_is_unique_until_its_space_is_gone(at: &Deployment) {
    let (admin, name) = (at.admin(), unique("taken"));
    let (first, other) = (make(&admin, &name), make(&admin, &unique("other")));
    admin
        .post(SPACES, &json!({ "name": name }))
        .refused(409, "NameTaken");
    admin
        .put(&path(&other), &json!({ "name": name }))
        .refused(409, "NameTaken");
    admin
        .put(
            &path(&first),
            &json!({ "name": name, "description": "its own name" }),
        )
        .expect(200);
    admin.delete(&path(&first)).gone();
    make(&admin, &name);
}

fn spaces_are_found_by_part_of_the_name_and_by_time(at: &Deployment) {
    let (admin, stem) = (at.admin(), unique("needle"));
    let made: Vec<Value> = ["A", "B", "C"]
        .iter()
        .map(|end| make(&admin, &format!("{stem}/{end}")))
        .collect();
    let ids = |query: &str| pages::listed(&admin, &format!("{SPACES}?nameContains={stem}{query}"), "id");
    let expected = |range: std::ops::Range<usize>| pages::column(&made[range], "id");
    assert_eq!(ids(""), expected(0..3));
    assert_eq!(ids("%2FB"), expected(1..2));
    let when = |at: usize| made[at]["createdOn"].as_str().unwrap().to_owned();
    assert_eq!(ids(&format!("&createdBefore={}", when(1))), expected(0..1));
    assert_eq!(ids(&format!("&createdAfter={}", when(1))), expected(2..3));
    assert_eq!(
        ids(&format!("&createdAfter={}&createdBefore={}", when(0), when(2))),
        expected(1..2)
    );
    assert!(ids("&createdBefore=2001-01-01T00:00:00Z").is_empty());
    assert_eq!(ids("&createdAfter=2001-01-01T01:00:00%2B01:00"), expected(0..3));
    assert!(
        pages::listed(
            &admin,
            &format!("{SPACES}?nameContains={}", unique("nobody")),
            "id"
        )
        .is_empty()
    );
    for bad in [
        "createdAfter=yesterday",
        "createdBefore=2024-01-01",
        "createdBefore=2024-02-30T00:00:00Z",
    ] {
        admin
            .get(&format!("{SPACES}?{bad}"))
            .refused(400, "InvalidParameter");
    }
}

fn pages_of_spaces_are_led_by_links_and_cursors_belong_to_their_list(at: &Deployment) {
    let (admin, stem) = (at.admin(), unique("page"));
    for number in 0..5 {
        make(&admin, &format!("{stem}-{number}"));
    }
    let list = format!("{SPACES}?nameContains={stem}");
    assert_eq!(pages::all(&admin, &list, 1000, "id").len(), 5);
    pages::assert_pages_agree(&admin, &list, "id");
    let next = admin.get(&format!("{list}&limit=2")).next().unwrap();
    let cursor = next.split("cursor=").nth(1).unwrap().split('&').next().unwrap();
    for elsewhere in [
        format!("{SPACES}?limit=2&cursor={cursor}"),
        format!("{SPACES}?nameContains=other&limit=2&cursor={cursor}"),
        format!("{list}&cursor={}x", &cursor[..cursor.len() - 1]),
        format!("{list}&cursor=nonsense"),
        format!("{list}&cursor="),
        format!("/api/v1/users?nameContains={stem}&cursor={cursor}"),
    ] {
        admin.get(&elsewhere).refused(400, "InvalidCursor");
    }
    for limit in ["0", "1001", "-1", "ten", "1.5", "", "99999999999999999999"] {
        admin
            .get(&format!("{list}&limit={limit}"))
            .refused(400, "InvalidParameter");
    }
}

fn a_bad_name_or_description_is_refused_and_says_why(at: &Deployment) {
    let admin = at.admin();
    admin.post(SPACES, &json!({})).refused(400, "MalformedRequest");
    admin
        .post(SPACES, &json!({ "name": null }))
        .refused(400, "MalformedRequest");
    let long = "n".repeat(129);
    for name in [
        "",
        " ",
        " padded",
        "padded ",
        "tab\there",
        "null\u{0}",
        "line\nbreak",
        "\u{7f}",
        &long,
    ] {
        admin
            .post(SPACES, &json!({ "name": name }))
            .refused(400, "InvalidName");
    }
    let fits = format!("{:é<128}", unique("n"));
    make(&admin, &fits);
    for description in ["x".repeat(1025), "bell\u{7}".to_owned()] {
        let body = json!({ "name": unique("d"), "description": description });
        admin.post(SPACES, &body).refused(400, "InvalidDescription");
    }
}

fn a_dry_run_says_what_would_happen_and_changes_nothing(at: &Deployment) {
    let (admin, name) = (at.admin(), unique("dry"));
    let create = format!("{SPACES}?dryRun=true");
    let plan = admin.post(&create, &json!({ "name": name })).ok();
    assert_eq!(plan["conflicts"], json!([]));
    assert_eq!(
        (&plan["changes"][0]["action"], &plan["changes"][0]["name"]),
        (&json!("create"), &json!(name))
    );
    assert!(pages::listed(&admin, &format!("{SPACES}?nameContains={name}"), "id").is_empty());

    let made = make(&admin, &name);
    let conflict = admin.post(&create, &json!({ "name": name })).ok();
    assert_eq!(conflict["conflicts"][0]["code"], "NameTaken");

    let renamed = unique("renamed");
    let plan = admin
        .put(
            &format!("{}?dryRun=true", path(&made)),
            &json!({ "name": renamed }),
        )
        .ok();
    assert_eq!(plan["changes"][0]["action"], "update");
    assert_eq!(plan["changes"][0]["before"], made);
    assert_eq!(plan["changes"][0]["after"]["name"], json!(renamed));
    let plan = admin.delete(&format!("{}?dryRun=true", path(&made))).ok();
    assert_eq!(plan["changes"][0]["action"], "delete");
    assert_eq!(admin.get(&path(&made)).ok(), made);
    admin
        .post(
            &format!("{SPACES}?dryRun=perhaps"),
            &json!({ "name": unique("x") }),
        )
        .refused(400, "InvalidParameter");
}

fn the_same_key_and_body_make_one_space_and_another_body_is_a_conflict(at: &Deployment) {
    let (admin, name, key) = (at.admin(), unique("once"), unique("key"));
    let send = |client: &Client, body: Value, key: &str| {
        client
            .request(Method::POST, SPACES)
            .header("idempotency-key", key)
            .json(&body)
            .send()
    };
    let first = send(&admin, json!({ "name": name, "description": "d" }), &key).expect(201);
    // Other spacing and order mean the same.
    let text = format!("{{ \"description\" : \"d\",\n \"name\":\"{name}\" }}");
    let again = admin
        .request(Method::POST, SPACES)
        .header("idempotency-key", &key);
    let again = again
        .header("content-type", "application/json")
        .body(text)
        .send()
        .expect(201);
    assert_eq!((again.json(), again.etag()), (first.json(), first.etag()));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(
        (
            first.header("idempotency-replayed"),
            again.header("idempotency-replayed")
        ),
        (None, Some("true"))
    );
    assert_eq!(
        pages::listed(&admin, &format!("{SPACES}?nameContains={name}"), "id").len(),
        1
    );
    send(&admin, json!({ "name": name, "description": "e" }), &key).refused(409, "IdempotencyMismatch");

    // A key belongs to its principal.
    let other = at.user(&[crate::support::Grant::system()]);
    send(&other.client, json!({ "name": unique("theirs") }), &key).expect(201);
    // A refusal leaves no trace: the key is free for the corrected request.
    let key = unique("key");
    send(&admin, json!({ "name": name }), &key).refused(409, "NameTaken");
    send(&admin, json!({ "name": unique("free") }), &key).expect(201);
}

fn an_older_etag_is_refused(at: &Deployment) {
    let admin = at.admin();
    let made = make(&admin, &unique("etag"));
    let put = |etag: &str| {
        let body = json!({ "name": made["name"], "description": unique("d") });
        admin
            .request(Method::PUT, &path(&made))
            .header("if-match", etag)
            .json(&body)
            .send()
    };
    let old = admin.get(&path(&made)).etag();
    let new = put(&old).expect(200).etag();
    assert_ne!(old, new);
    put(&old).refused(412, "PreconditionFailed");
    put(&format!("W/{new}")).refused(412, "PreconditionFailed");
    put(&format!("{old}, {new}")).expect(200);
    put("*").expect(200);
    put("unquoted").refused(400, "InvalidHeader");
    let delete = |etag: &str| {
        admin
            .request(Method::DELETE, &path(&made))
            .header("if-match", etag)
            .send()
    };
    delete(&old).refused(412, "PreconditionFailed");
    let now = admin.get(&path(&made)).etag();
    delete(&now).gone();
}

fn read_only_fields_are_refused_when_they_differ(at: &Deployment) {
    let admin = at.admin();
    let made = make(&admin, &unique("readonly"));
    let differing = [
        ("id", json!(uuid::Uuid::now_v7())),
        ("createdOn", json!("2001-01-01T00:00:00Z")),
        ("modifiedOn", json!("2001-01-01T00:00:00Z")),
    ];
    for (field, value) in differing {
        let mut body = made.clone();
        body[field] = value;
        let error = admin.put(&path(&made), &body).refused(400, "ReadOnlyField");
        assert!(error["message"].as_str().unwrap().contains(field), "{error}");
    }
    assert_eq!(admin.get(&path(&made)).ok(), made);
}

fn a_parameter_that_is_not_known_is_refused_by_name(at: &Deployment) {
    let admin = at.admin();
    let error = admin
        .get(&format!("{SPACES}?nameContain=x"))
        .refused(400, "InvalidParameter");
    assert!(
        error["message"].as_str().unwrap().contains("nameContain"),
        "{error}"
    );
    admin
        .get(&format!("{SPACES}?limit=1&limit=2"))
        .refused(400, "InvalidParameter");
    admin
        .get(&format!("{SPACES}?nameContains=%ff"))
        .refused(400, "InvalidParameter");
    let error = admin
        .post(SPACES, &json!({ "name": unique("x"), "descripton": "" }))
        .refused(400, "UnknownField");
    assert!(
        error["message"].as_str().unwrap().contains("descripton"),
        "{error}"
    );
}

fn head_answers_like_get_without_a_body(at: &Deployment) {
    let admin = at.admin();
    let made = make(&admin, &unique("head"));
    let answer = admin.request(Method::HEAD, &path(&made)).send().expect(200);
    assert_eq!(answer.etag(), admin.get(&path(&made)).etag());
    assert!(answer.body.is_empty());
}
