//! One partition as it was at one moment: read while others write it, then read again where they did.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cadastre_storage::{KeyRange, PartitionKey, RowKey, Store};
use uuid::Uuid;

use super::super::error::TransferError;
use super::super::patience::patiently;
use super::CutOptions;
use super::hold::{Head, Hold};
use super::spool::{Spool, SpoolRows};
use super::touched::{follows, others, touched};
use crate::keys;

/// Rows asked for in one page.
const PAGE: usize = 1_000;
/// Keys that are read again together.
const TOGETHER: usize = 1_000;
/// How long a writer is raced for room to put a hold.
const FOR_THE_HOLD: Duration = Duration::from_secs(20);

/// See the module.
#[derive(Debug)]
pub(super) struct Settled {
    /// All rows but the head, where nothing newer is known.
    base: SpoolRows,
    /// Rows of the kinds that do not follow from the journal, if they were read again.
    others: Option<SpoolRows>,
    /// Rows that were read again one by one; `None` = they are gone.
    again: BTreeMap<RowKey, Option<Bytes>>,
    /// The head of that moment.
    head: Option<Bytes>,
}

impl Settled {
    /// Reads a partition. Without a head its rows are taken as they are read.
    pub(super) async fn read(
        store: &Arc<dyn Store>,
        partition: &PartitionKey,
        options: &CutOptions,
        read: &AtomicU64,
    ) -> Result<Self, TransferError> {
        let mut reading = Reading {
            store,
            read,
            partition,
            base: Spool::new(),
            others: None,
            again: BTreeMap::new(),
        };
        let before = Head::read_settled(store, partition).await?;
        reading.base = reading.scan_all().await?;
        let Some(before) = before else {
            return match Head::read(store, partition).await? {
                // It was made meanwhile.
                Some(_) => Box::pin(Self::read(store, partition, options, read)).await,
                None => reading.settled(None),
            };
        };
        reading.settle(before, options).await
    }

    /// The next rows in order, none when there are no more.
    pub(super) fn next_rows(&mut self) -> Result<Vec<(RowKey, Bytes)>, TransferError> {
        let mut rows = Vec::new();
        let mut bytes = 0;
        while rows.len() < PAGE && bytes < cadastre_storage::VALUE_BYTES {
            let Some((key, value)) = self.next_row()? else {
                break;
            };
            bytes += value.len();
            rows.push((key, value));
        }
        Ok(rows)
    }

    fn next_row(&mut self) -> Result<Option<(RowKey, Bytes)>, TransferError> {
        loop {
            if self.others.is_some() && self.base.peek().is_some_and(|key| !follows(key)) {
                self.base.next()?;
                continue;
            }
            let head = self.head.as_ref().map(|_| keys::head());
            let least = [
                self.base.peek(),
                self.others.as_ref().and_then(SpoolRows::peek),
                self.again.keys().next(),
                head.as_ref(),
            ];
            let Some(key) = least.into_iter().flatten().min().cloned() else {
                return Ok(None);
            };
            // Whoever has that key gives it away; the strongest counts.
            let mut value = None;
            if self.base.peek() == Some(&key) {
                value = self.base.next()?.map(|(_, value)| value);
            }
            if let Some(others) = &mut self.others
                && others.peek() == Some(&key)
            {
                value = others.next()?.map(|(_, value)| value);
            }
            if let Some(again) = self.again.remove(&key) {
                value = again;
            }
            if head.as_ref() == Some(&key) {
                value = self.head.take();
            }
            if let Some(value) = value {
                return Ok(Some((key, value)));
            }
        }
    }
}

/// A partition being read.
struct Reading<'a> {
    store: &'a Arc<dyn Store>,
    partition: &'a PartitionKey,
    read: &'a AtomicU64,
    base: Spool,
    others: Option<Spool>,
    again: BTreeMap<RowKey, Option<Bytes>>,
}

