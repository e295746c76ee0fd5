//! What makes prefixes joinable: together they are exactly one aligned prefix, each part of it once.

use crate::prefix::Prefix;

/// Why prefixes cannot be joined into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// There is nothing to join.
    #[error("name at least two nodes to merge")]
    TooFew,
    /// They are of both families.
    #[error("{first} and {second} are of different families and cannot be merged")]
    Families {
        /// One of them.
        first: Prefix,
        /// One of the other family.
        second: Prefix,
    },
    /// One is in the list twice.
    #[error("{prefix} is named twice; name each node once")]
    Repeated {
        /// Which.
        prefix: Prefix,
    },
    /// One contains another.
    #[error("{inner} lies in {outer}; name the siblings only, what lies beneath them moves by itself")]
    Nested {
        /// The larger.
        outer: Prefix,
        /// The one inside it.
        inner: Prefix,
    },
    /// The smallest prefix that holds them all has a part that none of them covers.
    #[error(
        "these nodes do not fill one prefix: the smallest that holds them is {around}, and {missing} of it is not \
         covered"
    )]
    Gap {
        /// The smallest prefix that holds them all.
        around: Prefix,
        /// The largest block, from the left, that none of them covers.
        missing: Prefix,
    },
}

/// The one prefix that these prefixes, in any order, fill together.
///
/// # Errors
/// [`JoinError`], the first from the left.
pub fn joined(prefixes: &[Prefix]) -> Result<Prefix, JoinError> {
    let mut sorted = prefixes.to_vec();
    sorted.sort_unstable();
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
        return Err(JoinError::TooFew);
    };
    if sorted.len() < 2 {
        return Err(JoinError::TooFew);
    }
    let Some(around) = first.common_supernet(last) else {
        return Err(JoinError::Families {
            first: *first,
            second: *last,
        });
    };
    for (one, next) in sorted.iter().zip(sorted.iter().skip(1)) {
        // In order, what lies in a prefix follows it directly.
        if one == next {
            return Err(JoinError::Repeated { prefix: *one });
        }
        if one.contains(next) {
            return Err(JoinError::Nested {
                outer: *one,
                inner: *next,
            });
        }
    }
    // Disjoint and in order, so they fill the prefix exactly if each begins where the one before ends.
    let mut expected = around.bits();
    let gap = |missing_at: u128, up_to: Option<&Prefix>| JoinError::Gap {
        around,
        missing: largest_block(&around, missing_at, up_to),
    };
    for prefix in &sorted {
        if prefix.bits() != expected {
            return Err(gap(expected, Some(prefix)));
        }
        match next_bits(prefix) {
            Some(next) => expected = next,
            // The end of the address space, so this was the last.
            None => return Ok(around),
        }
    }
    if next_bits(&around) == Some(expected) {
        Ok(around)
    } else {
        Err(gap(expected, None))
    }
}

/// Bits of the first address behind a prefix; `None` at the end of the 128 bits.
fn next_bits(prefix: &Prefix) -> Option<u128> {
    let shift = 128 - u32::from(prefix.len());
    // A /0 of either family ends all of it: IPv4 is left-aligned.
    1_u128
        .checked_shl(shift)
        .and_then(|size| prefix.bits().checked_add(size))
}

/// The largest block in `around` that begins at `bits` and ends before `up_to`.
fn largest_block(around: &Prefix, bits: u128, up_to: Option<&Prefix>) -> Prefix {
    let max = around.family().max_len();
    let mut block = around.last_descendant();
    for len in (around.len()..=max).rev() {
        let candidate = around.with_bits(bits, len);
        let fits = candidate.bits() == bits && up_to.is_none_or(|end| !candidate.contains(end));
        if !fits {
            break;
        }
        block = candidate;
    }
    block
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn p(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn join(texts: &[&str]) -> Result<Prefix, JoinError> {
        let prefixes: Vec<Prefix> = texts.iter().map(|text| p(text)).collect();
        joined(&prefixes)
    }

    #[test]
    fn blocks_of_any_lengths_and_in_any_order_are_joined_if_they_fill_one_prefix() {
        assert_eq!(join(&["10.0.1.0/24", "10.0.0.0/24"]), Ok(p("10.0.0.0/23")));
        let mixed = ["10.0.0.128/26", "10.0.0.0/25", "10.0.0.192/27", "10.0.0.224/27"];
        assert_eq!(join(&mixed), Ok(p("10.0.0.0/24")));
        assert_eq!(
            join(&["2001:db8::/33", "2001:db8:8000::/33"]),
            Ok(p("2001:db8::/32"))
        );
    }

    #[test]
    fn halves_of_everything_are_everything() {
        assert_eq!(join(&["0.0.0.0/1", "128.0.0.0/1"]), Ok(p("0.0.0.0/0")));
        assert_eq!(join(&["::/1", "8000::/1"]), Ok(p("::/0")));
        assert_eq!(
            join(&["255.255.255.254/32", "255.255.255.255/32"]),
            Ok(p("255.255.255.254/31"))
        );
    }

    #[test]
    fn neighbours_that_are_not_aligned_are_told_what_is_missing() {
        assert_eq!(
            join(&["10.0.1.0/24", "10.0.2.0/24"]),
            Err(JoinError::Gap {
                around: p("10.0.0.0/22"),
                missing: p("10.0.0.0/24")
            })
        );
    }

    #[test]
    fn a_hole_in_the_middle_or_at_the_end_is_named() {
        assert_eq!(
            join(&["10.0.0.0/25", "10.0.0.192/26"]),
            Err(JoinError::Gap {
                around: p("10.0.0.0/24"),
                missing: p("10.0.0.128/26")
            })
        );
        assert_eq!(
            join(&["0.0.0.0/1", "128.0.0.0/2"]),
            Err(JoinError::Gap {
                around: p("0.0.0.0/0"),
                missing: p("192.0.0.0/2")
            })
        );
        assert_eq!(
            join(&["0.0.0.0/2", "192.0.0.0/2"]),
            Err(JoinError::Gap {
                around: p("0.0.0.0/0"),
                missing: p("64.0.0.0/2")
            })
        );
    }

    #[test]
    fn one_node_two_families_one_twice_and_one_in_another_are_refused() {
        assert_eq!(join(&[]), Err(JoinError::TooFew));
        assert_eq!(join(&["10.0.0.0/24"]), Err(JoinError::TooFew));
        let families = JoinError::Families {
            first: p("10.0.0.0/8"),
            second: p("::/1"),
        };
        assert_eq!(join(&["::/1", "10.0.0.0/8"]), Err(families));
        assert_eq!(
            join(&["10.0.0.0/8", "10.0.0.0/8"]),
            Err(JoinError::Repeated {
                prefix: p("10.0.0.0/8")
            })
        );
        let nested = JoinError::Nested {
            outer: p("10.0.0.0/24"),
            inner: p("10.0.0.0/25"),
        };
        assert_eq!(join(&["10.0.0.0/24", "10.0.0.0/25", "10.0.1.0/24"]), Err(nested));
    }
}
