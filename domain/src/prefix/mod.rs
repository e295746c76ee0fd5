//! IP prefixes in one canonical form. The order of prefixes is what the whole product rests on:
//! parents sort before their children and a subtree is one contiguous range, so the hierarchy never
//! has to be stored.

mod convert;
mod error;
mod parse;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use error::PrefixError;
pub use parse::parse_address_or_prefix;

/// An address family. IPv4 sorts before IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4: 32 bits.
    V4,
    /// IPv6: 128 bits.
    V6,
}

impl Family {
    /// Length of an address in bits, which is also the longest prefix length.
    #[must_use]
    pub fn max_len(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// The family of an address as written; an IPv4-mapped IPv6 address counts as IPv6.
    #[must_use]
    pub fn of(address: &IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// An IP prefix without host bits.
///
/// Ordered by family, then address, then length, shorter first: a prefix comes before everything
/// beneath it, and everything beneath it comes before anything else.
///
/// IPv4 networks have one form only: `::ffff:a.b.c.d` is refused or read as IPv4.
//
// The derived order is the documented one because of the order of the fields.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    family: Family,
    /// The address, left-aligned: IPv4 takes the 32 highest bits. One arithmetic serves both.
    bits: u128,
    len: u8,
}

/// What to do with bits behind the prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostBits {
    Refused,
    Masked,
}

impl Prefix {
    /// A prefix from its address and length.
    ///
    /// # Errors
    /// When host bits are set, the length is out of range, or the address is an IPv4 one in IPv6
    /// form.
    pub fn new(addr: IpAddr, len: u8) -> Result<Self, PrefixError> {
        Self::build(addr, len, HostBits::Refused, || format!("{addr}/{len}"))
    }

    /// As [`Prefix::new`], but clears host bits instead of refusing them.
    ///
    /// # Errors
    /// When the length is out of range or the address is an IPv4 one in IPv6 form.
    pub fn new_masked(addr: IpAddr, len: u8) -> Result<Self, PrefixError> {
        Self::build(addr, len, HostBits::Masked, || format!("{addr}/{len}"))
    }

    /// The prefix of one address: /32 or /128. An IPv4-mapped IPv6 address is taken as IPv4.
    #[must_use]
    pub fn host(addr: IpAddr) -> Self {
        let addr = addr.to_canonical();
        let family = Family::of(&addr);
        Self {
            family,
            bits: left_aligned(&addr),
            len: family.max_len(),
        }
    }

    /// Reads a prefix from text and clears its host bits.
    ///
    /// # Errors
    /// As for `FromStr`, except for host bits.
    pub fn parse_masked(text: &str) -> Result<Self, PrefixError> {
        parse::parse(text, HostBits::Masked)
    }

    /// `0.0.0.0/0` or `::/0`.
    #[must_use]
    pub fn everything(family: Family) -> Self {
        Self {
            family,
            bits: 0,
            len: 0,
        }
    }

    /// The one place where an address and a length become a prefix. `given` is how a refusal names
    /// them.
    fn build(
        addr: IpAddr,
        len: u8,
        host_bits: HostBits,
        given: impl FnOnce() -> String,
    ) -> Result<Self, PrefixError> {
        let family = Family::of(&addr);
        let max = family.max_len();
        if len > max {
            return Err(PrefixError::LengthOutOfRange { given: given(), max });
        }
        let bits = left_aligned(&addr);
        let masked = Self {
            family,
            bits: bits & mask(len),
            len,
        };
        if let Some(meant) = mapped_ipv4(&addr, len) {
            return Err(PrefixError::MappedAddress {
                given: given(),
                meant,
            });
        }
        if host_bits == HostBits::Refused && masked.bits != bits {
            return Err(PrefixError::HostBits {
                given: given(),
                meant: masked,
            });
        }
        Ok(masked)
    }

    /// The address family.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// The prefix length in bits.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // the length of a prefix, not a count of elements
    pub fn len(&self) -> u8 {
        self.len
    }

    /// The address bits, left-aligned: an IPv4 address is in the 32 highest bits.
    #[must_use]
    pub fn bits(&self) -> u128 {
        self.bits
    }

    /// The first address.
    #[must_use]
    pub fn addr(&self) -> IpAddr {
        self.address_of(self.bits)
    }

    /// The last address; in IPv4 networks up to /30 the broadcast address.
    #[must_use]
    pub fn last_addr(&self) -> IpAddr {
        self.address_of(self.last_bits())
    }

    /// Whether this prefix is a single address.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.len == self.family.max_len()
    }

