//! The rules once more, as plainly as they can be said. Slow on purpose: everything is looked for
//! everywhere.

use std::collections::{BTreeMap, BTreeSet};

use cadastre_domain::Prefix;
use cadastre_domain::tags::{ExplicitTags, Inheritance, TagDefinition, TagName, TagValue};

pub(crate) type Nodes = BTreeMap<Prefix, ExplicitTags>;
pub(crate) type Values = BTreeMap<TagName, TagValue>;

/// A prefix as its family and the text of its bits: containing is "starts with".
pub(crate) fn bit_text(prefix: &Prefix) -> (bool, String) {
    let (six, all): (bool, String) = match prefix.addr() {
        std::net::IpAddr::V4(v4) => (
            false,
            v4.octets().iter().map(|octet| format!("{octet:08b}")).collect(),
        ),
        std::net::IpAddr::V6(v6) => (
            true,
            v6.octets().iter().map(|octet| format!("{octet:08b}")).collect(),
        ),
    };
    (six, all[..usize::from(prefix.len())].to_owned())
}

pub(crate) fn contains(above: &Prefix, below: &Prefix) -> bool {
    let (above, below) = (bit_text(above), bit_text(below));
    above.0 == below.0 && below.1.starts_with(&above.1)
}

/// All of `stored` strictly above `prefix`, shortest first.
pub(crate) fn ancestors<'a>(stored: impl IntoIterator<Item = &'a Prefix>, prefix: &Prefix) -> Vec<Prefix> {
    let mut above: Vec<Prefix> = stored
        .into_iter()
        .filter(|other| *other != prefix && contains(other, prefix))
        .copied()
        .collect();
    above.sort_by_key(Prefix::len);
    above
}

/// Those of `stored` beneath `parent` (or at the top) with nothing of `stored` in between.
pub(crate) fn children(stored: &BTreeSet<Prefix>, parent: Option<Prefix>) -> Vec<Prefix> {
    stored
        .iter()
        .filter(|prefix| match parent {
            // The parent need not be stored, so it is put among the ancestors for this question.
            Some(parent) => {
                let with_parent = stored.iter().chain([&parent]);
                ancestors(with_parent, prefix).last() == Some(&parent)
            }
            None => ancestors(stored, prefix).is_empty(),
        })
        .copied()
        .collect()
}

/// What a node sets and implies itself, as the fixed point of "an explicit value, else the one value
/// that the implications give". `None` when they give more than one.
pub(crate) fn local(definitions: &[TagDefinition], explicit: &ExplicitTags) -> Option<Values> {
    let mut values: Values = explicit.clone();
    loop {
        let mut next: Values = explicit.clone();
        let mut disagreement = false;
        for definition in definitions
            .iter()
            .filter(|definition| !explicit.contains_key(&definition.name))
        {
            let given = implied_values(definitions, &values, &definition.name);
            disagreement |= given.len() > 1;
            if let (1, Some(value)) = (given.len(), given.into_iter().next()) {
                next.insert(definition.name.clone(), value);
            }
        }
        if next == values {
            return (!disagreement).then_some(values);
        }
        values = next;
    }
}

fn implied_values(definitions: &[TagDefinition], values: &Values, tag: &TagName) -> BTreeSet<TagValue> {
    let given = |definition: &TagDefinition| {
        let by_value = values.get(&definition.name)?;
        definition.implies.get(tag)?.get(by_value).cloned()
    };
    definitions.iter().filter_map(given).collect()
}

/// What holds on a node, from the root down.
pub(crate) fn resolve(definitions: &[TagDefinition], nodes: &Nodes, at: &Prefix) -> Values {
    let mut holds = Values::new();
    for node in ancestors(nodes.keys(), at).iter().chain([at]) {
        holds.retain(|tag, _| {
            let definition = definitions
                .iter()
                .find(|definition| definition.name == *tag)
                .unwrap();
            definition.inheritance == Inheritance::Inheritable
        });
        holds.extend(local(definitions, &nodes[node]).unwrap());
    }
    holds
}

/// What holds on every node.
pub(crate) fn resolve_all(definitions: &[TagDefinition], nodes: &Nodes) -> BTreeMap<Prefix, Values> {
    nodes
        .keys()
        .map(|node| (*node, resolve(definitions, nodes, node)))
        .collect()
}

/// Whether `to` can be reached from `from` by one or more steps.
pub(crate) fn reaches<T: Ord + Clone>(from: &T, to: &T, steps: &BTreeSet<(T, T)>) -> bool {
    let mut reached: BTreeSet<T> = BTreeSet::new();
    loop {
        let next: BTreeSet<T> = steps
            .iter()
            .filter(|(start, _)| start == from || reached.contains(start))
            .map(|(_, end)| end.clone())
            .collect();
        if next == reached {
            return reached.contains(to);
        }
        reached = next;
    }
}
