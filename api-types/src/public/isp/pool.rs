//! Pools (seed `static-ip-management.md`, model `IPPool`).

use std::collections::BTreeMap;

use cadastre_domain::isp;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::macros::{bodies, words};
use super::patch::texts;

words! {
    /// What a pool hands out.
    PoolType of isp::PoolType {
        /// Public IPv4 addresses.
        Ipv4Public = "IPV4_PUBLIC",
        /// Private IPv4 addresses.
        Ipv4Private = "IPV4_PRIVATE",
        /// Global IPv6 addresses.
        Ipv6Global = "IPV6_GLOBAL",
        /// Unique local IPv6 addresses.
        Ipv6Ula = "IPV6_ULA",
        /// IPv6 prefixes that are delegated to subscribers.
        Ipv6PrefixDelegation = "IPV6_PREFIX_DELEGATION",
    }
}

words! {
    /// What is shown of a pool.
    PoolStatus of isp::PoolStatus {
        /// It hands out.
        Active = "ACTIVE",
        /// It is kept for later: only by hand.
        Reserved = "RESERVED",
        /// It is active, and nothing is left. Shown, never set.
        Depleted = "DEPLETED",
        /// Nothing is handed out.
        Maintenance = "MAINTENANCE",
    }
}

words! {
    /// Which of the free ones a pool hands out next.
    PoolAllocation of isp::PoolOrder {
        /// The lowest.
        Sequential = "sequential",
        /// Any.
        Random = "random",
        /// The start of the largest gap.
        Sparse = "sparse",
    }
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// UUIDv7.
    pub id: Uuid,
    /// The space that it is in.
    pub address_space_id: Uuid,
    /// The node of its network.
    pub node_id: Uuid,
    /// Unique in its space, without regard to case.
    pub pool_name: String,
    /// What it hands out.
    pub pool_type: PoolType,
    /// Its network.
    #[schema(example = "203.0.113.0/24")]
    pub network_cidr: String,
    /// Never handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// What subscribers are told to ask.
    pub dns_servers: Vec<String>,
    /// The VLAN of its network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4094)]
    pub vlan_id: Option<u16>,
    /// Whether it hands out; `DEPLETED` when it would and nothing is left.
    pub status: PoolStatus,
    /// Whether it hands out without being told which address.
    pub auto_assign_enabled: bool,
    /// Whether somebody may choose an address.
    pub allow_manual_reservation: bool,
    /// What it is for.
    pub description: String,
    /// Which of the free ones comes next.
    pub allocation: PoolAllocation,
    /// Length of the prefixes of a pool that delegates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegated_prefix_length: Option<u8>,
    /// Never handed out, beside the gateway: prefixes, ascending.
    pub exclusions: Vec<String>,
    /// Days that a released address rests before it may be somebody else's.
    pub rest_days: u32,
    /// An alert is raised when this share is used, in percent.
    pub warn_percent: u8,
    /// Where it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<String>,
    /// What one address (or delegated prefix) costs in a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "0.35")]
    pub cost_per_address_month: Option<String>,
    /// ISO 4217.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// The prefix in NetBox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netbox_prefix_id: Option<u64>,
    /// Tags set on the node of its network.
    pub tags: BTreeMap<String, String>,
    /// Tags that hold there.
    pub resolved_tags: BTreeMap<String, String>,
    /// What there is to hand out if nothing is excluded.
    #[schema(example = "254")]
    pub total_addresses: String,
    /// Held, not in use yet.
    pub reserved_count: String,
    /// In use.
    pub assigned_count: String,
    /// Released, and not reclaimed yet.
    pub resting_count: String,
    /// Never handed out: gateway, exclusions, other nodes in the network.
    pub excluded_count: String,
    /// What is left.
    pub available_count: String,
    /// Share of what could be handed out that is reserved, assigned or resting; 100 only when nothing is left.
    #[schema(minimum = 0, maximum = 100)]
    pub utilization_percent: f64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its settings last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

bodies! {
    /// Body of `POST …/pools`.
    PoolCreate,
    /// Body of `PUT …/pools/{poolId}`: replaces the settings; what is left out becomes what a new pool has. Tags that are
    /// left out stay.
    PoolUpdate,
    both {
        /// 1 to 128 characters; unique in its space, without regard to case.
        #[schema(min_length = 1, max_length = 128)]
        pool_name: String,
        /// In the network, and neither its network nor its broadcast address; not of a pool that delegates.
        #[serde(default)]
        #[schema(example = "203.0.113.1")]
        gateway: Option<String>,
        /// At most 8; one string with commas between is understood, too.
        #[serde(default, deserialize_with = "texts")]
        #[schema(max_items = 8)]
        dns_servers: Option<Vec<String>>,
        /// The VLAN of its network.
        #[serde(default)]
        #[schema(minimum = 1, maximum = 4094)]
        vlan_id: Option<u16>,
        /// `ACTIVE` if absent. `DEPLETED` is shown by itself, and accepted where it is shown.
        #[serde(default)]
        status: Option<PoolStatus>,
        /// `true` if absent.
        #[serde(default)]
        auto_assign_enabled: Option<bool>,
        /// `true` if absent.
        #[serde(default)]
        allow_manual_reservation: Option<bool>,
        /// At most 1,024 characters.
        #[serde(default)]
        #[schema(max_length = 1024)]
        description: Option<String>,
        /// `sequential` if absent; `sparse` for a pool that delegates.
        #[serde(default)]
        allocation: Option<PoolAllocation>,
        /// Addresses, prefixes, or ranges such as `203.0.113.10-203.0.113.19`, in any order.
        #[serde(default)]
        #[schema(max_items = 256)]
        exclusions: Option<Vec<String>>,
        /// 30 if absent.
        #[serde(default)]
        #[schema(maximum = 3650)]
        rest_days: Option<u32>,
        /// 80 if absent.
        #[serde(default)]
        #[schema(minimum = 1, maximum = 100)]
        warn_percent: Option<u8>,
        /// Where it serves.
        #[serde(default)]
        #[schema(max_length = 128)]
        site_id: Option<String>,
        /// An amount such as `0.35`, with at most 6 decimals; goes with `currency`.
        #[serde(default)]
        #[schema(example = "0.35")]
        cost_per_address_month: Option<String>,
        /// ISO 4217; goes with `costPerAddressMonth`.
        #[serde(default)]
        #[schema(example = "EUR", min_length = 3, max_length = 3)]
        currency: Option<String>,
        /// The prefix in NetBox.
        #[serde(default)]
        netbox_prefix_id: Option<u64>,
        /// Tags of the node of its network, as a whole.
        #[serde(default)]
        tags: Option<BTreeMap<String, String>>,
        /// Of a pool that delegates: 56 if absent. Never changes.
        #[serde(default)]
        #[schema(minimum = 9, maximum = 64)]
        delegated_prefix_length: Option<u8>,
    }
    once {
        /// What it hands out. Never changes.
        pool_type: PoolType,
        /// Its network; becomes a node of the tree if it is none. Never changes.
        #[schema(example = "203.0.113.0/24")]
        network_cidr: String,
    }
    read_only {
        /// Read-only.
        id: Uuid,
        /// Read-only.
        address_space_id: Uuid,
        /// Read-only.
        node_id: Uuid,
        /// Read-only.
        resolved_tags: BTreeMap<String, String>,
        /// Read-only.
        total_addresses: String,
        /// Read-only.
        reserved_count: String,
        /// Read-only.
        assigned_count: String,
        /// Read-only.
        resting_count: String,
        /// Read-only.
        excluded_count: String,
        /// Read-only.
        available_count: String,
        /// Read-only.
        utilization_percent: f64,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        created_at: Timestamp,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        updated_at: Timestamp,
    }
}

impl PoolCreate {
    /// A pool with nothing but what every pool has; the rest is as if it were left out.
    pub fn new(pool_name: impl Into<String>, pool_type: PoolType, network_cidr: impl Into<String>) -> Self {
        Self {
            pool_type,
            network_cidr: network_cidr.into(),
            pool_name: pool_name.into(),
            gateway: None,
            dns_servers: None,
            vlan_id: None,
            status: None,
            auto_assign_enabled: None,
            allow_manual_reservation: None,
            description: None,
            allocation: None,
            exclusions: None,
            rest_days: None,
            warn_percent: None,
            site_id: None,
            cost_per_address_month: None,
            currency: None,
            netbox_prefix_id: None,
            tags: None,
            delegated_prefix_length: None,
        }
    }
}

/// Numbers of one pool, or of many together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolNumbers {
    /// What there is to hand out if nothing is excluded.
    pub total: String,
    /// Held, not in use yet.
    pub reserved: String,
    /// In use.
    pub assigned: String,
    /// Released, and not reclaimed yet.
    pub resting: String,
    /// Never handed out.
    pub excluded: String,
    /// What is left.
    pub available: String,
    /// Share of what could be handed out that is reserved, assigned or resting; 100 only when nothing is left.
    pub utilization_percent: f64,
}

