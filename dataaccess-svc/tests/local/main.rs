//! The data access layer through its public trait, on real stores.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, missing_docs)]

mod allocation;
mod backup;
mod changes;
mod dry_runs;
mod following;
mod groups;
mod history;
mod import;
mod isp;
mod lifecycle;
mod model;
mod over_http;
mod past;
mod pools;
mod replicas;
mod revert;
mod round_trips;
mod search;
mod shaped;
mod shared_cache;
mod staged;
mod structure;
mod support;
mod users;
