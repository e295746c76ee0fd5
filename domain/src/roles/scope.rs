//! How far a permission reaches in an address space: all of it, or some subtrees.

use serde::{Deserialize, Serialize};

use crate::prefix::Prefix;

/// The part of an address space a permission reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Unchecked", rename_all = "camelCase")]
pub enum Scope {
    /// All of it.
    Whole,
    /// These subtrees: sorted, and none inside another. [`Scope::within`] makes them so.
    Within(Vec<Prefix>),
}

/// What arrives from outside, before it is sorted out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Unchecked {
    Whole,
    Within(Vec<Prefix>),
}

impl From<Unchecked> for Scope {
    fn from(unchecked: Unchecked) -> Self {
        match unchecked {
            Unchecked::Whole => Self::Whole,
            Unchecked::Within(roots) => Self::within(roots),
        }
    }
}

/// How much of a node a scope shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Visibility {
    /// Everything.
    Full,
    /// Only that it exists, with prefix and tags, because it lies above a part of the scope.
    ChainOnly,
    /// Nothing.
    Hidden,
}

impl Scope {
    /// The scope of these subtrees, sorted, those inside others dropped.
    #[must_use]
    pub fn within(roots: impl IntoIterator<Item = Prefix>) -> Self {
        let mut roots: Vec<Prefix> = roots.into_iter().collect();
        roots.sort_unstable();
        // What lies beneath a root follows it directly, so looking at the last kept one is enough.
        roots.dedup_by(|next, kept| kept.contains(next));
        Self::Within(roots)
    }

    /// Whether a prefix with everything beneath it lies in the scope.
    #[must_use]
    pub fn covers(&self, prefix: &Prefix) -> bool {
        match self {
            Self::Whole => true,
            Self::Within(roots) => roots.iter().any(|root| root.contains(prefix)),
        }
    }

    /// How much of a node may be shown.
    #[must_use]
    pub fn visibility(&self, prefix: &Prefix) -> Visibility {
        if self.covers(prefix) {
            return Visibility::Full;
        }
        match self {
            Self::Within(roots) if roots.iter().any(|root| prefix.strictly_contains(root)) => {
                Visibility::ChainOnly
            }
            Self::Whole | Self::Within(_) => Visibility::Hidden,
        }
    }

    /// Whether a prefix is the root of a subtree of the scope: it may be tagged there, but not
    /// removed or resized.
    #[must_use]
    pub fn is_root(&self, prefix: &Prefix) -> bool {
        match self {
            Self::Whole => false,
            Self::Within(roots) => roots.contains(prefix),
        }
    }

    /// What a read of the subtree `within` may return: all of it when it is covered, else the
    /// scope's subtrees beneath it, in order.
    #[must_use]
    pub fn clip(&self, within: &Prefix) -> Vec<Prefix> {
        if self.covers(within) {
            return vec![*within];
        }
        match self {
            Self::Whole => Vec::new(),
            Self::Within(roots) => roots
                .iter()
                .filter(|root| within.contains(root))
                .copied()
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn p(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn within(roots: &[&str]) -> Scope {
        Scope::within(roots.iter().map(|text| p(text)))
    }

    #[test]
    fn roots_are_sorted_and_those_inside_others_dropped() {
        let scope = within(&[
            "10.2.0.0/16",
            "10.1.2.0/24",
            "10.1.0.0/16",
            "10.1.0.0/16",
            "10.1.9.0/24",
        ]);
        assert_eq!(scope, Scope::Within(vec![p("10.1.0.0/16"), p("10.2.0.0/16")]));
    }

    #[test]
    fn a_scope_shows_its_subtrees_the_chain_above_and_nothing_beside() {
        let scope = within(&["10.1.0.0/16"]);
        assert_eq!(scope.visibility(&p("10.1.0.0/16")), Visibility::Full);
        assert_eq!(scope.visibility(&p("10.1.2.0/24")), Visibility::Full);
        assert_eq!(scope.visibility(&p("10.0.0.0/8")), Visibility::ChainOnly);
        assert_eq!(scope.visibility(&p("10.2.0.0/16")), Visibility::Hidden);
        assert_eq!(scope.visibility(&p("::/0")), Visibility::Hidden);
        assert_eq!(Scope::Whole.visibility(&p("::/0")), Visibility::Full);
        assert_eq!(within(&[]).visibility(&p("0.0.0.0/0")), Visibility::Hidden);
    }

    #[test]
    fn only_the_tops_of_a_scope_are_roots() {
        let scope = within(&["10.1.0.0/16"]);
        assert!(scope.is_root(&p("10.1.0.0/16")) && !scope.is_root(&p("10.1.2.0/24")));
        assert!(!Scope::Whole.is_root(&p("0.0.0.0/0")));
    }

    #[test]
    fn reads_are_clipped() {
        let scope = within(&["10.1.0.0/16", "10.3.0.0/16", "11.0.0.0/8"]);
        assert_eq!(scope.clip(&p("10.0.0.0/8")), [p("10.1.0.0/16"), p("10.3.0.0/16")]);
        assert_eq!(scope.clip(&p("10.1.2.0/24")), [p("10.1.2.0/24")]);
        assert_eq!(scope.clip(&p("10.2.0.0/16")), []);
        assert_eq!(Scope::Whole.clip(&p("::/0")), [p("::/0")]);
    }

    #[test]
    fn a_scope_that_arrives_unsorted_is_sorted_out() {
        let read: Scope = serde_json::from_str(r#"{"within":["10.1.2.0/24","10.1.0.0/16"]}"#).unwrap();
        assert_eq!(read, within(&["10.1.0.0/16"]));
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            r#"{"within":["10.1.0.0/16"]}"#
        );
        assert_eq!(serde_json::from_str::<Scope>(r#""whole""#).unwrap(), Scope::Whole);
    }
}
