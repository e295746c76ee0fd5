//! What holds on a node, and what it passes down.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ExplicitTags, How, ImplicationClash, TagName, TagValue, Vocabulary};
use crate::prefix::Prefix;

/// Where a resolved value is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The node that sets it, or where it is implied.
    pub node: Prefix,
    /// How it came about there.
    pub how: How,
}

type Values = BTreeMap<TagName, (TagValue, Origin)>;

/// What flows down from a node; the default is nothing. A clone is cheap, and a node without tags
/// of its own passes on the very same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inherited(Arc<Values>);

impl Inherited {
    /// A tag's value and where it is from.
    #[must_use]
    pub fn get(&self, tag: &TagName) -> Option<(&TagValue, &Origin)> {
        self.0.get(tag).map(|(value, origin)| (value, origin))
    }

    /// The tags by name.
    pub fn iter(&self) -> impl Iterator<Item = (&TagName, &TagValue, &Origin)> {
        self.0.iter().map(|(tag, (value, origin))| (tag, value, origin))
    }

    /// How many tags flow down.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing flows down.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The tags that hold on a node, each with where it is from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    flowing: Inherited,
    /// Tags that stay on this node; none of them is in `flowing`.
    staying: Values,
}

impl Resolved {
    /// The tags by name.
    pub fn iter(&self) -> impl Iterator<Item = (&TagName, &TagValue, &Origin)> {
        let mut flowing = self.flowing.0.iter().peekable();
        let mut staying = self.staying.iter().peekable();
        std::iter::from_fn(move || match (flowing.peek(), staying.peek()) {
            (Some((flowing_tag, _)), Some((staying_tag, _))) if staying_tag < flowing_tag => staying.next(),
            (Some(_), _) => flowing.next(),
            (None, _) => staying.next(),
        })
        .map(|(tag, (value, origin))| (tag, value, origin))
    }

    /// A tag's value.
    #[must_use]
    pub fn get(&self, tag: &TagName) -> Option<&TagValue> {
        self.entry(tag).map(|(value, _)| value)
    }

    /// Where a tag's value is from.
    #[must_use]
    pub fn origin(&self, tag: &TagName) -> Option<&Origin> {
        self.entry(tag).map(|(_, origin)| origin)
    }

    /// The plain values.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<TagName, TagValue> {
        self.iter()
            .map(|(tag, value, _)| (tag.clone(), value.clone()))
            .collect()
    }

    /// What flows down from here.
    #[must_use]
    pub fn inheritable(&self) -> Inherited {
        self.flowing.clone()
    }

    /// How many tags hold.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flowing.len() + self.staying.len()
    }

    /// Whether no tag holds.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flowing.is_empty() && self.staying.is_empty()
    }

    fn entry(&self, tag: &TagName) -> Option<&(TagValue, Origin)> {
        self.staying.get(tag).or_else(|| self.flowing.0.get(tag))
    }
}

impl Vocabulary {
    /// What holds on a node with these explicit tags beneath a parent that passes `parent` down.
    ///
    /// # Errors
    /// [`ImplicationClash`] as for [`Vocabulary::local`].
    pub fn resolve(
        &self,
        parent: &Inherited,
        at: Prefix,
        explicit: &ExplicitTags,
    ) -> Result<Resolved, ImplicationClash> {
        let local = self.local(explicit)?;
        if local.is_empty() {
            return Ok(Resolved {
                flowing: parent.clone(),
                staying: Values::new(),
            });
        }
        let mut flowing = parent.clone();
        let mut staying = Values::new();
        for (tag, local) in local {
            let entry = (
                local.value,
                Origin {
                    node: at,
                    how: local.how,
                },
            );
            if self.is_inheritable(&tag) {
                Arc::make_mut(&mut flowing.0).insert(tag, entry);
            } else {
                // Nothing of that name comes down, unless the parent was resolved before the tag
                // stopped being inheritable.
                if flowing.0.contains_key(&tag) {
                    Arc::make_mut(&mut flowing.0).remove(&tag);
                }
                staying.insert(tag, entry);
            }
        }
        Ok(Resolved { flowing, staying })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::testing::{name, p, places, tags, value};
    use super::*;

    fn resolve(parent: &Inherited, at: &str, pairs: &[(&str, &str)]) -> Resolved {
        places().resolve(parent, p(at), &tags(pairs)).unwrap()
    }

    #[test]
    fn the_nearest_value_wins_and_the_rest_flows_down() {
        let top = resolve(
            &Inherited::default(),
            "10.0.0.0/8",
            &[("Region", "EuropeWest"), ("Owner", "net")],
        );
        let below = resolve(&top.inheritable(), "10.1.0.0/16", &[("Owner", "dc")]);
        assert_eq!(
            below.to_map(),
            tags(&[("Continent", "Europe"), ("Owner", "dc"), ("Region", "EuropeWest")])
        );
        assert_eq!(
            below.origin(&name("Owner")),
            Some(&Origin {
                node: p("10.1.0.0/16"),
                how: How::Set
            })
        );
        let by_region = How::Implied {
            by: name("Region"),
            value: value("EuropeWest"),
        };
        let continent = Origin {
            node: p("10.0.0.0/8"),
            how: by_region,
        };
        assert_eq!(below.origin(&name("Continent")), Some(&continent));
    }

    #[test]
    fn a_tag_that_is_not_inheritable_stays_while_what_it_implies_flows() {
        let top = resolve(&Inherited::default(), "10.0.0.0/8", &[("Rack", "R7")]);
        assert_eq!(top.get(&name("Rack")), Some(&value("R7")));
        let below = resolve(&top.inheritable(), "10.1.0.0/16", &[]);
        assert_eq!(below.get(&name("Rack")), None);
        assert_eq!(below.get(&name("Datacenter")), Some(&value("AMS05")));
    }

    #[test]
    fn an_implication_overrides_what_is_inherited() {
        let top = resolve(&Inherited::default(), "10.0.0.0/8", &[("Continent", "America")]);
        let below = resolve(&top.inheritable(), "10.1.0.0/16", &[("Datacenter", "AMS05")]);
        assert_eq!(below.get(&name("Continent")), Some(&value("Europe")));
    }

    #[test]
    fn inherited_tags_imply_nothing_anew() {
        let top = resolve(
            &Inherited::default(),
            "10.0.0.0/8",
            &[("Region", "EuropeWest"), ("Continent", "America")],
        );
        let below = resolve(&top.inheritable(), "10.1.0.0/16", &[("Owner", "net")]);
        assert_eq!(below.get(&name("Continent")), Some(&value("America")));
    }

    #[test]
    fn a_node_without_tags_shares_what_it_inherits() {
        let top = resolve(&Inherited::default(), "10.0.0.0/8", &[("Owner", "net")]);
        let (from, to) = (
            top.inheritable(),
            resolve(&top.inheritable(), "10.1.0.0/16", &[]).inheritable(),
        );
        assert!(Arc::ptr_eq(&from.0, &to.0));
    }

    #[test]
    fn tags_are_listed_by_name_whether_they_flow_or_stay() {
        let all = [
            ("Continent", "Europe"),
            ("Owner", "net"),
            ("Rack", "R1"),
            ("Region", "x"),
        ];
        let resolved = resolve(&Inherited::default(), "10.0.0.0/8", &all);
        let listed: Vec<&str> = resolved.iter().map(|(tag, _, _)| tag.as_str()).collect();
        assert_eq!(listed, all.map(|(tag, _)| tag));
        assert_eq!(resolved.len(), 4);
    }
}
