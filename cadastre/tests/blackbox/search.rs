//! `/api/v1/search`: one box that takes anything, over all spaces that a caller may read.

use crate::support::{Client, Deployment, Grant, Space, Value, claims, json, pages, unique};

claims! {
    both: [
        pools_and_subscribers_are_found_by_their_names,
        one_text_finds_spaces_tags_and_nodes_in_all_spaces,
        a_caller_finds_what_they_may_read_and_cannot_tell_that_there_is_more,
        pages_of_a_search_are_led_by_links_and_cursors_belong_to_it,
    ],
    one: [
        a_text_is_read_in_every_way_that_it_can_be,
        a_search_that_cannot_be_understood_is_refused,
    ],
}

const SEARCH: &str = "/api/v1/search";

/// What a search finds, whatever the number of pages.
#[track_caller]
fn find(client: &Client, query: &[(&str, &str)]) -> Vec<Value> {
    let mut url = reqwest::Url::parse("http://host/").unwrap();
    url.query_pairs_mut().extend_pairs(query);
    let (mut found, mut next) = (Vec::new(), Some(format!("{SEARCH}?{}", url.query().unwrap())));
    while let Some(path) = next {
        let page = client.get(&path).expect(200);
        found.extend(page.json().as_array().unwrap().clone());
        next = page.next();
    }
    found
}

/// Kind, reason and name or prefix of each.
fn told(found: &[Value]) -> Vec<String> {
    let tell = |found: &Value| {
        let kind = found["kind"].as_str().unwrap();
        let name = if kind == "ip" { "prefix" } else { "name" };
        let name = found[kind][name].as_str().unwrap();
        format!("{kind} {} {name}", found["match"].as_str().unwrap())
    };
    found.iter().map(tell).collect()
}

/// A space with nodes around 10.1.2.3, and a value that nobody else has.
fn plan(at: &Deployment) -> (Space, String) {
    let (space, site) = (at.space(), format!("{}.", unique("Site")));
    space.tag("Site");
    for (prefix, tags) in [
        ("10.0.0.0/8", json!({})),
        ("10.1.0.0/16", json!({ "Site": format!("{site}AMS") })),
        ("10.1.2.0/24", json!({})),
        ("10.2.0.0/16", json!({ "Site": format!("{site}lon") })),
        ("2001:db8::/32", json!({})),
    ] {
        space.node(prefix, tags);
    }
    (space, site)
}

fn pools_and_subscribers_are_found_by_their_names(at: &Deployment) {
    let space = at.space();
    let name = unique("Customer");
    let post = |path: &str, body: &Value| {
        let path = format!("/api/v1{path}?addressSpaceId={}", space.id);
        space.client.post(&path, body).made()
    };
    let pool = json!({ "poolName": format!("{name} pool"), "poolType": "IPV4_PUBLIC", "networkCidr": "203.0.113.0/24" });
    let pool = post("/ip-management/pools", &pool);
    let subscriber = post(
        "/subscribers",
        &json!({ "id": unique("s"), "username": format!("{name}@isp.example") }),
    );
    let operator = at.user(&[Grant::new("AddressSpaceOperator", &space.id)]);
    let narrow = at.user(&[Grant::within("AddressSpaceOperator", &space.id, "203.0.113.0/25")]);
    for client in [at.admin(), operator.client] {
        let found = find(&client, &[("q", &name.to_lowercase())]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            (&found[0]["kind"], &found[0]["match"]),
            (&json!("pool"), &json!("name"))
        );
        assert_eq!(found[0]["pool"]["id"], pool["id"]);
        assert_eq!(
            (&found[1]["kind"], &found[1]["match"]),
            (&json!("subscriber"), &json!("username"))
        );
        assert_eq!(found[1]["subscriber"]["id"], subscriber["id"]);
        let only = find(&client, &[("q", &name), ("kinds", "subscriber")]);
        assert_eq!(only, found[1..]);
    }
    assert!(find(&narrow.client, &[("q", &name)]).is_empty());
    assert!(find(&at.user(&[]).client, &[("q", &name)]).is_empty());
}

fn one_text_finds_spaces_tags_and_nodes_in_all_spaces(at: &Deployment) {
    let (space, site) = plan(at);
    let admin = at.admin();
    let found = find(&admin, &[("q", &site.to_uppercase())]);
    assert_eq!(told(&found), ["ip value 10.1.0.0/16", "ip value 10.2.0.0/16"]);
    let node = &found[0]["ip"];
    assert_eq!(found[0]["addressSpaceId"], json!(space.id));
    assert_eq!(found[0]["addressSpaceName"], json!(space.name));
    assert_eq!(
        found[0]["setting"],
        json!({ "tag": "Site", "value": format!("{site}AMS") })
    );
    assert_eq!(
        *node,
        space.get(&format!("/ips/{}", node["id"].as_str().unwrap())).ok()
    );

    let other = at.space();
    let tag = unique("Tag");
    other.tag(&tag);
    let found = find(&admin, &[("q", &tag), ("addressSpaceId", &other.id)]);
    assert_eq!(told(&found), [format!("tag name {tag}")]);
    let found = find(&admin, &[("q", &space.name), ("kinds", "space")]);
    assert!(told(&found).contains(&format!("space name {}", space.name)));
    assert_eq!(
        told(&find(&admin, &[("q", &space.id)])),
        [format!("space id {}", space.name)]
    );
}