/// How full a pool is, and until when it lasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolUtilization {
    /// The pool.
    pub pool_id: Uuid,
    /// What there is to hand out if nothing is excluded.
    pub total: String,
    /// Held, not in use yet.
    pub reserved: String,
    /// In use.
    pub assigned: String,
    /// Released, and not reclaimed yet.
    pub resting: String,
    /// Never handed out.
    pub excluded: String,
    /// What is left.
    pub available: String,
    /// Share of what could be handed out that is reserved, assigned or resting; 100 only when nothing is left.
    pub utilization_percent: f64,
    /// The day on which nothing is left if things go on like this; `null` if nobody can say.
    #[schema(value_type = Option<String>, format = Date)]
    pub projected_depletion_date: Option<String>,
    /// How that day was found, or why there is none.
    pub projection: PoolProjection,
}

/// How a pool's last day was projected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolProjection {
    /// The method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How much it can be relied on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<String>,
    /// The earliest day within what is likely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<String>,
    /// The latest day within what is likely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// Taken less given back, each day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net_per_day: Option<f64>,
    /// Days that were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_used: Option<u32>,
    /// The projection in words: what it says and stands on, or why there is no day.
    pub reason: String,
}

/// What a pool did on one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolDay {
    /// The day, in UTC.
    #[schema(format = Date, example = "2026-11-22")]
    pub date: String,
    /// Reservations made.
    pub taken: String,
    /// Reservations that let their address go or began to rest.
    pub given_back: String,
}

/// A pool in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolStats {
    /// The pool.
    pub pool_id: Uuid,
    /// Its name.
    pub pool_name: String,
    /// What it hands out.
    pub pool_type: PoolType,
    /// What it shows.
    pub status: PoolStatus,
    /// Its numbers.
    pub utilization: PoolUtilization,
    /// Days on which something happened, oldest first, of the last 90.
    pub days: Vec<PoolDay>,
    /// Alerts that stand.
    pub open_alerts: u64,
}

/// What a pool would hand out next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AvailableIps {
    /// The pool.
    pub pool_id: Uuid,
    /// Addresses, or delegated prefixes, in the order in which the pool would hand them out. Nobody holds them yet: by the
    /// time of a reservation somebody else may.
    pub available_ips: Vec<String>,
    /// What is left in all.
    pub available_count: String,
}
