//! The store contract of Cadastre, its backends, decorators and conformance suite.
//!
//! A store holds rows (partition, row key, one JSON object, version) and commits batches of conditional
//! writes to one partition at a time. Everything above relies on [`Store`] alone; which backend is behind it
//! is decided by a URL in [`open_url`]. Nothing here knows about addresses.
//!
//! * [`MemoryStore`]: for tests and trials; forgets everything when dropped.
//! * `AzureStore` (feature `azure`): Azure Table Storage, for many processes on one store.
//! * [`RocksStore`] (feature `rocksdb`): embedded, durable, one process per directory, group commit.
//! * [`FaultStore`]: wraps any of them and makes it fail, wait or lose answers, for tests.
//! * [`SharedCache`]: what several processes remember together, in Redis (feature `redis`); never authority.
//! * [`conformance`] (feature `conformance`): what each of them has to pass.

#[cfg(feature = "azure")]
mod azure;
mod batch;
mod cache;
#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;
mod error;
mod ext;
pub mod fault;
mod key;
mod memory;
mod options;
mod parse;
#[cfg(feature = "rocksdb")]
mod rocks;
mod shared;

#[cfg(feature = "azure")]
pub use azure::AzureStore;
pub use batch::check_batch;
pub use cache::{CACHE_VALUE_BYTES, Cache, CacheEntry, CacheKey, Kind, SharedCache};
#[cfg(feature = "redis")]
pub use cache::{CacheUrlError, RedisCache, RedisOptions};
pub use contract::{
    Etag, KeyRange, Limits, Page, Place, Row, Snapshot, Store, TablePage, VALUE_BYTES, Write,
};
pub use error::{Cause, StoreError};
pub use ext::StoreExt;
pub use fault::{Chances, Fault, FaultCache, FaultPlan, FaultStore, Gate, Hook, Op, Rule};
pub use key::{KeyError, MAX_KEY_LEN, PartitionKey, RowKey, escape, unescape};
pub use memory::MemoryStore;
pub use options::{RocksOptions, StoreOptions};
pub use parse::{open_url, open_url_with};
#[cfg(feature = "rocksdb")]
pub use rocks::{CommitStats, RocksStore};
