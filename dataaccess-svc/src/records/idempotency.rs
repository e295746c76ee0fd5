//! What is remembered of an `Idempotency-Key`: hashes, a version, and the command's subject, from which the
//! same answer is built again.

use cadastre_api_types::internal::{Image, SpaceView};
use cadastre_domain::Prefix;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record;

/// Committed with the command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct IdempotencyRecord {
    /// Format.
    pub v: u32,
    /// Hash of the request's body.
    pub body_hash: String,
    /// Version of the command.
    pub version: u64,
    /// When.
    pub time: Timestamp,
    /// State of the command's subject after it, in a space's partition. What is derived in it (parent,
    /// resolved tags) is as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Image>,
    /// The same in the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceView>,
    /// What the command made, in a user's partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Uuid>,
    /// Nodes that the command made besides its subject's kind, in order: id and prefix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_nodes: Vec<(Uuid, Prefix)>,
}
record!(IdempotencyRecord, "idempotency record", 1);
