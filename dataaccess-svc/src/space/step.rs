//! One command decided: what it adds to its group, with its journal row and the next head.

use std::sync::Arc;

use bytes::Bytes;
use cadastre_api_types::internal::{CommandOutcome, Image, NodeView, SpaceCommandRequest};
use cadastre_domain::isp::{Entity, Kept};
use cadastre_domain::tags::Vocabulary;
use cadastre_domain::{Family, Prefix};
use cadastre_storage::RowKey;
use jiff::Timestamp;
use uuid::Uuid;

use super::changes::clipped;
use super::decide::Effects;
use super::free_index::Placed;
use super::group::Batch;
use super::isp::{self, Book, Due};
use super::writer::{Done, Job};
use crate::records::{HeadRecord, JournalEntry, PartitionState};

/// One command decided: what it adds to the group.
pub(super) struct Step {
    pub(super) rows: Vec<(RowKey, Option<Bytes>)>,
    pub(super) head: HeadRecord,
    pub(super) vocabulary: Option<Vocabulary>,
    pub(super) book: Option<Arc<Book>>,
    pub(super) due: Vec<Due>,
    pub(super) done: Done,
    /// Nodes made and removed.
    pub(super) made: Vec<Placed>,
    pub(super) removed: Vec<Placed>,
}

impl Step {
    /// A command that changes nothing.
    pub(super) fn nothing(batch: &Batch, done: Done) -> Self {
        Self {
            rows: Vec::new(),
            head: batch.head.clone(),
            vocabulary: None,
            book: None,
            due: Vec::new(),
            done,
            made: Vec::new(),
            removed: Vec::new(),
        }
    }
}

pub(super) fn committed(version: u64, subject: Option<Image>, made: Vec<NodeView>) -> Done {
    Done::Outcome(Box::new(CommandOutcome::Committed {
        version,
        replayed: false,
        unchanged: true,
        subject,
        made,
        things: Vec::new(),
        entry: None,
    }))
}

/// Things of the provider's side that are as they should be.
pub(super) fn answered(version: u64, things: Vec<Kept<Entity>>) -> Done {
    Done::Outcome(Box::new(CommandOutcome::Committed {
        version,
        replayed: false,
        unchanged: true,
        subject: None,
        made: Vec::new(),
        things,
        entry: None,
    }))
}

/// Counts nodes that are made and removed.
pub(super) fn count<'p>(
    head: &mut HeadRecord,
    made: impl Iterator<Item = &'p Prefix>,
    removed: impl Iterator<Item = &'p Prefix>,
) {
    for (prefix, more) in made.map(|p| (p, true)).chain(removed.map(|p| (p, false))) {
        let counts = match prefix.family() {
            Family::V4 => &mut head.counts4,
            Family::V6 => &mut head.counts6,
        };
        if more {
            counts.add(prefix.len());
        } else {
            counts.remove(prefix.len());
        }
    }
}

/// The head after a command.
fn next_head(batch: &Batch, effects: &Effects, time: Timestamp, commit_id: Uuid) -> HeadRecord {
    let mut head = batch.head.clone();
    head.version += 1;
    head.commit_id = commit_id;
    head.last_time = time;
    if effects.moves_epoch {
        head.epoch += 1;
        head.epoch_commit = commit_id;
    }
    if effects.book.is_some() {
        head.book_version = head.version;
        head.book_commit = commit_id;
    }
    if effects.vocabulary.is_some() {
        head.tags_version = head.version;
        head.tags_commit = commit_id;
    }
    let made = effects.created.iter().map(|placed| &placed.prefix);
    let removed = effects.removed.iter().map(|placed| &placed.prefix);
    count(&mut head, made, removed);
    head
}

pub(super) fn apply(
    effects: Effects,
    batch: &Batch,
    job: &Job,
    command: &str,
    time: Timestamp,
    commit_id: Uuid,
) -> Step {
    let head = next_head(batch, &effects, time, commit_id);
    let entry = JournalEntry {
        version: head.version,
        time,
        actor: job.context.actor.clone(),
        correlation_id: job.context.correlation_id.clone(),
        command: command.to_owned(),
        reverts: effects.reverts,
        changes: effects.journal,
        nodes: effects.journal_nodes,
    };
    let told = effects
        .reverts
        .and_then(|_| clipped(entry.clone(), &job.context.scope));
    let mut rows = effects.writes;
    rows.extend(
        entry
            .rows(commit_id)
            .into_iter()
            .map(|(key, value)| (key, Some(value))),
    );
    let done = Done::Outcome(Box::new(CommandOutcome::Committed {
        version: head.version,
        replayed: false,
        unchanged: false,
        subject: effects.subject,
        made: effects.made,
        things: effects.things,
        entry: told.map(Box::new),
    }));
    Step {
        rows,
        head,
        vocabulary: effects.vocabulary,
        book: effects.book,
        due: effects.due,
        done,
        made: effects.created,
        removed: effects.removed,
    }
}

pub(super) fn fence(batch: &Batch, job: &Job, time: Timestamp, commit_id: Uuid) -> Step {
    let mut head = next_head(batch, &Effects::default(), time, commit_id);
    head.state = PartitionState::Deleting;
    let entry = JournalEntry {
        version: head.version,
        time,
        actor: job.context.actor.clone(),
        correlation_id: job.context.correlation_id.clone(),
        command: "DeleteSpace".to_owned(),
        reverts: None,
        changes: Vec::new(),
        nodes: Vec::new(),
    };
    let rows = entry
        .rows(commit_id)
        .into_iter()
        .map(|(key, value)| (key, Some(value)))
        .collect();
    Step {
        rows,
        head,
        vocabulary: None,
        book: None,
        due: Vec::new(),
        done: Done::Fenced,
        made: Vec::new(),
        removed: Vec::new(),
    }
}

pub(super) fn command_name(request: &SpaceCommandRequest) -> &'static str {
    use cadastre_api_types::internal::SpaceCommand as C;
    match request.command {
        C::CreateNode { .. } => "CreateNode",
        C::UpdateNode { .. } => "UpdateNode",
        C::DeleteNode { .. } => "DeleteNode",
        C::Allocate { .. } => "Allocate",
        C::CreateTag { .. } => "CreateTag",
        C::UpdateTag { .. } => "UpdateTag",
        C::DeleteTag { .. } => "DeleteTag",
        C::SplitNode { .. } => "SplitNode",
        C::MergeNodes { .. } => "MergeNodes",
        C::ResizeNode { .. } => "ResizeNode",
        C::Revert { .. } => "Revert",
        C::Isp(ref command) => isp::command_name(command),
    }
}
