//! VLAN pools, and who has which VLAN (seed `network-features-plan.md`, §1).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::macros::bodies;

/// VLAN ids from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VlanRange {
    /// The first.
    #[schema(minimum = 1, maximum = 4094)]
    pub first: u16,
    /// The last.
    #[schema(minimum = 1, maximum = 4094)]
    pub last: u16,
}

/// A pool of VLAN tags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VlanPool {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique in its space, without regard to case.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The site or access node in which its tags mean one thing.
    #[schema(example = "olt-ams-3")]
    pub domain: String,
    /// The outer tags, or the only ones.
    pub outer: VlanRange,
    /// The inner tags beneath each outer one; single tags if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner: Option<VlanRange>,
    /// How many tags it has.
    pub total: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

bodies! {
    /// Body of `POST /vlan-pools`.
    VlanPoolCreate,
    /// Body of `PUT /vlan-pools/{vlanPoolId}`: replaces it.
    VlanPoolUpdate,
    both {
        /// 1 to 128 characters; unique in its space, without regard to case.
        #[schema(min_length = 1, max_length = 128)]
        name: String,
        /// At most 1,024 characters.
        #[serde(default)]
        #[schema(max_length = 1024)]
        description: Option<String>,
        /// The site or access node in which its tags mean one thing.
        #[schema(min_length = 1, max_length = 128, example = "olt-ams-3")]
        domain: String,
        /// The outer tags, or the only ones.
        outer: VlanRange,
        /// The inner tags beneath each outer one; single tags if absent.
        #[serde(default)]
        inner: Option<VlanRange>,
    }
    once {}
    read_only {
        /// Read-only.
        id: Uuid,
        /// Read-only.
        total: u64,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        created_at: Timestamp,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        updated_at: Timestamp,
    }
}

/// A VLAN that somebody has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VlanBinding {
    /// UUIDv7.
    pub id: Uuid,
    /// The pool it came from.
    pub pool_id: Uuid,
    /// The pool's domain.
    pub domain: String,
    /// The only tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan_id: Option<u16>,
    /// The outer of two tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s_vlan: Option<u16>,
    /// The inner of two tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c_vlan: Option<u16>,
    /// The subscriber that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber_id: Option<String>,
    /// The port that has it, whoever is behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// Body of `POST /vlan-pools/{vlanPoolId}/allocate`: for a subscriber or for a port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VlanAllocate {
    /// For this subscriber.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub subscriber_id: Option<String>,
    /// For this port of an access node.
    #[serde(default)]
    #[schema(max_length = 128, example = "1/1/4")]
    pub port: Option<String>,
    /// This tag of a pool of single tags; the lowest free one if absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 4094)]
    pub vlan_id: Option<u16>,
    /// This outer tag, with `cVlan`.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 4094)]
    pub s_vlan: Option<u16>,
    /// This inner tag, with `sVlan`.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 4094)]
    pub c_vlan: Option<u16>,
}
