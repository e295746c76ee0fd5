//! The past as clients see it.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{HistoryEntry, JournalView, NodeState, ThingState};
use cadastre_api_types::public::{ChangeAction, ChangeKind, IpHistoryEntry, IpState, JournalEntry};
use serde_json::Value;

use super::plan::{as_json, change};
use super::tag;
use crate::isp::wire::entity;

fn state(node: NodeState) -> IpState {
    IpState {
        id: node.id,
        prefix: node.prefix.to_string(),
        description: Some(node.description).filter(|text| !text.is_empty()),
        tags: node
            .tags
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
    }
}

/// One change of a node.
pub(crate) fn entry(entry: HistoryEntry) -> IpHistoryEntry {
    let action = match (&entry.before, &entry.after) {
        (None, _) => ChangeAction::Create,
        (Some(_), Some(_)) => ChangeAction::Update,
        (Some(_), None) => ChangeAction::Delete,
    };
    IpHistoryEntry {
        version: entry.version,
        time: entry.time,
        actor: entry.actor,
        correlation_id: entry.correlation_id,
        command: entry.command,
        action,
        before: entry.before.map(state),
        after: entry.after.map(state),
    }
}

/// One command in the journal.
pub(crate) fn journal(view: JournalView) -> Result<JournalEntry, ApiError> {
    let mut changes = Vec::with_capacity(view.changes.len());
    for one in view.changes {
        let Some((kind, name)) = one.after.as_ref().or(one.before.as_ref()).map(named) else {
            continue;
        };
        let side = |thing: Option<ThingState>| thing.map(thing_json).transpose();
        changes.extend(change(kind, name, side(one.before)?, side(one.after)?));
    }
    Ok(JournalEntry {
        version: view.version,
        time: view.time,
        actor: view.actor,
        correlation_id: view.correlation_id,
        command: view.command,
        reverts: view.reverts,
        changes,
    })
}

fn named(thing: &ThingState) -> (ChangeKind, String) {
    match thing {
        ThingState::Node(node) => (ChangeKind::Ip, node.prefix.to_string()),
        ThingState::Tag(tag) => (ChangeKind::Tag, tag.definition.name.to_string()),
        ThingState::Entity(thing) => entity::named(&thing.value),
    }
}

fn thing_json(thing: ThingState) -> Result<Value, ApiError> {
    match thing {
        ThingState::Node(node) => as_json(&state(node)),
        ThingState::Tag(view) => as_json(&tag::to_wire(view)),
        ThingState::Entity(thing) => entity::to_value(*thing),
    }
}
