//! When a pool will be depleted, as far as somebody can say: the rules are in `domain/src/isp/forecast`.

use cadastre_api_types::internal::PoolFigures;
use cadastre_api_types::public::isp::PoolProjection;
use cadastre_domain::isp::forecast::{DailyCount, Forecast, date_of, forecast};
use jiff::Timestamp;

/// The day on which nothing is left of a pool, if there will be one, and how it was found.
pub(crate) fn forecast_of(figures: &PoolFigures, now: Timestamp) -> (Option<String>, PoolProjection) {
    let days: Vec<DailyCount> = figures
        .days
        .iter()
        .map(|day| DailyCount {
            day: day.day,
            taken: day.taken,
            given_back: day.given_back,
        })
        .collect();
    let today = i32::try_from(now.as_second().div_euclid(86_400)).unwrap_or(i32::MAX);
    let found = forecast(&days, today, figures.counts.available());
    let date = |day: i32| date_of(day).map(|date| date.to_string());
    let mut told = PoolProjection {
        reason: found.text(),
        ..PoolProjection::default()
    };
    let (basis, day) = match &found {
        Forecast::Depleted => return (date(today), told),
        Forecast::Refused(_) => return (None, told),
        Forecast::Projected {
            day,
            earliest,
            latest,
            confidence,
            basis,
        } => {
            told.confidence = Some(confidence.to_string());
            told.earliest = date(*earliest);
            told.latest = latest.and_then(date);
            (basis, date(*day))
        }
        Forecast::Beyond { earliest, basis, .. } => {
            told.earliest = earliest.and_then(date);
            (basis, None)
        }
    };
    told.method = Some(basis.method.to_owned());
    told.net_per_day = Some(basis.net_per_day);
    told.days_used = Some(basis.days_used);
    (day, told)
}
