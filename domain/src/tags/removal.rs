//! The law of removal: deleting a node changes no resolved tag of any other node.
//!
//! The children of a removed node come under its parent. What they inherited from the removed node
//! is pushed to them as explicit tags. That alone is not always enough: a value that was implied on
//! the removed node is not explicit there, and a pushed tag can meet an implication on the child
//! that it did not meet before. So whatever still differs is set to its old value, in the order of
//! implications: the first tag that differs depends only on tags that agree already, hence it is
//! one the child had before, and once set it stays right.

use super::{ExplicitTags, ImplicationClash, Inherited, MAX_TAGS_PER_NODE, Resolved, TagName, Vocabulary};
use crate::prefix::Prefix;

/// Why a child cannot keep its resolved tags when its parent is removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemovalError {
    /// The child would need more explicit tags than a node may carry.
    #[error(
        "removing {removed} would leave {child} beneath it with {needed} tags of its own, and a node carries at \
         most {MAX_TAGS_PER_NODE}; set some of them above {removed} or remove them from {child} first"
    )]
    TooMany {
        /// The node to remove.
        removed: Prefix,
        /// The child.
        child: Prefix,
        /// How many tags it would need.
        needed: usize,
    },
    /// The tags of the node or of its child contradict each other as they are.
    #[error("the tags of {node} contradict each other: {clash}")]
    Clash {
        /// Whose tags.
        node: Prefix,
        /// The contradiction; boxed, since errors travel with every result.
        clash: Box<ImplicationClash>,
    },
    /// The child would get a tag it does not have. Only possible when `grandparent` was resolved
    /// with another vocabulary.
    #[error(
        "removing {removed} would give {child} the tag {tag}, which it does not have; read again and retry"
    )]
    Unsettled {
        /// The node to remove.
        removed: Prefix,
        /// The child.
        child: Prefix,
        /// The tag.
        tag: TagName,
    },
}

/// The explicit tags `child` must carry once `removed`, its parent, is gone, so that its resolved
/// tags stay as they are. `grandparent` is what comes down to the removed node. The tags named are
/// always among those the child resolves to now.
///
/// # Errors
/// [`RemovalError::TooMany`] when that is more than a node may carry.
pub fn explicit_after_parent_removal(
    vocabulary: &Vocabulary,
    grandparent: &Inherited,
    removed: (Prefix, &ExplicitTags),
    child: (Prefix, &ExplicitTags),
) -> Result<ExplicitTags, RemovalError> {
    let resolve = |above: &Inherited, (node, explicit): (Prefix, &ExplicitTags)| {
        vocabulary
            .resolve(above, node, explicit)
            .map_err(|clash| RemovalError::Clash {
                node,
                clash: Box::new(clash),
            })
    };
    let before = resolve(&resolve(grandparent, removed)?.inheritable(), child)?;
    let mut explicit = child.1.clone();
    for (tag, value) in removed.1 {
        if vocabulary.is_inheritable(tag) && before.get(tag) == Some(value) {
            explicit.entry(tag.clone()).or_insert_with(|| value.clone());
        }
    }
    while let Some(tag) = first_difference(vocabulary, grandparent, &explicit, &before) {
        let Some(value) = before.get(&tag) else {
            return Err(RemovalError::Unsettled {
                removed: removed.0,
                child: child.0,
                tag,
            });
        };
        explicit.insert(tag, value.clone());
    }
    let needed = explicit.len();
    if needed > MAX_TAGS_PER_NODE {
        return Err(RemovalError::TooMany {
            removed: removed.0,
            child: child.0,
            needed,
        });
    }
    Ok(explicit)
}

