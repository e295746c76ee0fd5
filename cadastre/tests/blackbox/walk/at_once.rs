//! What a token opens is decided when it is used: a change of roles acts on the very next request.

use crate::support::{Deployment, Grant, claims, json, pages};

claims! {
    both: [a_role_acts_on_an_existing_token_at_once_and_stops_at_once],
    one: [
        a_permission_that_was_taken_stops_a_repeated_request_too,
        an_api_token_has_the_roles_that_its_user_has_now,
        the_list_of_spaces_is_that_of_the_roles,
    ],
}

fn a_role_acts_on_an_existing_token_at_once_and_stops_at_once(at: &Deployment) {
    let (space, user, admin) = (at.space(), at.user(&[]), at.admin());
    let seen = space.seen_by(&user.client);
    let roles = format!("/api/v1/users/{}/roles", user.name);
    for round in 0..5 {
        seen.get("/ips").refused(404, "NotFound");
        let viewer = admin
            .post(&roles, &Grant::new("AddressSpaceViewer", &space.id).body())
            .made();
        seen.get("/ips").expect(200);
        let prefix = format!("10.{round}.0.0/16");
        seen.post("/ips", &json!({ "prefix": prefix }))
            .refused(403, "Forbidden");
        let operator = admin
            .post(&roles, &Grant::new("AddressSpaceOperator", &space.id).body())
            .made();
        seen.post("/ips", &json!({ "prefix": prefix })).expect(201);
        for grant in [&operator, &viewer] {
            admin
                .delete(&format!("{roles}/{}", grant["id"].as_str().unwrap()))
                .gone();
        }
    }
    let system = admin.post(&roles, &Grant::system().body()).made();
    user.client.get("/api/v1/users").expect(200);
    admin
        .delete(&format!("{roles}/{}", system["id"].as_str().unwrap()))
        .gone();
    user.client.get("/api/v1/users").refused(403, "Forbidden");
}

fn a_permission_that_was_taken_stops_a_repeated_request_too(at: &Deployment) {
    let (space, admin) = (at.space(), at.admin());
    let user = at.user(&[Grant::new("AddressSpaceOperator", &space.id)]);
    let send = || {
        let request = user
            .client
            .request(reqwest::Method::POST, &space.path("/ips"))
            .header("idempotency-key", "k");
        request.json(&json!({ "prefix": "10.0.0.0/8" })).send()
    };
    send().expect(201);
    send().expect(201);
    let roles = format!("/api/v1/users/{}/roles", user.name);
    admin
        .post(&roles, &Grant::new("AddressSpaceViewer", &space.id).body())
        .made();
    let operator = admin.get(&roles).ok()[0]["id"].as_str().unwrap().to_owned();
    admin.delete(&format!("{roles}/{operator}")).gone();
    send().refused(403, "Forbidden");
}

fn an_api_token_has_the_roles_that_its_user_has_now(at: &Deployment) {
    let (space, user, admin) = (at.space(), at.user(&[]), at.admin());
    let token = user
        .client
        .post("/api/v1/auth/tokens", &json!({ "name": "t" }))
        .made();
    let program = space.seen_by(&at.client().with_token(token["token"].as_str().unwrap()));
    program.get("/ips").refused(404, "NotFound");
    let roles = format!("/api/v1/users/{}/roles", user.name);
    let grant = admin
        .post(
            &roles,
            &Grant::within("AddressSpaceOperator", &space.id, "10.1.0.0/16").body(),
        )
        .made();
    program.node("10.1.1.0/24", json!({}));
    program
        .post("/ips", &json!({ "prefix": "10.2.0.0/16" }))
        .refused(403, "OutsideScope");
    admin
        .delete(&format!("{roles}/{}", grant["id"].as_str().unwrap()))
        .gone();
    program.get("/ips").refused(404, "NotFound");
}

fn the_list_of_spaces_is_that_of_the_roles(at: &Deployment) {
    let (one, two, _unseen) = (at.space(), at.space(), at.space());
    let grants = [
        Grant::new("AddressSpaceViewer", &one.id),
        Grant::within("AddressSpaceOperator", &two.id, "10.0.0.0/8"),
    ];
    let user = at.user(&grants);
    let list = "/api/v1/addressspaces";
    assert_eq!(
        pages::listed(&user.client, list, "id"),
        [one.id.clone(), two.id.clone()]
    );
    pages::assert_pages_agree(&user.client, list, "id");
    one.delete("").gone();
    assert_eq!(pages::listed(&user.client, list, "id"), [two.id]);
    user.client.get(&one.path("")).refused(404, "NotFound");
    assert!(pages::listed(&at.user(&[]).client, list, "id").is_empty());
}
