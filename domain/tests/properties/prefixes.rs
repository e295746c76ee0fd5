//! Order, containment and text of prefixes, against texts of bits and against another parser.

use std::net::{Ipv4Addr, Ipv6Addr};

use cadastre_domain::{Family, Prefix, PrefixError, parse_address_or_prefix};
use ipnet::IpNet;
use proptest::prelude::*;

use crate::generators::{any_address, any_prefix, dense_prefix};
use crate::naive::{bit_text, contains};

/// Texts from "almost a prefix" to anything at all.
fn texts() -> impl Strategy<Value = String> {
    let mended_badly = (any_prefix(), any::<prop::sample::Index>(), any::<Option<char>>()).prop_map(
        |(prefix, position, replacement)| {
            let mut characters: Vec<char> = prefix.to_string().chars().collect();
            let position = position.index(characters.len());
            characters.splice(position..=position, replacement);
            characters.into_iter().collect()
        },
    );
    prop_oneof![
        any::<String>(),
        "[0-9a-fA-F:./% \\-+]{0,24}",
        "[0-9]{1,3}(\\.[0-9]{1,3}){3}(/[0-9]{1,3})?",
        "(0{0,2}[0-9]{1,2}\\.){3}0/[0-9]{1,2}",
        "[ \t]?10\\.0\\.0\\.0 ?/ ?[0-9]{1,2}\n?",
        "[0-9a-fA-F]{0,5}(:[0-9a-fA-F]{0,4}){2,8}(%[a-z0-9]{0,4})?/[0-9]{1,3}",
        "::ffff:[0-9]{1,3}\\.[0-9]{1,3}\\.0\\.0(/(9[5-9]|1[0-2][0-9]))?",
        "(10\\.0\\.0\\.0|::)/0{0,2}[0-9]{1,2}",
        "10\\.0\\.0\\.0/255\\.(255|254|1)\\.0\\.0",
        mended_badly,
        any_prefix().prop_map(|prefix| prefix.to_string()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn order_is_by_family_then_address_then_length(a in dense_prefix(), b in dense_prefix()) {
        let key = |prefix: &Prefix| (prefix.family(), prefix.addr(), prefix.len());
        prop_assert_eq!(a.cmp(&b), key(&a).cmp(&key(&b)));
        prop_assert_eq!(a == b, bit_text(&a) == bit_text(&b));
    }

    #[test]
    fn a_prefix_contains_what_starts_with_its_bits(a in dense_prefix(), b in dense_prefix()) {
        prop_assert_eq!(a.contains(&b), contains(&a, &b));
        prop_assert_eq!(a.strictly_contains(&b), a != b && contains(&a, &b));
    }

    #[test]
    fn a_subtree_is_one_range_of_the_order(a in dense_prefix(), b in dense_prefix()) {
        prop_assert_eq!(a.contains(&b), a <= b && b <= a.last_descendant());
    }

    #[test]
    fn the_common_supernet_is_the_longest_that_contains_both(a in dense_prefix(), b in dense_prefix()) {
        let by_length = |prefix: Prefix| (0..=prefix.len()).map(move |len| prefix.truncate(len));
        let longest = by_length(a).rev().find(|supernet| contains(supernet, &a) && contains(supernet, &b));
        prop_assert_eq!(a.common_supernet(&b), longest);
        prop_assert_eq!(b.common_supernet(&a), longest);
    }

    #[test]
    fn cutting_keeps_the_first_bits(prefix in any_prefix(), len in any::<u8>()) {
        let (family, bits) = bit_text(&prefix);
        let kept = bits.len().min(usize::from(len));
        prop_assert_eq!(bit_text(&prefix.truncate(len)), (family, bits[..kept].to_owned()));
    }

    #[test]
    fn first_and_last_address_are_those_of_another_library(prefix in any_prefix(), addr in any_address()) {
        let network = IpNet::from(prefix);
        prop_assert_eq!(prefix.addr(), network.network());
        prop_assert_eq!(prefix.last_addr(), network.broadcast());
        prop_assert_eq!(prefix.last_descendant().addr(), network.broadcast());
        prop_assert!(prefix.last_descendant().is_host());
        let addr = addr.to_canonical();
        prop_assert_eq!(prefix.contains_addr(addr), network.contains(&addr));
        prop_assert_eq!(Prefix::try_from(network), Ok(prefix));
    }

    #[test]
    fn printing_and_reading_gives_the_same_prefix(prefix in any_prefix()) {
        let text = prefix.to_string();
        prop_assert_eq!(text.parse(), Ok(prefix));
        prop_assert_eq!(Prefix::parse_masked(&text), Ok(prefix));
        prop_assert_eq!(parse_address_or_prefix(&text), Ok(prefix));
        let json = serde_json::to_string(&prefix).unwrap();
        prop_assert_eq!(serde_json::from_str::<Prefix>(&json).unwrap(), prefix);
    }

    #[test]
    fn an_accepted_text_is_what_another_parser_reads_and_has_one_printed_form(text in texts()) {
        let Ok(prefix) = text.parse::<Prefix>() else { return Ok(()) };
        let network: IpNet = text.parse().unwrap();
        prop_assert_eq!(network, network.trunc(), "no host bits");
        prop_assert_eq!((prefix.addr(), prefix.len()), (network.addr(), network.prefix_len()));
        let printed = prefix.to_string();
        match prefix.family() {
            Family::V4 => prop_assert_eq!(&printed, &text),
            // The address has many spellings (RFC 4291 §2.2) and one canonical one (RFC 5952).
            Family::V6 => {
                let length = |text: &str| text.rsplit('/').next().map(str::to_owned);
                prop_assert_eq!(length(&printed), length(&text));
                prop_assert_eq!(printed.parse(), Ok(prefix));
            }
        }
    }

    #[test]
    fn a_suggestion_is_a_prefix_that_is_accepted(text in texts()) {
        let outcomes = [text.parse::<Prefix>(), Prefix::parse_masked(&text), parse_address_or_prefix(&text)];
        for error in outcomes.into_iter().filter_map(Result::err) {
            prop_assert!(!error.to_string().chars().any(char::is_control));
            if let Some(meant) = error.meant() {
                prop_assert_eq!(meant.to_string().parse(), Ok(meant));
                let question = format!("did you mean {meant}?");
                prop_assert!(error.to_string().ends_with(&question));
            }
        }
    }

    #[test]
    fn the_masking_constructor_gives_what_the_strict_one_suggests(addr in any_address(), len in 0..=130_u8) {
        match (Prefix::new(addr, len), Prefix::new_masked(addr, len)) {
            (Ok(strict), Ok(masked)) => prop_assert_eq!(strict, masked),
            (Err(PrefixError::HostBits { meant, .. }), Ok(masked)) => prop_assert_eq!(meant, masked),
            (Err(strict), Err(masked)) => prop_assert_eq!(strict, masked),
            (strict, masked) => prop_assert!(false, "{:?} but {:?}", strict, masked),
        }
    }
}

#[test]
fn both_ends_of_both_families_are_read_and_printed() {
    for (text, family, len) in [
        ("0.0.0.0/0", Family::V4, 0),
        ("255.255.255.255/32", Family::V4, 32),
        ("0.0.0.0/32", Family::V4, 32),
        ("::/0", Family::V6, 0),
        ("::/128", Family::V6, 128),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", Family::V6, 128),
    ] {
        let prefix: Prefix = text.parse().unwrap();
        assert_eq!(
            (prefix.family(), prefix.len(), prefix.to_string().as_str()),
            (family, len, text)
        );
    }
    assert_eq!(Prefix::everything(Family::V4).last_addr(), Ipv4Addr::BROADCAST);
    assert_eq!(
        Prefix::everything(Family::V6).last_addr(),
        Ipv6Addr::from_bits(u128::MAX)
    );
}
