//! GraphQL over the real data access layer and a store in memory, as a client sees it.
#![allow(clippy::unwrap_used, missing_docs)]

mod batching;
mod changing;
mod client;
mod customers;
mod reading;
mod spaces;
mod streams;
mod transport;
