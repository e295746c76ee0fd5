//! The data access layer: it alone knows how spaces, tags, nodes and users are laid out in rows, decides
//! every command beside the data, and makes it durable.
//!
//! [`LocalDataAccess`] is the in-process path, [`HttpDataAccess`] the one over HTTP against
//! [`configure_internal_api`]; all behind [`cadastre_api_types::internal::DataAccess`].

mod backup;
mod catalogue;
mod clock;
mod config;
mod errors;
mod idempotency;
mod internal;
mod keys;
mod local;
mod metrics;
mod purge;
mod records;
mod rows;
mod search;
mod secret;
mod space;
mod table;
mod users;

pub use backup::{
    Checked, Cut, CutOptions, Header, LineReader, LineWriter, Part, PartEnd, Restore, Restored,
    TransferError, check,
};
pub use clock::{Clock, SystemClock};
pub use config::DataAccessConfig;
pub use internal::{ClientError, HttpDataAccess, configure_internal_api};
pub use local::LocalDataAccess;
pub use secret::Secret;
pub use table::{OpenError, TABLE_FORMAT, check_table};
