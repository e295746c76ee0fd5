//! What is told outside: an entry for each webhook that wants to know of an event, committed with the change.

use cadastre_api_types::ErrorCode;
use cadastre_domain::isp::{
    Delivery, Entity, EntityKey, Kept, OutboxEntry, OutboxState, OutboxTarget, outbox,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::draft::Draft;
use super::due::{Agenda, Due};
use crate::errors::{Failure, Outcome};
use crate::keys;

/// Days that an entry stays when it is over.
const KEPT_DAYS: i64 = 7;

/// Turns the events of a command into entries.
pub(super) fn post(draft: &mut Draft<'_, '_>) -> Outcome<()> {
    let events = std::mem::take(&mut draft.events);
    if events.is_empty() {
        return Ok(());
    }
    let webhooks: Vec<_> = draft.book().webhooks().cloned().collect();
    for (event, payload) in events {
        for webhook in webhooks.iter().filter(|webhook| webhook.value.wants(&event)) {
            let entry = OutboxEntry {
                id: Uuid::now_v7(),
                target: OutboxTarget::Webhook(webhook.value.id),
                event: event.clone(),
                version: draft.decider.version,
                payload: payload.clone(),
                state: OutboxState::Pending,
                attempts: 0,
                next_attempt_at: Some(draft.decider.time),
                last_error: None,
                ended_at: None,
                correlation_id: draft.decider.context.correlation_id.clone(),
            };
            put(draft, None, entry);
        }
    }
    Ok(())
}

/// Writes an entry with the row that says when it is tried. The journal does not tell of it: the entry itself does.
fn put(draft: &mut Draft<'_, '_>, before: Option<&Kept<Entity>>, entry: OutboxEntry) -> Kept<Entity> {
    let id = entry.id;
    if let Some(Entity::Outbox(before)) = before.map(|kept| &kept.value)
        && let Some(time) = before.next_attempt_at
    {
        draft.erase(keys::outbox_due(second(time), id));
    }
    if let Some(time) = entry.next_attempt_at {
        draft.mark(keys::outbox_due(second(time), id));
        draft.effects.due.push(Due {
            agenda: Agenda::Outbox,
            second: second(time),
        });
    }
    if let Some(ended) = entry.ended_at {
        let end = second(ended) + KEPT_DAYS * 86_400;
        draft.mark(keys::due(end, keys::DueKind::OutboxEnd, id));
        draft.effects.due.push(Due {
            agenda: Agenda::Timers,
            second: end,
        });
    }
    let row = match keys::entity(&EntityKey::Outbox(id)) {
        Some(row) => row,
        None => unreachable!("entries of the outbox have rows of their own"),
    };
    draft.put_quietly(row, before, Entity::Outbox(entry))
}

async fn entry(draft: &Draft<'_, '_>, id: Uuid) -> Outcome<(Kept<Entity>, OutboxEntry)> {
    let kept = draft
        .thing(&EntityKey::Outbox(id))
        .await?
        .ok_or_else(|| Failure::not_found("outbox entry in this address space"))?;
    match kept.value.outbox().cloned() {
        Some(entry) => Ok((kept, entry)),
        None => Err(Failure::not_found("outbox entry in this address space")),
    }
}

/// Calls an entry off.
pub(super) async fn cancel(draft: &mut Draft<'_, '_>, id: Uuid) -> Outcome<()> {
    let (before, mut entry) = entry(draft, id).await?;
    draft.check_if_match(before.revision)?;
    match entry.state {
        OutboxState::Pending | OutboxState::Failed => {}
        OutboxState::Cancelled => {
            draft.show(before);
            return Ok(());
        }
        OutboxState::Delivered => {
            return Err(Failure::refused(
                ErrorCode::IllegalState,
                "This entry was delivered already; it cannot be called off any more.",
            ));
        }
    }
    entry.state = OutboxState::Cancelled;
    entry.next_attempt_at = None;
    if entry.ended_at.is_none() {
        entry.ended_at = Some(draft.decider.time);
    }
    put(draft, Some(&before), entry.clone());
    // Somebody has asked for it: the journal says so, and answers who asks again.
    draft.put(Some(before), Entity::Outbox(entry));
    Ok(())
}

/// Asks for another try.
pub(super) async fn retry(draft: &mut Draft<'_, '_>, id: Uuid) -> Outcome<()> {
    let (before, mut entry) = entry(draft, id).await?;
    draft.check_if_match(before.revision)?;
    if entry.state == OutboxState::Delivered {
        return Err(Failure::refused(
            ErrorCode::IllegalState,
            "This entry was delivered already; there is nothing to be tried again.",
        ));
    }
    if let Some(ended) = entry.ended_at.take() {
        draft.erase(keys::due(
            ended.as_second() + KEPT_DAYS * 86_400,
            keys::DueKind::OutboxEnd,
            id,
        ));
    }
    entry.state = OutboxState::Pending;
    entry.attempts = 0;
    entry.next_attempt_at = Some(draft.decider.time);
    put(draft, Some(&before), entry.clone());
    // Somebody has asked for it: the journal says so, and answers who asks again.
    draft.put(Some(before), Entity::Outbox(entry));
    Ok(())
}

/// Has entries whose time has come for one caller alone: they are tried again when the time is up and nothing was heard.
pub(super) async fn claim(draft: &mut Draft<'_, '_>, limit: usize, hold_ms: u64) -> Outcome<()> {
    let now = draft.decider.time;
    let hold = SignedDuration::from_millis(i64::try_from(hold_ms).unwrap_or(i64::MAX / 1_000_000));
    let until = now.checked_add(hold).unwrap_or(now);
    let range = keys::outbox_due_before(second(now) + 1);
    let (found, _) = draft.decider.resolver.rows().scan(&range, limit.max(1)).await?;
    for (key, _) in found {
        let Some((_, id)) = keys::parse_outbox_due(&key) else {
            continue;
        };
        match draft.thing(&EntityKey::Outbox(id)).await? {
            Some(before) => {
                let Entity::Outbox(mut entry) = before.value.clone() else {
                    continue;
                };
                entry.next_attempt_at = Some(until);
                draft.erase(key);
                let after = put(draft, Some(&before), entry);
                draft.show(after);
            }
            None => draft.erase(key),
        }
    }
    Ok(())
}

fn second(time: Timestamp) -> i64 {
    time.as_second()
}

/// Forgets an entry that has been over for long enough.
pub(super) async fn forget(draft: &mut Draft<'_, '_>, id: Uuid) -> Outcome<()> {
    let key = EntityKey::Outbox(id);
    let over = match draft.thing(&key).await? {
        Some(kept) => matches!(&kept.value, Entity::Outbox(entry) if entry.ended_at.is_some()),
        None => false,
    };
    if let (true, Some(row)) = (over, keys::entity(&key)) {
        draft.erase(row);
    }
    Ok(())
}

/// Writes down what came of a try.
pub(super) async fn settle(
    draft: &mut Draft<'_, '_>,
    id: Uuid,
    came: &Delivery,
    retry_ms: u64,
) -> Outcome<()> {
    let (before, mut entry) = entry(draft, id).await?;
    let now = draft.decider.time;
    match (came, entry.state) {
        // It was called off, or delivered by somebody else, while it was tried.
        (_, OutboxState::Delivered) | (Delivery::Retry(_) | Delivery::Refused(_), OutboxState::Cancelled) => {
            return Ok(());
        }
        (Delivery::Done, _) => {
            entry.state = OutboxState::Delivered;
            entry.attempts += 1;
            entry.last_error = None;
            entry.next_attempt_at = None;
            entry.ended_at = Some(entry.ended_at.unwrap_or(now));
        }
        (Delivery::Retry(why), _) if entry.attempts + 1 < outbox::MAX_ATTEMPTS => {
            entry.attempts += 1;
            entry.last_error = Some(why.clone());
            let wait = SignedDuration::from_millis(i64::try_from(retry_ms).unwrap_or(i64::MAX / 1_000_000));
            entry.next_attempt_at = Some(now.checked_add(wait).unwrap_or(now));
        }
        (Delivery::Retry(why) | Delivery::Refused(why), _) => {
            entry.state = OutboxState::Failed;
            entry.attempts += 1;
            entry.last_error = Some(why.clone());
            entry.next_attempt_at = None;
            entry.ended_at = Some(now);
        }
    }
    put(draft, Some(&before), entry);
    Ok(())
}
