//! A network profile: how a subscriber is connected (seed `network-features-plan.md`: VLAN, QinQ, Option 82, IPv6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::text::{check_line, words};
use super::{IpType, IspError, SubscriberId, VlanTag};
use crate::prefix::{Family, Prefix};

/// How a subscriber gets IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ipv6Mode {
    /// Not at all.
    #[default]
    Disabled,
    /// Stateless: addresses are made from a prefix that routers announce (RFC 4862).
    Slaac,
    /// By DHCPv6: single addresses (RFC 8415).
    Dhcpv6,
    /// By DHCPv6: a delegated prefix (RFC 8415 §6.3).
    PrefixDelegation,
    /// IPv4 beside a delegated prefix.
    DualStack,
}

words!(Ipv6Mode, "ipv6Mode", {
    Disabled = "DISABLED",
    Slaac = "SLAAC",
    Dhcpv6 = "DHCPV6",
    PrefixDelegation = "PD",
    DualStack = "DUAL_STACK",
});

/// What is done when Option 82 does not say what the profile says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Option82Policy {
    /// It is written down.
    #[default]
    Log,
    /// The subscriber is refused.
    Enforce,
    /// Nobody looks.
    Ignore,
}

words!(Option82Policy, "option82Policy", {
    Log = "LOG",
    Enforce = "ENFORCE",
    Ignore = "IGNORE",
});

/// A network profile; each subscriber has at most one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkProfile {
    /// Whose.
    pub subscriber_id: SubscriberId,
    /// Its static IPv4 address; nobody else's in its space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_ipv4: Option<Ipv4Addr>,
    /// Its static IPv6 address; nobody else's in its space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_ipv6: Option<Ipv6Addr>,
    /// Its delegated prefix; nobody else's in its space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_prefix: Option<Prefix>,
    /// How it gets IPv6.
    pub ipv6_mode: Ipv6Mode,
    /// Its VLAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<VlanTag>,
    /// Circuit-ID of DHCP Option 82 (RFC 3046); with the Remote-ID nobody else's in its space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_id: Option<String>,
    /// Remote-ID of DHCP Option 82.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// What is done when Option 82 says something else.
    pub option82_policy: Option82Policy,
    /// Speed towards the subscriber instead of the plan's, in kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_kbps: Option<u64>,
    /// Speed from the subscriber instead of the plan's, in kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_kbps: Option<u64>,
    /// DNS servers instead of the pool's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<std::net::IpAddr>,
}

impl NetworkProfile {
    /// An empty one.
    #[must_use]
    pub fn of(subscriber_id: SubscriberId) -> Self {
        Self {
            subscriber_id,
            static_ipv4: None,
            static_ipv6: None,
            ipv6_prefix: None,
            ipv6_mode: Ipv6Mode::default(),
            vlan: None,
            circuit_id: None,
            remote_id: None,
            option82_policy: Option82Policy::default(),
            download_kbps: None,
            upload_kbps: None,
            dns_servers: Vec::new(),
        }
    }

    /// The address, or delegated prefix, that it names of a type.
    #[must_use]
    pub fn named(&self, ip_type: IpType) -> Option<Prefix> {
        match ip_type {
            IpType::Ipv4 => self.static_ipv4.map(|address| Prefix::host(IpAddr::V4(address))),
            IpType::Ipv6 => self.static_ipv6.map(|address| Prefix::host(IpAddr::V6(address))),
            IpType::Ipv6Prefix => self.ipv6_prefix,
        }
    }

    /// Has it name an address, or delegated prefix, of a type; one of another family is none.
    pub fn name(&mut self, ip_type: IpType, prefix: Option<Prefix>) {
        let address = prefix.map(|prefix| prefix.addr());
        match ip_type {
            IpType::Ipv4 => {
                self.static_ipv4 = match address {
                    Some(IpAddr::V4(address)) => Some(address),
                    Some(IpAddr::V6(_)) | None => None,
                }
            }
            IpType::Ipv6 => {
                self.static_ipv6 = match address {
                    Some(IpAddr::V6(address)) => Some(address),
                    Some(IpAddr::V4(_)) | None => None,
                }
            }
            IpType::Ipv6Prefix => self.ipv6_prefix = prefix,
        }
    }

    /// Checks what can be said of it without looking at others.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn check(&self) -> Result<(), IspError> {
        if let Some(prefix) = &self.ipv6_prefix
            && (prefix.family() != Family::V6 || prefix.len() > 64)
        {
            return Err(IspError::new(
                "ipv6Prefix",
                format!("a delegated prefix is an IPv6 prefix of /64 or shorter; {prefix} is none"),
            ));
        }
        for (field, text) in [("circuitId", &self.circuit_id), ("remoteId", &self.remote_id)] {
            match text {
                Some(text) if text.is_empty() => {
                    return Err(IspError::new(
                        field,
                        format!("{field} must not be empty; leave it out instead"),
                    ));
                }
                // An option of DHCP holds 255 bytes.
                Some(text) => check_line(field, text, 255)?,
                None => {}
            }
        }
        if self.remote_id.is_some() && self.circuit_id.is_none() {
            return Err(IspError::new(
                "circuitId",
                "a remoteId goes with a circuitId: the access node alone does not say which port it is",
            ));
        }
        if self.option82_policy == Option82Policy::Enforce && self.circuit_id.is_none() {
            return Err(IspError::new(
                "option82Policy",
                "ENFORCE needs a circuitId that Option 82 is held against",
            ));
        }
        if self.dns_servers.len() > super::pool::MAX_DNS_SERVERS {
            return Err(IspError::new("dnsServers", "a profile has at most 8 DNS servers"));
        }
        for (field, speed) in [
            ("downloadKbps", self.download_kbps),
            ("uploadKbps", self.upload_kbps),
        ] {
            if speed == Some(0) {
                return Err(IspError::new(
                    field,
                    "a speed is at least 1 kbit/s; leave it out for that of the plan",
                ));
            }
        }
        Ok(())
    }

    /// The addresses and prefixes it names.
    pub fn addresses(&self) -> impl Iterator<Item = Prefix> {
        let v4 = self.static_ipv4.map(|address| Prefix::host(address.into()));
        let v6 = self.static_ipv6.map(|address| Prefix::host(address.into()));
        [v4, v6, self.ipv6_prefix].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_profile_names_of_each_type_what_it_was_given_of_that_family_and_nothing_else() {
        let mut profile = NetworkProfile::of(SubscriberId::new("s").unwrap());
        let given = [
            (IpType::Ipv4, "203.0.113.9/32"),
            (IpType::Ipv6, "2001:db8::9/128"),
            (IpType::Ipv6Prefix, "2001:db8:0:100::/56"),
        ];
        for (ip_type, text) in given {
            let prefix: Prefix = text.parse().unwrap();
            assert_eq!(profile.named(ip_type), None);
            profile.name(ip_type, Some(prefix));
            assert_eq!(profile.named(ip_type), Some(prefix));
        }
        profile.name(IpType::Ipv4, Some("2001:db8::9/128".parse().unwrap()));
        assert_eq!(profile.named(IpType::Ipv4), None);
        profile.name(IpType::Ipv6, None);
        assert_eq!(profile.addresses().count(), 1, "the delegated prefix is left");
    }
}
