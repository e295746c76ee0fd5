//! A service plan: what a subscriber is sold, as far as the network has to know (seed `static-ip-management.md`,
//! orchestration hooks: `plan.features`).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::text::{check_line, check_name, check_notes, words};
use super::{IspError, PoolType, ServiceType};

/// Which VLAN a plan gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VlanMode {
    /// None.
    #[default]
    None,
    /// One tag of a VLAN pool.
    Single,
    /// An outer and an inner tag (IEEE 802.1ad).
    Qinq,
}

words!(VlanMode, "vlan", {
    None = "NONE",
    Single = "SINGLE",
    Qinq = "QINQ",
});

/// What a plan includes. A plan that is based on another has what it does not say itself from that one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Features {
    /// A static IPv4 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_ip: Option<bool>,
    /// A static IPv6 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_ipv6: Option<bool>,
    /// A delegated IPv6 prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_pd: Option<bool>,
    /// Length of the delegated prefix; `None` = that of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_pd_length: Option<u8>,
    /// Type of the pool that IPv4 addresses come from; `None` = IPV4_PUBLIC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4_pool_type: Option<PoolType>,
    /// The VLAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<VlanMode>,
    /// Speed towards the subscriber, in kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_kbps: Option<u64>,
    /// Speed from the subscriber, in kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_kbps: Option<u64>,
}

impl Features {
    /// These, and what they leave open from a base.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        Self {
            static_ip: self.static_ip.or(base.static_ip),
            static_ipv6: self.static_ipv6.or(base.static_ipv6),
            ipv6_pd: self.ipv6_pd.or(base.ipv6_pd),
            ipv6_pd_length: self.ipv6_pd_length.or(base.ipv6_pd_length),
            ipv4_pool_type: self.ipv4_pool_type.or(base.ipv4_pool_type),
            vlan: self.vlan.or(base.vlan),
            download_kbps: self.download_kbps.or(base.download_kbps),
            upload_kbps: self.upload_kbps.or(base.upload_kbps),
        }
    }
}

/// A service plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique in its space, without regard to case.
    pub name: String,
    /// Empty = none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The plan it is based on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_plan_id: Option<Uuid>,
    /// For which customers; `None` = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceType>,
    /// What it says itself.
    pub features: Features,
    /// The profile of its bandwidth, by the name that RADIUS knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_profile_id: Option<String>,
    /// It can be sold.
    pub active: bool,
}

/// Plans that may stand on each other.
pub const MAX_PLAN_DEPTH: usize = 8;

impl Plan {
    /// Checks what can be said of it without looking at others.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn check(&self) -> Result<(), IspError> {
        check_name("name", &self.name)?;
        check_notes("description", &self.description)?;
        if let Some(profile) = &self.bandwidth_profile_id {
            check_line("bandwidthProfileId", profile, 128)?;
        }
        if self.base_plan_id == Some(self.id) {
            return Err(IspError::new("basePlanId", "a plan cannot be based on itself"));
        }
        if let Some(length) = self.features.ipv6_pd_length
            && !(16..=64).contains(&length)
        {
            return Err(IspError::new(
                "features.ipv6PdLength",
                format!("delegated prefixes are from /16 to /64; /{length} was given"),
            ));
        }
        match self.features.ipv4_pool_type {
            None | Some(PoolType::Ipv4Public | PoolType::Ipv4Private) => {}
            Some(other) => {
                return Err(IspError::new(
                    "features.ipv4PoolType",
                    format!("IPv4 addresses come from IPV4_PUBLIC or IPV4_PRIVATE, not from {other}"),
                ));
            }
        }
        for (field, speed) in [
            ("features.downloadKbps", self.features.download_kbps),
            ("features.uploadKbps", self.features.upload_kbps),
        ] {
            if speed == Some(0) {
                return Err(IspError::new(field, "a speed is at least 1 kbit/s; leave it out for none"));
            }
        }
        Ok(())
    }
}
