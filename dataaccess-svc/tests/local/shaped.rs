//! A store as other backends are: others may write it, it cannot look backwards, its pages are short, its commits
//! small.

use std::sync::Arc;

use cadastre_storage::{
    Etag, KeyRange, Limits, Page, PartitionKey, Place, Row, RowKey, Snapshot, Store, StoreError, TablePage,
    Write,
};

/// A store with other limits than the one inside.
#[derive(Debug)]
pub(crate) struct Shaped {
    inner: Arc<dyn Store>,
    limits: Limits,
    page: usize,
}

impl Shaped {
    /// As replicas see one: others may write it, and it cannot look backwards.
    pub(crate) fn shared(inner: Arc<dyn Store>) -> Self {
        let limits = Limits {
            exclusive: false,
            backwards: false,
            ..inner.limits()
        };
        // Short pages, as a distant service gives them.
        Self {
            inner,
            limits,
            page: 3,
        }
    }

    /// As [`Shaped::shared`], with commits of at most so many rows. The weakest backend has 100.
    pub(crate) fn narrow(inner: Arc<dyn Store>, batch_rows: usize) -> Self {
        let mut shaped = Self::shared(inner);
        shaped.limits.batch_rows = batch_rows;
        shaped.limits.batch_bytes = 4 << 20;
        shaped.page = 1_000;
        shaped
    }

    /// A store of our own with small commits.
    pub(crate) fn small(inner: Arc<dyn Store>, batch_rows: usize) -> Self {
        let limits = Limits {
            batch_rows,
            ..inner.limits()
        };
        Self {
            inner,
            limits,
            page: usize::MAX,
        }
    }
}

#[async_trait::async_trait]
impl Store for Shaped {
    fn limits(&self) -> Limits {
        self.limits
    }
    async fn get(&self, partition: &PartitionKey, key: &RowKey) -> Result<Option<Row>, StoreError> {
        self.inner.get(partition, key).await
    }
    async fn get_many(
        &self,
        partition: &PartitionKey,
        keys: &[RowKey],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        self.inner.get_many(partition, keys).await
    }
    async fn scan(
        &self,
        partition: &PartitionKey,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.inner.scan(partition, range, limit.min(self.page)).await
    }
    async fn last_at_or_before(
        &self,
        partition: &PartitionKey,
        key: &RowKey,
        floor: &RowKey,
    ) -> Result<Option<Row>, StoreError> {
        if !self.limits.backwards {
            return Err(StoreError::Unsupported {
                what: "look backwards",
            });
        }
        self.inner.last_at_or_before(partition, key, floor).await
    }
    async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError> {
        self.inner.scan_table(after, limit.min(self.page)).await
    }
    async fn snapshot(&self) -> Result<Option<Box<dyn Snapshot>>, StoreError> {
        if self.limits.exclusive {
            self.inner.snapshot().await
        } else {
            Ok(None)
        }
    }
    async fn commit(&self, partition: &PartitionKey, writes: Vec<Write>) -> Result<Vec<Etag>, StoreError> {
        let (rows, most) = (writes.len(), self.limits.batch_rows);
        assert!(rows <= most, "{rows} rows in one commit of a store with {most}");
        self.inner.commit(partition, writes).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}

/// A store whose commits hold next to nothing, shared with others or our own.
pub(crate) fn tiny(own: bool) -> Arc<dyn Store> {
    let memory = Arc::new(cadastre_storage::MemoryStore::new());
    if own {
        Arc::new(Shaped::small(memory, 8))
    } else {
        Arc::new(Shaped::narrow(memory, 8))
    }
}
