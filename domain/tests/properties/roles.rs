//! What grants permit, prefix by prefix, against asking each grant about each prefix.

use cadastre_domain::Prefix;
use cadastre_domain::roles::{
    Grant, GrantTarget, Permission, Role, Scope, Visibility, VisibleSpaces, access, may_grant, visible_spaces,
};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use crate::generators::{dense_prefix, prefix_in_10};
use crate::naive::contains;

const SPACES: [GrantTarget; 2] = [
    GrantTarget::Space(Uuid::from_u128(1)),
    GrantTarget::Space(Uuid::from_u128(2)),
];

fn any_target() -> impl Strategy<Value = GrantTarget> {
    prop::sample::select(vec![GrantTarget::System, SPACES[0], SPACES[1], SPACES[0]])
}

/// Any combination, senseless ones among them.
fn any_grant() -> impl Strategy<Value = Grant> {
    let role = prop_oneof![1 => Just(Role::SystemAdmin), 9 => prop::sample::select(&Role::ALL[1..])];
    (role, any_target(), prop::option::weighted(0.7, prefix_in_10())).prop_map(|(role, target, prefix)| {
        Grant {
            id: Uuid::nil(),
            role,
            target,
            prefix,
        }
    })
}

fn grants() -> impl Strategy<Value = Vec<Grant>> {
    vec(any_grant(), 0..5)
}

