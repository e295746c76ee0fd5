//! The `Reject` policy: a tag that must not change on the way down.

use super::{ConflictPolicy, Inherited, Resolved, TagName, TagValue, Vocabulary};
use crate::prefix::Prefix;

/// A node that would resolve a `Reject` tag to another value than the nearest node above it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{tag} must not change on the way down: {node} would have {tag}={value}, but {ancestor} above it has \
     {tag}={ancestor_value}; give both the same value"
)]
pub struct RejectBreach {
    /// The tag.
    pub tag: TagName,
    /// The lower node.
    pub node: Prefix,
    /// The value it would resolve to.
    pub value: TagValue,
    /// The node above from which the other value comes down.
    pub ancestor: Prefix,
    /// That value.
    pub ancestor_value: TagValue,
}

/// Checks that no tag with policy [`ConflictPolicy::Reject`] resolves to another value than what
/// the parent passes down.
///
/// # Errors
/// The first breach by tag name.
pub fn check_reject(
    vocabulary: &Vocabulary,
    parent: &Inherited,
    at: Prefix,
    resolved: &Resolved,
) -> Result<(), RejectBreach> {
    for (tag, ancestor_value, origin) in parent.iter() {
        let rejects = vocabulary.get(tag).is_some_and(|definition| {
            definition.conflict == ConflictPolicy::Reject && definition.is_inheritable()
        });
        if !rejects {
            continue;
        }
        if let Some(value) = resolved.get(tag).filter(|value| *value != ancestor_value) {
            return Err(RejectBreach {
                tag: tag.clone(),
                node: at,
                value: value.clone(),
                ancestor: origin.node,
                ancestor_value: ancestor_value.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::testing::{implying, inheritable, p, tags};
    use super::*;

    fn vocabulary() -> Vocabulary {
        let mut region = inheritable("Region");
        region.conflict = ConflictPolicy::Reject;
        let datacenter = implying(inheritable("Datacenter"), "AMS05", "Region", "EuropeWest");
        Vocabulary::new([region, datacenter, inheritable("Owner")]).unwrap()
    }

    fn check(above: &[(&str, &str)], below: &[(&str, &str)]) -> Result<(), String> {
        let vocabulary = vocabulary();
        let parent = vocabulary
            .resolve(&Inherited::default(), p("10.0.0.0/8"), &tags(above))
            .unwrap()
            .inheritable();
        let node = p("10.1.0.0/16");
        let resolved = vocabulary.resolve(&parent, node, &tags(below)).unwrap();
        check_reject(&vocabulary, &parent, node, &resolved).map_err(|breach| breach.to_string())
    }

    #[test]
    fn another_value_below_is_refused_naming_both_nodes() {
        assert_eq!(
            check(&[("Region", "USEast")], &[("Region", "EuropeWest")]),
            Err(
                "Region must not change on the way down: 10.1.0.0/16 would have Region=EuropeWest, but \
                 10.0.0.0/8 above it has Region=USEast; give both the same value"
                    .to_owned()
            )
        );
    }

    #[test]
    fn an_implied_value_counts_like_a_set_one() {
        assert!(check(&[("Region", "USEast")], &[("Datacenter", "AMS05")]).is_err());
        assert!(check(&[("Datacenter", "AMS05")], &[("Region", "USEast")]).is_err());
    }

    #[test]
    fn the_same_value_or_none_above_is_fine() {
        assert_eq!(
            check(&[("Region", "EuropeWest")], &[("Datacenter", "AMS05")]),
            Ok(())
        );
        assert_eq!(check(&[], &[("Region", "USEast")]), Ok(()));
        assert_eq!(
            check(&[("Region", "USEast"), ("Owner", "a")], &[("Owner", "b")]),
            Ok(())
        );
    }
}
