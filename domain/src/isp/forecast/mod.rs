//! When a pool will be depleted, projected from what was assigned and given back on each day.
//!
//! The method is the simplest that holds up: a random walk with drift. The rate is the mean net use of a whole day, so
//! anybody can check it with a pencil; the range around it is that walk's prediction interval, which widens with the
//! distance and with how unevenly the days went. A line through the cumulated use (least squares, Theil–Sen) was not
//! taken: the errors of sums depend on each other, so its interval is far too narrow, and the robust one does not see a
//! pool that began to grow last week.
//!
//! Three rules keep the mean honest:
//! - **Whole days only.** Today is not over; what it took is missing from `available` already.
//! - **The faster of two means counts**: that of the last 35 days (five whole weeks, in any case one turn of the month)
//!   and that of all days up to 90. A forecast that is wrong should be early. The range covers both.
//! - **One day that took more than all others together is left out**: it is an import or a migration, not growth. The
//!   answer names it.
//!
//! Where that is not enough to go by, the answer is a [`Refusal`] and not a date.

mod text;
mod trend;

pub use text::date_of;
use trend::Trend;

use super::Count;
use super::text::words;

/// Whole days since the first assignment that a forecast takes.
pub const MIN_DAYS: u32 = 7;
/// Days with assignments that a forecast takes.
pub const MIN_ASSIGNMENT_DAYS: u32 = 3;
/// Whole days that are looked at, at most.
pub const MAX_DAYS: u32 = 90;
/// Whole days whose mean counts by itself if it is the faster one.
pub const RECENT_DAYS: u32 = 35;
/// Further ahead nobody is told a date.
pub const HORIZON_YEARS: u32 = 50;
/// [`HORIZON_YEARS`] in days.
const HORIZON_DAYS: u64 = 18_262;

/// How the date was found, in words.
pub const METHOD: &str = "mean net use of a whole day, the faster of the last 35 days and of all days up to 90; \
     the range is the 90 % prediction interval of a random walk with drift";

/// What a pool did on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyCount {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Reservations made.
    pub taken: Count,
    /// Reservations that let their address go.
    pub given_back: Count,
}

/// How far a projected date can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// A short history, or days so uneven that the range says little.
    Low,
    /// Four weeks or more, and the range is at most one and a half times as long as the way to the date.
    Medium,
    /// Sixty days or more, the range is at most half as long as the way to the date, and no day had to be left out.
    High,
}

words!(Confidence, "confidence", {
    Low = "LOW",
    Medium = "MEDIUM",
    High = "HIGH",
});

/// What a projection stands on.
#[derive(Debug, Clone, PartialEq)]
pub struct Basis {
    /// [`METHOD`].
    pub method: &'static str,
    /// First day whose use was counted, in days since 1970-01-01.
    pub from: i32,
    /// Last day whose use was counted: yesterday.
    pub to: i32,
    /// How many days were counted; one less than there are if one was left out.
    pub days_used: u32,
    /// On how many of them something was assigned.
    pub assignment_days: u32,
    /// What was taken on them.
    pub taken: Count,
    /// What was given back on them.
    pub given_back: Count,
    /// The rate: mean net use of a day. Above 0.
    pub net_per_day: f64,
    /// How much the days differ: standard deviation of a day's net use.
    pub deviation_per_day: f64,
    /// The day that took more than all others together, if there is one.
    pub left_out: Option<DailyCount>,
}

/// Why nobody is told a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The first assignment is too recent.
    TooFewDays {
        /// Whole days since, that of the first assignment among them; 0 if nothing was assigned before today.
        have: u32,
        /// [`MIN_DAYS`].
        need: u32,
    },
    /// There were assignments on too few days.
    TooFewAssignments {
        /// On how many, without the one that is left out.
        have: u32,
        /// [`MIN_ASSIGNMENT_DAYS`].
        need: u32,
        /// Of how many days.
        days: u32,
        /// The day that took more than all others together, if there is one.
        left_out: Option<DailyCount>,
    },
    /// As much was given back as taken, or more.
    NotGrowing {
        /// What was taken.
        taken: Count,
        /// What was given back.
        given_back: Count,
        /// In how many days.
        days: u32,
    },
}

/// What can be said of a pool's future. [`Forecast::text`] says it in a sentence.
#[derive(Debug, Clone, PartialEq)]
pub enum Forecast {
    /// Nothing is left now.
    Depleted,
    /// There is nothing to go by.
    Refused(Refusal),
    /// A date. All three are days since 1970-01-01, `earliest` ≤ `day` ≤ `latest`.
    Projected {
        /// On this day nothing is left, at the present rate.
        day: i32,
        /// It may be as early as this: one time in twenty it is earlier, after two uneven weeks one in ten.
        earliest: i32,
        /// It may be as late as this: at most one time in twenty it is later. `None` = beyond [`HORIZON_YEARS`], or
        /// never.
        latest: Option<i32>,
        /// How far it can be trusted.
        confidence: Confidence,
        /// What it stands on.
        basis: Basis,
    },
    /// The pool grows, and lasts longer than [`HORIZON_YEARS`].
    Beyond {
        /// [`HORIZON_YEARS`].
        years: u32,
        /// Still it may be as early as this; `None` = that is beyond, too.
        earliest: Option<i32>,
        /// What it stands on.
        basis: Basis,
    },
}

/// Projects when a pool with so much left will be depleted.
///
/// `days` are in any order; days that are not there had nothing, several of one day are added up, and today (in days
/// since 1970-01-01) and later ones do not count. Any numbers are fine: sums stay at the largest number there is.
#[must_use]
pub fn forecast(days: &[DailyCount], today: i32, available: Count) -> Forecast {
    if available == Count::ZERO {
        return Forecast::Depleted;
    }
    match Windows::of(days, today) {
        Err(refusal) => Forecast::Refused(refusal),
        Ok(windows) => windows.project(today, available),
    }
}

