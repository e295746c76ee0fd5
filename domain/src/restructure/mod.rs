//! The structural verbs of an address plan: cutting a prefix into blocks of one length, joining blocks into the
//! prefix that they fill, and changing the length of a prefix. Which prefixes come out, and what forbids it.
//!
//! What these verbs mean for tags is in [`crate::tags`]; the law is that they change no resolved tag of any node
//! that they do not name.

mod join;
mod resize;
mod split;

pub use join::{JoinError, joined};
pub use resize::{ResizeError, Resizing, resizing};
pub use split::{SplitError, SplitPlan, SplitScan};
