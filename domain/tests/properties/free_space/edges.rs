//! Whole families, single addresses, and the lengths at the edges.

use cadastre_domain::free_space::{Edges, FreeSpace, FreeSpaceError, Size, Strategy};
use cadastre_domain::{Family, Prefix};

use super::model::p;

fn never(_: u128) -> u128 {
    0
}

fn hosts(space: &FreeSpace, n: usize) -> Vec<String> {
    let len = space.parent().family().max_len();
    let found = space.lowest_n(len, n, Edges::PassOver).unwrap();
    found.iter().map(Prefix::to_string).collect()
}

#[test]
fn a_whole_family_is_counted_exactly() {
    for (family, size) in [
        (Family::V4, Size::from(1_u64 << 32)),
        (Family::V6, Size::power_of_two(128)),
    ] {
        let (all, max) = (Prefix::everything(family), family.max_len());
        let mut space = FreeSpace::whole(all);
        assert_eq!((space.free(), space.used()), (size, Size::ZERO));
        assert_eq!(space.largest_free(), Some(0));
        assert_eq!(space.fragmentation(), 0.0);
        assert_eq!(space.how_many(0, Edges::Include), Size::ZERO);
        assert_eq!(space.how_many(1, Edges::Include), Size::from(2_u64));
        assert_eq!(
            space.how_many(max, Edges::Include),
            size.checked_sub(mapped(family)).unwrap()
        );
        let last = all.last_descendant();
        space.take(last).unwrap();
        assert_eq!(space.used(), Size::from(1_u64));
        assert_eq!(space.free().checked_add(Size::from(1_u64)), Some(size));
        assert_eq!(space.free_blocks().count(), usize::from(max));
        assert!(space.fragmentation() > 0.49 && space.fragmentation() <= 0.5);
        assert_eq!(space.lowest(max, Edges::Include), Some(Prefix::host(all.addr())));
        space.release(last).unwrap();
        assert_eq!(space, FreeSpace::whole(all));
        let halves = [Prefix::host(all.addr()), last].map(|within| within.truncate(1));
        for half in halves {
            space.take(half).unwrap();
        }
        assert!(space.is_full() && space.lowest(max, Edges::Include).is_none());
        assert_eq!((space.used(), space.fragmentation()), (size, 0.0));
        assert_eq!(space, FreeSpace::from_sorted(all, halves).unwrap());
        assert_eq!(space.blocks(None, None).count(), 0);
    }
}

/// How many addresses of a family are IPv4-mapped.
fn mapped(family: Family) -> Size {
    match family {
        Family::V4 => Size::ZERO,
        Family::V6 => Size::power_of_two(32),
    }
}

#[test]
fn addresses_that_stand_for_ipv4_are_never_found() {
    // What is left of ::/80 is ::fffe:0:0/95, whose second half is ::ffff:0:0/96.
    let parent = p("::/80");
    let mut space = FreeSpace::whole(parent);
    for len in 81..=95 {
        space.take(space.lowest(len, Edges::Include).unwrap()).unwrap();
    }
    let rest = p("::fffe:0:0/95");
    assert_eq!(space.blocks(None, None).collect::<Vec<_>>(), [rest]);
    assert_eq!(space.how_many(95, Edges::Include), Size::from(1_u64));
    assert_eq!(space.how_many(96, Edges::Include), Size::from(1_u64));
    assert_eq!(space.how_many(128, Edges::Include), Size::power_of_two(32));
    assert_eq!(space.blocks(None, Some(96)).count(), 1);
    space.take(p("::fffe:0:0/96")).unwrap();
    assert_eq!(space.free(), Size::power_of_two(32));
    assert_eq!(space.blocks(None, None).count(), 1);
    assert_eq!(space.blocks(None, Some(96)).count(), 0);
    for len in [96, 112, 128] {
        assert_eq!(space.how_many(len, Edges::Include), Size::ZERO);
        assert_eq!(space.lowest(len, Edges::Include), None);
        assert_eq!(space.sparse(len, Edges::Include), None);
        assert_eq!(space.random(len, Edges::Include, &mut never), None);
    }
    let mut top = FreeSpace::whole(p("::/0"));
    top.take(p("::/16")).unwrap();
    assert_eq!(top.lowest(128, Edges::Include), Some(p("1::/128")));
}

