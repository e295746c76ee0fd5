//! The past: what became of a node, and the journal of an address space.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Change, ChangeAction, TagMap};

/// A node as a change left it: what is set on it, nothing that follows from others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpState {
    /// UUIDv7.
    pub id: Uuid,
    /// Canonical CIDR notation.
    #[schema(example = "10.1.0.0/16")]
    pub prefix: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Tags set on this node.
    pub tags: TagMap,
}

/// One change of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpHistoryEntry {
    /// Version of the address space after the change.
    pub version: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// Who; absent for a node above the caller's subtree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Of the request that did it; absent for a node above the caller's subtree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The command, for example `UpdateNode`; it may have been about another node.
    #[schema(example = "UpdateNode")]
    pub command: String,
    /// What happened to the node.
    pub action: ChangeAction,
    /// Its state before, absent when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<IpState>,
    /// Its state after, absent when it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<IpState>,
}

/// One command in the journal of an address space. Also the data of an event of the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    /// Version of the address space after the command.
    pub version: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// Of the request.
    pub correlation_id: String,
    /// The command, for example `CreateNode`.
    #[schema(example = "CreateNode")]
    pub command: String,
    /// The version that it took back, of a `Revert`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts: Option<u64>,
    /// What changed within the caller's scope, the command's subject first. Nodes are shown as in their history,
    /// tag definitions as `GET` shows them.
    pub changes: Vec<Change>,
}
