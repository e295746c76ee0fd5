//! Free space as a list of addresses, each covered or not, in parents so small that it can be
//! looked at as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cadastre_domain::free_space::{CountByLen, FreeSpace, Size};
use cadastre_domain::{Family, Prefix};
use proptest::collection::vec;
use proptest::prelude::*;

/// Parents of up to 4,096 addresses of both families, in the middle and at both ends.
pub(crate) const PARENTS: [&str; 8] = [
    "10.20.16.0/20",
    "0.0.0.0/23",
    "255.255.255.0/24",
    "10.0.0.0/30",
    "2001:db8::/117",
    "::/120",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00/120",
    "::fffe:ffff:ff00/120",
];

pub(crate) fn p(text: &str) -> Prefix {
    text.parse().unwrap()
}

pub(crate) fn parent() -> impl Strategy<Value = Prefix> {
    prop::sample::select(&PARENTS[..]).prop_map(p)
}

fn number(prefix: &Prefix) -> u128 {
    match prefix.addr() {
        IpAddr::V4(addr) => addr.to_bits().into(),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

/// The prefix of a length around the address at an offset in the parent.
pub(crate) fn prefix_in(parent: Prefix, offset: usize, len: u8) -> Prefix {
    let number = number(&parent) + offset as u128;
    let addr = match parent.family() {
        Family::V4 => Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into(),
        Family::V6 => Ipv6Addr::from_bits(number).into(),
    };
    Prefix::new_masked(addr, len).unwrap()
}

pub(crate) fn addresses(prefix: &Prefix) -> usize {
    1 << (prefix.family().max_len() - prefix.len())
}

/// A prefix strictly beneath the parent from two numbers.
pub(crate) fn beneath(parent: Prefix, (place, len): (usize, u8)) -> Prefix {
    let deepest = parent.family().max_len() - parent.len();
    prefix_in(
        parent,
        place % addresses(&parent),
        parent.len() + 1 + len % deepest,
    )
}

/// Places of prefixes for [`beneath`], long ones and short ones alike.
pub(crate) fn places(most: usize) -> impl Strategy<Value = Vec<(usize, u8)>> {
    vec((0..4096_usize, 0..=11_u8), 0..=most)
}

/// Which addresses of the parent the children cover.
pub(crate) fn covered(parent: Prefix, children: &[Prefix]) -> Vec<bool> {
    let mut covered = vec![false; addresses(&parent)];
    for child in children {
        let first = usize::try_from(number(child) - number(&parent)).unwrap();
        covered[first..first + addresses(child)].fill(true);
    }
    covered
}

/// Every prefix of a length beneath the parent of which nothing is covered, ascending.
pub(crate) fn free_prefixes(parent: Prefix, covered: &[bool], len: u8) -> Vec<Prefix> {
    if len <= parent.len() || len > parent.family().max_len() {
        return Vec::new();
    }
    wholly_free(parent, covered, len)
}

fn wholly_free(parent: Prefix, covered: &[bool], len: u8) -> Vec<Prefix> {
    let size = covered.len() >> (len - parent.len());
    let chunks = covered.chunks(size).enumerate();
    let free = chunks.filter(|(_, addresses)| !addresses.contains(&true));
    free.map(|(position, _)| prefix_in(parent, position * size, len))
        .collect()
}

/// The free blocks that lie in no larger one, in the order of addresses.
pub(crate) fn largest_blocks(parent: Prefix, covered: &[bool]) -> Vec<Prefix> {
    let mut found: BTreeSet<Prefix> = BTreeSet::new();
    for len in parent.len()..=parent.family().max_len() {
        for block in wholly_free(parent, covered, len) {
            if len == parent.len() || !found.iter().any(|larger| larger.contains(&block)) {
                found.insert(block);
            }
        }
    }
    found.into_iter().collect()
}

/// The nodes beneath a parent with nothing in between.
pub(crate) fn direct(parent: Prefix, nodes: &BTreeSet<Prefix>) -> Vec<Prefix> {
    let between = |node: &Prefix| {
        nodes
            .iter()
            .any(|other| parent.strictly_contains(other) && other.strictly_contains(node))
    };
    let beneath = nodes.iter().filter(|node| parent.strictly_contains(node));
    beneath.filter(|node| !between(node)).copied().collect()
}

/// Everything that can be said of a space, compared with the addresses.
pub(crate) fn assert_agrees(space: &FreeSpace, children: &[Prefix]) {
    let parent = space.parent();
    let covered = covered(parent, children);
    let blocks = largest_blocks(parent, &covered);
    assert_eq!(space.blocks(None, None).collect::<Vec<_>>(), blocks);
    assert_eq!(space.children(), &children.iter().collect::<CountByLen>());
    assert_eq!(space.children().total(), children.len() as u64);
    let free = covered.iter().filter(|covered| !**covered).count();
    assert_eq!(space.free(), Size::from(free as u64));
    assert_eq!(space.used(), Size::from((covered.len() - free) as u64));
    assert_eq!(space.is_full(), free == 0);
    assert_eq!(space.is_whole(), children.is_empty());
    assert_eq!(space.largest_free(), blocks.iter().map(Prefix::len).min());
    let mut by_len: BTreeMap<u8, u64> = BTreeMap::new();
    for block in &blocks {
        *by_len.entry(block.len()).or_default() += 1;
    }
    assert_eq!(
        space.free_blocks().collect::<Vec<_>>(),
        by_len.into_iter().collect::<Vec<_>>()
    );
    let largest = blocks.iter().map(addresses).max().unwrap_or(0);
    let scattered = if free == 0 {
        0.0
    } else {
        1.0 - largest as f64 / free as f64
    };
    assert!((space.fragmentation() - scattered).abs() < 1e-12);
    assert_eq!(
        space,
        &FreeSpace::from_sorted(parent, children.iter().copied()).unwrap()
    );
}
