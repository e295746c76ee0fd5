//! From text to [`Prefix`]. The address itself is read by the standard library; what is here is
//! the rules on top of it, and the diagnosis of what was probably meant when it refuses.

use std::net::IpAddr;

use super::{Family, HostBits, Prefix, PrefixError};
use crate::echo::echo;

/// The longest spelling of a prefix is about 50 bytes; what is far longer is not worth a diagnosis.
const LONGEST_DIAGNOSED: usize = 128;

/// Reads an address or a prefix: a bare address is its host prefix. For looking things up; where a
/// prefix is stored, its length has to be said.
///
/// # Errors
/// [`PrefixError`] as for [`Prefix`]'s `FromStr`, except for a missing length.
pub fn parse_address_or_prefix(text: &str) -> Result<Prefix, PrefixError> {
    match parse(text, HostBits::Refused) {
        Err(PrefixError::MissingLength { meant, .. }) => Ok(meant),
        outcome => outcome,
    }
}

/// Reads `address/length`.
pub(super) fn parse(text: &str, host_bits: HostBits) -> Result<Prefix, PrefixError> {
    if text.is_empty() {
        return Err(PrefixError::Empty);
    }
    if text.len() > LONGEST_DIAGNOSED {
        return Err(PrefixError::NotAPrefix { given: echo(text) });
    }
    let Some((address, length)) = text.split_once('/') else {
        return Err(match text.parse::<IpAddr>() {
            Ok(address) => without_length(address, text),
            Err(_) => diagnose(text),
        });
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return Err(diagnose(text));
    };
    let max = Family::of(&address).max_len();
    match read_length(length) {
        Length::Bits(len) if len <= u32::from(max) => {
            // Cannot truncate: at most 128.
            Prefix::build(address, len as u8, host_bits, || echo(text))
        }
        Length::Bits(_) => Err(PrefixError::LengthOutOfRange {
            given: echo(text),
            max,
        }),
        Length::Mask(mask) => Err(with_netmask(address, mask, text)),
        Length::Unreadable => Err(diagnose(text)),
    }
}

enum Length {
    Bits(u32),
    Mask(IpAddr),
    Unreadable,
}

fn read_length(text: &str) -> Length {
    // `u32::from_str` alone would take `+24` and `024`.
    let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits {
        return text.parse().map_or(Length::Unreadable, Length::Mask);
    }
    if text.len() > 1 && text.starts_with('0') {
        return Length::Unreadable;
    }
    // More digits than a u32 holds are still "out of range", not "not a number".
    Length::Bits(text.parse().unwrap_or(u32::MAX))
}

fn without_length(address: IpAddr, text: &str) -> PrefixError {
    let (given, meant) = (echo(text), Prefix::host(address));
    if Family::of(&address) == meant.family() {
        PrefixError::MissingLength { given, meant }
    } else {
        PrefixError::MappedAddress { given, meant }
    }
}

fn with_netmask(address: IpAddr, mask: IpAddr, text: &str) -> PrefixError {
    let same_family = Family::of(&address) == Family::of(&mask);
    let meant = ipnet::ip_mask_to_prefix(mask).ok().filter(|_| same_family);
    match meant.and_then(|len| meant_by(Prefix::new_masked(address, len))) {
        Some(meant) => PrefixError::Netmask {
            given: echo(text),
            meant,
        },
        None => PrefixError::NotAPrefix { given: echo(text) },
    }
}

/// Names the first fault of a text the standard library does not read, by mending it and seeing
/// whether that reads. Each mending removes its fault for good, so this ends.
fn diagnose(text: &str) -> PrefixError {
    let given = echo(text);
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if compact.len() != text.len() {
        return PrefixError::WhiteSpace {
            given,
            meant: meant_by(parse(&compact, HostBits::Masked)),
        };
    }
    if let Some(zoneless) = without_zone(text) {
        return PrefixError::ZoneId {
            given,
            meant: meant_by(parse(&zoneless, HostBits::Masked)),
        };
    }
    let decimal = without_leading_zeros(text);
    if decimal != text
        && let Some(meant) = meant_by(parse(&decimal, HostBits::Masked))
    {
        return PrefixError::LeadingZeros { given, meant };
    }
    PrefixError::NotAPrefix { given }
}

fn meant_by(outcome: Result<Prefix, PrefixError>) -> Option<Prefix> {
    outcome.map_or_else(|error| error.meant(), Some)
}

/// `fe80::1%eth0/64` becomes `fe80::1/64`; `None` when there is no zone id.
fn without_zone(text: &str) -> Option<String> {
    let (address, rest) = text.split_once('%')?;
    let length = rest.split_once('/').map(|(_, length)| length.replace('%', ""));
    let address = address.replace('/', "");
    Some(length.map_or(address.clone(), |length| format!("{address}/{length}")))
}

