//! The rules of the address plan: prefixes, their hierarchy, tags, roles and sessions; and of the provider's side:
//! pools, reservations, subscribers, plans, VLANs.
//!
//! Everything here is a pure function of its arguments: no async, no I/O, no clock, no randomness.
//! Times and ids come in as arguments, so a decision can be run beside the data, run again after a
//! lost race, and tested against a naive model. Services load a view, ask this crate, and commit
//! what it answers.
//!
//! Text of every error is the sentence a client reads: it says what is wrong and what to do next.

mod echo;
pub mod free_space;
pub mod hierarchy;
pub mod isp;
pub mod names;
pub mod prefix;
pub mod restructure;
pub mod roles;
pub mod search;
pub mod sessions;
pub mod tags;
mod text;

pub use prefix::{Family, Prefix, PrefixError, parse_address_or_prefix};
pub use roles::{Scope, Visibility};
