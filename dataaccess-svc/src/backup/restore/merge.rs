//! What an earlier run has left of a partition, beside what should be there. Both come in the order of their keys.

use std::collections::VecDeque;

use bytes::Bytes;
use cadastre_storage::{KeyRange, PartitionKey, Row, RowKey, Store, StoreError};
use serde_json::Value;

use super::super::part::stays;
use super::super::patience::patiently;

/// Rows that are read at a time.
const PAGE: usize = 1_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Merge {
    partition: PartitionKey,
    page: VecDeque<Row>,
    /// Where the next page begins; `None` = there is none.
    next: Option<KeyRange>,
}

impl Merge {
    pub(super) fn new(partition: PartitionKey) -> Self {
        Self {
            partition,
            page: VecDeque::new(),
            next: Some(KeyRange::all()),
        }
    }

    async fn peek(&mut self, target: &dyn Store) -> Result<Option<&Row>, StoreError> {
        while self.page.is_empty() {
            let Some(range) = self.next.take() else { break };
            let found = patiently(|| target.scan(&self.partition, &range, PAGE)).await?;
            self.next = found.next.map(KeyRange::starting_at);
            let partition = &self.partition;
            self.page
                .extend(found.rows.into_iter().filter(|row| !stays(partition, &row.key)));
        }
        Ok(self.page.front())
    }

    /// Rows before this one, which should not be there, and whether this one is there as it should be.
    pub(super) async fn meet(
        &mut self,
        target: &dyn Store,
        key: &RowKey,
        value: &[u8],
    ) -> Result<(Vec<RowKey>, bool), StoreError> {
        let mut gone = Vec::new();
        while let Some(row) = self.peek(target).await? {
            if row.key > *key {
                break;
            }
            let is_it = row.key == *key;
            let Some(row) = self.page.pop_front() else { break };
            if is_it {
                return Ok((gone, is_equal(&row.value, value)));
            }
            gone.push(row.key);
        }
        Ok((gone, false))
    }

    /// Rows that should not be there behind the last one.
    pub(super) async fn rest(&mut self, target: &dyn Store) -> Result<Vec<RowKey>, StoreError> {
        let mut gone = Vec::new();
        while self.peek(target).await?.is_some() {
            gone.extend(self.page.drain(..).map(|row| row.key));
        }
        Ok(gone)
    }
}

/// The same object, however it is written.
fn is_equal(one: &Bytes, other: &[u8]) -> bool {
    if one == other {
        return true;
    }
    let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    parsed(one).is_some_and(|one| Some(one) == parsed(other))
}
