//! All tag definitions of an address space, checked together. A vocabulary that exists is
//! consistent, so what is built on it (resolution, removal) has no error for a broken one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::graph::{self, Edges};
use super::similar::similar;
use super::{DefinitionError, TagDefinition, TagName, TagValue};

/// The definitions of an address space. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vocabulary(Arc<Inner>);

#[derive(Debug, PartialEq, Eq, Default)]
struct Inner {
    entries: BTreeMap<TagName, Arc<Entry>>,
    /// Position of each tag in the order in which implications apply; impliers come first.
    ranks: HashMap<TagName, usize>,
    /// The entries by rank.
    by_rank: Vec<Arc<Entry>>,
    /// The tags that imply a tag directly, by name.
    impliers: BTreeMap<TagName, Vec<TagName>>,
}

/// A definition with its known values ready for look-up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) definition: TagDefinition,
    known: BTreeSet<TagValue>,
}

impl Entry {
    /// Whether the value may be set: it is a known one, or any value is.
    pub(super) fn allows(&self, value: &TagValue) -> bool {
        self.known.is_empty() || self.known.contains(value)
    }
}

/// Why definitions do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VocabularyError {
    /// A definition is refused by itself.
    #[error("tag {tag}: {reason}")]
    Definition {
        /// The tag.
        tag: TagName,
        /// The rule it breaks.
        reason: DefinitionError,
    },
    /// Two definitions of one name.
    #[error("tag {tag} is defined twice; define it once")]
    Duplicate {
        /// The tag.
        tag: TagName,
    },
    /// Implications that lead back to where they began.
    #[error("{}; remove one of these implications", .path.iter().map(TagName::as_str).collect::<Vec<_>>().join(" implies "))]
    Cycle {
        /// The loop, its first tag again at the end.
        path: Vec<TagName>,
    },
    /// An implied tag that is not defined.
    #[error("{tag} implies {implied}, which is not defined; {}", match .similar {
        Some(similar) => format!("did you mean {similar}?"),
        None => format!("define {} first", .implied),
    })]
    UndefinedImplied {
        /// The implying tag.
        tag: TagName,
        /// The tag that is not defined.
        implied: TagName,
        /// A defined tag of almost that name.
        similar: Option<TagName>,
    },
    /// An implied tag whose values do not flow down.
    #[error("{tag} implies {implied}, which is not inheritable; only inheritable tags can be implied")]
    ImpliedNotInheritable {
        /// The implying tag.
        tag: TagName,
        /// The implied tag.
        implied: TagName,
    },
    /// An implied value that may not be set.
    #[error(
        "{tag}={value} implies {implied}={implied_value}, which is not a known value of {implied}; add it there first"
    )]
    ImpliedValueNotKnown {
        /// The implying tag.
        tag: TagName,
        /// Its value.
        value: TagValue,
        /// The implied tag.
        implied: TagName,
        /// The value that is not known.
        implied_value: TagValue,
    },
    /// A definition others still need.
    #[error("{tag} is still implied by {}; remove that implication first", .by.iter().map(TagName::as_str).collect::<Vec<_>>().join(", "))]
    StillImplied {
        /// The tag that was to go.
        tag: TagName,
        /// The tags that imply it, by name.
        by: Vec<TagName>,
    },
}

impl Vocabulary {
    /// No definitions.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Checks definitions, each by itself and all together.
    ///
    /// # Errors
    /// [`VocabularyError`] naming the first breach.
    pub fn new(definitions: impl IntoIterator<Item = TagDefinition>) -> Result<Self, VocabularyError> {
        let mut entries = BTreeMap::new();
        for definition in definitions {
            let tag = definition.name.clone();
            if entries.insert(tag.clone(), checked(definition)?).is_some() {
                return Err(VocabularyError::Duplicate { tag });
            }
        }
        Self::of(entries)
    }

    /// The vocabulary with a definition added or replaced.
    ///
    /// # Errors
    /// [`VocabularyError`] when it does not fit the others.
    pub fn with(&self, definition: TagDefinition) -> Result<Self, VocabularyError> {
        let mut entries = self.0.entries.clone();
        entries.insert(definition.name.clone(), checked(definition)?);
        Self::of(entries)
    }

    /// The vocabulary without a definition; unchanged when there is none of that name.
    ///
    /// # Errors
    /// [`VocabularyError::StillImplied`] when others imply it.
    pub fn without(&self, tag: &TagName) -> Result<Self, VocabularyError> {
        let by = self.direct_impliers(tag);
        if !by.is_empty() {
            return Err(VocabularyError::StillImplied { tag: tag.clone(), by });
        }
        let mut entries = self.0.entries.clone();
        entries.remove(tag);
        Self::of(entries)
    }

    /// A definition by name.
    #[must_use]
    pub fn get(&self, tag: &TagName) -> Option<&TagDefinition> {
        self.entry(tag).map(|entry| &entry.definition)
    }

    /// The definitions by name.
    pub fn iter(&self) -> impl Iterator<Item = &TagDefinition> {
        self.0.entries.values().map(|entry| &entry.definition)
    }

    /// How many definitions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// Whether there are no definitions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// The tags that imply `tag` directly, by name.
    #[must_use]
    pub fn direct_impliers(&self, tag: &TagName) -> Vec<TagName> {
        self.0.impliers.get(tag).cloned().unwrap_or_default()
    }

    /// Whether a tag's values flow down. An undefined tag cannot be written; should one be met, its
    /// value is not lost.
    pub(super) fn is_inheritable(&self, tag: &TagName) -> bool {
        self.get(tag).is_none_or(TagDefinition::is_inheritable)
    }

    pub(super) fn entry(&self, tag: &TagName) -> Option<&Entry> {
        self.0.entries.get(tag).map(Arc::as_ref)
    }

