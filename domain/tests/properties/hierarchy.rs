//! Parents and children derived from the order, against looking at everything.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::convert::Infallible;

use cadastre_domain::Prefix;
use cadastre_domain::hierarchy::{
    ChildProbe, ChildScan, OrderedSource, Step, SupernetSearch, ancestors_of, children_of, longest_match,
    parent_of,
};
use cadastre_domain::tags::ExplicitTags;
use proptest::prelude::*;

use crate::generators::{dense_prefix, plan, prefix_in_10, prefixes};
use crate::naive;

/// Counts the reads a search costs.
struct Counting<'a> {
    stored: &'a BTreeSet<Prefix>,
    reads: Cell<usize>,
}

impl OrderedSource for Counting<'_> {
    type Error = Infallible;

    fn last_at_or_before(&self, at: Prefix) -> Result<Option<Prefix>, Infallible> {
        self.reads.set(self.reads.get() + 1);
        self.stored.last_at_or_before(at)
    }

    fn first_in(&self, probe: ChildProbe) -> Result<Option<Prefix>, Infallible> {
        self.reads.set(self.reads.get() + 1);
        self.stored.first_in(probe)
    }
}

fn counting(stored: &BTreeSet<Prefix>) -> Counting<'_> {
    Counting {
        stored,
        reads: Cell::new(0),
    }
}

fn page(stored: &BTreeSet<Prefix>, mut scan: ChildScan, size: usize) -> Vec<Prefix> {
    let mut children = Vec::new();
    while let (Some(probe), true) = (scan.probe(), children.len() < size) {
        let Ok(found) = stored.first_in(probe);
        children.extend(scan.feed(found));
    }
    children
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(768))]

    #[test]
    fn the_parent_is_the_longest_stored_supernet(stored in prefixes(40), at in dense_prefix()) {
        for at in stored.iter().copied().chain([at]) {
            let above = naive::ancestors(&stored, &at);
            let source = counting(&stored);
            prop_assert_eq!(parent_of(&source, at), Ok(above.last().copied()));
            prop_assert!(source.reads.get() <= usize::from(at.len()));
            prop_assert_eq!(ancestors_of(&stored, at), Ok(above.clone()));
            let containing = if stored.contains(&at) { Some(at) } else { above.last().copied() };
            prop_assert_eq!(longest_match(&stored, at), Ok(containing));
        }
    }

    #[test]
    fn a_search_above_finds_what_the_drivers_find(stored in prefixes(40), at in dense_prefix()) {
        let Some(mut search) = SupernetSearch::above(at) else {
            prop_assert_eq!(at.len(), 0);
            return Ok(());
        };
        while let Step::Probe(probe) = search.step() {
            let Ok(found) = stored.last_at_or_before(probe);
            search.feed(found);
        }
        prop_assert_eq!(search.step(), Step::Done(naive::ancestors(&stored, &at).last().copied()));
    }

    #[test]
    fn a_search_ends_whatever_it_is_fed(target in dense_prefix(), fed in dense_prefix()) {
        let mut search = SupernetSearch::containing(target);
        for _ in 0..=target.len() {
            search.feed(Some(fed));
        }
        prop_assert!(matches!(search.step(), Step::Done(_)));
    }

    #[test]
    fn children_are_what_has_nothing_in_between(stored in prefixes(40), other in dense_prefix()) {
        let parents = stored.iter().copied().chain([other]).map(Some).chain([None]);
        for parent in parents {
            let children = naive::children(&stored, parent);
            let source = counting(&stored);
            prop_assert_eq!(children_of(&source, parent), Ok(children.clone()));
            prop_assert!(source.reads.get() <= children.len() + 1, "one probe per child and one for the end");
        }
    }

    #[test]
    fn pages_of_children_join_to_all_of_them(
        stored in prefixes(40),
        parent in prop::option::of(dense_prefix()),
        size in 1..5_usize,
    ) {
        let start = || parent.map_or_else(ChildScan::top, ChildScan::of);
        let mut joined = page(&stored, start(), size);
        while let Some(last) = joined.last().copied() {
            let next = page(&stored, start().resume_after(last), size);
            if next.is_empty() {
                break;
            }
            joined.extend(next);
        }
        prop_assert_eq!(joined, naive::children(&stored, parent));
    }

    #[test]
    fn a_page_goes_on_where_it_stopped_when_its_last_child_is_gone(stored in prefixes(40), size in 1..5_usize) {
        let all = naive::children(&stored, None);
        let first = page(&stored, ChildScan::top(), size);
        let Some(last) = first.last().copied() else { return Ok(()) };
        let mut without = stored;
        without.retain(|prefix| !last.contains(prefix));
        let rest = page(&without, ChildScan::top().resume_after(last), usize::MAX);
        prop_assert_eq!(&rest, &all[first.len()..]);
    }

    #[test]
    fn inserting_a_node_changes_no_other_row_and_no_other_nodes_tags(
        plan in plan(16),
        inserted in prefix_in_10(),
    ) {
        prop_assume!(!plan.nodes.contains_key(&inserted));
        let before = naive::resolve_all(&plan.definitions, &plan.nodes);
        let mut nodes = plan.nodes.clone();
        nodes.insert(inserted, ExplicitTags::new());
        for (node, row) in &plan.nodes {
            prop_assert_eq!(&nodes[node], row);
            let parent = parent_of(&nodes, *node).unwrap();
            let between = parent == Some(inserted);
            prop_assert!(between || parent == parent_of(&plan.nodes, *node).unwrap());
            if between {
                prop_assert_eq!(parent_of(&plan.nodes, *node), parent_of(&nodes, inserted));
            }
        }
        let mut after = naive::resolve_all(&plan.definitions, &nodes);
        after.remove(&inserted);
        prop_assert_eq!(after, before);
    }
}