/// Whether one grant alone permits something on one prefix (and what is beneath it), or with `None`
/// on the space or the system as such.
fn permits(grant: &Grant, permission: Permission, target: GrantTarget, prefix: Option<&Prefix>) -> bool {
    if grant.role == Role::SystemAdmin {
        return grant.target == GrantTarget::System && grant.prefix.is_none();
    }
    if grant.target != target || target == GrantTarget::System {
        return false;
    }
    let reads = [
        "space.read",
        "tags.read",
        "ips.read",
        "isp.ipam.read",
        "isp.subscribers.read",
        "isp.network.read",
        "isp.oss.read",
    ];
    let writes = [
        "ips.write",
        "isp.ipam.write",
        "isp.subscribers.write",
        "isp.network.write",
    ];
    let governs = [
        "space.update",
        "space.delete",
        "roles.manage",
        "tags.write",
        "isp.ipam.force",
        "isp.oss.write",
    ];
    let name = permission.as_str();
    let by_role = match grant.role {
        Role::SystemAdmin => unreachable!("answered above"),
        Role::AddressSpaceAdmin => [&reads[..], &writes, &governs].concat(),
        Role::AddressSpaceOperator => [&reads[..], &writes].concat(),
        Role::AddressSpaceViewer => reads.to_vec(),
    };
    let in_prefix = match (&grant.prefix, name) {
        (None, _) | (Some(_), "space.read" | "tags.read") => true,
        // Nodes, and what stands on them: pools and reservations.
        (
            Some(root),
            "ips.read" | "ips.write" | "roles.manage" | "isp.ipam.read" | "isp.ipam.write" | "isp.ipam.force",
        ) => prefix.is_some_and(|prefix| contains(root, prefix)),
        (Some(_), _) => false,
    };
    by_role.contains(&name) && in_prefix
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(768))]

    #[test]
    fn access_is_the_sum_of_what_each_grant_permits(
        grants in grants(),
        target in any_target(),
        prefixes in vec(dense_prefix(), 1..10),
    ) {
        for permission in Permission::ALL {
            let scope = access(&grants, permission, target);
            let whole = grants.iter().any(|grant| permits(grant, permission, target, None));
            prop_assert_eq!(scope == Some(Scope::Whole), whole);
            let roots = grants.iter().filter_map(|grant| grant.prefix);
            for prefix in prefixes.iter().copied().chain(roots) {
                let expected = grants.iter().any(|grant| permits(grant, permission, target, Some(&prefix)));
                let covered = scope.as_ref().is_some_and(|scope| scope.covers(&prefix));
                prop_assert_eq!(covered, expected, "{} on {}", permission, prefix);
            }
            if let Some(Scope::Within(roots)) = scope {
                prop_assert!(!roots.is_empty());
                prop_assert!(roots.is_sorted());
                for (position, root) in roots.iter().enumerate() {
                    prop_assert!(roots[position + 1..].iter().all(|other| !contains(root, other)));
                }
            }
        }
    }

    #[test]
    fn a_scope_shows_what_it_covers_and_the_chain_above(
        roots in vec(prefix_in_10(), 0..5),
        prefix in dense_prefix(),
    ) {
        let scope = Scope::within(roots.clone());
        let covered = roots.iter().any(|root| contains(root, &prefix));
        let above = roots.iter().any(|root| contains(&prefix, root));
        let expected = match (covered, above) {
            (true, _) => Visibility::Full,
            (false, true) => Visibility::ChainOnly,
            (false, false) => Visibility::Hidden,
        };
        prop_assert_eq!(scope.visibility(&prefix), expected);
        let outermost = !roots.iter().any(|root| *root != prefix && contains(root, &prefix));
        prop_assert_eq!(scope.is_root(&prefix), roots.contains(&prefix) && outermost);
        let json = serde_json::to_string(&scope).unwrap();
        prop_assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), scope);
    }

    #[test]
    fn a_clipped_read_returns_what_lies_in_both(
        roots in vec(prefix_in_10(), 0..5),
        within in prefix_in_10(),
        prefixes in vec(prefix_in_10(), 1..20),
    ) {
        let scope = Scope::within(roots);
        let clipped = scope.clip(&within);
        prop_assert!(clipped.windows(2).all(|pair| pair[0] < pair[1] && !contains(&pair[0], &pair[1])));
        for prefix in prefixes {
            let in_both = contains(&within, &prefix) && scope.covers(&prefix);
            prop_assert_eq!(clipped.iter().any(|part| contains(part, &prefix)), in_both);
        }
    }

    #[test]
    fn nobody_can_grant_what_they_do_not_have(
        granter in grants(),
        grant in any_grant(),
        prefixes in vec(prefix_in_10(), 1..6),
    ) {
        if !may_grant(&granter, &grant) {
            return Ok(());
        }
        prop_assert!(grant.validate().is_ok());
        let targets = [GrantTarget::System, SPACES[0], SPACES[1]];
        for (permission, target) in Permission::ALL.into_iter().flat_map(|p| targets.map(|t| (p, t))) {
            let (given, held) = (
                access(std::slice::from_ref(&grant), permission, target),
                access(&granter, permission, target),
            );
            prop_assert!(given != Some(Scope::Whole) || held == Some(Scope::Whole), "{}", permission);
            for prefix in prefixes.iter().copied().chain(grant.prefix) {
                let covers = |scope: &Option<Scope>| scope.as_ref().is_some_and(|scope| scope.covers(&prefix));
                prop_assert!(!covers(&given) || covers(&held), "{} on {}", permission, prefix);
            }
        }
    }

    #[test]
    fn granting_takes_the_permission_to_manage_roles(granter in grants(), grant in any_grant()) {
        let manages = granter.iter().any(|held| {
            permits(held, Permission::RolesManage, grant.target, grant.prefix.as_ref())
        });
        prop_assert_eq!(may_grant(&granter, &grant), manages && grant.validate().is_ok());
    }

    #[test]
    fn a_space_is_visible_exactly_when_it_may_be_read(grants in grants()) {
        let visible = visible_spaces(&grants);
        for space in SPACES {
            let GrantTarget::Space(id) = space else { continue };
            let read = access(&grants, Permission::SpaceRead, space).is_some();
            prop_assert_eq!(visible.contains(&id), read);
        }
        let system = access(&grants, Permission::SpaceCreate, GrantTarget::System).is_some();
        prop_assert_eq!(visible == VisibleSpaces::All, system);
    }
}
