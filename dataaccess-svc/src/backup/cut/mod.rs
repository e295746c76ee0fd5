//! A consistent reading of a store: every partition as it was at one moment, while servers may write.
//!
//! * Where the store can keep a moment, all of it is of that moment.
//! * Where it cannot, each partition is of a moment of its own, the catalogue's the earliest: a space or a user of the
//!   catalogue has its partition then. What was made later is in the reading without its place in the catalogue, and what
//!   was deleted later with it; [`super::Restore`] mends both.

mod hold;
mod settled;
mod spool;
mod touched;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cadastre_storage::{Etag, MAX_KEY_LEN, PartitionKey, Place, Row, RowKey, Snapshot, Store, TablePage};

use super::digest::Tally;
use super::error::TransferError;
use super::part::{Part, stays};
use super::patience::patiently;
use crate::keys;
use crate::table;
use settled::Settled;

/// Rows asked for in one page.
const PAGE: usize = 1_000;

/// How a partition that others write is brought to rest.
#[derive(Clone, Copy, Debug)]
pub struct CutOptions {
    /// Partitions of up to so many rows are read again as a whole; of larger ones what the journal says has changed.
    pub small_rows: u64,
    /// How often a partition is read again before it is given up.
    pub rounds: u32,
    /// After so many of them the space's writers are asked to wait for a moment.
    pub hold_after: u32,
}

