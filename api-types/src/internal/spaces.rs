//! The catalogue of spaces, and questions about a space's tag definitions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

use cadastre_domain::tags::TagName;

use super::{MutationOptions, PageRequest};
use crate::error::ApiError;

/// An address space as the catalogue knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceView {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique (compared without case).
    pub name: String,
    /// Empty = none.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// Version of the catalogue at its last change; its `ETag`.
    pub revision: u64,
}

/// `change_space`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceChangeRequest {
    /// What to do.
    pub change: SpaceChange,
    /// How.
    #[serde(default)]
    pub options: MutationOptions,
}

/// A change of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpaceChange {
    /// A new space.
    Create {
        /// UUIDv7, made by the caller.
        id: Uuid,
        /// Checked name.
        name: String,
        /// Checked description.
        description: String,
    },
    /// New name and description.
    Update {
        /// Which.
        id: Uuid,
        /// Checked name.
        name: String,
        /// Checked description; `None` = unchanged.
        description: Option<String>,
    },
    /// The space and all its contents.
    Delete {
        /// Which.
        id: Uuid,
    },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SpaceChangeOutcome {
    /// Durable. `None` after a deletion.
    Committed {
        /// The space after the change.
        space: Option<SpaceView>,
        /// The same `Idempotency-Key` was answered before; nothing was done this time.
        replayed: bool,
    },
    /// A dry run.
    Planned {
        /// State before.
        before: Option<SpaceView>,
        /// State after.
        after: Option<SpaceView>,
        /// The error it would answer.
        conflict: Option<ApiError>,
    },
}

/// `list_spaces`: in order of their ids (age). Positions are the last id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceListQuery {
    /// Only these; `None` = all.
    #[serde(default)]
    pub only: Option<BTreeSet<Uuid>>,
    /// Part of the name, case does not matter.
    #[serde(default)]
    pub name_contains: Option<String>,
    /// Made before this moment.
    #[serde(default)]
    pub created_before: Option<Timestamp>,
    /// Made after this moment.
    #[serde(default)]
    pub created_after: Option<Timestamp>,
    /// Which slice.
    pub page: PageRequest,
}

/// A space by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceQuery {
    /// The space.
    pub space: Uuid,
}

/// `get_tag`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagQuery {
    /// The space.
    pub space: Uuid,
    /// The tag.
    pub name: TagName,
}

/// `list_tags`: in order of their names. Positions are the last name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagListQuery {
    /// The space.
    pub space: Uuid,
    /// Part of the name, case does not matter.
    #[serde(default)]
    pub name_contains: Option<String>,
    /// Which slice.
    pub page: PageRequest,
}
