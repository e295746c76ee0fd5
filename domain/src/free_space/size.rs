//! A number of addresses. The IPv6 space has 2^128 of them, one more than a `u128` can count, and
//! what is free of it must still be exact.

use std::fmt;

use crate::prefix::Prefix;

/// A number of addresses or of slots, from 0 to 2^128, both included.
//
// The derived order is that of the numbers because `whole` comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size {
    /// Whether it is 2^128; `rest` is zero then.
    whole: bool,
    rest: u128,
}

impl Size {
    /// None at all.
    pub const ZERO: Self = Self {
        whole: false,
        rest: 0,
    };
    /// 2^128, the number of IPv6 addresses.
    pub const MAX: Self = Self { whole: true, rest: 0 };

    /// The number of addresses of a prefix.
    #[must_use]
    pub fn of(prefix: &Prefix) -> Self {
        Self::power_of_two(prefix.family().max_len() - prefix.len())
    }

    /// 2 to the power of `exponent`; everything from 128 on gives [`Size::MAX`].
    #[must_use]
    pub fn power_of_two(exponent: u8) -> Self {
        1_u128.checked_shl(exponent.into()).map_or(Self::MAX, Self::from)
    }

    /// `count` times 2 to the power of `exponent`, at most [`Size::MAX`].
    #[must_use]
    pub fn times_power_of_two(count: u64, exponent: u8) -> Self {
        if count == 0 {
            return Self::ZERO;
        }
        1_u128
            .checked_shl(exponent.into())
            .and_then(|unit| unit.checked_mul(count.into()))
            .map_or(Self::MAX, Self::from)
    }

    /// Whether it is none at all.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The sum; `None` above 2^128.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        match (self.whole, other.whole) {
            (false, false) => match self.rest.overflowing_add(other.rest) {
                (rest, false) => Some(rest.into()),
                (0, true) => Some(Self::MAX),
                (_, true) => None,
            },
            (true, _) => other.is_zero().then_some(Self::MAX),
            (_, true) => self.is_zero().then_some(Self::MAX),
        }
    }

    /// The difference; `None` below zero.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        match (self.whole, other.whole) {
            (false, false) => self.rest.checked_sub(other.rest).map(Self::from),
            (true, true) => Some(Self::ZERO),
            (true, false) if other.is_zero() => Some(self),
            // 2^128 − n is the complement that wrapping arithmetic gives.
            (true, false) => Some(0_u128.wrapping_sub(other.rest).into()),
            (false, true) => None,
        }
    }

    /// The sum, at most 2^128.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        self.checked_add(other).unwrap_or(Self::MAX)
    }

    /// The difference, at least zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        self.checked_sub(other).unwrap_or(Self::ZERO)
    }

    /// As an integer; `None` for 2^128.
    #[must_use]
    pub fn to_u128(self) -> Option<u128> {
        (!self.whole).then_some(self.rest)
    }

    /// The nearest floating-point number, for ratios.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        if self.whole {
            2_f64.powi(128)
        } else {
            self.rest as f64
        }
    }
}

impl From<u128> for Size {
    fn from(count: u128) -> Self {
        Self {
            whole: false,
            rest: count,
        }
    }
}

impl From<u64> for Size {
    fn from(count: u64) -> Self {
        u128::from(count).into()
    }
}

/// Decimal text: JSON's numbers are not exact at this size everywhere.
impl serde::Serialize for Size {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let parsed = match text.parse::<u128>() {
            Ok(number) => Some(Self::from(number)),
            Err(_) => Some(Self::MAX).filter(|most| *text == *most.to_string()),
        };
        parsed.ok_or_else(|| serde::de::Error::custom("not a number from 0 to 2^128"))
    }
}

impl fmt::Display for Size {
    /// In decimal digits.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_u128() {
            Some(count) => fmt::Display::fmt(&count, formatter),
            None => formatter.pad_integral(true, "", "340282366920938463463374607431768211456"),
        }
    }
}

// A size in a failed assertion should read as a number.
impl fmt::Debug for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefix::Family;

    fn n(count: u128) -> Size {
        count.into()
    }

    #[test]
    fn the_whole_of_ipv6_is_one_more_than_the_greatest_integer() {
        let whole = Size::of(&Prefix::everything(Family::V6));
        assert_eq!(whole, Size::MAX);
        assert_eq!(whole.to_u128(), None);
        assert_eq!(n(u128::MAX).checked_add(n(1)), Some(whole));
        assert_eq!(whole.checked_sub(n(1)), Some(n(u128::MAX)));
        assert!(whole > n(u128::MAX));
        assert_eq!(
            Size::of(&Prefix::everything(Family::V4)).to_string(),
            "4294967296"
        );
    }

    #[test]
    fn it_prints_in_decimal() {
        assert_eq!(
            n(u128::MAX).to_string(),
            "340282366920938463463374607431768211455"
        );
        assert_eq!(Size::MAX.to_string(), "340282366920938463463374607431768211456");
        assert_eq!(format!("{:>4}|{:>41}|", n(7), Size::MAX).len(), 4 + 1 + 41 + 1);
    }

    #[test]
    fn what_leaves_the_range_is_none() {
        assert_eq!(Size::MAX.checked_add(n(1)), None);
        assert_eq!(n(1).checked_add(Size::MAX), None);
        assert_eq!(Size::MAX.checked_add(Size::MAX), None);
        assert_eq!(n(u128::MAX).checked_add(n(2)), None);
        assert_eq!(n(1).checked_sub(n(2)), None);
        assert_eq!(n(u128::MAX).checked_sub(Size::MAX), None);
        assert_eq!(Size::MAX.saturating_add(n(1)), Size::MAX);
        assert_eq!(n(1).saturating_sub(n(2)), Size::ZERO);
    }

    #[test]
    fn zero_and_the_whole_add_and_subtract() {
        assert_eq!(Size::MAX.checked_add(Size::ZERO), Some(Size::MAX));
        assert_eq!(Size::ZERO.checked_add(Size::MAX), Some(Size::MAX));
        assert_eq!(Size::MAX.checked_sub(Size::ZERO), Some(Size::MAX));
        assert_eq!(Size::MAX.checked_sub(Size::MAX), Some(Size::ZERO));
    }

    #[test]
    fn products_stop_at_the_whole() {
        assert_eq!(Size::times_power_of_two(1, 128), Size::MAX);
        assert_eq!(Size::times_power_of_two(0, 128), Size::ZERO);
        assert_eq!(Size::times_power_of_two(3, 126), n(3 << 126));
        assert_eq!(Size::times_power_of_two(5, 126), Size::MAX);
        assert_eq!(Size::power_of_two(200), Size::MAX);
        assert_eq!(Size::MAX.to_f64(), 2.0 * 2_f64.powi(127));
    }
}
