//! Commits on their way to the commit thread, with a bound on what may wait there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::codec::RawEtag;
use crate::contract::Etag;
use crate::error::StoreError;
use crate::key::RowKey;

/// What one group may hold. More would not be faster (a sync is a fraction of the cost by then), and
/// everybody in the group waits for all of it.
const GROUP_ROWS: usize = 8192;
const GROUP_BYTES: usize = 16 << 20;

/// KiB of commits that may wait; who comes later waits outside, where dropping the call costs nothing.
const WAITING_KIB: u32 = 64 << 10;

/// One write, encoded on the caller's thread so that the commit thread has less to do.
pub(super) struct Planned {
    pub(super) row: RowKey,
    pub(super) key: Vec<u8>,
    pub(super) must: Must,
    /// The stored value with its etag in front, `None` = deletion.
    pub(super) value: Option<Vec<u8>>,
}

/// What must be true of the row before.
pub(super) enum Must {
    BeAbsent,
    BeAt(Etag),
    Anything,
}

impl Planned {
    /// Version of the row after this write.
    pub(super) fn new_etag(&self) -> Option<RawEtag> {
        self.value.as_ref().and_then(|value| value.first_chunk().copied())
    }
}

/// One commit and whom to tell.
pub(super) struct Job {
    pub(super) writes: Vec<Planned>,
    pub(super) bytes: usize,
    pub(super) etags: Vec<Etag>,
    pub(super) answer: oneshot::Sender<Result<Vec<Etag>, StoreError>>,
    /// Given back when the job is done.
    pub(super) room: OwnedSemaphorePermit,
}

#[derive(Debug)]
pub(super) struct Queue {
    room: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting")
            .field("jobs", &self.jobs.len())
            .field("closed", &self.closed)
            .finish()
    }
}

/// What the commit thread got.
pub(super) enum Taken {
    Jobs(Vec<Job>),
    TimedOut,
    Closed,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(WAITING_KIB as usize)),
            waiting: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Waits for room for a commit of so many bytes; `None` = closed.
    pub(super) async fn room_for(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(bytes / 1024 + 1)
            .unwrap_or(WAITING_KIB)
            .min(WAITING_KIB);
        Arc::clone(&self.room).acquire_many_owned(kib).await.ok()
    }

    /// Hands a job over; gives it back if the queue is closed.
    pub(super) fn push(&self, job: Job) -> Result<(), Job> {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Err(job);
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for jobs and takes as many as one group may hold. Once closed, what waits is still handed out.
    pub(super) fn take(&self, at_most: Option<Duration>) -> Taken {
        let mut waiting = self.waiting.lock();
        while waiting.jobs.is_empty() {
            if waiting.closed {
                return Taken::Closed;
            }
            match at_most {
                None => self.changed.wait(&mut waiting),
                Some(time) => {
                    if self.changed.wait_for(&mut waiting, time).timed_out() {
                        return Taken::TimedOut;
                    }
                }
            }
        }
        let (mut rows, mut bytes) = (0, 0);
        let fits = waiting
            .jobs
            .iter()
            .take_while(|job| {
                rows += job.writes.len();
                bytes += job.bytes;
                rows <= GROUP_ROWS && bytes <= GROUP_BYTES
            })
            .count();
        // A commit within the limits fits alone, whatever these say.
        Taken::Jobs(waiting.jobs.drain(..fits.max(1)).collect())
    }

    /// Nothing more comes in.
    pub(super) fn close(&self) {
        self.room.close();
        self.waiting.lock().closed = true;
        self.changed.notify_all();
    }

    /// Nothing more comes in, and what waits is dropped (its callers see that as an unknown outcome).
    pub(super) fn abandon(&self) {
        self.close();
        self.waiting.lock().jobs.clear();
    }
}