/// The days that are looked at, and their trends.
struct Windows {
    all: Trend,
    /// `None` while all days are recent ones.
    recent: Option<Trend>,
    left_out: Option<DailyCount>,
}

impl Windows {
    fn of(days: &[DailyCount], today: i32) -> Result<Self, Refusal> {
        let assigned = |point: &&DailyCount| point.day < today && point.taken > Count::ZERO;
        let first = days.iter().filter(assigned).map(|point| point.day).min();
        let history = first.map_or(0, |first| today.abs_diff(first));
        if history < MIN_DAYS {
            return Err(Refusal::TooFewDays {
                have: history,
                need: MIN_DAYS,
            });
        }
        let mut table = table(days, today, history.min(MAX_DAYS));
        Trend::of(&table).check_assignments(None)?;
        let left_out = one_off(&table).map(|position| table.remove(position));
        let all = Trend::of(&table);
        all.check_assignments(left_out)?;
        let recent = (history > RECENT_DAYS).then(|| {
            let begin = table.partition_point(|point| today.abs_diff(point.day) > RECENT_DAYS);
            Trend::of(&table[begin..])
        });
        let windows = Self {
            all,
            recent,
            left_out,
        };
        if windows.fastest().grows() {
            return Ok(windows);
        }
        Err(Refusal::NotGrowing {
            taken: windows.all.taken,
            given_back: windows.all.given_back,
            days: windows.all.days,
        })
    }

    /// The trend that counts: the faster one, of those that stand on enough assignments.
    fn fastest(&self) -> &Trend {
        match &self.recent {
            Some(recent) if recent.assignment_days >= MIN_ASSIGNMENT_DAYS && recent.mean > self.all.mean => {
                recent
            }
            Some(_) | None => &self.all,
        }
    }

    fn project(self, today: i32, available: Count) -> Forecast {
        let fastest = self.fastest();
        let distance = fastest.days_until(available);
        let bounds =
            [Some(&self.all), self.recent.as_ref()].map(|trend| trend.map(|trend| trend.bounds(available)));
        let earliest = bounds
            .iter()
            .flatten()
            .filter_map(|bounds| bounds.earliest)
            .fold(distance, u64::min);
        let latest = bounds
            .iter()
            .flatten()
            .try_fold(distance, |latest, bounds| Some(latest.max(bounds.latest?)));
        let basis = Basis {
            method: METHOD,
            from: fastest.from,
            to: today.saturating_sub(1),
            days_used: fastest.days,
            assignment_days: fastest.assignment_days,
            taken: fastest.taken,
            given_back: fastest.given_back,
            net_per_day: fastest.mean,
            deviation_per_day: fastest.deviation,
            left_out: self.left_out,
        };
        let Some(day) = day_after(today, distance) else {
            return Forecast::Beyond {
                years: HORIZON_YEARS,
                earliest: day_after(today, earliest),
                basis,
            };
        };
        let latest = latest.filter(|latest| *latest <= HORIZON_DAYS);
        let width = latest.map(|latest| latest - earliest);
        Forecast::Projected {
            day,
            // Not later than the day itself, so within the horizon as well.
            earliest: day_after(today, earliest).unwrap_or(day),
            latest: latest.and_then(|latest| day_after(today, latest)),
            confidence: confidence(self.all.days, distance, width, self.left_out.is_some()),
            basis,
        }
    }
}

/// So many days after a day; `None` beyond the horizon.
fn day_after(today: i32, days: u64) -> Option<i32> {
    // At most the horizon, so it fits.
    (days <= HORIZON_DAYS).then(|| today.saturating_add(days as i32))
}

/// One entry for each of so many whole days before today, oldest first.
fn table(days: &[DailyCount], today: i32, length: u32) -> Vec<DailyCount> {
    let nothing = |day| DailyCount {
        day,
        taken: Count::ZERO,
        given_back: Count::ZERO,
    };
    let mut table: Vec<DailyCount> = (1..=length)
        .rev()
        .map(|back| nothing(today.saturating_sub_unsigned(back)))
        .collect();
    for point in days.iter().filter(|point| point.day < today) {
        let back = today.abs_diff(point.day);
        let Some(entry) = length
            .checked_sub(back)
            .and_then(|position| table.get_mut(position as usize))
        else {
            continue;
        };
        entry.taken = entry.taken.plus(point.taken);
        entry.given_back = entry.given_back.plus(point.given_back);
    }
    table
}

/// Position of the day that took more than all the others together.
fn one_off(table: &[DailyCount]) -> Option<usize> {
    let gain = |point: &DailyCount| point.taken.minus(point.given_back);
    let (position, largest) = table.iter().map(gain).enumerate().max_by_key(|(_, gain)| *gain)?;
    let others = table.iter().enumerate().filter(|(other, _)| *other != position);
    let sum = others.fold(Count::ZERO, |sum, (_, point)| sum.plus(gain(point)));
    (largest > sum).then_some(position)
}

/// `width` is that of the range, in days. Ranges are rounded to whole days, so two of them say nothing.
fn confidence(days: u32, distance: u64, width: Option<u64>, left_out: bool) -> Confidence {
    let Some(width) = width.map(|width| width.saturating_sub(2)) else {
        return Confidence::Low;
    };
    // A day that was left out stays a part of the history.
    let days = days + u32::from(left_out);
    if days >= 60 && 2 * width <= distance && !left_out {
        Confidence::High
    } else if days >= 28 && 2 * width <= 3 * distance {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}

#[cfg(test)]
mod tests;
