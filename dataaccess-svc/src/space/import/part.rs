//! One part of an import as a command of the writer: its lines decided, and the job brought forward, in one commit.

use cadastre_api_types::internal::{
    ImportMode, ImportPart, ImportPartReport, ImportState, ImportStop, LineOutcome,
};
use cadastre_api_types::public::FailedLine;
use cadastre_api_types::{ApiError, ErrorCode};
use jiff::Timestamp;
use uuid::Uuid;

use super::super::decide::{Decider, Effects};
use super::super::group::Batch;
use super::super::step::{Step, apply};
use super::super::writer::{Done, Job};
use super::super::{isp, occupancy};
use super::lines::{Decided, decide};
use super::read::mine;
use super::{FAILED_KEPT, ImportWork, PartWork};
use crate::errors::{Failure, Outcome};
use crate::idempotency::RowWrites;
use crate::keys;
use crate::records::{FailedLineRecord, ImportJobRecord, encode};
use crate::rows::Rows;

/// Imports of a space that are kept; the oldest go when there are more.
const IMPORTS_KEPT: usize = 100;
/// A commit of a part may spend this share of its rows on what is pruned.
const PRUNED_SHARE: usize = 10;
/// Failed lines that the refusal of an atomic import names.
const FAILED_NAMED: usize = 100;

/// Decides work on an import, and makes the rows of its command.
pub(in super::super) async fn step(
    decider: &Decider<'_>,
    work: &ImportWork,
    batch: &Batch,
    job: &Job,
    commit_id: Uuid,
) -> Outcome<Step> {
    match work {
        ImportWork::Part(part) => records(decider, part, batch, job, commit_id).await,
        ImportWork::Stop(stop) => stopped(decider, stop, batch, job, commit_id).await,
    }
}

async fn records(
    decider: &Decider<'_>,
    work: &PartWork,
    batch: &Batch,
    job: &Job,
    commit_id: Uuid,
) -> Outcome<Step> {
    let part = &work.part;
    let rows = decider.resolver.rows();
    let stored: Option<ImportJobRecord> = rows.record(&keys::import(part.import)).await?;
    let is_new = stored.is_none();
    let mut import = entitled(stored, part, &job.context.actor, decider.time)?;
    let Decided {
        effects,
        outcomes,
        failed,
    } = decide(decider, &part.records, part.terms.update, false).await?;
    if part.terms.mode == ImportMode::Atomic && !failed.is_empty() {
        let named: Vec<FailedLine> = failed
            .iter()
            .take(FAILED_NAMED)
            .cloned()
            .map(Into::into)
            .collect();
        let lines = if failed.len() == 1 {
            "line fails"
        } else {
            "lines fail"
        };
        let error = ApiError::new(
            ErrorCode::ImportRefused,
            format!(
                "{} {lines}, so nothing was imported (mode=atomic). Line {}: {}. Correct the file and send it again, or \
                 import the good lines with mode=lines.",
                failed.len(),
                failed[0].line,
                failed[0].message.trim_end_matches('.')
            ),
        );
        return Err(Failure::Refused(Box::new(error.with_details(
            serde_json::json!({ "failed": failed.len(), "lines": named }),
        ))));
    }
    let effects = if decider.book.has_no_pools() {
        effects
    } else {
        isp::account(decider, effects).await?
    };
    let mut extra = occupancy::changes(
        rows,
        effects.created.iter().map(|placed| &placed.prefix),
        effects.removed.iter().map(|placed| &placed.prefix),
    )
    .await?;
    if is_new {
        extra.extend(prune(rows, decider.commit_rows / PRUNED_SHARE).await?);
    }
    let room = FAILED_KEPT.saturating_sub(import.failed);
    for line in failed.iter().take(usize::try_from(room).unwrap_or(usize::MAX)) {
        let record = FailedLineRecord {
            v: 1,
            failed: line.clone(),
        };
        extra.push((keys::failed_line(import.id, line.line), Some(encode(&record))));
    }
    come_forward(&mut import, work, &outcomes, decider);
    extra.push((keys::import(import.id), Some(encode(&import))));
    let report = ImportPartReport {
        outcomes,
        failed,
        import: Some(import.view()),
        changes: Vec::new(),
    };
    let mut step = apply(effects, batch, job, "Import", decider.time, commit_id);
    step.rows.extend(extra);
    step.done = Done::Imported(Box::new(report));
    Ok(step)
}

