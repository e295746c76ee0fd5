//! VLANs: pools of tags per site or access node, and who has which (seed `network-features-plan.md`, §1).
//!
//! A pool belongs to a *domain*, the device or site in which a tag means one thing; no tag of a domain is given twice,
//! whichever pool it came from.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::text::{check_line, check_name, check_notes};
use super::{IspError, SubscriberId};

/// A VLAN id: 1 to 4094. 0 marks frames without one, and 4095 is reserved (IEEE 802.1Q §9.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct VlanId(u16);

impl VlanId {
    /// The lowest.
    pub const MIN: u16 = 1;
    /// The highest.
    pub const MAX: u16 = 4094;
    /// The lowest, as an id.
    pub const LOWEST: Self = Self(Self::MIN);
    /// The highest, as an id.
    pub const HIGHEST: Self = Self(Self::MAX);

    /// Checks an id.
    ///
    /// # Errors
    /// [`IspError`] of the field `vlanId`.
    pub fn new(id: u16) -> Result<Self, IspError> {
        if (Self::MIN..=Self::MAX).contains(&id) {
            Ok(Self(id))
        } else {
            Err(IspError::new(
                "vlanId",
                format!(
                    "a VLAN id is from 1 to 4094 (0 and 4095 are reserved by IEEE 802.1Q); {id} was given"
                ),
            ))
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for VlanId {
    type Error = IspError;

    fn try_from(id: u16) -> Result<Self, Self::Error> {
        Self::new(id)
    }
}

impl From<VlanId> for u16 {
    fn from(id: VlanId) -> Self {
        id.0
    }
}

/// The tags of a frame: one, or an outer (S-VLAN) and an inner (C-VLAN).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VlanTag {
    /// The only tag, or the outer one.
    pub outer: VlanId,
    /// The inner tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner: Option<VlanId>,
}

impl std::fmt::Display for VlanTag {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.inner {
            Some(inner) => write!(formatter, "{}.{}", self.outer.get(), inner.get()),
            None => write!(formatter, "{}", self.outer.get()),
        }
    }
}

/// Ids from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VlanRange {
    /// The first.
    pub first: VlanId,
    /// The last.
    pub last: VlanId,
}

impl VlanRange {
    /// How many ids it has.
    #[must_use]
    pub const fn size(&self) -> u32 {
        self.last.0.saturating_sub(self.first.0) as u32 + 1
    }

    /// Whether an id is one of them.
    #[must_use]
    pub fn contains(&self, id: VlanId) -> bool {
        (self.first..=self.last).contains(&id)
    }

    /// Whether another has ids of this one.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Its ids, ascending.
    pub fn ids(self) -> impl Iterator<Item = VlanId> {
        (self.first.0..=self.last.0).map(VlanId)
    }
}

impl std::fmt::Display for VlanRange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} to {}", self.first.0, self.last.0)
    }
}

/// A pool of VLAN tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VlanPool {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique in its space, without regard to case.
    pub name: String,
    /// Empty = none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The site or access node in which its tags mean one thing.
    pub domain: String,
    /// The outer tags, or the only ones.
    pub outer: VlanRange,
    /// The inner tags beneath each outer one; `None` = single tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner: Option<VlanRange>,
}

impl VlanPool {
    /// Checks what can be said of it without looking at others.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn check(&self) -> Result<(), IspError> {
        check_name("name", &self.name)?;
        check_name("domain", &self.domain)?;
        check_notes("description", &self.description)?;
        for (field, range) in [("outer", Some(self.outer)), ("inner", self.inner)] {
            if let Some(range) = range
                && range.first > range.last
            {
                return Err(IspError::new(
                    field,
                    format!("the range {range} is empty; the first id is at most the last"),
                ));
            }
        }
        Ok(())
    }

    /// How many tags it has.
    #[must_use]
    pub fn total(&self) -> u64 {
        u64::from(self.outer.size()) * self.inner.map_or(1, |inner| u64::from(inner.size()))
    }

    /// Whether a tag is one of its own.
    #[must_use]
    pub fn contains(&self, tag: &VlanTag) -> bool {
        let inner = match (self.inner, tag.inner) {
            (Some(range), Some(inner)) => range.contains(inner),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        self.outer.contains(tag.outer) && inner
    }

    /// Whether a frame of its domain could be one of its own and one of another pool's: they have a tag in common, or one of
    /// them takes all frames with an outer tag beneath which the other has inner tags.
    #[must_use]
    pub fn clashes_with(&self, other: &Self) -> bool {
        let inner = match (self.inner, other.inner) {
            (Some(one), Some(other)) => one.meets(&other),
            (None, None) | (Some(_), None) | (None, Some(_)) => true,
        };
        self.domain == other.domain && self.outer.meets(&other.outer) && inner
    }

    /// Checks that a tag is one of its own.
    ///
    /// # Errors
    /// What is wrong with it, and what the pool has.
    pub fn check_tag(&self, tag: &VlanTag) -> Result<(), IspError> {
        let name = &self.name;
        match (self.inner, tag.inner) {
            (Some(_), None) => {
                return Err(IspError::new(
                    "cVlan",
                    format!("S-VLAN {tag} needs a C-VLAN: {name} gives an outer and an inner tag (QinQ)"),
                ));
            }
            (None, Some(inner)) => {
                return Err(IspError::new(
                    "cVlan",
                    format!("leave C-VLAN {} out: {name} gives single tags", inner.get()),
                ));
            }
            (Some(range), Some(inner)) if !range.contains(inner) => {
                return Err(IspError::new(
                    "cVlan",
                    format!(
                        "C-VLAN {} is not in {name}, whose inner tags are {range}",
                        inner.get()
                    ),
                ));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        if self.outer.contains(tag.outer) {
            return Ok(());
        }
        Err(IspError::new(
            "sVlan",
            format!(
                "VLAN {} is not in {name}, whose outer tags are {}",
                tag.outer.get(),
                self.outer
            ),
        ))
    }
}

/// Who has a VLAN.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VlanHolder {
    /// A subscriber.
    Subscriber(SubscriberId),
    /// A port of an access node, whoever is behind it.
    Port(String),
}

impl VlanHolder {
    /// Checks the name of a port.
    ///
    /// # Errors
    /// [`IspError`] of the field `port`.
    pub fn check(&self) -> Result<(), IspError> {
        match self {
            Self::Subscriber(_) => Ok(()),
            Self::Port(port) if port.is_empty() => {
                Err(IspError::new("port", "the name of a port must not be empty"))
            }
            Self::Port(port) => check_line("port", port, 128),
        }
    }
}

impl std::fmt::Display for VlanHolder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subscriber(id) => write!(formatter, "subscriber {id}"),
            Self::Port(port) => write!(formatter, "port {port}"),
        }
    }
}

