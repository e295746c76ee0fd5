//! The provider's side of the API over the real data access layer and a store in memory, as a client sees it.
#![allow(clippy::unwrap_used, missing_docs)]

mod addressing;
#[allow(dead_code, reason = "shared with the tests of resources")]
#[path = "../resources/client.rs"]
mod client;
