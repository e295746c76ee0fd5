//! Why a text is not a prefix, with the prefix that was probably meant.

use super::Prefix;

/// Why a prefix is refused. `given` is the input, cut to 64 characters and escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// The empty text.
    #[error("the prefix is empty; write an address, a slash and a length, such as 10.0.0.0/8")]
    Empty,
    /// Bits behind the prefix length are not zero.
    #[error("{given} has host bits set; did you mean {meant}?")]
    HostBits {
        /// The input.
        given: String,
        /// The input with its host bits cleared.
        meant: Prefix,
    },
    /// An address without a length.
    #[error("{given} has no prefix length; did you mean {meant}?")]
    MissingLength {
        /// The input.
        given: String,
        /// The address as a host prefix.
        meant: Prefix,
    },
    /// A length greater than the family's addresses are long.
    #[error("{given} has a prefix length out of range; it must be between 0 and {max}")]
    LengthOutOfRange {
        /// The input.
        given: String,
        /// 32 or 128.
        max: u8,
    },
    /// An IPv4 address written as IPv6 (`::ffff:a.b.c.d`): one network must not have two places in
    /// the tree.
    #[error("{given} is an IPv4 address in IPv6 form; did you mean {meant}?")]
    MappedAddress {
        /// The input.
        given: String,
        /// The same network in IPv4.
        meant: Prefix,
    },
    /// Zeros in front of an octet or of the length.
    #[error("{given} has leading zeros, which some programs read as octal; did you mean {meant}?")]
    LeadingZeros {
        /// The input.
        given: String,
        /// The input read as decimal.
        meant: Prefix,
    },
    /// A netmask where the length belongs.
    #[error("{given} has a netmask in place of a prefix length; did you mean {meant}?")]
    Netmask {
        /// The input.
        given: String,
        /// The same with the mask's length.
        meant: Prefix,
    },
    /// A zone id (`fe80::1%eth0`), which means something on one machine only.
    #[error("{given} has a zone id, which a prefix cannot have; {}", advice(.meant, "remove it"))]
    ZoneId {
        /// The input.
        given: String,
        /// The input without its zone id.
        meant: Option<Prefix>,
    },
    /// White space around or inside.
    #[error("{given} contains white space; {}", advice(.meant, "remove it"))]
    WhiteSpace {
        /// The input.
        given: String,
        /// The input without it.
        meant: Option<Prefix>,
    },
    /// Anything else.
    #[error(
        "{given} is not an IPv4 or IPv6 prefix; write an address, a slash and a length, such as 10.0.0.0/8 or \
         2001:db8::/32"
    )]
    NotAPrefix {
        /// The input.
        given: String,
    },
}

impl PrefixError {
    /// The prefix the author of the input probably meant, where there is one.
    #[must_use]
    pub fn meant(&self) -> Option<Prefix> {
        match self {
            Self::HostBits { meant, .. }
            | Self::MissingLength { meant, .. }
            | Self::MappedAddress { meant, .. }
            | Self::LeadingZeros { meant, .. }
            | Self::Netmask { meant, .. } => Some(*meant),
            Self::ZoneId { meant, .. } | Self::WhiteSpace { meant, .. } => *meant,
            Self::Empty | Self::LengthOutOfRange { .. } | Self::NotAPrefix { .. } => None,
        }
    }
}

fn advice(meant: &Option<Prefix>, otherwise: &str) -> String {
    match meant {
        Some(meant) => format!("did you mean {meant}?"),
        None => otherwise.to_owned(),
    }
}
