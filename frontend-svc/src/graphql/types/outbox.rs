//! The outbox.

use async_graphql::{ID, Json, SimpleObject};
use cadastre_api_types::public::isp::OutboxEntry as WireEntry;
use jiff::Timestamp;
use serde_json::Value;

use crate::graphql::scalars::{BigInt, id};
use crate::graphql::words::OutboxState;

/// An entry of the outbox: what is to happen outside because of a change here.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct OutboxEntry {
    /// UUIDv7; the receiver can tell a repetition by it.
    id: ID,
    /// The webhook that it is for.
    webhook_id: Option<ID>,
    /// What happened, for example `subscriber.provisioned`.
    event: String,
    /// Version of the address space at the change.
    version: BigInt,
    /// What happened to what; never a secret.
    payload: Json<Value>,
    /// Where it stands.
    state: OutboxState,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next.
    next_attempt_at: Option<Timestamp>,
    /// What came of the last try.
    last_error: Option<String>,
    /// When it was over.
    ended_at: Option<Timestamp>,
    /// Correlation id of the change.
    correlation_id: Option<String>,
    /// When it was made.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

impl From<WireEntry> for OutboxEntry {
    fn from(entry: WireEntry) -> Self {
        Self {
            id: id(entry.id),
            webhook_id: entry.target.webhook_id.map(id),
            event: entry.event,
            version: entry.version.into(),
            payload: Json(entry.payload),
            state: entry.state.into(),
            attempts: entry.attempts,
            next_attempt_at: entry.next_attempt_at,
            last_error: entry.last_error,
            ended_at: entry.ended_at,
            correlation_id: entry.correlation_id,
            created_at: entry.created_at,
            updated_at: entry.updated_at,
        }
    }
}
