//! The beginning of an address: whole groups with their separators, such as `10.1`, `10.1.` or `2001:db8:`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::prefix::Prefix;

/// The prefix of all addresses that begin like this; `None` when the text is no such beginning. A group alone,
/// without a separator, is none: `10` may begin anything.
pub(super) fn within(text: &str) -> Option<Prefix> {
    if text.contains('.') {
        let mut octets = [0; 4];
        let count = groups(text, '.', &mut octets, octet)?;
        Prefix::new_masked(Ipv4Addr::from(octets).into(), 8 * count).ok()
    } else {
        let mut segments = [0; 8];
        let count = groups(text, ':', &mut segments, segment)?;
        Prefix::new_masked(Ipv6Addr::from(segments).into(), 16 * count).ok()
    }
}

/// Reads the groups of a text into an array; how many there are: at least one, and fewer than all.
fn groups<T, const N: usize>(
    text: &str,
    separator: char,
    into: &mut [T; N],
    read: fn(&str) -> Option<T>,
) -> Option<u8> {
    if !text.contains(separator) {
        return None;
    }
    let text = text.strip_suffix(separator).unwrap_or(text);
    let mut count = 0;
    for part in text.split(separator) {
        // The last place stays free: with all of them it is an address.
        *into.get_mut(count).filter(|_| count + 1 < N)? = read(part)?;
        count += 1;
    }
    u8::try_from(count).ok()
}

/// A decimal octet without leading zeros.
fn octet(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// One to four hexadecimal digits.
fn segment(text: &str) -> Option<u16> {
    let plain = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(text, 16).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_groups_with_a_separator_are_the_beginning_of_an_address() {
        for (text, expected) in [
            ("10.", "10.0.0.0/8"),
            ("10.1", "10.1.0.0/16"),
            ("10.1.", "10.1.0.0/16"),
            ("10.1.2", "10.1.2.0/24"),
            ("0.0", "0.0.0.0/16"),
            ("2001:", "2001::/16"),
            ("2001:DB8", "2001:db8::/32"),
            ("2001:db8:0:1:", "2001:db8:0:1::/64"),
            ("1:2:3:4:5:6:7", "1:2:3:4:5:6:7:0/112"),
        ] {
            let found = within(text).map(|prefix| prefix.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            ".",
            ":",
            "10",
            "2001",
            "10..",
            ".1",
            "10.1.2.3",
            "10.1.2.3.",
            "10.256",
            "10.01",
            "10.+1",
            "10.1/16",
            "2001:db8::",
            "::",
            "1:2:3:4:5:6:7:8",
            "2001:g",
            "2001:12345",
            "10.a",
            "10.1:",
            "Kühe.",
        ] {
            assert_eq!(within(text), None, "{text}");
        }
    }
}
