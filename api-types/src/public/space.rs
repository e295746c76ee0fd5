//! Address spaces.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An address space: a tree of prefixes with tags of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressSpace {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique, 1 to 128 characters.
    #[schema(example = "Corporate-Network")]
    pub name: String,
    /// What it is for.
    #[schema(example = "Main corporate network.")]
    pub description: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_on: Timestamp,
    /// When name or description last changed.
    #[schema(value_type = String, format = DateTime)]
    pub modified_on: Timestamp,
}

/// Body of `POST /addressspaces`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddressSpaceCreate {
    /// Unique, 1 to 128 characters, no control characters.
    #[schema(example = "New-Cloud-VPC", min_length = 1, max_length = 128)]
    pub name: String,
    /// At most 1,024 characters.
    #[serde(default)]
    #[schema(example = "VPC for new cloud services.", max_length = 1024)]
    pub description: String,
}

/// Body of `PUT /addressspaces/{spaceId}`: the new name and, if given, description. The read-only fields may be sent as
/// `GET` returned them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddressSpaceUpdate {
    /// Unique, 1 to 128 characters, no control characters.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    /// At most 1,024 characters; absent = unchanged, empty = none.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub description: Option<String>,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_on: Option<Timestamp>,
    /// Read-only: must equal what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub modified_on: Option<Timestamp>,
}
