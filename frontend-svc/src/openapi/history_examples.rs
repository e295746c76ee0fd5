//! Examples of the past of the small plan in `examples.rs`.

use serde_json::{Value, json};

const NODE: &str = "0198a2b4-7777-7abc-8def-0123456789ab";
const MADE: &str = "2026-01-31T09:30:00.123456Z";
const REVERTED: &str = "2026-02-01T09:15:00Z";
const CHANGED: &str = "2026-02-01T08:00:00.5Z";

fn made() -> Value {
    json!({ "id": NODE, "prefix": "10.1.0.0/16", "tags": {} })
}

fn changed() -> Value {
    json!({
        "id": NODE,
        "prefix": "10.1.0.0/16",
        "description": "Offices",
        "tags": { "Owner": "team-networking" },
    })
}

/// What became of a node.
pub(crate) fn history() -> Value {
    json!([
        {
            "version": 42,
            "time": CHANGED,
            "actor": "ada",
            "correlationId": "0198a2b4-0000-7abc-8def-0123456789ab",
            "command": "UpdateNode",
            "action": "update",
            "before": made(),
            "after": changed(),
        },
        {
            "version": 17,
            "time": MADE,
            "actor": "admin",
            "correlationId": "0198a2b4-0001-7abc-8def-0123456789ab",
            "command": "CreateNode",
            "action": "create",
            "after": made(),
        },
    ])
}

/// A command in the journal.
pub(crate) fn journal_entry() -> Value {
    json!({
        "version": 42,
        "time": CHANGED,
        "actor": "ada",
        "correlationId": "0198a2b4-0000-7abc-8def-0123456789ab",
        "command": "UpdateNode",
        "changes": [{
            "action": "update",
            "kind": "ip",
            "name": "10.1.0.0/16",
            "before": made(),
            "after": changed(),
        }],
    })
}

/// The command that takes it back.
pub(crate) fn revert() -> Value {
    json!({
        "version": 57,
        "time": REVERTED,
        "actor": "ada",
        "correlationId": "0198a2b4-0002-7abc-8def-0123456789ab",
        "command": "Revert",
        "reverts": 42,
        "changes": [{
            "action": "update",
            "kind": "ip",
            "name": "10.1.0.0/16",
            "before": changed(),
            "after": made(),
        }],
    })
}

/// [`journal_entry`] as an event.
pub(crate) fn event() -> String {
    format!(
        "id: 6f9619ff8b86d011b42d00c04fc964ff-42\nevent: change\ndata: {}\n\n",
        journal_entry()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadastre_api_types::public::{IpHistoryEntry, JournalEntry};

    #[test]
    fn the_examples_are_of_their_types() -> Result<(), serde_json::Error> {
        serde_json::from_value::<Vec<IpHistoryEntry>>(history())?;
        serde_json::from_value::<JournalEntry>(journal_entry())?;
        serde_json::from_value::<JournalEntry>(revert())?;
        assert_eq!(event().lines().count(), 4);
        Ok(())
    }
}
