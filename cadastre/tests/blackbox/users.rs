//! `/api/v1/users`, their roles, and `/api/v1/me`.

use reqwest::Method;

use crate::support::world::PASSWORD;
use crate::support::{Client, Deployment, Grant, Value, claims, json, pages, unique};

const USERS: &str = "/api/v1/users";
const ME: &str = "/api/v1/me";

claims! {
    both: [
        a_new_user_is_answered_read_back_and_listed_without_secrets,
        a_user_changes_their_own_password_with_the_old_one,
        an_administrator_sets_a_password_and_removes_a_user,
        roles_are_given_read_and_taken,
        me_says_who_i_am_and_what_i_may_do,
    ],
    one: [
        user_names_are_one_whatever_their_case,
        a_weak_password_is_refused_and_says_why,
        a_bad_user_name_is_refused_and_says_why,
        users_are_found_by_part_of_the_name_and_paged,
        a_role_must_fit_its_place,
        an_administrator_always_remains,
        an_older_etag_and_a_dry_run_change_nothing,
        the_same_key_and_body_make_one_user_and_one_role,
        a_key_that_was_used_for_one_user_makes_no_other,
        an_administrator_of_a_space_gives_roles_in_it_only,
    ],
}

fn make(client: &Client, name: &str) -> Value {
    client
        .post(USERS, &json!({ "username": name, "password": PASSWORD }))
        .made()
}

fn path(name: &str) -> String {
    format!("{USERS}/{name}")
}

fn a_new_user_is_answered_read_back_and_listed_without_secrets(at: &Deployment) {
    let (admin, name) = (at.admin(), unique("ada"));
    let answer = admin
        .post(USERS, &json!({ "username": name, "password": PASSWORD }))
        .expect(201);
    let made = answer.json();
    assert_eq!((&made["username"], &made["roles"]), (&json!(name), &json!([])));
    let fields: Vec<&str> = made.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["createdOn", "modifiedOn", "roles", "username"]);
    assert_eq!(answer.header("location"), Some(path(&name).as_str()));
    let read = admin.get(&path(&name)).expect(200);
    assert_eq!((read.json(), read.etag()), (made.clone(), answer.etag()));
    assert!(pages::all(&admin, USERS, 1000, "username").contains(&made));
    admin.get(&path(&unique("nobody"))).refused(404, "NotFound");
    let log = at.log();
    assert!(
        !log.contains(PASSWORD) && !log.contains("argon2"),
        "a secret is in the log"
    );
}

fn user_names_are_one_whatever_their_case(at: &Deployment) {
    let (admin, name) = (at.admin(), unique("Mixed.Case@example"));
    assert_eq!(make(&admin, &name)["username"], json!(name.to_lowercase()));
    let again = json!({ "username": name.to_uppercase(), "password": PASSWORD });
    admin.post(USERS, &again).refused(409, "NameTaken");
    assert_eq!(
        admin.get(&path(&name.to_uppercase())).ok()["username"],
        json!(name.to_lowercase())
    );
}

fn a_weak_password_is_refused_and_says_why(at: &Deployment) {
    let admin = at.admin();
    let name = unique("weakling");
    let repeated = name.repeat(2);
    let long = "a b c d e ".repeat(30);
    for password in [
        "",
        "short",
        "elevenchars",
        "password1234",
        "aaaaaaaaaaaaaaaa",
        "123456789012",
        &repeated,
        &long,
    ] {
        let error = admin
            .post(USERS, &json!({ "username": name, "password": password }))
            .refused(400, "WeakPassword");
        assert!(
            !error["message"]
                .as_str()
                .unwrap()
                .contains(&format!(" {password} "))
                || password.is_empty()
        );
    }
    admin.get(&path(&name)).refused(404, "NotFound");
    make(&admin, &name);
    admin
        .put(&path(&name), &json!({ "password": "short" }))
        .refused(400, "WeakPassword");
}

fn a_bad_user_name_is_refused_and_says_why(at: &Deployment) {
    let admin = at.admin();
    for name in [
        "",
        " ",
        "two words",
        "sl/ash",
        "ümlaut",
        "-dash",
        "..",
        "a\u{0}b",
        &"u".repeat(65),
    ] {
        admin
            .post(USERS, &json!({ "username": name, "password": PASSWORD }))
            .refused(400, "InvalidName");
    }
    admin
        .post(USERS, &json!({ "username": unique("x") }))
        .refused(400, "MalformedRequest");
    admin.get(&path("two%20words")).refused(400, "InvalidName");
}

