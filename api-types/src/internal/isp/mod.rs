//! The provider's side in the internal protocol: commands to a space about pools, reservations, subscribers and the rest,
//! and questions about them.

mod command;
mod figures;
mod query;

pub use command::*;
pub use figures::*;
pub use query::*;