/// Leading zeros of IPv4 octets and of the length. Those of IPv6 groups are legal.
fn without_leading_zeros(text: &str) -> String {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let strip = |digits: &str| {
        let stripped = digits.trim_start_matches('0');
        let all_zeros = stripped.is_empty() && !digits.is_empty();
        if all_zeros {
            "0".to_owned()
        } else {
            stripped.to_owned()
        }
    };
    let address = if address.contains(':') {
        address.to_owned()
    } else {
        address.split('.').map(strip).collect::<Vec<_>>().join(".")
    };
    length.map_or(address.clone(), |length| format!("{address}/{}", strip(length)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Prefix>().unwrap_err().to_string()
    }

    #[test]
    fn canonical_text_of_both_families_is_read() {
        for text in [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.1.2.3/32",
            "::/0",
            "2001:db8::/32",
            "2001:db8::1/128",
            "::1/128",
        ] {
            assert_eq!(text.parse::<Prefix>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn every_ipv6_spelling_reads_as_the_one_canonical_prefix() {
        for text in [
            "2001:DB8::/32",
            "2001:0db8::/32",
            "2001:db8:0:0:0:0:0:0/32",
            "2001:db8::0.0.0.0/32",
        ] {
            assert_eq!(text.parse::<Prefix>().unwrap().to_string(), "2001:db8::/32");
        }
    }

    #[test]
    fn host_bits_are_refused_with_the_network_that_was_meant() {
        assert_eq!(
            refusal("10.1.2.3/24"),
            "10.1.2.3/24 has host bits set; did you mean 10.1.2.0/24?"
        );
        assert_eq!(
            refusal("2001:DB8::1/64"),
            "2001:DB8::1/64 has host bits set; did you mean 2001:db8::/64?"
        );
        assert_eq!(
            refusal("0.0.0.1/0"),
            "0.0.0.1/0 has host bits set; did you mean 0.0.0.0/0?"
        );
        assert_eq!(
            Prefix::parse_masked("10.1.2.3/24").unwrap().to_string(),
            "10.1.2.0/24"
        );
    }

    #[test]
    fn a_missing_length_is_refused_where_a_prefix_is_wanted_and_allowed_in_a_lookup() {
        assert_eq!(
            refusal("10.1.2.3"),
            "10.1.2.3 has no prefix length; did you mean 10.1.2.3/32?"
        );
        assert_eq!(refusal("::1"), "::1 has no prefix length; did you mean ::1/128?");
        assert_eq!(
            parse_address_or_prefix("10.1.2.3").unwrap().to_string(),
            "10.1.2.3/32"
        );
        assert_eq!(
            parse_address_or_prefix("10.1.2.0/24").unwrap().to_string(),
            "10.1.2.0/24"
        );
        assert!(parse_address_or_prefix("10.1.2.3/24").is_err());
        assert!(parse_address_or_prefix("::ffff:10.1.2.3").is_err());
    }

    #[test]
    fn lengths_outside_the_family_are_refused() {
        assert_eq!(
            refusal("10.0.0.0/33"),
            "10.0.0.0/33 has a prefix length out of range; it must be between 0 and 32"
        );
        assert!(matches!(
            "::/129".parse::<Prefix>(),
            Err(PrefixError::LengthOutOfRange { max: 128, .. })
        ));
        assert!(matches!(
            "::/99999999999999999999".parse::<Prefix>(),
            Err(PrefixError::LengthOutOfRange { .. })
        ));
    }

    #[test]
    fn an_ipv4_network_has_one_place_in_the_tree() {
        assert_eq!(
            refusal("::ffff:10.1.2.0/120"),
            "::ffff:10.1.2.0/120 is an IPv4 address in IPv6 form; did you mean 10.1.2.0/24?"
        );
        assert_eq!(
            refusal("::ffff:0a01:0203"),
            "::ffff:0a01:0203 is an IPv4 address in IPv6 form; did you mean 10.1.2.3/32?"
        );
        assert!(matches!(
            Prefix::parse_masked("::ffff:1.2.3.4/97"),
            Err(PrefixError::MappedAddress { .. })
        ));
    }

    #[test]
    fn leading_zeros_are_refused_in_octets_and_lengths() {
        assert_eq!(
            refusal("010.1.2.0/24"),
            "010.1.2.0/24 has leading zeros, which some programs read as octal; did you mean 10.1.2.0/24?"
        );
        assert!(refusal("10.0.0.0/08").ends_with("did you mean 10.0.0.0/8?"));
        assert!(refusal("2001:db8::/032").ends_with("did you mean 2001:db8::/32?"));
        assert!(refusal("10.00.0.1").ends_with("did you mean 10.0.0.1/32?"));
    }

    #[test]
    fn white_space_zone_ids_and_netmasks_are_refused_with_what_was_meant() {
        assert_eq!(
            refusal(" 10.0.0.0/8\n"),
            " 10.0.0.0/8\\n contains white space; did you mean 10.0.0.0/8?"
        );
        assert!(refusal("10.0.0.0 / 8").ends_with("did you mean 10.0.0.0/8?"));
        assert!(refusal("fe80::1%eth0/64").ends_with("did you mean fe80::/64?"));
        assert!(refusal("fe80::1%eth0").ends_with("did you mean fe80::1/128?"));
        assert_eq!(
            refusal("10.1.2.3/255.255.255.0"),
            "10.1.2.3/255.255.255.0 has a netmask in place of a prefix length; did you mean 10.1.2.0/24?"
        );
    }

    #[test]
    fn nonsense_is_refused_and_repeated_safely() {
        for text in [
            "/",
            "10.0.0.0/",
            "/8",
            "10.0.0.0/8/8",
            "10.0.0/8",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "a/8",
        ] {
            assert!(
                matches!(text.parse::<Prefix>(), Err(PrefixError::NotAPrefix { .. })),
                "{text}"
            );
        }
        assert!(matches!("".parse::<Prefix>(), Err(PrefixError::Empty)));
        let long = refusal(&"9".repeat(100_000));
        assert!(long.starts_with(&"9".repeat(64)) && long.len() < 300);
    }
}
