//! The public API: authentication, authorisation, validation, use cases.
//!
//! The truth lives behind [`DataAccess`]; this crate decides who may ask for what, turns wire types into domain
//! types and back, and speaks HTTP. Every route is in one table ([`routes::table`]) together with what its
//! caller needs, so that no route can be registered without a rule.

mod auth;
mod bootstrap;
mod clock;
mod config;
mod convert;
mod frontend;
mod graphql;
mod http;
mod isp;
mod openapi;
mod outbox;
pub mod prefix_file;
mod routes;
mod secret_file;
pub mod secrets;
mod state;
#[cfg(test)]
mod testing;

pub use auth::keys::KeyError;
pub use bootstrap::BootstrapError;
pub use config::FrontendConfig;
pub use frontend::{Frontend, StartError};
pub use graphql::graphql_schema;
pub use http::authorized::Authorized;
pub use http::error::HttpError;
pub use http::request_info::RequestInfo;
pub use openapi::openapi;
pub use routes::table::{Needs, RouteSpec};
