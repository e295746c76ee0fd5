//! Any thing of the provider's side in plans and in the journal: as `GET` shows it, less what is derived.

use cadastre_api_types::ApiError;
use cadastre_api_types::public::ChangeKind;
use cadastre_domain::isp::{Entity, Kept, Pool};
use serde_json::Value;
use uuid::Uuid;

use super::{alert, outbox, plan, policy, pool, profile, reservation, subscriber, template, vlan, webhook};
use crate::convert::plan::as_json;

/// What kind of thing it is, and its name.
pub(crate) fn named(entity: &Entity) -> (ChangeKind, String) {
    let kind = match entity {
        Entity::Pool(_) => ChangeKind::Pool,
        Entity::Reservation(_) => ChangeKind::Reservation,
        Entity::Subscriber(_) => ChangeKind::Subscriber,
        Entity::Plan(_) => ChangeKind::Plan,
        Entity::Profile(_) => ChangeKind::NetworkProfile,
        Entity::VlanPool(_) => ChangeKind::VlanPool,
        Entity::VlanBinding(_) => ChangeKind::VlanBinding,
        Entity::Policy(_) => ChangeKind::PoolPolicy,
        Entity::Template(_) => ChangeKind::ReservationTemplate,
        Entity::Webhook(_) => ChangeKind::Webhook,
        Entity::Alert(_) => ChangeKind::Alert,
        Entity::Outbox(_) => ChangeKind::OutboxEntry,
    };
    (kind, entity.label())
}

/// As clients see it.
///
/// # Errors
/// `500` if it cannot be written as JSON.
pub(crate) fn to_value(kept: Kept<Entity>) -> Result<Value, ApiError> {
    let Kept {
        value,
        created,
        modified,
        revision,
    } = kept;
    macro_rules! shown {
        ($thing:ident, $show:expr) => {
            as_json(&$show(Kept {
                value: $thing,
                created,
                modified,
                revision,
            }))
        };
    }
    match value {
        Entity::Pool(thing) => shown!(thing, |kept| settings(&kept)),
        Entity::Reservation(thing) => shown!(thing, reservation::to_wire),
        Entity::Subscriber(thing) => shown!(thing, subscriber::to_wire),
        Entity::Plan(thing) => shown!(thing, plan::to_wire),
        Entity::Profile(thing) => shown!(thing, profile::to_wire),
        Entity::VlanPool(thing) => shown!(thing, vlan::to_wire),
        Entity::VlanBinding(thing) => shown!(thing, vlan::binding),
        Entity::Policy(thing) => shown!(thing, |kept| policy::to_wire(Some(kept))),
        Entity::Template(thing) => shown!(thing, template::to_wire),
        Entity::Webhook(thing) => shown!(thing, webhook::to_wire),
        Entity::Alert(thing) => shown!(thing, alert::to_wire),
        Entity::Outbox(thing) => shown!(thing, outbox::to_wire),
    }
}

/// A pool's settings, without what is derived for it.
fn settings(kept: &Kept<Pool>) -> Value {
    let shown = serde_json::to_value(pool::settings(Uuid::nil(), kept));
    let mut shown = shown.unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut shown {
        fields.retain(|name, _| !pool::LIVE.contains(&name.as_str()));
    }
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::reservation::tests::kept;
    use super::*;
    use cadastre_domain::isp::ReservationStatus;

    #[test]
    fn a_thing_in_a_plan_is_as_get_shows_it() {
        let reservation = kept("203.0.113.9/32", ReservationStatus::Reserved);
        let entity = reservation.clone().map(Entity::Reservation);
        assert_eq!(
            named(&entity.value),
            (ChangeKind::Reservation, "203.0.113.9/32".to_owned())
        );
        let shown = serde_json::to_value(super::reservation::to_wire(reservation)).unwrap();
        assert_eq!(to_value(entity).unwrap(), shown);
    }
}
