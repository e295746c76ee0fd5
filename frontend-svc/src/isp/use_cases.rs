//! The use cases of a subscriber. All are safe to repeat.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{
    Choices, IspCommand, IspListing, MutationOptions, PageRequest, UseCase, VlanFilter,
};
use cadastre_api_types::public::isp::{Provision, SubscriberState};
use cadastre_domain::isp::{
    Entity, EntityKey, Kept, NetworkProfile, Reservation, Subscriber, SubscriberId, VlanBinding,
};
use cadastre_domain::roles::Permission::IspSubscribersWrite;
use uuid::Uuid;

use super::outcome::{Committed, Part, Ran};
use super::wire::{filled, profile, reservation, subscriber, vlan};
use super::{Done, IspCaller, Outcome, reservations};
use crate::http::reply::unexpected;

/// VLANs that are shown of one subscriber.
const MOST_VLANS: usize = 1_000;

/// The plan that a body names, and what it decides itself.
pub(crate) fn provision(body: Provision) -> UseCase {
    let (plan_id, choices) = choices(body);
    UseCase::Provision { plan_id, choices }
}

/// Another plan.
pub(crate) fn change_plan(body: Provision) -> UseCase {
    let (plan_id, choices) = choices(body);
    UseCase::ChangePlan { plan_id, choices }
}

/// Out of service for a while.
pub(crate) fn suspend(reason: Option<String>) -> UseCase {
    UseCase::Suspend {
        reason: filled(reason),
    }
}

/// Back in service.
pub(crate) fn resume(reason: Option<String>) -> UseCase {
    UseCase::Resume {
        reason: filled(reason),
    }
}

/// Out of service for good.
pub(crate) fn terminate(reason: Option<String>) -> UseCase {
    UseCase::Terminate {
        reason: filled(reason),
    }
}

fn choices(body: Provision) -> (Uuid, Choices) {
    let choices = Choices {
        ipv4_pool_id: body.ipv4_pool_id,
        ipv6_pool_id: body.ipv6_pool_id,
        pd_pool_id: body.pd_pool_id,
        vlan_pool_id: body.vlan_pool_id,
        reason: filled(body.reason),
    };
    (body.plan_id, choices)
}

/// Runs a use case, and answers with all that the subscriber has after it.
pub(crate) async fn run(
    caller: &IspCaller,
    id: SubscriberId,
    what: UseCase,
    options: MutationOptions,
) -> Result<Outcome<SubscriberState>, ApiError> {
    let ends = matches!(what, UseCase::Terminate { .. });
    let command = IspCommand::UseCase {
        subscriber_id: id.clone(),
        what,
    };
    let done = match caller.command(IspSubscribersWrite, command, options).await? {
        Ran::Planned(plan) => return Ok(Outcome::Planned(plan)),
        Ran::Committed(done) => done,
    };
    let (replayed, changed) = (done.replayed, !done.unchanged);
    // The command answers with all that the subscriber has; one that was answered before tells of what it changed then.
    if !replayed {
        return state_of(*done, ends);
    }
    let kept = caller
        .get::<Subscriber>(IspSubscribersWrite, EntityKey::Subscriber(id.clone()))
        .await?;
    // Who is terminated holds nothing any more; what was released is in the command's own things.
    let reservations: Vec<Kept<Reservation>> = if ends {
        done.things.into_iter().filter_map(Reservation::of_kept).collect()
    } else {
        reservations::held(caller, IspSubscribersWrite, &id, false).await?
    };
    let profile = caller
        .find::<NetworkProfile>(IspSubscribersWrite, EntityKey::Profile(id.clone()))
        .await?;
    let vlans = IspListing::VlanBindings(VlanFilter {
        subscriber_id: Some(id),
        ..VlanFilter::default()
    });
    let page = PageRequest {
        limit: MOST_VLANS,
        after: None,
    };
    let vlans = caller
        .list::<VlanBinding>(IspSubscribersWrite, vlans, page)
        .await?;
    let revision = kept.revision;
    let held = reservations.iter().map(|held| &held.value);
    Ok(Outcome::Done(Done {
        value: SubscriberState {
            subscriber: subscriber::with_holdings(kept, held),
            reservations: reservations.into_iter().map(reservation::to_wire).collect(),
            network_profile: profile.map(profile::to_wire),
            vlans: vlans.items.into_iter().map(vlan::binding).collect(),
            changed,
        },
        revision,
        replayed,
    }))
}

/// What a subscriber has, as the command has answered.
fn state_of(done: Committed, ends: bool) -> Result<Outcome<SubscriberState>, ApiError> {
    let (replayed, changed) = (done.replayed, !done.unchanged);
    let (mut kept, mut profile) = (None, None);
    let (mut reservations, mut vlans) = (Vec::new(), Vec::new());
    for thing in done.things {
        let (created, modified, revision) = (thing.created, thing.modified, thing.revision);
        let envelope = Kept {
            value: (),
            created,
            modified,
            revision,
        };
        match thing.value {
            Entity::Subscriber(value) => kept = Some(envelope.map(|()| value)),
            Entity::Profile(value) if !ends => profile = Some(profile::to_wire(envelope.map(|()| value))),
            // What an earlier plan gave is not there any more.
            Entity::Reservation(value) if ends || value.status.is_active() => {
                reservations.push(envelope.map(|()| value));
            }
            Entity::VlanBinding(value) if !ends => vlans.push(vlan::binding(envelope.map(|()| value))),
            Entity::Profile(_)
            | Entity::Reservation(_)
            | Entity::VlanBinding(_)
            | Entity::Pool(_)
            | Entity::Plan(_)
            | Entity::VlanPool(_)
            | Entity::Policy(_)
            | Entity::Template(_)
            | Entity::Webhook(_)
            | Entity::Alert(_)
            | Entity::Outbox(_) => {}
        }
    }
    let kept = kept.ok_or_else(|| unexpected("a use case without its subscriber"))?;
    let revision = kept.revision;
    let held = reservations.iter().map(|held: &Kept<Reservation>| &held.value);
    Ok(Outcome::Done(Done {
        value: SubscriberState {
            subscriber: subscriber::with_holdings(kept, held),
            reservations: reservations.into_iter().map(reservation::to_wire).collect(),
            network_profile: profile,
            vlans,
            changed,
        },
        revision,
        replayed,
    }))
}