fn users_are_found_by_part_of_the_name_and_paged(at: &Deployment) {
    let (admin, stem) = (at.admin(), unique("flock"));
    for number in 0..4 {
        make(&admin, &format!("{stem}.{number}"));
    }
    let list = format!("{USERS}?nameContains={}", stem.to_uppercase());
    let names = pages::listed(&admin, &list, "username");
    assert_eq!(
        names,
        (0..4)
            .map(|number| format!("{stem}.{number}"))
            .collect::<Vec<_>>()
    );
    pages::assert_pages_agree(&admin, &list, "username");
    let cursor = admin.get(&format!("{list}&limit=2")).next().unwrap();
    let cursor = cursor.split("cursor=").nth(1).unwrap();
    admin
        .get(&format!("{USERS}?cursor={cursor}"))
        .refused(400, "InvalidCursor");
}

fn a_user_changes_their_own_password_with_the_old_one(at: &Deployment) {
    let user = at.user(&[]);
    let other_session = at.client().logged_in(&user.name, PASSWORD);
    let new = "eleven quiet owls read maps";
    let put = |body: Value| user.client.put(&path(&user.name), &body);
    put(json!({ "password": new })).refused(400, "MalformedRequest");
    let wrong = put(json!({ "password": new, "currentPassword": "this is not the one" }));
    assert!((400..=403).contains(&wrong.status), "{wrong:?}");
    wrong.error();
    put(json!({ "password": new, "currentPassword": PASSWORD })).expect(200);
    for client in [&user.client, &other_session] {
        client.get(ME).refused(401, "InvalidToken");
    }
    let login = |password: &str| {
        at.client().post(
            "/api/v1/auth/login",
            &json!({ "username": user.name, "password": password }),
        )
    };
    login(PASSWORD).refused(401, "InvalidCredentials");
    login(new).expect(200);
}

fn an_administrator_sets_a_password_and_removes_a_user(at: &Deployment) {
    let (admin, user) = (at.admin(), at.user(&[]));
    let token = user
        .client
        .post("/api/v1/auth/tokens", &json!({ "name": "t" }))
        .made();
    let program = at.client().with_token(token["token"].as_str().unwrap());
    let new = "nine old clocks strike late";
    admin
        .put(&path(&user.name), &json!({ "password": new }))
        .expect(200);
    user.client.get(ME).refused(401, "InvalidToken");
    let again = at.client().logged_in(&user.name, new);
    admin.delete(&path(&user.name)).gone();
    for client in [&again, &program] {
        client.get(ME).refused(401, "InvalidToken");
    }
    let body = json!({ "username": user.name, "password": new });
    at.client()
        .post("/api/v1/auth/login", &body)
        .refused(401, "InvalidCredentials");
    admin.get(&path(&user.name)).refused(404, "NotFound");
    admin.delete(&path(&user.name)).refused(404, "NotFound");
    admin
        .put(&path(&user.name), &json!({ "password": new }))
        .refused(404, "NotFound");
    // A new user of the old name has nothing of the old one.
    assert_eq!(make(&admin, &user.name)["roles"], json!([]));
    again.get(ME).refused(401, "InvalidToken");
    program.get(ME).refused(401, "InvalidToken");
}

