//! Network profiles.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{NetworkProfile as WireProfile, NetworkProfileWrite};
use cadastre_domain::isp::{Kept, NetworkProfile, SubscriberId};

use super::{address, addresses, check_read_only, filled, invalid, prefix, refused, vlan};
use crate::convert::readonly;

const READ_ONLY: &[&str] = &["subscriberId", "createdAt", "updatedAt"];

/// As clients see it.
pub(crate) fn to_wire(kept: Kept<NetworkProfile>) -> WireProfile {
    let profile = kept.value;
    let (vlan_id, s_vlan, c_vlan) = vlan::tags(profile.vlan);
    WireProfile {
        subscriber_id: profile.subscriber_id.to_string(),
        static_ipv4: profile.static_ipv4.map(|address| address.to_string()),
        static_ipv6: profile.static_ipv6.map(|address| address.to_string()),
        ipv6_prefix: profile.ipv6_prefix.map(|prefix| prefix.to_string()),
        ipv6_mode: profile.ipv6_mode.into(),
        vlan_id,
        s_vlan,
        c_vlan,
        circuit_id: profile.circuit_id,
        remote_id: profile.remote_id,
        option82_policy: profile.option82_policy.into(),
        download_kbps: profile.download_kbps,
        upload_kbps: profile.upload_kbps,
        dns_servers: profile.dns_servers.iter().map(ToString::to_string).collect(),
        created_at: kept.created,
        updated_at: kept.modified,
    }
}

/// The profile that a body asks for; `stored` is the one that it replaces.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn from_wire(
    id: SubscriberId,
    body: NetworkProfileWrite,
    stored: Option<&Kept<NetworkProfile>>,
) -> Result<NetworkProfile, ApiError> {
    match stored {
        Some(stored) => check_read_only(&body, &to_wire(stored.clone()), READ_ONLY)?,
        None => {
            readonly::check("subscriberId", body.subscriber_id.as_ref(), &id.to_string())?;
            readonly::check_absent("createdAt", body.created_at.as_ref())?;
            readonly::check_absent("updatedAt", body.updated_at.as_ref())?;
        }
    }
    let profile = NetworkProfile {
        subscriber_id: id,
        static_ipv4: filled(body.static_ipv4).map(|text| v4(&text)).transpose()?,
        static_ipv6: filled(body.static_ipv6).map(|text| v6(&text)).transpose()?,
        ipv6_prefix: filled(body.ipv6_prefix)
            .map(|text| prefix("ipv6Prefix", &text))
            .transpose()?,
        ipv6_mode: body
            .ipv6_mode
            .map(Into::into)
            .or(stored.map(|kept| kept.value.ipv6_mode))
            .unwrap_or_default(),
        vlan: vlan::tag((body.vlan_id, body.s_vlan, body.c_vlan))?,
        circuit_id: body.circuit_id,
        remote_id: body.remote_id,
        option82_policy: body.option82_policy.map(Into::into).unwrap_or_default(),
        download_kbps: body.download_kbps,
        upload_kbps: body.upload_kbps,
        dns_servers: addresses("dnsServers", &body.dns_servers.unwrap_or_default())?,
    };
    profile.check().map_err(|error| refused(&error))?;
    Ok(profile)
}

fn v4(text: &str) -> Result<Ipv4Addr, ApiError> {
    match address("staticIpv4", text)? {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(address) => Err(invalid(
            "staticIpv4",
            format!("{address} is an IPv6 address; it goes to `staticIpv6`."),
        )),
    }
}

fn v6(text: &str) -> Result<Ipv6Addr, ApiError> {
    match address("staticIpv6", text)? {
        IpAddr::V6(address) => Ok(address),
        IpAddr::V4(address) => Err(invalid(
            "staticIpv6",
            format!("{address} is an IPv4 address; it goes to `staticIpv4`."),
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    fn made(body: Value) -> Result<NetworkProfile, ApiError> {
        from_wire(
            SubscriberId::new("sub-1").unwrap(),
            serde_json::from_value(body).unwrap(),
            None,
        )
    }

    #[test]
    fn what_get_returned_can_be_put_back() {
        let value = made(json!({
            "staticIpv4": "203.0.113.9", "staticIpv6": "2001:db8::9", "ipv6Prefix": "2001:db8:0:100::/56",
            "ipv6Mode": "DUAL_STACK", "sVlan": 100, "cVlan": 7, "circuitId": "olt-3/1/1/4", "option82Policy": "ENFORCE",
            "downloadKbps": 100_000, "dnsServers": "192.0.2.53",
        }))
        .unwrap();
        let stored = Kept {
            value,
            created: Timestamp::UNIX_EPOCH,
            modified: Timestamp::UNIX_EPOCH,
            revision: 1,
        };
        let back = serde_json::from_value(serde_json::to_value(to_wire(stored.clone())).unwrap()).unwrap();
        let again = from_wire(stored.value.subscriber_id.clone(), back, Some(&stored)).unwrap();
        assert_eq!(again, stored.value);
    }

    #[test]
    fn every_rule_names_its_field() {
        for (body, field) in [
            (json!({ "staticIpv4": "2001:db8::1" }), "staticIpv4"),
            (json!({ "staticIpv6": "203.0.113.9" }), "staticIpv6"),
            (json!({ "ipv6Prefix": "2001:db8::/96" }), "ipv6Prefix"),
            (json!({ "remoteId": "r" }), "circuitId"),
            (json!({ "option82Policy": "ENFORCE" }), "option82Policy"),
            (json!({ "subscriberId": "other" }), "subscriberId"),
        ] {
            assert_eq!(
                made(body.clone()).unwrap_err().details.unwrap()["field"],
                field,
                "{body}"
            );
        }
    }
}
