//! Numbers of all pools together, and reports.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PoolNumbers, PoolType, Reservation};

/// Numbers of the pools of one type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypeNumbers {
    /// The type.
    pub pool_type: PoolType,
    /// How many pools.
    pub pools: u64,
    /// Their numbers together.
    pub numbers: PoolNumbers,
}

/// Numbers of IPv4, or of IPv6 (delegated prefixes count as one each, beside addresses).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FamilyNumbers {
    /// How many pools.
    pub pools: u64,
    /// Their numbers together.
    pub numbers: PoolNumbers,
}

/// One of the fullest pools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopPool {
    /// The pool.
    pub pool_id: Uuid,
    /// Its name.
    pub pool_name: String,
    /// What it hands out.
    pub pool_type: PoolType,
    /// Its network.
    pub network_cidr: String,
    /// How full it is.
    pub utilization_percent: f64,
    /// What is left.
    pub available: String,
}

/// All pools of a space in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpStats {
    /// How many pools.
    pub total_pools: u64,
    /// Their numbers together.
    pub totals: PoolNumbers,
    /// By type.
    pub by_type: Vec<TypeNumbers>,
    /// IPv4.
    pub ipv4: FamilyNumbers,
    /// IPv6.
    pub ipv6: FamilyNumbers,
    /// The fullest pools, at most ten.
    pub top_pools: Vec<TopPool>,
    /// The reservations made last, at most ten, newest first.
    pub recent_assignments: Vec<Reservation>,
    /// Alerts that stand, acknowledged or not.
    pub open_alerts: u64,
}

/// What one pool cost in a month, or in the part of it that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostLine {
    /// The month (UTC).
    #[schema(example = "2026-11")]
    pub month: String,
    /// The pool.
    pub pool_id: Uuid,
    /// Its name.
    pub pool_name: String,
    /// Seconds that its addresses (or delegated prefixes) were held, all together.
    pub held_seconds: String,
    /// How many reservations that were.
    pub reservations: u64,
    /// What one costs in a month.
    pub cost_per_address_month: String,
    /// ISO 4217; absent if it costs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// What they cost: the price of a month times the part of the month that they were held.
    #[schema(example = "17.50")]
    pub amount: String,
}

/// A sum in one currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostTotal {
    /// ISO 4217.
    pub currency: String,
    /// The sum.
    pub amount: String,
}

/// What pools cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostReport {
    /// From.
    #[schema(format = DateTime)]
    pub from: String,
    /// To, exclusively.
    #[schema(format = DateTime)]
    pub to: String,
    /// By month and pool.
    pub lines: Vec<CostLine>,
    /// By currency.
    pub totals: Vec<CostTotal>,
}
