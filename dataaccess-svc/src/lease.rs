//! Leases: a job that one process at a time does, of all that share a store.
//!
//! No two clocks are compared: who wants a lease that another holds watches the row, and takes it over when it has not
//! moved for a lifetime of the watcher's own clock. A holder that stands still for that long and wakes up again may
//! work beside its successor for a moment, so every job must bear that; the lease only saves work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cadastre_storage::{Etag, RowKey, Store, StoreError, Write};
use uuid::Uuid;

use crate::errors::Outcome;
use crate::keys;
use crate::records::{LeaseRecord, decode, encode};

/// One process's part in a lease.
#[derive(Debug)]
pub(crate) struct Lease {
    store: Arc<dyn Store>,
    key: RowKey,
    lifetime: Duration,
    holder: Uuid,
    /// Another's row, and when it was first seen like this.
    seen: Option<(Etag, Instant)>,
}

impl Lease {
    /// For the job of that name.
    pub(crate) fn new(store: Arc<dyn Store>, job: &str, lifetime: Duration) -> Self {
        Self {
            store,
            key: keys::lease(job),
            lifetime,
            holder: Uuid::new_v4(),
            seen: None,
        }
    }

    /// Takes it or renews it; whether this process holds it now.
    pub(crate) async fn hold(&mut self) -> Outcome<bool> {
        let partition = keys::system_partition();
        let found = self.store.get(&partition, &self.key).await?;
        let write = match found {
            None => Write::Create {
                key: self.key.clone(),
                value: self.row(0),
            },
            Some(row) => {
                let record: LeaseRecord = decode(&row.key, &row.value)?;
                if record.holder != self.holder && !self.is_abandoned(&row.etag) {
                    return Ok(false);
                }
                Write::Replace {
                    key: self.key.clone(),
                    value: self.row(record.turn + 1),
                    etag: row.etag,
                }
            }
        };
        match self.store.commit(&partition, vec![write]).await {
            Ok(_) => {
                self.seen = None;
                Ok(true)
            }
            // Another was faster; or nobody knows, and the next turn tells.
            Err(
                StoreError::Exists { .. } | StoreError::Changed { .. } | StoreError::OutcomeUnknown { .. },
            ) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets it go, so that the next one need not wait.
    pub(crate) async fn release(&mut self) -> Outcome<()> {
        let partition = keys::system_partition();
        let Some(row) = self.store.get(&partition, &self.key).await? else {
            return Ok(());
        };
        if decode::<LeaseRecord>(&row.key, &row.value)?.holder != self.holder {
            return Ok(());
        }
        let write = Write::DeleteIf {
            key: row.key,
            etag: row.etag,
        };
        match self.store.commit(&partition, vec![write]).await {
            Ok(_) | Err(StoreError::Changed { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How often a holder renews it.
    pub(crate) fn pace(&self) -> Duration {
        self.lifetime / 4
    }

    fn is_abandoned(&mut self, etag: &Etag) -> bool {
        match &self.seen {
            Some((seen, since)) if seen == etag => since.elapsed() >= self.lifetime,
            Some(_) | None => {
                self.seen = Some((etag.clone(), Instant::now()));
                false
            }
        }
    }

    fn row(&self, turn: u64) -> bytes::Bytes {
        encode(&LeaseRecord {
            v: 1,
            holder: self.holder,
            turn,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cadastre_storage::MemoryStore;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn one_holds_it_until_it_lets_go() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let lease = || Lease::new(Arc::clone(&store), "purge", LONG);
        let (mut one, mut two) = (lease(), lease());
        assert!(one.hold().await.unwrap());
        for _ in 0..3 {
            assert!(!two.hold().await.unwrap());
            assert!(one.hold().await.unwrap());
        }
        two.release().await.unwrap();
        assert!(!two.hold().await.unwrap());
        one.release().await.unwrap();
        assert!(two.hold().await.unwrap());
        assert!(!one.hold().await.unwrap());
        let mut other_job = Lease::new(Arc::clone(&store), "expiry", LONG);
        assert!(other_job.hold().await.unwrap());
    }

    #[tokio::test]
    async fn it_is_taken_over_from_a_holder_that_stands_still_and_only_then() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let lease = || Lease::new(Arc::clone(&store), "purge", Duration::from_millis(50));
        let (mut one, mut two, mut three) = (lease(), lease(), lease());
        assert!(one.hold().await.unwrap());
        assert!(!two.hold().await.unwrap());
        tokio::time::sleep(Duration::from_millis(60)).await;
        // It has moved: the watching begins anew.
        assert!(one.hold().await.unwrap());
        assert!(!two.hold().await.unwrap());
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert!(two.hold().await.unwrap());
        assert!(!one.hold().await.unwrap());
        assert!(!three.hold().await.unwrap());
    }
}
