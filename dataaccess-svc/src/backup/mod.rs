//! Backup, restore, and copies from store to store ([ADR 0017](../../../docs/adr/0017-backup-and-copy.md)).
//!
//! [`Cut`] reads a store so that every partition is as it was at one moment, [`Restore`] fills an empty store with what
//! comes from it, and [`LineWriter`] and [`LineReader`] put a file in between. A copy is a cut and a restore without one.

mod cut;
mod digest;
mod error;
mod file;
mod part;
mod patience;
mod reading;
mod restore;

pub use cut::{Cut, CutOptions};
pub use error::TransferError;
pub use file::{Checked, Header, LineReader, LineWriter, check};
pub use part::{Part, PartEnd};
pub(crate) use reading::Readings;
pub use restore::{Restore, Restored};
