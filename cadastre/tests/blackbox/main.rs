//! Black-box tests: they start the real binary, call it over HTTP as a client would, kill it, and look at what it
//! answers, logs and leaves behind. Nothing here knows how the server is made; what it expects comes from the
//! contract of the API. Every test's name is a claim.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

mod auth;
mod bad_input;
mod ips;
mod isp;
mod kill;
mod operations;
mod revert;
mod search;
mod spaces;
mod split;
mod support;
mod tags;
mod transfer;
mod users;
mod walk;
