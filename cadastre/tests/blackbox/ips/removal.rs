//! The law of removal: deleting a node changes no resolved tag of any other node. By example, and on random
//! trees over HTTP.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::support::{Deployment, Space, Value, claims, json};

claims! {
    both: [deleting_a_node_hands_its_tags_to_its_children],
    one: [deleting_a_node_changes_no_resolved_tag_of_any_other_node],
}

fn vocabulary(at: &Deployment) -> Space {
    let space = at.space();
    space.tag("Continent");
    space.define(json!({
        "name": "Region", "type": "Inheritable",
        "implies": { "Continent": { "r1": "c1", "r2": "c2", "r3": "c1" } },
    }));
    space.define(json!({
        "name": "Site", "type": "Inheritable",
        "implies": { "Region": { "s1": "r1", "s2": "r2" }, "Continent": { "s3": "c3" } },
    }));
    space.define(
        json!({ "name": "Room", "type": "Inheritable", "implies": { "Site": { "m1": "s1", "m3": "s3" } } }),
    );
    space.define(json!({ "name": "Note", "type": "NonInheritable" }));
    space
}

fn deleting_a_node_hands_its_tags_to_its_children(at: &Deployment) {
    let space = vocabulary(at);
    let top = space.node("10.0.0.0/8", json!({ "Site": "s1", "Note": "stays behind" }));
    space.node("10.1.0.0/16", json!({}));
    space.node("10.1.1.0/24", json!({}));
    space.node("10.2.0.0/16", json!({ "Region": "r2" }));
    space.node("10.3.0.0/16", json!({ "Continent": "c9" }));
    let mut before = space.resolved();
    space.delete(&format!("/ips/{top}")).gone();
    before.remove("10.0.0.0/8");
    assert_eq!(space.resolved(), before);
    assert_eq!(space.by_prefix("10.1.0.0/16")["tags"]["Site"], "s1");
    assert_eq!(space.by_prefix("10.1.0.0/16")["tags"].get("Note"), None);
    // Grandchildren inherit from the child and carry nothing themselves.
    assert_eq!(space.by_prefix("10.1.1.0/24")["tags"], json!({}));
    assert_eq!(space.by_prefix("10.1.0.0/16")["parentId"], Value::Null);
}

fn deleting_a_node_changes_no_resolved_tag_of_any_other_node(at: &Deployment) {
    for seed in 0..4_u64 {
        let space = vocabulary(at);
        let mut random = StdRng::seed_from_u64(seed);
        let mut nodes = grow(&space, &mut random);
        let mut resolved = space.resolved();
        assert_eq!(resolved.len(), nodes.len());
        while !nodes.is_empty() {
            let (prefix, id) = nodes.swap_remove(random.random_range(0..nodes.len()));
            space.delete(&format!("/ips/{id}")).gone();
            resolved.remove(&prefix);
            assert_eq!(
                space.resolved(),
                resolved,
                "seed {seed}, after {prefix} was deleted"
            );
        }
    }
}

/// Nodes that contain each other often, with tags that overlap often.
fn grow(space: &Space, random: &mut StdRng) -> Vec<(String, String)> {
    let values: [(&str, &[&str]); 5] = [
        ("Continent", &["c1", "c2", "c3"]),
        ("Region", &["r1", "r2", "r3", "r4"]),
        ("Site", &["s1", "s2", "s3", "s4"]),
        ("Room", &["m1", "m2", "m3"]),
        ("Note", &["n1", "n2"]),
    ];
    let mut nodes = Vec::new();
    for _ in 0..40 {
        let length = [8, 12, 16, 20, 24].choose(random).unwrap();
        let bits = (10_u32 << 24
            | random.random_range(0..4) << 20
            | random.random_range(0..4) << 16
            | random.random_range(0..3) << 12
            | random.random_range(0..3) << 8)
            & (u32::MAX << (32 - length));
        let prefix = format!("{}/{length}", std::net::Ipv4Addr::from(bits));
        let mut tags = serde_json::Map::new();
        for (tag, values) in values {
            if random.random_bool(0.3) {
                tags.insert(tag.to_owned(), json!(values.choose(random).unwrap()));
            }
        }
        let answer = space.post("/ips", &json!({ "prefix": prefix, "tags": tags }));
        match answer.status {
            201 => nodes.push((prefix, answer.json()["id"].as_str().unwrap().to_owned())),
            // Taken already, or two implications that disagree.
            409 => drop(answer.error()),
            _ => drop(answer.made()),
        }
    }
    assert!(nodes.len() > 10);
    nodes
}
