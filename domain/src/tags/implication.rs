//! What a node's own tags imply on that node, and the way back: which settings lead to a value.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ExplicitTags, TagName, TagValue, Vocabulary};

/// What a node sets itself: its explicit tags and what they imply there.
pub type LocalTags = BTreeMap<TagName, LocalValue>;

/// A value a node sets itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalValue {
    /// The value.
    pub value: TagValue,
    /// Whether it is set or follows from another.
    pub how: How,
}

/// How a value came about on the node it is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// It is set explicitly.
    Set,
    /// `by=value` implies it directly; that may itself be implied.
    Implied {
        /// The implying tag.
        by: TagName,
        /// The implying tag's value on that node.
        value: TagValue,
    },
}

/// One implication: `by=by_value` gives `value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implication {
    /// The implying tag.
    pub by: TagName,
    /// Its value.
    pub by_value: TagValue,
    /// The value it implies.
    pub value: TagValue,
}

/// Two implications that disagree on one node, with no explicit tag to settle them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}={} implies {tag}={}, but {}={} implies {tag}={}; set {tag} on the node itself to settle it",
    .first.by, .first.by_value, .first.value, .second.by, .second.by_value, .second.value
)]
pub struct ImplicationClash {
    /// The tag they disagree about.
    pub tag: TagName,
    /// The implication that applied first.
    pub first: Implication,
    /// The one that disagrees with it.
    pub second: Implication,
}

/// Implications applied as far as they agree.
#[derive(Debug)]
pub(super) struct Evaluation {
    /// Final for every tag that comes before the clash in the order of implications.
    pub(super) local: LocalTags,
    /// The first clash in that order.
    pub(super) clash: Option<ImplicationClash>,
}

impl Vocabulary {
    /// What a node with these explicit tags sets itself: they and what they imply, impliers before
    /// what they imply. An explicit tag is never overridden by an implied one, and a value that
    /// loses implies nothing.
    ///
    /// # Errors
    /// [`ImplicationClash`] when two implications disagree about a tag that is not set explicitly.
    pub fn local(&self, explicit: &ExplicitTags) -> Result<LocalTags, ImplicationClash> {
        let evaluation = self.evaluate(explicit);
        match evaluation.clash {
            None => Ok(evaluation.local),
            Some(clash) => Err(clash),
        }
    }

    /// As [`Vocabulary::local`], stopping at the first clash. Only tags that are set or implied are
    /// visited, so a large vocabulary costs nothing.
    pub(super) fn evaluate(&self, explicit: &ExplicitTags) -> Evaluation {
        let set = |value: &TagValue| LocalValue {
            value: value.clone(),
            how: How::Set,
        };
        let mut local: LocalTags = explicit
            .iter()
            .map(|(tag, value)| (tag.clone(), set(value)))
            .collect();
        let mut waiting: BTreeSet<usize> = explicit.keys().filter_map(|tag| self.rank(tag)).collect();
        let mut contested: BTreeMap<usize, ImplicationClash> = BTreeMap::new();
        // By rank: when a tag's turn comes, all its impliers have had theirs and its value is final.
        while let Some(rank) = waiting.pop_first() {
            if let Some(clash) = contested.remove(&rank) {
                return Evaluation {
                    local,
                    clash: Some(clash),
                };
            }
            let Some(definition) = self.at_rank(rank) else {
                continue;
            };
            let Some(by_value) = local.get(&definition.name).map(|local| local.value.clone()) else {
                continue;
            };
            for (implied, values) in &definition.implies {
                let (Some(value), Some(rank)) = (values.get(&by_value), self.rank(implied)) else {
                    continue;
                };
                let implication = Implication {
                    by: definition.name.clone(),
                    by_value: by_value.clone(),
                    value: value.clone(),
                };
                if let Some(clash) = apply(&mut local, implied, implication) {
                    contested.entry(rank).or_insert(clash);
                }
                waiting.insert(rank);
            }
        }
        Evaluation { local, clash: None }
    }

    /// Every explicit setting that can make `tag=value` hold on the node that carries it: itself,
    /// and the settings that imply it directly or through others. Sorted.
    ///
    /// Other tags of a node can still settle it differently, so this is where to look, not proof.
    #[must_use]
    pub fn settings_that_give(&self, tag: &TagName, value: &TagValue) -> Vec<(TagName, TagValue)> {
        let mut settings = BTreeSet::from([(tag.clone(), value.clone())]);
        let mut open = vec![(tag.clone(), value.clone())];
        while let Some((tag, value)) = open.pop() {
            for implier in self.direct_impliers(&tag) {
                let values = self
                    .get(&implier)
                    .and_then(|definition| definition.implies.get(&tag));
                for (by_value, given) in values.into_iter().flatten() {
                    let setting = (implier.clone(), by_value.clone());
                    if *given == value && settings.insert(setting.clone()) {
                        open.push(setting);
                    }
                }
            }
        }
        settings.into_iter().collect()
    }

