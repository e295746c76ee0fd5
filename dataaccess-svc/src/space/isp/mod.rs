//! The provider's side of a space: decides its commands, and reads what it keeps (DESIGN §7, ADR 0020).
//!
//! A command is decided on a [`Draft`]: it reads through what it has changed so far, so that a use case of several steps
//! is one decision and one commit. What is asked for all the time (pools, plans, webhooks, the policy) is known by heart, in
//! the [`Book`].

mod ahead;
mod alerts;
mod alike;
mod book;
mod conflicts;
mod counters;
mod draft;
pub(crate) mod due;
mod figures;
pub(crate) mod find;
mod guard;
mod journal;
mod lifecycle;
mod list;
mod names;
mod nodes;
mod outbox;
mod places;
mod policy;
mod pools;
mod profiles;
mod read;
mod reports;
mod reserve;
mod subscribers;
mod templates;
mod things;
mod usecases;
mod vlans;

#[cfg(test)]
mod steps;

use cadastre_api_types::internal::{IfMatch, IspCommand};

use super::decide::{Decider, Decision};
use crate::errors::Outcome;
pub(crate) use book::Book;
use draft::{Draft, First};
pub(crate) use due::{Agenda, Announced, Due, announce};
pub(super) use guard::account;
pub(super) use journal::{clipped_change, things_again};

/// Decides a command of the provider's side.
pub(super) async fn decide(
    decider: &Decider<'_>,
    command: &IspCommand,
    if_match: Option<&IfMatch>,
) -> Outcome<Decision> {
    let mut draft = Draft::new(decider, if_match);
    let on = &mut draft;
    on.read_ahead(ahead::of(command)).await?;
    match command {
        IspCommand::CreatePool { pool, tags } => pools::create(on, pool, tags.as_ref()).await?,
        IspCommand::UpdatePool { pool, tags } => pools::update(on, pool, tags.as_ref()).await?,
        IspCommand::DeletePool { id } => pools::delete(on, *id).await?,
        IspCommand::Reserve { wanted, force } => reserve::all(on, wanted, *force).await?,
        IspCommand::UpdateReservation { .. } => lifecycle::update(on, command).await?,
        IspCommand::MoveReservation { id, to, reason } => {
            lifecycle::move_on(on, *id, *to, reason.as_deref()).await?;
        }
        IspCommand::ReleaseHeld {
            subscriber_id,
            ip_types,
            reason,
        } => lifecycle::release_held(on, subscriber_id, ip_types, reason.as_deref()).await?,
        IspCommand::CreateSubscriber { subscriber, secret } => {
            subscribers::create(on, subscriber, secret.as_ref()).await?;
        }
        IspCommand::UpdateSubscriber { subscriber, secret } => {
            subscribers::update(on, subscriber, secret.as_ref().map(Option::as_ref)).await?;
        }
        IspCommand::DeleteSubscriber { id } => subscribers::delete(on, id).await?,
        IspCommand::PutProfile { profile } => profiles::put(on, profile).await?,
        IspCommand::DeleteProfile { subscriber_id } => profiles::delete(on, subscriber_id).await?,
        IspCommand::CreateThing { thing, secret } => things::create(on, thing, secret.as_ref()).await?,
        IspCommand::UpdateThing { thing, secret } => {
            things::update(on, thing, secret.as_ref().map(Option::as_ref)).await?;
        }
        IspCommand::DeleteThing { key } => things::delete(on, key).await?,
        IspCommand::PutPolicy { policy } => things::put_policy(on, policy).await?,
        IspCommand::AllocateVlan {
            id,
            pool_id,
            holder,
            tag,
        } => {
            let made = vlans::allocate(on, *id, *pool_id, holder, *tag).await?;
            alike::vlan_allocated(on, holder, made.tag).await?;
        }
        IspCommand::ReleaseVlan { id } => vlans::release(on, *id).await?,
        IspCommand::UseCase { subscriber_id, what } => usecases::run(on, subscriber_id, what).await?,
        IspCommand::ApplyTemplate {
            template_id,
            site_id,
            pool_id,
        } => templates::apply(on, *template_id, site_id, *pool_id).await?,
        IspCommand::CancelOutbox { id } => outbox::cancel(on, *id).await?,
        IspCommand::RetryOutbox { id } => outbox::retry(on, *id).await?,
        IspCommand::ClaimOutbox { limit, hold_ms } => outbox::claim(on, *limit, *hold_ms).await?,
        IspCommand::RunDue { limit, from } => due::run(on, *limit, from.as_deref()).await?,
        IspCommand::AcknowledgeAlert { id } => alerts::acknowledge(on, *id).await?,
        IspCommand::SettleOutbox { id, came, retry_ms } => outbox::settle(on, *id, came, *retry_ms).await?,
    }
    draft.finish(First::Things).await
}

/// Name of a command in the journal.
pub(super) fn command_name(command: &IspCommand) -> &'static str {
    use IspCommand as C;
    match command {
        C::CreatePool { .. } => "CreatePool",
        C::UpdatePool { .. } => "UpdatePool",
        C::DeletePool { .. } => "DeletePool",
        C::Reserve { .. } => "Reserve",
        C::UpdateReservation { .. } => "UpdateReservation",
        C::MoveReservation { .. } => "MoveReservation",
        C::ReleaseHeld { .. } => "ReleaseHeld",
        C::CreateSubscriber { .. } => "CreateSubscriber",
        C::UpdateSubscriber { .. } => "UpdateSubscriber",
        C::DeleteSubscriber { .. } => "DeleteSubscriber",
        C::PutProfile { .. } => "PutProfile",
        C::DeleteProfile { .. } => "DeleteProfile",
        C::CreateThing { .. } => "CreateThing",
        C::UpdateThing { .. } => "UpdateThing",
        C::DeleteThing { .. } => "DeleteThing",
        C::PutPolicy { .. } => "PutPolicy",
        C::AllocateVlan { .. } => "AllocateVlan",
        C::ReleaseVlan { .. } => "ReleaseVlan",
        C::UseCase { what, .. } => use_case_name(what),
        C::ApplyTemplate { .. } => "ApplyTemplate",
        C::AcknowledgeAlert { .. } => "AcknowledgeAlert",
        C::CancelOutbox { .. } => "CancelOutbox",
        C::RetryOutbox { .. } => "RetryOutbox",
        C::ClaimOutbox { .. } => "ClaimOutbox",
        C::RunDue { .. } => "RunDue",
        C::SettleOutbox { .. } => "SettleOutbox",
    }
}

fn use_case_name(what: &cadastre_api_types::internal::UseCase) -> &'static str {
    use cadastre_api_types::internal::UseCase as U;
    match what {
        U::Provision { .. } => "Provision",
        U::ChangePlan { .. } => "ChangePlan",
        U::Suspend { .. } => "Suspend",
        U::Resume { .. } => "Resume",
        U::Terminate { .. } => "Terminate",
    }
}
