//! Subscribers.

use std::collections::HashMap;

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{
    IspCommand, IspListing, IspQuestion, Listed, MutationOptions, PageRequest, SubscriberFilter,
};
use cadastre_api_types::public::isp::{Subscriber as WireSubscriber, SubscriberCreate, SubscriberUpdate};
use cadastre_domain::isp::{EntityKey, Kept, Reservation, Subscriber, SubscriberId};
use cadastre_domain::roles::Permission;
use cadastre_domain::roles::Permission::{IspSubscribersRead, IspSubscribersWrite};
use uuid::Uuid;

use super::wire::{subscriber, subscriber_id};
use super::{Done, IspCaller, Outcome, reservations};
use crate::secrets::subscriber_context;

/// A page of subscribers in order of their ids, without what they hold.
pub(crate) async fn list_bare(
    caller: &IspCaller,
    filter: SubscriberFilter,
    page: PageRequest,
) -> Result<Listed<WireSubscriber>, ApiError> {
    let listing = IspListing::Subscribers(filter);
    let found = caller.list(IspSubscribersRead, listing, page).await?;
    Ok(Listed {
        items: found.items.into_iter().map(subscriber::to_wire).collect(),
        next: found.next,
    })
}

/// A page of subscribers in order of their ids.
pub(crate) async fn list(
    caller: &IspCaller,
    filter: SubscriberFilter,
    page: PageRequest,
) -> Result<Listed<WireSubscriber>, ApiError> {
    let listing = IspListing::Subscribers(filter);
    let found = caller
        .list::<Subscriber>(IspSubscribersRead, listing, page)
        .await?;
    let ids = found.items.iter().map(|kept| kept.value.id.clone()).collect();
    let held = holdings(caller, IspSubscribersRead, ids).await?;
    let shown = |kept: Kept<Subscriber>| {
        let held = held.get(&kept.value.id).into_iter().flatten();
        subscriber::with_holdings(kept, held.map(|held| &held.value))
    };
    Ok(Listed {
        items: found.items.into_iter().map(shown).collect(),
        next: found.next,
    })
}

/// What each of these subscribers holds now.
pub(crate) async fn holdings(
    caller: &IspCaller,
    permission: Permission,
    subscribers: Vec<SubscriberId>,
) -> Result<HashMap<SubscriberId, Vec<Kept<Reservation>>>, ApiError> {
    let mut held: HashMap<SubscriberId, Vec<Kept<Reservation>>> = HashMap::new();
    if subscribers.is_empty() {
        return Ok(held);
    }
    let answer = caller.ask(permission, IspQuestion::Holdings(subscribers)).await?;
    for kept in reservations::things::<Reservation>(answer)?.items {
        held.entry(kept.value.subscriber_id.clone())
            .or_default()
            .push(kept);
    }
    Ok(held)
}

/// A subscriber with what it holds.
async fn shown(
    caller: &IspCaller,
    permission: Permission,
    kept: Kept<Subscriber>,
) -> Result<WireSubscriber, ApiError> {
    let held = holdings(caller, permission, vec![kept.value.id.clone()]).await?;
    let held = held.values().flatten();
    Ok(subscriber::with_holdings(kept, held.map(|held| &held.value)))
}

/// One subscriber, and its revision.
pub(crate) async fn get(caller: &IspCaller, id: SubscriberId) -> Result<(WireSubscriber, u64), ApiError> {
    let kept = caller.get(IspSubscribersRead, EntityKey::Subscriber(id)).await?;
    let revision = kept.revision;
    Ok((shown(caller, IspSubscribersRead, kept).await?, revision))
}

/// A new subscriber.
pub(crate) async fn create(
    caller: &IspCaller,
    mut body: SubscriberCreate,
    options: MutationOptions,
) -> Result<Outcome<WireSubscriber>, ApiError> {
    caller.may(IspSubscribersWrite)?;
    let id = match body.id.take() {
        Some(text) => subscriber_id("id", &text)?,
        None => subscriber_id("id", &Uuid::now_v7().to_string())?,
    };
    let password = body.password.take();
    let made = subscriber::from_wire(id, SubscriberUpdate::from(body), None)?;
    let context = subscriber_context(caller.space, &made.id);
    let secret = caller.sealed("password", &context, password)?.flatten();
    let command = IspCommand::CreateSubscriber {
        subscriber: Box::new(made),
        secret,
    };
    caller
        .command(IspSubscribersWrite, command, options)
        .await?
        .one(subscriber::to_wire)
}

/// Replaces what is known of a subscriber.
pub(crate) async fn update(
    caller: &IspCaller,
    id: SubscriberId,
    mut body: SubscriberUpdate,
    options: MutationOptions,
) -> Result<Outcome<WireSubscriber>, ApiError> {
    caller.may(IspSubscribersWrite)?;
    let context = subscriber_context(caller.space, &id);
    let secret = caller.sealed("password", &context, body.password.take())?;
    if subscriber::names_holdings(&body) {
        let kept = caller
            .get::<Subscriber>(IspSubscribersWrite, EntityKey::Subscriber(id.clone()))
            .await?;
        subscriber::check_holdings(&body, &shown(caller, IspSubscribersWrite, kept).await?)?;
    }
    let decide = |stored: Option<&Kept<Subscriber>>| {
        if stored.is_none() {
            return Err(ApiError::not_found("subscriber"));
        }
        Ok(IspCommand::UpdateSubscriber {
            subscriber: Box::new(subscriber::from_wire(id.clone(), body.clone(), stored)?),
            secret: secret.clone(),
        })
    };
    let ran = caller
        .replace::<Subscriber>(
            IspSubscribersWrite,
            EntityKey::Subscriber(id.clone()),
            options,
            decide,
        )
        .await?;
    Ok(match ran.one(|kept: Kept<Subscriber>| kept)? {
        Outcome::Planned(plan) => Outcome::Planned(plan),
        Outcome::Done(done) => Outcome::Done(Done {
            value: shown(caller, IspSubscribersWrite, done.value).await?,
            revision: done.revision,
            replayed: done.replayed,
        }),
    })
}

/// Removes a subscriber that is not in service and holds nothing.
pub(crate) async fn delete(
    caller: &IspCaller,
    id: SubscriberId,
    options: MutationOptions,
) -> Result<Outcome<()>, ApiError> {
    let command = IspCommand::DeleteSubscriber { id };
    Ok(caller
        .command(IspSubscribersWrite, command, options)
        .await?
        .nothing())
}
