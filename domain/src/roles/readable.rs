//! Everything that somebody may read of the address spaces, space by space: for a question that goes over all of
//! them at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Grant, GrantTarget, Permission, Scope, VisibleSpaces, access, visible_spaces};

/// What somebody may read of one address space that they may know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readable {
    /// Tag definitions.
    pub tags: bool,
    /// Nodes, and how far; `None` = none.
    pub nodes: Option<Scope>,
    /// Pools, and how far; `None` = none.
    pub pools: Option<Scope>,
    /// Subscribers, which are of the whole space.
    pub subscribers: bool,
}

impl Readable {
    /// Everything.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            tags: true,
            nodes: Some(Scope::Whole),
            pools: Some(Scope::Whole),
            subscribers: true,
        }
    }
}

/// What somebody may read, by address space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadableSpaces {
    /// Everything of all there are.
    All,
    /// This, of these.
    Only(BTreeMap<Uuid, Readable>),
}

/// What these grants let somebody read. The spaces are those of [`visible_spaces`].
#[must_use]
pub fn readable_spaces(grants: &[Grant]) -> ReadableSpaces {
    let visible = match visible_spaces(grants) {
        VisibleSpaces::All => return ReadableSpaces::All,
        VisibleSpaces::Only(visible) => visible,
    };
    // By space first: somebody may have a great many grants.
    let mut by_space: BTreeMap<Uuid, Vec<Grant>> = BTreeMap::new();
    for grant in grants {
        match grant.target {
            GrantTarget::Space(space) if visible.contains(&space) => {
                by_space.entry(space).or_default().push(grant.clone());
            }
            GrantTarget::Space(_) | GrantTarget::System => {}
        }
    }
    let readable = |(space, grants): (Uuid, Vec<Grant>)| {
        let target = GrantTarget::Space(space);
        let readable = Readable {
            tags: access(&grants, Permission::TagsRead, target).is_some(),
            nodes: access(&grants, Permission::IpsRead, target),
            pools: access(&grants, Permission::IspIpamRead, target),
            subscribers: access(&grants, Permission::IspSubscribersRead, target) == Some(Scope::Whole),
        };
        (space, readable)
    };
    ReadableSpaces::Only(by_space.into_iter().map(readable).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::roles::Role;

    fn grant(role: Role, target: GrantTarget, prefix: Option<&str>) -> Grant {
        Grant {
            id: Uuid::nil(),
            role,
            target,
            prefix: prefix.map(|text| text.parse().unwrap()),
        }
    }

    #[test]
    fn what_is_readable_is_what_the_single_permissions_say() {
        let [one, two, three] = [1, 2, 3].map(Uuid::from_u128);
        let grants = [
            grant(Role::AddressSpaceViewer, GrantTarget::Space(one), None),
            grant(
                Role::AddressSpaceOperator,
                GrantTarget::Space(two),
                Some("10.1.0.0/16"),
            ),
            grant(
                Role::AddressSpaceViewer,
                GrantTarget::Space(two),
                Some("10.3.0.0/16"),
            ),
            // Makes no sense, gives nothing.
            grant(Role::SystemAdmin, GrantTarget::Space(three), None),
        ];
        let ReadableSpaces::Only(readable) = readable_spaces(&grants) else {
            panic!("not everything");
        };
        assert_eq!(readable.keys().copied().collect::<Vec<_>>(), [one, two]);
        for (space, readable) in readable {
            let target = GrantTarget::Space(space);
            assert_eq!(readable.nodes, access(&grants, Permission::IpsRead, target));
            assert_eq!(
                readable.tags,
                access(&grants, Permission::TagsRead, target).is_some()
            );
            assert_eq!(readable.pools, access(&grants, Permission::IspIpamRead, target));
            // The second is narrowed.
            assert_eq!(readable.subscribers, space == one);
        }
    }

    #[test]
    fn a_system_administrator_reads_everything() {
        let grants = [grant(Role::SystemAdmin, GrantTarget::System, None)];
        assert_eq!(readable_spaces(&grants), ReadableSpaces::All);
        assert_eq!(readable_spaces(&[]), ReadableSpaces::Only(BTreeMap::new()));
    }
}
