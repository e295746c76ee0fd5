//! The `--tags` file: definitions in any order, sorted so that what is implied exists before what implies it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cadastre_api_types::public::{Tag, TagWrite};

use crate::failure::Failure;

/// Reads definitions and puts them in an order in which a server takes them.
pub(super) fn read(path: &Path) -> Result<Vec<TagWrite>, Failure> {
    let refuse = |what: String| Failure::usage(format!("The tag definitions in {}: {what}.", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let mut definitions: Vec<TagWrite> = serde_json::from_str(&text)
        .map_err(|error| refuse(format!("are not an array of tag definitions: {error}")))?;
    for definition in &mut definitions {
        // What `GET …/tags` gives can be imported elsewhere, where it is new.
        definition.created_on = None;
        definition.modified_on = None;
    }
    sorted(definitions).map_err(refuse)
}

fn sorted(definitions: Vec<TagWrite>) -> Result<Vec<TagWrite>, String> {
    let mut waiting = BTreeMap::new();
    for definition in definitions {
        let name = definition.name.clone().ok_or("a definition has no name")?;
        if waiting.insert(name.clone(), definition).is_some() {
            return Err(format!("{name} is defined twice"));
        }
    }
    let mut done = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let free: BTreeSet<String> = waiting
            .iter()
            .filter(|(_, definition)| implied(definition).all(|name| !waiting.contains_key(name)))
            .map(|(name, _)| name.clone())
            .collect();
        if free.is_empty() {
            let names: Vec<&str> = waiting.keys().map(String::as_str).collect();
            return Err(format!("imply each other in a circle: {}", names.join(", ")));
        }
        done.extend(free.iter().filter_map(|name| waiting.remove(name)));
    }
    Ok(done)
}

fn implied(definition: &TagWrite) -> impl Iterator<Item = &str> {
    definition
        .implies
        .iter()
        .flat_map(BTreeMap::keys)
        .map(String::as_str)
}

/// The stored definition says the same.
pub(super) fn same(stored: &Tag, wanted: &TagWrite) -> bool {
    let known: BTreeSet<&String> = wanted.known_values.iter().flatten().collect();
    stored.description == wanted.description
        && stored.tag_type == wanted.tag_type
        && stored.conflict == wanted.conflict
        && stored.known_values.iter().collect::<BTreeSet<_>>() == known
        && Some(&stored.attributes) == wanted.attributes.as_ref().or(Some(&BTreeMap::new()))
        && Some(&stored.implies) == wanted.implies.as_ref().or(Some(&BTreeMap::new()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn definition(name: &str, implies: &[&str]) -> TagWrite {
        let implies: BTreeMap<&str, BTreeMap<&str, &str>> = implies
            .iter()
            .map(|name| (*name, BTreeMap::from([("a", "b")])))
            .collect();
        serde_json::from_value(serde_json::json!({"name": name, "type": "Inheritable", "implies": implies}))
            .unwrap()
    }

    #[test]
    fn implied_tags_come_first_whatever_the_order_of_the_file() {
        let order = |definitions| -> Vec<String> {
            sorted(definitions)
                .unwrap()
                .into_iter()
                .filter_map(|definition| definition.name)
                .collect()
        };
        let file = vec![
            definition("A", &["B", "Elsewhere"]),
            definition("B", &["C"]),
            definition("C", &[]),
        ];
        assert_eq!(order(file), ["C", "B", "A"]);
    }

    #[test]
    fn a_circle_and_a_name_used_twice_are_refused() {
        let circle = sorted(vec![definition("A", &["B"]), definition("B", &["A"])]).unwrap_err();
        assert_eq!(circle, "imply each other in a circle: A, B");
        assert_eq!(
            sorted(vec![definition("A", &[]), definition("A", &[])]).unwrap_err(),
            "A is defined twice"
        );
    }
}
