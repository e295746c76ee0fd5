//! Azure Table Storage: one table, its partitions and rows as the contract has them (DESIGN §8).
//!
//! Other processes may write the same table, so nothing is remembered here. The service knows no descending order, and
//! a transaction holds 100 rows and 4 MiB.

mod account;
mod entity;
mod failure;
#[cfg(test)]
mod scripted;
mod table;
mod transaction;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::{ExponentialRetryOptions, HttpClient, RetryOptions, TransportOptions};
use azure_data_tables::clients::{TableClient, TableServiceClientBuilder};
use azure_data_tables::{Filter, Top};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value};

use self::failure::{Meaning, TABLE_NOT_FOUND, meaning, unavailable};
use self::wire::{Pause, Wire};
use crate::batch::{PAGE_BYTES, check_batch, check_limit};
use crate::contract::{
    Etag, KeyRange, Limits, Page, Place, Row, Snapshot, Store, TablePage, VALUE_BYTES, Write,
};
use crate::error::{StoreError, corrupt};
use crate::key::{PartitionKey, RowKey};

/// The service's, with room: JSON text inside of JSON is longer than it is here, and each write has a head of its own.
const LIMITS: Limits = Limits {
    batch_rows: 100,
    batch_bytes: 1_750_000,
    value_bytes: VALUE_BYTES,
    backwards: false,
    exclusive: false,
};

/// Point reads under way together for one call.
const READS_TOGETHER: usize = 16;
/// Rows in one answer of the service.
const PAGE_ROWS: usize = 1_000;

/// See the module.
pub struct AzureStore {
    /// Tries again by itself.
    reads: TableClient,
    /// Does not: what becomes of a commit is for the caller to find out.
    commits: TableClient,
    pause: Pause,
}

impl fmt::Debug for AzureStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureStore")
            .field("table", &self.reads.table_name())
            .finish_non_exhaustive()
    }
}

impl AzureStore {
    /// The store in `table` of the account that a connection string describes. Nothing is asked of the service yet:
    /// [`AzureStore::create_table`] and [`Store::ping`] do.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if the connection string or the name of the table cannot be used.
    pub fn new(connection: &str, table: &str) -> Result<Self, StoreError> {
        let pause = Pause::default();
        let wire = Wire::new(pause.clone()).map_err(|error| StoreError::Invalid {
            reason: format!("the HTTP client cannot be made: {error}"),
        })?;
        Self::over(connection, table, Arc::new(wire), pause)
    }

    /// The same over another way to the service.
    fn over(
        connection: &str,
        table: &str,
        way: Arc<dyn HttpClient>,
        pause: Pause,
    ) -> Result<Self, StoreError> {
        account::check_table(table).map_err(|why| StoreError::Invalid {
            reason: format!("--store azure-tables:{table}: {why}"),
        })?;
        let account = account::parse(connection)?;
        let transport = TransportOptions::new(way);
        let client = |retry: RetryOptions| {
            TableServiceClientBuilder::with_location(account.location.clone(), account.credentials.clone())
                .client_options(azure_core::ClientOptions::new(transport.clone()))
                .retry(retry)
                .build()
                .table_client(table)
        };
        let patient = RetryOptions::exponential(
            ExponentialRetryOptions::default()
                .initial_delay(Duration::from_millis(50))
                .max_retries(4_u32)
                .max_total_elapsed(Duration::from_secs(8))
                .max_delay(Duration::from_secs(2)),
        );
        Ok(Self {
            reads: client(patient),
            commits: client(RetryOptions::none()),
            pause,
        })
    }

