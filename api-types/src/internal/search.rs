//! Looking for something in all address spaces at once.

use cadastre_domain::isp::{Kept, Pool, Subscriber};
use cadastre_domain::roles::ReadableSpaces;
use cadastre_domain::search::SearchTerms;
use cadastre_domain::tags::{TagName, TagValue};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{NodeView, PageRequest, SpaceView, TagView};

/// `search`: what a text may mean, one reading after the other (id, address, beginning of an address, names,
/// pools and subscribers, tags and their values), in each through the spaces by age. Positions are opaque.
///
/// A caller's scope differs from space to space, so the answer is clipped to `readable` and not to the scope of
/// the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchQuery {
    /// What is looked for.
    pub terms: SearchTerms,
    /// Which kinds of things.
    pub kinds: SearchKinds,
    /// Only in this space.
    #[serde(default)]
    pub space: Option<Uuid>,
    /// What the caller may read.
    pub readable: ReadableSpaces,
    /// Which slice.
    pub page: PageRequest,
}

/// Kinds of things to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchKinds {
    /// Address spaces.
    pub spaces: bool,
    /// Tag definitions.
    pub tags: bool,
    /// Nodes.
    pub nodes: bool,
    /// Pools.
    pub pools: bool,
    /// Subscribers.
    pub subscribers: bool,
}

impl SearchKinds {
    /// All of them.
    pub const ALL: Self = Self {
        spaces: true,
        tags: true,
        nodes: true,
        pools: true,
        subscribers: true,
    };

    /// None of them.
    pub const NONE: Self = Self {
        spaces: false,
        tags: false,
        nodes: false,
        pools: false,
        subscribers: false,
    };
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The space that it is in, or is.
    pub space: Uuid,
    /// Its name.
    pub space_name: String,
    /// By which reading of the text.
    pub by: FoundBy,
    /// The thing.
    pub thing: FoundThing,
}

/// Why something was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FoundBy {
    /// It has this id; a subscriber's begins like this.
    Id,
    /// It contains this address.
    Address,
    /// It contains this prefix, or lies in it.
    Prefix,
    /// Its name begins like this.
    Name,
    /// Its RADIUS user name begins like this.
    Username,
    /// Its number begins like this.
    Number,
    /// It sets this tag to this value.
    Value(TagName, TagValue),
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FoundThing {
    /// An address space.
    Space(SpaceView),
    /// A tag definition.
    Tag(Box<TagView>),
    /// A node.
    Node(Box<NodeView>),
    /// A pool.
    Pool(Box<Kept<Pool>>),
    /// A subscriber.
    Subscriber(Box<Kept<Subscriber>>),
}
