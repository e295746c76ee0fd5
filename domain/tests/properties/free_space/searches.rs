//! Searches against all free prefixes of a length.

use std::collections::BTreeSet;

use cadastre_domain::free_space::{Edges, FreeSpace, Shortage, Size, Strategy as Finding};
use cadastre_domain::{Family, Prefix};
use proptest::prelude::*;

use super::model::{beneath, covered, direct, free_prefixes, largest_blocks, parent, places};

const FINDINGS: [Finding; 3] = [Finding::LowestFree, Finding::Random, Finding::Sparse];

/// Numbers that look random, from a seed (SplitMix64).
fn drawing(seed: u64) -> impl FnMut(u128) -> u128 {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    move |bound| (u128::from(next()) << 64 | u128::from(next())) % bound
}

/// What a search may find: all free prefixes of a length, without the edges where they are passed
/// over.
fn allowed(parent: Prefix, children: &[Prefix], len: u8, edges: Edges) -> Vec<Prefix> {
    let mut free = free_prefixes(parent, &covered(parent, children), len);
    if edges == Edges::PassOver && parent.family() == Family::V4 && parent.len() <= 30 && len == 32 {
        free.retain(|host| host.addr() != parent.addr() && host.addr() != parent.last_addr());
    }
    free
}

/// The sparse place, said once more: in the largest free block, the lowest of them, its first.
fn naive_sparse(parent: Prefix, children: &[Prefix], len: u8, edges: Edges) -> Option<Prefix> {
    let mut children = children.to_vec();
    if edges == Edges::PassOver && parent.family() == Family::V4 && parent.len() <= 30 && len == 32 {
        children.extend([Prefix::host(parent.addr()), parent.last_descendant()]);
    }
    let blocks = largest_blocks(parent, &covered(parent, &children));
    let largest = blocks
        .iter()
        .filter(|block| block.len() <= len)
        .min_by_key(|block| block.len())?;
    Some(Prefix::new(largest.addr(), len).unwrap()).filter(|_| len > parent.len())
}

fn any_edges() -> impl Strategy<Value = Edges> {
    prop::sample::select(vec![Edges::Include, Edges::PassOver])
}

