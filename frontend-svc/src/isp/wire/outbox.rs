//! Entries of the outbox.

use cadastre_api_types::public::isp::{OutboxEntry as WireEntry, OutboxTarget as WireTarget};
use cadastre_domain::isp::{Kept, OutboxEntry, OutboxTarget};

use super::filled;

/// As clients see it.
pub(crate) fn to_wire(kept: Kept<OutboxEntry>) -> WireEntry {
    let entry = kept.value;
    WireEntry {
        id: entry.id,
        target: match entry.target {
            OutboxTarget::Webhook(id) => WireTarget { webhook_id: Some(id) },
        },
        event: entry.event,
        version: entry.version,
        payload: entry.payload,
        state: entry.state.into(),
        attempts: entry.attempts,
        next_attempt_at: entry.next_attempt_at,
        last_error: entry.last_error,
        ended_at: entry.ended_at,
        correlation_id: filled(Some(entry.correlation_id)),
        created_at: kept.created,
        updated_at: kept.modified,
    }
}
