//! A role given to somebody: everywhere, in one address space, or in a subtree of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Role;
use crate::echo::echo;
use crate::prefix::Prefix;
use crate::text::serde_as_text;

/// The word for the whole system where an address space's id could stand.
const SYSTEM: &str = "SYSTEM";

/// Where a role holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantTarget {
    /// The whole installation.
    System,
    /// One address space.
    Space(Uuid),
}

/// A text that names neither the system nor an address space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given} is neither SYSTEM nor the id of an address space")]
pub struct UnknownTarget {
    /// The text, cut and escaped.
    pub given: String,
}

impl fmt::Display for GrantTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => formatter.pad(SYSTEM),
            Self::Space(id) => fmt::Display::fmt(&id.hyphenated(), formatter),
        }
    }
}

impl FromStr for GrantTarget {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == SYSTEM {
            return Ok(Self::System);
        }
        // The library also reads braced, plain and URN forms; an id has one form here.
        let hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
        let id = Uuid::try_parse(text).ok().filter(|_| hyphenated);
        id.map(Self::Space)
            .ok_or_else(|| UnknownTarget { given: echo(text) })
    }
}

serde_as_text!(GrantTarget, "SYSTEM or the id of an address space");

/// A role given to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// Names the grant, so that it can be taken back.
    pub id: Uuid,
    /// What is given.
    pub role: Role,
    /// Where it holds.
    pub target: GrantTarget,
    /// Narrows it to a subtree of the address space.
    pub prefix: Option<Prefix>,
}

/// Why a grant makes no sense. Such a grant gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// A system role for one address space.
    #[error("SystemAdmin is granted on SYSTEM, not on one address space; did you mean AddressSpaceAdmin?")]
    SystemRoleOnSpace,
    /// A role of an address space for the system.
    #[error("{role} is granted on one address space; give its id in place of SYSTEM")]
    SpaceRoleOnSystem {
        /// The role.
        role: Role,
    },
    /// A system role narrowed to a prefix.
    #[error("SystemAdmin cannot be narrowed to a prefix; leave the prefix out or grant AddressSpaceAdmin")]
    NarrowedSystemRole,
}

impl Grant {
    /// Checks that role, target and prefix go together.
    ///
    /// # Errors
    /// [`GrantError`] saying what does not.
    pub fn validate(&self) -> Result<(), GrantError> {
        let system_role = match self.role {
            Role::SystemAdmin => true,
            Role::AddressSpaceAdmin | Role::AddressSpaceOperator | Role::AddressSpaceViewer => false,
        };
        match (system_role, self.target) {
            (true, GrantTarget::System) if self.prefix.is_some() => Err(GrantError::NarrowedSystemRole),
            (true, GrantTarget::System) | (false, GrantTarget::Space(_)) => Ok(()),
            (true, GrantTarget::Space(_)) => Err(GrantError::SystemRoleOnSpace),
            (false, GrantTarget::System) => Err(GrantError::SpaceRoleOnSystem { role: self.role }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn grant(role: Role, target: GrantTarget, prefix: Option<&str>) -> Grant {
        Grant {
            id: Uuid::nil(),
            role,
            target,
            prefix: prefix.map(|text| text.parse().unwrap()),
        }
    }

    #[test]
    fn the_system_role_holds_on_the_system_and_the_others_in_spaces() {
        let space = GrantTarget::Space(Uuid::from_u128(1));
        for role in Role::ALL {
            let system = role == Role::SystemAdmin;
            assert_eq!(
                grant(role, GrantTarget::System, None).validate().is_ok(),
                system,
                "{role}"
            );
            assert_eq!(grant(role, space, None).validate().is_ok(), !system, "{role}");
            assert_eq!(
                grant(role, space, Some("10.0.0.0/8")).validate().is_ok(),
                !system,
                "{role}"
            );
        }
        let narrowed = grant(Role::SystemAdmin, GrantTarget::System, Some("10.0.0.0/8"));
        assert_eq!(narrowed.validate(), Err(GrantError::NarrowedSystemRole));
    }

    #[test]
    fn targets_are_written_as_the_word_or_the_id() {
        let id = "0190b5a4-0000-7000-8000-000000000001";
        for text in ["SYSTEM", id] {
            let target: GrantTarget = text.parse().unwrap();
            assert_eq!(target.to_string(), text);
            assert_eq!(serde_json::to_string(&target).unwrap(), format!("{text:?}"));
        }
        for refused in [
            "",
            "system",
            "0190b5a4000070008000000000000001",
            &format!("{{{id}}}"),
        ] {
            assert!(refused.parse::<GrantTarget>().is_err(), "{refused}");
        }
    }
}
