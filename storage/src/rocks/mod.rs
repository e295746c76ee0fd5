//! The embedded backend: RocksDB behind the contract, one process per directory, durable before it answers.
//!
//! Reads run on the thread that asks: a point read takes microseconds, less than handing it to another
//! thread would, and a page of a scan is bounded (`PAGE_BYTES`). Commits go through one thread (`committer`).
//!
//! Readers never see what is not durable: RocksDB puts a synced batch into memory only after the log is
//! synced, and all of it at once.

mod codec;
mod committer;
mod error;
mod group;
mod handle;
mod log_check;
mod open;
mod queue;
mod table;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use rocksdb::ReadOptions;
use tokio::sync::oneshot;

pub use committer::CommitStats;

use crate::batch::{PAGE_BYTES, check_batch, check_limit};
use crate::contract::{Etag, KeyRange, Limits, Page, Place, Row, Snapshot, Store, TablePage, Write};
use crate::error::StoreError;
use crate::key::{PartitionKey, RowKey};
use crate::memory::EMBEDDED_LIMITS;
use crate::options::RocksOptions;
use codec::{decode_key, decode_row, encode_key, encode_value, partition_end, partition_start};
use committer::{Committer, Counts};
use error::{of_read, unavailable};
use group::multi_get;
use handle::Handle;
use queue::{Job, Must, Planned, Queue};
use table::{Frozen, read_table};

/// A store in a directory. Closes when dropped, which blocks; see [`Store::close`].
#[derive(Debug)]
pub struct RocksStore {
    handle: Arc<Handle>,
    queue: Arc<Queue>,
    counts: Arc<Counts>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    /// Versions are numbers counted up from a random start in each process. For a version to come back on the
    /// same row (ABA), a process would have to start within as many steps of an earlier one as there were
    /// writes: with 2^40 writes before and after a restart that is a chance of one in eight million, and
    /// somebody would still have to hold the old version of just that row across the restart.
    next_etag: AtomicU64,
}

impl RocksStore {
    /// Opens the store in `dir` with default settings, or makes it. Blocks while it recovers.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(dir, &RocksOptions::default())
    }

    /// Opens the store in `dir`, or makes it. Blocks while it recovers.
    pub fn open_with(dir: impl AsRef<Path>, options: &RocksOptions) -> Result<Self, StoreError> {
        let handle = Arc::new(Handle::open(dir.as_ref().to_owned(), *options)?);
        let (queue, counts) = (Arc::new(Queue::new()), Arc::new(Counts::default()));
        let committer = Committer {
            handle: Arc::clone(&handle),
            queue: Arc::clone(&queue),
            counts: Arc::clone(&counts),
        };
        let thread = std::thread::Builder::new()
            .name("store-commit".to_owned())
            .spawn(move || committer.run())
            .map_err(|error| unavailable("starting the commit thread".to_owned(), Some(error.into())))?;
        let next_etag = AtomicU64::new(rand::random());
        Ok(Self {
            handle,
            queue,
            counts,
            thread: Arc::new(Mutex::new(Some(thread))),
            next_etag,
        })
    }

    /// How commits were grouped since the store was opened.
    pub fn commit_stats(&self) -> CommitStats {
        self.counts.read()
    }

    /// Finishes the commits that wait, syncs the log, ends compactions and gives the directory free, on the
    /// thread that runs it. Dropping the store does the same.
    fn closing(&self) -> impl FnOnce() + Send + 'static {
        let (handle, queue) = (Arc::clone(&self.handle), Arc::clone(&self.queue));
        let thread = Arc::clone(&self.thread);
        move || {
            queue.close();
            // Held while joining: who closes again waits, too.
            let mut thread = thread.lock();
            if thread.take().is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("the commit thread had panicked");
            }
            if let Ok(db) = handle.db()
                && let Err(error) = db.flush_wal(true)
            {
                tracing::error!(%error, "syncing the log of a closing store failed");
            }
            handle.close(closed());
        }
    }

    fn plan(&self, partition: &PartitionKey, write: Write) -> Planned {
        let (row, must, value) = match write {
            Write::Create { key, value } => (key, Must::BeAbsent, Some(value)),
            Write::Replace { key, value, etag } => (key, Must::BeAt(etag), Some(value)),
            Write::Put { key, value } => (key, Must::Anything, Some(value)),
            Write::DeleteIf { key, etag } => (key, Must::BeAt(etag), None),
            Write::Delete { key } => (key, Must::Anything, None),
        };
        let value = value.map(|json| {
            let etag = self.next_etag.fetch_add(1, Ordering::Relaxed);
            encode_value(etag.to_be_bytes(), &json)
        });
        Planned {
            key: encode_key(partition, &row),
            row,
            must,
            value,
        }
    }
}

impl Drop for RocksStore {
    fn drop(&mut self) {
        self.closing()();
    }
}

fn closed() -> StoreError {
    unavailable("the store is closed".to_owned(), None)
}

