//! Commands that are larger than a commit of the store (DESIGN §9; ADR 0018).
//!
//! A redo log in the partition itself:
//!
//! 1. **Hint**: a row beside the catalogue says that the space may have a plan, so that whoever looks for the spaces of
//!    dead processes finds it, and a search does not pass it over.
//! 2. **Plan**: the command's writes go into rows `p_…` that nobody reads.
//! 3. **Truth**: one commit asserts the head as it was when the command was decided, writes its journal row, and names
//!    the plan in the head. With it everything is true, and the callers are answered. Every read of the partition sees
//!    the plan above the rows ([`view`]).
//! 4. **Fold**: bounded commits write the rows to their places, each asserting and moving the head, which says how far
//!    they are; the last removes the plan. The writer folds before it decides anything else.
//!
//! Before 3 nothing has happened: what is left of the plan is removed by a commit that moves the head, so that no
//! late commit of 3 can name a plan without rows. After 3 whoever meets the plan can finish it, several at a time:
//! only one of them moves the head.

mod fold;
pub(crate) mod hints;
mod plan;
mod view;

use std::sync::Arc;

use cadastre_api_types::{ApiError, ErrorCode};
use uuid::Uuid;

pub(crate) use fold::{Progress, progress};
pub(super) use fold::{finish, tidy};
pub(crate) use hints::spaces_with_plans;
pub(super) use plan::{Prepared, load, prepare};
pub(super) use view::SpaceStore;

use crate::rows::Overlay;

/// Rows that a command may change, on every store: as many as the embedded one takes in one commit. The writer folds
/// them before it goes on, so it bounds how long others wait: with commits of 100 rows these are 660 of them.
pub(super) const MOST_ROWS: usize = 65_536;
/// Bytes of keys and values that a command may change: they are in memory until they are folded in.
pub(super) const MOST_BYTES: usize = 24 << 20;

/// A plan that is true and not folded in.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// Its id.
    pub(super) plan: Uuid,
    /// Its writes.
    pub(super) writes: Arc<Overlay>,
}

/// The refusal of a command that changes more.
pub(super) fn too_large(rows: usize, bytes: usize) -> ApiError {
    ApiError::new(
        ErrorCode::CommandTooLarge,
        format!(
            "This would change {rows} rows ({bytes} bytes), and one command changes at most {MOST_ROWS} ({MOST_BYTES} \
             bytes). Do it in smaller steps."
        ),
    )
}
