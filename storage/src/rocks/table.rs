//! Reading all rows, now or as they were at one moment.
//!
//! A snapshot of RocksDB borrows the database, so it lives on a thread of its own and answers page by page. The thread
//! lets go of the database when the store closes or reads its log again: both wait for the last who holds it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use async_trait::async_trait;
use rocksdb::{DB, DBRawIterator, ReadOptions};
use tokio::sync::oneshot;

use super::codec::{behind, decode_place, decode_row};
use super::error::{of_read, unavailable};
use super::handle::Handle;
use crate::batch::{PAGE_BYTES, check_limit};
use crate::contract::{Place, Snapshot, TablePage};
use crate::error::StoreError;

/// How soon the thread of a snapshot notices that the database is to go.
const LOOK: Duration = Duration::from_millis(50);

/// A page of all rows through an iterator over them.
pub(super) fn read_table<'a>(
    iterator: impl FnOnce(ReadOptions) -> DBRawIterator<'a>,
    after: Option<&Place>,
    limit: usize,
) -> Result<TablePage, StoreError> {
    check_limit(limit)?;
    let mut options = ReadOptions::default();
    if let Some(place) = after {
        options.set_iterate_lower_bound(behind(place));
    }
    options.set_total_order_seek(true);
    options.set_verify_checksums(true);
    // Everything is read once: what is asked for all the time stays in the cache.
    options.fill_cache(false);
    let mut iterator = iterator(options);
    iterator.seek_to_first();
    let mut page = TablePage {
        rows: Vec::new(),
        next: None,
    };
    let (mut bytes, mut last) = (0, None);
    while let Some((key, stored)) = iterator.item() {
        if page.rows.len() == limit || bytes >= PAGE_BYTES {
            page.next = last;
            break;
        }
        bytes += key.len() + stored.len();
        let place = decode_place(key)?;
        let row = decode_row(place.key.clone(), stored)?;
        page.rows.push((place.partition.clone(), row));
        last = Some(place);
        iterator.next();
    }
    // An iterator that met an error just ends, and half a table must not pass for all of it.
    iterator.status().map_err(|e| of_read("scanning the table", e))?;
    Ok(page)
}

struct Question {
    after: Option<Place>,
    limit: usize,
    answer: oneshot::Sender<Result<TablePage, StoreError>>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Frozen {
    questions: Sender<Question>,
}

impl Frozen {
    /// The rows as they are now.
    pub(super) async fn take(handle: Arc<Handle>) -> Result<Self, StoreError> {
        let db = handle.db()?;
        let (questions, asked) = channel();
        let (sender, taken) = oneshot::channel();
        std::thread::Builder::new()
            .name("store-snapshot".to_owned())
            .spawn(move || serve(&handle, &db, sender, &asked))
            .map_err(|error| {
                unavailable("starting the thread of a snapshot".to_owned(), Some(error.into()))
            })?;
        // It counts from here on.
        taken.await.map_err(|_| gone())?;
        Ok(Self { questions })
    }
}

fn serve(handle: &Handle, db: &Arc<DB>, taken: oneshot::Sender<()>, asked: &Receiver<Question>) {
    let snapshot = db.snapshot();
    if taken.send(()).is_err() {
        return;
    }
    while handle.is_open(db) {
        match asked.recv_timeout(LOOK) {
            Ok(question) => {
                let page = read_table(
                    |options| snapshot.raw_iterator_opt(options),
                    question.after.as_ref(),
                    question.limit,
                );
                // Who asked may have gone.
                let _ = question.answer.send(page);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn gone() -> StoreError {
    unavailable(
        "the store was closed or opened again, and the snapshot is gone".to_owned(),
        None,
    )
}

#[async_trait]
impl Snapshot for Frozen {
    async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError> {
        let (answer, answered) = oneshot::channel();
        let question = Question {
            after: after.cloned(),
            limit,
            answer,
        };
        self.questions.send(question).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}
