//! What travels between the parts of Cadastre and to its clients: public wire types, the internal protocol
//! between frontend and data access, the error body, and the little that every hop must agree on
//! (correlation ids, tokens).
//!
//! Wire types are not domain types: they are shaped by the API documents and checked by the frontend when it
//! turns them into domain types. The internal protocol carries domain types, already checked.

pub mod correlation;
pub mod error;
pub mod internal;
pub mod public;
pub mod token;

pub use error::{ApiError, ErrorCode};

/// The domain crate, for those who see only this crate.
pub use cadastre_domain as domain;
