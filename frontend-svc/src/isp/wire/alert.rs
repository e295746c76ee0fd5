//! Alerts.

use cadastre_api_types::public::isp::Alert as WireAlert;
use cadastre_domain::isp::{Alert, Kept};

/// As clients see it.
pub(crate) fn to_wire(kept: Kept<Alert>) -> WireAlert {
    let alert = kept.value;
    WireAlert {
        id: alert.id,
        kind: alert.kind.into(),
        pool_id: alert.pool_id,
        pool_name: alert.pool_name,
        state: alert.state.into(),
        threshold_percent: alert.threshold_percent,
        used: alert.used.to_string(),
        usable: alert.usable.to_string(),
        raised_at: alert.raised_at,
        acknowledged_at: alert.acknowledged_at,
        acknowledged_by: alert.acknowledged_by,
        cleared_at: alert.cleared_at,
        updated_at: kept.modified,
    }
}