/// A tag that somebody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VlanBinding {
    /// UUIDv7.
    pub id: Uuid,
    /// The pool it came from.
    pub pool_id: Uuid,
    /// The pool's domain.
    pub domain: String,
    /// The tag; once in its domain.
    pub tag: VlanTag,
    /// Who has it.
    pub holder: VlanHolder,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn range(first: u16, last: u16) -> VlanRange {
        VlanRange {
            first: VlanId::new(first).unwrap(),
            last: VlanId::new(last).unwrap(),
        }
    }

    fn pool(outer: (u16, u16), inner: Option<(u16, u16)>) -> VlanPool {
        VlanPool {
            id: Uuid::nil(),
            name: "north".to_owned(),
            description: String::new(),
            domain: "olt-1".to_owned(),
            outer: range(outer.0, outer.1),
            inner: inner.map(|(first, last)| range(first, last)),
        }
    }

    fn tag(outer: u16, inner: Option<u16>) -> VlanTag {
        VlanTag {
            outer: VlanId::new(outer).unwrap(),
            inner: inner.map(|inner| VlanId::new(inner).unwrap()),
        }
    }

    #[test]
    fn only_1_to_4094_are_vlan_ids() {
        for (id, legal) in [
            (0, false),
            (1, true),
            (4094, true),
            (4095, false),
            (u16::MAX, false),
        ] {
            assert_eq!(VlanId::new(id).is_ok(), legal, "{id}");
            assert_eq!(
                serde_json::from_str::<VlanId>(&id.to_string()).is_ok(),
                legal,
                "{id}"
            );
        }
    }

    #[test]
    fn a_tag_is_a_pools_own_exactly_if_its_check_says_so() {
        let single = pool((100, 200), None);
        let double = pool((100, 200), Some((10, 20)));
        for (pool, tag, own) in [
            (&single, tag(100, None), true),
            (&single, tag(99, None), false),
            (&single, tag(100, Some(10)), false),
            (&double, tag(200, Some(20)), true),
            (&double, tag(200, Some(21)), false),
            (&double, tag(201, Some(20)), false),
            (&double, tag(200, None), false),
        ] {
            assert_eq!(pool.contains(&tag), own, "{tag}");
            assert_eq!(pool.check_tag(&tag).is_ok(), own, "{tag}");
        }
        let error = double.check_tag(&tag(200, None)).unwrap_err();
        assert_eq!(error.field, "cVlan");
        assert!(error.message.contains("S-VLAN 200 needs a C-VLAN"), "{error}");
    }

    #[test]
    fn pools_clash_where_a_frame_could_be_of_both() {
        let other = |outer, inner| pool(outer, inner);
        for (one, two, clash) in [
            (other((1, 10), None), other((10, 20), None), true),
            (other((1, 10), None), other((11, 20), None), false),
            (other((1, 10), Some((1, 5))), other((10, 20), Some((5, 9))), true),
            (other((1, 10), Some((1, 5))), other((10, 20), Some((6, 9))), false),
            (other((1, 10), Some((1, 5))), other((10, 20), None), true),
            (other((1, 10), Some((1, 5))), other((11, 20), None), false),
        ] {
            assert_eq!(one.clashes_with(&two), clash, "{one:?} {two:?}");
            assert_eq!(two.clashes_with(&one), clash, "{one:?} {two:?}");
            let elsewhere = VlanPool {
                domain: "olt-2".to_owned(),
                ..two
            };
            assert!(!one.clashes_with(&elsewhere));
        }
    }
}
