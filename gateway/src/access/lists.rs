//! The lists themselves: one trie over both, where the longest match decides.

use std::net::IpAddr;

use ipnet::IpNet;
use prefix_trie::joint::JointPrefixMap;

use crate::client_address::unmapped_network;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Allow,
    Deny,
}

/// Allow and deny lists, ready for lookups.
pub(crate) struct AccessLists {
    rules: JointPrefixMap<IpNet, Rule>,
    allow_is_empty: bool,
}

impl AccessLists {
    /// Lists made of two files' networks. Where both hold the same network, deny wins.
    pub(crate) fn new(allow: &[IpNet], deny: &[IpNet]) -> Self {
        let mut rules = JointPrefixMap::new();
        for network in allow {
            rules.insert(*network, Rule::Allow);
        }
        for network in deny {
            rules.insert(*network, Rule::Deny);
        }
        Self {
            rules,
            allow_is_empty: allow.is_empty(),
        }
    }

    /// Whether an address is let in. An unknown one is a stranger to every list.
    pub(crate) fn admits(&self, address: Option<IpAddr>) -> bool {
        let rule = address.and_then(|address| self.rules.get_lpm(&IpNet::from(address.to_canonical())));
        match rule {
            Some((_, Rule::Allow)) => true,
            Some((_, Rule::Deny)) => false,
            None => self.allow_is_empty,
        }
    }
}

/// Reads a list. The error names the line and what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Vec<IpNet>, String> {
    let mut networks = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        networks.push(parse_entry(entry).map_err(|reason| format!("line {}: {reason}", index + 1))?);
    }
    Ok(networks)
}

fn parse_entry(entry: &str) -> Result<IpNet, String> {
    let network = match entry.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => match entry.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => {
                return Err(format!(
                    "`{}` is not a network in CIDR notation",
                    entry.escape_debug()
                ));
            }
        },
    };
    if network.addr() != network.network() {
        return Err(format!(
            "{entry} has host bits set; did you mean {}?",
            network.trunc()
        ));
    }
    Ok(unmapped_network(network))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn lists(allow: &str, deny: &str) -> AccessLists {
        AccessLists::new(&parse(allow).unwrap(), &parse(deny).unwrap())
    }

    fn admits(lists: &AccessLists, address: &str) -> bool {
        lists.admits(Some(address.parse().unwrap()))
    }

    #[test]
    fn the_longest_match_decides() {
        let lists = lists("10.0.0.0/8\n10.1.2.0/24", "10.1.0.0/16\n10.1.2.3");
        assert!(admits(&lists, "10.2.0.1"));
        assert!(!admits(&lists, "10.1.0.1"));
        assert!(admits(&lists, "10.1.2.4"));
        assert!(!admits(&lists, "10.1.2.3"));
        assert!(!admits(&lists, "::ffff:10.1.2.3"));
    }

    #[test]
    fn equal_length_is_a_denial_and_an_allow_list_keeps_strangers_out() {
        let both = lists("192.0.2.0/24", "192.0.2.0/24");
        assert!(!admits(&both, "192.0.2.1"));
        assert!(!admits(&both, "198.51.100.1"));
        assert!(!both.admits(None));
        let deny_only = lists("", "2001:db8::/32");
        assert!(admits(&deny_only, "198.51.100.1"));
        assert!(!admits(&deny_only, "2001:db8::1"));
        assert!(admits(&deny_only, "2001:db9::1"));
    }

    #[test]
    fn default_routes_match_their_own_family_only() {
        let lists = lists("0.0.0.0/0", "");
        assert!(admits(&lists, "203.0.113.1"));
        assert!(!admits(&lists, "2001:db8::1"));
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        assert_eq!(
            parse("# head\n\n10.0.0.0/8 # office\nnonsense\n").unwrap_err(),
            "line 4: `nonsense` is not a network in CIDR notation"
        );
        assert_eq!(
            parse("10.1.2.3/24").unwrap_err(),
            "line 1: 10.1.2.3/24 has host bits set; did you mean 10.1.2.0/24?"
        );
        assert!(parse("10.0.0.0/33").is_err());
    }

    proptest! {
        #[test]
        fn lookups_agree_with_looking_at_every_entry(
            entries in proptest::collection::vec((0u8..16, 0u8..=8, any::<bool>()), 0..12),
            address in 0u8..16,
        ) {
            // Networks within 10.0.0.0/8 whose second octet is small, so that they meet often.
            let network = |octet: u8, length: u8| IpNet::new(IpAddr::from([10, octet, 0, 0]), 8 + length).unwrap().trunc();
            let of = |wanted: bool| -> Vec<IpNet> {
                entries.iter().filter(|entry| entry.2 == wanted).map(|entry| network(entry.0, entry.1)).collect()
            };
            let (allow, deny) = (of(true), of(false));
            let address = IpAddr::from([10, address, 0, 1]);
            let longest = |networks: &[IpNet]| {
                networks.iter().filter(|network| network.contains(&address)).map(IpNet::prefix_len).max()
            };
            let expected = match (longest(&allow), longest(&deny)) {
                (None, None) => allow.is_empty(),
                (allowed, denied) => allowed > denied,
            };
            prop_assert_eq!(AccessLists::new(&allow, &deny).admits(Some(address)), expected);
        }
    }
}
