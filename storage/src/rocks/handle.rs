//! The open database, or why there is none at the moment.
//!
//! After a write whose outcome is unknown, memory and log may disagree: RocksDB shows readers the state
//! without the write, and a restart may find it in the log. So nobody may read until the log has been read
//! again; the database is taken out, and put back once it is reopened (see `committer`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use rocksdb::DB;

use super::open;
use crate::error::StoreError;
use crate::options::RocksOptions;

/// How long closing waits for reads; each takes milliseconds at most.
const LAST_READS: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Handle {
    dir: PathBuf,
    options: RocksOptions,
    /// Held as long as the store is, also while the database is taken out.
    lock: Mutex<Option<File>>,
    state: RwLock<State>,
}

enum State {
    Open(Arc<DB>),
    Out(StoreError),
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open(_) => f.write_str("Open"),
            Self::Out(error) => f.debug_tuple("Out").field(error).finish(),
        }
    }
}

impl Handle {
    pub(super) fn open(dir: PathBuf, options: RocksOptions) -> Result<Self, StoreError> {
        let lock = open::lock(&dir)?;
        let db = open::open(&dir, &options)?;
        let state = RwLock::new(State::Open(Arc::new(db)));
        Ok(Self {
            dir,
            options,
            lock: Mutex::new(Some(lock)),
            state,
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn db(&self) -> Result<Arc<DB>, StoreError> {
        match &*self.state.read() {
            State::Open(db) => Ok(Arc::clone(db)),
            State::Out(error) => Err(error.duplicate()),
        }
    }

    /// Whether that is still the open database.
    pub(super) fn is_open(&self, db: &Arc<DB>) -> bool {
        matches!(&*self.state.read(), State::Open(open) if Arc::ptr_eq(open, db))
    }

    /// From now on every call gets `error`. The database that is taken out closes when it is dropped and the
    /// last read that is under way ends.
    pub(super) fn take_out(&self, error: StoreError) -> Option<Arc<DB>> {
        match std::mem::replace(&mut *self.state.write(), State::Out(error)) {
            State::Open(db) => Some(db),
            State::Out(_) => None,
        }
    }

    /// Reads the directory, logs included, again. The database that was taken out must have closed.
    pub(super) fn put_back(&self) -> Result<(), StoreError> {
        let db = open::open(&self.dir, &self.options)?;
        *self.state.write() = State::Open(Arc::new(db));
        Ok(())
    }

    /// Closes for good, and lets another process have the directory. RocksDB's own threads must have ended when
    /// the process does: they use what its exit takes down. So this waits for reads that are under way.
    pub(super) fn close(&self, error: StoreError) {
        let until = Instant::now() + LAST_READS;
        let mut last = self.take_out(error);
        while let Some(db) = last.take() {
            match Arc::try_unwrap(db) {
                Ok(db) => {
                    db.cancel_all_background_work(true);
                }
                Err(db) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(1));
                    last = Some(db);
                }
                Err(_) => tracing::warn!("the store closes when the last read of it ends"),
            }
        }
        self.lock.lock().take();
    }
}
