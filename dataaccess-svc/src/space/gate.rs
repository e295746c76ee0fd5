//! Lets reads of several rows notice that the tree changed under them, without a store access.
//!
//! A sequence lock: the writer makes the number odd before a commit that moves the epoch, and even again when
//! the new head is published. A read notes the number before and after; if it was odd or has moved, the read
//! is done again. After a few tries it takes the lock that such commits hold, so that it cannot starve.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, MutexGuard, Notify};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    sequence: AtomicU64,
    settled: Notify,
    lock: Mutex<()>,
}

/// An epoch-moving commit under way.
pub(crate) struct Moving<'a> {
    gate: &'a Gate,
    _guard: MutexGuard<'a, ()>,
}

impl Gate {
    /// The number now, once no commit is moving the epoch.
    pub(crate) async fn settled(&self) -> u64 {
        loop {
            let notified = self.settled.notified();
            let now = self.sequence.load(Ordering::Acquire);
            if now.is_multiple_of(2) {
                return now;
            }
            notified.await;
        }
    }

    /// Whether nothing has moved since.
    pub(crate) fn unchanged(&self, since: u64) -> bool {
        self.sequence.load(Ordering::Acquire) == since
    }

    /// Keeps commits from moving the epoch while it is held.
    pub(crate) async fn hold(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().await
    }

    /// Begins an epoch-moving commit; dropping the answer ends it.
    pub(crate) async fn begin(&self) -> Moving<'_> {
        let guard = self.lock.lock().await;
        self.sequence.fetch_add(1, Ordering::AcqRel);
        Moving {
            gate: self,
            _guard: guard,
        }
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.gate.sequence.fetch_add(1, Ordering::AcqRel);
        self.gate.settled.notify_waiters();
    }
}