#[test]
fn nothing_fits_beneath_a_single_address() {
    for parent in [p("10.0.0.1/32"), p("::1/128")] {
        let mut space = FreeSpace::whole(parent);
        assert_eq!(space.free(), Size::from(1_u64));
        for len in [0, parent.len() - 1, parent.len(), 129, 255] {
            assert_eq!(space.how_many(len, Edges::PassOver), Size::ZERO);
            assert_eq!(space.lowest(len, Edges::PassOver), None);
            assert_eq!(space.sparse(len, Edges::PassOver), None);
            assert_eq!(space.random(len, Edges::PassOver, &mut never), None);
            assert_eq!(space.blocks(None, Some(len)).count(), 0);
        }
        assert!(matches!(
            space.take(parent),
            Err(FreeSpaceError::NotBeneath { .. })
        ));
        assert!(matches!(
            space.release(parent),
            Err(FreeSpaceError::NotBeneath { .. })
        ));
        let shortage = space.lowest_n(parent.len(), 1, Edges::PassOver).unwrap_err();
        assert!(shortage.to_string().contains("single address"), "{shortage}");
    }
}

#[test]
fn a_shortage_says_what_to_do() {
    let mut space = FreeSpace::whole(p("10.0.0.0/30"));
    let text = |space: &FreeSpace, len, n| space.lowest_n(len, n, Edges::PassOver).unwrap_err().to_string();
    assert_eq!(
        text(&space, 30, 1),
        "a /30 does not fit beneath 10.0.0.0/30; choose a length from 31 to 32"
    );
    assert_eq!(
        text(&space, 32, 3),
        "10.0.0.0/30 has room for 2 more of length /32, not for 3; ask for fewer or for longer prefixes"
    );
    space.take(p("10.0.0.1/32")).unwrap();
    space.take(p("10.0.0.2/32")).unwrap();
    assert_eq!(
        text(&space, 31, 1),
        "no /31 is free directly beneath 10.0.0.0/30; choose a longer prefix or another parent"
    );
    assert!(text(&space, 32, 1).starts_with("no /32 is free"));
}

#[test]
fn edges_are_those_of_networks_that_have_them() {
    assert_eq!(
        hosts(&FreeSpace::whole(p("10.0.0.0/31")), 2),
        ["10.0.0.0/32", "10.0.0.1/32"]
    );
    let mut space = FreeSpace::whole(p("10.0.0.0/30"));
    assert_eq!(hosts(&space, 2), ["10.0.0.1/32", "10.0.0.2/32"]);
    assert_eq!(space.lowest(32, Edges::Include), Some(p("10.0.0.0/32")));
    assert_eq!(space.lowest(31, Edges::PassOver), Some(p("10.0.0.0/31")));
    assert_eq!(
        hosts(&FreeSpace::whole(p("2001:db8::/126")), 1),
        ["2001:db8::/128"]
    );
    // By name an edge can be taken, and then it is not passed over twice.
    space.take(p("10.0.0.0/32")).unwrap();
    assert_eq!(space.how_many(32, Edges::PassOver), Size::from(2_u64));
    space.take(p("10.0.0.2/31")).unwrap();
    assert_eq!(space.how_many(32, Edges::PassOver), Size::from(1_u64));
    assert_eq!(hosts(&space, 1), ["10.0.0.1/32"]);
}

#[test]
fn sparse_places_halve_the_gaps() {
    let found = |parent: &str, len, n| {
        let space = FreeSpace::whole(p(parent));
        let found = space
            .find(Strategy::Sparse, len, n, Edges::PassOver, &mut never)
            .unwrap();
        found
            .iter()
            .map(|prefix| prefix.addr().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("2001:db8::/32", 56, 8),
        [
            "2001:db8::",
            "2001:db8:8000::",
            "2001:db8:4000::",
            "2001:db8:c000::",
            "2001:db8:2000::",
            "2001:db8:6000::",
            "2001:db8:a000::",
            "2001:db8:e000::",
        ]
    );
    assert_eq!(
        found("10.0.0.0/24", 32, 3),
        ["10.0.0.64", "10.0.0.128", "10.0.0.32"]
    );
    assert_eq!(found("10.0.0.0/24", 25, 2), ["10.0.0.0", "10.0.0.128"]);
}

#[test]
fn a_space_of_a_few_children_is_light() {
    let mut space = FreeSpace::whole(p("2001:db8::/32"));
    let empty = space.weight();
    space.take(p("2001:db8::/64")).unwrap();
    let one = space.weight();
    assert!(empty < 400 && one > empty && one < 4_096, "{empty}, {one}");
    for child in space
        .find(Strategy::Sparse, 64, 1_000, Edges::Include, &mut never)
        .unwrap()
    {
        space.take(child).unwrap();
    }
    assert!(space.weight() > 16 * 1_000);
}
