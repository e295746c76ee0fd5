//! Amounts of money: millionths of a currency's unit inside, decimal text outside.

use cadastre_domain::isp::{Count, IspError};

use crate::http::wording::echo;

/// Millionths in one unit of a currency.
const MICROS: u64 = 1_000_000;

/// Reads an amount such as `2` or `0.35`: at most six decimals, not negative.
///
/// # Errors
/// What is allowed in the field.
pub(crate) fn parse_amount(field: &'static str, text: &str) -> Result<u64, IspError> {
    let refused = || {
        IspError::new(
            field,
            format!(
                "`{}` is not an amount; write one such as 2 or 0.35, with at most 6 decimals",
                echo(text)
            ),
        )
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str, most: usize| {
        !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(whole, 12) || !digits(decimals, 6) {
        return Err(refused());
    }
    let whole: u64 = whole.parse().map_err(|_| refused())?;
    let rest: u64 = format!("{decimals:0<6}").parse().map_err(|_| refused())?;
    Ok(whole * MICROS + rest)
}

/// An amount with at least two decimals and no more than it has.
pub(crate) fn format_amount(micros: u128) -> String {
    let unit = u128::from(MICROS);
    let decimals = format!("{:06}", micros % unit);
    let (cents, rest) = decimals.split_at(2);
    format!("{}.{cents}{}", micros / unit, rest.trim_end_matches('0'))
}

/// What was held costs, in millionths, rounded half up: the price of a month times the part of the month.
pub(crate) fn cost_of(held_seconds: Count, month_seconds: u64, micros_per_month: u64) -> u128 {
    let (month, price) = (u128::from(month_seconds.max(1)), u128::from(micros_per_month));
    let (whole, rest) = (held_seconds.0 / month, held_seconds.0 % month);
    whole
        .saturating_mul(price)
        .saturating_add((rest * price + month / 2) / month)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn amounts_are_read_and_shown_to_the_millionth() {
        for (text, micros, shown) in [
            ("0", 0, "0.00"),
            ("2", 2_000_000, "2.00"),
            ("0.35", 350_000, "0.35"),
            ("1.5", 1_500_000, "1.50"),
            ("0.000001", 1, "0.000001"),
        ] {
            assert_eq!(parse_amount("a", text).unwrap(), micros);
            assert_eq!(format_amount(micros.into()), shown);
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "0.0000001",
            "1,5",
            " 1",
            "9999999999999",
        ] {
            assert!(parse_amount("a", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_whole_month_costs_its_price_and_half_of_it_half() {
        let month = 30 * 86_400;
        assert_eq!(cost_of(Count(month.into()), month, 350_000), 350_000);
        assert_eq!(cost_of(Count((month / 2).into()), month, 350_000), 175_000);
        assert_eq!(
            cost_of(Count(u128::from(month) * 1_000), month, 350_000),
            350_000_000
        );
        assert_eq!(cost_of(Count::ZERO, month, 350_000), 0);
    }
}
