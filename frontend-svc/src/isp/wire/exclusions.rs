//! What a pool never hands out: addresses, prefixes and ranges of a body, as the fewest prefixes that are the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cadastre_api_types::ApiError;
use cadastre_domain::Prefix;
use cadastre_domain::isp::pool::MAX_EXCLUSIONS;
use cadastre_domain::prefix::Family;

use super::{address, address_or_prefix, invalid};
use crate::http::wording::echo;

/// The fewest prefixes that are all of these, ascending; what is named twice is there once.
///
/// # Errors
/// `400 InvalidPrefix` or `InvalidValue` naming the text that is none of them.
pub(crate) fn canonical(texts: &[String]) -> Result<Vec<Prefix>, ApiError> {
    if texts.len() > MAX_EXCLUSIONS {
        return Err(invalid(
            "exclusions",
            format!(
                "A pool excludes at most {MAX_EXCLUSIONS} prefixes; these are {}. Make a node for what is used otherwise.",
                texts.len()
            ),
        ));
    }
    let mut ranges = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        ranges.push(range(&format!("exclusions[{at}]"), text)?);
    }
    Ok(joined(ranges).into_iter().flat_map(prefixes).collect())
}

/// Addresses from one to another, both included, as numbers of their family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    family: Family,
    first: u128,
    last: u128,
}

fn range(field: &str, text: &str) -> Result<Range, ApiError> {
    let Some((first, last)) = text.split_once('-') else {
        let prefix = address_or_prefix(field, text.trim())?;
        return Ok(Range {
            family: prefix.family(),
            first: number(prefix.addr()),
            last: number(prefix.last_addr()),
        });
    };
    let (first, last) = (address(field, first.trim())?, address(field, last.trim())?);
    let family = Family::of(&first);
    if family != Family::of(&last) {
        return Err(invalid(
            field,
            format!(
                "`{}` begins in one family of addresses and ends in the other.",
                echo(text)
            ),
        ));
    }
    let (from, to) = (number(first), number(last));
    if from > to {
        return Err(invalid(
            field,
            format!(
                "`{}` ends before it begins; did you mean {last}-{first}?",
                echo(text)
            ),
        ));
    }
    Ok(Range {
        family,
        first: from,
        last: to,
    })
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// Ranges that overlap or touch, as one.
fn joined(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable();
    let mut joined: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(before) if before.family == range.family && range.first <= before.last.saturating_add(1) => {
                before.last = before.last.max(range.last);
            }
            Some(_) | None => joined.push(range),
        }
    }
    joined
}

/// The fewest prefixes that are a range: again and again the largest one that begins where the rest does.
fn prefixes(range: Range) -> Vec<Prefix> {
    let width = u32::from(range.family.max_len());
    let mut found = Vec::new();
    let mut next = Some(range.first);
    while let Some(first) = next.filter(|first| *first <= range.last) {
        let aligned = first.trailing_zeros().min(width);
        // Of as many addresses as are left, or fewer. All of IPv6 at once does not fit a number.
        let left = (range.last - first)
            .checked_add(1)
            .map_or(128, |left| left.ilog2());
        let host_bits = aligned.min(left);
        let address = match range.family {
            Family::V4 => IpAddr::V4(Ipv4Addr::from(u32::try_from(first).unwrap_or(u32::MAX))),
            Family::V6 => IpAddr::V6(Ipv6Addr::from(first)),
        };
        let length = u8::try_from(width - host_bits).unwrap_or_default();
        match Prefix::new(address, length) {
            Ok(prefix) => found.push(prefix),
            // An IPv4 address in IPv6 form, which no prefix of IPv6 is: nothing of it can be handed out either.
            Err(_) => break,
        }
        next = 1_u128
            .checked_shl(host_bits)
            .and_then(|size| first.checked_add(size));
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn of(texts: &[&str]) -> Vec<String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        canonical(&texts)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn ranges_addresses_and_prefixes_become_the_fewest_prefixes() {
        assert_eq!(
            of(&["203.0.113.10-203.0.113.19"]),
            ["203.0.113.10/31", "203.0.113.12/30", "203.0.113.16/30"]
        );
        assert_eq!(of(&["203.0.113.9", "203.0.113.8/32"]), ["203.0.113.8/31"]);
        assert_eq!(
            of(&["203.0.113.0/25", "203.0.113.64 - 203.0.113.255"]),
            ["203.0.113.0/24"]
        );
        assert_eq!(
            of(&["2001:db8::1-2001:db8::2"]),
            ["2001:db8::1/128", "2001:db8::2/128"]
        );
        assert_eq!(of(&["0.0.0.0-255.255.255.255"]), ["0.0.0.0/0"]);
        assert_eq!(of(&["::/0"]), ["::/0"]);
        assert!(of(&[]).is_empty());
    }

    #[test]
    fn what_is_no_range_is_named_with_its_place() {
        for (text, code) in [
            ("203.0.113.9-203.0.113.1", "InvalidValue"),
            ("203.0.113.9-2001:db8::1", "InvalidValue"),
            ("203.0.113.9-", "InvalidPrefix"),
            ("203.0.113.9/24", "InvalidPrefix"),
            ("x", "InvalidPrefix"),
        ] {
            let error = canonical(&["203.0.113.1".to_owned(), text.to_owned()]).unwrap_err();
            assert_eq!(error.code.as_str(), code, "{text}");
            assert_eq!(error.details.unwrap()["field"], "exclusions[1]", "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_prefixes_of_ranges_hold_exactly_their_addresses_once_each(
            ranges in proptest::collection::vec((0_u8..=255, 0_u8..=255), 0..6),
        ) {
            let ranges: Vec<(u8, u8)> = ranges.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
            let texts: Vec<String> =
                ranges.iter().map(|(first, last)| format!("203.0.113.{first}-203.0.113.{last}")).collect();
            let found = canonical(&texts).unwrap();
            for host in 0..=255_u8 {
                let address: IpAddr = format!("203.0.113.{host}").parse().unwrap();
                let expected = ranges.iter().any(|(first, last)| (*first..=*last).contains(&host));
                let held = found.iter().filter(|prefix| prefix.contains_addr(address)).count();
                prop_assert_eq!(held, usize::from(expected));
            }
            // No two neighbours could be one.
            for pair in found.windows(2) {
                let joins = pair[0].len() == pair[1].len()
                    && pair[0].common_supernet(&pair[1]).is_some_and(|above| above.len() + 1 == pair[0].len());
                prop_assert!(!joins, "{} {}", pair[0], pair[1]);
            }
        }
    }
}
