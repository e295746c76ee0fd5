//! What definitions make of the values on nodes: inheritance, implication, conflicts, known values.

use super::example;
use crate::support::{Deployment, Space, Value, claims, json};

claims! {
    both: [
        values_are_inherited_overridden_and_implied,
        reject_refuses_a_value_that_differs_from_the_ancestor_and_names_both_nodes,
        two_implications_that_disagree_need_an_explicit_value,
    ],
    one: [
        definitions_never_imply_each_other_in_a_circle,
        what_is_implied_must_be_defined_inheritable_and_known,
        known_values_cannot_leave_out_a_value_in_use,
        a_value_must_be_known_where_there_are_known_values,
        a_change_of_a_definition_shows_on_every_node_at_once,
    ],
}

fn resolved(space: &Space, prefix: &str) -> Value {
    space.by_prefix(prefix)["resolvedTags"].clone()
}

fn values_are_inherited_overridden_and_implied(at: &Deployment) {
    let space = example(at);
    space.node("10.0.0.0/8", json!({ "Datacenter": "AMS05", "Owner": "top" }));
    space.node("10.1.0.0/16", json!({}));
    space.node("10.1.1.0/24", json!({ "Region": "USWest" }));
    space.node("10.1.1.1/32", json!({ "Owner": "host" }));
    space.node("10.2.0.0/16", json!({ "Datacenter": "NYC01" }));
    space.node(
        "10.3.0.0/16",
        json!({ "Datacenter": "NYC01", "Region": "USWest" }),
    );
    space.node("10.4.0.0/16", json!({ "Datacenter": "unheard-of" }));
    let expected = [
        (
            "10.0.0.0/8",
            json!({ "Datacenter": "AMS05", "Region": "EuropeWest", "Owner": "top" }),
        ),
        (
            "10.1.0.0/16",
            json!({ "Datacenter": "AMS05", "Region": "EuropeWest" }),
        ),
        (
            "10.1.1.0/24",
            json!({ "Datacenter": "AMS05", "Region": "USWest" }),
        ),
        (
            "10.1.1.1/32",
            json!({ "Datacenter": "AMS05", "Region": "USWest", "Owner": "host" }),
        ),
        (
            "10.2.0.0/16",
            json!({ "Datacenter": "NYC01", "Region": "USEast" }),
        ),
        (
            "10.3.0.0/16",
            json!({ "Datacenter": "NYC01", "Region": "USWest" }),
        ),
        (
            "10.4.0.0/16",
            json!({ "Datacenter": "unheard-of", "Region": "EuropeWest" }),
        ),
    ];
    for (prefix, tags) in expected {
        assert_eq!(resolved(&space, prefix), tags, "{prefix}");
    }
}

fn reject_refuses_a_value_that_differs_from_the_ancestor_and_names_both_nodes(at: &Deployment) {
    let space = at.space();
    space.define(json!({ "name": "Vrf", "type": "Inheritable", "conflict": "Reject" }));
    space.define(
        json!({ "name": "Site", "type": "Inheritable", "implies": { "Vrf": { "A": "red", "B": "blue" } } }),
    );
    space.node("10.0.0.0/8", json!({ "Vrf": "red" }));
    let below = space.node("10.1.0.0/16", json!({ "Vrf": "red" }));
    space.node("10.2.1.0/24", json!({ "Site": "A" }));
    let names_both = |error: &Value, one: &str, other: &str| {
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(one) && message.contains(other), "{message}");
    };
    let refuse = |prefix: &str, tags: Value| {
        space
            .post("/ips", &json!({ "prefix": prefix, "tags": tags }))
            .refused(409, "TagConflict")
    };
    names_both(
        &refuse("10.1.1.0/24", json!({ "Vrf": "blue" })),
        "10.1.1.0/24",
        "10.1.0.0/16",
    );
    names_both(
        &refuse("10.1.1.0/24", json!({ "Site": "B" })),
        "10.1.1.0/24",
        "10.1.0.0/16",
    );
    let error = space
        .put(&format!("/ips/{below}"), &json!({ "tags": { "Vrf": "blue" } }))
        .refused(409, "TagConflict");
    names_both(&error, "10.1.0.0/16", "10.0.0.0/8");
    // A node between two others is held against both.
    space.node("192.168.1.0/24", json!({ "Vrf": "blue" }));
    names_both(
        &refuse("192.168.0.0/16", json!({ "Vrf": "red" })),
        "192.168.0.0/16",
        "192.168.1.0/24",
    );
    // A definition cannot become strict over nodes that break it.
    space.tag("Color");
    space.node("172.16.0.0/12", json!({ "Color": "red" }));
    space.node("172.16.1.0/24", json!({ "Color": "blue" }));
    let strict = json!({ "type": "Inheritable", "conflict": "Reject" });
    let refusal = space.put("/tags/Color", &strict).error();
    assert!(
        matches!(refusal["code"].as_str(), Some("TagConflict" | "TagInUse")),
        "{refusal}"
    );
    assert_eq!(space.get("/tags/Color").ok()["conflict"], "Nearest");
}

