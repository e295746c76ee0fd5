//! Where a webhook may be. Its URL is entered by an operator of one address space, and posted to by a server that reaches
//! more than that operator does: this machine's own services, and those that a cloud puts at link-local addresses to tell
//! credentials to whoever asks. Those are refused, unless a setting allows them; private addresses (RFC 1918, RFC 4193) are
//! not, for that is where billing systems live.
//!
//! A name is checked where it is resolved, by the client's own resolver, and what was checked is what is connected to: a
//! name that means something else a moment later (DNS rebinding) gains nothing. Addresses in a URL never get to a resolver
//! and are checked by themselves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Services that clouds put at other addresses than link-local ones.
const METADATA: [IpAddr; 4] = [
    // Alibaba Cloud.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    // Azure: DHCP, DNS, health and the agent of the machine.
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    // Oracle Cloud.
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    // Google Cloud.
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// An address that is not connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host} is {what}, and webhooks are not called there: that would reach this server's own services. Set the webhook's \
     url to another host, or have the server's administrator set webhook-allow-private"
)]
pub(super) struct Forbidden {
    /// What the URL says, and the address that it means.
    host: String,
    /// What the address is.
    what: &'static str,
}

/// Why an address is not connected to.
fn objection(address: IpAddr) -> Option<&'static str> {
    if METADATA.contains(&address) {
        return Some("an address of a cloud's metadata service");
    }
    match address {
        IpAddr::V4(address) => objection_v4(address),
        IpAddr::V6(address) => objection_v6(address),
    }
}

fn objection_v4(address: Ipv4Addr) -> Option<&'static str> {
    if address.is_loopback() {
        Some("a loopback address")
    } else if address.is_link_local() {
        Some("a link-local address")
    } else if address.octets()[0] == 0 {
        // RFC 1122 §3.2.1.3: this host.
        Some("an unspecified address")
    } else if address.is_multicast() || address.is_broadcast() {
        Some("an address of more than one machine")
    } else if address.octets()[0] >= 240 {
        // RFC 1112 §4. Some clouds and containers use them inside.
        Some("a reserved address")
    } else if address.octets()[..3] == [192, 0, 0] {
        // RFC 6890 §2.1: DS-Lite, the anycast addresses of PCP and TURN, and what else the nearest router answers at.
        Some("an address of a protocol of the network's own")
    } else {
        None
    }
}

fn objection_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_loopback() {
        Some("a loopback address")
    } else if address.is_unspecified() {
        Some("an unspecified address")
    } else if address.is_unicast_link_local() {
        Some("a link-local address")
    } else if address.is_multicast() {
        Some("an address of more than one machine")
    } else {
        let inside = within(address).into_iter().flatten();
        of_own_network(address).or_else(|| inside.filter_map(|address| objection(IpAddr::V4(address))).next())
    }
}

/// Ranges of IPv6 that are there for the network that the server is in (IANA's registry of special-purpose addresses).
fn of_own_network(address: Ipv6Addr) -> Option<&'static str> {
    match address.segments() {
        // Amazon: metadata, name service, time, credentials of pods.
        [0xfd00, 0xec2, ..] => Some("an address of a cloud's metadata service"),
        // RFC 8215. Where in it the IPv4 address stands is for each network to say, so it may be any.
        [0x64, 0xff9b, 1, ..] => Some("an address that this network translates to IPv4 (NAT64)"),
        // The anycast addresses of PCP, TURN and DNS-SD: whatever is nearest answers.
        [0x2001, 1, ..] => Some("an address of a protocol of the network's own"),
        // RFC 9602: segments of this network's routers.
        [0x5f00, ..] => Some("a segment of a router"),
        _no_other => None,
    }
}

/// The IPv4 addresses that a packet to an IPv6 address may end at: mapped and compatible ones (RFC 4291 §2.5.5), translated
/// ones (RFC 2765 §2.1), NAT64 (RFC 6052 §2.1), 6to4 (RFC 3056 §2), Teredo's server and client (RFC 4380 §4), ISATAP
/// (RFC 5214 §6.1).
fn within(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let joined = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => [joined(high, low), None],
        [0x2002, high, low, ..] => [joined(high, low), None],
        // The client's is written with all bits turned.
        [0x2001, 0, high, low, _, _, client_high, client_low] => {
            [joined(high, low), joined(!client_high, !client_low)]
        }
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => [joined(high, low), None],
        _no_other => [None, None],
    }
}

/// Checks a URL whose host is an address.
pub(super) fn check(url: &Url, allow_private: bool) -> Result<(), Forbidden> {
    let address = match url.host_str() {
        Some(host) => host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
            .ok(),
        None => None,
    };
    match address.and_then(|address| Some((address, objection(address)?))) {
        Some((address, what)) if !allow_private => Err(Forbidden {
            host: address.to_string(),
            what,
        }),
        Some(_) | None => Ok(()),
    }
}

