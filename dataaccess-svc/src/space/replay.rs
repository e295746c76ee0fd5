//! The answer to a command whose `Idempotency-Key` was answered before: built again from what is remembered with
//! the key and, for an allocation or a revert, from the journal.

use cadastre_api_types::internal::{CommandOutcome, Image, NodeView, SpaceCommand};
use cadastre_domain::{Scope, Visibility};

use super::changes::clipped;
use super::decide::outside_scope;
use super::isp;
use super::journal::journal_entry;
use super::revert;
use crate::errors::Outcome;
use crate::records::{IdempotencyRecord, JournalImage, NodeRecord};
use crate::rows::Rows;

/// The first answer again, if the caller may still have it.
pub(super) async fn replay(
    rows: Rows<'_>,
    scope: &Scope,
    command: &SpaceCommand,
    record: IdempotencyRecord,
) -> Outcome<CommandOutcome> {
    let made = if record.derived.is_empty() {
        Vec::new()
    } else {
        made(rows, &record).await?
    };
    let subject = match &record.subject {
        Some(Image::Node(node)) => Some(&node.prefix),
        Some(Image::Tag(_) | Image::Entity(_)) | None => None,
    };
    for prefix in subject.into_iter().chain(made.iter().map(|node| &node.prefix)) {
        if !scope.covers(prefix) {
            return Err(outside_scope(prefix, "create"));
        }
    }
    let entry = match command {
        SpaceCommand::Revert { may_define, .. } => {
            let entry = journal_entry(rows, record.version).await?;
            revert::check_reach(&entry, scope, *may_define)?;
            clipped(entry, scope).map(Box::new)
        }
        SpaceCommand::CreateNode { .. }
        | SpaceCommand::UpdateNode { .. }
        | SpaceCommand::DeleteNode { .. }
        | SpaceCommand::Allocate { .. }
        | SpaceCommand::CreateTag { .. }
        | SpaceCommand::UpdateTag { .. }
        | SpaceCommand::DeleteTag { .. }
        | SpaceCommand::SplitNode { .. }
        | SpaceCommand::MergeNodes { .. }
        | SpaceCommand::ResizeNode { .. }
        | SpaceCommand::Isp(_) => None,
    };
    let things = if let SpaceCommand::Isp(_) = command {
        isp::things_again(&journal_entry(rows, record.version).await?, scope)?
    } else {
        Vec::new()
    };
    Ok(CommandOutcome::Committed {
        version: record.version,
        replayed: true,
        unchanged: false,
        subject: record.subject,
        made,
        things,
        entry,
    })
}

/// The nodes that the command made, as they were answered.
async fn made(rows: Rows<'_>, record: &IdempotencyRecord) -> Outcome<Vec<NodeView>> {
    let entry = journal_entry(rows, record.version).await?;
    let nodes = entry.changes.into_iter().filter_map(|image| match image {
        JournalImage::Node {
            before: None,
            after: Some(node),
        } => Some(node),
        JournalImage::Node { .. }
        | JournalImage::Tag { .. }
        | JournalImage::Space { .. }
        | JournalImage::User { .. }
        | JournalImage::Entity { .. } => None,
    });
    let derived = record
        .derived
        .iter()
        .flat_map(|run| std::iter::repeat_n(run, run.count));
    let view = |(node, run): (NodeRecord, &crate::records::DerivedRun)| NodeView {
        pool_id: node.pool,
        reservation_id: node.reservation(),
        id: node.ip_id,
        prefix: node.prefix,
        parent_id: run.parent,
        description: node.description,
        tags: node.tags,
        resolved: run.resolved.clone(),
        created: node.created_on,
        modified: node.modified_on,
        revision: node.revision,
        visibility: Visibility::Full,
    };
    Ok(nodes.zip(derived).map(view).collect())
}
