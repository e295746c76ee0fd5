//! Running the searches over a source that answers at once: a map, a set, an embedded store.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::Bound;

use super::{ChildProbe, ChildScan, Step, SupernetSearch};
use crate::prefix::Prefix;

/// Something that holds prefixes in order.
pub trait OrderedSource {
    /// Why a read can fail; [`Infallible`] for what is in memory.
    type Error;

    /// The greatest prefix that is at or before this one.
    ///
    /// # Errors
    /// When the source cannot be read.
    fn last_at_or_before(&self, at: Prefix) -> Result<Option<Prefix>, Self::Error>;

    /// The first prefix in a range.
    ///
    /// # Errors
    /// When the source cannot be read.
    fn first_in(&self, probe: ChildProbe) -> Result<Option<Prefix>, Self::Error>;
}

impl<V> OrderedSource for BTreeMap<Prefix, V> {
    type Error = Infallible;

    fn last_at_or_before(&self, at: Prefix) -> Result<Option<Prefix>, Infallible> {
        Ok(self.range(..=at).next_back().map(|(prefix, _)| *prefix))
    }

    fn first_in(&self, probe: ChildProbe) -> Result<Option<Prefix>, Infallible> {
        Ok(bounds(probe)
            .and_then(|bounds| self.range(bounds).next())
            .map(|(prefix, _)| *prefix))
    }
}

impl OrderedSource for BTreeSet<Prefix> {
    type Error = Infallible;

    fn last_at_or_before(&self, at: Prefix) -> Result<Option<Prefix>, Infallible> {
        Ok(self.range(..=at).next_back().copied())
    }

    fn first_in(&self, probe: ChildProbe) -> Result<Option<Prefix>, Infallible> {
        Ok(bounds(probe)
            .and_then(|bounds| self.range(bounds).next())
            .copied())
    }
}

/// The range of a probe; `None` when it is empty, for which the collections would panic.
fn bounds(probe: ChildProbe) -> Option<(Bound<Prefix>, Bound<Prefix>)> {
    if let (Some(after), Some(up_to)) = (probe.after, probe.up_to)
        && after >= up_to
    {
        return None;
    }
    let start = probe.after.map_or(Bound::Unbounded, Bound::Excluded);
    let end = probe.up_to.map_or(Bound::Unbounded, Bound::Included);
    Some((start, end))
}

/// The longest stored prefix that contains `target`, which may be `target` itself.
///
/// # Errors
/// When the source cannot be read.
pub fn longest_match<S: OrderedSource + ?Sized>(
    source: &S,
    target: Prefix,
) -> Result<Option<Prefix>, S::Error> {
    let mut search = SupernetSearch::containing(target);
    loop {
        match search.step() {
            Step::Probe(at) => search.feed(source.last_at_or_before(at)?),
            Step::Done(found) => return Ok(found),
        }
    }
}

/// The longest stored prefix above `prefix`, which need not be stored itself.
///
/// # Errors
/// When the source cannot be read.
pub fn parent_of<S: OrderedSource + ?Sized>(source: &S, prefix: Prefix) -> Result<Option<Prefix>, S::Error> {
    match prefix.len().checked_sub(1) {
        Some(shorter) => longest_match(source, prefix.truncate(shorter)),
        None => Ok(None),
    }
}

/// The direct children of a prefix, or with `None` the top of the tree, in order.
///
/// # Errors
/// When the source cannot be read.
pub fn children_of<S: OrderedSource + ?Sized>(
    source: &S,
    parent: Option<Prefix>,
) -> Result<Vec<Prefix>, S::Error> {
    let mut scan = parent.map_or_else(ChildScan::top, ChildScan::of);
    let mut children = Vec::new();
    while let Some(probe) = scan.probe() {
        children.extend(scan.feed(source.first_in(probe)?));
    }
    Ok(children)
}

/// All stored prefixes above `prefix`, shortest first.
///
/// # Errors
/// When the source cannot be read.
pub fn ancestors_of<S: OrderedSource + ?Sized>(source: &S, prefix: Prefix) -> Result<Vec<Prefix>, S::Error> {
    let mut ancestors = Vec::new();
    let mut below = prefix;
    while let Some(parent) = parent_of(source, below)? {
        ancestors.push(parent);
        below = parent;
    }
    ancestors.reverse();
    Ok(ancestors)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn p(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn tree(prefixes: &[&str]) -> BTreeSet<Prefix> {
        prefixes.iter().map(|text| p(text)).collect()
    }

    #[test]
    fn a_node_inserted_in_the_middle_is_found_as_parent_without_touching_others() {
        let mut tree = tree(&["10.0.0.0/8", "10.1.2.0/24", "10.1.3.0/24"]);
        assert_eq!(parent_of(&tree, p("10.1.2.0/24")), Ok(Some(p("10.0.0.0/8"))));
        tree.insert(p("10.1.0.0/16"));
        assert_eq!(parent_of(&tree, p("10.1.2.0/24")), Ok(Some(p("10.1.0.0/16"))));
        assert_eq!(
            children_of(&tree, Some(p("10.0.0.0/8"))),
            Ok(vec![p("10.1.0.0/16")])
        );
        assert_eq!(
            ancestors_of(&tree, p("10.1.3.0/24")),
            Ok(vec![p("10.0.0.0/8"), p("10.1.0.0/16")])
        );
    }

    #[test]
    fn maps_and_sets_answer_alike() {
        let set = tree(&["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"]);
        let map: BTreeMap<Prefix, ()> = set.iter().map(|prefix| (*prefix, ())).collect();
        assert_eq!(children_of(&set, None), children_of(&map, None));
        assert_eq!(
            longest_match(&set, p("10.1.2.3/32")),
            longest_match(&map, p("10.1.2.3/32"))
        );
    }

    #[test]
    fn a_lookup_finds_the_node_itself_and_a_parent_search_does_not() {
        let tree = tree(&["0.0.0.0/0", "::/0"]);
        assert_eq!(longest_match(&tree, p("::/0")), Ok(Some(p("::/0"))));
        assert_eq!(parent_of(&tree, p("::/0")), Ok(None));
        assert_eq!(children_of(&tree, None), Ok(vec![p("0.0.0.0/0"), p("::/0")]));
    }
}
