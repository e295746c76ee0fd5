//! Writing a plan down, and reading it back.

use std::sync::Arc;

use cadastre_storage::{PartitionKey, RowKey, Store, StoreError, Write};
use uuid::Uuid;

use super::super::SpaceHandle;
use super::super::answering::backoff;
use super::Pending;
use crate::errors::Outcome;
use crate::keys;
use crate::records::{PendingRecord, PlanHintRecord, PlanRecord, PlannedWrite, RecordError, decode, encode};
use crate::rows::Overlay;

/// Bytes of a row of a plan, at most: with everything around it one value of any store.
const CHUNK_BYTES: usize = 384 << 10;
/// Tries of a write that may be done again.
const TRIES: u32 = 8;
/// Rows of dead plans that are removed on the way.
const SWEPT: usize = 60;

/// A plan that is written down.
pub(in super::super) struct Prepared {
    /// For the head.
    pub(in super::super) record: PendingRecord,
    /// For those who read.
    pub(in super::super) pending: Pending,
    /// Rows of plans that never became true. They may belong to another process that is still writing them, so they
    /// are removed only together with a change of the head, which that one asserts.
    pub(in super::super) dead: Vec<RowKey>,
}

/// Writes the hint and the plan. Nothing is true yet; what fails has changed nothing.
pub(in super::super) async fn prepare(
    handle: &SpaceHandle,
    plan: Uuid,
    writes: Overlay,
) -> Result<Prepared, StoreError> {
    let limits = handle.store.limits();
    // Beside the head and the journal row.
    let (found, _) = read_plans(handle, SWEPT.min(limits.batch_rows - 2)).await?;
    let chunks = chunks(plan, &writes);
    let count = chunks.len();
    let hint = Write::Put {
        key: keys::plan_hint(handle.id, plan),
        value: encode(&PlanHintRecord { v: 1 }),
    };
    patiently(handle, &keys::system_partition(), &[hint]).await?;
    let mut batch: Vec<Write> = Vec::new();
    let mut bytes = 0;
    for write in chunks {
        let full = batch.len() + 1 > limits.batch_rows || bytes + write.bytes() > limits.batch_bytes / 2;
        if full && !batch.is_empty() {
            patiently(handle, &handle.partition, &batch).await?;
            batch.clear();
            bytes = 0;
        }
        bytes += write.bytes();
        batch.push(write);
    }
    patiently(handle, &handle.partition, &batch).await?;
    Ok(Prepared {
        record: PendingRecord {
            plan,
            chunks: count,
            folded: 0,
        },
        pending: Pending {
            plan,
            writes: Arc::new(writes),
        },
        dead: found,
    })
}

/// Rows of plans that are in the partition now, up to so many, and whether there are more.
pub(super) async fn read_plans(handle: &SpaceHandle, most: usize) -> Result<(Vec<RowKey>, bool), StoreError> {
    let mut range = keys::plans();
    let mut found = Vec::new();
    loop {
        let page = handle.store.scan(&handle.partition, &range, most).await?;
        found.extend(page.rows.into_iter().map(|row| row.key));
        match page.next {
            Some(_) if found.len() >= most => {
                found.truncate(most);
                return Ok((found, true));
            }
            Some(next) => range.start = Some(next),
            None => return Ok((found, false)),
        }
    }
}

/// The rows of a plan.
fn chunks(plan: Uuid, writes: &Overlay) -> Vec<Write> {
    let mut chunks: Vec<Vec<PlannedWrite>> = vec![Vec::new()];
    let mut bytes = 0;
    for (key, value) in writes {
        // Records are JSON, and JSON is UTF-8.
        let text = value
            .as_ref()
            .map(|value| String::from_utf8_lossy(value).into_owned());
        let write = PlannedWrite(key.as_str().to_owned(), text);
        // Quotes are escaped in it: only writing it down says how long it is.
        let size = serde_json::to_string(&write).map_or(0, |text| text.len() + 1);
        if bytes + size > CHUNK_BYTES && chunks.last().is_some_and(|chunk| !chunk.is_empty()) {
            chunks.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(write);
        }
    }
    let put = |(number, writes)| Write::Put {
        key: keys::plan(plan, number),
        value: encode(&PlanRecord { v: 1, writes }),
    };
    chunks.into_iter().enumerate().map(put).collect()
}

/// Commits what may be done twice, until it is known to be done.
async fn patiently(
    handle: &SpaceHandle,
    partition: &PartitionKey,
    writes: &[Write],
) -> Result<(), StoreError> {
    let mut attempt = 0;
    loop {
        match handle.store.commit(partition, writes.to_vec()).await {
            Ok(_) => return Ok(()),
            Err(StoreError::OutcomeUnknown { .. }) if attempt < TRIES => {
                attempt += 1;
                backoff(attempt).await;
            }
            // Nobody reads these rows: whatever became of them, nothing has changed.
            Err(StoreError::OutcomeUnknown { reason, source }) => {
                return Err(StoreError::Unavailable {
                    reason,
                    retry_after: None,
                    source,
                });
            }
            Err(error) => return Err(error),
        }
    }
}

/// The plan that a head names; `None` if its rows are gone, because somebody has finished it meanwhile.
pub(in super::super) async fn load(
    store: &Arc<dyn Store>,
    partition: &PartitionKey,
    record: &PendingRecord,
) -> Outcome<Option<Pending>> {
    let keys: Vec<RowKey> = (0..record.chunks).map(|n| keys::plan(record.plan, n)).collect();
    let mut writes = Overlay::new();
    for row in store.get_many(partition, &keys).await? {
        let Some(row) = row else { return Ok(None) };
        for PlannedWrite(key, text) in decode::<PlanRecord>(&row.key, &row.value)?.writes {
            let key = RowKey::new(&key).map_err(|error| RecordError::Inconsistent {
                key: row.key.clone(),
                reason: error.to_string(),
            })?;
            writes.insert(key, text.map(Into::into));
        }
    }
    Ok(Some(Pending {
        plan: record.plan,
        writes: Arc::new(writes),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_plan_reads_back_as_it_was_however_many_rows_it_takes() {
        let store: Arc<dyn Store> = Arc::new(cadastre_storage::MemoryStore::new());
        let space = Uuid::new_v4();
        let partition = keys::space_partition(space);
        let writes: Overlay = (0..3_000_u64)
            .map(|n| {
                let value = format!(r#"{{"V":1,"T":"\"é\\u2028{}"}}"#, "x".repeat(n as usize % 700));
                (keys::journal(n), (n % 7 > 0).then(|| value.into()))
            })
            .collect();
        let plan = Uuid::new_v4();
        let chunks = chunks(plan, &writes);
        assert!(chunks.len() > 2);
        let record = PendingRecord {
            plan,
            chunks: chunks.len(),
            folded: 0,
        };
        assert!(load(&store, &partition, &record).await.unwrap().is_none());
        store.commit(&partition, chunks).await.unwrap();
        let read = load(&store, &partition, &record).await.unwrap().unwrap();
        assert_eq!(*read.writes, writes);
    }
}
