//! Heads, what of them says that nothing has changed, and the hold: a mark in the head of a space that makes writers
//! wait for a moment. They have to read it, because writing it makes their next commit fail; each waits once, by its
//! own clock, and then overwrites it. So a backup that dies holds up nobody for longer than that.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cadastre_storage::{Etag, PartitionKey, Store, StoreError, Write};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::error::TransferError;
use super::super::patience::patiently;
use crate::keys;

/// Tries to get between two commits of a busy writer.
const TRIES: u32 = 64;
/// Between two looks at a fold, and how many that see nothing new are enough.
const LOOK: Duration = Duration::from_millis(20);
const STANDSTILL: u32 = 25;
/// Fields of a space's head whose meaning is known here.
const KNOWN: [&str; 17] = [
    "BookCommit",
    "BookVersion",
    "V",
    "Version",
    "Epoch",
    "EpochCommit",
    "LastPlan",
    "TagsCommit",
    "TagsVersion",
    "Incarnation",
    "State",
    "Counts4",
    "Counts6",
    "CommitId",
    "LastTime",
    "Pruned",
    "Hold",
];

/// A head as it was read.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) etag: Etag,
    fields: Map<String, Value>,
}

impl Head {
    /// Reads the head of a partition, if it has one.
    pub(super) async fn read(
        store: &Arc<dyn Store>,
        partition: &PartitionKey,
    ) -> Result<Option<Self>, TransferError> {
        let key = keys::head();
        let row = patiently(|| store.get(partition, &key)).await?;
        row.map(|row| Self::of(row.etag, &row.value)).transpose()
    }

    /// The same, when a command that is being folded in is in its place: a moment in the middle of that can be kept too, but
    /// not followed by the journal. A fold that does not come forward is not waited for: nobody may be there to go on with it.
    pub(super) async fn read_settled(
        store: &Arc<dyn Store>,
        partition: &PartitionKey,
    ) -> Result<Option<Self>, TransferError> {
        let mut seen: Option<(Etag, u32)> = None;
        loop {
            let head = Self::read(store, partition).await?;
            let Some(pending) = head.as_ref().filter(|head| head.fields.contains_key("Pending")) else {
                return Ok(head);
            };
            let looks = match seen {
                Some((etag, looks)) if etag == pending.etag => looks + 1,
                Some(_) | None => 1,
            };
            if looks > STANDSTILL {
                return Ok(head);
            }
            seen = Some((pending.etag.clone(), looks));
            tokio::time::sleep(LOOK).await;
        }
    }

    fn of(etag: Etag, value: &[u8]) -> Result<Self, TransferError> {
        let fields = serde_json::from_slice(value)
            .map_err(|error| TransferError::Row(format!("a head cannot be read: {error}")))?;
        Ok(Self { etag, fields })
    }

    pub(super) fn version(&self) -> Option<u64> {
        self.fields.get("Version").and_then(Value::as_u64)
    }

    /// Whether the journal tells all that has changed from one to the other. Heads of the same version may differ, but then
    /// nothing has changed that it would have to tell.
    pub(super) fn tells_of(&self, later: &Self) -> bool {
        let known = |head: &Self| head.fields.keys().all(|field| KNOWN.contains(&field.as_str()));
        let same_life = self.fields.get("Incarnation") == later.fields.get("Incarnation");
        known(self) && known(later) && same_life && self.version() <= later.version()
    }

    /// As it is kept: without a hold.
    pub(super) fn value(&self) -> Bytes {
        let mut fields = self.fields.clone();
        fields.remove("Hold");
        Value::Object(fields).to_string().into()
    }
}

/// A head with our hold in it.
#[derive(Debug)]
pub(super) struct Hold {
    /// As it is in the store.
    pub(super) head: Head,
}

impl Hold {
    /// Puts a hold into the head as soon as there is room between two commits; `None` if there is not, or the store may
    /// not be written.
    pub(super) async fn put(
        store: &Arc<dyn Store>,
        partition: &PartitionKey,
        patience: Duration,
    ) -> Result<Option<Self>, TransferError> {
        let mark = Value::String(Uuid::new_v4().to_string());
        let until = tokio::time::Instant::now() + patience;
        for _ in 0..TRIES {
            let Some(mut head) = Head::read(store, partition).await? else {
                return Ok(None);
            };
            head.fields.insert("Hold".to_owned(), mark.clone());
            match write(store, partition, &head, Value::Object(head.fields.clone())).await {
                Ok(etag) => {
                    head.etag = etag;
                    return Ok(Some(Self { head }));
                }
                Err(StoreError::Changed { .. }) if tokio::time::Instant::now() < until => {}
                // Also when nobody knows whether it was put: it does no harm.
                Err(error) => {
                    tracing::debug!(%error, %partition, "no hold could be put");
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    /// Takes it out again. Who does not get to it leaves it to the writers.
    pub(super) async fn lift(self, store: &Arc<dyn Store>, partition: &PartitionKey) {
        let mut fields = self.head.fields.clone();
        fields.remove("Hold");
        let _ = write(store, partition, &self.head, Value::Object(fields)).await;
    }
}

async fn write(
    store: &Arc<dyn Store>,
    partition: &PartitionKey,
    over: &Head,
    fields: Value,
) -> Result<Etag, StoreError> {
    let write = Write::Replace {
        key: keys::head(),
        value: fields.to_string().into(),
        etag: over.etag.clone(),
    };
    let etags = store.commit(partition, vec![write]).await?;
    etags
        .into_iter()
        .next()
        .ok_or(StoreError::Changed { key: keys::head() })
}