fn two_implications_that_disagree_need_an_explicit_value(at: &Deployment) {
    let space = at.space();
    space.tag("Continent");
    space.define(
        json!({ "name": "City", "type": "Inheritable", "implies": { "Continent": { "Oslo": "Europe" } } }),
    );
    space.define(
        json!({ "name": "Code", "type": "Inheritable", "implies": { "Continent": { "NYC": "America" } } }),
    );
    let both = json!({ "prefix": "10.0.0.0/8", "tags": { "City": "Oslo", "Code": "NYC" } });
    let error = space.post("/ips", &both).refused(409, "TagConflict");
    let message = error["message"].as_str().unwrap();
    assert!(
        ["City", "Code", "Continent"]
            .iter()
            .all(|word| message.contains(word)),
        "{message}"
    );
    space.node(
        "10.0.0.0/8",
        json!({ "City": "Oslo", "Code": "NYC", "Continent": "Asia" }),
    );
    // On two nodes there is nothing to settle: the nearest wins.
    space.node("11.0.0.0/8", json!({ "City": "Oslo" }));
    space.node("11.1.0.0/16", json!({ "Code": "NYC" }));
    assert_eq!(
        resolved(&space, "11.1.0.0/16"),
        json!({ "City": "Oslo", "Code": "NYC", "Continent": "America" })
    );
    // A definition cannot make nodes disagree that agree now.
    space.node("12.0.0.0/8", json!({ "City": "Rome", "Code": "NYC" }));
    let wider =
        json!({ "type": "Inheritable", "implies": { "Continent": { "Oslo": "Europe", "Rome": "Europe" } } });
    let refusal = space.put("/tags/City", &wider).error();
    assert!(
        refusal["message"].as_str().unwrap().contains("12.0.0.0/8"),
        "{refusal}"
    );
}

fn definitions_never_imply_each_other_in_a_circle(at: &Deployment) {
    let space = at.space();
    space.tag("A");
    space.define(json!({ "name": "B", "type": "Inheritable", "implies": { "A": { "1": "1" } } }));
    space.define(json!({ "name": "C", "type": "Inheritable", "implies": { "B": { "1": "1" } } }));
    let closing = json!({ "type": "Inheritable", "implies": { "C": { "1": "1" } } });
    let error = space.put("/tags/A", &closing).refused(400, "TagCycle");
    let message = error["message"].as_str().unwrap();
    assert!(
        ["A", "B", "C"].iter().all(|name| message.contains(name)),
        "{message}"
    );
    let own = json!({ "type": "Inheritable", "implies": { "A": { "1": "2" } } });
    assert_eq!(
        space.put("/tags/A", &own).expect(400).error()["code"]
            .as_str()
            .map(|code| code.starts_with("Tag") || code.starts_with("Invalid")),
        Some(true)
    );
    assert_eq!(space.get("/tags/A").ok()["implies"], json!({}));
}

fn what_is_implied_must_be_defined_inheritable_and_known(at: &Deployment) {
    let space = example(at);
    for implies in [
        json!({ "Nowhere": { "x": "y" } }),
        json!({ "Owner": { "x": "y" } }),
        json!({ "Region": { "x": "Mars" } }),
    ] {
        let body = json!({ "name": "New", "type": "Inheritable", "implies": implies });
        space.post("/tags", &body).refused(400, "InvalidTagDefinition");
    }
    space.get("/tags/New").refused(404, "NotFound");
}

fn known_values_cannot_leave_out_a_value_in_use(at: &Deployment) {
    let space = example(at);
    for third in 0..7 {
        space.node(&format!("10.{third}.0.0/16"), json!({ "Region": "USEast" }));
    }
    let narrowed = json!({ "type": "Inheritable", "knownValues": ["EuropeWest", "USWest"] });
    // NYC01 still implies the value, so it is refused before nodes are looked at; then because of the nodes.
    space.put("/tags/Region", &narrowed).expect(400).error();
    space
        .put("/tags/Datacenter", &json!({ "type": "Inheritable" }))
        .expect(200);
    let error = space.put("/tags/Region", &narrowed).refused(400, "TagInUse");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains('7') && message.contains("10.0.0.0/16"),
        "{message}"
    );
    let widened = json!({ "type": "Inheritable", "knownValues": ["USEast", "Moon"] });
    space.put("/tags/Region", &widened).expect(200);
    space.node("10.9.0.0/16", json!({ "Region": "Moon" }));
}

fn a_value_must_be_known_where_there_are_known_values(at: &Deployment) {
    let space = example(at);
    let error = space.post(
        "/ips",
        &json!({ "prefix": "10.0.0.0/8", "tags": { "Region": "EuropWest" } }),
    );
    let error = error.refused(400, "UnknownTagValue");
    assert!(
        error["message"].as_str().unwrap().contains("EuropeWest"),
        "{error}"
    );
    let node = space.node("10.0.0.0/8", json!({ "Owner": "anything, really = \u{1f30d}" }));
    let error = space
        .put(&format!("/ips/{node}"), &json!({ "tags": { "Owners": "x" } }))
        .refused(400, "UndefinedTag");
    assert!(error["message"].as_str().unwrap().contains("Owner"), "{error}");
}

fn a_change_of_a_definition_shows_on_every_node_at_once(at: &Deployment) {
    let space = example(at);
    space.node("10.0.0.0/8", json!({ "Datacenter": "AMS05" }));
    space.node("10.1.0.0/16", json!({}));
    assert_eq!(resolved(&space, "10.1.0.0/16")["Region"], "EuropeWest");
    let body = json!({ "type": "Inheritable", "implies": { "Region": { "AMS05": "USWest" } } });
    space.put("/tags/Datacenter", &body).expect(200);
    assert_eq!(resolved(&space, "10.1.0.0/16")["Region"], "USWest");
    assert_eq!(
        space.prefixes("/ips?tags=Region=USWest"),
        ["10.0.0.0/8", "10.1.0.0/16"]
    );
    assert!(space.prefixes("/ips?tags=Region=EuropeWest").is_empty());
    space
        .put("/tags/Datacenter", &json!({ "type": "Inheritable" }))
        .expect(200);
    assert_eq!(resolved(&space, "10.1.0.0/16"), json!({ "Datacenter": "AMS05" }));
}
