//! The one table that maps roles to permissions. Nothing else asks for a role by name.

use std::fmt;
use std::str::FromStr;

use crate::echo::echo;
use crate::text::serde_as_text;

/// What a person may be, everywhere or in one address space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything, everywhere.
    SystemAdmin,
    /// An address space with its tags, roles and integrations.
    AddressSpaceAdmin,
    /// The nodes of an address space.
    AddressSpaceOperator,
    /// Reading an address space.
    AddressSpaceViewer,
}

/// What a call needs. Routes name permissions, never roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Create, change and delete users.
    UsersManage,
    /// Read everything out, hashes of passwords included.
    SystemBackup,
    /// Create an address space.
    SpaceCreate,
    /// See an address space.
    SpaceRead,
    /// Rename or describe an address space.
    SpaceUpdate,
    /// Delete an address space.
    SpaceDelete,
    /// Give and take roles.
    RolesManage,
    /// Read tag definitions.
    TagsRead,
    /// Create, change and delete tag definitions.
    TagsWrite,
    /// Read nodes.
    IpsRead,
    /// Create, change and delete nodes.
    IpsWrite,
    /// Read pools, reservations, alerts and reports.
    IspIpamRead,
    /// Create, change and delete pools and reservations.
    IspIpamWrite,
    /// Reserve an address in spite of conflicts.
    IspIpamForce,
    /// Read subscribers and network profiles.
    IspSubscribersRead,
    /// Create, change and delete subscribers and network profiles, and run their use cases.
    IspSubscribersWrite,
    /// Read VLAN pools and VLANs.
    IspNetworkRead,
    /// Create, change and delete VLAN pools, and give VLANs.
    IspNetworkWrite,
    /// Read plans, pool policies, templates, webhooks and the outbox.
    IspOssRead,
    /// Change plans, pool policies, templates and webhooks, and the outbox.
    IspOssWrite,
}

impl Role {
    /// All roles, the mightiest first.
    pub const ALL: [Self; 4] = [
        Self::SystemAdmin,
        Self::AddressSpaceAdmin,
        Self::AddressSpaceOperator,
        Self::AddressSpaceViewer,
    ];

    /// The role's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SystemAdmin => "SystemAdmin",
            Self::AddressSpaceAdmin => "AddressSpaceAdmin",
            Self::AddressSpaceOperator => "AddressSpaceOperator",
            Self::AddressSpaceViewer => "AddressSpaceViewer",
        }
    }

    /// What the role permits where it is granted.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::SystemAdmin => &Permission::ALL,
            Self::AddressSpaceAdmin => &[
                Permission::SpaceRead,
                Permission::SpaceUpdate,
                Permission::SpaceDelete,
                Permission::RolesManage,
                Permission::TagsRead,
                Permission::TagsWrite,
                Permission::IpsRead,
                Permission::IpsWrite,
                Permission::IspIpamRead,
                Permission::IspIpamWrite,
                Permission::IspIpamForce,
                Permission::IspSubscribersRead,
                Permission::IspSubscribersWrite,
                Permission::IspNetworkRead,
                Permission::IspNetworkWrite,
                Permission::IspOssRead,
                Permission::IspOssWrite,
            ],
            Self::AddressSpaceOperator => &[
                Permission::SpaceRead,
                Permission::TagsRead,
                Permission::IpsRead,
                Permission::IpsWrite,
                Permission::IspIpamRead,
                Permission::IspIpamWrite,
                Permission::IspSubscribersRead,
                Permission::IspSubscribersWrite,
                Permission::IspNetworkRead,
                Permission::IspNetworkWrite,
                Permission::IspOssRead,
            ],
            Self::AddressSpaceViewer => &[
                Permission::SpaceRead,
                Permission::TagsRead,
                Permission::IpsRead,
                Permission::IspIpamRead,
                Permission::IspSubscribersRead,
                Permission::IspNetworkRead,
                Permission::IspOssRead,
            ],
        }
    }

    /// Whether the role permits something where it is granted.
    #[must_use]
    pub fn permits(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }
}

/// What becomes of a permission when its grant is narrowed to a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Narrowed {
    /// It is about the space, and harmless: it stays whole.
    Whole,
    /// It is about nodes: it holds within the prefix.
    Within,
    /// It is about the space, and reaches beyond any prefix: it is lost.
    Lost,
}

