//! Every way to ask about a space gives the same answer: lists, ids, prefixes, children, lookup, tag queries.

use std::collections::{BTreeMap, BTreeSet};

use super::region::{Region, contains, parse, text};
use crate::support::{Space, Value, json, pages};

/// Fails unless the space is whole in itself and holds these regions and nothing else.
pub(super) fn assert_consistent<'a>(space: &Space, regions: impl Iterator<Item = &'a Region>, round: usize) {
    let listed = pages::all(&space.client, &space.path("/ips"), 1000, "id");
    let nodes: BTreeMap<(u32, u8), &Value> = listed
        .iter()
        .map(|node| (parse(node["prefix"].as_str().unwrap()), node))
        .collect();
    let mut expected: BTreeSet<(u32, u8)> = regions.flat_map(|region| region.nodes.keys().copied()).collect();
    expected.insert(parse("10.0.0.0/8"));
    assert_eq!(
        nodes.keys().copied().collect::<BTreeSet<_>>(),
        expected,
        "round {round}"
    );
    let keys: Vec<(u32, u8)> = nodes.keys().copied().collect();
    let parent = |prefix: (u32, u8)| {
        keys.iter()
            .rfind(|outer| **outer != prefix && contains(**outer, prefix))
            .copied()
    };
    for (prefix, node) in &nodes {
        let id_of_parent = parent(*prefix).map_or(Value::Null, |outer| nodes[&outer]["id"].clone());
        assert_eq!(node["parentId"], id_of_parent, "round {round}: {node}");
        assert_eq!(
            node["resolvedTags"],
            resolved(*prefix, &nodes),
            "round {round}: {node}"
        );
    }
    std::thread::scope(|scope| {
        for part in keys.chunks(keys.len().div_ceil(4).max(1)) {
            let (nodes, keys) = (&nodes, &keys);
            scope.spawn(move || {
                part.iter()
                    .for_each(|prefix| assert_agreed(space, *prefix, nodes, keys, round))
            });
        }
    });
    let mut carriers: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (prefix, node) in &nodes {
        for (tag, value) in node["resolvedTags"].as_object().unwrap() {
            carriers
                .entry((tag.clone(), value.as_str().unwrap().to_owned()))
                .or_default()
                .push(text(*prefix));
        }
    }
    for ((tag, value), prefixes) in carriers {
        assert_eq!(
            space.prefixes(&format!("/ips?tags={tag}={value}")),
            prefixes,
            "round {round}: {tag}={value}"
        );
    }
}

/// What a node resolves to, from what its ancestors set.
fn resolved(prefix: (u32, u8), nodes: &BTreeMap<(u32, u8), &Value>) -> Value {
    let mut tags = serde_json::Map::new();
    let mut chain: Vec<_> = nodes
        .iter()
        .filter(|(outer, _)| contains(**outer, prefix))
        .collect();
    chain.sort_by_key(|((_, length), _)| *length);
    for (at, node) in chain {
        for (tag, value) in node["tags"].as_object().unwrap() {
            if tag == "Note" && *at != prefix {
                continue;
            }
            tags.insert(tag.clone(), value.clone());
            let implied = match (tag.as_str(), value.as_str()) {
                ("Site", Some("s0" | "s2")) => "r0",
                ("Site", Some("s1")) => "r1",
                _ => continue,
            };
            tags.insert("Region".to_owned(), json!(implied));
        }
    }
    Value::Object(tags)
}

fn assert_agreed(
    space: &Space,
    prefix: (u32, u8),
    nodes: &BTreeMap<(u32, u8), &Value>,
    keys: &[(u32, u8)],
    round: usize,
) {
    let node = nodes[&prefix];
    let id = node["id"].as_str().unwrap();
    assert_eq!(
        space.get(&format!("/ips/{id}")).ok(),
        *node,
        "round {round}: by id"
    );
    assert_eq!(space.by_prefix(&text(prefix)), *node, "round {round}: by prefix");
    let children: Vec<String> = keys
        .iter()
        .filter(|inner| nodes[*inner]["parentId"] == node["id"])
        .map(|inner| text(*inner))
        .collect();
    assert_eq!(
        space.prefixes(&format!("/ips/{id}/children")),
        children,
        "round {round}: children of {node}"
    );
    let mut around: Vec<(u32, u8)> = keys
        .iter()
        .filter(|outer| contains(**outer, prefix))
        .copied()
        .collect();
    around.sort_by_key(|(_, length)| std::cmp::Reverse(*length));
    let around: Vec<String> = around.into_iter().map(text).collect();
    let found = space.get(&format!("/ips/lookup?address={}", text(prefix))).ok();
    assert_eq!(
        pages::column(found.as_array().unwrap(), "prefix"),
        around,
        "round {round}: around {node}"
    );
}
