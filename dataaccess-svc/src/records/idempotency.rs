//! What is remembered of an `Idempotency-Key`: hashes, a version, and the command's subject, from which the
//! same answer is built again.

use std::collections::BTreeMap;

use cadastre_api_types::internal::{Image, SpaceView};
use cadastre_domain::tags::{TagName, TagValue};
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
    /// What is derived of the nodes that an allocation or a split made, in their order; the nodes stand in the journal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived: Vec<DerivedRun>,
    /// The same in the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceView>,
    /// What the command made, in a user's partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Uuid>,
}
record!(IdempotencyRecord, "idempotency record", 1);

/// What neighbouring nodes of an allocation have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DerivedRun {
    /// How many of them.
    pub count: usize,
    /// The node they were made beneath.
    pub parent: Option<Uuid>,
    /// The tags that hold there.
    pub resolved: BTreeMap<TagName, TagValue>,
}
