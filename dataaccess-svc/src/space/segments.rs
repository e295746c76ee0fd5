//! The part of the order of prefixes that a list may return: what is asked for, clipped to the caller's scope.
//!
//! A scope narrowed to subtrees sees those subtrees whole and, of the chain above each, prefix and tags. In the
//! order of prefixes that is a sorted sequence of single nodes and ranges: [`Segment`]s.

use cadastre_domain::{Prefix, Scope};

use super::context::Resolver;
use crate::errors::Outcome;

/// Nodes from `first` to `last` in order, both inclusive; `None` = open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub first: Option<Prefix>,
    pub last: Option<Prefix>,
}

impl Segment {
    /// A prefix and everything beneath it.
    pub(crate) fn subtree(prefix: Prefix) -> Self {
        Self {
            first: Some(prefix),
            last: Some(prefix.last_descendant()),
        }
    }

    /// The whole order.
    pub(crate) fn everything() -> Self {
        Self {
            first: None,
            last: None,
        }
    }

    /// One prefix.
    pub(crate) fn only(prefix: Prefix) -> Self {
        Self {
            first: Some(prefix),
            last: Some(prefix),
        }
    }
}

/// The segments of a whole space.
pub(crate) async fn of_space(resolver: &Resolver<'_>, scope: &Scope) -> Outcome<Vec<Segment>> {
    match scope {
        Scope::Whole => Ok(vec![Segment {
            first: None,
            last: None,
        }]),
        Scope::Within(roots) => {
            let mut segments = Vec::new();
            for root in roots {
                for above in resolver.rows().ancestors(root, resolver.head()).await? {
                    segments.push(Segment::only(above.prefix));
                }
                segments.push(Segment::subtree(*root));
            }
            segments.sort_by_key(|segment| segment.first);
            segments.dedup();
            Ok(segments)
        }
    }
}

/// The segments of a node's subtree, the node itself included.
pub(crate) async fn of_subtree(
    resolver: &Resolver<'_>,
    scope: &Scope,
    node: &Prefix,
) -> Outcome<Vec<Segment>> {
    if scope.covers(node) {
        return Ok(vec![Segment::subtree(*node)]);
    }
    let mut segments = of_space(resolver, scope).await?;
    segments.retain(|segment| segment.first.is_some_and(|first| node.contains(&first)));
    Ok(segments)
}

/// What remains of the segments behind a position.
pub(crate) fn after(segments: Vec<Segment>, position: Option<&Prefix>) -> Vec<(Option<Prefix>, Segment)> {
    segments
        .into_iter()
        .filter(|segment| match (position, segment.last) {
            (Some(position), Some(last)) => last > *position,
            (None, _) | (_, None) => true,
        })
        .map(|segment| {
            let resume = position
                .filter(|p| segment.first.is_none_or(|first| first <= **p))
                .copied();
            (resume, segment)
        })
        .collect()
}
