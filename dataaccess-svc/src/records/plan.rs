//! A plan: the rows of a command that is larger than a commit, as they wait beside the others to be folded in.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record;

/// What the head says of a plan that is true, but whose rows are not all in their places yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PendingRecord {
    /// The plan.
    pub plan: Uuid,
    /// Rows that hold it.
    pub chunks: usize,
    /// How many of its writes, in the order of their keys, are in their places.
    pub folded: usize,
}

/// A write of a plan: the key, and the row's text (`None` = delete).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedWrite(pub String, pub Option<String>);

/// Some of the writes of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PlanRecord {
    /// Format.
    pub v: u32,
    /// The writes, in the order of their keys.
    pub writes: Vec<PlannedWrite>,
}
record!(PlanRecord, "plan", 1);

/// Says, beside the catalogue, that a space may have a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PlanHintRecord {
    /// Format.
    pub v: u32,
}
record!(PlanHintRecord, "plan hint", 1);
