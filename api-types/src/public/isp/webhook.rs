//! Webhooks: who wants to be told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::WriteOnly;
use super::macros::bodies;
use super::patch::or_null;

/// A webhook. Its secret is never shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique in its space, without regard to case.
    pub name: String,
    /// Where to.
    #[schema(example = "https://billing.example/hooks/cadastre")]
    pub url: String,
    /// Of which events; empty = all.
    pub events: Vec<String>,
    /// Requests are signed with a secret.
    pub has_secret: bool,
    /// It is told.
    pub active: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

bodies! {
    /// Body of `POST /webhooks`.
    WebhookCreate,
    /// Body of `PUT /webhooks/{webhookId}`: replaces it; the secret stays unless it is sent.
    WebhookUpdate,
    both {
        /// 1 to 128 characters; unique in its space, without regard to case.
        #[schema(min_length = 1, max_length = 128)]
        name: String,
        /// Begins with `https://` or `http://`.
        #[schema(max_length = 2048, example = "https://billing.example/hooks/cadastre")]
        url: String,
        /// For example `subscriber.*` or `alert.raised`; all if empty or absent.
        #[serde(default)]
        #[schema(max_items = 32)]
        events: Option<Vec<String>>,
        /// Requests are signed with it: kept sealed, never shown. `null` removes it.
        #[serde(default, deserialize_with = "or_null", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, format = Password, write_only, min_length = 16, max_length = 256)]
        secret: Option<Option<WriteOnly>>,
        /// `true` if absent.
        #[serde(default)]
        active: Option<bool>,
    }
    once {}
    read_only {
        /// Read-only.
        id: Uuid,
        /// Read-only.
        has_secret: bool,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        created_at: Timestamp,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        updated_at: Timestamp,
    }
}
