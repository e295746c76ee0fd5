//! The past of a space: what became of a node, the journal of changes, and states as they were at a moment.

use std::fmt;
use std::str::FromStr;

use cadastre_domain::Prefix;
use cadastre_domain::isp::{Entity, Kept};
use cadastre_domain::tags::ExplicitTags;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{NodeListQuery, NodeRef, PageRequest, TagView};

/// A node as a change left it: what is stored, nothing that is derived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeState {
    /// UUIDv7.
    pub id: Uuid,
    /// Its prefix.
    pub prefix: Prefix,
    /// Tags set on it.
    pub tags: ExplicitTags,
    /// Empty = none, or not for this caller to see.
    pub description: String,
}

/// `node_history`: newest first. Positions are opaque.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// The space.
    pub space: Uuid,
    /// A node, there or deleted; or whatever was ever at a prefix.
    pub of: NodeRef,
    /// Which slice.
    pub page: PageRequest,
}

/// One change of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Version of the space after the change.
    pub version: u64,
    /// When.
    pub time: Timestamp,
    /// User name; `None` = not for this caller to see.
    pub actor: Option<String>,
    /// Of the request; `None` = not for this caller to see.
    pub correlation_id: Option<String>,
    /// Name of the command.
    pub command: String,
    /// `None` = it was made.
    pub before: Option<NodeState>,
    /// `None` = it was removed.
    pub after: Option<NodeState>,
}

/// State of a thing in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ThingState {
    /// A node.
    Node(NodeState),
    /// A tag definition.
    Tag(TagView),
    /// A thing of the provider's side.
    Entity(Box<Kept<Entity>>),
}

/// One changed thing in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThingChange {
    /// `None` = it was made.
    pub before: Option<ThingState>,
    /// `None` = it was removed.
    pub after: Option<ThingState>,
}

/// One command in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalView {
    /// Version of the space after the command.
    pub version: u64,
    /// When.
    pub time: Timestamp,
    /// User name.
    pub actor: String,
    /// Of the request.
    pub correlation_id: String,
    /// Name of the command.
    pub command: String,
    /// The version that it took back, of a `Revert`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts: Option<u64>,
    /// What changed within the caller's scope, the command's subject first.
    pub changes: Vec<ThingChange>,
}

/// A place in the journal: behind the command of that version. As text: `{incarnation}-{version}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalMark {
    /// The life of the space: another one after a restore.
    pub incarnation: Uuid,
    /// The version.
    pub version: u64,
}

impl fmt::Display for JournalMark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.incarnation.simple(), self.version)
    }
}

/// A text that is no [`JournalMark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event of a change feed")]
pub struct NotAMark;

impl FromStr for JournalMark {
    type Err = NotAMark;

    fn from_str(text: &str) -> Result<Self, NotAMark> {
        let (incarnation, version) = text.split_once('-').ok_or(NotAMark)?;
        let plain = version.bytes().all(|byte| byte.is_ascii_digit());
        if incarnation.len() != 32 || version.is_empty() || !plain {
            return Err(NotAMark);
        }
        Ok(Self {
            incarnation: Uuid::try_parse(incarnation).map_err(|_| NotAMark)?,
            version: version.parse().map_err(|_| NotAMark)?,
        })
    }
}

/// Where to begin in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Since {
    /// With the oldest command that the journal keeps.
    Beginning,
    /// Behind what is there now.
    Now,
    /// Behind a version of the present life of the space.
    Version(u64),
    /// Behind an event.
    Mark(JournalMark),
}

/// `changes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangesQuery {
    /// The space.
    pub space: Uuid,
    /// Where to begin.
    pub since: Since,
    /// At most this many commands (1 to 1,000).
    pub limit: usize,
}

/// A slice of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangesPage {
    /// The commands that changed something within the caller's scope, in order of their versions.
    pub items: Vec<JournalView>,
    /// What this slice reaches: commands up to here that are not in it are not for this caller.
    pub reached: JournalMark,
    /// Version of the space when it was read; there is more while `reached` is less.
    pub head: u64,
}

/// `wait_for_change`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitQuery {
    /// The space.
    pub space: Uuid,
    /// Wait until the space has a later version than this, or another incarnation.
    pub above: JournalMark,
    /// But no longer than this, in milliseconds (at most 20,000).
    pub at_most_ms: u64,
}

/// `node_as_of`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAsOfQuery {
    /// The space.
    pub space: Uuid,
    /// The node; by id also one that is deleted now.
    pub node: NodeRef,
    /// The moment; a change at exactly this time counts.
    pub at: Timestamp,
}

/// `list_nodes_as_of`: in order of their prefixes. Positions are opaque, and hold the version that the first page
/// found, so that all pages are of one state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeListAsOfQuery {
    /// The moment; a change at exactly this time counts. `None` = now: the present state, the same on all pages.
    pub at: Option<Timestamp>,
    /// Which nodes.
    pub list: NodeListQuery,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_and_nothing_else_is_one() {
        let mark = JournalMark {
            incarnation: Uuid::from_u128(7),
            version: 42,
        };
        assert_eq!(mark.to_string(), "00000000000000000000000000000007-42");
        assert_eq!(mark.to_string().parse(), Ok(mark));
        for bad in [
            "",
            "42",
            "-42",
            "00000000000000000000000000000007",
            "00000000000000000000000000000007-",
            "00000000000000000000000000000007-+4",
            "00000000000000000000000000000007-99999999999999999999",
            "0000000000000000000000000000000g-1",
            "00000000-0000-0000-0000-000000000007-1",
        ] {
            assert_eq!(bad.parse::<JournalMark>(), Err(NotAMark), "{bad}");
        }
    }
}
