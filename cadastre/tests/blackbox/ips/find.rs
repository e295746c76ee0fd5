//! Finding nodes: by prefix, tags and parent, by address, beneath another; page by page.

use crate::support::{Deployment, Space, claims, json, pages};

claims! {
    both: [
        lists_filter_by_prefix_tags_and_parent_in_any_combination,
        lookup_answers_the_nodes_around_an_address_longest_first,
        children_and_subtree_are_what_their_names_say,
        pages_are_led_by_links_and_cursors_belong_to_their_list,
    ],
    one: [
        tag_filters_see_resolved_values,
        a_value_with_commas_and_equals_signs_can_be_asked_for,
        a_list_goes_on_where_it_was_while_nodes_come_and_go,
        filters_that_cannot_be_understood_are_refused,
    ],
}

/// A tree in both families with tags on some of its nodes.
fn tree(at: &Deployment) -> Space {
    let space = at.space();
    space.tag("Region");
    space.define(json!({ "name": "Site", "type": "Inheritable", "implies": { "Region": { "AMS": "eu", "NYC": "us" } } }));
    space.define(json!({ "name": "Owner", "type": "NonInheritable" }));
    for (prefix, tags) in [
        ("10.0.0.0/8", json!({ "Region": "eu", "Owner": "net" })),
        ("10.1.0.0/16", json!({})),
        ("10.1.1.0/24", json!({ "Site": "NYC" })),
        ("10.1.1.1/32", json!({ "Owner": "net" })),
        ("10.1.2.0/24", json!({ "Site": "AMS" })),
        ("10.2.0.0/16", json!({ "Region": "us" })),
        ("10.2.1.0/24", json!({ "Region": "eu" })),
        ("192.0.2.0/24", json!({})),
        ("2001:db8::/32", json!({ "Site": "AMS" })),
        ("2001:db8:1::/48", json!({ "Owner": "net" })),
    ] {
        space.node(prefix, tags);
    }
    space
}

fn id(space: &Space, prefix: &str) -> String {
    space.by_prefix(prefix)["id"].as_str().unwrap().to_owned()
}

fn lists_filter_by_prefix_tags_and_parent_in_any_combination(at: &Deployment) {
    let space = tree(at);
    let top = id(&space, "10.0.0.0/8");
    assert_eq!(space.prefixes("/ips").len(), 10);
    assert_eq!(
        space.prefixes("/ips?parentId=root"),
        ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"]
    );
    assert_eq!(
        space.prefixes(&format!("/ips?parentId={top}")),
        ["10.1.0.0/16", "10.2.0.0/16"]
    );
    assert_eq!(
        space.prefixes(&format!("/ips?parentId={top}&tags=Region=us")),
        ["10.2.0.0/16"]
    );
    assert_eq!(space.prefixes("/ips?prefix=10.1.0.0/16"), ["10.1.0.0/16"]);
    assert!(space.prefixes("/ips?prefix=10.1.0.0/17").is_empty());
    assert_eq!(
        space.prefixes("/ips?prefix=10.1.0.0/16&tags=Region=eu"),
        ["10.1.0.0/16"]
    );
    assert!(
        space
            .prefixes("/ips?prefix=10.1.0.0/16&tags=Region=us")
            .is_empty()
    );
    assert!(space.prefixes("/ips?prefix=10.1.0.0/16&parentId=root").is_empty());
    assert_eq!(
        space.prefixes(&format!("/ips?prefix=10.1.0.0/16&parentId={top}&tags=Region=eu")),
        ["10.1.0.0/16"]
    );
    assert_eq!(
        space.prefixes("/ips?tags=Owner=net&parentId=root"),
        ["10.0.0.0/8"]
    );
}

