//! The open database, or why there is none at the moment.
//!
//! After a write whose outcome is unknown, memory and log may disagree: RocksDB shows readers the state
//! without the write, and a restart may find it in the log. So nobody may read until the log has been read
//! again; the database is taken out, and put back once it is reopened (see `committer`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use rocksdb::DB;

use super::open;
use crate::error::StoreError;
use crate::options::RocksOptions;

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

    /// Closes for good, and lets another process have the directory.
    pub(super) fn close(&self, error: StoreError) {
        drop(self.take_out(error));
        self.lock.lock().take();
    }
}
