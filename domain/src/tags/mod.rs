//! Tags: what may be set, what follows from it on a node, what flows down the tree, and what has to
//! change so that removing a node changes nothing for others.
//!
//! The rules, in the order they apply at a node:
//! 1. It starts with what its parent passes down.
//! 2. Its own (explicit) tags override that.
//! 3. What its own tags imply is applied as if set here, impliers before what they imply; never over
//!    an explicit tag. A value that lost implies nothing, and inherited tags imply nothing anew:
//!    what they imply was decided where they are set.
//! 4. Tags that are not inheritable stay here; the rest is passed down.

mod check;
mod conflict;
mod definition;
mod graph;
mod implication;
mod name;
mod query;
mod removal;
mod resolution;
mod similar;
mod vocabulary;

pub use check::TagError;
pub use conflict::{RejectBreach, check_reject};
pub use definition::{ConflictPolicy, DefinitionError, Inheritance, TagDefinition};
pub use implication::{How, Implication, ImplicationClash, LocalTags, LocalValue};
pub use name::{TagName, TagValue};
pub use query::{TagFilterError, parse_tag_filter};
pub use removal::{RemovalError, explicit_after_parent_removal};
pub use resolution::{Inherited, Origin, Resolved};
pub use vocabulary::{Vocabulary, VocabularyError};

/// The tags set on a node itself.
pub type ExplicitTags = std::collections::BTreeMap<TagName, TagValue>;

/// How many tags may be set on one node.
pub const MAX_TAGS_PER_NODE: usize = 32;

#[cfg(test)]
mod testing {
    //! Short spellings for the unit tests of this module.
    #![allow(clippy::unwrap_used)]

    use super::{ExplicitTags, Inheritance, TagDefinition, TagName, TagValue, Vocabulary};
    use crate::prefix::Prefix;

    pub(super) fn name(text: &str) -> TagName {
        TagName::new(text).unwrap()
    }

    pub(super) fn value(text: &str) -> TagValue {
        TagValue::new(text).unwrap()
    }

    pub(super) fn p(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    /// `[("Region", "EuropeWest")]` as explicit tags.
    pub(super) fn tags(pairs: &[(&str, &str)]) -> ExplicitTags {
        pairs.iter().map(|(tag, set)| (name(tag), value(set))).collect()
    }

    pub(super) fn inheritable(tag: &str) -> TagDefinition {
        TagDefinition::new(name(tag), Inheritance::Inheritable)
    }

    /// Adds `definition=from` implies `implied=to`.
    pub(super) fn implying(
        mut definition: TagDefinition,
        from: &str,
        implied: &str,
        to: &str,
    ) -> TagDefinition {
        definition
            .implies
            .entry(name(implied))
            .or_default()
            .insert(value(from), value(to));
        definition
    }

    /// Datacenter implies Region implies Continent; Rack stays on its node and implies Datacenter.
    pub(super) fn places() -> Vocabulary {
        let rack = TagDefinition::new(name("Rack"), Inheritance::NonInheritable);
        let datacenter = implying(inheritable("Datacenter"), "AMS05", "Region", "EuropeWest");
        let region = implying(inheritable("Region"), "EuropeWest", "Continent", "Europe");
        Vocabulary::new([
            implying(rack, "R7", "Datacenter", "AMS05"),
            implying(datacenter, "NYC01", "Region", "USEast"),
            implying(region, "USEast", "Continent", "America"),
            inheritable("Continent"),
            inheritable("Owner"),
        ])
        .unwrap()
    }
}
