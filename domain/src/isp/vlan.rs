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
                format!("a VLAN id is from 1 to 4094 (0 and 4095 are reserved by IEEE 802.1Q); {id} was given"),
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
                    format!(
                        "the range {} to {} is empty; the first id is at most the last",
                        range.first.get(),
                        range.last.get()
                    ),
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
            Self::Port(port) if port.is_empty() => Err(IspError::new("port", "the name of a port must not be empty")),
            Self::Port(port) => check_line("port", port, 128),
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