    /// Whether `other` is this prefix or lies beneath it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.family == other.family && self.len <= other.len && (other.bits & mask(self.len)) == self.bits
    }

    /// Whether `other` lies beneath this prefix and is not the same.
    #[must_use]
    pub fn strictly_contains(&self, other: &Self) -> bool {
        self.len < other.len && self.contains(other)
    }

    /// Whether an address lies in this prefix. An IPv4-mapped IPv6 address is taken as IPv4.
    #[must_use]
    pub fn contains_addr(&self, addr: IpAddr) -> bool {
        self.contains(&Self::host(addr))
    }

    /// The supernet of the given length; the prefix itself when it is not longer than that.
    #[must_use]
    pub fn truncate(&self, len: u8) -> Self {
        if len >= self.len {
            return *self;
        }
        Self {
            family: self.family,
            bits: self.bits & mask(len),
            len,
        }
    }

    /// The prefix of this family that begins at these bits (left-aligned; those behind `len` are cleared).
    /// `len` must be one of the family.
    pub(crate) fn with_bits(&self, bits: u128, len: u8) -> Self {
        debug_assert!(len <= self.family.max_len(), "length {len} of {}", self.family);
        Self {
            family: self.family,
            bits: bits & mask(len),
            len,
        }
    }

    /// The prefix of a length at a place in this one, counted from its first (0); `None` if there is no such place.
    #[must_use]
    pub fn nth(&self, len: u8, place: u128) -> Option<Self> {
        let most = self.family.max_len();
        if len < self.len || len > most {
            return None;
        }
        let places = u32::from(len - self.len);
        if places < 128 && place >> places != 0 {
            return None;
        }
        // The bits of both families stand at the top.
        let shifted = if len == 0 {
            0
        } else {
            place << (128 - u32::from(len))
        };
        Some(self.with_bits(self.bits | shifted, len))
    }

    /// The longest prefix that contains both; `None` across families.
    #[must_use]
    pub fn common_supernet(&self, other: &Self) -> Option<Self> {
        if self.family != other.family {
            return None;
        }
        // At most 128, so it fits.
        let shared = (self.bits ^ other.bits).leading_zeros() as u8;
        Some(self.truncate(shared.min(other.len)))
    }

    /// The last address as a host prefix: the greatest prefix, in order, that this one contains.
    #[must_use]
    pub fn last_descendant(&self) -> Self {
        Self {
            family: self.family,
            bits: self.last_bits(),
            len: self.family.max_len(),
        }
    }

    fn last_bits(&self) -> u128 {
        self.bits | (mask(self.family.max_len()) & !mask(self.len))
    }

    fn address_of(&self, bits: u128) -> IpAddr {
        match self.family {
            // The 32 highest bits, so the cast loses nothing.
            Family::V4 => Ipv4Addr::from_bits((bits >> 96) as u32).into(),
            Family::V6 => Ipv6Addr::from_bits(bits).into(),
        }
    }
}

/// The `len` highest bits set.
fn mask(len: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0)
}

fn left_aligned(addr: &IpAddr) -> u128 {
    match addr {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The IPv4 network a prefix inside `::ffff:0:0/96` (RFC 4291 §2.5.5.2) stands for.
fn mapped_ipv4(addr: &IpAddr, len: u8) -> Option<Prefix> {
    let IpAddr::V6(v6) = addr else { return None };
    let v4 = v6.to_ipv4_mapped()?;
    let len = len.checked_sub(96)?;
    Some(Prefix::host(v4.into()).truncate(len))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn p(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn parents_sort_before_children_and_ipv4_before_ipv6() {
        let sorted = [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.0.0.0/16",
            "10.0.0.0/32",
            "10.0.1.0/24",
            "10.1.0.0/16",
        ]
        .iter()
        .chain(&[
            "255.255.255.255/32",
            "::/0",
            "::/128",
            "2001:db8::/32",
            "2001:db8::/48",
        ])
        .map(|text| p(text))
        .collect::<Vec<_>>();
        assert!(sorted.is_sorted());
    }

    #[test]
    fn the_longest_and_shortest_prefixes_of_both_families_behave() {
        for family in [Family::V4, Family::V6] {
            let all = Prefix::everything(family);
            assert_eq!((all.len(), all.bits()), (0, 0));
            assert!(all.contains(&all) && !all.strictly_contains(&all));
            let last = all.last_descendant();
            assert!(last.is_host() && all.strictly_contains(&last));
            assert_eq!(last.last_descendant(), last);
            assert_eq!(last.truncate(0), all);
            assert_eq!(Prefix::new(all.last_addr(), family.max_len()).unwrap(), last);
            assert!(Prefix::new(all.addr(), family.max_len() + 1).is_err());
        }
        assert_eq!(p("0.0.0.0/0").last_addr().to_string(), "255.255.255.255");
    }

    #[test]
    fn families_never_contain_each_other() {
        let (four, six) = (Prefix::everything(Family::V4), Prefix::everything(Family::V6));
        assert!(!four.contains(&six) && !six.contains(&four));
        assert_eq!(four.common_supernet(&six), None);
        assert!(!six.contains_addr("10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_mapped_address_is_found_where_its_ipv4_address_is() {
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        assert!(p("10.0.0.0/8").contains_addr(mapped));
        assert!(!p("::/0").contains_addr(mapped));
        assert_eq!(Prefix::host(mapped), p("10.0.0.1/32"));
    }

    #[test]
    fn common_supernet_is_the_longest() {
        assert_eq!(
            p("10.0.0.0/24").common_supernet(&p("10.0.1.0/24")),
            Some(p("10.0.0.0/23"))
        );
        assert_eq!(
            p("10.0.0.0/8").common_supernet(&p("10.9.0.0/16")),
            Some(p("10.0.0.0/8"))
        );
        assert_eq!(p("::/128").common_supernet(&p("8000::/128")), Some(p("::/0")));
        assert_eq!(p("::1/128").common_supernet(&p("::1/128")), Some(p("::1/128")));
    }
}