    /// Every tag whose explicit setting can set `tag` on the same node: itself, and the tags that
    /// imply it directly or through others. Sorted.
    #[must_use]
    pub fn tags_that_can_set(&self, tag: &TagName) -> Vec<TagName> {
        let mut tags = BTreeSet::from([tag.clone()]);
        let mut open = vec![tag.clone()];
        while let Some(tag) = open.pop() {
            for implier in self.direct_impliers(&tag) {
                if tags.insert(implier.clone()) {
                    open.push(implier);
                }
            }
        }
        tags.into_iter().collect()
    }
}

/// Applies one implication; `Some` when it disagrees with one that applied before.
fn apply(local: &mut LocalTags, implied: &TagName, implication: Implication) -> Option<ImplicationClash> {
    match local.get(implied) {
        None => {
            let how = How::Implied {
                by: implication.by,
                value: implication.by_value,
            };
            local.insert(
                implied.clone(),
                LocalValue {
                    value: implication.value,
                    how,
                },
            );
            None
        }
        Some(LocalValue { value, .. }) if *value == implication.value => None,
        Some(LocalValue { how: How::Set, .. }) => None,
        Some(LocalValue {
            value,
            how: How::Implied { by, value: by_value },
        }) => Some(ImplicationClash {
            tag: implied.clone(),
            first: Implication {
                by: by.clone(),
                by_value: by_value.clone(),
                value: value.clone(),
            },
            second: implication,
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::testing::{implying, inheritable, name, places, tags, value};
    use super::*;

    fn local(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let local = places().local(&tags(pairs)).unwrap();
        local
            .iter()
            .map(|(tag, local)| (tag.to_string(), local.value.to_string()))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected
            .iter()
            .map(|(tag, value)| ((*tag).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn implications_apply_through_each_other() {
        assert_eq!(
            local(&[("Rack", "R7")]),
            pairs(&[
                ("Continent", "Europe"),
                ("Datacenter", "AMS05"),
                ("Rack", "R7"),
                ("Region", "EuropeWest")
            ])
        );
        assert_eq!(local(&[("Owner", "net")]), pairs(&[("Owner", "net")]));
    }

    #[test]
    fn an_explicit_tag_beats_an_implied_one_whose_value_then_implies_nothing() {
        assert_eq!(
            local(&[("Datacenter", "AMS05"), ("Region", "USEast")]),
            pairs(&[
                ("Continent", "America"),
                ("Datacenter", "AMS05"),
                ("Region", "USEast")
            ])
        );
        assert_eq!(
            local(&[("Datacenter", "AMS05"), ("Region", "Elsewhere")]),
            pairs(&[("Datacenter", "AMS05"), ("Region", "Elsewhere")])
        );
    }

    #[test]
    fn the_direct_implier_is_remembered() {
        let local = places().local(&tags(&[("Datacenter", "AMS05")])).unwrap();
        let implied = |by: &str, by_value: &str| How::Implied {
            by: name(by),
            value: value(by_value),
        };
        assert_eq!(local[&name("Continent")].how, implied("Region", "EuropeWest"));
        assert_eq!(local[&name("Region")].how, implied("Datacenter", "AMS05"));
        assert_eq!(local[&name("Datacenter")].how, How::Set);
    }

    #[test]
    fn implications_that_disagree_are_refused_unless_the_tag_is_set() {
        let peering = implying(inheritable("Peering"), "DECIX", "Region", "EuropeCentral");
        let vocabulary = places().with(peering).unwrap();
        let clashing = tags(&[("Datacenter", "AMS05"), ("Peering", "DECIX")]);
        assert_eq!(
            vocabulary.local(&clashing).unwrap_err().to_string(),
            "Peering=DECIX implies Region=EuropeCentral, but Datacenter=AMS05 implies Region=EuropeWest; set \
             Region on the node itself to settle it"
        );
        let mut settled = clashing;
        settled.insert(name("Region"), value("EuropeWest"));
        assert_eq!(vocabulary.local(&settled).unwrap()[&name("Region")].how, How::Set);
    }

    #[test]
    fn implications_that_agree_are_no_clash() {
        let peering = implying(inheritable("Peering"), "AMSIX", "Region", "EuropeWest");
        let vocabulary = places().with(peering).unwrap();
        assert!(
            vocabulary
                .local(&tags(&[("Datacenter", "AMS05"), ("Peering", "AMSIX")]))
                .is_ok()
        );
    }

    #[test]
    fn settings_that_give_a_value_are_found_backwards() {
        let settings = places().settings_that_give(&name("Continent"), &value("Europe"));
        let expected = [
            ("Continent", "Europe"),
            ("Datacenter", "AMS05"),
            ("Rack", "R7"),
            ("Region", "EuropeWest"),
        ];
        assert_eq!(settings, expected.map(|(tag, set)| (name(tag), value(set))));
        let unknown = places().settings_that_give(&name("Continent"), &value("Asia"));
        assert_eq!(unknown, [(name("Continent"), value("Asia"))]);
        assert_eq!(
            places().tags_that_can_set(&name("Datacenter")),
            ["Datacenter", "Rack"].map(name)
        );
    }

    #[test]
    fn a_tag_that_is_not_defined_is_kept_and_implies_nothing() {
        assert_eq!(local(&[("Ghost", "x")]), pairs(&[("Ghost", "x")]));
    }
}
