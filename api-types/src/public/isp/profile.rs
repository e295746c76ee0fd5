//! Network profiles (seed `network-features-plan.md`).

use cadastre_domain::isp;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::macros::words;

words! {
    /// How a subscriber gets IPv6.
    Ipv6Mode of isp::Ipv6Mode {
        /// Not at all.
        Disabled = "DISABLED",
        /// Stateless.
        Slaac = "SLAAC",
        /// By DHCPv6: single addresses.
        Dhcpv6 = "DHCPV6",
        /// By DHCPv6: a delegated prefix.
        PrefixDelegation = "PD",
        /// IPv4 beside a delegated prefix.
        DualStack = "DUAL_STACK",
    }
}

words! {
    /// What is done when Option 82 does not say what the profile says.
    Option82Policy of isp::Option82Policy {
        /// It is written down.
        Log = "LOG",
        /// The subscriber is refused.
        Enforce = "ENFORCE",
        /// Nobody looks.
        Ignore = "IGNORE",
    }
}

/// How a subscriber is connected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkProfile {
    /// Whose.
    pub subscriber_id: String,
    /// Its static IPv4 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "203.0.113.9")]
    pub static_ipv4: Option<String>,
    /// Its static IPv6 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_ipv6: Option<String>,
    /// Its delegated prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2001:db8:0:100::/56")]
    pub ipv6_prefix: Option<String>,
    /// How it gets IPv6.
    pub ipv6_mode: Ipv6Mode,
    /// Its only VLAN tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4094)]
    pub vlan_id: Option<u16>,
    /// The outer of two tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4094)]
    pub s_vlan: Option<u16>,
    /// The inner of two tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4094)]
    pub c_vlan: Option<u16>,
    /// Circuit-ID of DHCP Option 82.
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
    pub dns_servers: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// Body of `PUT /subscribers/{subscriberId}/network-profile`: makes or replaces it as a whole. What is assigned to the subscriber
/// (addresses, VLAN) stays when it is left out: release it to be rid of it. An address of a pool is assigned if the
/// subscriber is in service, and a VLAN of a pool whose domain is the subscriber's access node or site is allocated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkProfileWrite {
    /// Nobody else's in the space.
    #[serde(default)]
    #[schema(example = "203.0.113.9")]
    pub static_ipv4: Option<String>,
    /// Nobody else's in the space.
    #[serde(default)]
    pub static_ipv6: Option<String>,
    /// Nobody else's in the space.
    #[serde(default)]
    #[schema(example = "2001:db8:0:100::/56")]
    pub ipv6_prefix: Option<String>,
    /// If absent, that of the profile before; `DISABLED` without one.
    #[serde(default)]
    pub ipv6_mode: Option<Ipv6Mode>,
    /// Its only VLAN tag; or `sVlan` and `cVlan`.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 4094)]
    pub vlan_id: Option<u16>,
    /// The outer of two tags.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 4094)]
    pub s_vlan: Option<u16>,
    /// The inner of two tags.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 4094)]
    pub c_vlan: Option<u16>,
    /// Circuit-ID of DHCP Option 82; with the Remote-ID nobody else's in the space.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub circuit_id: Option<String>,
    /// Remote-ID of DHCP Option 82; goes with a Circuit-ID.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub remote_id: Option<String>,
    /// `LOG` if absent; `ENFORCE` needs a Circuit-ID.
    #[serde(default)]
    pub option82_policy: Option<Option82Policy>,
    /// Speed towards the subscriber instead of the plan's, in kbit/s.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub download_kbps: Option<u64>,
    /// Speed from the subscriber instead of the plan's, in kbit/s.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub upload_kbps: Option<u64>,
    /// DNS servers instead of the pool's; at most 8. One string with commas between is understood, too.
    #[serde(default, deserialize_with = "super::patch::texts")]
    #[schema(max_items = 8)]
    pub dns_servers: Option<Vec<String>>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber_id: Option<String>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
}