    /// Makes the table if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with what is wrong.
    pub async fn create_table(&self) -> Result<(), StoreError> {
        match self.commits.create().await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(&error) => Ok(()),
            // A signature that may not make tables is enough for one that is there.
            Err(error) if meaning(&error) == Meaning::Refused => {
                self.look_at_table().await.map_err(may_not_be_made)
            }
            Err(error) => Err(unavailable(error, &self.pause)),
        }
    }

    async fn look_at_table(&self) -> Result<(), StoreError> {
        let mut pages = self
            .commits
            .query()
            .top(Top::new(1))
            .into_stream::<Map<String, Value>>();
        match pages.next().await {
            Some(Err(error)) => Err(unavailable(error, &self.pause)),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    async fn read(&self, partition: &PartitionKey, key: &RowKey) -> Result<Option<Row>, StoreError> {
        let entity = self
            .reads
            .partition_key_client(partition.as_str())
            .entity_client(key.as_str());
        match entity.get::<Map<String, Value>>().await {
            Ok(found) => {
                let stored = entity::decode(found.entity)?;
                Ok(Some(Row {
                    key: key.clone(),
                    value: stored.value.into(),
                    etag: Etag(Bytes::from(found.etag.to_string())),
                }))
            }
            Err(error) if is_absent_row(&error) => Ok(None),
            Err(error) => Err(unavailable(error, &self.pause)),
        }
    }
}

/// A table that is missed by somebody who may not make it.
fn may_not_be_made(error: StoreError) -> StoreError {
    let StoreError::Unavailable {
        mut reason,
        retry_after,
        source,
    } = error
    else {
        return error;
    };
    if reason.contains(TABLE_NOT_FOUND) {
        reason.push_str(
            ", and this account key or shared access signature may not make it; make the table, or allow that (create)",
        );
    }
    StoreError::Unavailable {
        reason,
        retry_after,
        source,
    }
}

/// No such row, in a table that is there.
fn is_absent_row(error: &azure_core::Error) -> bool {
    let code = error.as_http_error().and_then(|http| http.error_code());
    meaning(error) == Meaning::NotFound && code != Some(TABLE_NOT_FOUND)
}

fn is_conflict(error: &azure_core::Error) -> bool {
    error
        .as_http_error()
        .is_some_and(|http| u16::from(http.status()) == 409 && http.error_code() != Some("TableBeingDeleted"))
}

/// A version as the service wrote it.
fn text_of(etag: &Etag) -> Option<&str> {
    std::str::from_utf8(&etag.0).ok()
}

/// The rows of a range. Keys hold no quotes, so they need no escaping.
fn filter(partition: &PartitionKey, range: &KeyRange) -> Filter {
    let mut filter = format!("PartitionKey eq '{partition}'");
    if let Some(start) = &range.start {
        filter.push_str(&format!(" and RowKey ge '{start}'"));
    }
    if let Some(end) = &range.end {
        filter.push_str(&format!(" and RowKey lt '{end}'"));
    }
    Filter::new(filter)
}

#[async_trait]
impl Store for AzureStore {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn get(&self, partition: &PartitionKey, key: &RowKey) -> Result<Option<Row>, StoreError> {
        self.read(partition, key).await
    }

    async fn get_many(
        &self,
        partition: &PartitionKey,
        keys: &[RowKey],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        // Many point reads side by side: the service answers a filter over many keys by reading the partition.
        futures::stream::iter(keys.to_vec())
            .map(|key| async move { self.read(partition, &key).await })
            .buffered(READS_TOGETHER)
            .try_collect()
            .await
    }

    async fn scan(
        &self,
        partition: &PartitionKey,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Page, StoreError> {
        check_limit(limit)?;
        if let (Some(start), Some(end)) = (&range.start, &range.end)
            && start >= end
        {
            return Ok(Page {
                rows: Vec::new(),
                next: None,
            });
        }
        // One row more says where to go on; the service's own cursors do not survive a restart of the caller.
        let wanted = limit.saturating_add(1);
        let mut pages = self
            .reads
            .query()
            .filter(filter(partition, range))
            .top(Top::new(wanted.min(PAGE_ROWS) as u32))
            .into_stream::<Map<String, Value>>();
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < wanted && (bytes < PAGE_BYTES || rows.len() < 2) {
            let Some(page) = pages.next().await else { break };
            let page = page.map_err(|error| unavailable(error, &self.pause))?;
            for entity in page.entities {
                let stored = entity::decode(entity)?;
                bytes += stored.value.len();
                rows.push(row(stored)?);
            }
        }
        let kept = if rows.len() > limit {
            limit
        } else if rows.len() >= 2 && bytes >= PAGE_BYTES {
            rows.len() - 1
        } else {
            rows.len()
        };
        let next = rows.get(kept).map(|row| row.key.clone());
        rows.truncate(kept);
        Ok(Page { rows, next })
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
        check_limit(limit)?;
        self.page_of_table(after, limit).await
    }

    async fn snapshot(&self) -> Result<Option<Box<dyn Snapshot>>, StoreError> {
        Ok(None)
    }

    async fn commit(&self, partition: &PartitionKey, writes: Vec<Write>) -> Result<Vec<Etag>, StoreError> {
        check_batch(&LIMITS, &writes)?;
        self.transact(partition, &writes).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        match self.look_at_table().await {
            Ok(()) => Ok(()),
            // It was deleted, or never made because the service was away.
            Err(StoreError::Unavailable { .. }) => self.create_table().await,
            Err(error) => Err(error),
        }
    }

    async fn close(&self) {}
}

fn row(stored: entity::Stored) -> Result<Row, StoreError> {
    let damaged = |what: &str| corrupt(format!("the entity of row {} {what}", stored.row_key), None);
    Ok(Row {
        key: RowKey::new(&stored.row_key).map_err(|_| damaged("has a key that is not ours"))?,
        etag: Etag(Bytes::from(
            stored.etag.clone().ok_or_else(|| damaged("has no version"))?,
        )),
        value: stored.value.into(),
    })
}
