//! Settings of the backends: apart from them, so that configuration can name them in a build without one.

/// What a backend may need besides its URL.
#[derive(Clone, Default)]
pub struct StoreOptions {
    /// For `rocksdb:`.
    pub rocks: RocksOptions,
    /// Connection string of the account, for `azure-tables:`. A secret.
    pub azure_connection: Option<String>,
}

impl std::fmt::Debug for StoreOptions {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions")
            .field("rocks", &self.rocks)
            .finish_non_exhaustive()
    }
}

/// How much memory the embedded store may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RocksOptions {
    /// Bytes for blocks of table files, with their index and filter blocks.
    pub block_cache_bytes: usize,
    /// Bytes of recent writes held in memory before they become a table file. Also bounds the log that is
    /// replayed after a crash (up to three times this).
    pub write_buffer_bytes: usize,
}

impl Default for RocksOptions {
    fn default() -> Self {
        Self {
            block_cache_bytes: 256 << 20,
            write_buffer_bytes: 64 << 20,
        }
    }
}
