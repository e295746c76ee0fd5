//! The structural verbs: split, merge, resize. The rules about prefixes are in `cadastre_domain::restructure`; here
//! they meet what is stored.
//!
//! What holds for all of them:
//! - No resolved tag changes of any node that the command does not name. What cannot keep its tags makes the command
//!   fail (`WouldRetag`), and a dry run shows what would have become of it.
//! - They always move the epoch: several rows change together, and a read of several rows must see all of it or none,
//!   also where no node has descendants.
//! - Rows of nodes that only come under another parent are not written: the order of the keys says where they are.

pub(super) mod adoption;
mod merge;
mod resize;
pub(super) mod room;
mod split;

use cadastre_api_types::internal::{Image, ImageChange, SpaceCommand, SpaceCommandRequest};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use serde_json::json;
use uuid::Uuid;

use super::decide::{Blocked, Decider, Decision, Effects, outside_scope};
use crate::errors::{Failure, Outcome};
use crate::records::NodeRecord;

/// Nodes that one command makes or joins at most.
const MAX_NODES: usize = 1000;
/// Nodes that one command looks at: the writer must not stand still for long.
const MAX_LOOKED_AT: usize = 100_000;
/// Nodes that only come under another parent, as far as a plan lists them.
const MOVED_SHOWN: usize = 1000;
/// Nodes named in the sentence of a refusal.
const NAMED: usize = 5;
/// Nodes listed in the details of a refusal.
const LISTED: usize = 100;

/// Decides a structural verb.
pub(super) async fn decide(decider: &Decider<'_>, request: &SpaceCommandRequest) -> Outcome<Decision> {
    let options = &request.options;
    match &request.command {
        SpaceCommand::SplitNode {
            id,
            prefix_length,
            first_id,
            tags,
            description,
        } => {
            let wanted = split::Wanted {
                len: *prefix_length,
                first_id: *first_id,
                tags,
                description,
            };
            split::split(decider, *id, &wanted, options).await
        }
        SpaceCommand::MergeNodes { ids, merged_id } => merge::merge(decider, ids, *merged_id, options).await,
        SpaceCommand::ResizeNode { id, to } => resize::resize(decider, *id, *to, options).await,
        SpaceCommand::CreateNode { .. }
        | SpaceCommand::Allocate { .. }
        | SpaceCommand::UpdateNode { .. }
        | SpaceCommand::DeleteNode { .. }
        | SpaceCommand::CreateTag { .. }
        | SpaceCommand::UpdateTag { .. }
        | SpaceCommand::DeleteTag { .. }
        | SpaceCommand::Revert { .. }
        | SpaceCommand::Isp(_) => unreachable!("not a structural verb"),
    }
}

/// The change that was decided, if it is small enough for one command and keeps the tags of others.
fn settle(mut effects: Effects, moved: Vec<ImageChange>, blocked: Option<ApiError>) -> Outcome<Decision> {
    effects.changes.extend(moved);
    if let Some(error) = blocked {
        return Ok(Decision::Blocked(Box::new(Blocked {
            changes: effects.changes,
            error,
        })));
    }
    room::check(&effects)?;
    Ok(Decision::Change(Box::new(effects)))
}

/// A change of a node's state, or its making or end.
fn changed(before: Option<Image>, after: Option<Image>) -> ImageChange {
    ImageChange { before, after }
}

/// The refusal for the root of the caller's scope.
fn check_not_root(decider: &Decider<'_>, prefix: &Prefix, what: &str) -> Outcome<()> {
    if !decider.context.scope.is_root(prefix) {
        return Ok(());
    }
    Err(Failure::refused(
        ErrorCode::OutsideScope,
        format!(
            "Your role is narrowed to {prefix}: you may tag it and change what lies beneath it, not {what} it."
        ),
    ))
}

/// The refusal for a prefix that would lie outside of the caller's scope.
fn check_result_in_scope(decider: &Decider<'_>, prefix: &Prefix) -> Outcome<()> {
    if decider.context.scope.covers(prefix) {
        return Ok(());
    }
    Err(outside_scope(prefix, "make"))
}

/// The refusal for a prefix that has a node already.
fn taken(existing: &NodeRecord) -> Failure {
    ApiError::new(
        ErrorCode::Duplicate,
        format!(
            "{} exists already in this address space (id {}). Merge or delete it first, or choose another prefix.",
            existing.prefix, existing.ip_id
        ),
    )
    .with_details(json!({"id": existing.ip_id, "prefix": existing.prefix}))
    .into()
}

/// The refusal for a new id that somebody has.
fn id_taken() -> Failure {
    Failure::refused(
        ErrorCode::Contention,
        "The id of the new node is taken; send the request again.",
    )
}

/// A refusal because of nodes: the first few by name, `count` in all.
fn because_of(code: ErrorCode, message: &str, nodes: &[(Uuid, Prefix)], count: usize) -> Failure {
    let named: Vec<String> = nodes
        .iter()
        .take(NAMED)
        .map(|(_, prefix)| prefix.to_string())
        .collect();
    let more = match count.saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let listed: Vec<_> = nodes
        .iter()
        .take(LISTED)
        .map(|(id, prefix)| json!({"id": id, "prefix": prefix}))
        .collect();
    ApiError::new(
        code,
        message.replace("{nodes}", &format!("{}{more}", named.join(", "))),
    )
    .with_details(json!({"nodes": listed, "count": count}))
    .into()
}

/// The refusal for a command that would keep the writer too long.
fn too_many_to_look_at(prefix: &Prefix) -> Failure {
    Failure::refused(
        ErrorCode::CommandTooLarge,
        format!(
            "More than {MAX_LOOKED_AT} nodes in {prefix} would have to be looked at. Do it in smaller steps."
        ),
    )
}
