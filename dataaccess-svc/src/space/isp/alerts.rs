//! Alerts that somebody knows of.

use cadastre_api_types::ErrorCode;
use cadastre_domain::isp::{AlertState, Entity, EntityKey};
use uuid::Uuid;

use super::draft::Draft;
use crate::errors::{Failure, Outcome};

/// Writes down that somebody knows of an alert.
pub(super) async fn acknowledge(draft: &mut Draft<'_, '_>, id: Uuid) -> Outcome<()> {
    let missing = || Failure::not_found("alert in this address space");
    let before = draft.thing(&EntityKey::Alert(id)).await?.ok_or_else(missing)?;
    let Entity::Alert(mut alert) = before.value.clone() else {
        return Err(missing());
    };
    if !draft.decider.context.scope.covers(&alert.network) {
        return Err(missing());
    }
    draft.check_if_match(before.revision)?;
    match alert.state {
        AlertState::Raised => {}
        AlertState::Acknowledged => {
            draft.show(before);
            return Ok(());
        }
        AlertState::Cleared => {
            return Err(Failure::refused(
                ErrorCode::IllegalState,
                "This alert is over; there is nothing to be acknowledged.",
            ));
        }
    }
    alert.state = AlertState::Acknowledged;
    alert.acknowledged_at = Some(draft.decider.time);
    alert.acknowledged_by = Some(draft.decider.context.actor.clone());
    draft.put(Some(before), Entity::Alert(alert));
    Ok(())
}
