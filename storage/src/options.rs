//! Settings of the embedded store: apart from the backend, so that configuration can name them in a build
//! without RocksDB.

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
