//! The store that forgets: an ordered map per partition behind one lock. The reference that the other
//! backends are compared with, and what tests and trials run on.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::RwLock;

use crate::batch::{PAGE_BYTES, check_batch, check_limit};
use crate::contract::{Etag, KeyRange, Limits, Page, Place, Row, Snapshot, Store, TablePage, Write};
use crate::error::StoreError;
use crate::key::{PartitionKey, RowKey};

/// What a batch may hold here and in RocksDB: 1,000 nodes with 32 tags each fit. 16 MiB bounds what one commit can
/// occupy in memory and log.
pub(crate) const EMBEDDED_LIMITS: Limits = Limits {
    batch_rows: 65_536,
    batch_bytes: 16 << 20,
    value_bytes: crate::contract::VALUE_BYTES,
    backwards: true,
    exclusive: true,
};

/// A store in memory.
///
/// One lock for all: a commit holds it for microseconds, and never across an await.
pub struct MemoryStore {
    inner: RwLock<Inner>,
}

type Partitions = BTreeMap<PartitionKey, BTreeMap<RowKey, Stored>>;

struct Inner {
    partitions: Partitions,
    next_etag: u64,
}

#[derive(Clone)]
struct Stored {
    value: Bytes,
    etag: Etag,
}

impl Stored {
    fn row(&self, key: &RowKey) -> Row {
        Row {
            key: key.clone(),
            value: self.value.clone(),
            etag: self.etag.clone(),
        }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        // Not from zero: nobody shall come to rely on how an etag looks, or on two stores agreeing.
        let inner = Inner {
            partitions: BTreeMap::new(),
            next_etag: rand::random(),
        };
        Self {
            inner: RwLock::new(inner),
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("partitions", &self.inner.read().partitions.len())
            .finish()
    }
}

/// Whether the row as it is satisfies what the write asks for.
fn check_precondition(write: &Write, current: Option<&Etag>) -> Result<(), StoreError> {
    match write {
        Write::Create { key, .. } if current.is_some() => Err(StoreError::Exists { key: key.clone() }),
        Write::Replace { key, etag, .. } | Write::DeleteIf { key, etag } if current != Some(etag) => {
            Err(StoreError::Changed { key: key.clone() })
        }
        Write::Create { .. }
        | Write::Replace { .. }
        | Write::Put { .. }
        | Write::DeleteIf { .. }
        | Write::Delete { .. } => Ok(()),
    }
}

impl Inner {
    fn apply(&mut self, partition: &PartitionKey, write: Write) -> Etag {
        match write {
            Write::Create { key, value } | Write::Replace { key, value, .. } | Write::Put { key, value } => {
                self.next_etag = self.next_etag.wrapping_add(1);
                let etag = Etag(Bytes::copy_from_slice(&self.next_etag.to_be_bytes()));
                let rows = self.partitions.entry(partition.clone()).or_default();
                rows.insert(
                    key,
                    Stored {
                        value,
                        etag: etag.clone(),
                    },
                );
                etag
            }
            Write::DeleteIf { key, .. } | Write::Delete { key } => {
                if let Some(rows) = self.partitions.get_mut(partition) {
                    rows.remove(&key);
                    if rows.is_empty() {
                        self.partitions.remove(partition);
                    }
                }
                Etag(Bytes::new())
            }
        }
    }
}

/// A page of all rows.
fn table_page(partitions: &Partitions, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError> {
    check_limit(limit)?;
    let mut page = TablePage {
        rows: Vec::new(),
        next: None,
    };
    let mut bytes = 0;
    let start = after.map_or(Bound::Unbounded, |place| Bound::Included(&place.partition));
    for (partition, rows) in partitions.range::<PartitionKey, _>((start, Bound::Unbounded)) {
        let behind = after.filter(|place| place.partition == *partition);
        let start = behind.map_or(Bound::Unbounded, |place| Bound::Excluded(&place.key));
        for (key, stored) in rows.range::<RowKey, _>((start, Bound::Unbounded)) {
            if page.rows.len() == limit || bytes >= PAGE_BYTES {
                page.next = page.rows.last().map(|(partition, row)| Place {
                    partition: partition.clone(),
                    key: row.key.clone(),
                });
                return Ok(page);
            }
            bytes += key.as_str().len() + stored.value.len();
            page.rows.push((partition.clone(), stored.row(key)));
        }
    }
    Ok(page)
}

/// A copy, which shares the values.
struct MemorySnapshot(Partitions);

impl fmt::Debug for MemorySnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySnapshot").finish_non_exhaustive()
    }
}

#[async_trait]
impl Snapshot for MemorySnapshot {
    async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError> {
        table_page(&self.0, after, limit)
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn limits(&self) -> Limits {
        EMBEDDED_LIMITS
    }

    async fn get(&self, partition: &PartitionKey, key: &RowKey) -> Result<Option<Row>, StoreError> {
        let inner = self.inner.read();
        Ok(inner
            .partitions
            .get(partition)
            .and_then(|rows| rows.get(key))
            .map(|stored| stored.row(key)))
    }

    async fn get_many(
        &self,
        partition: &PartitionKey,
        keys: &[RowKey],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        let inner = self.inner.read();
        let rows = inner.partitions.get(partition);
        Ok(keys.iter().map(|key| Some(rows?.get(key)?.row(key))).collect())
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
        // BTreeMap::range panics on a range that ends before it starts.
        if range.is_empty() {
            return Ok(page);
        }
        let inner = self.inner.read();
        let Some(rows) = inner.partitions.get(partition) else {
            return Ok(page);
        };
        let start = range.start.as_ref().map_or(Bound::Unbounded, Bound::Included);
        let end = range.end.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut bytes = 0;
        for (key, stored) in rows.range::<RowKey, _>((start, end)) {
            if page.rows.len() == limit || bytes >= PAGE_BYTES {
                page.next = Some(key.clone());
                break;
            }
            bytes += key.as_str().len() + stored.value.len();
            page.rows.push(stored.row(key));
        }
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
        let inner = self.inner.read();
        let rows = inner.partitions.get(partition);
        Ok(rows
            .and_then(|rows| rows.range(floor..=key).next_back())
            .map(|(key, stored)| stored.row(key)))
    }

    async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError> {
        table_page(&self.inner.read().partitions, after, limit)
    }

    async fn snapshot(&self) -> Result<Option<Box<dyn Snapshot>>, StoreError> {
        let partitions = self.inner.read().partitions.clone();
        Ok(Some(Box::new(MemorySnapshot(partitions))))
    }

    async fn commit(&self, partition: &PartitionKey, writes: Vec<Write>) -> Result<Vec<Etag>, StoreError> {
        check_batch(&self.limits(), &writes)?;
        let mut inner = self.inner.write();
        let rows = inner.partitions.get(partition);
        for write in &writes {
            let current = rows
                .and_then(|rows| rows.get(write.key()))
                .map(|stored| &stored.etag);
            check_precondition(write, current)?;
        }
        Ok(writes
            .into_iter()
            .map(|write| inner.apply(partition, write))
            .collect())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self) {}
}