impl Default for CutOptions {
    fn default() -> Self {
        Self {
            small_rows: 5_000,
            rounds: 12,
            hold_after: 4,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Cut {
    way: Way,
    ready: VecDeque<Ready>,
    /// Of the partition that is being given out.
    tally: Tally,
    table_format: u32,
    /// Rows that were read, more than once where others write.
    read: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Way {
    Frozen {
        snapshot: Box<dyn Snapshot>,
        after: Option<Place>,
        /// A partition whose last rows may have been given out.
        open: Option<PartitionKey>,
        done: bool,
    },
    Shared {
        store: Arc<dyn Store>,
        options: CutOptions,
        after: Option<Place>,
        /// The catalogue comes first.
        begun: bool,
        done: bool,
    },
}

/// What can be given out.
#[derive(Debug)]
enum Ready {
    Rows {
        partition: PartitionKey,
        rows: Vec<(RowKey, Bytes)>,
        last: bool,
    },
    Settled(PartitionKey, Box<Settled>),
}

type Group = (PartitionKey, Vec<Row>);

impl Cut {
    /// Begins to read a store.
    ///
    /// # Errors
    /// [`TransferError::Source`] if the table has a newer format or is not whole, [`TransferError::Empty`].
    pub async fn begin(store: Arc<dyn Store>, options: CutOptions) -> Result<Self, TransferError> {
        table::check_table(&*store).await.map_err(TransferError::Source)?;
        let marks = table::marks(&*store).await?;
        // A name that was mistyped would make a backup of nothing.
        if patiently(|| store.scan_table(None, 1)).await?.rows.is_empty() {
            return Err(TransferError::Empty);
        }
        let way = match store.snapshot().await? {
            Some(snapshot) => Way::Frozen {
                snapshot,
                after: None,
                open: None,
                done: false,
            },
            None => Way::Shared {
                store,
                options,
                after: None,
                begun: false,
                done: false,
            },
        };
        Ok(Self {
            way,
            ready: VecDeque::new(),
            tally: Tally::default(),
            table_format: marks
                .format
                .map_or(table::TABLE_FORMAT, |format| format.table_format),
            read: Arc::default(),
        })
    }

    /// The format of the table.
    pub fn table_format(&self) -> u32 {
        self.table_format
    }

    /// How many rows have been read so far, for those who wait; where others write, some are read more than once.
    pub fn rows_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }

    /// All of it is of one moment, not only each partition.
    pub fn is_of_one_moment(&self) -> bool {
        matches!(self.way, Way::Frozen { .. })
    }

    /// The next rows; `None` = there are no more.
    ///
    /// # Errors
    /// The store's, and [`TransferError::Restless`].
    pub async fn next(&mut self) -> Result<Option<Part>, TransferError> {
        loop {
            if let Some(part) = self.give()? {
                return Ok(Some(part));
            }
            let more = match &self.way {
                Way::Frozen { .. } => self.read_frozen().await?,
                Way::Shared { .. } => Box::pin(self.read_shared()).await?,
            };
            if !more {
                return Ok(None);
            }
        }
    }

    /// Gives out what is ready.
    fn give(&mut self) -> Result<Option<Part>, TransferError> {
        let (partition, mut rows, last) = match self.ready.pop_front() {
            None => return Ok(None),
            Some(Ready::Rows {
                partition,
                rows,
                last,
            }) => (partition, rows, last),
            Some(Ready::Settled(partition, mut settled)) => {
                let rows = settled.next_rows()?;
                let last = rows.is_empty();
                if !last {
                    self.ready.push_front(Ready::Settled(partition.clone(), settled));
                }
                (partition, rows, last)
            }
        };
        rows.retain(|(key, _)| !stays(&partition, key));
        for (key, value) in &rows {
            self.tally.add(&partition, key, value);
        }
        let end = last.then(|| std::mem::take(&mut self.tally).end());
        Ok(Some(Part { partition, rows, end }))
    }

    /// Reads a page of a moment; `false` = everything was read.
    async fn read_frozen(&mut self) -> Result<bool, TransferError> {
        let Way::Frozen {
            snapshot,
            after,
            open,
            done,
        } = &mut self.way
        else {
            return Ok(false);
        };
        if *done {
            return Ok(false);
        }
        let page = snapshot.scan_table(after.as_ref(), PAGE).await?;
        self.read.fetch_add(page.rows.len() as u64, Ordering::Relaxed);
        *after = page.next.clone();
        *done = page.next.is_none();
        let groups = grouped(page);
        let end_of = |partition: PartitionKey| Ready::Rows {
            partition,
            rows: Vec::new(),
            last: true,
        };
        let count = groups.len();
        for (at, (partition, rows)) in groups.into_iter().enumerate() {
            if let Some(before) = open.take()
                && before != partition
            {
                self.ready.push_back(end_of(before));
            }
            let last = at + 1 < count || *done;
            if !last {
                *open = Some(partition.clone());
            }
            self.ready.push_back(Ready::Rows {
                partition,
                rows: rows.into_iter().map(|row| (row.key, row.value)).collect(),
                last,
            });
        }
        if *done && let Some(before) = open.take() {
            self.ready.push_back(end_of(before));
        }
        Ok(true)
    }

    /// Reads on in a store that others write.
    ///
    /// Partitions that are together in one page are read twice: if the same versions of the same rows come both times,
    /// they are as they were between. Others are read one by one.
    async fn read_shared(&mut self) -> Result<bool, TransferError> {
        let Way::Shared {
            store,
            options,
            after,
            begun,
            done,
        } = &mut self.way
        else {
            return Ok(false);
        };
        if *done {
            return Ok(false);
        }
        let catalogue = keys::system_partition();
        if !*begun {
            *begun = true;
            let settled = Settled::read(store, &catalogue, options, &self.read).await?;
            self.ready.push_back(Ready::Settled(catalogue, Box::new(settled)));
            return Ok(true);
        }
        let first = patiently(|| store.scan_table(after.as_ref(), PAGE)).await?;
        self.read.fetch_add(first.rows.len() as u64, Ordering::Relaxed);
        let goes_on = first.next.is_some();
        let mut groups = grouped(first);
        let cut_off = if goes_on { groups.pop() } else { None };
        if !groups.is_empty() {
            let again = patiently(|| store.scan_table(after.as_ref(), PAGE)).await?;
            let reached = again.next.clone();
            let again: HashMap<PartitionKey, Vec<Row>> = grouped(again).into_iter().collect();
            for (partition, rows) in groups {
                if partition == catalogue {
                    continue;
                }
                let complete = reached.as_ref().is_none_or(|next| next.partition > partition);
                let same = again
                    .get(&partition)
                    .is_some_and(|rows_again| versions(rows_again).eq(versions(&rows)));
                if complete && same {
                    self.ready.push_back(Ready::Rows {
                        partition,
                        rows: rows.into_iter().map(unheld).collect(),
                        last: true,
                    });
                } else {
                    let settled = Settled::read(store, &partition, options, &self.read).await?;
                    self.ready.push_back(Ready::Settled(partition, Box::new(settled)));
                }
            }
        }
        match cut_off {
            Some((partition, _)) => {
                if partition != catalogue {
                    let settled = Settled::read(store, &partition, options, &self.read).await?;
                    self.ready
                        .push_back(Ready::Settled(partition.clone(), Box::new(settled)));
                }
                *after = Some(behind(partition)?);
            }
            None => *done = true,
        }
        Ok(true)
    }
}

fn versions(rows: &[Row]) -> impl Iterator<Item = (&RowKey, &Etag)> {
    rows.iter().map(|row| (&row.key, &row.etag))
}

/// A row as it is kept: a head without a hold.
fn unheld(row: Row) -> (RowKey, Bytes) {
    if row.key == keys::head()
        && let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_slice(&row.value)
        && fields.remove("Hold").is_some()
    {
        return (row.key, serde_json::Value::Object(fields).to_string().into());
    }
    (row.key, row.value)
}

/// The rows of a page by partition.
fn grouped(page: TablePage) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (partition, row) in page.rows {
        match groups.last_mut() {
            Some((last, rows)) if *last == partition => rows.push(row),
            Some(_) | None => groups.push((partition, vec![row])),
        }
    }
    groups
}

/// Behind every row of a partition.
fn behind(partition: PartitionKey) -> Result<Place, TransferError> {
    let key = RowKey::new("~".repeat(MAX_KEY_LEN)).map_err(std::io::Error::other)?;
    Ok(Place { partition, key })
}
