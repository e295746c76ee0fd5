//! The order in which implications apply, or the loop that makes it impossible.

use std::collections::{BTreeMap, BTreeSet};

use super::TagName;

/// Which tags each tag implies. Every implied tag is itself a key.
pub(super) type Edges<'a> = BTreeMap<&'a TagName, BTreeSet<&'a TagName>>;

/// Impliers before what they imply, by name where the graph leaves a choice.
///
/// # Errors
/// A loop, written out from its smallest name back to it.
pub(super) fn topological_order(edges: &Edges<'_>) -> Result<Vec<TagName>, Vec<TagName>> {
    let mut impliers_left: BTreeMap<&TagName, usize> = edges.keys().map(|tag| (*tag, 0)).collect();
    for implied in edges.values().flatten() {
        *impliers_left.entry(implied).or_default() += 1;
    }
    let mut ready: BTreeSet<&TagName> = impliers_left
        .iter()
        .filter(|(_, left)| **left == 0)
        .map(|(tag, _)| *tag)
        .collect();
    let mut order = Vec::with_capacity(edges.len());
    while let Some(tag) = ready.pop_first() {
        impliers_left.remove(tag);
        order.push(tag.clone());
        for implied in edges.get(tag).into_iter().flatten() {
            if let Some(left) = impliers_left.get_mut(implied) {
                *left -= 1;
                if *left == 0 {
                    ready.insert(implied);
                }
            }
        }
    }
    let stuck: BTreeSet<&TagName> = impliers_left.into_keys().collect();
    match stuck.first() {
        None => Ok(order),
        Some(start) => Err(find_loop(edges, &stuck, start)),
    }
}

/// Each stuck tag has a stuck implier, so walking from implier to implier must come round.
fn find_loop(edges: &Edges<'_>, stuck: &BTreeSet<&TagName>, start: &TagName) -> Vec<TagName> {
    let mut impliers: BTreeMap<&TagName, &TagName> = BTreeMap::new();
    for (tag, implied) in edges.iter().filter(|(tag, _)| stuck.contains(*tag)) {
        for implied in implied {
            impliers.entry(implied).or_insert(tag);
        }
    }
    let mut walked: Vec<&TagName> = Vec::new();
    let mut seen: BTreeMap<&TagName, usize> = BTreeMap::new();
    let mut at = start;
    while !seen.contains_key(at) {
        seen.insert(at, walked.len());
        walked.push(at);
        match impliers.get(at) {
            Some(implier) => at = implier,
            None => break,
        }
    }
    let mut cycle = walked.split_off(seen.get(at).copied().unwrap_or_default());
    cycle.reverse();
    let smallest = (0..cycle.len())
        .min_by_key(|&position| cycle[position])
        .unwrap_or_default();
    cycle.rotate_left(smallest);
    let back_to = cycle.first().copied();
    cycle.into_iter().chain(back_to).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::name;
    use super::*;

    fn order(edges: &[(&str, &[&str])]) -> Result<Vec<String>, Vec<String>> {
        let names: Vec<(TagName, Vec<TagName>)> = edges
            .iter()
            .map(|(tag, implied)| (name(tag), implied.iter().map(|tag| name(tag)).collect()))
            .collect();
        let edges = names
            .iter()
            .map(|(tag, implied)| (tag, implied.iter().collect()))
            .collect();
        let words = |tags: Vec<TagName>| tags.iter().map(ToString::to_string).collect();
        topological_order(&edges).map(words).map_err(words)
    }

    #[test]
    fn impliers_come_first_and_names_decide_the_rest() {
        let sorted = order(&[("A", &[]), ("B", &["A"]), ("C", &["B", "A"]), ("D", &[])]);
        assert_eq!(sorted, Ok(["C", "B", "A", "D"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_loop_is_written_out_from_its_smallest_name() {
        let looped = order(&[
            ("A", &[]),
            ("B", &["C"]),
            ("C", &["D", "A"]),
            ("D", &["B"]),
            ("E", &["B"]),
        ]);
        assert_eq!(looped, Err(["B", "C", "D", "B"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn what_hangs_below_a_loop_is_not_taken_for_part_of_it() {
        let looped = order(&[("A", &[]), ("Y", &["Z"]), ("Z", &["Y", "A"])]);
        assert_eq!(looped, Err(["Y", "Z", "Y"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_very_long_chain_is_no_problem() {
        let names: Vec<TagName> = (0..20_000).map(|i| name(&format!("t{i:05}"))).collect();
        let mut edges: Edges<'_> = names
            .windows(2)
            .map(|pair| (&pair[0], BTreeSet::from([&pair[1]])))
            .collect();
        edges.insert(&names[19_999], BTreeSet::new());
        assert_eq!(topological_order(&edges).map(|order| order.len()), Ok(20_000));
    }
}
