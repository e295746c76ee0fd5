//! Numbers of one pool, and of all of them together.

use std::sync::Arc;

use async_graphql::{ID, SimpleObject};
use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{
    AvailableIps as WireAvailable, FamilyNumbers as WireFamily, IpStats as WireStats,
    PoolNumbers as WireNumbers, PoolProjection as WireProjection, PoolStats as WirePoolStats,
    PoolUtilization as WireUtilization,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::IPReservation;
use crate::graphql::scalars::{BigInt, id};
use crate::graphql::session::InSpace;
use crate::graphql::words::{IPPoolStatus, IPPoolType};

/// How a pool's last day was projected.
#[derive(Debug, SimpleObject)]
struct PoolProjection {
    /// The method.
    method: Option<String>,
    /// How much it can be relied on.
    confidence: Option<String>,
    /// The earliest day within what is likely.
    earliest: Option<String>,
    /// The latest day within what is likely.
    latest: Option<String>,
    /// Taken less given back, each day.
    net_per_day: Option<f64>,
    /// Days that were looked at.
    days_used: Option<u32>,
    /// In words: what it rests on, or why there is no day.
    reason: String,
}

impl From<WireProjection> for PoolProjection {
    fn from(projection: WireProjection) -> Self {
        Self {
            method: projection.method,
            confidence: projection.confidence,
            earliest: projection.earliest,
            latest: projection.latest,
            net_per_day: projection.net_per_day,
            days_used: projection.days_used,
            reason: projection.reason,
        }
    }
}

/// How full a pool is, and until when it lasts.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct PoolUtilization {
    /// The pool.
    pool_id: ID,
    /// What there is to hand out if nothing is excluded.
    total: BigInt,
    /// Held, not in use yet.
    reserved: BigInt,
    /// In use.
    assigned: BigInt,
    /// Released, and not reclaimed yet.
    resting: BigInt,
    /// Never handed out.
    excluded: BigInt,
    /// What is left.
    available: BigInt,
    /// Share of what could be handed out that is reserved, assigned or resting; 100 only when nothing is left.
    utilization_percent: f64,
    /// The day (its beginning, in UTC) on which nothing is left if things go on like this; `null` if nobody can say.
    projected_depletion_date: Option<Timestamp>,
    /// How that day was found, or why there is none.
    projection: PoolProjection,
}

impl PoolUtilization {
    /// The numbers as the public API shows them.
    pub(in crate::graphql) fn of(numbers: WireUtilization) -> Result<Self, ApiError> {
        Ok(Self {
            pool_id: id(numbers.pool_id),
            total: BigInt::of(&numbers.total)?,
            reserved: BigInt::of(&numbers.reserved)?,
            assigned: BigInt::of(&numbers.assigned)?,
            resting: BigInt::of(&numbers.resting)?,
            excluded: BigInt::of(&numbers.excluded)?,
            available: BigInt::of(&numbers.available)?,
            utilization_percent: numbers.utilization_percent,
            projected_depletion_date: numbers.projected_depletion_date.as_deref().and_then(beginning),
            projection: numbers.projection.into(),
        })
    }
}

/// The first moment of a day in UTC.
fn beginning(day: &str) -> Option<Timestamp> {
    let day: Date = day.parse().ok()?;
    day.to_zoned(TimeZone::UTC).ok().map(|start| start.timestamp())
}

/// What a pool did on one day.
#[derive(Debug, SimpleObject)]
struct PoolDay {
    /// The day, in UTC, as `2026-11-22`.
    date: String,
    /// Reservations made.
    taken: BigInt,
    /// Reservations that let their address go or began to rest.
    given_back: BigInt,
}

/// A pool in numbers.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct PoolStats {
    /// The pool.
    pool_id: ID,
    /// Its name.
    pool_name: String,
    /// What it hands out.
    pool_type: IPPoolType,
    /// What it shows.
    status: IPPoolStatus,
    /// Its numbers.
    utilization: PoolUtilization,
    /// Days on which something happened, oldest first, of the last 90.
    days: Vec<PoolDay>,
    /// Alerts that stand.
    open_alerts: BigInt,
}

impl PoolStats {
    /// The numbers as the public API shows them.
    pub(in crate::graphql) fn of(stats: WirePoolStats) -> Result<Self, ApiError> {
        let days = stats.days.into_iter().map(|day| {
            Ok(PoolDay {
                date: day.date,
                taken: BigInt::of(&day.taken)?,
                given_back: BigInt::of(&day.given_back)?,
            })
        });
        Ok(Self {
            pool_id: id(stats.pool_id),
            pool_name: stats.pool_name,
            pool_type: stats.pool_type.into(),
            status: stats.status.into(),
            utilization: PoolUtilization::of(stats.utilization)?,
            days: days.collect::<Result<_, ApiError>>()?,
            open_alerts: stats.open_alerts.into(),
        })
    }
}

