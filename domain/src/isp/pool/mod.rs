//! A pool: a network whose addresses, or the prefixes in it, are handed out to subscribers (seed
//! `static-ip-management.md`, model `IPPool`). Its network is a node of the tree.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::text::{check_line, check_name, check_notes, words};
use super::{Count, IpType, IspError, VlanId};
use crate::prefix::{Family, Prefix};

/// What a pool hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PoolType {
    /// Public IPv4 addresses.
    Ipv4Public,
    /// Private IPv4 addresses (RFC 1918, RFC 6598).
    Ipv4Private,
    /// Global IPv6 addresses.
    Ipv6Global,
    /// Unique local IPv6 addresses (RFC 4193).
    Ipv6Ula,
    /// IPv6 prefixes that are delegated to subscribers (RFC 8415 §6.3).
    Ipv6PrefixDelegation,
}

words!(PoolType, "poolType", {
    Ipv4Public = "IPV4_PUBLIC",
    Ipv4Private = "IPV4_PRIVATE",
    Ipv6Global = "IPV6_GLOBAL",
    Ipv6Ula = "IPV6_ULA",
    Ipv6PrefixDelegation = "IPV6_PREFIX_DELEGATION",
});

impl PoolType {
    /// The family of its network.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Ipv4Public | Self::Ipv4Private => Family::V4,
            Self::Ipv6Global | Self::Ipv6Ula | Self::Ipv6PrefixDelegation => Family::V6,
        }
    }

    /// The type of what it hands out.
    #[must_use]
    pub const fn ip_type(self) -> IpType {
        match self {
            Self::Ipv4Public | Self::Ipv4Private => IpType::Ipv4,
            Self::Ipv6Global | Self::Ipv6Ula => IpType::Ipv6,
            Self::Ipv6PrefixDelegation => IpType::Ipv6Prefix,
        }
    }
}

/// What an operator says of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PoolState {
    /// It hands out.
    #[default]
    Active,
    /// It is kept for later: nothing is handed out by itself, only by hand.
    Reserved,
    /// Nothing is handed out.
    Maintenance,
}

words!(PoolState, "status", {
    Active = "ACTIVE",
    Reserved = "RESERVED",
    Maintenance = "MAINTENANCE",
});

/// What is shown of a pool. `DEPLETED` is never set by anybody: it is what an active pool without anything left is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoolStatus {
    /// It hands out.
    Active,
    /// It is kept for later.
    Reserved,
    /// It is active, and nothing is left.
    Depleted,
    /// Nothing is handed out.
    Maintenance,
}

words!(PoolStatus, "status", {
    Active = "ACTIVE",
    Reserved = "RESERVED",
    Depleted = "DEPLETED",
    Maintenance = "MAINTENANCE",
});

/// Which of the free ones a pool hands out next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PoolOrder {
    /// The lowest.
    #[default]
    Sequential,
    /// Any.
    Random,
    /// The start of the largest gap, so that delegations keep room to grow.
    Sparse,
}

words!(PoolOrder, "allocation", {
    Sequential = "sequential",
    Random = "random",
    Sparse = "sparse",
});

/// What one address (or delegated prefix) of a pool costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// For one month, in millionths of the currency's unit.
    pub micros_per_month: u64,
    /// ISO 4217, for example `EUR`.
    pub currency: String,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique in its space, without regard to case.
    pub name: String,
    /// What it hands out.
    pub pool_type: PoolType,
    /// Its network. Those of a space do not overlap.
    pub network: Prefix,
    /// Never handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// What subscribers are told to ask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<IpAddr>,
    /// The VLAN of its network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan_id: Option<VlanId>,
    /// What an operator says of it.
    pub state: PoolState,
    /// Which of the free ones comes next.
    pub order: PoolOrder,
    /// Length of the prefixes of a pool that delegates; `None` for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegated_length: Option<u8>,
    /// Never handed out, beside the gateway. Ascending, none overlaps another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<Prefix>,
    /// How long a released address rests before it may be somebody else's, in days.
    pub rest_days: u32,
    /// Whether it hands out without being told which address.
    pub auto_assign_enabled: bool,
    /// Whether somebody may choose an address.
    pub allow_manual_reservation: bool,
    /// An alert is raised when this share is used, in percent.
    pub warn_percent: u8,
    /// Empty = none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Where it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<String>,
    /// `None` = it costs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// The prefix in NetBox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netbox_prefix_id: Option<u64>,
    /// Whether the node of its network was made with it.
    #[serde(default)]
    pub made_node: bool,
}

