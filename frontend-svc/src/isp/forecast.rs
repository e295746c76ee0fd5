//! When a pool will be depleted, as far as somebody can say.

use cadastre_api_types::internal::PoolFigures;
use cadastre_api_types::public::isp::PoolProjection;
use jiff::Timestamp;

/// The day on which nothing is left of a pool, if there will be one, and how it was found. `None` where nothing is
/// projected.
pub(crate) fn forecast_of(
    _figures: &PoolFigures,
    _now: Timestamp,
) -> Option<(Option<String>, PoolProjection)> {
    None
}