/// The first tag, in the order of implications, that a node with these explicit tags beneath
/// `parent` would not resolve as `before`, because it differs or because implications disagree.
fn first_difference(
    vocabulary: &Vocabulary,
    parent: &Inherited,
    explicit: &ExplicitTags,
    before: &Resolved,
) -> Option<TagName> {
    let evaluation = vocabulary.evaluate(explicit);
    // Behind a clash the evaluation is not final, but the clash itself comes first.
    let clashing = evaluation.clash.as_ref().map(|clash| &clash.tag);
    let differs = |tag: &&TagName| {
        let local = evaluation.local.get(*tag).map(|local| &local.value);
        let now = local.or_else(|| parent.get(tag).map(|(value, _)| value));
        now != before.get(tag)
    };
    let tags = before.iter().map(|(tag, _, _)| tag);
    let tags = tags
        .chain(evaluation.local.keys())
        .chain(parent.iter().map(|(tag, _, _)| tag));
    tags.filter(differs)
        .chain(clashing)
        // Undefined tags imply nothing, so they may come last.
        .min_by_key(|tag| (vocabulary.rank(tag).unwrap_or(usize::MAX), *tag))
        .cloned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::testing::{implying, inheritable, p, places, tags, value};
    use super::*;

    fn removing(
        vocabulary: &Vocabulary,
        above: &[(&str, &str)],
        removed: &[(&str, &str)],
        child: &[(&str, &str)],
    ) -> Result<ExplicitTags, RemovalError> {
        let top = vocabulary
            .resolve(&Inherited::default(), p("10.0.0.0/8"), &tags(above))
            .unwrap();
        let (removed, child) = (tags(removed), tags(child));
        let (removed, child) = ((p("10.1.0.0/16"), &removed), (p("10.1.2.0/24"), &child));
        explicit_after_parent_removal(vocabulary, &top.inheritable(), removed, child)
    }

    #[test]
    fn inherited_values_are_pushed_to_the_child() {
        let after = removing(&places(), &[], &[("Owner", "net")], &[("Region", "USEast")]);
        assert_eq!(after, Ok(tags(&[("Owner", "net"), ("Region", "USEast")])));
    }

    #[test]
    fn what_the_child_sets_itself_stays() {
        let after = removing(&places(), &[], &[("Owner", "net")], &[("Owner", "dc")]);
        assert_eq!(after, Ok(tags(&[("Owner", "dc")])));
    }

    #[test]
    fn a_value_the_child_implies_over_the_removed_one_is_left_to_the_implication() {
        let after = removing(
            &places(),
            &[],
            &[("Region", "USEast")],
            &[("Datacenter", "AMS05")],
        );
        assert_eq!(after, Ok(tags(&[("Datacenter", "AMS05")])));
    }

    #[test]
    fn what_the_pushed_tag_implies_need_not_be_set() {
        let after = removing(&places(), &[], &[("Datacenter", "AMS05")], &[]);
        assert_eq!(after, Ok(tags(&[("Datacenter", "AMS05")])));
    }

    #[test]
    fn what_a_staying_tag_implied_is_set_on_the_child() {
        let after = removing(&places(), &[("Owner", "net")], &[("Rack", "R7")], &[]);
        assert_eq!(
            after,
            Ok(tags(&[("Datacenter", "AMS05")])),
            "Region and Continent follow from it"
        );
    }

    #[test]
    fn a_pushed_tag_that_would_imply_something_else_on_the_child_is_held_back() {
        // The removed node overrides what its own datacenter would imply; the child must not fall
        // back to the implication.
        let removed = [("Datacenter", "AMS05"), ("Region", "Special")];
        let after = removing(&places(), &[], &removed, &[("Region", "USEast")]);
        assert_eq!(after, Ok(tags(&[("Datacenter", "AMS05"), ("Region", "USEast")])));
    }

    #[test]
    fn a_clash_that_pushing_would_cause_is_settled_by_the_old_value() {
        let peering = implying(inheritable("Peering"), "DECIX", "Region", "EuropeCentral");
        let vocabulary = places().with(peering).unwrap();
        let after = removing(
            &vocabulary,
            &[],
            &[("Datacenter", "AMS05")],
            &[("Peering", "DECIX")],
        )
        .unwrap();
        let settled = [
            ("Continent", "Europe"),
            ("Datacenter", "AMS05"),
            ("Peering", "DECIX"),
            ("Region", "EuropeCentral"),
        ];
        // Continent came from the datacenter's region, which no longer holds anywhere.
        assert_eq!(after, tags(&settled));
    }

    #[test]
    fn a_child_that_would_need_too_many_tags_is_named() {
        let many = |prefix: &str| (0..17).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>();
        let (above, below) = (many("a"), many("b"));
        let vocabulary = Vocabulary::new(above.iter().chain(&below).map(|tag| inheritable(tag))).unwrap();
        let set = |names: &[String]| {
            names
                .iter()
                .map(|tag| (TagName::new(tag).unwrap(), value("x")))
                .collect::<ExplicitTags>()
        };
        let refusal = explicit_after_parent_removal(
            &vocabulary,
            &Inherited::default(),
            (p("10.0.0.0/8"), &set(&above)),
            (p("10.1.0.0/16"), &set(&below)),
        );
        assert_eq!(
            refusal,
            Err(RemovalError::TooMany {
                removed: p("10.0.0.0/8"),
                child: p("10.1.0.0/16"),
                needed: 34
            })
        );
    }

    #[test]
    fn tags_that_contradict_each_other_already_are_named() {
        let peering = implying(inheritable("Peering"), "DECIX", "Region", "EuropeCentral");
        let vocabulary = places().with(peering).unwrap();
        let after = removing(
            &vocabulary,
            &[],
            &[("Datacenter", "AMS05"), ("Peering", "DECIX")],
            &[],
        );
        assert!(matches!(after, Err(RemovalError::Clash { node, .. }) if node == p("10.1.0.0/16")));
    }
}