/// Options of an iterator that can see `start .. end` only. The order is total whatever RocksDB is
/// configured to use for prefixes.
fn bounded(start: Vec<u8>, end: Vec<u8>) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_iterate_lower_bound(start);
    options.set_iterate_upper_bound(end);
    options.set_total_order_seek(true);
    options.set_verify_checksums(true);
    options
}

#[async_trait]
impl Store for RocksStore {
    fn limits(&self) -> Limits {
        EMBEDDED_LIMITS
    }

    async fn get(&self, partition: &PartitionKey, key: &RowKey) -> Result<Option<Row>, StoreError> {
        let db = self.handle.db()?;
        let stored = db
            .get_pinned(encode_key(partition, key))
            .map_err(|e| of_read("reading a row", e))?;
        stored.map(|stored| decode_row(key.clone(), &stored)).transpose()
    }

    async fn get_many(
        &self,
        partition: &PartitionKey,
        keys: &[RowKey],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        let db = self.handle.db()?;
        let encoded: Vec<Vec<u8>> = keys.iter().map(|key| encode_key(partition, key)).collect();
        let encoded: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
        let row = |(key, stored): (&RowKey, Result<Option<rocksdb::DBPinnableSlice<'_>>, StoreError>)| {
            stored?.map(|stored| decode_row(key.clone(), &stored)).transpose()
        };
        keys.iter().zip(multi_get(&db, &encoded)).map(row).collect()
    }

    async fn scan(
        &self,
        partition: &PartitionKey,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Page, StoreError> {
        check_limit(limit)?;
        let mut page = Page {
            rows: Vec::new(),
            next: None,
        };
        if range.is_empty() {
            return Ok(page);
        }
        let prefix = partition_start(partition).len();
        let start = range
            .start
            .as_ref()
            .map_or_else(|| partition_start(partition), |k| encode_key(partition, k));
        let end = range
            .end
            .as_ref()
            .map_or_else(|| partition_end(partition), |k| encode_key(partition, k));
        let db = self.handle.db()?;
        let mut iterator = db.raw_iterator_opt(bounded(start, end));
        iterator.seek_to_first();
        let mut bytes = 0;
        while let Some((key, stored)) = iterator.item() {
            let key = decode_key(key, prefix)?;
            if page.rows.len() == limit || bytes >= PAGE_BYTES {
                page.next = Some(key);
                break;
            }
            bytes += key.as_str().len() + stored.len();
            page.rows.push(decode_row(key, stored)?);
            iterator.next();
        }
        // An iterator that met an error just ends, and half a range must not pass for all of it.
        iterator.status().map_err(|e| of_read("scanning rows", e))?;
        Ok(page)
    }

    async fn last_at_or_before(
        &self,
        partition: &PartitionKey,
        key: &RowKey,
        floor: &RowKey,
    ) -> Result<Option<Row>, StoreError> {
        if floor > key {
            return Ok(None);
        }
        let db = self.handle.db()?;
        let options = bounded(encode_key(partition, floor), partition_end(partition));
        let mut iterator = db.raw_iterator_opt(options);
        iterator.seek_for_prev(encode_key(partition, key));
        let row = match iterator.item() {
            Some((key, stored)) => Some(decode_row(
                decode_key(key, partition_start(partition).len())?,
                stored,
            )?),
            None => None,
        };
        iterator.status().map_err(|e| of_read("seeking a row", e))?;
        Ok(row)
    }

    async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError> {
        let db = self.handle.db()?;
        read_table(|options| db.raw_iterator_opt(options), after, limit)
    }

    async fn snapshot(&self) -> Result<Option<Box<dyn Snapshot>>, StoreError> {
        Ok(Some(Box::new(Frozen::take(Arc::clone(&self.handle)).await?)))
    }

    async fn commit(&self, partition: &PartitionKey, writes: Vec<Write>) -> Result<Vec<Etag>, StoreError> {
        check_batch(&self.limits(), &writes)?;
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = writes.iter().map(Write::bytes).sum();
        let room = self.queue.room_for(bytes).await.ok_or_else(closed)?;
        let writes: Vec<Planned> = writes
            .into_iter()
            .map(|write| self.plan(partition, write))
            .collect();
        let etags = writes
            .iter()
            .map(|write| write.new_etag().map_or_else(|| Etag(Bytes::new()), codec::etag))
            .collect();
        let (sender, receiver) = oneshot::channel();
        self.queue
            .push(Job {
                writes,
                bytes,
                etags,
                answer: sender,
                room,
            })
            .map_err(|_| closed())?;
        // From here on it happens, whether or not anybody still waits for it.
        receiver.await.unwrap_or_else(|_| {
            Err(StoreError::OutcomeUnknown {
                reason: "the commit thread has ended".to_owned(),
                source: None,
            })
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.handle
            .db()?
            .get_pinned(b"\0")
            .map_err(|e| of_read("reading a row", e))
            .map(|_| ())
    }

    async fn close(&self) {
        if let Err(error) = tokio::task::spawn_blocking(self.closing()).await {
            tracing::error!(%error, "closing the store failed");
        }
    }
}
