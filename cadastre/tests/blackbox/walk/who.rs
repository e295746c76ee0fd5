//! Who may call a route, and what each caller is answered.

use super::actors::{Actor, Cast, Rank, Reach};
use crate::support::Answer;

/// What an actor is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Done,
    Unauthenticated,
    Forbidden,
    Hidden,
}

/// Who may call a route.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    /// Everybody, with or without a token.
    Anybody,
    /// Everybody with a token.
    AnyUser,
    /// System administrators.
    SystemAdmins,
    /// Whoever has at least this rank in the space, be it in a part of it.
    In(Rank),
    /// Whoever has at least this rank in the whole space.
    InWhole(Rank),
    /// Whoever has at least this rank in the whole space; for those of a part it is not there.
    SeenInWhole(Rank),
    /// Whoever gives roles anywhere.
    AnyAdmin,
    /// Whoever may give a role narrowed to the subtree.
    SubtreeAdmins,
}

/// A route and how it is tried.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) who: Who,
    /// The status of success.
    pub(super) done: u16,
    pub(super) call: fn(&Cast<'_>, &Actor) -> Answer,
}

impl Route {
    pub(super) fn expected(&self, actor: &Actor) -> Expected {
        if matches!(self.who, Who::Anybody) {
            return Expected::Done;
        }
        match (actor.reach, self.who) {
            (Reach::Nobody, _) => Expected::Unauthenticated,
            (Reach::System, _) | (_, Who::Anybody | Who::AnyUser) => Expected::Done,
            (_, Who::SystemAdmins) => Expected::Forbidden,
            (_, Who::AnyAdmin) => {
                if actor.rank == Rank::Admin {
                    Expected::Done
                } else {
                    Expected::Forbidden
                }
            }
            (Reach::Space | Reach::Subtree, Who::SubtreeAdmins | Who::In(Rank::Admin)) => {
                if actor.rank == Rank::Admin {
                    Expected::Done
                } else {
                    Expected::Forbidden
                }
            }
            // Somebody who gives no roles learns no more than that; an administrator elsewhere meets a space that
            // is not there for them.
            (Reach::Elsewhere, Who::SubtreeAdmins) => {
                if actor.rank == Rank::Admin {
                    Expected::Hidden
                } else {
                    Expected::Forbidden
                }
            }
            (Reach::Elsewhere, Who::In(_) | Who::InWhole(_) | Who::SeenInWhole(_)) => Expected::Hidden,
            (Reach::Space | Reach::Subtree, Who::In(rank)) => {
                if actor.rank >= rank {
                    Expected::Done
                } else {
                    Expected::Forbidden
                }
            }
            (Reach::Subtree, Who::SeenInWhole(rank)) => {
                if actor.rank >= rank {
                    Expected::Hidden
                } else {
                    Expected::Forbidden
                }
            }
            (Reach::Space, Who::InWhole(rank) | Who::SeenInWhole(rank)) => {
                if actor.rank >= rank {
                    Expected::Done
                } else {
                    Expected::Forbidden
                }
            }
            (Reach::Subtree, Who::InWhole(_)) => Expected::Forbidden,
        }
    }
}
