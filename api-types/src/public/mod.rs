//! Bodies of the public API (seed `ipam-system-design.md` §4, DESIGN §4). JSON is camelCase; unknown fields of
//! request bodies are refused by name; times are RFC 3339 UTC; ids are UUIDv7 text.

mod allocation;
mod auth;
mod history;
mod import;
mod ip;
pub mod isp;
mod plan;
mod search;
mod space;
mod structure;
mod tag;
mod user;

pub use allocation::*;
pub use auth::*;
pub use history::*;
pub use import::*;
pub use ip::*;
pub use plan::*;
pub use search::*;
pub use space::*;
pub use structure::*;
pub use tag::*;
pub use user::*;
