//! The stored form of taken places, against a set of prefixes.

use std::collections::BTreeSet;

use cadastre_domain::Prefix;
use cadastre_domain::free_space::{Occupancy, OccupancyError};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::model::p;
use crate::generators::any_prefix;

/// All places of a block from one prefix on, by counting up its last bits.
fn places(of: Prefix) -> Vec<Prefix> {
    let slots = Occupancy::around(of).slots() as u128;
    let block = of.truncate(of.len().saturating_sub(10));
    (0..slots)
        .filter_map(|slot| {
            let bits = if of.len() == 0 {
                0
            } else {
                slot << (128 - u32::from(of.len()))
            };
            let number = block.bits() | bits;
            let addr = match block.addr() {
                std::net::IpAddr::V4(_) => std::net::Ipv4Addr::from_bits((number >> 96) as u32).into(),
                std::net::IpAddr::V6(_) => std::net::Ipv6Addr::from_bits(number).into(),
            };
            Prefix::new(addr, of.len()).ok()
        })
        .collect()
}

/// Few places, about half, nearly all, a run, or all.
fn choice() -> impl Strategy<Value = BTreeSet<usize>> {
    let all = 0..1024_usize;
    prop_oneof![
        btree_set(all.clone(), 0..=90),
        vec(any::<bool>(), 1024).prop_map(|bits| (0..1024).filter(|slot| bits[*slot]).collect()),
        btree_set(all.clone(), 0..=90).prop_map(|out| (0..1024).filter(|slot| !out.contains(slot)).collect()),
        (0..1024_usize, 0..1024_usize).prop_map(|(from, to)| (from..to).collect()),
        Just(all.collect()),
    ]
}

proptest! {
    #[test]
    fn it_is_a_set_of_prefixes_and_its_text_reads_back(
        of in any_prefix(),
        chosen in choice(),
        cleared in btree_set(0..1024_usize, 0..8),
    ) {
        let places = places(of);
        let mut occupancy = Occupancy::around(of);
        let mut naive: BTreeSet<Prefix> = BTreeSet::new();
        for slot in chosen {
            let Some(place) = places.get(slot) else { continue };
            prop_assert_eq!(Occupancy::block_of(*place), (occupancy.block(), slot));
            prop_assert_eq!(occupancy.set(*place), naive.insert(*place));
            prop_assert!(!occupancy.set(*place));
        }
        for place in cleared.iter().filter_map(|slot| places.get(*slot)) {
            prop_assert_eq!(occupancy.clear(*place), naive.remove(place));
        }
        prop_assert_eq!(occupancy.count(), naive.len());
        prop_assert_eq!(occupancy.is_empty(), naive.is_empty());
        prop_assert!(occupancy.iter().eq(naive.iter().copied()));
        prop_assert!(places.iter().all(|place| occupancy.is_set(*place) == naive.contains(place)));

        let text = occupancy.to_text();
        prop_assert!(text.len() <= 172);
        prop_assert_eq!(serde_json::to_string(&text).unwrap(), format!("\"{text}\""));
        let read = Occupancy::from_text(occupancy.block(), of.len(), &text);
        prop_assert_eq!(read, Ok(occupancy));
    }

    #[test]
    fn text_that_is_read_is_what_would_be_written(text in "[+!=x][A-Da-z0-9_/-]{0,6}|[+!=][A-Za-z0-9_-]{171}|.{0,4}") {
        let block = p("10.0.0.0/22");
        if let Ok(read) = Occupancy::from_text(block, 32, &text) {
            prop_assert_eq!(read.to_text(), text);
        }
    }

    #[test]
    fn a_place_of_another_block_or_length_is_never_set(of in any_prefix(), other in any_prefix()) {
        let mut occupancy = Occupancy::around(of);
        let same = other.len() == of.len() && occupancy.block().contains(&other);
        prop_assert_eq!(occupancy.set(other), same);
        prop_assert_eq!(occupancy.is_set(other), same);
    }
}

#[test]
fn the_text_is_short_for_one_and_for_all() {
    let block = p("10.0.0.0/22");
    let mut occupancy = Occupancy::empty(block, 32).unwrap();
    assert_eq!(occupancy.to_text(), "+");
    occupancy.set(p("10.0.3.255/32"));
    assert_eq!(occupancy.to_text(), "+P_");
    for place in places(p("10.0.0.0/32")) {
        occupancy.set(place);
    }
    assert_eq!((occupancy.count(), occupancy.to_text().as_str()), (1024, "!"));
    occupancy.clear(p("10.0.0.64/32"));
    assert_eq!(occupancy.to_text(), "!BA");
    for place in places(p("10.0.0.0/32")).into_iter().take(512) {
        occupancy.clear(place);
    }
    assert_eq!(occupancy.to_text().len(), 172);
}

#[test]
fn a_family_of_few_places_is_one_block() {
    let mut occupancy = Occupancy::around(p("::/0"));
    assert_eq!(
        (
            occupancy.slots(),
            occupancy.set(p("::/0")),
            occupancy.to_text().as_str()
        ),
        (1, true, "!")
    );
    let mut occupancy = Occupancy::around(p("128.0.0.0/1"));
    occupancy.set(p("128.0.0.0/1"));
    assert_eq!((occupancy.slots(), occupancy.block()), (2, p("0.0.0.0/0")));
    assert_eq!(occupancy.iter().collect::<Vec<_>>(), [p("128.0.0.0/1")]);
    assert_eq!(Occupancy::block_of(p("10.0.0.0/9")), (p("0.0.0.0/0"), 20));
}

#[test]
fn damaged_text_and_wrong_blocks_are_refused() {
    let block = p("10.0.0.0/22");
    let ten_places = "+AAABACADAEAFAGAHAIAJ";
    assert!(Occupancy::from_text(block, 32, ten_places).is_ok());
    let unsorted = "+ABAA";
    let repeated = "+AAAA";
    let half_a_place = "+AAA";
    let beyond = "+QA";
    let long_form = format!("={}", "A".repeat(171));
    let padding = format!("={}B", "_".repeat(170));
    for text in [
        "",
        "AA",
        "+A+",
        "é",
        "+é",
        "=",
        "!!",
        unsorted,
        repeated,
        half_a_place,
        beyond,
        &long_form,
        &padding,
    ] {
        let damaged = Err(OccupancyError::Damaged { block, len: 32 });
        assert_eq!(Occupancy::from_text(block, 32, text), damaged, "{text}");
    }
    for (block, len) in [
        ("10.0.0.0/23", 32),
        ("10.0.0.0/22", 33),
        ("128.0.0.0/1", 9),
        ("::/0", 11),
    ] {
        let (block, text) = (p(block), "+");
        assert_eq!(
            Occupancy::from_text(block, len, text),
            Err(OccupancyError::NotABlock { block, len })
        );
    }
}