fn tag_filters_see_resolved_values(at: &Deployment) {
    let space = tree(at);
    let eu = [
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.0/24",
        "10.2.1.0/24",
        "2001:db8::/32",
        "2001:db8:1::/48",
    ];
    assert_eq!(space.prefixes("/ips?tags=Region=eu"), eu);
    assert_eq!(
        space.prefixes("/ips?tags=Region=us"),
        ["10.1.1.0/24", "10.1.1.1/32", "10.2.0.0/16"]
    );
    assert_eq!(
        space.prefixes("/ips?tags=Owner=net"),
        ["10.0.0.0/8", "10.1.1.1/32", "2001:db8:1::/48"]
    );
    assert_eq!(space.prefixes("/ips?tags=Region=us,Owner=net"), ["10.1.1.1/32"]);
    assert_eq!(
        space.prefixes("/ips?tags=Site=NYC,Region=us"),
        ["10.1.1.0/24", "10.1.1.1/32"]
    );
    assert!(space.prefixes("/ips?tags=Site=NYC,Region=eu").is_empty());
    let subtree = format!("/ips/{}/subtree?tags=Region=eu", id(&space, "10.2.0.0/16"));
    assert_eq!(space.prefixes(&subtree), ["10.2.1.0/24"]);
    // Every filter agrees with what the nodes themselves say.
    let resolved = space.resolved();
    for (tag, value) in [
        ("Region", "eu"),
        ("Region", "us"),
        ("Site", "AMS"),
        ("Site", "NYC"),
        ("Owner", "net"),
    ] {
        let said: Vec<&String> = resolved
            .iter()
            .filter(|(_, tags)| tags[tag] == value)
            .map(|(prefix, _)| prefix)
            .collect();
        let mut found = space.prefixes(&format!("/ips?tags={tag}={value}"));
        found.sort();
        assert_eq!(found.iter().collect::<Vec<_>>(), said, "{tag}={value}");
    }
}

fn a_value_with_commas_and_equals_signs_can_be_asked_for(at: &Deployment) {
    let space = at.space();
    space.tag("Note");
    space.tag("Other");
    space.node("10.0.0.0/8", json!({ "Note": "a,b=c\\d ü", "Other": "x" }));
    space.node("11.0.0.0/8", json!({ "Note": "a" }));
    let found = |filter: &str| {
        let mut url = reqwest::Url::parse("http://host/").unwrap();
        url.query_pairs_mut().append_pair("tags", filter);
        space.prefixes(&format!("/ips?{}", url.query().unwrap()))
    };
    assert_eq!(found(r"Note=a\,b=c\\d ü"), ["10.0.0.0/8"]);
    assert_eq!(found(r"Other=x,Note=a\,b=c\\d ü"), ["10.0.0.0/8"]);
    assert_eq!(found("Note=a"), ["11.0.0.0/8"]);
    assert!(found("Note=A").is_empty());
}

