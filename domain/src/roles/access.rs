//! From somebody's grants to what they may do.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::permissions::Narrowed;
use super::{Grant, GrantTarget, Permission, Role, Scope};

/// How far these grants permit something; `None` when not at all.
///
/// A grant narrowed to a prefix gives [`Permission::SpaceRead`] and [`Permission::TagsRead`] whole,
/// since without them nothing inside could be understood; what concerns nodes, and the giving of
/// roles, within the prefix; and nothing else that concerns the whole space. Grants that make no
/// sense by themselves give nothing.
#[must_use]
pub fn access(grants: &[Grant], permission: Permission, target: GrantTarget) -> Option<Scope> {
    let mut roots = Vec::new();
    for grant in grants
        .iter()
        .filter(|grant| applies(grant, target) && grant.role.permits(permission))
    {
        match (grant.prefix, permission.narrowed()) {
            (None, _) | (Some(_), Narrowed::Whole) => return Some(Scope::Whole),
            (Some(prefix), Narrowed::Within) => roots.push(prefix),
            (Some(_), Narrowed::Lost) => {}
        }
    }
    if roots.is_empty() {
        None
    } else {
        Some(Scope::within(roots))
    }
}

/// Whether somebody with these grants may give (or take back) another.
///
/// Nobody can give more than they have: a system administrator gives anything; the administrator of
/// an address space any role in it; a narrowed one any role narrowed to within the same prefix.
#[must_use]
pub fn may_grant(granter: &[Grant], grant: &Grant) -> bool {
    if grant.validate().is_err() {
        return false;
    }
    if granter.iter().any(is_system_admin) {
        return true;
    }
    match grant.target {
        GrantTarget::System => false,
        GrantTarget::Space(_) => match (
            access(granter, Permission::RolesManage, grant.target),
            grant.prefix,
        ) {
            (None, _) => false,
            (Some(Scope::Whole), _) => true,
            (Some(Scope::Within(_)), None) => false,
            (Some(scope @ Scope::Within(_)), Some(prefix)) => scope.covers(&prefix),
        },
    }
}

/// The address spaces somebody may know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VisibleSpaces {
    /// All there are.
    All,
    /// These.
    Only(BTreeSet<Uuid>),
}

impl VisibleSpaces {
    /// Whether an address space is among them.
    #[must_use]
    pub fn contains(&self, space: &Uuid) -> bool {
        match self {
            Self::All => true,
            Self::Only(spaces) => spaces.contains(space),
        }
    }
}

/// The address spaces these grants let somebody see.
#[must_use]
pub fn visible_spaces(grants: &[Grant]) -> VisibleSpaces {
    if grants.iter().any(is_system_admin) {
        return VisibleSpaces::All;
    }
    let mut spaces = BTreeSet::new();
    for grant in grants.iter().filter(|grant| grant.validate().is_ok()) {
        match grant.target {
            GrantTarget::Space(space) if grant.role.permits(Permission::SpaceRead) => {
                spaces.insert(space);
            }
            GrantTarget::Space(_) | GrantTarget::System => {}
        }
    }
    VisibleSpaces::Only(spaces)
}

/// Whether a grant is valid and says something about a target: that of the system says something
/// about everything.
fn applies(grant: &Grant, target: GrantTarget) -> bool {
    grant.validate().is_ok() && (grant.target == target || grant.target == GrantTarget::System)
}

