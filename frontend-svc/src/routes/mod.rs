//! The routes, one file per resource. Handlers extract, call one function of the data access layer, convert.

pub(crate) mod auth;
pub(crate) mod backup;
pub(crate) mod changes;
pub(crate) mod command;
pub(crate) mod docs;
pub(crate) mod export;
pub(crate) mod graphql;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod imports;
pub(crate) mod ips;
pub(crate) mod isp;
pub(crate) mod jwks;
pub(crate) mod me;
pub(crate) mod roles;
pub(crate) mod search;
pub(crate) mod spaces;
pub(crate) mod table;
pub(crate) mod tags;
pub(crate) mod tokens;
pub(crate) mod users;
