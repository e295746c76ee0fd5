//! Fills an empty store. Until the end a mark says that it is not whole, and no server serves it.
//!
//! What was broken off is gone on with by doing it again: what is there already is compared with what should be, and only
//! the difference is written. So it does not matter where it broke off, nor whether a source that is alive has changed.

mod mend;
mod merge;
mod verify;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use cadastre_storage::{Limits, PartitionKey, RowKey, Store, StoreError, Write};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use self::mend::Mend;
use self::merge::Merge;
use super::digest::Tally;
use super::error::TransferError;
use super::part::{Part, stays};
use super::patience::patiently;
use crate::clock::micros;
use crate::keys;
use crate::records::{RestoringRecord, encode};
use crate::table;

/// Batches that are written side by side.
const TOGETHER: usize = 16;
/// Rows in one batch, where the store would take more.
const BATCH_ROWS: usize = 1_000;
/// Bytes in one batch, where the store would take more.
const BATCH_BYTES: usize = 4 << 20;

/// See the module.
pub struct Restore {
    target: Arc<dyn Store>,
    limits: Limits,
    seed: Uuid,
    /// An earlier run has begun it.
    resumes: bool,
    /// The partition that is being taken in, what it comes to, and what an earlier run has left of it.
    open: Option<(PartitionKey, Tally, Option<Merge>)>,
    /// What each partition must come to.
    expected: BTreeMap<PartitionKey, Tally>,
    batch: Vec<Write>,
    batch_bytes: usize,
    flying: FuturesUnordered<BoxFuture<'static, Result<(), StoreError>>>,
    mend: Mend,
    done: Restored,
}

impl std::fmt::Debug for Restore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restore")
            .field("target", &self.target)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Partitions that were taken in.
    pub partitions: u64,
    /// Rows that were taken in.
    pub rows: u64,
    /// Rows that were written: fewer if an earlier run had written some.
    pub written: u64,
    /// Rows that an earlier run had written and that are not in the source any more.
    pub removed: u64,
    /// Rows that were added so that partitions of different moments fit together.
    pub mended: u64,
}

