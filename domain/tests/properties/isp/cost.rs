//! Costs against sums over every second, and amounts there and back.

use cadastre_domain::isp::Count;
use cadastre_domain::isp::cost::{cost_of, format_amount, parse_amount};
use proptest::prelude::*;

proptest! {
    #[test]
    fn amounts_are_read_back_as_they_are_written(micros in any::<u64>()) {
        let text = format_amount(micros.into());
        prop_assert_eq!(parse_amount("cost", &text), Ok(micros));
        let decimals = text.split_once('.').unwrap().1;
        prop_assert!((2..=6).contains(&decimals.len()));
        prop_assert!(decimals.len() == 2 || !decimals.ends_with('0'));
    }

    #[test]
    fn every_amount_that_is_read_means_what_it_says(units in 0..10_000_000_u64, decimals in "[0-9]{1,6}") {
        let micros = parse_amount("cost", &format!("{units}.{decimals}")).unwrap();
        let fraction = decimals.chars().fold((0_u64, 1_000_000_u64), |(sum, place), digit| {
            (sum + u64::from(digit.to_digit(10).unwrap()) * (place / 10), place / 10)
        });
        prop_assert_eq!(micros, units * 1_000_000 + fraction.0);
    }

    #[test]
    fn any_text_is_an_amount_or_a_refusal(text in ".{0,30}") {
        if let Ok(micros) = parse_amount("cost", &text) {
            prop_assert!(text.chars().all(|c| c.is_ascii_digit() || c == '.'));
            let written = format_amount(micros.into());
            prop_assert_eq!(parse_amount("cost", &written), Ok(micros));
        }
    }

    /// The nearest whole number, by comparing both neighbours.
    #[test]
    fn a_cost_is_the_nearest_to_the_exact_share(
        held in 0..u128::from(u64::MAX),
        month in 1..3_000_000_u64,
        price in 0..1_000_000_000_000_u64,
    ) {
        let cost = cost_of(Count(held), month, price);
        let exact = held * u128::from(price);
        // Twice the distance to the exact share, in parts of a month.
        let (above, below) = (2 * cost * u128::from(month), 2 * exact);
        prop_assert!(above <= below + u128::from(month), "rounded up too far");
        prop_assert!(below < above + u128::from(month), "rounded down too far");
    }

    #[test]
    fn holding_longer_never_costs_less(
        held in any::<u128>(),
        more in any::<u128>(),
        month in any::<u64>(),
        price in any::<u64>(),
    ) {
        let (less, all) = (Count(held), Count(held).plus(Count(more)));
        prop_assert!(cost_of(less, month, price) <= cost_of(all, month, price));
    }
}