/// Days that a released address rests where a pool does not say otherwise.
pub const DEFAULT_REST_DAYS: u32 = 30;
/// Longest rest: ten years.
pub const MAX_REST_DAYS: u32 = 3_650;
/// Percent in use at which an alert is raised where a pool does not say otherwise.
pub const DEFAULT_WARN_PERCENT: u8 = 80;
/// Delegated length where a pool does not say otherwise.
pub const DEFAULT_DELEGATED_LENGTH: u8 = 56;
/// Prefixes that one pool may exclude.
pub const MAX_EXCLUSIONS: usize = 256;
/// DNS servers of one pool.
pub const MAX_DNS_SERVERS: usize = 8;

/// Why a prefix is not one that a pool hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// It lies elsewhere.
    #[error("{prefix} is not in the pool's network {network}")]
    Outside {
        /// What was asked for.
        prefix: Prefix,
        /// The pool's network.
        network: Prefix,
    },
    /// It has another length.
    #[error("the pool hands out prefixes of /{unit}; {prefix} is not one")]
    Length {
        /// What was asked for.
        prefix: Prefix,
        /// Length of what it hands out.
        unit: u8,
    },
    /// The first address of an IPv4 network.
    #[error("{prefix} is the network address of {network}")]
    Network {
        /// What was asked for.
        prefix: Prefix,
        /// The pool's network.
        network: Prefix,
    },
    /// The last address of an IPv4 network.
    #[error("{prefix} is the broadcast address of {network}")]
    Broadcast {
        /// What was asked for.
        prefix: Prefix,
        /// The pool's network.
        network: Prefix,
    },
}

