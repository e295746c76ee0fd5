//! Dense cases: small address ranges, six tags, three values.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cadastre_domain::tags::{
    ConflictPolicy, ExplicitTags, Inheritance, TagDefinition, TagName, TagValue, Vocabulary,
};
use cadastre_domain::{Family, Prefix};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use crate::naive;

pub(crate) fn tag(name: &str) -> TagName {
    TagName::new(name).unwrap()
}

pub(crate) fn value(text: &str) -> TagValue {
    TagValue::new(text).unwrap()
}

/// Any prefix of either family, all lengths alike.
pub(crate) fn any_prefix() -> impl Strategy<Value = Prefix> {
    prop_oneof![
        (any::<u32>(), 0..=32_u8).prop_map(|(bits, len)| Prefix::new_masked(
            Ipv4Addr::from_bits(bits).into(),
            len
        )
        .unwrap()),
        (any::<u128>(), 0..=128_u8).prop_map(|(bits, len)| Prefix::new_masked(
            Ipv6Addr::from_bits(bits).into(),
            len
        )
        .unwrap()),
    ]
}

/// A prefix within 10.0.0.0/24 (addresses and lengths so few that they contain each other often).
pub(crate) fn prefix_in_10() -> impl Strategy<Value = Prefix> {
    (0..=255_u8, 24..=32_u8)
        .prop_map(|(host, len)| Prefix::new_masked(Ipv4Addr::new(10, 0, 0, host).into(), len).unwrap())
}

/// Mostly within 10.0.0.0/24 and 2001:db8::/120, now and then at the ends of the address ranges.
pub(crate) fn dense_prefix() -> impl Strategy<Value = Prefix> {
    let v6 = (0..=255_u128, 120..=128_u8).prop_map(|(host, len)| {
        let bits = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0).to_bits() | host;
        Prefix::new_masked(Ipv6Addr::from_bits(bits).into(), len).unwrap()
    });
    let ends = (
        prop::sample::select(vec![Family::V4, Family::V6]),
        any::<bool>(),
        0..=128_u8,
    )
        .prop_map(|(family, last, len)| {
            let all = Prefix::everything(family);
            let edge = if last {
                all.last_descendant()
            } else {
                Prefix::host(all.addr())
            };
            edge.truncate(len)
        });
    prop_oneof![6 => prefix_in_10(), 3 => v6, 2 => ends]
}

pub(crate) fn prefixes(size: usize) -> impl Strategy<Value = BTreeSet<Prefix>> {
    btree_set(dense_prefix(), 0..=size)
}

/// Any address of either family, mapped ones among them.
pub(crate) fn any_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).into()),
        any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits).into()),
        any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).to_ipv6_mapped().into()),
    ]
}

pub(crate) const TAGS: [&str; 6] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"];
pub(crate) const VALUES: [&str; 3] = ["x", "y", "z"];

pub(crate) fn any_tag() -> impl Strategy<Value = TagName> {
    prop::sample::select(&TAGS[..]).prop_map(tag)
}

pub(crate) fn any_value() -> impl Strategy<Value = TagValue> {
    prop::sample::select(&VALUES[..]).prop_map(value)
}

pub(crate) fn explicit() -> impl Strategy<Value = ExplicitTags> {
    btree_map(any_tag(), any_value(), 0..=4)
}

/// Which value gives which: a partial map over the three values.
type ValueMap = Vec<Option<usize>>;

/// What one tag is drawn from: inheritable, closed value list, rejecting, and a draw per other tag
/// (implied or not, and by which values).
type TagDraw = (bool, bool, bool, Vec<(bool, ValueMap)>);

fn tag_draw() -> impl Strategy<Value = TagDraw> {
    let implication = (
        prop::bool::weighted(0.45),
        vec(prop::option::weighted(0.7, 0..VALUES.len()), VALUES.len()),
    );
    (
        prop::bool::weighted(0.75),
        any::<bool>(),
        any::<bool>(),
        vec(implication, TAGS.len()),
    )
}

/// Definitions that fit together: implications follow a random order of the tags (not that of their
/// names), several levels deep, and lead to inheritable tags only.
pub(crate) fn definitions() -> impl Strategy<Value = Vec<TagDefinition>> {
    (Just(TAGS.to_vec()).prop_shuffle(), vec(tag_draw(), TAGS.len())).prop_map(|(names, draws)| {
        let inheritable: Vec<bool> = draws.iter().map(|draw| draw.0).collect();
        names
            .iter()
            .zip(&draws)
            .enumerate()
            .map(|(position, (name, (_, closed, rejects, implications)))| {
                let mut definition = TagDefinition::new(tag(name), inheritance(inheritable[position]));
                if *closed {
                    definition.known_values = VALUES.map(value).to_vec();
                }
                if *rejects {
                    definition.conflict = ConflictPolicy::Reject;
                }
                for (other, (implied, values)) in implications.iter().enumerate().skip(position + 1) {
                    if *implied && inheritable[other] {
                        definition.implies.insert(tag(names[other]), value_map(values));
                    }
                }
                definition
            })
            .collect()
    })
}

fn inheritance(inheritable: bool) -> Inheritance {
    if inheritable {
        Inheritance::Inheritable
    } else {
        Inheritance::NonInheritable
    }
}

fn value_map(values: &ValueMap) -> BTreeMap<TagValue, TagValue> {
    let given = |(from, to): (usize, &Option<usize>)| to.map(|to| (value(VALUES[from]), value(VALUES[to])));
    values.iter().enumerate().filter_map(given).collect()
}

/// A tree of tagged nodes and the vocabulary it keeps.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) definitions: Vec<TagDefinition>,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) nodes: naive::Nodes,
}

/// Trees of up to `size` nodes, several levels deep, whose nodes do not contradict themselves.
pub(crate) fn plan(size: usize) -> impl Strategy<Value = Plan> {
    (definitions(), btree_map(prefix_in_10(), explicit(), 1..=size)).prop_map(|(definitions, mut nodes)| {
        for explicit in nodes.values_mut() {
            while naive::local(&definitions, explicit).is_none() {
                explicit.pop_first();
            }
        }
        let vocabulary = Vocabulary::new(definitions.clone()).unwrap();
        Plan {
            definitions,
            vocabulary,
            nodes,
        }
    })
}