fn is_system_admin(grant: &Grant) -> bool {
    grant.role == Role::SystemAdmin && grant.validate().is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::prefix::Prefix;

    const SPACE: GrantTarget = GrantTarget::Space(Uuid::from_u128(1));
    const OTHER: GrantTarget = GrantTarget::Space(Uuid::from_u128(2));

    fn p(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn grant(role: Role, target: GrantTarget, prefix: Option<&str>) -> Grant {
        Grant {
            id: Uuid::nil(),
            role,
            target,
            prefix: prefix.map(p),
        }
    }

    fn system_admin() -> Grant {
        grant(Role::SystemAdmin, GrantTarget::System, None)
    }

    #[test]
    fn a_system_administrator_may_do_everything_everywhere() {
        for permission in Permission::ALL {
            for target in [GrantTarget::System, SPACE] {
                assert_eq!(access(&[system_admin()], permission, target), Some(Scope::Whole));
            }
        }
    }

    #[test]
    fn a_role_holds_in_its_own_space_only() {
        let grants = [grant(Role::AddressSpaceAdmin, SPACE, None)];
        assert_eq!(access(&grants, Permission::IpsWrite, SPACE), Some(Scope::Whole));
        for permission in Permission::ALL {
            assert_eq!(access(&grants, permission, OTHER), None);
            assert_eq!(access(&grants, permission, GrantTarget::System), None);
        }
    }

    #[test]
    fn a_narrowed_administrator_loses_what_concerns_the_whole_space() {
        let grants = [grant(Role::AddressSpaceAdmin, SPACE, Some("10.1.0.0/16"))];
        let narrowed = Some(Scope::Within(vec![p("10.1.0.0/16")]));
        for (permission, expected) in [
            (Permission::SpaceRead, Some(Scope::Whole)),
            (Permission::TagsRead, Some(Scope::Whole)),
            (Permission::IpsRead, narrowed.clone()),
            (Permission::IpsWrite, narrowed.clone()),
            (Permission::RolesManage, narrowed),
            (Permission::TagsWrite, None),
            (Permission::SpaceUpdate, None),
            (Permission::SpaceDelete, None),
        ] {
            assert_eq!(access(&grants, permission, SPACE), expected, "{permission}");
        }
    }

    #[test]
    fn grants_add_up() {
        let grants = [
            grant(Role::AddressSpaceOperator, SPACE, Some("10.2.0.0/16")),
            grant(Role::AddressSpaceViewer, SPACE, None),
            grant(Role::AddressSpaceOperator, SPACE, Some("10.1.0.0/16")),
        ];
        assert_eq!(access(&grants, Permission::IpsRead, SPACE), Some(Scope::Whole));
        let write = Scope::Within(vec![p("10.1.0.0/16"), p("10.2.0.0/16")]);
        assert_eq!(access(&grants, Permission::IpsWrite, SPACE), Some(write));
    }

    #[test]
    fn a_grant_that_makes_no_sense_gives_nothing() {
        let grants = [
            grant(Role::SystemAdmin, SPACE, None),
            grant(Role::SystemAdmin, GrantTarget::System, Some("0.0.0.0/0")),
            grant(Role::AddressSpaceAdmin, GrantTarget::System, None),
        ];
        for permission in Permission::ALL {
            assert_eq!(access(&grants, permission, SPACE), None);
            assert_eq!(access(&grants, permission, GrantTarget::System), None);
        }
        assert_eq!(visible_spaces(&grants), VisibleSpaces::Only(BTreeSet::new()));
        assert!(!may_grant(&[system_admin()], &grants[0]));
    }

    #[test]
    fn nobody_gives_more_than_they_have() {
        let admin = [grant(Role::AddressSpaceAdmin, SPACE, None)];
        assert!(may_grant(&admin, &grant(Role::AddressSpaceAdmin, SPACE, None)));
        assert!(!may_grant(&admin, &grant(Role::AddressSpaceViewer, OTHER, None)));
        assert!(!may_grant(&admin, &system_admin()));
        let narrowed = [grant(Role::AddressSpaceAdmin, SPACE, Some("10.1.0.0/16"))];
        assert!(may_grant(
            &narrowed,
            &grant(Role::AddressSpaceOperator, SPACE, Some("10.1.2.0/24"))
        ));
        assert!(!may_grant(
            &narrowed,
            &grant(Role::AddressSpaceViewer, SPACE, Some("10.0.0.0/8"))
        ));
        assert!(!may_grant(
            &narrowed,
            &grant(Role::AddressSpaceViewer, SPACE, None)
        ));
        let operator = [grant(Role::AddressSpaceOperator, SPACE, None)];
        assert!(!may_grant(
            &operator,
            &grant(Role::AddressSpaceViewer, SPACE, None)
        ));
    }

    #[test]
    fn spaces_are_seen_by_whoever_has_any_role_there() {
        assert_eq!(visible_spaces(&[system_admin()]), VisibleSpaces::All);
        let grants = [grant(Role::AddressSpaceViewer, SPACE, Some("10.0.0.0/8"))];
        let visible = visible_spaces(&grants);
        assert!(visible.contains(&Uuid::from_u128(1)) && !visible.contains(&Uuid::from_u128(2)));
    }
}