    /// Position in the order in which implications apply; undefined tags have none.
    pub(super) fn rank(&self, tag: &TagName) -> Option<usize> {
        self.0.ranks.get(tag).copied()
    }

    pub(super) fn at_rank(&self, rank: usize) -> Option<&TagDefinition> {
        self.0.by_rank.get(rank).map(|entry| &entry.definition)
    }

    /// Checks entries that are each valid by themselves against each other.
    fn of(entries: BTreeMap<TagName, Arc<Entry>>) -> Result<Self, VocabularyError> {
        for entry in entries.values() {
            check_implied(&entry.definition, &entries)?;
        }
        let edges: Edges<'_> = entries
            .iter()
            .map(|(tag, entry)| (tag, entry.definition.implies.keys().collect()))
            .collect();
        let order = graph::topological_order(&edges).map_err(|path| VocabularyError::Cycle { path })?;
        let by_rank = order.iter().filter_map(|tag| entries.get(tag).cloned()).collect();
        let ranks = order
            .into_iter()
            .enumerate()
            .map(|(rank, tag)| (tag, rank))
            .collect();
        let mut impliers: BTreeMap<TagName, Vec<TagName>> = BTreeMap::new();
        for (tag, implied) in edges {
            for implied in implied {
                impliers.entry(implied.clone()).or_default().push(tag.clone());
            }
        }
        Ok(Self(Arc::new(Inner {
            entries,
            ranks,
            by_rank,
            impliers,
        })))
    }
}

fn checked(definition: TagDefinition) -> Result<Arc<Entry>, VocabularyError> {
    match definition.validate() {
        Ok(()) => {
            let known = definition.known_values.iter().cloned().collect();
            Ok(Arc::new(Entry { definition, known }))
        }
        Err(reason) => Err(VocabularyError::Definition {
            tag: definition.name,
            reason,
        }),
    }
}

fn check_implied(
    definition: &TagDefinition,
    entries: &BTreeMap<TagName, Arc<Entry>>,
) -> Result<(), VocabularyError> {
    for (implied, values) in &definition.implies {
        let (tag, implied) = (definition.name.clone(), implied.clone());
        let Some(target) = entries.get(&implied) else {
            let similar = similar(implied.as_str(), entries.keys()).cloned();
            return Err(VocabularyError::UndefinedImplied {
                tag,
                implied,
                similar,
            });
        };
        if !target.definition.is_inheritable() {
            return Err(VocabularyError::ImpliedNotInheritable { tag, implied });
        }
        if let Some((value, implied_value)) = values.iter().find(|(_, given)| !target.allows(given)) {
            let (value, implied_value) = (value.clone(), implied_value.clone());
            return Err(VocabularyError::ImpliedValueNotKnown {
                tag,
                value,
                implied,
                implied_value,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::testing::{implying, inheritable, name, places, value};
    use super::super::{Inheritance, TagDefinition};
    use super::*;

    #[test]
    fn definitions_are_listed_by_name() {
        let names: Vec<String> = places()
            .iter()
            .map(|definition| definition.name.to_string())
            .collect();
        assert_eq!(names, ["Continent", "Datacenter", "Owner", "Rack", "Region"]);
    }

    #[test]
    fn a_loop_is_refused_and_named() {
        let continent = implying(inheritable("Continent"), "Europe", "Datacenter", "AMS05");
        assert_eq!(
            places().with(continent).unwrap_err().to_string(),
            "Continent implies Datacenter implies Region implies Continent; remove one of these implications"
        );
    }

    #[test]
    fn implied_tags_must_be_defined_inheritable_and_know_the_value() {
        let site = |implied: &str| implying(inheritable("Site"), "s1", implied, "EuropeWest");
        assert_eq!(
            places().with(site("region")).unwrap_err().to_string(),
            "Site implies region, which is not defined; did you mean Region?"
        );
        assert_eq!(
            places().with(site("Zone")).unwrap_err().to_string(),
            "Site implies Zone, which is not defined; define Zone first"
        );
        assert!(matches!(
            places().with(site("Rack")),
            Err(VocabularyError::ImpliedNotInheritable { .. })
        ));
        let mut owner = inheritable("Owner");
        owner.known_values = vec![value("net")];
        assert_eq!(
            places()
                .with(owner)
                .unwrap()
                .with(site("Owner"))
                .unwrap_err()
                .to_string(),
            "Site=s1 implies Owner=EuropeWest, which is not a known value of Owner; add it there first"
        );
    }

    #[test]
    fn narrowing_an_implied_tag_is_refused_through_its_impliers() {
        let region = TagDefinition::new(name("Region"), Inheritance::NonInheritable);
        assert!(matches!(
            places().with(region),
            Err(VocabularyError::ImpliedNotInheritable { tag, .. }) if tag == name("Datacenter")
        ));
    }

    #[test]
    fn a_tag_that_others_imply_stays() {
        assert_eq!(
            places().without(&name("Region")).unwrap_err().to_string(),
            "Region is still implied by Datacenter; remove that implication first"
        );
        let smaller = places().without(&name("Rack")).unwrap();
        assert_eq!(smaller.get(&name("Rack")), None);
        assert_eq!(smaller.without(&name("Rack")).unwrap(), smaller);
    }

    #[test]
    fn a_name_is_defined_once() {
        let twice = Vocabulary::new([inheritable("A"), inheritable("A")]);
        assert_eq!(twice, Err(VocabularyError::Duplicate { tag: name("A") }));
        assert!(Vocabulary::new([]).unwrap().is_empty());
    }

    #[test]
    fn a_definition_that_is_wrong_by_itself_is_named() {
        let error = Vocabulary::new([implying(inheritable("A"), "x", "A", "y")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tag A: A implies itself; remove that implication"
        );
    }
}
