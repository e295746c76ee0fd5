//! Things of the provider's side in the journal: who may see them, and the answer to a command that was answered before.

use cadastre_api_types::internal::{ThingChange, ThingState};
use cadastre_domain::isp::{Entity, Kept};
use cadastre_domain::{Prefix, Scope};

use super::super::decide::outside_scope;
use crate::errors::Outcome;
use crate::records::{JournalEntry, JournalImage};

/// What of the tree a thing is about; `None` = nothing: it is of the whole space.
pub(super) fn place_of(value: &Entity) -> Option<Prefix> {
    match value {
        Entity::Pool(pool) => Some(pool.network),
        Entity::Reservation(reservation) => Some(reservation.prefix),
        Entity::Alert(alert) => Some(alert.network),
        Entity::Subscriber(_)
        | Entity::Plan(_)
        | Entity::Profile(_)
        | Entity::VlanPool(_)
        | Entity::VlanBinding(_)
        | Entity::Policy(_)
        | Entity::Template(_)
        | Entity::Webhook(_)
        | Entity::Outbox(_) => None,
    }
}

/// Whether a caller may see a thing.
pub(super) fn is_seen(value: &Entity, scope: &Scope) -> bool {
    match place_of(value) {
        Some(prefix) => scope.covers(&prefix),
        None => *scope == Scope::Whole,
    }
}

/// A change as a caller sees it.
pub(crate) fn clipped_change(
    before: Option<Box<Kept<Entity>>>,
    after: Option<Box<Kept<Entity>>>,
    scope: &Scope,
) -> Option<ThingChange> {
    let state = |kept: Option<Box<Kept<Entity>>>| {
        kept.filter(|kept| is_seen(&kept.value, scope))
            .map(ThingState::Entity)
    };
    let (before, after) = (state(before), state(after));
    (before.is_some() || after.is_some()).then_some(ThingChange { before, after })
}

/// The things of a command as they were answered.
pub(crate) fn things_again(entry: &JournalEntry, scope: &Scope) -> Outcome<Vec<Kept<Entity>>> {
    let mut things = Vec::new();
    for image in &entry.changes {
        let JournalImage::Entity {
            after: Some(kept), ..
        } = image
        else {
            continue;
        };
        if let Some(prefix) = place_of(&kept.value)
            && !scope.covers(&prefix)
        {
            return Err(outside_scope(&prefix, "change"));
        }
        things.push(kept.as_ref().clone());
    }
    Ok(things)
}
