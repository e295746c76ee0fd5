//! Users and roles between wire and domain.

use cadastre_api_types::internal::{Account, StoredApiToken};
use cadastre_api_types::public::{ApiToken, Change, ChangeKind, DryRun, RoleGrant, RoleGrantCreate, User};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::roles::{Grant, GrantTarget, Role};
use serde_json::json;
use uuid::Uuid;

use super::errors::prefix_error;
use super::plan;
use crate::http::wording::sentence;

/// A user with these of their roles.
pub(crate) fn to_wire<'a>(account: &Account, grants: impl IntoIterator<Item = &'a Grant>) -> User {
    User {
        username: account.name.clone(),
        roles: grants.into_iter().map(grant_to_wire).collect(),
        created_on: account.created,
        modified_on: account.modified,
    }
}

/// A role.
pub(crate) fn grant_to_wire(grant: &Grant) -> RoleGrant {
    RoleGrant {
        id: grant.id,
        role: grant.role.to_string(),
        address_space_id: grant.target.to_string(),
        prefix: grant.prefix.map(|prefix| prefix.to_string()),
    }
}

/// An API token, without its secret.
pub(crate) fn token_to_wire(token: &StoredApiToken) -> ApiToken {
    ApiToken {
        id: token.id,
        name: token.name.clone(),
        created_on: token.created,
        expires_on: token.expires,
    }
}

/// The role that a body asks for.
///
/// # Errors
/// `400 InvalidRole` or `InvalidPrefix`.
pub(crate) fn grant_from_wire(body: &RoleGrantCreate, id: Uuid) -> Result<Grant, ApiError> {
    let refused = |field: &str, message: String| {
        ApiError::new(ErrorCode::InvalidRole, sentence(&message)).with_details(json!({ "field": field }))
    };
    let role: Role = body
        .role
        .parse()
        .map_err(|error| refused("role", format!("{error}")))?;
    let target: GrantTarget = body
        .address_space_id
        .parse()
        .map_err(|error| refused("addressSpaceId", format!("{error}")))?;
    let prefix: Option<Prefix> = match &body.prefix {
        None => None,
        Some(text) => Some(text.parse().map_err(|error| prefix_error("prefix", &error))?),
    };
    let grant = Grant {
        id,
        role,
        target,
        prefix,
    };
    grant
        .validate()
        .map_err(|error| refused("role", error.to_string()))?;
    Ok(grant)
}

/// The plan of a change of a whole user.
pub(crate) fn plan_of_user(
    before: Option<&Account>,
    after: Option<&Account>,
    conflict: Option<ApiError>,
) -> Result<DryRun, ApiError> {
    let name = after
        .or(before)
        .map(|account| account.name.clone())
        .unwrap_or_default();
    let side = |account: Option<&Account>| account.map(|a| plan::as_json(&to_wire(a, &a.grants))).transpose();
    let change = plan::change(ChangeKind::User, name, side(before)?, side(after)?);
    Ok(dry_run(change, conflict))
}

/// The plan of giving or taking one role.
pub(crate) fn plan_of_grant(
    before: Option<&Grant>,
    after: Option<&Grant>,
    conflict: Option<ApiError>,
) -> Result<DryRun, ApiError> {
    let name = after
        .or(before)
        .map(|grant| grant.role.to_string())
        .unwrap_or_default();
    let side = |grant: Option<&Grant>| {
        grant
            .map(|grant| plan::as_json(&grant_to_wire(grant)))
            .transpose()
    };
    let change = plan::change(ChangeKind::Role, name, side(before)?, side(after)?);
    Ok(dry_run(change, conflict))
}

fn dry_run(change: Option<Change>, conflict: Option<ApiError>) -> DryRun {
    // What is refused changes nothing.
    let changes = if conflict.is_some() {
        Vec::new()
    } else {
        change.into_iter().collect()
    };
    DryRun {
        changes,
        conflicts: plan::conflicts(conflict),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parsed(role: &str, space: &str, prefix: Option<&str>) -> Result<Grant, ErrorCode> {
        let body = RoleGrantCreate {
            role: role.into(),
            address_space_id: space.into(),
            prefix: prefix.map(str::to_owned),
        };
        grant_from_wire(&body, Uuid::nil()).map_err(|error| error.code)
    }

    #[test]
    fn a_role_goes_with_its_kind_of_target() {
        let space = Uuid::from_u128(7).to_string();
        assert!(parsed("SystemAdmin", "SYSTEM", None).is_ok());
        assert!(parsed("AddressSpaceViewer", &space, Some("10.0.0.0/8")).is_ok());
        for (role, target, prefix) in [
            ("SystemAdmin", space.as_str(), None),
            ("AddressSpaceAdmin", "SYSTEM", None),
            ("SystemAdmin", "SYSTEM", Some("10.0.0.0/8")),
            ("Owner", space.as_str(), None),
            ("AddressSpaceAdmin", "system", None),
            ("AddressSpaceAdmin", "", None),
        ] {
            assert_eq!(
                parsed(role, target, prefix),
                Err(ErrorCode::InvalidRole),
                "{role} {target}"
            );
        }
        assert_eq!(
            parsed("AddressSpaceAdmin", &space, Some("10.0.0.1/8")),
            Err(ErrorCode::InvalidPrefix)
        );
    }

    #[test]
    fn a_grant_survives_the_round_trip() {
        let space = Uuid::from_u128(7).to_string();
        let grant = grant_from_wire(
            &RoleGrantCreate {
                role: "AddressSpaceOperator".into(),
                address_space_id: space.clone(),
                prefix: Some("2001:db8::/32".into()),
            },
            Uuid::from_u128(9),
        );
        let wire = grant_to_wire(&grant.unwrap());
        assert_eq!(
            (wire.role.as_str(), wire.address_space_id, wire.prefix.as_deref()),
            ("AddressSpaceOperator", space, Some("2001:db8::/32"))
        );
    }
}
