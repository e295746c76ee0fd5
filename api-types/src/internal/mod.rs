//! The internal protocol between frontend and data access: one trait, two ways to reach it (in the same
//! process, or over HTTP), one list of calls that makes trait, client and server agree.

mod backup;
mod call;
mod command;
mod context;
mod free;
mod history;
mod import;
mod isp;
mod node;
mod routing;
mod search;
mod spaces;
mod users;

pub use backup::*;
pub use call::*;
pub use command::*;
pub use context::*;
pub use free::*;
pub use history::*;
pub use import::*;
pub use isp::*;
pub use node::*;
pub use routing::*;
pub use search::*;
pub use spaces::*;
pub use users::*;
