//! What a search finds.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::isp::{PoolType, Subscriber};
use super::{AddressSpace, Ip, Tag, TagSetting};

/// What kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SearchKind {
    /// An address space.
    Space,
    /// A tag definition.
    Tag,
    /// A node.
    Ip,
    /// A pool.
    Pool,
    /// A subscriber.
    Subscriber,
}

/// Why it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SearchMatch {
    /// It has this id; a subscriber's begins like this.
    Id,
    /// It contains this address.
    Address,
    /// It contains this prefix, or lies in the part of the address space whose addresses begin like this.
    Prefix,
    /// Its name begins like this.
    Name,
    /// Its RADIUS user name begins like this.
    Username,
    /// Its number begins like this.
    SubscriberNumber,
    /// It sets a tag to a value that begins like this.
    Value,
}

/// Something that was found, and where it is. Of `space`, `tag`, `ip`, `pool` and `subscriber` it has the one that `kind` names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchResult {
    /// What it is.
    pub kind: SearchKind,
    /// Why it was found. Something that is found for several reasons comes once, for the first of them.
    #[serde(rename = "match")]
    pub reason: SearchMatch,
    /// The address space that it is in, or is.
    pub address_space_id: Uuid,
    /// Name of that address space.
    #[schema(example = "Corporate-Network")]
    pub address_space_name: String,
    /// With `match` `value`: the tag and its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<TagSetting>,
    /// The address space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<AddressSpace>,
    /// The tag definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<Ip>,
    /// The pool, without its figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<FoundPool>,
    /// The subscriber, without its addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber: Option<Subscriber>,
}

/// A pool that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundPool {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique in its space.
    #[schema(example = "public-west")]
    pub pool_name: String,
    /// What it hands out.
    pub pool_type: PoolType,
    /// Its network.
    #[schema(example = "203.0.113.0/24")]
    pub network_cidr: String,
}
