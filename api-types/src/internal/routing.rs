//! Which partition a call is about, so that several data access services can share the work (DESIGN §9): the calls of a
//! partition go to one of them, whose memory knows it and whose writer makes one commit of many commands.

use uuid::Uuid;

use super::*;

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition<'a> {
    /// An address space.
    Space(Uuid),
    /// A user.
    User(&'a str),
    /// The catalogue: a change of the list of spaces.
    Catalogue,
    /// Nothing that one service knows better than another.
    Any,
}

/// A request that knows its partition.
pub trait Routed {
    /// The partition it is about.
    fn partition(&self) -> Partition<'_>;

    /// Whether a call that changes something is only to say what it would do.
    fn is_dry_run(&self) -> bool {
        false
    }
}

macro_rules! of_a_space {
    ($($request:ty),+ $(,)?) => { $(
        impl Routed for $request {
            fn partition(&self) -> Partition<'_> {
                Partition::Space(self.space)
            }
        }
    )+ };
}

impl Routed for SpaceCommandRequest {
    fn partition(&self) -> Partition<'_> {
        Partition::Space(self.space)
    }

    fn is_dry_run(&self) -> bool {
        self.options.dry_run
    }
}

of_a_space!(
    AvailableQuery,
    UtilizationQuery,
    HistoryQuery,
    ChangesQuery,
    WaitQuery,
    NodeAsOfQuery,
    ImportPart,
    ImportStop,
    ImportQuery,
    ImportListQuery,
    FailedLinesQuery,
    NodeQuery,
    NodeListQuery,
    LookupQuery,
    TagQuery,
    TagListQuery,
    IspGet,
    IspList,
    IspAsk,
);

impl Routed for NodeListAsOfQuery {
    fn partition(&self) -> Partition<'_> {
        Partition::Space(self.list.space)
    }
}

impl Routed for SearchQuery {
    fn partition(&self) -> Partition<'_> {
        self.space.map_or(Partition::Any, Partition::Space)
    }
}

impl Routed for SpaceChangeRequest {
    fn partition(&self) -> Partition<'_> {
        match self.change {
            // It ends the work of the space's writer.
            SpaceChange::Delete { id } => Partition::Space(id),
            SpaceChange::Create { .. } | SpaceChange::Update { .. } => Partition::Catalogue,
        }
    }

    fn is_dry_run(&self) -> bool {
        self.options.dry_run
    }
}

impl Routed for UserQuery {
    fn partition(&self) -> Partition<'_> {
        Partition::User(&self.name)
    }
}

impl Routed for UserChangeRequest {
    fn partition(&self) -> Partition<'_> {
        Partition::User(&self.name)
    }

    fn is_dry_run(&self) -> bool {
        self.options.dry_run
    }
}

macro_rules! of_any {
    ($($request:ty),+ $(,)?) => { $(
        impl Routed for $request {
            fn partition(&self) -> Partition<'_> {
                Partition::Any
            }
        }
    )+ };
}

of_any!((), SpaceQuery, SpaceListQuery, UserListQuery);

impl Routed for ClaimOutbox {
    fn partition(&self) -> Partition<'_> {
        // One service looks for what is due, of all that would lose races to each other.
        Partition::Catalogue
    }
}

impl Routed for BackupQuery {
    fn partition(&self) -> Partition<'_> {
        // The service that has begun it remembers how far it is.
        Partition::Catalogue
    }
}
