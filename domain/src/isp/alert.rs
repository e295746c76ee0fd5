//! Alerts of pools: raised when a threshold is passed, cleared with hysteresis, acknowledged by a person.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Count;
use super::text::words;
use crate::prefix::Prefix;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertKind {
    /// The pool's threshold is passed.
    PoolUtilization,
    /// Nothing is left.
    PoolDepleted,
}

words!(AlertKind, "kind", {
    PoolUtilization = "POOL_UTILIZATION",
    PoolDepleted = "POOL_DEPLETED",
});

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertState {
    /// It is as it says.
    Raised,
    /// It is as it says, and somebody knows.
    Acknowledged,
    /// It is over.
    Cleared,
}

words!(AlertState, "state", {
    Raised = "RAISED",
    Acknowledged = "ACKNOWLEDGED",
    Cleared = "CLEARED",
});

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// UUIDv7.
    pub id: Uuid,
    /// What is wrong.
    pub kind: AlertKind,
    /// Of which pool.
    pub pool_id: Uuid,
    /// The pool's name when it was raised.
    pub pool_name: String,
    /// The pool's network.
    pub network: Prefix,
    /// Where it stands.
    pub state: AlertState,
    /// The threshold in percent.
    pub threshold_percent: u8,
    /// What was in use when it was raised.
    pub used: Count,
    /// What could be used when it was raised.
    pub usable: Count,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When somebody acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Timestamp>,
}

/// Percent that use must fall below a threshold before its alert is cleared, so that a pool at the threshold does not raise
/// and clear all day.
pub const HYSTERESIS_PERCENT: u8 = 5;

/// What becomes of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is raised now.
    Raise,
    /// It is cleared now.
    Clear,
    /// Nothing.
    Stay,
}

/// What becomes of an alert of a threshold: raised from `threshold` percent on, cleared below `threshold −
/// HYSTERESIS_PERCENT` (at least one percent below it). The alert of a full pool is cleared once something is free.
#[must_use]
pub fn turn(kind: AlertKind, raised: bool, used: Count, usable: Count, threshold: u8) -> Turn {
    let at_least = |percent: u8| reaches(used, usable, percent);
    match (kind, raised) {
        (AlertKind::PoolDepleted, false) if used >= usable => Turn::Raise,
        (AlertKind::PoolDepleted, true) if used < usable => Turn::Clear,
        (AlertKind::PoolUtilization, false) if at_least(threshold) => Turn::Raise,
        (AlertKind::PoolUtilization, true)
            if !at_least(threshold.saturating_sub(HYSTERESIS_PERCENT).max(1)) =>
        {
            Turn::Clear
        }
        (AlertKind::PoolDepleted | AlertKind::PoolUtilization, _) => Turn::Stay,
    }
}

/// Whether `used` is at least that share of `usable`; a pool without anything usable is full.
fn reaches(used: Count, usable: Count, percent: u8) -> bool {
    if usable == Count::ZERO {
        return true;
    }
    // Without overflow: used / usable ≥ percent / 100, by whole hundredths and their rest.
    let (whole, rest) = (usable.0 / 100, usable.0 % 100);
    let percent = u128::from(percent);
    used.0 >= whole * percent + (rest * percent).div_ceil(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_raised_at_its_threshold_and_cleared_well_below_it() {
        let turn = |raised, used: u64| turn(AlertKind::PoolUtilization, raised, used.into(), Count(200), 80);
        assert_eq!(turn(false, 159), Turn::Stay);
        assert_eq!(turn(false, 160), Turn::Raise);
        assert_eq!(turn(true, 159), Turn::Stay);
        assert_eq!(turn(true, 150), Turn::Stay);
        assert_eq!(turn(true, 149), Turn::Clear);
    }

    #[test]
    fn a_full_pool_is_full_until_one_is_free() {
        let turn = |raised, used: u64| turn(AlertKind::PoolDepleted, raised, used.into(), Count(5), 100);
        assert_eq!((turn(false, 4), turn(false, 5)), (Turn::Stay, Turn::Raise));
        assert_eq!((turn(true, 5), turn(true, 4)), (Turn::Stay, Turn::Clear));
    }

    #[test]
    fn shares_of_very_large_pools_are_exact() {
        let usable = Count(u128::MAX);
        assert!(reaches(usable, usable, 100));
        assert!(!reaches(Count(u128::MAX - 1), usable, 100));
        for (used, usable, percent, expected) in [
            (4, 5, 80, true),
            (79, 100, 80, false),
            (1, 1, 1, true),
            (0, 0, 80, true),
        ] {
            assert_eq!(reaches(Count(used), Count(usable), percent), expected);
        }
    }

    #[test]
    fn a_threshold_of_one_percent_can_be_cleared() {
        assert_eq!(
            turn(AlertKind::PoolUtilization, true, Count(0), Count(100), 1),
            Turn::Clear
        );
    }
}
