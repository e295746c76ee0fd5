//! An import and how far it is, and the lines of it that failed.

use cadastre_api_types::internal::{
    FailedLine, ImportMark, ImportMode, ImportState, ImportTerms, ImportView, LineOutcome,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record;

/// An import. Committed with what its parts made, so that it is never ahead of the nodes nor behind them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ImportJobRecord {
    /// Format.
    pub v: u32,
    /// Its id.
    pub id: Uuid,
    /// What it is doing; `Running` is what the last part left, whoever sent it may be gone.
    pub state: ImportState,
    /// The request that sends it.
    pub run: Uuid,
    /// All lines or none.
    pub atomic: bool,
    /// Nodes that exist with other tags or another description are changed.
    pub update: bool,
    /// `csv` or `ndjson`.
    pub format: String,
    /// Bytes of the file, if they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// User name of who began it.
    pub actor: String,
    /// When it began.
    pub started_on: Timestamp,
    /// When it last came forward.
    pub modified_on: Timestamp,
    /// Records that are settled.
    pub records: u64,
    /// Number of the last line of the last of them.
    pub line: u64,
    /// Bytes of the file up to there.
    pub bytes: u64,
    /// Hash of all that was read up to there.
    pub digest: String,
    /// Records behind those that are committed and counted already, of a part that needs several commits.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub counted: u64,
    /// Nodes made.
    pub created: u64,
    /// Nodes changed.
    pub updated: u64,
    /// Lines that said what was there already.
    pub unchanged: u64,
    /// Lines that failed.
    pub failed: u64,
    /// First version of the space that it made.
    pub first_version: u64,
    /// Last version of the space that it made.
    pub last_version: u64,
}
record!(ImportJobRecord, "import", 1);

impl ImportJobRecord {
    /// An import of which nothing is done yet.
    pub(crate) fn new(id: Uuid, run: Uuid, terms: &ImportTerms, actor: &str, now: Timestamp) -> Self {
        Self {
            v: 1,
            id,
            state: ImportState::Running,
            run,
            atomic: terms.mode == ImportMode::Atomic,
            update: terms.update,
            format: terms.format.clone(),
            total_bytes: terms.total_bytes,
            actor: actor.to_owned(),
            started_on: now,
            modified_on: now,
            records: 0,
            line: 0,
            bytes: 0,
            digest: String::new(),
            counted: 0,
            created: 0,
            updated: 0,
            unchanged: 0,
            failed: 0,
            first_version: 0,
            last_version: 0,
        }
    }

    /// What it goes by.
    pub(crate) fn terms(&self) -> ImportTerms {
        ImportTerms {
            mode: if self.atomic {
                ImportMode::Atomic
            } else {
                ImportMode::Lines
            },
            update: self.update,
            format: self.format.clone(),
            total_bytes: self.total_bytes,
        }
    }

    /// Counts how lines ended.
    pub(crate) fn count(&mut self, outcomes: &[LineOutcome]) {
        for outcome in outcomes {
            match outcome {
                LineOutcome::Created => self.created += 1,
                LineOutcome::Updated => self.updated += 1,
                LineOutcome::Unchanged => self.unchanged += 1,
                LineOutcome::Failed => self.failed += 1,
            }
        }
    }

    /// As it is answered.
    pub(crate) fn view(&self) -> ImportView {
        ImportView {
            id: self.id,
            state: self.state,
            terms: self.terms(),
            actor: self.actor.clone(),
            started: self.started_on,
            modified: self.modified_on,
            reached: ImportMark {
                records: self.records,
                line: self.line,
                bytes: self.bytes,
                digest: self.digest.clone(),
            },
            created: self.created,
            updated: self.updated,
            unchanged: self.unchanged,
            failed: self.failed,
            versions: (self.first_version > 0).then_some((self.first_version, self.last_version)),
        }
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A line that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FailedLineRecord {
    /// Format.
    pub v: u32,
    /// What it says and what is wrong.
    pub failed: FailedLine,
}
record!(FailedLineRecord, "failed line of an import", 1);
