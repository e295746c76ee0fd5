//! Imports: files of prefixes that come in part by part, and the job that says how far they are.
//!
//! A part is one command: its nodes, its version, its journal row and the job's row are one commit. So the job is
//! never ahead of the nodes nor behind them, whenever a process dies; and a request that goes on where another one
//! broke off begins exactly behind what is settled. Two requests that send the same import cannot both come
//! forward: a part says behind how many records it begins, and which request it belongs to.

mod known;
mod lines;
mod part;
mod read;

use std::sync::Arc;

use cadastre_api_types::internal::{
    CallContext, ImportMode, ImportPart, ImportPartReport, ImportRecord, ImportStop, ImportView,
};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_storage::Limits;

pub(super) use part::step;

use super::SpaceHandle;
use super::command::Workshop;
use super::writer::{Done, Work, submit};
use crate::errors::Outcome;

/// What the writer is asked to do about an import.
pub(crate) enum ImportWork {
    /// To decide and commit records of a part.
    Part(Box<PartWork>),
    /// To stop it.
    Stop(ImportStop),
}

/// Records of a part that go into one commit.
pub(crate) struct PartWork {
    pub(super) part: ImportPart,
    /// Records of the part before these.
    pub(super) before: u64,
    /// With these the part is settled; before, the job does not come forward.
    pub(super) settles: bool,
}

/// Failed lines of an import that are kept; more are only counted.
pub(super) const FAILED_KEPT: u64 = 1_000;

/// Share of a commit that the rows of the records may have; the rest is for head, journal and job.
const ROOM: usize = 4;

/// Rows that a record makes at most, and about how many bytes.
fn weight(record: &ImportRecord) -> (usize, usize) {
    match record {
        ImportRecord::Line(line) => {
            let tags: usize = line
                .tags
                .iter()
                .map(|(name, value)| name.as_str().len() + value.as_str().len())
                .sum();
            let text = line.description.as_ref().map_or(0, String::len) + tags;
            // Node, id, history and occupancy; an index row per tag, and one more where it replaces another.
            (5 + 2 * line.tags.len(), 1200 + 6 * text + 80 * line.tags.len())
        }
        ImportRecord::Bad(bad) => {
            let tags: usize = bad
                .tags
                .iter()
                .map(|(name, value)| name.len() + value.len() + 8)
                .sum();
            let texts = [&bad.prefix, &bad.description]
                .into_iter()
                .flatten()
                .map(String::len);
            // Quotes and control characters are escaped in a row.
            (1, 400 + 2 * (bad.message.len() + tags + texts.sum::<usize>()))
        }
    }
}

/// Splits records so that each piece surely fits into one commit.
fn pieces(records: Vec<ImportRecord>, limits: &Limits) -> Vec<Vec<ImportRecord>> {
    let (most_rows, most_bytes) = (
        limits.batch_rows - limits.batch_rows / ROOM - 8,
        limits.batch_bytes - limits.batch_bytes / ROOM,
    );
    let mut pieces = vec![Vec::new()];
    let (mut rows, mut bytes) = (0, 0);
    for record in records {
        let (more_rows, more_bytes) = weight(&record);
        let full = rows + more_rows > most_rows || bytes + more_bytes > most_bytes;
        if full && pieces.last().is_some_and(|piece| !piece.is_empty()) {
            pieces.push(Vec::new());
            (rows, bytes) = (0, 0);
        }
        rows += more_rows;
        bytes += more_bytes;
        if let Some(piece) = pieces.last_mut() {
            piece.push(record);
        }
    }
    pieces
}

impl SpaceHandle {
    /// Takes the next records of an import, or says what would come of them.
    pub(crate) async fn import_part(
        self: &Arc<Self>,
        workshop: &Workshop,
        context: &CallContext,
        mut part: ImportPart,
    ) -> Result<ImportPartReport, ApiError> {
        if part.dry_run {
            return Ok(self.plan_import(context, &part).await?);
        }
        let records = std::mem::take(&mut part.records);
        let pieces = match part.terms.mode {
            ImportMode::Atomic => vec![records],
            ImportMode::Lines => pieces(records, &self.store.limits()),
        };
        let last = pieces.len() - 1;
        let mut whole = ImportPartReport::default();
        for (at, records) in pieces.into_iter().enumerate() {
            let work = PartWork {
                part: ImportPart {
                    records,
                    first: part.first && at == 0,
                    last: part.last && at == last,
                    ..part.clone()
                },
                before: whole.outcomes.len() as u64,
                settles: at == last,
            };
            let work = Work::Import(ImportWork::Part(Box::new(work)));
            let report = submit_import(self, workshop, context, work).await?;
            whole.outcomes.extend(report.outcomes);
            whole.failed.extend(report.failed);
            whole.import = report.import;
        }
        Ok(whole)
    }

    /// Stops an import between two parts.
    pub(crate) async fn stop_import(
        self: &Arc<Self>,
        workshop: &Workshop,
        context: &CallContext,
        stop: ImportStop,
    ) -> Result<ImportView, ApiError> {
        let work = Work::Import(ImportWork::Stop(stop));
        let report = submit_import(self, workshop, context, work).await?;
        report
            .import
            .ok_or_else(|| ApiError::not_found("import in this address space"))
    }

    async fn plan_import(
        self: &Arc<Self>,
        context: &CallContext,
        part: &ImportPart,
    ) -> Outcome<ImportPartReport> {
        let decided = self
            .consistent(|published| async move {
                let decider = self.durable_decider(&published, context, None);
                lines::decide(&decider, &part.records, part.terms.update, true).await
            })
            .await?;
        Ok(ImportPartReport {
            outcomes: decided.outcomes,
            failed: decided.failed,
            import: None,
            changes: decided.effects.changes,
        })
    }
}

/// Hands work on an import to the writer.
async fn submit_import(
    handle: &Arc<SpaceHandle>,
    workshop: &Workshop,
    context: &CallContext,
    work: Work,
) -> Result<ImportPartReport, ApiError> {
    match submit(handle, workshop, context.clone(), work).await? {
        Done::Imported(report) => Ok(*report),
        Done::Outcome(_) | Done::VerifyFirst | Done::Fenced | Done::Tidy | Done::Free(_) => {
            Err(ApiError::new(
                ErrorCode::Internal,
                "A fault of the server. Its log has more under the correlation id.",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cadastre_api_types::internal::ImportLine;

    use super::*;

    #[test]
    fn a_part_is_split_so_that_each_piece_fits_a_commit_and_nothing_is_lost() {
        let line = |number: u64| {
            ImportRecord::Line(ImportLine {
                line: number,
                prefix: format!("10.0.{}.0/24", number % 256).parse().unwrap(),
                tags: Default::default(),
                description: None,
            })
        };
        let records: Vec<ImportRecord> = (0..100).map(line).collect();
        let limits = Limits {
            batch_rows: 100,
            batch_bytes: 4 << 20,
            value_bytes: 1 << 20,
            backwards: false,
            exclusive: false,
        };
        let pieces = pieces(records.clone(), &limits);
        assert!(pieces.len() > 5);
        assert!(pieces.iter().all(|piece| piece.len() * 5 < 100));
        assert_eq!(pieces.concat(), records);
    }
}