/// The import that a part belongs to, if the part may come next.
fn entitled(
    stored: Option<ImportJobRecord>,
    part: &ImportPart,
    actor: &str,
    now: Timestamp,
) -> Outcome<ImportJobRecord> {
    let Some(mut import) = stored else {
        if part.first && part.after == 0 {
            return Ok(ImportJobRecord::new(
                part.import,
                part.run,
                &part.terms,
                actor,
                now,
            ));
        }
        return Err(Failure::not_found("import in this address space"));
    };
    let mine = import.run == part.run;
    let refuse = |message: &str| Err(Failure::refused(ErrorCode::ImportStopped, message));
    if import.state == ImportState::Finished {
        return refuse(
            "Another request has finished this import meanwhile; read it to see what became of it.",
        );
    }
    if !part.first && !mine {
        return refuse("Another request has taken this import over; this one has stopped.");
    }
    if !part.first && import.state == ImportState::Stopped {
        return refuse("The import was stopped. Send the same file with the same Idempotency-Key to go on.");
    }
    if import.records != part.after {
        return refuse(
            "Another request has brought this import forward at the same time. Send the file again with the same \
             Idempotency-Key to go on.",
        );
    }
    import.run = part.run;
    import.state = ImportState::Running;
    Ok(import)
}

fn come_forward(
    import: &mut ImportJobRecord,
    work: &PartWork,
    outcomes: &[LineOutcome],
    decider: &Decider<'_>,
) {
    let part = &work.part;
    import.modified_on = decider.time;
    import.last_version = decider.version;
    if import.first_version == 0 {
        import.first_version = decider.version;
    }
    // What an earlier request has committed of this part was counted then.
    let known = usize::try_from(import.counted.saturating_sub(work.before)).unwrap_or(usize::MAX);
    import.count(outcomes.get(known..).unwrap_or_default());
    import.counted = import.counted.max(work.before + outcomes.len() as u64);
    if !work.settles {
        return;
    }
    import.counted = 0;
    import.records = part.upto.records;
    import.line = part.upto.line;
    import.bytes = part.upto.bytes;
    import.digest.clone_from(&part.upto.digest);
    if part.last {
        import.state = ImportState::Finished;
    }
}

async fn stopped(
    decider: &Decider<'_>,
    stop: &ImportStop,
    batch: &Batch,
    job: &Job,
    commit_id: Uuid,
) -> Outcome<Step> {
    let rows = decider.resolver.rows();
    let stored: Option<ImportJobRecord> = rows.record(&keys::import(stop.import)).await?;
    let Some(mut import) = stored.filter(|import| mine(import, &job.context)) else {
        return Err(Failure::not_found("import in this address space"));
    };
    let report = |import: &ImportJobRecord| {
        Done::Imported(Box::new(ImportPartReport {
            import: Some(import.view()),
            ..ImportPartReport::default()
        }))
    };
    let theirs = stop.run.is_some_and(|run| run != import.run);
    if import.state != ImportState::Running || theirs {
        return Ok(Step::nothing(batch, report(&import)));
    }
    import.state = ImportState::Stopped;
    import.modified_on = decider.time;
    let mut step = apply(
        Effects::default(),
        batch,
        job,
        "StopImport",
        decider.time,
        commit_id,
    );
    step.rows.push((keys::import(import.id), Some(encode(&import))));
    step.done = report(&import);
    Ok(step)
}

/// Removes the oldest import if there are too many; one that is being sent only if all are. At most `room` rows: of an
/// import with more failed lines, lines go first, and the rest with the imports that come.
async fn prune(rows: Rows<'_>, room: usize) -> Outcome<RowWrites> {
    let (found, _) = rows.scan(&keys::imports(), IMPORTS_KEPT + 1).await?;
    if found.len() < IMPORTS_KEPT {
        return Ok(Vec::new());
    }
    let mut imports = Vec::with_capacity(found.len());
    for (key, bytes) in &found {
        imports.push(crate::records::decode::<ImportJobRecord>(key, bytes)?);
    }
    let oldest = imports
        .into_iter()
        .min_by_key(|import| (import.state == ImportState::Running, import.modified_on));
    let Some(oldest) = oldest else {
        return Ok(Vec::new());
    };
    let (lines, more) = rows
        .scan(&keys::failed_lines(oldest.id, None), room.max(1))
        .await?;
    let mut writes: RowWrites = lines.into_iter().map(|(key, _)| (key, None)).collect();
    if more.is_none() && writes.len() < room {
        writes.push((keys::import(oldest.id), None));
    }
    Ok(writes)
}
