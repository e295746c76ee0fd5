//! What a worker knows of its own part of a space: the nodes and definitions that only it changes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::support::{Value, json};

/// A node as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// Unknown while the answer to its creation is.
    pub(super) id: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) description: String,
}

/// Nodes and definitions of one worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Region {
    /// By address and length.
    pub(super) nodes: BTreeMap<(u32, u8), Node>,
    /// Description by name.
    pub(super) tags: BTreeMap<String, String>,
}

pub(super) fn text((bits, length): (u32, u8)) -> String {
    format!("{}/{length}", Ipv4Addr::from(bits))
}

pub(super) fn parse(prefix: &str) -> (u32, u8) {
    let (address, length) = prefix.split_once('/').unwrap();
    (
        u32::from(address.parse::<Ipv4Addr>().unwrap()),
        length.parse().unwrap(),
    )
}

pub(super) fn contains(outer: (u32, u8), inner: (u32, u8)) -> bool {
    outer.1 <= inner.1 && (outer.1 == 0 || (outer.0 ^ inner.0) >> (32 - outer.1) == 0)
}

impl Region {
    /// What a deletion does: the inheritable tags go to the children that do not set them. (No tag of this test
    /// is both set and implied, which keeps the rule as simple as this.)
    pub(super) fn remove(&mut self, prefix: (u32, u8)) {
        let removed = self.nodes.remove(&prefix).unwrap();
        let children: Vec<(u32, u8)> = self
            .nodes
            .keys()
            .filter(|inner| contains(prefix, **inner))
            .filter(|inner| {
                !self.nodes.keys().any(|between| {
                    between != *inner && contains(prefix, *between) && contains(*between, **inner)
                })
            })
            .copied()
            .collect();
        for child in children {
            let child = self.nodes.get_mut(&child).unwrap();
            for (tag, value) in removed.tags.iter().filter(|(tag, _)| *tag != "Note") {
                child.tags.entry(tag.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    /// Whether what the server has is this, and if so with which ids.
    pub(super) fn matches(
        &self,
        found: &BTreeMap<(u32, u8), Value>,
        tags: &BTreeMap<String, String>,
    ) -> bool {
        *tags == self.tags
            && found.len() == self.nodes.len()
            && self.nodes.iter().all(|(prefix, node)| {
                found.get(prefix).is_some_and(|stored| {
                    stored["tags"] == json!(node.tags)
                        && stored["description"].as_str().unwrap_or_default() == node.description
                        && node.id.as_ref().is_none_or(|id| stored["id"] == json!(id))
                })
            })
    }

    /// Takes over ids that were not known.
    pub(super) fn learn(&mut self, found: &BTreeMap<(u32, u8), Value>) {
        for (prefix, node) in &mut self.nodes {
            node.id = found[prefix]["id"].as_str().map(str::to_owned);
        }
    }
}
