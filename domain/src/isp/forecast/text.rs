//! A forecast in a sentence.

use std::fmt::{self, Write as _};

use jiff::Span;
use jiff::civil::{Date, date};

use super::{Basis, Forecast, Refusal};

/// The date of a day that is given in days since 1970-01-01; `None` outside the years that dates are written for.
#[must_use]
pub fn date_of(day: i32) -> Option<Date> {
    let span = Span::new().try_days(day).ok()?;
    date(1970, 1, 1).checked_add(span).ok()
}

fn written(day: i32) -> String {
    date_of(day).map_or_else(|| format!("day {day} after 1970-01-01"), |date| date.to_string())
}

impl Forecast {
    /// What it says, with method and inputs.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Depleted => "The pool is depleted now: nothing is left.".to_owned(),
            Self::Refused(refusal) => refusal.to_string(),
            Self::Projected {
                day,
                earliest,
                latest,
                confidence,
                basis,
            } => {
                let latest = latest.map_or_else(|| "open".to_owned(), written);
                format!(
                    "The pool is projected to be depleted on {} (earliest {}, latest {latest}; \
                     confidence {confidence}). {basis}",
                    written(*day),
                    written(*earliest),
                )
            }
            Self::Beyond {
                years,
                earliest,
                basis,
            } => {
                let earliest = earliest
                    .map(|day| format!(" (earliest {})", written(day)))
                    .unwrap_or_default();
                format!("The pool lasts beyond {years} years{earliest}. {basis}")
            }
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!(
            "From {} to {} it used {} a day net: {} taken and {} given back in {} days, \
             with assignments on {} of them.",
            written(self.from),
            written(self.to),
            rate(self.net_per_day),
            self.taken,
            self.given_back,
            self.days_used,
            self.assignment_days,
        );
        if let Some(day) = &self.left_out {
            write!(
                text,
                " Left out: {} with {} taken, more than all other days together.",
                written(day.day),
                day.taken
            )?;
        }
        write!(formatter, "{text} Method: {}.", self.method)
    }
}

/// Two decimals, or more for a rate that would read as none.
fn rate(net_per_day: f64) -> String {
    if net_per_day < 0.1 {
        format!("{net_per_day:.4}")
    } else {
        format!("{net_per_day:.2}")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewDays { have: 0, need } => write!(
                formatter,
                "Nothing was assigned before today. A forecast takes {need} whole days since the first assignment; \
                 ask again then."
            ),
            Self::TooFewDays { have, need } => write!(
                formatter,
                "Whole days since the first assignment: {have}. A forecast takes {need}; ask again {}.",
                match need.saturating_sub(*have) {
                    0 | 1 => "tomorrow".to_owned(),
                    days => format!("in {days} days"),
                }
            ),
            Self::TooFewAssignments {
                have,
                need,
                days,
                left_out,
            } => write!(
                formatter,
                "There were assignments on {have} of {days} days{}. A forecast takes {need}; \
                 ask again when there were more.",
                left_out
                    .map(|day| format!(
                        ", {} left out: it took more than all others together",
                        written(day.day)
                    ))
                    .unwrap_or_default(),
            ),
            Self::NotGrowing {
                taken,
                given_back,
                days,
            } => write!(
                formatter,
                "The pool does not grow: in {days} days {taken} were taken and {given_back} given back. \
                 Unless that changes, it will not be depleted."
            ),
        }
    }
}
