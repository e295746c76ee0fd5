//! `/api/v1/me`: who the caller is and what they may do, so that a client can show what will work.

use actix_web::{HttpRequest, HttpResponse};
use cadastre_api_types::internal::Account;
use cadastre_api_types::public::RoleGrant;
use cadastre_domain::roles::{GrantTarget, Permission, Scope, VisibleSpaces, access, visible_spaces};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::convert::user::grant_to_wire;
use crate::http::authorized::Authorized;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::reply;

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Me {
    /// Lower case.
    username: String,
    /// Roles, oldest first.
    roles: Vec<RoleGrant>,
    /// Permissions in the whole system. They hold in every address space too.
    system_permissions: Vec<&'static str>,
    /// Permissions in the address spaces that the caller has a role in.
    space_permissions: Vec<SpacePermissions>,
}

/// What the caller may do in an address space.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpacePermissions {
    /// The address space.
    address_space_id: Uuid,
    /// What they may do there.
    permissions: Vec<PermissionScope>,
}

/// A permission and how far it reaches.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionScope {
    /// The permission.
    #[schema(example = "ips.write")]
    permission: &'static str,
    /// The subtrees it is narrowed to; absent = the whole address space.
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<Vec<String>>,
}

/// The caller: name, roles, permissions.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    operation_id = "getMe",
    tag = "Authentication",
    responses((
        status = 200,
        description = "The caller.",
        body = Me,
        example = json!({
            "username": "ada",
            "roles": [crate::openapi::user_examples::grant()],
            "systemPermissions": [],
            "spacePermissions": [{
                "addressSpaceId": "0198a2b4-5c6d-7e8f-9012-3456789abcde",
                "permissions": [
                    {"permission": "ips.read", "within": ["10.1.0.0/16"]},
                    {"permission": "ips.write", "within": ["10.1.0.0/16"]},
                ],
            }],
        }),
    )),
)]
pub(crate) async fn get(caller: Authorized, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    Ok(reply::one(&of_account(&caller.account), caller.account.revision)?)
}

fn of_account(account: &Account) -> Me {
    let in_system =
        |permission: &Permission| access(&account.grants, *permission, GrantTarget::System).is_some();
    let spaces = match visible_spaces(&account.grants) {
        VisibleSpaces::Only(spaces) => spaces,
        // Everything everywhere: the list of spaces is not repeated here.
        VisibleSpaces::All => std::collections::BTreeSet::new(),
    };
    Me {
        username: account.name.clone(),
        roles: account.grants.iter().map(grant_to_wire).collect(),
        system_permissions: Permission::ALL
            .iter()
            .filter(|p| in_system(p))
            .map(|p| p.as_str())
            .collect(),
        space_permissions: spaces.into_iter().map(|space| in_space(account, space)).collect(),
    }
}

fn in_space(account: &Account, space: Uuid) -> SpacePermissions {
    let reach = |permission: &Permission| {
        let scope = access(&account.grants, *permission, GrantTarget::Space(space))?;
        let within = match scope {
            Scope::Whole => None,
            Scope::Within(prefixes) => Some(prefixes.iter().map(ToString::to_string).collect()),
        };
        Some(PermissionScope {
            permission: permission.as_str(),
            within,
        })
    };
    SpacePermissions {
        address_space_id: space,
        permissions: Permission::ALL.iter().filter_map(reach).collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::account;
    use cadastre_domain::roles::{Grant, Role};

    fn grant(role: Role, target: GrantTarget, prefix: Option<&str>) -> Grant {
        Grant {
            id: Uuid::now_v7(),
            role,
            target,
            prefix: prefix.map(|text| text.parse().unwrap()),
        }
    }

    #[test]
    fn a_system_administrator_may_do_everything_without_a_list_of_spaces() {
        let mut admin = account("admin");
        admin
            .grants
            .push(grant(Role::SystemAdmin, GrantTarget::System, None));
        let me = of_account(&admin);
        assert_eq!(me.system_permissions.len(), Permission::ALL.len());
        assert!(me.space_permissions.is_empty());
    }

    #[test]
    fn a_narrowed_permission_says_to_what() {
        let space = Uuid::now_v7();
        let mut ada = account("ada");
        ada.grants
            .push(grant(Role::AddressSpaceViewer, GrantTarget::Space(space), None));
        ada.grants.push(grant(
            Role::AddressSpaceOperator,
            GrantTarget::Space(space),
            Some("10.1.0.0/16"),
        ));
        let me = of_account(&ada);
        assert!(me.system_permissions.is_empty());
        let permissions = &me.space_permissions[0].permissions;
        let of = |name: &str| permissions.iter().find(|entry| entry.permission == name).unwrap();
        assert_eq!(of("ips.read").within, None);
        assert_eq!(of("ips.write").within, Some(vec!["10.1.0.0/16".to_owned()]));
        assert!(permissions.iter().all(|entry| entry.permission != "space.update"));
    }
}
