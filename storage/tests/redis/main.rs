//! The shared cache on a real Redis: what it keeps, what it believes, and what becomes of it when Redis goes away.
#![allow(clippy::unwrap_used, missing_docs)]

mod belief;
mod bounds;
mod outages;
mod server;
