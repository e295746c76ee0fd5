//! Webhooks, and the secrets their requests are signed with.

use cadastre_domain::isp::{Entity, Kept, SealedSecret, Webhook};

use super::super::draft::{Draft, invalid};
use super::{put_named, secrets};
use crate::errors::Outcome;
use crate::keys::{self, Named};

/// Makes or replaces a webhook.
pub(super) async fn put(
    draft: &mut Draft<'_, '_>,
    before: Option<Kept<Entity>>,
    webhook: &Webhook,
    secret: Option<Option<&SealedSecret>>,
) -> Outcome<()> {
    webhook.check().map_err(|error| invalid(&error))?;
    let had = match before.as_ref().map(|kept| &kept.value) {
        Some(Entity::Webhook(before)) => before.has_secret,
        Some(_) | None => false,
    };
    let row = keys::webhook_secret(webhook.id);
    let (has_secret, is_new) = secrets::keep(draft, row, had, secret).await?;
    let after = Entity::Webhook(Webhook {
        has_secret,
        ..webhook.clone()
    });
    match before {
        // The journal tells that the secret was changed: a thing that stays as it is would not be in it.
        Some(kept) if kept.value == after && is_new => {
            draft.put(Some(kept), after);
            Ok(())
        }
        before => put_named(draft, before, after, Named::Webhook, webhook.id).await,
    }
}
