//! Users and their roles.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Body of `POST /users`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserCreate {
    /// 1 to 64 of ASCII letters, digits, `.`, `_`, `-`, `@`; case does not matter.
    #[schema(example = "ada", min_length = 1, max_length = 64)]
    pub username: String,
    /// 12 to 256 characters.
    #[schema(format = Password, min_length = 12, max_length = 256)]
    pub password: String,
}

/// Body of `PUT /users/{name}`: a new password. Ends all sessions of the user.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserUpdate {
    /// 12 to 256 characters.
    #[schema(format = Password, min_length = 12, max_length = 256)]
    pub password: String,
    /// Required when changing one's own password.
    #[serde(default)]
    #[schema(format = Password)]
    pub current_password: Option<String>,
}

/// A user and what they may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Lower case.
    pub username: String,
    /// Roles, oldest first.
    pub roles: Vec<RoleGrant>,
    /// When the user was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_on: Timestamp,
    /// When password or roles last changed.
    #[schema(value_type = String, format = DateTime)]
    pub modified_on: Timestamp,
}

/// Body of `POST /users/{name}/roles`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleGrantCreate {
    /// `SystemAdmin`, `AddressSpaceAdmin`, `AddressSpaceOperator` or `AddressSpaceViewer`.
    #[schema(example = "AddressSpaceOperator")]
    pub role: String,
    /// Id of the space, or `SYSTEM` for `SystemAdmin`.
    pub address_space_id: String,
    /// Narrows the role to this subtree.
    #[serde(default)]
    #[schema(example = "10.1.0.0/16")]
    pub prefix: Option<String>,
}

/// A role of a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleGrant {
    /// UUIDv7.
    pub id: Uuid,
    /// The role.
    pub role: String,
    /// Id of the space, or `SYSTEM`.
    pub address_space_id: String,
    /// The subtree it is narrowed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}
