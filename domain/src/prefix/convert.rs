//! Prefixes to and from text, serialised form, and the `ipnet` library's type.

use std::fmt;
use std::str::FromStr;

use super::{HostBits, Prefix, PrefixError, parse};
use crate::text::serde_as_text;

impl FromStr for Prefix {
    type Err = PrefixError;

    /// Strict: an address in canonical decimal (IPv4) or any RFC 4291 spelling (IPv6), a slash, a
    /// decimal length, no host bits, and nothing else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::parse(text, HostBits::Refused)
    }
}

impl fmt::Display for Prefix {
    /// The canonical text (RFC 5952 for IPv6).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if formatter.width().is_none() && formatter.precision().is_none() {
            return write!(formatter, "{}/{}", self.addr(), self.len);
        }
        // Only columns of a table need the detour through a text of its own.
        formatter.pad(&format!("{}/{}", self.addr(), self.len))
    }
}

// A prefix in a failed assertion or a log should read as one.
impl fmt::Debug for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl From<Prefix> for ipnet::IpNet {
    fn from(prefix: Prefix) -> Self {
        // The assertion inside cannot fire: a prefix's length is within its family's.
        Self::new_assert(prefix.addr(), prefix.len)
    }
}

impl TryFrom<ipnet::IpNet> for Prefix {
    type Error = PrefixError;

    fn try_from(network: ipnet::IpNet) -> Result<Self, Self::Error> {
        Self::new(network.addr(), network.prefix_len())
    }
}

serde_as_text!(Prefix, "a prefix such as 10.0.0.0/8 or 2001:db8::/32");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn p(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn serde_is_the_strict_text() {
        assert_eq!(
            serde_json::to_string(&p("10.0.0.0/8")).unwrap(),
            r#""10.0.0.0/8""#
        );
        assert_eq!(
            serde_json::from_str::<Prefix>(r#""2001:db8::/32""#).unwrap(),
            p("2001:db8::/32")
        );
        let refusal = serde_json::from_str::<Prefix>(r#""10.0.0.1/8""#).unwrap_err();
        assert!(refusal.to_string().contains("did you mean 10.0.0.0/8?"));
    }

    #[test]
    fn conversion_to_and_from_ipnet_keeps_the_prefix() {
        let network = ipnet::IpNet::from(p("10.0.0.0/8"));
        assert_eq!(Prefix::try_from(network).unwrap(), p("10.0.0.0/8"));
        assert!(Prefix::try_from("10.0.0.1/8".parse::<ipnet::IpNet>().unwrap()).is_err());
    }

    #[test]
    fn printing_honours_the_width_of_a_column() {
        assert_eq!(format!("{:<12}|", p("10.0.0.0/8")), "10.0.0.0/8  |");
        assert_eq!(format!("{:>12}|", p("::/0")), "        ::/0|");
    }
}
