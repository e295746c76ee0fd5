//! The outbox: what is to happen outside because of a change here.

use cadastre_domain::isp;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::macros::words;

words! {
    /// Where an entry of the outbox stands.
    OutboxState of isp::OutboxState {
        /// It is to be delivered.
        Pending = "PENDING",
        /// It was delivered.
        Delivered = "DELIVERED",
        /// It was tried too often; somebody may ask for another try.
        Failed = "FAILED",
        /// Somebody called it off.
        Cancelled = "CANCELLED",
    }
}

/// Whom an entry is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxTarget {
    /// A webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<Uuid>,
}

/// An entry of the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxEntry {
    /// UUIDv7; the receiver can tell a repetition by it.
    pub id: Uuid,
    /// Whom it is for.
    pub target: OutboxTarget,
    /// What happened.
    #[schema(example = "subscriber.provisioned")]
    pub event: String,
    /// Version of the space at the change.
    pub version: u64,
    /// What happened to what; never a secret.
    #[schema(value_type = Object)]
    pub payload: serde_json::Value,
    /// Where it stands.
    pub state: OutboxState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    /// What came of the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Correlation id of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}
