//! Subscribers.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{
    IspCommand, IspListing, Listed, MutationOptions, PageRequest, SubscriberFilter,
};
use cadastre_api_types::public::isp::{Subscriber as WireSubscriber, SubscriberCreate, SubscriberUpdate};
use cadastre_domain::isp::{EntityKey, Kept, Subscriber, SubscriberId};
use cadastre_domain::roles::Permission::{IspSubscribersRead, IspSubscribersWrite};
use uuid::Uuid;

use super::wire::{subscriber, subscriber_id};
use super::{IspCaller, Outcome};
use crate::secrets::subscriber_context;

/// A page of subscribers in order of their ids.
pub(crate) async fn list(
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

/// One subscriber, and its revision.
pub(crate) async fn get(caller: &IspCaller, id: SubscriberId) -> Result<(WireSubscriber, u64), ApiError> {
    let kept = caller.get(IspSubscribersRead, EntityKey::Subscriber(id)).await?;
    let revision = kept.revision;
    Ok((subscriber::to_wire(kept), revision))
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
    let decide = |stored: Option<&Kept<Subscriber>>| {
        if stored.is_none() {
            return Err(ApiError::not_found("subscriber"));
        }
        Ok(IspCommand::UpdateSubscriber {
            subscriber: Box::new(subscriber::from_wire(id.clone(), body.clone(), stored)?),
            secret: secret.clone(),
        })
    };
    caller
        .replace::<Subscriber>(
            IspSubscribersWrite,
            EntityKey::Subscriber(id.clone()),
            options,
            decide,
        )
        .await?
        .one(subscriber::to_wire)
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
