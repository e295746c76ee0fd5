//! Taking a change back: the command of a version is undone by another command, which is decided, journalled and
//! committed like any other, and can itself be taken back.
//!
//! It goes by the images in the journal, whatever the command was called. Nodes become exactly what they were before
//! (`nodes.rs`), if everything is still as the change left it (`standing.rs`) and nothing that came since suffers
//! (`beneath.rs`). A tag definition goes through the same decision as if somebody had sent the inverse command.

mod beneath;
mod nodes;
mod standing;

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Scope;
use cadastre_domain::roles::Permission;
use cadastre_domain::tags::TagDefinition;
use serde_json::json;

use super::decide::{Decider, Decision};
use super::definition;
use super::journal::{journal_entry, pruned};
use crate::errors::{Failure, Outcome};
use crate::records::{JournalEntry, JournalImage, NodeRecord, TagRecord};
use crate::rows::Rows;

/// A node before and after a change.
type NodeImage = (Option<NodeRecord>, Option<NodeRecord>);
/// A tag definition before and after a change.
type DefinitionImage = (Option<TagRecord>, Option<TagRecord>);

/// Decides to take a version back. `may_define`: the caller may change tag definitions.
pub(super) async fn decide(decider: &Decider<'_>, version: u64, may_define: bool) -> Outcome<Decision> {
    let head = decider.resolver.head();
    if version == 0 || version > head.version {
        return Err(no_change(version, head.version));
    }
    if version <= head.pruned {
        return Err(pruned(head));
    }
    let entry = journal_entry(decider.resolver.rows(), version).await?;
    if !is_seen(&entry, &decider.context.scope) {
        return Err(no_change(version, head.version));
    }
    check_reach(&entry, &decider.context.scope, may_define)?;
    let decided = match parts(&entry)? {
        Parts::Nodes(images) => nodes::take_back(decider, version, images).await,
        Parts::Definition(images) => redefine(decider, version, *images).await,
    };
    match decided {
        Ok(Decision::Change(mut effects)) => {
            effects.reverts = Some(version);
            effects.subject = None;
            Ok(Decision::Change(effects))
        }
        Ok(other) => Ok(other),
        Err(failure) => Err(in_the_way(version, failure)),
    }
}

/// The definition that a revert of this version would put in place of another one.
pub(super) async fn definition_restored(rows: Rows<'_>, version: u64) -> Outcome<Option<TagDefinition>> {
    Ok(match parts(&journal_entry(rows, version).await?)? {
        Parts::Definition(images) => match *images {
            (Some(before), Some(_)) => Some(before.definition()),
            (Some(_), None) | (None, Some(_)) | (None, None) => None,
        },
        Parts::Nodes(_) => None,
    })
}

/// Whether something in the entry is for the caller.
fn is_seen(entry: &JournalEntry, scope: &Scope) -> bool {
    *scope == Scope::Whole
        || entry.changes.iter().any(|image| match image {
            JournalImage::Node { before, after } => {
                before.iter().chain(after).any(|node| scope.covers(&node.prefix))
            }
            JournalImage::Tag { .. } => true,
            // Never taken back.
            JournalImage::Space { .. } | JournalImage::User { .. } | JournalImage::Entity { .. } => false,
        })
}

/// Refuses to touch what the caller may not change. Says nothing of what lies outside their scope.
pub(super) fn check_reach(entry: &JournalEntry, scope: &Scope, may_define: bool) -> Outcome<()> {
    let version = entry.version;
    let defines = entry
        .changes
        .iter()
        .any(|image| matches!(image, JournalImage::Tag { .. }));
    if defines && *scope != Scope::Whole {
        return Err(Failure::refused(
            ErrorCode::OutsideScope,
            format!(
                "Version {version} changed a tag definition, which holds for the whole address space, and your role is \
                 narrowed to a subtree. Ask somebody whose role is not."
            ),
        ));
    }
    if defines && !may_define {
        let permission = Permission::TagsWrite.as_str();
        return Err(ApiError::new(
            ErrorCode::Forbidden,
            format!(
                "Version {version} changed a tag definition, and you lack the permission {permission} in this address \
                 space; ask an administrator for a role that has it."
            ),
        )
        .with_details(json!({ "permission": permission }))
        .into());
    }
    let outside = entry.changes.iter().any(|image| match image {
        JournalImage::Node { before, after } => {
            before.iter().chain(after).any(|node| !scope.covers(&node.prefix))
        }
        JournalImage::Tag { .. }
        | JournalImage::Space { .. }
        | JournalImage::User { .. }
        | JournalImage::Entity { .. } => false,
    });
    if outside {
        return Err(Failure::refused(
            ErrorCode::OutsideScope,
            format!(
                "Your role is narrowed to a subtree, and version {version} changed more than what lies in it. Ask \
                 somebody whose role holds there, too, to take it back."
            ),
        ));
    }
    Ok(())
}

