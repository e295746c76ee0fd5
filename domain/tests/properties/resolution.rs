//! Resolved tags, where they are from, and the `Reject` policy.

use cadastre_domain::Prefix;
use cadastre_domain::hierarchy::ancestors_of;
use cadastre_domain::tags::{ConflictPolicy, Inherited, Resolved, check_reject};
use proptest::prelude::*;

use crate::generators::{Plan, plan};
use crate::naive;

/// What comes down to a node, by the rules under test.
pub(crate) fn inherited(plan: &Plan, nodes: &naive::Nodes, at: Prefix) -> Inherited {
    let Ok(above) = ancestors_of(nodes, at);
    above.into_iter().fold(Inherited::default(), |parent, node| {
        plan.vocabulary
            .resolve(&parent, node, &nodes[&node])
            .unwrap()
            .inheritable()
    })
}

pub(crate) fn resolved(plan: &Plan, nodes: &naive::Nodes, at: Prefix) -> Resolved {
    plan.vocabulary
        .resolve(&inherited(plan, nodes, at), at, &nodes[&at])
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_node_resolves_as_the_rules_say(plan in plan(16)) {
        for node in plan.nodes.keys() {
            let resolved = resolved(&plan, &plan.nodes, *node);
            let expected = naive::resolve(&plan.definitions, &plan.nodes, node);
            prop_assert_eq!(resolved.to_map(), expected.clone());
            prop_assert_eq!(resolved.len(), expected.len());
            for (tag, value) in &expected {
                prop_assert_eq!(resolved.get(tag), Some(value));
            }
            let listed: Vec<_> = resolved.iter().map(|(tag, _, _)| tag.clone()).collect();
            prop_assert_eq!(listed, Vec::from_iter(expected.into_keys()));
        }
    }

    #[test]
    fn a_value_is_from_the_nearest_node_that_sets_or_implies_the_tag(plan in plan(16)) {
        for node in plan.nodes.keys() {
            let mut chain = naive::ancestors(plan.nodes.keys(), node);
            chain.push(*node);
            for (tag, value, origin) in resolved(&plan, &plan.nodes, *node).iter() {
                let local = |at: &Prefix| plan.vocabulary.local(&plan.nodes[at]).unwrap().remove(tag);
                // A tag that stays on its node counts there only.
                let stays = |at: &Prefix| at != node && !plan.vocabulary.get(tag).unwrap().is_inheritable();
                let nearest = chain.iter().rev().find(|at| local(at).is_some() && !stays(at)).unwrap();
                prop_assert_eq!(&origin.node, nearest);
                let there = local(nearest).unwrap();
                prop_assert_eq!((&there.value, &there.how), (value, &origin.how));
            }
        }
    }

    #[test]
    fn what_flows_down_is_what_holds_without_the_tags_that_stay(plan in plan(16)) {
        for node in plan.nodes.keys() {
            let resolved = resolved(&plan, &plan.nodes, *node);
            let flowing = resolved.inheritable();
            for (tag, value, origin) in resolved.iter() {
                let expected = plan.vocabulary.get(tag).unwrap().is_inheritable().then_some((value, origin));
                prop_assert_eq!(flowing.get(tag), expected);
            }
            prop_assert!(flowing.iter().all(|(tag, _, _)| resolved.get(tag).is_some()));
        }
    }

    #[test]
    fn reject_finds_exactly_the_nodes_that_differ_from_their_parent(plan in plan(16)) {
        for node in plan.nodes.keys() {
            let parent = naive::ancestors(plan.nodes.keys(), node).pop();
            let above = parent.map(|parent| naive::resolve(&plan.definitions, &plan.nodes, &parent));
            let above = above.unwrap_or_default();
            let here = naive::resolve(&plan.definitions, &plan.nodes, node);
            let expected = plan.definitions.iter().filter(|d| d.is_inheritable()).any(|d| {
                let differs = above.get(&d.name).is_some_and(|value| here.get(&d.name) != Some(value));
                d.conflict == ConflictPolicy::Reject && differs
            });
            let coming_down = inherited(&plan, &plan.nodes, *node);
            let resolved = resolved(&plan, &plan.nodes, *node);
            match check_reject(&plan.vocabulary, &coming_down, *node, &resolved) {
                Ok(()) => prop_assert!(!expected),
                Err(breach) => {
                    prop_assert!(expected);
                    prop_assert_eq!(breach.node, *node);
                    prop_assert_eq!(&breach.value, &here[&breach.tag]);
                    prop_assert_eq!(&breach.ancestor_value, &above[&breach.tag]);
                    prop_assert!(naive::contains(&breach.ancestor, node) && breach.ancestor != *node);
                }
            }
        }
    }
}
