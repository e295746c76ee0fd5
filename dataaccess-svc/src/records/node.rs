//! A node, and its state after each change.

use std::collections::BTreeMap;
use std::io::Write as _;

use bytes::Bytes;
use cadastre_domain::Prefix;
use cadastre_domain::tags::ExplicitTags;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record;

/// A node of the tree (`IpAddresses` in the seed). Its parent is not stored: the order of the keys says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NodeRecord {
    /// Format.
    pub v: u32,
    /// UUIDv7.
    pub ip_id: Uuid,
    /// The same as in the row key.
    pub prefix: Prefix,
    /// Tags set here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: ExplicitTags,
    /// Empty = none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// When it was made.
    pub created_on: Timestamp,
    /// When it last changed.
    pub modified_on: Timestamp,
    /// Version of the space at its last change.
    pub revision: u64,
    /// It is the network of this pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Uuid>,
    /// What of a pool it is, beneath the pool's network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
}
record!(NodeRecord, "node", 1);

impl NodeRecord {
    /// The reservation that holds it.
    pub(crate) fn reservation(&self) -> Option<Uuid> {
        match self.hold {
            Some(Hold::Reservation(id)) => Some(id),
            Some(Hold::Gateway(_) | Hold::Exclusion(_)) | None => None,
        }
    }
}

/// What keeps an address of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Hold {
    /// A reservation that is active or rests.
    Reservation(Uuid),
    /// It is the gateway of a pool.
    Gateway(KeptBack),
    /// A pool excludes it.
    Exclusion(KeptBack),
}

/// What a pool keeps back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptBack {
    /// The pool.
    pub pool: Uuid,
    /// The node was made for it.
    pub made: bool,
}

/// State of a prefix after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct HistoryRecord {
    /// Format.
    pub v: u32,
    /// When.
    pub time: Timestamp,
    /// The node after the change; `None` = it was removed.
    pub node: Option<NodeRecord>,
}
record!(HistoryRecord, "history", 1);

/// Bytes of a [`HistoryRecord`] around a node that is encoded already: every change writes both rows.
pub(crate) fn encode_history(time: Timestamp, node: Option<&Bytes>) -> Bytes {
    let node = node.map_or(b"null".as_slice(), |node| node);
    let mut out = Vec::with_capacity(node.len() + 64);
    out.extend_from_slice(b"{\"V\":1,\"Time\":\"");
    // Writing into a vector has no way to fail.
    let _ = write!(out, "{time}");
    out.extend_from_slice(b"\",\"Node\":");
    out.extend_from_slice(node);
    out.push(b'}');
    Bytes::from(out)
}
