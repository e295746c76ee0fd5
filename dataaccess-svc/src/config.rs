//! What can be tuned in the data access layer.

use std::sync::Arc;
use std::time::Duration;

use cadastre_storage::SharedCache;

use crate::clock::{Clock, SystemClock};

/// Settings; the defaults suit production.
#[derive(Clone, Debug)]
pub struct DataAccessConfig {
    /// Most commands that share one durable commit.
    pub group_commands: usize,
    /// Commands that may wait for one space before more are turned away (503 `Overloaded`).
    pub queue_commands: usize,
    /// How long a command waits for the writer before it is refused: less than callers wait for their answer, so that
    /// they hear that nothing was done.
    pub queue_patience: Duration,
    /// Rows that one batch of a purge deletes.
    pub purge_batch_rows: usize,
    /// Resolved-tag contexts kept in memory.
    pub context_cache_entries: usize,
    /// Answered nodes kept in memory, where nobody else writes the store.
    pub node_cache_entries: usize,
    /// Accounts kept in memory.
    pub account_cache_entries: usize,
    /// How long an `Idempotency-Key` is remembered.
    pub idempotency_lifetime: Duration,
    /// Index rows that a changed tag definition may look at inside the writer; more are read beforehand.
    pub verify_rows_in_writer: usize,
    /// How long whoever makes a large change is left alone with it, on a store that others write.
    pub plan_patience: Duration,
    /// How often it is looked for what others have left unfinished, on a store that others write.
    pub job_interval: Duration,
    /// How long the background work of another process may stand still before it is taken over.
    pub lease_lifetime: Duration,
    /// What is remembered together with other processes; only asked where others write the store too.
    pub cache: Option<SharedCache>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl Default for DataAccessConfig {
    fn default() -> Self {
        Self {
            group_commands: 256,
            queue_commands: 4096,
            queue_patience: Duration::from_secs(15),
            purge_batch_rows: 1000,
            context_cache_entries: 100_000,
            node_cache_entries: 50_000,
            account_cache_entries: 10_000,
            idempotency_lifetime: Duration::from_secs(24 * 3600),
            verify_rows_in_writer: 2_000,
            plan_patience: Duration::from_secs(5),
            job_interval: Duration::from_secs(10),
            lease_lifetime: Duration::from_secs(30),
            cache: None,
            clock: Arc::new(SystemClock),
        }
    }
}
