//! Hands entries of the outbox to whoever delivers them, of all spaces.

use cadastre_api_types::internal::{
    CallContext, ClaimOutbox, ClaimedEntry, CommandOutcome, IspCommand, MutationOptions, SpaceCommand,
    SpaceCommandRequest,
};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Scope;
use cadastre_domain::isp::{Delivery, Entity, OutboxEntry, OutboxTarget};

use super::Inner;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::SecretRecord;
use crate::space::{Agenda, SpaceHandle, due};

/// Spaces that one claim looks into.
const SPACES: usize = 1_000;
/// Entries that one commit claims.
const AT_ONCE: usize = 32;

impl Inner {
    /// Takes entries whose time has come.
    pub(super) async fn claim_outbox(
        &self,
        context: &CallContext,
        request: &ClaimOutbox,
    ) -> Outcome<Vec<ClaimedEntry>> {
        let now = crate::clock::micros(self.config.clock.now()).as_second();
        let mut waiting = due::spaces(&self.store, Agenda::Outbox, now, SPACES).await?;
        // Not the same space first each time.
        let first = usize::try_from(now)
            .unwrap_or(0)
            .checked_rem(waiting.len())
            .unwrap_or(0);
        waiting.rotate_left(first);
        let mut claimed = Vec::new();
        // Each space in turn, and again those that have more.
        while !waiting.is_empty() && claimed.len() < request.limit {
            let mut have_more = Vec::new();
            for (space, mut over) in waiting {
                if claimed.len() >= request.limit {
                    break;
                }
                let handle = match self.space(space).await {
                    Ok(handle) => handle,
                    Err(Failure::Refused(error)) if error.code == ErrorCode::NotFound => {
                        due::done(&self.store, over).await?;
                        continue;
                    }
                    Err(failure) if claimed.is_empty() => return Err(failure),
                    Err(failure) => {
                        tracing::warn!(%space, %failure, "the outbox of a space cannot be looked into");
                        continue;
                    }
                };
                let taken = Box::pin(self.claim_in(&handle, context, request, claimed.len(), now)).await;
                match taken {
                    Ok(taken) if taken.is_empty() => due::done(&self.store, over).await?,
                    Ok(taken) => {
                        claimed.extend(taken);
                        // One hint is enough to come back.
                        let newest = over.pop();
                        due::done(&self.store, over).await?;
                        have_more.push((space, newest.into_iter().collect()));
                    }
                    // What was claimed elsewhere must not be lost on the way.
                    Err(failure) => {
                        tracing::warn!(%space, %failure, "the outbox of a space cannot be looked into")
                    }
                }
            }
            waiting = have_more;
        }
        Ok(claimed)
    }

    async fn claim_in(
        &self,
        handle: &std::sync::Arc<SpaceHandle>,
        context: &CallContext,
        request: &ClaimOutbox,
        have: usize,
        now: i64,
    ) -> Outcome<Vec<ClaimedEntry>> {
        if handle
            .durable()
            .first(&keys::outbox_due_before(now + 1))
            .await?
            .is_none()
        {
            return Ok(Vec::new());
        }
        let rows = self.store.limits().batch_rows / 8;
        let command = IspCommand::ClaimOutbox {
            limit: request
                .limit
                .saturating_sub(have)
                .clamp(1, AT_ONCE.min(rows.max(1))),
            hold_ms: request.hold_ms,
        };
        let outcome = self.isp(handle, context, command).await?;
        let CommandOutcome::Committed { things, .. } = outcome else {
            return Ok(Vec::new());
        };
        let mut claimed = Vec::with_capacity(things.len());
        for kept in things {
            let Entity::Outbox(entry) = kept.value else {
                continue;
            };
            if let Some(entry) = self.with_webhook(handle, context, entry).await? {
                claimed.push(entry);
            }
        }
        Ok(claimed)
    }

    /// An entry with where it goes; one whose webhook is gone is given up.
    async fn with_webhook(
        &self,
        handle: &std::sync::Arc<SpaceHandle>,
        context: &CallContext,
        entry: OutboxEntry,
    ) -> Outcome<Option<ClaimedEntry>> {
        let OutboxTarget::Webhook(id) = entry.target;
        let book = handle.current().await?.book.clone();
        let Some(webhook) = book.webhook(id) else {
            let gone = IspCommand::SettleOutbox {
                id: entry.id,
                came: Delivery::Refused("the webhook was deleted".to_owned()),
                retry_ms: 0,
            };
            self.isp(handle, context, gone).await?;
            return Ok(None);
        };
        let secret = if webhook.value.has_secret {
            handle
                .durable()
                .record::<SecretRecord>(&keys::webhook_secret(id))
                .await?
        } else {
            None
        };
        Ok(Some(ClaimedEntry {
            space: handle.id,
            entry,
            webhook: webhook.value.clone(),
            secret: secret.map(|record| record.secret),
        }))
    }

    async fn isp(
        &self,
        handle: &std::sync::Arc<SpaceHandle>,
        context: &CallContext,
        command: IspCommand,
    ) -> Result<CommandOutcome, ApiError> {
        let request = SpaceCommandRequest {
            space: handle.id,
            command: SpaceCommand::Isp(Box::new(command)),
            options: MutationOptions::default(),
        };
        let context = CallContext {
            scope: Scope::Whole,
            ..context.clone()
        };
        handle.command(&self.workshop, &context, request).await
    }
}
