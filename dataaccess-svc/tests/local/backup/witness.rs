//! A store that others write, and that remembers every commit: so a test can say what a partition was when its head was
//! committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use cadastre_storage::{
    Etag, KeyRange, Limits, Page, PartitionKey, Place, Row, RowKey, Snapshot, Store, StoreError, TablePage,
    Write,
};
use serde_json::Value;

/// A head without what a restore changes.
pub(crate) fn lasting(head: &Value) -> Value {
    let mut head = head.clone();
    if let Some(fields) = head.as_object_mut() {
        fields.remove("Incarnation");
        fields.remove("Hold");
    }
    head
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Witness {
    inner: Arc<dyn Store>,
    commits: tokio::sync::Mutex<Vec<(PartitionKey, Vec<Write>)>>,
    /// Rows in a page.
    page: usize,
    /// Rows in a commit.
    batch_rows: usize,
}

impl Witness {
    pub(crate) fn new(inner: Arc<dyn Store>, page: usize) -> Self {
        Self {
            batch_rows: inner.limits().batch_rows,
            inner,
            commits: tokio::sync::Mutex::default(),
            page,
        }
    }

    /// Whose commits hold few rows, so that nearly every command needs several.
    pub(crate) fn narrow(inner: Arc<dyn Store>, page: usize) -> Self {
        Self {
            batch_rows: 8,
            ..Self::new(inner, page)
        }
    }

    /// The rows of a partition just behind the first commit of this head.
    pub(crate) async fn at(&self, partition: &str, head: &Value) -> BTreeMap<String, Value> {
        let mut rows: BTreeMap<String, Value> = BTreeMap::new();
        for (_, writes) in self
            .commits
            .lock()
            .await
            .iter()
            .filter(|(of, _)| of.as_str() == partition)
        {
            let mut reached = false;
            for write in writes {
                match write {
                    Write::Create { key, value }
                    | Write::Replace { key, value, .. }
                    | Write::Put { key, value } => {
                        let value: Value = serde_json::from_slice(value).unwrap();
                        reached |= key.as_str() == "head" && lasting(&value) == *head;
                        rows.insert(key.to_string(), value);
                    }
                    Write::DeleteIf { key, .. } | Write::Delete { key } => {
                        rows.remove(key.as_str());
                    }
                }
            }
            if reached {
                return rows;
            }
        }
        panic!("no such head of {partition} was ever committed: {head}");
    }

    /// How many commits there were with a hold in the head.
    pub(crate) async fn holds(&self) -> usize {
        let is_hold = |write: &Write| match write {
            Write::Replace { key, value, .. } => {
                key.as_str() == "head" && value.windows(6).any(|part| part == b"\"Hold\"")
            }
            _ => false,
        };
        let commits = self.commits.lock().await;
        commits
            .iter()
            .filter(|(_, writes)| writes.iter().any(is_hold))
            .count()
    }
}

#[async_trait::async_trait]
impl Store for Witness {
    fn limits(&self) -> Limits {
        Limits {
            exclusive: false,
            batch_rows: self.batch_rows,
            backwards: false,
            ..self.inner.limits()
        }
    }
    async fn get(&self, partition: &PartitionKey, key: &RowKey) -> Result<Option<Row>, StoreError> {
        tokio::task::yield_now().await;
        self.inner.get(partition, key).await
    }
    async fn get_many(
        &self,
        partition: &PartitionKey,
        keys: &[RowKey],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        // As Azure does it: one by one, with others between.
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            rows.push(self.get(partition, key).await?);
        }
        Ok(rows)
    }
    async fn scan(
        &self,
        partition: &PartitionKey,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Page, StoreError> {
        tokio::task::yield_now().await;
        self.inner.scan(partition, range, limit.min(self.page)).await
    }
    async fn last_at_or_before(
        &self,
        _: &PartitionKey,
        _: &RowKey,
        _: &RowKey,
    ) -> Result<Option<Row>, StoreError> {
        Err(StoreError::Unsupported {
            what: "look backwards",
        })
    }
    async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError> {
        tokio::task::yield_now().await;
        self.inner.scan_table(after, limit.min(self.page)).await
    }
    async fn snapshot(&self) -> Result<Option<Box<dyn Snapshot>>, StoreError> {
        Ok(None)
    }
    async fn commit(&self, partition: &PartitionKey, writes: Vec<Write>) -> Result<Vec<Etag>, StoreError> {
        // Held over the commit, so that they are remembered in their order.
        let mut commits = self.commits.lock().await;
        let etags = self.inner.commit(partition, writes.clone()).await?;
        commits.push((partition.clone(), writes));
        Ok(etags)
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}
