//! What addresses cost: pro rata by calendar month, in millionths of the currency's unit, so that nothing is lost to
//! doubles and a bill can be checked by hand.
//!
//! A month costs the same whether it has 28 or 31 days, as it does on every bill; an address that is held for a part of
//! it costs that part of the month's seconds. A period of several months is the sum of its months.

use jiff::civil::Date;

use super::{Count, IspError};
use crate::echo::echo;

/// Millionths in one unit of a currency.
pub const MICROS: u64 = 1_000_000;

/// Seconds of the calendar month that a day lies in. Months are those of UTC, where every day has as many.
#[must_use]
pub fn seconds_of_month(day: Date) -> u64 {
    // From 28 to 31, so it fits.
    u64::from(day.days_in_month().unsigned_abs()) * 86_400
}

/// What was held costs, in millionths, rounded half up to whole ones.
///
/// `held_seconds` are the seconds that each address (or delegated prefix) was held within one month, all together;
/// `month_seconds` is the length of that month ([`seconds_of_month`]), and `micros_per_month` the price of one address
/// for all of it. Stays at the largest number that there is; a month without seconds costs nothing.
#[must_use]
pub fn cost_of(held_seconds: Count, month_seconds: u64, micros_per_month: u64) -> u128 {
    if month_seconds == 0 {
        return 0;
    }
    let (month, price) = (u128::from(month_seconds), u128::from(micros_per_month));
    let (whole, rest) = (held_seconds.0 / month, held_seconds.0 % month);
    // `rest` and `price` are below 2^64, and below by so much that half a month can be added.
    let part = (rest * price + month / 2) / month;
    whole.saturating_mul(price).saturating_add(part)
}

/// Reads an amount such as `0.5` or `12.345678` into millionths: digits, and after a point up to six more. No sign, no
/// exponent, no separators, no currency.
///
/// # Errors
/// The field as it was named, and what an amount looks like.
pub fn parse_amount(field: &'static str, text: &str) -> Result<u64, IspError> {
    let refused = |what: &str| {
        IspError::new(
            field,
            format!(
                "`{}` {what}; write an amount like 2 or 0.35, with at most 6 decimals",
                echo(text)
            ),
        )
    };
    let (units, decimals) = match text.split_once('.') {
        None => (text, ""),
        Some((_, "")) => return Err(refused("has a point without decimals")),
        Some(both) => both,
    };
    if units.is_empty()
        || !units
            .bytes()
            .chain(decimals.bytes())
            .all(|byte| byte.is_ascii_digit())
    {
        return Err(refused("is not an amount"));
    }
    if decimals.len() > 6 {
        return Err(refused("has more decimals than are counted"));
    }
    let micros = format!("{units}{decimals:0<6}");
    micros.parse().map_err(|_| {
        IspError::new(
            field,
            format!(
                "`{}` is more than can be counted; the largest amount is {}",
                echo(text),
                format_amount(u64::MAX.into())
            ),
        )
    })
}

/// Writes millionths as an amount: at least two decimals, and no more than are needed.
#[must_use]
pub fn format_amount(micros: u128) -> String {
    let one = u128::from(MICROS);
    let decimals = format!("{:06}", micros % one);
    let (cents, rest) = decimals.split_at(2);
    format!("{}.{cents}{}", micros / one, rest.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_month_costs_the_same_however_many_days_it_has() {
        for (month, days) in [(2, 28), (4, 30), (7, 31)] {
            let seconds = seconds_of_month(Date::new(2026, month, 5).unwrap());
            assert_eq!(seconds, days * 86_400);
            assert_eq!(cost_of(Count(seconds.into()), seconds, 2_500_000), 2_500_000);
        }
        assert_eq!(seconds_of_month(Date::new(2028, 2, 29).unwrap()), 29 * 86_400);
    }

    #[test]
    fn half_a_millionth_is_rounded_up() {
        assert_eq!(cost_of(Count(1), 2, 1), 1);
        assert_eq!(cost_of(Count(1), 3, 1), 0);
        assert_eq!(cost_of(Count(2), 3, 1), 1);
        assert_eq!(cost_of(Count(5), 2, 1), 3);
    }

    #[test]
    fn the_largest_numbers_are_counted_or_stay_the_largest() {
        assert_eq!(
            cost_of(Count(u64::MAX.into()), u64::MAX, u64::MAX),
            u64::MAX.into()
        );
        let almost = u128::from(u64::MAX - 1);
        assert_eq!(cost_of(Count(almost), u64::MAX, u64::MAX), almost);
        assert_eq!(cost_of(Count(u128::MAX), 1, u64::MAX), u128::MAX);
        assert_eq!(cost_of(Count(u128::MAX), 0, 1), 0);
    }

    #[test]
    fn amounts_are_read_to_the_millionth() {
        for (text, micros) in [
            ("0", 0),
            ("0.5", 500_000),
            ("2", 2_000_000),
            ("007.10", 7_100_000),
            ("12.345678", 12_345_678),
            ("0.000001", 1),
            ("18446744073709.551615", u64::MAX),
        ] {
            assert_eq!(parse_amount("cost", text), Ok(micros), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_with_a_pattern() {
        for text in [
            "",
            ".",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "1,5",
            " 1",
            "1.2.3",
            "0.1234567",
            "٣",
            "1_000",
            "EUR",
        ] {
            let error = parse_amount("cost", text).unwrap_err();
            assert_eq!(error.field, "cost");
            assert!(
                error.message.contains("write an amount like 2 or 0.35"),
                "{error}"
            );
        }
    }

    #[test]
    fn an_amount_that_cannot_be_counted_is_refused_with_the_largest() {
        for text in ["18446744073709.551616", "99999999999999999999999"] {
            let error = parse_amount("cost", text).unwrap_err();
            assert!(
                error
                    .message
                    .ends_with("the largest amount is 18446744073709.551615"),
                "{error}"
            );
        }
    }

    #[test]
    fn amounts_are_written_with_two_decimals_or_as_many_as_they_need() {
        for (micros, text) in [
            (0, "0.00"),
            (500_000, "0.50"),
            (12_345_678, "12.345678"),
            (1_230_000, "1.23"),
            (1_234_000, "1.234"),
            (1, "0.000001"),
        ] {
            assert_eq!(format_amount(micros), text);
        }
    }
}