/// Numbers of many pools together.
#[derive(Debug, SimpleObject)]
struct PoolNumbers {
    /// How many pools.
    pools: BigInt,
    /// What there is to hand out if nothing is excluded.
    total: BigInt,
    /// Held, not in use yet.
    reserved: BigInt,
    /// In use.
    assigned: BigInt,
    /// Released, and not reclaimed yet.
    resting: BigInt,
    /// Never handed out.
    excluded: BigInt,
    /// What is left.
    available: BigInt,
    /// Share of what could be handed out that is reserved, assigned or resting.
    utilization_percent: f64,
}

impl PoolNumbers {
    fn of(pools: u64, numbers: &WireNumbers) -> Result<Self, ApiError> {
        Ok(Self {
            pools: pools.into(),
            total: BigInt::of(&numbers.total)?,
            reserved: BigInt::of(&numbers.reserved)?,
            assigned: BigInt::of(&numbers.assigned)?,
            resting: BigInt::of(&numbers.resting)?,
            excluded: BigInt::of(&numbers.excluded)?,
            available: BigInt::of(&numbers.available)?,
            utilization_percent: numbers.utilization_percent,
        })
    }

    fn of_family(family: &WireFamily) -> Result<Self, ApiError> {
        Self::of(family.pools, &family.numbers)
    }
}

/// Numbers of the pools of one type.
#[derive(Debug, SimpleObject)]
struct TypeNumbers {
    /// The type.
    pool_type: IPPoolType,
    /// Their numbers together.
    numbers: PoolNumbers,
}

/// One of the fullest pools.
#[derive(Debug, SimpleObject)]
struct TopPool {
    /// The pool.
    pool_id: ID,
    /// Its name.
    pool_name: String,
    /// What it hands out.
    pool_type: IPPoolType,
    /// Its network.
    network_cidr: String,
    /// How full it is.
    utilization_percent: f64,
    /// What is left.
    available: BigInt,
}

/// All pools of an address space in numbers.
#[derive(Debug, SimpleObject)]
#[graphql(name = "IPStats")]
pub(in crate::graphql) struct IPStats {
    /// All pools together.
    totals: PoolNumbers,
    /// By type.
    by_type: Vec<TypeNumbers>,
    /// IPv4.
    ipv4: PoolNumbers,
    /// IPv6 (delegated prefixes count as one each, beside addresses).
    ipv6: PoolNumbers,
    /// The fullest pools, at most ten.
    top_pools: Vec<TopPool>,
    /// The reservations made last, at most ten, newest first.
    recent_assignments: Vec<IPReservation>,
    /// Alerts that stand, acknowledged or not.
    open_alerts: BigInt,
}

impl IPStats {
    /// The numbers as the public API shows them.
    pub(in crate::graphql) fn of(at: &Arc<InSpace>, stats: WireStats) -> Result<Self, ApiError> {
        let by_type = stats.by_type.into_iter().map(|of_type| {
            Ok(TypeNumbers {
                pool_type: of_type.pool_type.into(),
                numbers: PoolNumbers::of(of_type.pools, &of_type.numbers)?,
            })
        });
        let top_pools = stats.top_pools.into_iter().map(|pool| {
            Ok(TopPool {
                pool_id: id(pool.pool_id),
                pool_name: pool.pool_name,
                pool_type: pool.pool_type.into(),
                network_cidr: pool.network_cidr,
                utilization_percent: pool.utilization_percent,
                available: BigInt::of(&pool.available)?,
            })
        });
        let recent = stats.recent_assignments.into_iter();
        Ok(Self {
            totals: PoolNumbers::of(stats.total_pools, &stats.totals)?,
            by_type: by_type.collect::<Result<_, ApiError>>()?,
            ipv4: PoolNumbers::of_family(&stats.ipv4)?,
            ipv6: PoolNumbers::of_family(&stats.ipv6)?,
            top_pools: top_pools.collect::<Result<_, ApiError>>()?,
            recent_assignments: recent.map(|one| IPReservation::of(at, one)).collect(),
            open_alerts: stats.open_alerts.into(),
        })
    }
}

/// What a pool would hand out next.
#[derive(Debug, SimpleObject)]
#[graphql(name = "AvailableIPs")]
pub(in crate::graphql) struct AvailableIPs {
    /// The pool.
    pool_id: ID,
    /// Addresses, or delegated prefixes, in the order in which the pool would hand them out. Nobody holds them yet: by the
    /// time of a reservation somebody else may.
    ip_addresses: Vec<String>,
    /// What is left in all.
    available_count: BigInt,
}

impl AvailableIPs {
    /// As the public API shows it.
    pub(in crate::graphql) fn of(available: WireAvailable) -> Result<Self, ApiError> {
        Ok(Self {
            pool_id: id(available.pool_id),
            ip_addresses: available.available_ips,
            available_count: BigInt::of(&available.available_count)?,
        })
    }
}