fn roles_are_given_read_and_taken(at: &Deployment) {
    let (admin, user, space) = (at.admin(), at.user(&[]), at.space());
    let roles = format!("{}/roles", path(&user.name));
    let grant = Grant::within("AddressSpaceOperator", &space.id, "10.1.0.0/16");
    let answer = admin.post(&roles, &grant.body()).expect(201);
    let made = answer.json();
    let expected = json!({ "id": made["id"], "role": "AddressSpaceOperator", "addressSpaceId": space.id, "prefix": "10.1.0.0/16" });
    assert_eq!(made, expected);
    let one = format!("{roles}/{}", made["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), Some(one.as_str()));
    let whole = admin
        .post(&roles, &Grant::new("AddressSpaceViewer", &space.id).body())
        .made();
    assert_eq!(whole.get("prefix"), None);
    assert_eq!(admin.get(&roles).ok(), json!([made, whole]));
    assert_eq!(admin.get(&one).ok(), made);
    assert_eq!(admin.get(&path(&user.name)).ok()["roles"], json!([made, whole]));
    assert_eq!(
        user.client.get(&roles).ok(),
        json!([made, whole]),
        "one's own roles can be read"
    );
    pages::assert_pages_agree(&admin, &roles, "id");
    admin.delete(&one).gone();
    admin.delete(&one).refused(404, "NotFound");
    admin.get(&one).refused(404, "NotFound");
    assert_eq!(admin.get(&roles).ok(), json!([whole]));
}

fn a_role_must_fit_its_place(at: &Deployment) {
    let (admin, user, space) = (at.admin(), at.user(&[]), at.space());
    let roles = format!("{}/roles", path(&user.name));
    let post = |role: &str, space: &str, prefix: Value| {
        admin.post(
            &roles,
            &json!({ "role": role, "addressSpaceId": space, "prefix": prefix }),
        )
    };
    for (role, place) in [
        ("SystemAdmin", space.id.as_str()),
        ("AddressSpaceViewer", "SYSTEM"),
        ("Emperor", space.id.as_str()),
        ("addressspaceviewer", space.id.as_str()),
        ("AddressSpaceViewer", "here"),
    ] {
        post(role, place, Value::Null).refused(400, "InvalidRole");
    }
    post("SystemAdmin", "SYSTEM", json!("10.0.0.0/8")).refused(400, "InvalidRole");
    post("AddressSpaceViewer", &space.id, json!("10.0.0.1/8")).refused(400, "InvalidPrefix");
    let nowhere = post(
        "AddressSpaceViewer",
        &uuid::Uuid::now_v7().to_string(),
        Value::Null,
    );
    assert!(matches!(nowhere.status, 400 | 404), "{nowhere:?}");
    nowhere.error();
    let nobody = format!("{}/roles", path(&unique("nobody")));
    admin
        .post(&nobody, &Grant::new("AddressSpaceViewer", &space.id).body())
        .refused(404, "NotFound");
    assert_eq!(admin.get(&roles).ok(), json!([]));
}

fn an_administrator_always_remains(at: &Deployment) {
    let second = at.user(&[Grant::system()]);
    let own = second.client.get(ME).ok();
    let own_role = format!(
        "{}/roles/{}",
        path(&second.name),
        own["roles"][0]["id"].as_str().unwrap()
    );
    second.client.delete(&path(&second.name)).refused(409, "InUse");
    second.client.delete(&own_role).refused(409, "InUse");
    second.client.get(USERS).expect(200);
    at.admin().delete(&own_role).gone();
    second.client.get(USERS).refused(403, "Forbidden");
}

fn an_older_etag_and_a_dry_run_change_nothing(at: &Deployment) {
    let (admin, user, space) = (at.admin(), at.user(&[]), at.space());
    let roles = format!("{}/roles", path(&user.name));
    let old = admin.get(&path(&user.name)).etag();
    let plan = admin
        .post(
            &format!("{roles}?dryRun=true"),
            &Grant::new("AddressSpaceViewer", &space.id).body(),
        )
        .ok();
    assert_eq!(
        (&plan["changes"][0]["kind"], &plan["conflicts"]),
        (&json!("role"), &json!([]))
    );
    let name = unique("planned");
    let plan = admin
        .post(
            &format!("{USERS}?dryRun=true"),
            &json!({ "username": name, "password": PASSWORD }),
        )
        .ok();
    assert_eq!(
        (&plan["changes"][0]["kind"], &plan["changes"][0]["action"]),
        (&json!("user"), &json!("create"))
    );
    assert!(
        !plan.to_string().contains("argon2") && !plan.to_string().contains(PASSWORD),
        "{plan}"
    );
    admin.get(&path(&name)).refused(404, "NotFound");
    admin
        .delete(&format!("{}?dryRun=true", path(&user.name)))
        .expect(200);
    assert_eq!(admin.get(&roles).ok(), json!([]));
    assert_eq!(admin.get(&path(&user.name)).etag(), old);
    user.client.get(ME).expect(200);

    admin
        .post(&roles, &Grant::new("AddressSpaceViewer", &space.id).body())
        .expect(201);
    let send = |method: Method| admin.request(method, &path(&user.name)).header("if-match", &old);
    send(Method::DELETE).send().refused(412, "PreconditionFailed");
    send(Method::PUT)
        .json(&json!({ "password": "six loud geese cross roads" }))
        .send()
        .refused(412, "PreconditionFailed");
    user.client.get(ME).expect(200);
}

fn the_same_key_and_body_make_one_user_and_one_role(at: &Deployment) {
    let (admin, name, space) = (at.admin(), unique("once"), at.space());
    let send = |path: &str, body: Value| {
        admin
            .request(Method::POST, path)
            .header("idempotency-key", &name)
            .json(&body)
            .send()
    };
    let body = json!({ "username": name, "password": PASSWORD });
    let first = send(USERS, body.clone()).made();
    assert_eq!(send(USERS, body).made(), first);
    send(
        USERS,
        json!({ "username": name, "password": "ten blue kites lose wind" }),
    )
    .refused(409, "IdempotencyMismatch");
    let roles = format!("{}/roles", path(&name));
    let body = Grant::new("AddressSpaceViewer", &space.id).body();
    let first = send(&roles, body.clone()).made();
    assert_eq!(send(&roles, body).made(), first);
    assert_eq!(admin.get(&roles).ok().as_array().unwrap().len(), 1);
}

fn a_key_that_was_used_for_one_user_makes_no_other(at: &Deployment) {
    let (admin, name, other) = (at.admin(), unique("first"), unique("second"));
    let send = |username: &str| {
        let body = json!({ "username": username, "password": PASSWORD });
        admin
            .request(Method::POST, USERS)
            .header("idempotency-key", &name)
            .json(&body)
            .send()
    };
    send(&name).made();
    send(&other).refused(409, "IdempotencyMismatch");
    admin.get(&path(&other)).refused(404, "NotFound");
}

fn an_administrator_of_a_space_gives_roles_in_it_only(at: &Deployment) {
    let (space, other) = (at.space(), at.space());
    let boss = at.user(&[Grant::new("AddressSpaceAdmin", &space.id)]);
    let narrowed = at.user(&[Grant::within("AddressSpaceAdmin", &space.id, "10.1.0.0/16")]);
    let user = at.user(&[Grant::new("AddressSpaceViewer", &other.id)]);
    let roles = format!("{}/roles", path(&user.name));
    let viewer = |space: &str| Grant::new("AddressSpaceViewer", space).body();
    let made = boss.client.post(&roles, &viewer(&space.id)).made();
    boss.client
        .post(&roles, &viewer(&other.id))
        .refused(404, "NotFound");
    boss.client
        .post(&roles, &Grant::system().body())
        .refused(403, "Forbidden");
    // They see the roles that they could give, and no others.
    assert_eq!(boss.client.get(&roles).ok(), json!([made]));
    let within = |prefix: &str| Grant::within("AddressSpaceOperator", &space.id, prefix).body();
    let inner = narrowed.client.post(&roles, &within("10.1.2.0/24")).made();
    for beyond in [viewer(&space.id), within("10.0.0.0/8"), within("10.2.0.0/16")] {
        narrowed.client.post(&roles, &beyond).refused(403, "OutsideScope");
    }
    let path_of = |grant: &Value| format!("{roles}/{}", grant["id"].as_str().unwrap());
    let refusal = narrowed.client.delete(&path_of(&made));
    assert!(matches!(refusal.status, 403 | 404), "{refusal:?}");
    narrowed.client.delete(&path_of(&inner)).gone();
    boss.client.delete(&path_of(&made)).gone();
}

fn me_says_who_i_am_and_what_i_may_do(at: &Deployment) {
    let space = at.space();
    let user = at.user(&[Grant::within("AddressSpaceOperator", &space.id, "10.1.0.0/16")]);
    let me = user.client.get(ME).ok();
    assert_eq!(
        (&me["username"], &me["roles"][0]["role"]),
        (&json!(user.name), &json!("AddressSpaceOperator"))
    );
    assert_eq!(me["systemPermissions"], json!([]));
    let permissions = me["spacePermissions"][0]["permissions"].as_array().unwrap();
    let write = permissions
        .iter()
        .find(|entry| entry["permission"] == "ips.write")
        .unwrap();
    assert_eq!(write["within"], json!(["10.1.0.0/16"]));
    assert!(
        permissions
            .iter()
            .all(|entry| entry["permission"] != "tags.write")
    );
    let admin = at.admin().get(ME).ok();
    assert!(
        admin["systemPermissions"]
            .as_array()
            .unwrap()
            .contains(&json!("users.manage"))
    );
}
