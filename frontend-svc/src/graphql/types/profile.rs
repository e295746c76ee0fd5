//! Network profiles.

use async_graphql::SimpleObject;
use cadastre_api_types::public::isp::NetworkProfile as WireProfile;
use jiff::Timestamp;

use crate::graphql::scalars::BigInt;
use crate::graphql::words::{Ipv6Mode, Option82Policy};

/// How a subscriber is connected.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct NetworkProfile {
    /// Whose.
    subscriber_id: String,
    /// Its static IPv4 address.
    #[graphql(name = "staticIpv4")]
    static_ipv4: Option<String>,
    /// Its static IPv6 address.
    #[graphql(name = "staticIpv6")]
    static_ipv6: Option<String>,
    /// Its delegated prefix.
    #[graphql(name = "ipv6Prefix")]
    ipv6_prefix: Option<String>,
    /// How it gets IPv6.
    #[graphql(name = "ipv6Mode")]
    ipv6_mode: Ipv6Mode,
    /// Its only VLAN tag.
    vlan_id: Option<u16>,
    /// The outer of two tags.
    s_vlan: Option<u16>,
    /// The inner of two tags.
    c_vlan: Option<u16>,
    /// Circuit-ID of DHCP Option 82.
    circuit_id: Option<String>,
    /// Remote-ID of DHCP Option 82.
    remote_id: Option<String>,
    /// What is done when Option 82 says something else.
    #[graphql(name = "option82Policy")]
    option82_policy: Option82Policy,
    /// Speed towards the subscriber instead of the plan's, in kbit/s.
    download_kbps: Option<BigInt>,
    /// Speed from the subscriber instead of the plan's, in kbit/s.
    upload_kbps: Option<BigInt>,
    /// DNS servers instead of the pool's.
    dns_servers: Vec<String>,
    /// When it was made.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

impl From<WireProfile> for NetworkProfile {
    fn from(profile: WireProfile) -> Self {
        Self {
            subscriber_id: profile.subscriber_id,
            static_ipv4: profile.static_ipv4,
            static_ipv6: profile.static_ipv6,
            ipv6_prefix: profile.ipv6_prefix,
            ipv6_mode: profile.ipv6_mode.into(),
            vlan_id: profile.vlan_id,
            s_vlan: profile.s_vlan,
            c_vlan: profile.c_vlan,
            circuit_id: profile.circuit_id,
            remote_id: profile.remote_id,
            option82_policy: profile.option82_policy.into(),
            download_kbps: profile.download_kbps.map(Into::into),
            upload_kbps: profile.upload_kbps.map(Into::into),
            dns_servers: profile.dns_servers,
            created_at: profile.created_at,
            updated_at: profile.updated_at,
        }
    }
}
