//! The resource half of the API over the real data access layer and a store in memory: spaces, tags and nodes as
//! a client sees them.
#![allow(clippy::unwrap_used, missing_docs)]

mod client;
mod ips;
mod lists;
mod malformed;
mod past;
mod revert;
mod scopes;
mod search;
mod spaces;
mod structure;
mod tags;