impl Pool {
    /// Checks what can be said of a pool without looking at others.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn check(&self) -> Result<(), IspError> {
        check_name("poolName", &self.name)?;
        check_notes("description", &self.description)?;
        if let Some(site) = &self.site_id {
            check_line("siteId", site, 128)?;
        }
        self.check_network()?;
        self.check_delegated()?;
        self.check_gateway()?;
        self.check_exclusions()?;
        if self.dns_servers.len() > MAX_DNS_SERVERS {
            return Err(IspError::new(
                "dnsServers",
                format!(
                    "a pool has at most {MAX_DNS_SERVERS} DNS servers; these are {}",
                    self.dns_servers.len()
                ),
            ));
        }
        if self.rest_days > MAX_REST_DAYS {
            return Err(IspError::new(
                "restDays",
                format!(
                    "addresses rest for at most {MAX_REST_DAYS} days; {} was given",
                    self.rest_days
                ),
            ));
        }
        if self.warn_percent == 0 || self.warn_percent > 100 {
            return Err(IspError::new(
                "warnPercent",
                format!(
                    "the share at which an alert is raised is from 1 to 100 percent; {} was given",
                    self.warn_percent
                ),
            ));
        }
        if let Some(cost) = &self.cost
            && !(cost.currency.len() == 3 && cost.currency.bytes().all(|byte| byte.is_ascii_uppercase()))
        {
            return Err(IspError::new(
                "currency",
                "a currency is three capital letters (ISO 4217), for example EUR",
            ));
        }
        Ok(())
    }

    fn check_network(&self) -> Result<(), IspError> {
        let network = self.network;
        if network.family() != self.pool_type.family() {
            let wanted = match self.pool_type.family() {
                Family::V4 => "IPv4",
                Family::V6 => "IPv6",
            };
            return Err(IspError::new(
                "networkCidr",
                format!(
                    "a pool of type {} has an {wanted} network; {network} is none",
                    self.pool_type
                ),
            ));
        }
        if network.len() < 8 {
            return Err(IspError::new(
                "networkCidr",
                format!("the network of a pool is a /8 or smaller; {network} is larger"),
            ));
        }
        Ok(())
    }

    fn check_delegated(&self) -> Result<(), IspError> {
        match (self.pool_type, self.delegated_length) {
            (PoolType::Ipv6PrefixDelegation, Some(length)) if length <= self.network.len() => {
                Err(IspError::new(
                    "delegatedPrefixLength",
                    format!(
                        "a pool in {} delegates prefixes that are longer than /{}; /{length} is not",
                        self.network,
                        self.network.len()
                    ),
                ))
            }
            (PoolType::Ipv6PrefixDelegation, Some(length)) if length > 64 => Err(IspError::new(
                "delegatedPrefixLength",
                format!(
                    "delegated prefixes are /64 or shorter, so that each holds a subnet; /{length} was given"
                ),
            )),
            (PoolType::Ipv6PrefixDelegation, Some(_)) => Ok(()),
            (PoolType::Ipv6PrefixDelegation, None) => Err(IspError::new(
                "delegatedPrefixLength",
                "a pool that delegates prefixes says how long they are, for example 56",
            )),
            (_, Some(_)) => Err(IspError::new(
                "delegatedPrefixLength",
                format!(
                    "only a pool of type {} delegates prefixes",
                    PoolType::Ipv6PrefixDelegation
                ),
            )),
            (_, None) => Ok(()),
        }
    }

    fn check_gateway(&self) -> Result<(), IspError> {
        let Some(gateway) = self.gateway else {
            return Ok(());
        };
        let host = Prefix::host(gateway);
        if self.pool_type == PoolType::Ipv6PrefixDelegation {
            return Err(IspError::new(
                "gateway",
                "a pool that delegates prefixes has no gateway: each prefix has its own, at the subscriber",
            ));
        }
        if !self.network.contains(&host) {
            return Err(IspError::new(
                "gateway",
                format!(
                    "the gateway {gateway} is not in the pool's network {}",
                    self.network
                ),
            ));
        }
        if self.network.is_host() {
            return Err(IspError::new(
                "gateway",
                format!(
                    "{} is a single address, which leaves no room for a gateway beside it",
                    self.network
                ),
            ));
        }
        if let Err(error @ (PoolError::Network { .. } | PoolError::Broadcast { .. })) =
            self.check_edges(&host)
        {
            return Err(IspError::new(
                "gateway",
                format!("{error}, which cannot be its gateway"),
            ));
        }
        Ok(())
    }

    fn check_exclusions(&self) -> Result<(), IspError> {
        if self.exclusions.len() > MAX_EXCLUSIONS {
            return Err(IspError::new(
                "exclusions",
                format!(
                    "a pool excludes at most {MAX_EXCLUSIONS} prefixes (a range counts as the prefixes it consists of); \
                     these are {}. Make a node for what is used otherwise",
                    self.exclusions.len()
                ),
            ));
        }
        for (at, exclusion) in self.exclusions.iter().enumerate() {
            if !self.network.strictly_contains(exclusion) {
                return Err(IspError::new(
                    "exclusions",
                    format!("{exclusion} is not a part of the pool's network {}", self.network),
                ));
            }
            if let Some(next) = self.exclusions.get(at + 1)
                && (exclusion >= next || exclusion.contains(next))
            {
                return Err(IspError::new(
                    "exclusions",
                    format!(
                        "the exclusions {exclusion} and {next} overlap; name what they have in common once"
                    ),
                ));
            }
            if let Some(gateway) = self.gateway
                && exclusion.contains_addr(gateway)
            {
                return Err(IspError::new(
                    "exclusions",
                    format!(
                        "the gateway {gateway} lies in the exclusion {exclusion}; it is never handed out anyway"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Length of what it hands out: single addresses, or the delegated length.
    #[must_use]
    pub fn unit(&self) -> u8 {
        self.delegated_length.unwrap_or(self.network.family().max_len())
    }

    /// How many there are to hand out if nothing is excluded: for IPv4 without network and broadcast address (except in
    /// /31, RFC 3021, and /32).
    #[must_use]
    pub fn total(&self) -> Count {
        let all = self.units_of(self.network.len());
        if self.has_edges() {
            all.minus(Count(2))
        } else {
            all
        }
    }

    /// How many of its units a prefix of a length holds; one, if it is longer than a unit.
    #[must_use]
    pub fn units_of(&self, length: u8) -> Count {
        Count(
            1_u128
                .checked_shl(u32::from(self.unit().saturating_sub(length)))
                .unwrap_or(u128::MAX),
        )
    }

    /// How many that could be handed out lie in a prefix beneath its network.
    #[must_use]
    pub fn units_in(&self, prefix: &Prefix) -> Count {
        let mut units = self.units_of(prefix.len());
        if self.has_edges() {
            let at_start = prefix.bits() == self.network.bits();
            let at_end = prefix.last_addr() == self.network.last_addr();
            units = units.minus(Count(u128::from(at_start) + u128::from(at_end)));
        }
        units
    }

    /// Whether it has a network and a broadcast address.
    #[must_use]
    pub fn has_edges(&self) -> bool {
        self.network.family() == Family::V4 && self.network.len() < 31
    }

    /// The first address of an IPv6 network of addresses: the subnet-router anycast address (RFC 4291 §2.6.1), which
    /// is nobody's. Networks of one or two addresses have none (RFC 6164).
    #[must_use]
    pub fn anycast(&self) -> Option<Prefix> {
        let has = self.pool_type.ip_type() == IpType::Ipv6 && self.network.len() < 127;
        has.then(|| Prefix::host(self.network.addr()))
    }

    /// What is kept from being handed out by the pool itself: gateway, exclusions, the anycast address.
    #[must_use]
    pub fn kept_back(&self) -> Vec<Prefix> {
        let mut kept = self.exclusions.clone();
        let singles = self.gateway.map(Prefix::host).into_iter().chain(self.anycast());
        for single in singles {
            if !kept.iter().any(|known| known.contains(&single)) {
                kept.push(single);
            }
        }
        kept.sort_unstable();
        kept
    }

    /// Whether a prefix is one that this pool could hand out, by its place and length alone. A delegated prefix may be
    /// shorter than a unit, and is as many units then.
    ///
    /// # Errors
    /// Why not.
    pub fn check_unit(&self, prefix: &Prefix) -> Result<(), PoolError> {
        if !self.network.contains(prefix) {
            return Err(PoolError::Outside {
                prefix: *prefix,
                network: self.network,
            });
        }
        let unit = self.unit();
        let fits = match self.delegated_length {
            Some(_) => prefix.len() > self.network.len() && prefix.len() <= unit,
            None => prefix.len() == unit,
        };
        if !fits {
            return Err(PoolError::Length {
                prefix: *prefix,
                unit,
            });
        }
        self.check_edges(prefix)
    }

    fn check_edges(&self, prefix: &Prefix) -> Result<(), PoolError> {
        if !self.has_edges() {
            return Ok(());
        }
        let (prefix, network) = (*prefix, self.network);
        if prefix.addr() == network.addr() {
            return Err(PoolError::Network { prefix, network });
        }
        if prefix.last_addr() == network.last_addr() {
            return Err(PoolError::Broadcast { prefix, network });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