impl Restore {
    /// Marks an empty store as being filled from `origin`, or goes on with one that is marked so.
    ///
    /// # Errors
    /// [`TransferError::NotEmpty`], [`TransferError::AnotherOrigin`].
    pub async fn begin(
        target: Arc<dyn Store>,
        origin: &str,
        table_format: u32,
    ) -> Result<Self, TransferError> {
        let system = keys::system_partition();
        let (seed, resumes) = loop {
            if let Some(mark) = table::marks(&*target).await?.restoring {
                if mark.origin == origin {
                    break (mark.seed, true);
                }
                return Err(TransferError::AnotherOrigin {
                    found: mark.origin,
                    started: mark.started_on,
                    wanted: origin.to_owned(),
                });
            }
            let page = patiently(|| target.scan_table(None, 1)).await?;
            if let Some((partition, row)) = page.rows.into_iter().next() {
                return Err(TransferError::NotEmpty {
                    partition: partition.to_string(),
                    key: row.key.to_string(),
                });
            }
            let mark = RestoringRecord {
                v: 1,
                origin: origin.to_owned(),
                seed: Uuid::new_v4(),
                started_on: micros(Timestamp::now()),
            };
            let writes = vec![
                table::format_row(table_format),
                Write::Create {
                    key: keys::restoring(),
                    value: encode(&mark),
                },
            ];
            match target.commit(&system, writes).await {
                Ok(_) => break (mark.seed, false),
                // Somebody else was faster, or nobody knows: it is looked at again.
                Err(StoreError::Exists { .. } | StoreError::OutcomeUnknown { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        };
        Ok(Self {
            limits: target.limits(),
            target,
            seed,
            resumes,
            open: None,
            expected: BTreeMap::new(),
            batch: Vec::new(),
            batch_bytes: 0,
            flying: FuturesUnordered::new(),
            mend: Mend::default(),
            done: Restored::default(),
        })
    }

    /// Whether an earlier run has begun it.
    pub fn resumes(&self) -> bool {
        self.resumes
    }

    /// How far it is.
    pub fn done(&self) -> Restored {
        self.done
    }

    /// Takes rows in. What it has taken may not be written yet.
    ///
    /// # Errors
    /// The store's. It can be gone on with by another run.
    pub async fn take(&mut self, part: Part) -> Result<(), TransferError> {
        let Part { partition, rows, end } = part;
        if self.open.as_ref().is_none_or(|(open, ..)| *open != partition) {
            self.flush().await?;
            let merge = self.resumes.then(|| Merge::new(partition.clone()));
            self.open = Some((partition.clone(), Tally::default(), merge));
        }
        for (key, value) in rows {
            if stays(&partition, &key) {
                continue;
            }
            self.take_row(&partition, key, value).await?;
        }
        if end.is_some()
            && let Some((partition, tally, merge)) = self.open.take()
        {
            if let Some(mut merge) = merge {
                for key in merge.rest(&*self.target).await? {
                    self.remove(key).await?;
                }
            }
            self.flush_of(&partition).await?;
            self.expected.insert(partition, tally);
            self.done.partitions += 1;
        }
        Ok(())
    }

    async fn take_row(
        &mut self,
        partition: &PartitionKey,
        key: RowKey,
        value: Bytes,
    ) -> Result<(), TransferError> {
        self.done.rows += 1;
        self.mend.see(partition, &key, &value);
        let value = if key == keys::head() {
            reborn(&value, self.seed, partition)
        } else {
            value
        };
        let Some((_, tally, merge)) = &mut self.open else {
            return Ok(());
        };
        tally.add(partition, &key, &value);
        if let Some(merge) = merge {
            let (gone, is_there) = merge.meet(&*self.target, &key, &value).await?;
            for key in gone {
                self.remove(key).await?;
            }
            if is_there {
                return Ok(());
            }
        }
        self.done.written += 1;
        self.write(Write::Put { key, value }).await
    }

    async fn remove(&mut self, key: RowKey) -> Result<(), TransferError> {
        self.done.removed += 1;
        self.write(Write::Delete { key }).await
    }

    async fn write(&mut self, write: Write) -> Result<(), TransferError> {
        let bytes = write.bytes();
        let full = self.batch.len() >= self.limits.batch_rows.min(BATCH_ROWS)
            || self.batch_bytes + bytes > self.limits.batch_bytes.min(BATCH_BYTES);
        if full {
            self.flush().await?;
        }
        self.batch_bytes += bytes;
        self.batch.push(write);
        Ok(())
    }

    /// Sends what has been gathered of the open partition.
    async fn flush(&mut self) -> Result<(), TransferError> {
        match self.open.as_ref().map(|(partition, ..)| partition.clone()) {
            Some(partition) => self.flush_of(&partition).await,
            None => Ok(()),
        }
    }

    async fn flush_of(&mut self, partition: &PartitionKey) -> Result<(), TransferError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        while self.flying.len() >= TOGETHER {
            self.land().await?;
        }
        let writes = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let (target, partition) = (Arc::clone(&self.target), partition.clone());
        // Rows may land in any order: nobody reads them before the end.
        self.flying.push(Box::pin(async move {
            patiently(|| target.commit(&partition, writes.clone()))
                .await
                .map(drop)
        }));
        // What flies goes on while the next rows are read only if it is looked at now and then.
        futures::future::poll_fn(|context| {
            while let std::task::Poll::Ready(Some(landed)) = self.flying.poll_next_unpin(context) {
                if let Err(error) = landed {
                    return std::task::Poll::Ready(Err(error));
                }
            }
            std::task::Poll::Ready(Ok(()))
        })
        .await?;
        Ok(())
    }

    async fn land(&mut self) -> Result<(), TransferError> {
        if let Some(landed) = self.flying.next().await {
            landed?;
        }
        Ok(())
    }

    /// Everything was taken in: makes partitions of different moments fit together, compares what is in the target with
    /// what should be, and takes the mark away. `tell` hears how many rows have been compared.
    ///
    /// # Errors
    /// [`TransferError::Differs`]; the mark stays then.
    pub async fn finish(mut self, tell: impl Fn(u64) + Send) -> Result<Restored, TransferError> {
        self.flush().await?;
        while !self.flying.is_empty() {
            self.land().await?;
        }
        let system = keys::system_partition();
        let additions = self.mend.additions(micros(Timestamp::now()));
        self.done.mended = additions.len() as u64;
        let tally = self.expected.entry(system.clone()).or_default();
        for (key, value) in &additions {
            tally.add(&system, key, value);
        }
        for chunk in additions.chunks(self.limits.batch_rows.min(BATCH_ROWS)) {
            let writes: Vec<Write> = chunk
                .iter()
                .map(|(key, value)| Write::Put {
                    key: key.clone(),
                    value: value.clone(),
                })
                .collect();
            patiently(|| self.target.commit(&system, writes.clone())).await?;
        }
        verify::verify(&*self.target, &self.expected, tell).await?;
        let end = vec![Write::Delete {
            key: keys::restoring(),
        }];
        patiently(|| self.target.commit(&system, end.clone())).await?;
        Ok(self.done)
    }
}

/// A head in its new life: cursors, events and caches of before do not fit it. One that has no incarnation stays as it is.
fn reborn(value: &Bytes, seed: Uuid, partition: &PartitionKey) -> Bytes {
    let Ok(mut head) = serde_json::from_slice::<Map<String, Value>>(value) else {
        return value.clone();
    };
    head.remove("Hold");
    if head.contains_key("Incarnation") {
        // From the seed, so that going on gives the same.
        let mut hash = Sha256::new();
        hash.update(seed.as_bytes());
        hash.update(partition.as_str());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        let incarnation = uuid::Builder::from_random_bytes(bytes).into_uuid();
        head.insert("Incarnation".to_owned(), Value::String(incarnation.to_string()));
    }
    Value::Object(head).to_string().into()
}