fn a_text_is_read_in_every_way_that_it_can_be(at: &Deployment) {
    let (space, _) = plan(at);
    let here = |text: &str| {
        told(&find(
            &space.client,
            &[("q", text), ("addressSpaceId", &space.id)],
        ))
    };
    let around = [
        "ip address 10.1.2.0/24",
        "ip address 10.1.0.0/16",
        "ip address 10.0.0.0/8",
    ];
    for text in ["10.1.2.3", "10.1.2.3/24", " 10.1.2.3", "::ffff:10.1.2.3"] {
        assert_eq!(here(text), around, "{text}");
    }
    assert_eq!(
        here("10.2.0.0/16"),
        ["ip prefix 10.2.0.0/16", "ip prefix 10.0.0.0/8"]
    );
    assert_eq!(here("10.1."), ["ip prefix 10.1.0.0/16", "ip prefix 10.1.2.0/24"]);
    assert_eq!(here("2001:DB8:"), ["ip prefix 2001:db8::/32"]);
    assert_eq!(here("sit")[0], "tag name Site");
    assert_eq!(here("site=").len(), 2);
    assert!(here("192.0.2.1").is_empty());
}

fn a_caller_finds_what_they_may_read_and_cannot_tell_that_there_is_more(at: &Deployment) {
    let (space, site) = plan(at);
    let (hidden, _) = plan(at);
    let node = space.by_prefix("10.2.0.0/16")["id"].as_str().unwrap().to_owned();
    let viewer = at.user(&[Grant::new("AddressSpaceViewer", &space.id)]).client;
    assert_eq!(find(&viewer, &[("q", "10.1.2.3")]).len(), 3);
    assert_eq!(find(&viewer, &[("q", &node)]).len(), 1);
    let within = at
        .user(&[Grant::within("AddressSpaceViewer", &space.id, "10.1.0.0/16")])
        .client;
    assert_eq!(told(&find(&within, &[("q", &site)])), ["ip value 10.1.0.0/16"]);
    let chain = find(&within, &[("q", "10.2.0.0/16")]);
    assert_eq!(told(&chain), ["ip prefix 10.0.0.0/8"]);
    assert!(chain[0]["ip"].get("createdOn").is_none());
    assert!(find(&within, &[("q", &node)]).is_empty());
    let nobody = at.user(&[]).client;
    for client in [&viewer, &within, &nobody] {
        assert!(find(client, &[("q", &hidden.id)]).is_empty());
        assert!(find(client, &[("q", &hidden.name), ("kinds", "space")]).is_empty());
        let missing = uuid::Uuid::now_v7().to_string();
        let message = |id: &str| {
            let answer = client.get(&format!("{SEARCH}?q=x&addressSpaceId={id}"));
            answer.refused(404, "NotFound")["message"].clone()
        };
        assert_eq!(message(&hidden.id), message(&missing));
    }
    assert!(find(&nobody, &[("q", "10.1.2.3")]).is_empty());
}

fn pages_of_a_search_are_led_by_links_and_cursors_belong_to_it(at: &Deployment) {
    let (space, _) = plan(at);
    let user = at.user(&[Grant::new("AddressSpaceViewer", &space.id)]).client;
    for text in ["10.1.2.3", "10.", "Site=", "10.1.0.0/16"] {
        pages::assert_pages_agree(&user, &format!("{SEARCH}?q={text}"), "ip");
    }
    let next = user.get(&format!("{SEARCH}?q=10.&limit=1")).next().unwrap();
    let cursor = next.split("cursor=").nth(1).unwrap();
    user.get(&format!("{SEARCH}?q=10.&cursor={cursor}")).ok();
    for elsewhere in ["q=10.1", "q=10.&kinds=ip"] {
        user.get(&format!("{SEARCH}?{elsewhere}&cursor={cursor}"))
            .refused(400, "InvalidCursor");
    }
}

fn a_search_that_cannot_be_understood_is_refused(at: &Deployment) {
    let admin = at.admin();
    let long = format!("?q={}", "x".repeat(257));
    for query in [
        "",
        "?q=",
        "?q=%20",
        "?q=a%00",
        &long,
        "?q=x&kinds=",
        "?q=x&kinds=ips",
        "?q=x&addressSpaceId=x",
        "?q=x&space=x",
        "?q=x&limit=0",
    ] {
        admin
            .get(&format!("{SEARCH}{query}"))
            .refused(400, "InvalidParameter");
    }
    admin
        .get(&format!("{SEARCH}?q=x&cursor=x"))
        .refused(400, "InvalidCursor");
}
