//! The rows of a space as they are true: what is stored, with the plan that the head names above it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use cadastre_storage::{
    Etag, KeyRange, Limits, Page, PartitionKey, Place, Row, RowKey, Snapshot, Store, StoreError, TablePage,
    Write,
};

use super::super::handle::Published;
use super::Pending;
use crate::keys;
use crate::rows::merge;

/// The store as the space's reads and writer see it. It goes by the head that was published last, whose plan is part
/// of what is true; commits go through as they are.
pub(in super::super) struct SpaceStore {
    store: Arc<dyn Store>,
    published: Arc<ArcSwap<Published>>,
}

impl SpaceStore {
    /// Over a store, for the space whose head is published there.
    pub(in super::super) fn new(store: Arc<dyn Store>, published: Arc<ArcSwap<Published>>) -> Self {
        Self { store, published }
    }

    /// The writes of the plan, if there is one.
    fn plan(&self) -> Option<Pending> {
        self.published.load().pending.clone()
    }

    /// Whether a plan has ended that was there when the rows were read: what others have written since may lie
    /// beneath it.
    fn has_ended(&self, plan: &Pending) -> bool {
        let published = self.published.load();
        published.pending.as_ref().is_none_or(|now| now.plan != plan.plan)
    }
}

impl std::fmt::Debug for SpaceStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SpaceStore").field(&self.store).finish()
    }
}

/// A row of a plan has no version in the store; nobody asserts one.
fn planned(key: &RowKey, value: &Bytes) -> Row {
    Row {
        key: key.clone(),
        value: value.clone(),
        etag: Etag(Bytes::new()),
    }
}

#[async_trait]
impl Store for SpaceStore {
    fn limits(&self) -> Limits {
        self.store.limits()
    }

    async fn get(&self, partition: &PartitionKey, key: &RowKey) -> Result<Option<Row>, StoreError> {
        if let Some(plan) = self.plan()
            && let Some(value) = plan.writes.get(key)
        {
            return Ok(value.as_ref().map(|value| planned(key, value)));
        }
        self.store.get(partition, key).await
    }

    async fn get_many(
        &self,
        partition: &PartitionKey,
        keys: &[RowKey],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        loop {
            let plan = self.plan();
            let mut rows = self.store.get_many(partition, keys).await?;
            let Some(plan) = plan else { return Ok(rows) };
            if self.has_ended(&plan) {
                continue;
            }
            for (key, row) in keys.iter().zip(&mut rows) {
                if let Some(value) = plan.writes.get(key) {
                    *row = value.as_ref().map(|value| planned(key, value));
                }
            }
            return Ok(rows);
        }
    }

    async fn scan(
        &self,
        partition: &PartitionKey,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Page, StoreError> {
        loop {
            let plan = self.plan();
            let page = self.store.scan(partition, range, limit).await?;
            let Some(plan) = plan else { return Ok(page) };
            if self.has_ended(&plan) {
                continue;
            }
            let mut rows = Vec::new();
            let stored = page.rows.into_iter().map(|row| (row.key.clone(), row));
            let mut next = page.next;
            // As a row, whose key it is given later.
            let unstored = |value: &Bytes| Row {
                key: keys::head(),
                value: value.clone(),
                etag: Etag(Bytes::new()),
            };
            merge(&mut rows, stored, &plan.writes, range, next.as_ref(), unstored);
            if let Some((first_left_out, _)) = rows.get(limit) {
                next = Some(first_left_out.clone());
                rows.truncate(limit);
            }
            let rows = rows.into_iter().map(|(key, row)| Row { key, ..row }).collect();
            return Ok(Page { rows, next });
        }
    }

    async fn last_at_or_before(
        &self,
        partition: &PartitionKey,
        key: &RowKey,
        floor: &RowKey,
    ) -> Result<Option<Row>, StoreError> {
        let Some(plan) = self.plan() else {
            return self.store.last_at_or_before(partition, key, floor).await;
        };
        let made = plan
            .writes
            .range(floor.clone()..=key.clone())
            .rev()
            .find_map(|(key, value)| value.as_ref().map(|value| planned(key, value)));
        let mut bound = key.clone();
        let stored = loop {
            match self.store.last_at_or_before(partition, &bound, floor).await? {
                // Removed by the plan: what lies before it. Only nodes are looked for backwards.
                Some(row) if plan.writes.get(&row.key) == Some(&None) => {
                    match keys::node_prefix(&row.key).and_then(|prefix| keys::before_node(&prefix)) {
                        Some(before) => bound = before,
                        None => break None,
                    }
                }
                found => break found,
            }
        };
        Ok(match (made, stored) {
            (Some(made), Some(stored)) if stored.key > made.key => Some(stored),
            (Some(made), _) => Some(made),
            (None, stored) => stored,
        })
    }

    async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError> {
        self.store.scan_table(after, limit).await
    }

    async fn snapshot(&self) -> Result<Option<Box<dyn Snapshot>>, StoreError> {
        self.store.snapshot().await
    }

    async fn commit(&self, partition: &PartitionKey, writes: Vec<Write>) -> Result<Vec<Etag>, StoreError> {
        self.store.commit(partition, writes).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
