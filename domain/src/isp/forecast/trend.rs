//! The rate of a run of days, and how far away it puts an end.

use super::{Count, DailyCount, HORIZON_DAYS, MIN_ASSIGNMENT_DAYS, Refusal};

/// The 95th percentile of the normal distribution: both ends together leave out one time in ten.
const NORMAL_95: f64 = 1.644_853_627;

/// What a run of days amounts to.
pub(super) struct Trend {
    /// The first of them.
    pub(super) from: i32,
    pub(super) days: u32,
    pub(super) assignment_days: u32,
    pub(super) taken: Count,
    pub(super) given_back: Count,
    /// Net use of a day.
    pub(super) mean: f64,
    /// Standard deviation of the net use of a day.
    pub(super) deviation: f64,
}

/// In how many days something may happen, rounded away from the middle.
pub(super) struct Bounds {
    /// `None` when there is no growth to go by.
    pub(super) earliest: Option<u64>,
    /// `None` when it may never happen.
    pub(super) latest: Option<u64>,
}

impl Trend {
    pub(super) fn of(days: &[DailyCount]) -> Self {
        let sum = |of: fn(&DailyCount) -> Count| days.iter().map(of).fold(Count::ZERO, Count::plus);
        let (taken, given_back) = (sum(|day| day.taken), sum(|day| day.given_back));
        let number = days.len() as f64;
        let mean = if days.is_empty() {
            0.0
        } else {
            net(taken, given_back) / number
        };
        let squares: f64 = days
            .iter()
            .map(|day| (net(day.taken, day.given_back) - mean).powi(2))
            .sum();
        Self {
            from: days.first().map_or(0, |day| day.day),
            days: days.len() as u32,
            assignment_days: days.iter().filter(|day| day.taken > Count::ZERO).count() as u32,
            taken,
            given_back,
            mean,
            deviation: if days.len() > 1 {
                (squares / (number - 1.0)).sqrt()
            } else {
                0.0
            },
        }
    }

    /// Refuses to go by fewer assignments than it takes.
    pub(super) fn check_assignments(&self, left_out: Option<DailyCount>) -> Result<(), Refusal> {
        if self.assignment_days >= MIN_ASSIGNMENT_DAYS {
            return Ok(());
        }
        Err(Refusal::TooFewAssignments {
            have: self.assignment_days,
            need: MIN_ASSIGNMENT_DAYS,
            days: self.days,
            left_out,
        })
    }

    pub(super) fn grows(&self) -> bool {
        self.taken > self.given_back
    }

    /// Days until so much is used up at this rate, rounded up; exact unless numbers near 2^128 are met.
    pub(super) fn days_until(&self, available: Count) -> u64 {
        let (net, days) = (self.taken.minus(self.given_back).0, u128::from(self.days));
        if net == 0 {
            return u64::MAX;
        }
        let (rounds, rest) = (available.0 / net, available.0 % net);
        let rest = match rest.checked_mul(days) {
            Some(product) => product.div_ceil(net),
            None => (rest as f64 / net as f64 * days as f64).ceil() as u128,
        };
        u64::try_from(rounds.saturating_mul(days).saturating_add(rest)).unwrap_or(u64::MAX)
    }

    /// When so much may be used up at the earliest and at the latest.
    ///
    /// After T days a random walk with drift r has used rT, give or take t·√(σ²T + σ²T²/n): what the T days bring by
    /// chance, and what n days leave open about r (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, on
    /// the drift method). The bounds are the T at which that range begins and ends to hold what is available: both
    /// roots of one quadratic equation.
    pub(super) fn bounds(&self, available: Count) -> Bounds {
        if !self.grows() {
            return Bounds {
                earliest: None,
                latest: None,
            };
        }
        let (rate, available) = (self.mean, available.0 as f64);
        let chance = (self.quantile() * self.deviation).powi(2);
        let open = chance / f64::from(self.days);
        // Written so that nothing is subtracted: days that are all alike give exactly one root.
        let spread =
            (4.0 * available * rate * chance + chance.powi(2) + 4.0 * available.powi(2) * open).sqrt();
        let sum = 2.0 * available * rate + chance + spread;
        let slowest = rate.powi(2) - open;
        Bounds {
            earliest: Some(whole((2.0 * available.powi(2) / sum * (1.0 + NOISE)).floor())),
            latest: (slowest > 0.0).then(|| whole((sum / (2.0 * slowest) * (1.0 - NOISE)).ceil())),
        }
    }

    /// The 95th percentile of Student's distribution for so many days, by the first term of its expansion around the
    /// normal one (Abramowitz and Stegun 26.7.5): within 3 % for 7 days, and closer for more.
    fn quantile(&self) -> f64 {
        let freedom = f64::from(self.days.saturating_sub(1).max(1));
        NORMAL_95 + (NORMAL_95.powi(3) + NORMAL_95) / (4.0 * freedom)
    }
}

/// Share of a day that rounding of doubles must not turn into a whole one.
const NOISE: f64 = 1e-9;

/// What was taken and not given back; exact before it becomes a double.
fn net(taken: Count, given_back: Count) -> f64 {
    if taken >= given_back {
        taken.minus(given_back).0 as f64
    } else {
        -(given_back.minus(taken).0 as f64)
    }
}

/// A number of days; anything beyond the horizon is alike.
fn whole(days: f64) -> u64 {
    // Casting stops at the ends, and what is no number becomes 0.
    (days as u64).min(HORIZON_DAYS + 1)
}