/// Resolves names as the system does, and keeps what may be connected to.
pub(super) struct Checked {
    /// All of it may.
    pub(super) allow_private: bool,
}

impl Checked {
    /// What may be connected to; an error if that is nothing.
    fn admit(
        &self,
        name: &str,
        found: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Forbidden> {
        let mut refused = None;
        let mut admitted = Vec::new();
        for address in found {
            match objection(address.ip()) {
                Some(what) if !self.allow_private => refused = Some((address.ip(), what)),
                Some(_) | None => admitted.push(address),
            }
        }
        match refused {
            Some((address, what)) if admitted.is_empty() => Err(Forbidden {
                host: format!("{name} ({address})"),
                what,
            }),
            Some(_) | None => Ok(admitted),
        }
    }
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let admitted = Self { allow_private }.admit(name.as_str(), found)?;
            let addresses: Addrs = Box::new(admitted.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(url: &str) -> bool {
        check(&url.parse().unwrap(), false).is_err()
    }

    #[test]
    fn an_address_of_this_machine_or_link_is_refused_however_it_is_written() {
        for url in [
            "http://127.0.0.1/",
            "http://127.1.2.3:8080/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://0.0.0.0/",
            "http://0.1.2.3/",
            "http://169.254.169.254/latest/meta-data/",
            "http://255.255.255.255/",
            "http://224.0.0.1/",
            "http://[::1]/",
            "http://[::]/",
            "http://[fe80::1]/",
            "http://[febf::1]/",
            "http://[ff02::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::169.254.169.254]/",
            "http://[2002:7f00:1::1]/",
            "http://[fd00:ec2::254]/",
            "http://[fd00:ec2::23]/",
            "http://[fd00:ec2:1::1]/",
            "http://[fd20:ce::254]/",
            "http://100.100.100.200/",
            "http://[64:ff9b::100.100.100.200]/",
            "http://192.0.0.9/",
            "http://192.0.0.192/",
            "http://240.0.0.1/",
            "http://[64:ff9b:1::1]/",
            "http://[64:ff9b:1:7f00:0:100::]/",
            "http://[64:ff9b:1:ffff::10.0.0.1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:0:127.0.0.1]/",
            "http://[2002:a9fe:a9fe::1]/",
            "http://[2002:a83f:8110::1]/",
            "http://[2001:0:7f00:1::1]/",
            "http://[2001:0:c633:6407:0:0:80ff:fffe]/",
            "http://[2001:0:c633:6407:0:0:5601:5601]/",
            "http://[2001:db8::5efe:127.0.0.1]/",
            "http://[2001:db8::200:5efe:a9fe:a9fe]/",
            "http://[2001:1::1]/",
            "http://[5f00::1]/",
            "http://168.63.129.16/",
            "http://[::ffff:168.63.129.16]/",
        ] {
            assert!(refused(url), "{url}");
            assert_eq!(check(&url.parse().unwrap(), true), Ok(()), "{url}");
        }
    }

    #[test]
    fn private_and_public_addresses_are_not_refused() {
        for url in [
            "http://10.0.0.1/",
            "http://172.16.0.1/",
            "http://192.168.1.1/",
            "http://100.64.0.1/",
            "http://198.51.100.7/",
            "http://[fd12::1]/",
            "http://[2001:db8::1]/",
            "http://[64:ff9b::10.0.0.1]/",
            "http://[64:ff9b:2::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[2002:c633:6407::1]/",
            "http://[2001:0:c633:6407:0:0:39cc:9bf8]/",
            "http://[2001:4860::1]/",
            "http://[fd00:ec3::1]/",
            "http://192.0.1.1/",
            "http://192.0.2.1/",
            "http://198.18.0.1/",
            "http://223.255.255.255/",
            "https://example.org/",
            "http://127.0.0.1.example.org/",
        ] {
            assert!(!refused(url), "{url}");
        }
    }

    #[test]
    fn of_a_name_with_several_addresses_only_the_allowed_ones_are_connected_to() {
        let parse = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let found = ["127.0.0.1", "198.51.100.7", "fe80::1"].map(parse);
        let strict = Checked { allow_private: false };
        assert_eq!(
            strict.admit("mixed", found.into_iter()),
            Ok(vec![parse("198.51.100.7")])
        );
        let error = strict.admit("rebound", found.into_iter().take(1)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("rebound (127.0.0.1) is a loopback address"),
            "{error}"
        );
        assert_eq!(strict.admit("unknown", std::iter::empty()), Ok(Vec::new()));
        let open = Checked { allow_private: true };
        assert_eq!(open.admit("mixed", found.into_iter()), Ok(found.to_vec()));
    }
}