impl Reading<'_> {
    /// Until the head is the same before and behind what was read last.
    async fn settle(mut self, before: Head, options: &CutOptions) -> Result<Settled, TransferError> {
        let mut from = before;
        for round in 0..options.rounds {
            let to = self.settled_head().await?;
            if to.etag == from.etag {
                return self.settled(Some(to));
            }
            let hold = if round >= options.hold_after && self.is_space() {
                Hold::put(self.store, self.partition, FOR_THE_HOLD).await?
            } else {
                None
            };
            let now = hold.as_ref().map_or(to, |hold| hold.head.clone());
            self.read_again(&from, &now, options).await?;
            if let Some(hold) = hold {
                let settled = self.head().await?.etag == now.etag;
                hold.lift(self.store, self.partition).await;
                if settled {
                    return self.settled(Some(now));
                }
            }
            from = now;
        }
        Err(TransferError::Restless(in_words(self.partition)))
    }

    async fn head(&self) -> Result<Head, TransferError> {
        self.there(Head::read(self.store, self.partition).await?)
    }

    async fn settled_head(&self) -> Result<Head, TransferError> {
        self.there(Head::read_settled(self.store, self.partition).await?)
    }

    fn there(&self, head: Option<Head>) -> Result<Head, TransferError> {
        head.ok_or_else(|| TransferError::Row(format!("the head of {} is missing", in_words(self.partition))))
    }

    fn is_space(&self) -> bool {
        Uuid::try_parse(self.partition.as_str()).is_ok()
    }

    /// Brings what was read up to `to`, or further.
    async fn read_again(
        &mut self,
        from: &Head,
        to: &Head,
        options: &CutOptions,
    ) -> Result<(), TransferError> {
        if self.is_space()
            && self.base.rows() > options.small_rows
            && from.tells_of(to)
            && let (Some(after), Some(version)) = (from.version(), to.version())
        {
            match touched(self.store, self.partition, after, version).await {
                Ok(touched) => {
                    let keys: Vec<RowKey> = touched.keys.into_iter().collect();
                    for keys in keys.chunks(TOGETHER) {
                        let rows = patiently(|| self.store.get_many(self.partition, keys)).await?;
                        let rows = rows.into_iter().map(|row| row.map(|row| row.value));
                        self.again.extend(keys.iter().cloned().zip(rows));
                    }
                    let journal = touched.journal.into_iter();
                    self.again.extend(journal.map(|(key, value)| (key, Some(value))));
                    let mut fresh = Spool::new();
                    for range in others() {
                        self.scan(range, &mut fresh).await?;
                    }
                    self.others = Some(fresh);
                    return Ok(());
                }
                // The rows of a space that is being deleted do not fit together; they are read as they are.
                Err(failure) => {
                    tracing::debug!(%failure, partition = %self.partition, "the journal does not help");
                }
            }
        }
        self.base = self.scan_all().await?;
        self.others = None;
        self.again.clear();
        Ok(())
    }

    async fn scan_all(&self) -> Result<Spool, TransferError> {
        let mut spool = Spool::new();
        self.scan(KeyRange::all(), &mut spool).await?;
        Ok(spool)
    }

    async fn scan(&self, mut range: KeyRange, spool: &mut Spool) -> Result<(), TransferError> {
        loop {
            let page = patiently(|| self.store.scan(self.partition, &range, PAGE)).await?;
            self.read.fetch_add(page.rows.len() as u64, Ordering::Relaxed);
            for row in page.rows.iter().filter(|row| row.key != keys::head()) {
                spool.push(row)?;
            }
            match page.next {
                Some(next) => range.start = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn settled(self, head: Option<Head>) -> Result<Settled, TransferError> {
        Ok(Settled {
            base: self.base.read()?,
            others: self.others.map(Spool::read).transpose()?,
            again: self.again,
            head: head.map(|head| head.value()),
        })
    }
}

/// A partition as an operator knows it.
fn in_words(partition: &PartitionKey) -> String {
    match partition.as_str().strip_prefix("user_") {
        Some(name) => format!(
            "the user {}",
            cadastre_storage::unescape(name).unwrap_or_else(|| name.to_owned())
        ),
        None if *partition == keys::system_partition() => "the catalogue of address spaces".to_owned(),
        None => format!("the address space {partition}"),
    }
}
