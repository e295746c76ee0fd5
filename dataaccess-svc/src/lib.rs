//! The data access layer: it alone knows how spaces, tags, nodes and users are laid out in rows, decides
//! every command beside the data, and makes it durable.
//!
//! [`LocalDataAccess`] is the in-process path, [`HttpDataAccess`] the one over HTTP against
//! [`configure_internal_api`]; all behind [`cadastre_api_types::internal::DataAccess`].

mod catalogue;
mod clock;
mod config;
mod errors;
mod idempotency;
mod internal;
mod keys;
mod lease;
mod local;
mod metrics;
mod purge;
mod records;
mod rows;
mod search;
mod secret;
mod space;
mod users;
mod watch;

pub use clock::{Clock, SystemClock};
pub use config::DataAccessConfig;
pub use internal::{ClientError, HttpDataAccess, configure_internal_api};
pub use local::{LocalDataAccess, OpenError};
pub use secret::Secret;
