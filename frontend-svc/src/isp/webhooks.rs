//! Webhooks.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IspCommand, IspListing, Listed, MutationOptions, PageRequest, Thing};
use cadastre_api_types::public::isp::{Webhook as WireWebhook, WebhookCreate, WebhookUpdate};
use cadastre_domain::isp::{EntityKey, Kept, Webhook};
use cadastre_domain::roles::Permission::{IspOssRead, IspOssWrite};
use uuid::Uuid;

use super::wire::webhook;
use super::{IspCaller, Outcome};
use crate::secrets::webhook_context;

/// A page of webhooks, oldest first.
pub(crate) async fn list(caller: &IspCaller, page: PageRequest) -> Result<Listed<WireWebhook>, ApiError> {
    let found = caller.list(IspOssRead, IspListing::Webhooks, page).await?;
    Ok(Listed {
        items: found.items.into_iter().map(webhook::to_wire).collect(),
        next: found.next,
    })
}

/// One webhook, and its revision.
pub(crate) async fn get(caller: &IspCaller, id: Uuid) -> Result<(WireWebhook, u64), ApiError> {
    let kept = caller.get(IspOssRead, EntityKey::Webhook(id)).await?;
    let revision = kept.revision;
    Ok((webhook::to_wire(kept), revision))
}

/// A new webhook.
pub(crate) async fn create(
    caller: &IspCaller,
    mut body: WebhookCreate,
    options: MutationOptions,
) -> Result<Outcome<WireWebhook>, ApiError> {
    caller.may(IspOssWrite)?;
    let secret = body.secret.take();
    let made = webhook::from_wire(Uuid::now_v7(), body.into(), None)?;
    let context = webhook_context(caller.space, made.id);
    let secret = caller.sealed("secret", &context, secret)?.flatten();
    let command = IspCommand::CreateThing {
        thing: Box::new(Thing::Webhook(made)),
        secret,
    };
    caller
        .command(IspOssWrite, command, options)
        .await?
        .one(webhook::to_wire)
}

/// Replaces a webhook.
pub(crate) async fn update(
    caller: &IspCaller,
    id: Uuid,
    mut body: WebhookUpdate,
    options: MutationOptions,
) -> Result<Outcome<WireWebhook>, ApiError> {
    caller.may(IspOssWrite)?;
    let context = webhook_context(caller.space, id);
    let secret = caller.sealed("secret", &context, body.secret.take())?;
    let decide = |stored: Option<&Kept<Webhook>>| {
        if stored.is_none() {
            return Err(ApiError::not_found("webhook"));
        }
        Ok(IspCommand::UpdateThing {
            thing: Box::new(Thing::Webhook(webhook::from_wire(id, body.clone(), stored)?)),
            secret: secret.clone(),
        })
    };
    caller
        .replace::<Webhook>(IspOssWrite, EntityKey::Webhook(id), options, decide)
        .await?
        .one(webhook::to_wire)
}

/// Removes a webhook.
pub(crate) async fn delete(
    caller: &IspCaller,
    id: Uuid,
    options: MutationOptions,
) -> Result<Outcome<()>, ApiError> {
    let key = EntityKey::Webhook(id);
    let command = IspCommand::DeleteThing { key };
    Ok(caller.command(IspOssWrite, command, options).await?.nothing())
}
