//! The door and the proxy from outside. Modules follow what a request meets on its way; the proxy's tests run
//! against real servers on loopback ports.
#![allow(clippy::unwrap_used)]

mod access_lists;
mod bodies;
mod correlation;
mod forwarded_for;
mod proxy;
mod rate_limits;
mod shutdown;
mod support;
mod tokens;