impl Permission {
    /// All permissions.
    pub const ALL: [Self; 20] = [
        Self::UsersManage,
        Self::SystemBackup,
        Self::SpaceCreate,
        Self::SpaceRead,
        Self::SpaceUpdate,
        Self::SpaceDelete,
        Self::RolesManage,
        Self::TagsRead,
        Self::TagsWrite,
        Self::IpsRead,
        Self::IpsWrite,
        Self::IspIpamRead,
        Self::IspIpamWrite,
        Self::IspIpamForce,
        Self::IspSubscribersRead,
        Self::IspSubscribersWrite,
        Self::IspNetworkRead,
        Self::IspNetworkWrite,
        Self::IspOssRead,
        Self::IspOssWrite,
    ];

    /// The permission's name, for example `ips.write`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UsersManage => "users.manage",
            Self::SystemBackup => "system.backup",
            Self::SpaceCreate => "space.create",
            Self::SpaceRead => "space.read",
            Self::SpaceUpdate => "space.update",
            Self::SpaceDelete => "space.delete",
            Self::RolesManage => "roles.manage",
            Self::TagsRead => "tags.read",
            Self::TagsWrite => "tags.write",
            Self::IpsRead => "ips.read",
            Self::IpsWrite => "ips.write",
            Self::IspIpamRead => "isp.ipam.read",
            Self::IspIpamWrite => "isp.ipam.write",
            Self::IspIpamForce => "isp.ipam.force",
            Self::IspSubscribersRead => "isp.subscribers.read",
            Self::IspSubscribersWrite => "isp.subscribers.write",
            Self::IspNetworkRead => "isp.network.read",
            Self::IspNetworkWrite => "isp.network.write",
            Self::IspOssRead => "isp.oss.read",
            Self::IspOssWrite => "isp.oss.write",
        }
    }

    /// What is left of it in a narrowed grant.
    pub(super) const fn narrowed(self) -> Narrowed {
        match self {
            Self::SpaceRead | Self::TagsRead => Narrowed::Whole,
            Self::RolesManage
            | Self::IpsRead
            | Self::IpsWrite
            | Self::IspIpamRead
            | Self::IspIpamWrite
            | Self::IspIpamForce => Narrowed::Within,
            Self::UsersManage
            | Self::SystemBackup
            | Self::SpaceCreate
            | Self::SpaceUpdate
            | Self::SpaceDelete
            | Self::TagsWrite
            // Subscribers and what serves all of them are of no prefix.
            | Self::IspSubscribersRead
            | Self::IspSubscribersWrite
            | Self::IspNetworkRead
            | Self::IspNetworkWrite
            | Self::IspOssRead
            | Self::IspOssWrite => Narrowed::Lost,
        }
    }
}

/// A text that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given} is not a role; use SystemAdmin, AddressSpaceAdmin, AddressSpaceOperator or AddressSpaceViewer"
)]
pub struct UnknownRole {
    /// The text, cut and escaped.
    pub given: String,
}

/// A text that is no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given} is not a permission; permissions look like ips.read or space.update")]
pub struct UnknownPermission {
    /// The text, cut and escaped.
    pub given: String,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| UnknownRole { given: echo(text) })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .into_iter()
            .find(|permission| permission.as_str() == text);
        found.ok_or_else(|| UnknownPermission { given: echo(text) })
    }
}

serde_as_text!(Role, "a role such as AddressSpaceViewer");
serde_as_text!(Permission, "a permission such as ips.read");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_role_permits_all_that_the_next_one_does() {
        for pair in Role::ALL.windows(2) {
            assert!(
                pair[1]
                    .permissions()
                    .iter()
                    .all(|permission| pair[0].permits(*permission)),
                "{pair:?}"
            );
        }
    }

    #[test]
    fn only_the_system_administrator_manages_users_and_creates_spaces() {
        for role in Role::ALL {
            let system = role == Role::SystemAdmin;
            assert_eq!(role.permits(Permission::UsersManage), system);
            assert_eq!(role.permits(Permission::SpaceCreate), system);
        }
    }

    #[test]
    fn operators_write_nodes_but_not_tags_and_viewers_write_nothing() {
        assert!(Role::AddressSpaceOperator.permits(Permission::IpsWrite));
        assert!(!Role::AddressSpaceOperator.permits(Permission::TagsWrite));
        assert!(
            Role::AddressSpaceViewer
                .permissions()
                .iter()
                .all(|p| p.as_str().ends_with(".read"))
        );
    }

    #[test]
    fn words_are_read_back() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(
                serde_json::from_str::<Role>(&serde_json::to_string(&role).unwrap()).unwrap(),
                role
            );
        }
        for permission in Permission::ALL {
            assert_eq!(permission.to_string().parse(), Ok(permission));
        }
        assert!(
            "systemadmin"
                .parse::<Role>()
                .unwrap_err()
                .to_string()
                .starts_with("systemadmin is not a role")
        );
        assert!("ips".parse::<Permission>().is_err());
    }
}
