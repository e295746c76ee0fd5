//! Arithmetic of aligned blocks on left-aligned address bits, the form in which [`Prefix`] has them.
//! One arithmetic serves both families: an IPv4 address is in the 32 highest bits.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::prefix::{Family, Prefix};

/// Where IPv4-mapped addresses lie (RFC 4291 §2.5.5.2): `::ffff:0:0/96`. A prefix of that length or
/// longer cannot be in there, because its network has its place in the IPv4 tree.
const MAPPED: u128 = 0xffff_u128 << 32;
const MAPPED_LEN: u8 = 96;

/// The `len` highest bits set.
pub(super) fn mask(len: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0)
}

/// The distance between neighbours of a length; `len` is at least 1.
pub(super) fn step(len: u8) -> u128 {
    1 << (128 - u32::from(len))
}

/// The last address of a block, left-aligned.
pub(super) fn last_of(family: Family, start: u128, len: u8) -> u128 {
    start | (mask(family.max_len()) & !mask(len))
}

/// The last address of a prefix, left-aligned.
pub(super) fn last_bits(prefix: Prefix) -> u128 {
    last_of(prefix.family(), prefix.bits(), prefix.len())
}

/// Whether no prefix can be at this place, although there are addresses.
pub(super) fn is_mapped(family: Family, start: u128, len: u8) -> bool {
    family == Family::V6 && len >= MAPPED_LEN && start & mask(MAPPED_LEN) == MAPPED
}

/// `::ffff:0:0/96`. It cannot be read from text, but it can be what is left free between two nodes.
pub(super) fn mapped_block() -> Prefix {
    let last_but_32_bits = Prefix::host(Ipv6Addr::from_bits(MAPPED - (1 << 32)).into()).truncate(95);
    last_but_32_bits.last_descendant().truncate(MAPPED_LEN)
}

/// The prefix of a block.
pub(super) fn prefix_at(family: Family, start: u128, len: u8) -> Prefix {
    let addr = match family {
        // The 32 highest bits, so the cast loses nothing.
        Family::V4 => Ipv4Addr::from_bits((start >> 96) as u32).into(),
        Family::V6 if is_mapped(family, start, len) => return mapped_block(),
        Family::V6 => Ipv6Addr::from_bits(start).into(),
    };
    Prefix::host(addr).truncate(len)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_block_has_the_prefix_it_came_from() {
        for text in [
            "0.0.0.0/0",
            "10.1.2.3/32",
            "::/0",
            "::/128",
            "::fffe:0:0/95",
            "2001:db8::/32",
        ] {
            let prefix: Prefix = text.parse().unwrap();
            assert_eq!(prefix_at(prefix.family(), prefix.bits(), prefix.len()), prefix);
        }
        assert_eq!(mapped_block().bits(), MAPPED);
        assert_eq!(mapped_block().family(), Family::V6);
        assert_eq!(prefix_at(Family::V6, MAPPED, 96), mapped_block());
        assert_eq!(last_bits(mapped_block()), MAPPED | 0xffff_ffff);
    }
}