/// What an entry changed.
enum Parts {
    Nodes(Vec<NodeImage>),
    Definition(Box<DefinitionImage>),
}

/// What an entry changed, if that is something that can be taken back.
fn parts(entry: &JournalEntry) -> Outcome<Parts> {
    let version = entry.version;
    let refuse = |why: &str| Err(cannot(version, why, json!({})));
    let (mut nodes, mut definitions, mut space) = (Vec::new(), Vec::new(), entry.command == "DeleteSpace");
    let mut isp = false;
    for image in &entry.changes {
        match image {
            JournalImage::Node { before, after } => nodes.push((before.clone(), after.clone())),
            JournalImage::Tag { before, after, .. } => definitions.push((before.clone(), after.clone())),
            JournalImage::Space { .. } | JournalImage::User { .. } => space = true,
            JournalImage::Entity { .. } => isp = true,
        }
    }
    if space {
        return refuse("it is about the address space itself, which is made and deleted for good");
    }
    if isp {
        return refuse(
            "it is about pools, reservations or subscribers, whose addresses others may have by now; release, assign or \
             change them by their own calls",
        );
    }
    match (nodes.is_empty(), definitions.pop()) {
        (true, None) => refuse("it changed nothing"),
        (false, None) => Ok(Parts::Nodes(nodes)),
        (true, Some(images)) if definitions.is_empty() => Ok(Parts::Definition(Box::new(images))),
        (_, Some(_)) => refuse(
            "it changed several tag definitions, or definitions and nodes, at once. Change them one by one instead",
        ),
    }
}

/// The inverse command of a change of a tag definition.
async fn redefine(
    decider: &Decider<'_>,
    version: u64,
    (before, after): DefinitionImage,
) -> Outcome<Decision> {
    standing::check_definition(decider, version, before.as_ref(), after.as_ref()).await?;
    match (before, after) {
        (Some(before), Some(_)) => definition::update(decider, &before.definition(), None).await,
        (Some(before), None) => definition::create(decider, &before.definition(), before.created_on).await,
        (None, Some(after)) => definition::delete(decider, &after.name, None).await,
        (None, None) => Err(cannot(version, "it changed nothing", json!({}))),
    }
}

/// The refusal for a version that is not there, or not for the caller.
fn no_change(version: u64, head: u64) -> Failure {
    Failure::refused(
        ErrorCode::NotFound,
        format!(
            "There is no change with version {version}, or you may not see it; the address space is at version {head}."
        ),
    )
}

/// The refusal of a revert, with facts.
fn cannot(version: u64, why: &str, mut details: serde_json::Value) -> Failure {
    details["version"] = json!(version);
    ApiError::new(
        ErrorCode::RevertConflict,
        format!("Version {version} cannot be taken back: {why}."),
    )
    .with_details(details)
    .into()
}

/// A rule that the state of then would break now: nothing in the request is wrong, so it is no 400.
fn in_the_way(version: u64, failure: Failure) -> Failure {
    match failure {
        Failure::Refused(error) if error.code.status() == 400 && error.code != ErrorCode::CommandTooLarge => {
            let mut details = error.details.unwrap_or_else(|| json!({}));
            details["because"] = json!(error.code);
            cannot(version, error.message.trim_end_matches('.'), details)
        }
        Failure::Refused(_) | Failure::Store(_) | Failure::Record(_) => failure,
    }
}
