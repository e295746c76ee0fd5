//! The example of AWS's address ranges holds what AWS published: the rules of the domain, applied to its two
//! files, give back every (prefix, service, region, border group) line of the input, by checksum.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cadastre_api_types::public::{TagType, TagWrite};
use cadastre_domain::Prefix;
use cadastre_domain::hierarchy::parent_of;
use cadastre_domain::tags::{
    ExplicitTags, Inheritance, Inherited, Resolved, TagDefinition, TagName, TagValue, Vocabulary,
};
use sha2::{Digest as _, Sha256};

/// SHA-256 over the sorted lines `prefix service region border-group`, as `generate.py` prints it.
const CHECKSUM: &str = "5787043b50ac758a23c06f8685d491533bea0ab201c9c35473025631ae6d5760";
const PREFIXES: usize = 11_013;
const PAIRS: usize = 16_828;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/aws-ip-ranges")
        .join(name)
}

fn name(text: &str) -> TagName {
    TagName::new(text).unwrap()
}

fn value(text: &str) -> TagValue {
    TagValue::new(text).unwrap()
}

fn definition(wire: TagWrite) -> TagDefinition {
    let inheritance = match wire.tag_type {
        TagType::Inheritable => Inheritance::Inheritable,
        TagType::NonInheritable => Inheritance::NonInheritable,
    };
    let mut definition = TagDefinition::new(name(&wire.name.unwrap()), inheritance);
    definition.description = wire.description;
    definition.known_values = wire
        .known_values
        .unwrap_or_default()
        .iter()
        .map(|text| value(text))
        .collect();
    definition.attributes = wire.attributes.unwrap_or_default();
    definition.implies = wire
        .implies
        .unwrap_or_default()
        .iter()
        .map(|(implied, values)| {
            (
                name(implied),
                values.iter().map(|(from, to)| (value(from), value(to))).collect(),
            )
        })
        .collect();
    definition
}

fn vocabulary() -> Vocabulary {
    let text = std::fs::read_to_string(file("tags.json")).unwrap();
    let wire: Vec<TagWrite> = serde_json::from_str(&text).unwrap();
    Vocabulary::new(wire.into_iter().map(definition)).unwrap()
}

fn nodes() -> BTreeMap<Prefix, ExplicitTags> {
    let mut reader = csv::Reader::from_path(file("prefixes.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let mut nodes = BTreeMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        let mut tags = ExplicitTags::new();
        for (column, cell) in header.iter().zip(&record) {
            if let (Some(tag), false) = (column.strip_prefix("tag:"), cell.is_empty()) {
                tags.insert(name(tag), value(cell));
            }
        }
        let prefix: Prefix = record[0].parse().unwrap();
        assert!(nodes.insert(prefix, tags).is_none(), "{prefix} is there twice");
    }
    nodes
}

fn resolved() -> BTreeMap<Prefix, Resolved> {
    let (vocabulary, nodes) = (vocabulary(), nodes());
    let mut resolved: BTreeMap<Prefix, Resolved> = BTreeMap::new();
    // In order, parents come before children.
    for (prefix, tags) in &nodes {
        vocabulary.check_explicit(tags).unwrap();
        let above = parent_of(&nodes, *prefix).unwrap();
        let inherited = above.map_or_else(Inherited::default, |above| resolved[&above].inheritable());
        resolved.insert(*prefix, vocabulary.resolve(&inherited, *prefix, tags).unwrap());
    }
    resolved
}

#[test]
fn the_files_resolve_to_exactly_what_aws_published() {
    let resolved = resolved();
    assert_eq!(resolved.len(), PREFIXES);
    let mut lines = BTreeSet::new();
    for (prefix, tags) in &resolved {
        let tag = |tag: &str| tags.get(&name(tag)).unwrap().to_string();
        for service in tag("Services").split('+') {
            lines.insert(format!(
                "{prefix} {service} {} {}",
                tag("Region"),
                tag("NetworkBorderGroup")
            ));
        }
        assert!(
            tag("Services")
                .split('+')
                .any(|service| service == tag("Service")),
            "{prefix}"
        );
        assert!(
            !tag("Continent").is_empty() && tag("Partition").starts_with("aws"),
            "{prefix}"
        );
    }
    assert_eq!(lines.len(), PAIRS);
    let mut hash = Sha256::new();
    for line in &lines {
        hash.update(format!("{line}\n"));
    }
    let sum: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sum, CHECKSUM);
}

#[test]
fn a_prefix_elsewhere_than_the_one_around_it_resolves_to_its_own_place() {
    let resolved = resolved();
    let place = |prefix: &str, tag: &str| {
        resolved[&prefix.parse().unwrap()]
            .get(&name(tag))
            .unwrap()
            .to_string()
    };
    assert_eq!(place("15.193.0.0/19", "Region"), "GLOBAL");
    assert_eq!(place("15.193.0.0/24", "Region"), "ap-south-1");
    assert_eq!(place("15.193.0.0/24", "Continent"), "Asia");
}
