//! Between what travels to clients and what the domain and the data access layer speak. Everything a client
//! sends is checked here, once; every rule's refusal becomes one code and one sentence.

pub(crate) mod allocation;
pub(crate) mod errors;
pub(crate) mod explain;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod node;
pub(crate) mod plan;
pub(crate) mod readonly;
pub(crate) mod search;
pub(crate) mod space;
pub(crate) mod tag;
pub(crate) mod user;
