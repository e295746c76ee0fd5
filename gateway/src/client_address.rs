//! Who is asking: the address of the client, seen through the proxies we trust and nobody else.
//!
//! `X-Forwarded-For` is a list that every proxy appends the address of *its* peer to, so only its right end
//! was written by somebody we know. It is read from the right for as long as the writer of the entry is
//! trusted; the first entry that is not a trusted proxy is the client. What stands left of it is the client's
//! own claim and never looked at.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use actix_web::http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks whose word about the client's address counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into_iter().map(unmapped_network).collect())
    }

    /// Whether an address belongs to a trusted proxy.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address, given the connection's peer and the request's headers.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if self.0.is_empty() || !self.contains(peer) {
            return peer;
        }
        // Several headers mean the same as one with their values joined by commas (RFC 9110 §5.3).
        let mut client = peer;
        for line in headers.get_all(&X_FORWARDED_FOR).rev() {
            let Ok(line) = line.to_str() else { return client };
            for entry in line.rsplit(',') {
                let Some(address) = parse_entry(entry.trim()) else {
                    return client;
                };
                client = address;
                if !self.contains(address) {
                    return client;
                }
            }
        }
        client
    }
}

/// An entry of the list: an address, with a port or brackets where a proxy writes them.
fn parse_entry(entry: &str) -> Option<IpAddr> {
    let address = IpAddr::from_str(entry)
        .or_else(|_| SocketAddr::from_str(entry).map(|socket| socket.ip()))
        .ok()
        .or_else(|| IpAddr::from_str(entry.strip_prefix('[')?.strip_suffix(']')?).ok())?;
    Some(address.to_canonical())
}

/// `::ffff:10.0.0.0/104` says the same as `10.0.0.0/8`; addresses are compared in their IPv4 form.
pub(crate) fn unmapped_network(network: IpNet) -> IpNet {
    if let IpNet::V6(v6) = network
        && v6.prefix_len() >= 96
        && let Some(v4) = v6.network().to_ipv4_mapped()
        && let Ok(unmapped) = IpNet::new(IpAddr::V4(v4), v6.prefix_len() - 96)
    {
        return unmapped;
    }
    network
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(vec![
            "10.0.0.0/8".parse().unwrap(),
            "2001:db8:1::/48".parse().unwrap(),
        ])
    }

    fn client(peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR.clone(), HeaderValue::from_str(line).unwrap());
        }
        proxies().client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn an_untrusted_peer_cannot_claim_anything() {
        assert_eq!(client("203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
        assert_eq!(client("203.0.113.9", &["10.0.0.1", "127.0.0.1"]), "203.0.113.9");
        assert_eq!(client("::ffff:203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
    }

    #[test]
    fn the_last_entry_that_is_not_a_trusted_proxy_is_the_client() {
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.9.9.9"]),
            "198.51.100.7"
        );
        assert_eq!(
            client("2001:db8:1::5", &["198.51.100.7,10.1.1.1"]),
            "198.51.100.7"
        );
    }

    #[test]
    fn a_claim_left_of_the_client_is_never_read() {
        assert_eq!(
            client("10.0.0.1", &["127.0.0.1, 10.0.0.7, 198.51.100.7"]),
            "198.51.100.7"
        );
        assert_eq!(
            client("10.0.0.1", &["not an address, 198.51.100.7"]),
            "198.51.100.7"
        );
    }

    #[test]
    fn several_headers_are_one_list() {
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1", "198.51.100.7", "10.3.3.3"]),
            "198.51.100.7"
        );
    }

    #[test]
    fn a_malformed_entry_stops_the_walk_at_the_last_good_one() {
        assert_eq!(
            client("10.0.0.1", &["198.51.100.7, unknown, 10.3.3.3"]),
            "10.3.3.3"
        );
        assert_eq!(client("10.0.0.1", &["198.51.100.7,"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["_hidden"]), "10.0.0.1");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_understood() {
        assert_eq!(client("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["[2001:db8:2::1]:443"]), "2001:db8:2::1");
        assert_eq!(client("10.0.0.1", &["[2001:db8:2::1]"]), "2001:db8:2::1");
        assert_eq!(client("10.0.0.1", &["1.2.3.4, ::ffff:10.2.2.2"]), "1.2.3.4");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn a_mapped_network_is_the_ipv4_network() {
        let mapped = TrustedProxies::new(vec!["::ffff:192.0.2.0/120".parse().unwrap()]);
        assert!(mapped.contains("192.0.2.200".parse().unwrap()));
        assert!(!mapped.contains("192.0.3.1".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn whatever_is_claimed_an_untrusted_peer_stays_itself(peer: u32, lines in proptest::collection::vec("[ -~]{0,80}", 0..4)) {
            let peer = IpAddr::from(peer.to_be_bytes());
            prop_assume!(!proxies().contains(peer));
            let mut headers = HeaderMap::new();
            for line in &lines {
                headers.append(X_FORWARDED_FOR.clone(), HeaderValue::from_str(line).unwrap());
            }
            prop_assert_eq!(proxies().client(peer, &headers), peer);
        }

        #[test]
        fn any_bytes_from_a_trusted_peer_give_an_address_and_no_panic(
            lines in proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(b','), Just(b'.'), Just(b':'), 0x20u8..0x7f, 0x80u8..=0xff], 0..60), 0..4),
        ) {
            let mut headers = HeaderMap::new();
            for line in &lines {
                if let Ok(value) = HeaderValue::from_bytes(line) {
                    headers.append(X_FORWARDED_FOR.clone(), value);
                }
            }
            proxies().client("10.0.0.1".parse().unwrap(), &headers);
        }

        #[test]
        fn the_client_is_what_the_outermost_trusted_proxy_saw(
            claims in proptest::collection::vec(any::<u32>(), 0..5),
            seen: u32,
            hops in proptest::collection::vec(any::<[u8; 3]>(), 0..4),
        ) {
            let seen = IpAddr::from(seen.to_be_bytes());
            prop_assume!(!proxies().contains(seen));
            let entries: Vec<String> = claims
                .iter()
                .map(|claim| IpAddr::from(claim.to_be_bytes()).to_string())
                .chain([seen.to_string()])
                .chain(hops.iter().map(|[b, c, d]| format!("10.{b}.{c}.{d}")))
                .collect();
            let mut headers = HeaderMap::new();
            headers.append(X_FORWARDED_FOR.clone(), HeaderValue::from_str(&entries.join(", ")).unwrap());
            prop_assert_eq!(proxies().client("10.0.0.1".parse().unwrap(), &headers), seen);
        }
    }
}
