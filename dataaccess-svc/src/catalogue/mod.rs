//! The catalogue of spaces: one partition, rarely written, kept in memory for lists and filters.

mod borrowed;
mod follow;
mod list;
mod state;
mod write;

pub(crate) use state::{Catalogue, Entry, Snapshot};
