//! Commands to a space: everything that changes nodes and tags goes through its one writer.

use cadastre_domain::Prefix;
use cadastre_domain::free_space::Strategy;
use cadastre_domain::isp::{Entity, Kept};
use cadastre_domain::tags::{ExplicitTags, TagDefinition, TagName, TagValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{IspCommand, JournalView, MutationOptions, NodeView};
use crate::error::ApiError;

/// What to change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SpaceCommand {
    /// A new node.
    CreateNode {
        /// Its id (UUIDv7, made by the caller).
        id: Uuid,
        /// Its prefix.
        prefix: Prefix,
        /// If given: must be the id of the tightest containing node.
        parent_id: Option<Uuid>,
        /// Tags to set.
        tags: ExplicitTags,
        /// Empty = none.
        description: String,
    },
    /// New tags (as a whole) and, if given, a new description.
    UpdateNode {
        /// The node.
        id: Uuid,
        /// The new tags.
        tags: ExplicitTags,
        /// `None` = unchanged.
        description: Option<String>,
    },
    /// Removes a node; its children move up and keep their resolved tags.
    DeleteNode {
        /// The node.
        id: Uuid,
    },
    /// New nodes where there is room, all or none.
    Allocate {
        /// Beneath which nodes.
        from: AllocateFrom,
        /// What to take.
        wanted: Wanted,
    },
    /// A new tag definition.
    CreateTag {
        /// The definition.
        definition: TagDefinition,
    },
    /// Replaces a tag definition.
    UpdateTag {
        /// The new definition; its name says which.
        definition: TagDefinition,
    },
    /// Removes a tag definition that is not in use.
    DeleteTag {
        /// Which.
        name: TagName,
    },
    /// Makes the blocks of one length in a node that do not exist yet; the node stays.
    SplitNode {
        /// The node.
        id: Uuid,
        /// Length of the blocks.
        prefix_length: u8,
        /// Ids of the blocks count up from this one (UUIDv7, made by the caller; its lowest 16 bits do not
        /// matter).
        first_id: Uuid,
        /// Tags to set on each.
        tags: ExplicitTags,
        /// Of each; empty = none.
        description: String,
    },
    /// Joins siblings that fill one prefix together and have equal tags.
    MergeNodes {
        /// The siblings, in any order.
        ids: Vec<Uuid>,
        /// Id of the node that they become (UUIDv7, made by the caller), unless they fill their parent: then that
        /// is what they become.
        merged_id: Uuid,
    },
    /// Changes a node's prefix; it keeps its id, tags, description and children.
    ResizeNode {
        /// The node.
        id: Uuid,
        /// What it becomes.
        to: NewSize,
    },
    /// Takes the command of a version back: what it changed becomes what it was before.
    Revert {
        /// Version of the command.
        version: u64,
        /// The caller may change tag definitions, too.
        may_define: bool,
    },
    /// A change of the provider's side.
    Isp(Box<IspCommand>),
}

/// What a node becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NewSize {
    /// This prefix.
    Prefix(Prefix),
    /// A prefix of this length: the one that contains the node, or the first in it.
    Length(u8),
}

/// Where an allocation looks for room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AllocateFrom {
    /// Directly beneath this node.
    Node(Uuid),
    /// Directly beneath the nodes whose resolved tags are these, in order of their prefixes.
    Tagged(Vec<(TagName, TagValue)>),
}

/// What an allocation takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Length of each new prefix.
    pub prefix_length: u8,
    /// How many, at least one.
    pub count: usize,
    /// Which of the free ones.
    pub strategy: Strategy,
    /// Where the draws of `Strategy::Random` begin: the decision itself has no chance in it.
    pub seed: u64,
    /// Single IPv4 addresses may be the network or the broadcast address of their node.
    pub include_edges: bool,
    /// Tags to set on each.
    pub tags: ExplicitTags,
    /// Of each; empty = none.
    pub description: String,
}

/// `space_command`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpaceCommandRequest {
    /// The space.
    pub space: Uuid,
    /// What to change.
    pub command: SpaceCommand,
    /// How.
    #[serde(default)]
    pub options: MutationOptions,
}

/// A tag definition as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagView {
    /// The definition.
    pub definition: TagDefinition,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// Version of the space at its last change; its `ETag`.
    pub revision: u64,
}

/// State of a thing before or after a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Image {
    /// A node.
    Node(NodeView),
    /// A tag definition.
    Tag(TagView),
    /// A thing of the provider's side.
    Entity(Box<Kept<Entity>>),
}

/// One changed thing; the command's own subject comes first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageChange {
    /// `None` = it was made.
    pub before: Option<Image>,
    /// `None` = it was removed.
    pub after: Option<Image>,
}

/// What became of a command that was not refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is what nearly every command answers, and none is kept"
)]
pub enum CommandOutcome {
    /// Durable.
    Committed {
        /// Version of the space.
        version: u64,
        /// The same `Idempotency-Key` was answered before; nothing was done this time.
        replayed: bool,
        /// All was as it should be; nothing was done.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unchanged: bool,
        /// The command's subject after it (as of `version`); `None` = it was removed.
        subject: Option<Image>,
        /// The nodes that an allocation or a split made, in the order in which they were taken.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        made: Vec<NodeView>,
        /// The things of the provider's side that the command made or changed, its subject first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        things: Vec<Kept<Entity>>,
        /// The command in the journal, of one that is answered like that: `Revert`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entry: Option<Box<JournalView>>,
    },
    /// A dry run: what would change, or what stands in the way.
    Planned {
        /// What would change.
        changes: Vec<ImageChange>,
        /// The error it would answer.
        conflict: Option<ApiError>,
    },
}
