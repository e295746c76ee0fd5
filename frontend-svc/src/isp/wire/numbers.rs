//! Numbers of pools: exact, and shares of them.

use cadastre_api_types::internal::PoolCounts;
use cadastre_api_types::public::isp::PoolNumbers;
use cadastre_domain::isp::Count;

/// The share of what could be handed out that is not free any more, in percent to two decimals, rounded down; 100 only
/// when nothing is left.
pub(crate) fn utilization(counts: &PoolCounts) -> f64 {
    if counts.available() == Count::ZERO {
        return 100.0;
    }
    let (used, usable) = (counts.used().0, counts.usable().0);
    // Without overflow: of numbers that large the last digits do not show in hundredths of a percent.
    let hundredths = match used.checked_mul(10_000) {
        Some(product) => product / usable.max(1),
        None => used / (usable / 10_000).max(1),
    };
    let hundredths = u32::try_from(hundredths).unwrap_or(u32::MAX).min(9_999);
    f64::from(hundredths) / 100.0
}

/// As clients see them.
pub(crate) fn to_wire(counts: &PoolCounts) -> PoolNumbers {
    PoolNumbers {
        total: counts.total.to_string(),
        reserved: counts.reserved.to_string(),
        assigned: counts.assigned.to_string(),
        resting: counts.resting.to_string(),
        excluded: counts.excluded.to_string(),
        available: counts.available().to_string(),
        utilization_percent: utilization(counts),
    }
}

/// Both together.
pub(crate) fn sum(one: &PoolCounts, other: &PoolCounts) -> PoolCounts {
    PoolCounts {
        total: one.total.plus(other.total),
        reserved: one.reserved.plus(other.reserved),
        assigned: one.assigned.plus(other.assigned),
        resting: one.resting.plus(other.resting),
        excluded: one.excluded.plus(other.excluded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(total: u128, assigned: u128, excluded: u128) -> PoolCounts {
        PoolCounts {
            total: Count(total),
            assigned: Count(assigned),
            excluded: Count(excluded),
            ..PoolCounts::default()
        }
    }

    #[test]
    fn a_pool_is_full_only_when_nothing_is_left() {
        for (total, assigned, excluded, percent) in [
            (254, 0, 0, 0.0),
            (254, 127, 0, 50.0),
            (255, 101, 55, 50.5),
            (1 << 64, (1 << 64) - 1, 0, 99.99),
            (u128::MAX, u128::MAX - 1, 0, 99.99),
            (u128::MAX, u128::MAX / 2, 0, 49.99),
            (10, 4, 6, 100.0),
            (0, 0, 0, 100.0),
        ] {
            let counts = counts(total, assigned, excluded);
            assert!(
                (utilization(&counts) - percent).abs() < 0.011,
                "{counts:?} {}",
                utilization(&counts)
            );
        }
    }

    proptest! {
        #[test]
        fn a_share_is_between_0_and_100_and_100_says_that_nothing_is_left(
            total in any::<u128>(), assigned in any::<u128>(), excluded in any::<u128>(),
        ) {
            let counts = counts(total, assigned, excluded);
            let percent = utilization(&counts);
            prop_assert!((0.0..=100.0).contains(&percent));
            prop_assert_eq!(percent >= 100.0, counts.available() == Count::ZERO);
        }
    }
}
