//! The law: deleting a node changes no resolved tag of any other node.

use cadastre_domain::Prefix;
use cadastre_domain::tags::explicit_after_parent_removal;
use proptest::prelude::*;

use crate::generators::{Plan, plan};
use crate::naive;
use crate::resolution::inherited;

/// The tree without a node, its children tagged as the rule says.
fn without(plan: &Plan, nodes: &naive::Nodes, removed: Prefix) -> naive::Nodes {
    let above = inherited(plan, nodes, removed);
    let mut rest = nodes.clone();
    rest.remove(&removed);
    for child in naive::children(&nodes.keys().copied().collect(), Some(removed)) {
        let explicit = explicit_after_parent_removal(
            &plan.vocabulary,
            &above,
            (removed, &nodes[&removed]),
            (child, &nodes[&child]),
        );
        rest.insert(child, explicit.unwrap());
    }
    rest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn removing_any_node_changes_no_resolved_tag_of_any_other(plan in plan(12)) {
        let before = naive::resolve_all(&plan.definitions, &plan.nodes);
        for removed in plan.nodes.keys() {
            let mut expected = before.clone();
            expected.remove(removed);
            let after = without(&plan, &plan.nodes, *removed);
            prop_assert_eq!(naive::resolve_all(&plan.definitions, &after), expected, "without {}", removed);
        }
    }

    #[test]
    fn removing_touches_only_direct_children_and_only_adds_what_they_had(plan in plan(12)) {
        let stored = plan.nodes.keys().copied().collect();
        for removed in plan.nodes.keys() {
            let after = without(&plan, &plan.nodes, *removed);
            let children = naive::children(&stored, Some(*removed));
            for (node, explicit) in &after {
                let own = &plan.nodes[node];
                if !children.contains(node) {
                    prop_assert_eq!(explicit, own);
                    continue;
                }
                let resolved = naive::resolve(&plan.definitions, &plan.nodes, node);
                prop_assert!(own.iter().all(|(tag, value)| explicit.get(tag) == Some(value)));
                prop_assert!(explicit.iter().all(|(tag, value)| resolved.get(tag) == Some(value)));
                prop_assert!(plan.vocabulary.check_explicit(explicit).is_ok());
            }
        }
    }

    #[test]
    fn removing_nodes_one_after_another_in_any_order_keeps_the_law(
        (plan, order) in plan(12).prop_flat_map(|plan| {
            let nodes: Vec<Prefix> = plan.nodes.keys().copied().collect();
            (Just(plan), Just(nodes).prop_shuffle())
        }),
    ) {
        let mut expected = naive::resolve_all(&plan.definitions, &plan.nodes);
        let mut nodes = plan.nodes.clone();
        for removed in order {
            nodes = without(&plan, &nodes, removed);
            expected.remove(&removed);
            prop_assert_eq!(naive::resolve_all(&plan.definitions, &nodes), expected.clone());
        }
    }
}
