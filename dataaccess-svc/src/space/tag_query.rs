//! Which nodes resolve to given tags, without reading the space.
//!
//! A tag holds in the subtrees of the nodes that set or imply it, minus the subtrees of those that override it.
//! So when a node does not match, the next that can is either beneath the next node whose own tags give the
//! value (found in the index of explicit values), or, where an ancestor has the value and something between
//! overrides it, behind the overriding subtree. The walk jumps to the furthest such place over all conditions.

use cadastre_domain::Prefix;
use cadastre_domain::tags::{Inheritance, TagName, TagValue};

use super::context::{Context, Resolver};
use super::reject::local;
use crate::errors::Outcome;
use crate::keys;
use crate::records::NodeRecord;

/// Conditions, with the explicit settings that can make each hold.
pub(crate) struct TagQuery<'a> {
    resolver: &'a Resolver<'a>,
    conditions: Vec<Condition>,
}

struct Condition {
    tag: TagName,
    value: TagValue,
    inheritable: bool,
    settings: Vec<(TagName, TagValue)>,
    /// Next entry of each setting as far as it is known: the walk only goes forward, so it stays true until it
    /// is passed.
    known: parking_lot::Mutex<Vec<Next>>,
}

/// What is known of the next entry of a setting.
#[derive(Clone, Copy, Debug)]
enum Next {
    Unknown,
    At(Prefix),
    Nowhere,
}

impl<'a> TagQuery<'a> {
    /// Prepares the conditions.
    pub(crate) fn new(resolver: &'a Resolver<'a>, tags: &[(TagName, TagValue)]) -> Self {
        let condition = |(tag, value): &(TagName, TagValue)| {
            let settings = resolver.vocabulary().settings_that_give(tag, value);
            Condition {
                known: parking_lot::Mutex::new(vec![Next::Unknown; settings.len()]),
                settings,
                tag: tag.clone(),
                value: value.clone(),
                inheritable: resolver
                    .vocabulary()
                    .get(tag)
                    .is_some_and(|definition| definition.inheritance == Inheritance::Inheritable),
            }
        };
        let conditions = tags.iter().map(condition).collect();
        Self { resolver, conditions }
    }

    /// For a node that does not match: a position such that every match behind the node is behind the position
    /// too; `None` = there is no further match. The position is the node itself or something behind it.
    pub(crate) async fn next_candidate(&self, node: &NodeRecord, above: &Context) -> Outcome<Option<Prefix>> {
        let mut furthest = node.prefix;
        for condition in &self.conditions {
            let chain_value = inherited(above, &condition.tag);
            let own = local(self.resolver.vocabulary(), node)?;
            let here = own.get(&condition.tag).map(|own| &own.value).or(chain_value);
            if here == Some(&condition.value) {
                continue;
            }
            let mut earliest = self.next_setter(condition, &node.prefix).await?;
            if condition.inheritable
                && let Some(behind) = Self::behind_override(condition, node, above)
            {
                // The next node may be the very next key behind that subtree.
                earliest = Some(earliest.map_or(behind, |setter| setter.min(behind)));
            }
            match earliest {
                Some(position) => furthest = furthest.max(position),
                None => return Ok(None),
            }
        }
        Ok(Some(furthest))
    }

    /// A position just before the next node whose own tags can give the value.
    async fn next_setter(&self, condition: &Condition, after: &Prefix) -> Outcome<Option<Prefix>> {
        let mut next: Option<Prefix> = None;
        for (index, (tag, value)) in condition.settings.iter().enumerate() {
            let known = condition.known.lock()[index];
            let found = match known {
                Next::Nowhere => None,
                Next::At(prefix) if prefix > *after => Some(prefix),
                Next::At(_) | Next::Unknown => {
                    let range = keys::value_range(tag, value, Some(after), None);
                    let entry = self.resolver.rows().first(&range).await?;
                    let found = entry
                        .and_then(|(key, _)| keys::parse_value(&key))
                        .map(|(_, prefix)| prefix);
                    condition.known.lock()[index] = found.map_or(Next::Nowhere, Next::At);
                    found
                }
            };
            if let Some(prefix) = found {
                next = Some(next.map_or(prefix, |known| known.min(prefix)));
            }
        }
        // Positions are exclusive: stand on the last possible prefix before the setter, but never before `after`.
        Ok(next.map(|setter| just_before(&setter).max(*after)))
    }

    /// The end of the subtree that overrides the value an ancestor has.
    fn behind_override(condition: &Condition, node: &NodeRecord, above: &Context) -> Option<Prefix> {
        // Walk up: `overriding` is the highest node of the run, from here upwards, that lacks the value.
        let mut overriding = node.prefix;
        let mut context = above;
        loop {
            if inherited(context, &condition.tag) == Some(&condition.value) {
                return Some(overriding.last_descendant());
            }
            overriding = context.parent()?.prefix;
            context = context.above.as_deref()?;
        }
    }
}

/// The value that flows down.
fn inherited<'a>(context: &'a Context, tag: &TagName) -> Option<&'a TagValue> {
    context.inherited.get(tag).map(|(value, _)| value)
}

/// The greatest prefix in order that sorts before another; itself for the very first.
fn just_before(prefix: &Prefix) -> Prefix {
    use cadastre_domain::Family;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    if prefix.len() > 0 && prefix.truncate(prefix.len() - 1).bits() == prefix.bits() {
        return prefix.truncate(prefix.len() - 1);
    }
    let host = |bits: u128, family: Family| match family {
        Family::V4 => Prefix::host(IpAddr::V4(Ipv4Addr::from((bits >> 96) as u32))),
        Family::V6 => Prefix::host(IpAddr::V6(Ipv6Addr::from(bits))),
    };
    match (prefix.family(), prefix.bits()) {
        (Family::V4, 0) => *prefix,
        (Family::V6, 0) => Prefix::everything(Family::V4).last_descendant(),
        (Family::V4, bits) => host(bits - (1 << 96), Family::V4),
        (Family::V6, bits) => host(bits - 1, Family::V6),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn just_before_is_the_greatest_prefix_that_sorts_before() {
        let before = |text: &str| just_before(&text.parse().unwrap()).to_string();
        assert_eq!(before("10.0.0.0/8"), "10.0.0.0/7");
        assert_eq!(before("11.0.0.0/8"), "10.255.255.255/32");
        assert_eq!(before("0.0.0.0/1"), "0.0.0.0/0");
        assert_eq!(before("0.0.0.0/0"), "0.0.0.0/0");
        assert_eq!(before("::/0"), "255.255.255.255/32");
        assert_eq!(before("::1/128"), "::/128");
    }
}
