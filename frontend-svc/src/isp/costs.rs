//! What pools cost, month by month: the price of an address in a month times the part of the month that it was held.

use std::collections::BTreeMap;

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{CostLine, IspAnswer, IspQuestion};
use cadastre_api_types::public::isp::{CostLine as WireLine, CostReport, CostTotal};
use cadastre_domain::isp::cost::{cost_of, format_amount, seconds_of_month};
use cadastre_domain::roles::Permission::IspIpamRead;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::IspCaller;
use super::wire::filled;
use crate::http::query::invalid;
use crate::http::reply::unexpected;
use crate::http::wording::echo;

/// Months of one report.
const MOST_MONTHS: usize = 36;

/// A time: from one moment to another, exclusively.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    /// From.
    pub(crate) from: Timestamp,
    /// To, exclusively.
    pub(crate) to: Timestamp,
}

/// The time that a report is asked for: a month, or from one moment to another; the present month if nothing is said.
///
/// # Errors
/// `400 InvalidParameter`.
pub(crate) fn time(
    month: Option<&str>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    now: Timestamp,
) -> Result<Time, ApiError> {
    match (month, from, to) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => Err(invalid(
            "month",
            "`month` says the whole time; send it without `from` and `to`.".to_owned(),
        )),
        (Some(text), None, None) => {
            let first = month_of(text).ok_or_else(|| {
                invalid(
                    "month",
                    format!("`month` is `{}`; write a month such as 2026-11.", echo(text)),
                )
            })?;
            whole_month(first).ok_or_else(|| invalid("month", "`month` is beyond all calendars.".to_owned()))
        }
        (None, None, None) => {
            let first = now.to_zoned(TimeZone::UTC).date().first_of_month();
            whole_month(first).ok_or_else(|| unexpected("a clock beyond all calendars"))
        }
        (None, Some(from), to) => {
            let to = to.unwrap_or(now);
            if from >= to {
                return Err(invalid(
                    "from",
                    format!("`from` {from} is not before `to`, which is {to}."),
                ));
            }
            Ok(Time { from, to })
        }
        (None, None, Some(_)) => Err(invalid(
            "from",
            "`to` goes with `from`; send both, or a `month`.".to_owned(),
        )),
    }
}

fn month_of(text: &str) -> Option<Date> {
    let (year, month) = text.split_once('-')?;
    let digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(year, 4) || !digits(month, 2) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()
}

fn whole_month(first: Date) -> Option<Time> {
    Some(Time {
        from: midnight(first)?,
        to: midnight(first.checked_add(1.month()).ok()?)?,
    })
}

fn midnight(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// A part of a time that lies in one month, with the seconds of that whole month.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    first: Date,
    time: Time,
    month_seconds: u64,
}

/// A time cut where months begin.
fn parts(time: Time) -> Result<Vec<Part>, ApiError> {
    let mut parts = Vec::new();
    let mut from = time.from;
    while from < time.to {
        let first = from.to_zoned(TimeZone::UTC).date().first_of_month();
        let Some(month) = whole_month(first) else { break };
        if parts.len() == MOST_MONTHS {
            return Err(invalid(
                "from",
                format!("A report is about at most {MOST_MONTHS} months; ask for a shorter time."),
            ));
        }
        let to = month.to.min(time.to);
        parts.push(Part {
            first,
            time: Time { from, to },
            month_seconds: seconds_of_month(first),
        });
        from = to;
    }
    Ok(parts)
}

/// The report.
pub(crate) async fn report(caller: &IspCaller, time: Time) -> Result<CostReport, ApiError> {
    let mut lines = Vec::new();
    let mut totals: BTreeMap<String, u128> = BTreeMap::new();
    let parts = parts(time)?;
    let times = parts.iter().map(|part| (part.time.from, part.time.to)).collect();
    let answer = caller.ask(IspIpamRead, IspQuestion::Costs(times)).await?;
    let IspAnswer::Costs(found) = answer else {
        return Err(unexpected("something else than costs"));
    };
    for (part, line) in parts
        .iter()
        .zip(found)
        .flat_map(|(part, lines)| lines.into_iter().map(move |line| (part, line)))
    {
        let micros = cost_of(line.held_seconds, part.month_seconds, line.micros_per_month);
        if !line.currency.is_empty() {
            let total = totals.entry(line.currency.clone()).or_default();
            *total = total.saturating_add(micros);
        }
        lines.push(shown(part, line, micros));
    }
    let totals = totals.into_iter().map(|(currency, micros)| CostTotal {
        currency,
        amount: format_amount(micros),
    });
    Ok(CostReport {
        from: time.from.to_string(),
        to: time.to.to_string(),
        lines,
        totals: totals.collect(),
    })
}

fn shown(part: &Part, line: CostLine, micros: u128) -> WireLine {
    WireLine {
        month: part.first.strftime("%Y-%m").to_string(),
        pool_id: line.pool_id,
        pool_name: line.pool_name,
        held_seconds: line.held_seconds.to_string(),
        reservations: line.reservations,
        cost_per_address_month: format_amount(line.micros_per_month.into()),
        currency: filled(Some(line.currency)),
        amount: format_amount(micros),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        at("2026-11-22T06:00:00Z")
    }

    #[test]
    fn a_month_is_from_its_first_midnight_to_the_next() {
        let november = Time {
            from: at("2026-11-01T00:00:00Z"),
            to: at("2026-12-01T00:00:00Z"),
        };
        assert_eq!(time(Some("2026-11"), None, None, now()).unwrap(), november);
        assert_eq!(time(None, None, None, now()).unwrap(), november);
        for bad in ["2026-13", "2026-1", "26-11", "", "2026-11-01", "x"] {
            assert!(time(Some(bad), None, None, now()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_a_month_or_has_a_beginning_before_its_end() {
        let from = at("2026-11-01T00:00:00Z");
        assert_eq!(
            time(None, Some(from), None, now()).unwrap(),
            Time { from, to: now() }
        );
        assert!(time(None, None, Some(from), now()).is_err());
        assert!(time(None, Some(from), Some(from), now()).is_err());
        assert!(time(Some("2026-11"), Some(from), None, now()).is_err());
    }

    #[test]
    fn a_time_is_cut_where_months_begin_and_nothing_is_lost() {
        let time = Time {
            from: at("2026-01-31T12:00:00Z"),
            to: at("2026-03-01T00:00:01Z"),
        };
        let parts = parts(time).unwrap();
        let shown: Vec<_> = parts
            .iter()
            .map(|part| (part.first.to_string(), part.month_seconds / 86_400))
            .collect();
        assert_eq!(
            shown,
            [
                ("2026-01-01".to_owned(), 31),
                ("2026-02-01".to_owned(), 28),
                ("2026-03-01".to_owned(), 31)
            ]
        );
        assert_eq!((parts[0].time.from, parts[2].time.to), (time.from, time.to));
        assert!(parts.windows(2).all(|pair| pair[0].time.to == pair[1].time.from));
    }

    #[test]
    fn a_report_of_a_lifetime_is_refused() {
        let time = Time {
            from: Timestamp::UNIX_EPOCH,
            to: now(),
        };
        assert!(parts(time).is_err());
    }
}
