//! The head of a partition: asserted and rewritten by every commit, so that every command is serialisable.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{PendingRecord, record};

/// Whether a space still lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PartitionState {
    /// It does.
    Active,
    /// It is deleted; what remains is being purged.
    Deleting,
}

/// Number of nodes per prefix length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct LengthCounts(pub BTreeMap<u8, u64>);

impl LengthCounts {
    /// One node more of that length.
    pub(crate) fn add(&mut self, len: u8) {
        *self.0.entry(len).or_default() += 1;
    }

    /// One node less of that length.
    pub(crate) fn remove(&mut self, len: u8) {
        if let Some(count) = self.0.get_mut(&len) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.0.remove(&len);
            }
        }
    }
}

/// Head of a space's partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct HeadRecord {
    /// Format.
    pub v: u32,
    /// Grows by one per command.
    pub version: u64,
    /// Grows when something changes that resolved tags or parents of other nodes depend on.
    pub epoch: u64,
    /// Version of the last change of a tag definition.
    pub tags_version: u64,
    /// Changes on restore.
    pub incarnation: Uuid,
    /// Whether the space lives.
    pub state: PartitionState,
    /// IPv4 nodes per length.
    pub counts4: LengthCounts,
    /// IPv6 nodes per length.
    pub counts6: LengthCounts,
    /// Random id of the last commit: settles unknown outcomes.
    pub commit_id: Uuid,
    /// Time of the last command; time never goes backwards in a partition.
    pub last_time: Timestamp,
    /// The commit that moved the epoch last. Numbers are given again when a store has gone back; this is not.
    #[serde(default, skip_serializing_if = "Uuid::is_nil")]
    pub epoch_commit: Uuid,
    /// The commit that changed a tag definition last.
    #[serde(default, skip_serializing_if = "Uuid::is_nil")]
    pub tags_commit: Uuid,
    /// The journal begins behind this version: what is older has been pruned. Nothing prunes yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pruned: u64,
    /// A command whose rows are not all in their places yet: what the rows say is true with its plan above them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingRecord>,
    /// The last such command, also when its rows are in their places.
    #[serde(default, skip_serializing_if = "Uuid::is_nil")]
    pub last_plan: Uuid,
    /// Version of the last change of what is known of the provider's side by heart: pools, plans, webhooks, the policy.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub book_version: u64,
    /// The commit that changed it last.
    #[serde(default, skip_serializing_if = "Uuid::is_nil")]
    pub book_commit: Uuid,
    /// A backup asks writers to leave the space alone for a moment: who meets it waits, once, and overwrites it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Uuid>,
}
record!(HeadRecord, "head", 1);

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl HeadRecord {
    /// Head of a new space.
    pub(crate) fn first(now: Timestamp) -> Self {
        Self {
            v: 1,
            version: 0,
            epoch: 0,
            tags_version: 0,
            incarnation: Uuid::new_v4(),
            state: PartitionState::Active,
            counts4: LengthCounts::default(),
            counts6: LengthCounts::default(),
            commit_id: Uuid::new_v4(),
            last_time: now,
            epoch_commit: Uuid::nil(),
            tags_commit: Uuid::nil(),
            pruned: 0,
            pending: None,
            last_plan: Uuid::nil(),
            book_version: 0,
            book_commit: Uuid::nil(),
            hold: None,
        }
    }
}

/// Head of the catalogue's partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SystemHeadRecord {
    /// Format.
    pub v: u32,
    /// Grows by one per command.
    pub version: u64,
    /// Random id of the last commit.
    pub commit_id: Uuid,
    /// Time of the last command.
    pub last_time: Timestamp,
    /// Random id of the last commit of rows that the journal does not tell of: the list of users. The spaces are as
    /// `version` says. Missing in rows that are older than the field.
    #[serde(default, skip_serializing_if = "Uuid::is_nil")]
    pub list_commit: Uuid,
}
record!(SystemHeadRecord, "catalogue head", 1);