fn lookup_answers_the_nodes_around_an_address_longest_first(at: &Deployment) {
    let space = tree(at);
    let around = |address: &str| {
        pages::column(
            space
                .get(&format!("/ips/lookup?address={address}"))
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
    assert_eq!(around("10.1.1.2"), ["10.1.1.0/24", "10.1.0.0/16", "10.0.0.0/8"]);
    assert_eq!(around("10.255.255.255"), ["10.0.0.0/8"]);
    assert_eq!(around("10.1.0.0/16"), ["10.1.0.0/16", "10.0.0.0/8"]);
    assert_eq!(
        around("10.1.1.0/28"),
        ["10.1.1.0/24", "10.1.0.0/16", "10.0.0.0/8"]
    );
    assert_eq!(around("2001:db8:1::5"), ["2001:db8:1::/48", "2001:db8::/32"]);
    assert!(
        around("9.255.255.255").is_empty() && around("11.0.0.0").is_empty() && around("::a00:1").is_empty()
    );
    for bad in [
        "",
        "10.1.1",
        "10.1.1.256",
        "010.1.1.1",
        "::ffff:10.1.1.1",
        "fe80::1%25eth0",
        "10.1.1.1/24",
        "host",
    ] {
        space
            .get(&format!("/ips/lookup?address={bad}"))
            .refused(400, "InvalidPrefix");
    }
    space.get("/ips/lookup").refused(400, "InvalidParameter");
    space
        .get("/ips/lookup?address=10.1.1.1&limit=1")
        .refused(400, "InvalidParameter");
}

fn children_and_subtree_are_what_their_names_say(at: &Deployment) {
    let space = tree(at);
    let beneath = |prefix: &str, what: &str| space.prefixes(&format!("/ips/{}/{what}", id(&space, prefix)));
    assert_eq!(beneath("10.0.0.0/8", "children"), ["10.1.0.0/16", "10.2.0.0/16"]);
    assert_eq!(beneath("10.1.0.0/16", "children"), ["10.1.1.0/24", "10.1.2.0/24"]);
    assert!(beneath("10.1.1.1/32", "children").is_empty());
    assert_eq!(
        beneath("10.1.0.0/16", "subtree"),
        ["10.1.0.0/16", "10.1.1.0/24", "10.1.1.1/32", "10.1.2.0/24"]
    );
    assert_eq!(beneath("10.1.1.1/32", "subtree"), ["10.1.1.1/32"]);
    assert_eq!(
        beneath("2001:db8::/32", "subtree"),
        ["2001:db8::/32", "2001:db8:1::/48"]
    );
}

fn pages_are_led_by_links_and_cursors_belong_to_their_list(at: &Deployment) {
    let space = tree(at);
    let top = id(&space, "10.0.0.0/8");
    let lists = [
        "/ips".to_owned(),
        "/ips?tags=Region=eu".to_owned(),
        "/ips?parentId=root".to_owned(),
        format!("/ips?parentId={top}"),
        format!("/ips/{top}/children"),
        format!("/ips/{top}/subtree"),
        format!("/ips/{top}/subtree?tags=Region=eu"),
    ];
    for list in &lists {
        pages::assert_pages_agree(&space.client, &space.path(list), "id");
    }
    let next = space.get("/ips?limit=1").next().unwrap();
    let cursor = next.split("cursor=").nth(1).unwrap();
    for list in &lists[1..] {
        let separator = if list.contains('?') { '&' } else { '?' };
        space
            .get(&format!("{list}{separator}cursor={cursor}"))
            .refused(400, "InvalidCursor");
    }
    space
        .get(&format!("/ips?prefix=10.0.0.0/8&cursor={cursor}"))
        .refused(400, "InvalidCursor");
    at.space()
        .get(&format!("/ips?cursor={cursor}"))
        .refused(400, "InvalidCursor");
    // The size of a page is no part of what a cursor belongs to.
    space.get(&format!("/ips?limit=3&cursor={cursor}")).expect(200);
}

fn a_list_goes_on_where_it_was_while_nodes_come_and_go(at: &Deployment) {
    let space = tree(at);
    let first = space.get("/ips?limit=3").expect(200);
    let seen = pages::column(first.json().as_array().unwrap(), "prefix");
    assert_eq!(seen, ["10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24"]);
    // The node that the page ended with goes; others come before and behind it.
    space
        .delete(&format!("/ips/{}", id(&space, "10.1.1.0/24")))
        .gone();
    space.node("9.0.0.0/8", json!({}));
    space.node("10.1.3.0/24", json!({}));
    let rest = pages::listed(&space.client, &first.next().unwrap(), "prefix");
    assert_eq!(rest[..3], ["10.1.1.1/32", "10.1.2.0/24", "10.1.3.0/24"]);
    assert!(!rest.contains(&"9.0.0.0/8".to_owned()));
}

fn filters_that_cannot_be_understood_are_refused(at: &Deployment) {
    let space = tree(at);
    for prefix in [
        "10.0.0.1/8",
        "10.0.0.0",
        "10.0.0.0/33",
        "010.0.0.0/8",
        "::ffff:10.0.0.0/104",
        "x",
        "",
    ] {
        space
            .get(&format!("/ips?prefix={prefix}"))
            .refused(400, "InvalidPrefix");
    }
    for parent in ["", "nobody", "Root", "10.0.0.0/8"] {
        space
            .get(&format!("/ips?parentId={parent}"))
            .refused(400, "InvalidParameter");
    }
    for tags in [
        "",
        "Region",
        "=eu",
        "Region=",
        "Region=eu,",
        ",Region=eu",
        "Region=eu,Region=us",
        "Re%20gion=eu",
        "Region=a%5Cb",
    ] {
        space.get(&format!("/ips?tags={tags}")).expect(400).error();
    }
    // A tag that is not defined is on no node.
    let undefined = space.get("/ips?tags=Nowhere=x");
    assert!(
        undefined.status == 200 && undefined.json() == json!([]) || undefined.status == 400,
        "{undefined:?}"
    );
}