/// A space and its children.
fn space() -> impl Strategy<Value = (FreeSpace, Vec<Prefix>)> {
    (parent(), places(48)).prop_map(|(parent, places)| {
        let nodes: BTreeSet<Prefix> = places.into_iter().map(|place| beneath(parent, place)).collect();
        let children = direct(parent, &nodes);
        let space = FreeSpace::from_sorted(parent, children.iter().copied()).unwrap();
        (space, children)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn each_strategy_finds_what_is_free_and_never_fails_while_something_is(
        (space, children) in space(),
        edges in any_edges(),
        seed in any::<u64>(),
    ) {
        let parent = space.parent();
        for len in parent.len().saturating_sub(1)..=parent.family().max_len() {
            let allowed = allowed(parent, &children, len, edges);
            prop_assert_eq!(space.how_many(len, edges), Size::from(allowed.len() as u64));
            prop_assert_eq!(space.lowest(len, edges), allowed.first().copied());
            prop_assert_eq!(space.sparse(len, edges), naive_sparse(parent, &children, len, edges));
            let random = space.random(len, edges, &mut drawing(seed));
            prop_assert_eq!(random.is_some(), !allowed.is_empty());
            prop_assert!(random.is_none_or(|random| allowed.contains(&random)));
        }
    }

    #[test]
    fn several_at_once_are_what_one_after_another_would_be(
        (space, children) in space(),
        edges in any_edges(),
        len in 0..=11_u8,
        n in 0..20_usize,
    ) {
        let parent = space.parent();
        let len = (parent.len() + len).min(parent.family().max_len());
        let allowed = allowed(parent, &children, len, edges);
        for strategy in [Finding::LowestFree, Finding::Sparse] {
            let found = space.find(strategy, len, n, edges, &mut |_| unreachable!());
            if allowed.len() < n {
                let available = Size::from(allowed.len() as u64);
                prop_assert_eq!(found, Err(Shortage { parent, len, wanted: n, available }));
                continue;
            }
            let mut later = space.clone();
            let mut expected = Vec::new();
            for _ in 0..n {
                let one = later.find(strategy, len, 1, edges, &mut |_| unreachable!()).unwrap()[0];
                later.take(one).unwrap();
                expected.push(one);
            }
            prop_assert_eq!(found, Ok(expected));
        }
        if n <= allowed.len() {
            prop_assert_eq!(space.lowest_n(len, n, edges), Ok(allowed[..n].to_vec()));
        }
    }

    #[test]
    fn a_lot_of_any_size_is_free_and_all_different_however_bad_the_randomness(
        (space, children) in space(),
        edges in any_edges(),
        len in 1..=11_u8,
        share in 0..=20_usize,
        seed in prop::option::of(any::<u64>()),
        constant in any::<u128>(),
    ) {
        let parent = space.parent();
        let len = (parent.len() + len).min(parent.family().max_len());
        let allowed = allowed(parent, &children, len, edges);
        let n = allowed.len() * share / 20;
        let mut seeded = drawing(seed.unwrap_or_default());
        let mut draw = |bound| if seed.is_some() { seeded(bound) } else { constant };
        let found = space.find(Finding::Random, len, n, edges, &mut draw).unwrap();
        let allowed: BTreeSet<Prefix> = allowed.into_iter().collect();
        let distinct: BTreeSet<Prefix> = found.iter().copied().collect();
        prop_assert_eq!((found.len(), distinct.len()), (n, n));
        prop_assert!(distinct.is_subset(&allowed));
    }

    #[test]
    fn pages_of_blocks_join_to_all_that_have_room(
        (space, children) in space(),
        fitting in prop::option::of(0..=12_u8),
        size in 1..6_usize,
    ) {
        let parent = space.parent();
        let fitting = fitting.map(|len| (parent.len() + len).min(parent.family().max_len()));
        let mut expected = largest_blocks(parent, &covered(parent, &children));
        expected.retain(|block| fitting.is_none_or(|len| block.len() <= len && len > parent.len()));
        let mut joined: Vec<Prefix> = Vec::new();
        loop {
            let after = joined.last().map(Prefix::bits);
            let page: Vec<Prefix> = space.blocks(after, fitting).take(size).collect();
            if page.is_empty() {
                break;
            }
            joined.extend(page);
        }
        prop_assert_eq!(joined, expected);
    }
}

#[test]
fn a_search_changes_nothing_and_leaves_all_or_none() {
    let space = FreeSpace::whole("10.0.0.0/30".parse().unwrap());
    for strategy in FINDINGS {
        for (edges, room) in [(Edges::Include, 4), (Edges::PassOver, 2)] {
            let found = space.find(strategy, 32, room, edges, &mut drawing(1)).unwrap();
            assert_eq!(found.len(), room);
            let shortage = space
                .find(strategy, 32, room + 1, edges, &mut drawing(1))
                .unwrap_err();
            assert_eq!(shortage.available, Size::from(room as u64));
        }
        assert_eq!(
            space.find(strategy, 32, 0, Edges::PassOver, &mut drawing(1)),
            Ok(vec![])
        );
    }
}

#[test]
fn a_lot_from_a_small_space_is_uniform() {
    let mut space = FreeSpace::whole("10.0.0.0/28".parse().unwrap());
    for taken in ["10.0.0.0/30", "10.0.0.5/32", "10.0.0.8/31"] {
        space.take(taken.parse().unwrap()).unwrap();
    }
    let mut draw = drawing(7);
    let mut hits = std::collections::BTreeMap::new();
    for _ in 0..8_000 {
        let found = space.random(32, Edges::PassOver, &mut draw).unwrap();
        *hits.entry(found).or_insert(0_u32) += 1;
    }
    // Nine places of sixteen are free, and the broadcast address is passed over.
    assert_eq!(hits.len(), 8);
    assert!(hits.values().all(|hits| (850..1_150).contains(hits)), "{hits:?}");
}

#[test]
fn a_lot_from_a_large_space_reaches_all_of_it() {
    let mut space = FreeSpace::whole("10.0.0.0/8".parse().unwrap());
    space.take("10.0.0.0/9".parse().unwrap()).unwrap();
    let mut draw = drawing(11);
    let mut quarters = [0_u32; 4];
    for _ in 0..4_000 {
        let found = space.random(32, Edges::PassOver, &mut draw).unwrap();
        quarters[(found.bits() >> 118) as usize & 3] += 1;
    }
    assert_eq!(quarters[..2], [0, 0]);
    assert!(
        quarters[2..].iter().all(|hits| (1_850..2_150).contains(hits)),
        "{quarters:?}"
    );
}

#[test]
fn a_draw_that_always_says_the_same_still_finds_different_places() {
    let space = FreeSpace::whole("10.0.0.0/20".parse().unwrap());
    for constant in [0, 1, 77, u128::MAX] {
        // The highest answer leads to the last place each time, from where the walk starts over.
        let mut draw = |bound: u128| constant.min(bound - 1);
        let found = space
            .find(Finding::Random, 32, 50, Edges::PassOver, &mut draw)
            .unwrap();
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 50);
    }
}
