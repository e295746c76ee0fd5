//! The commit thread: takes what has accumulated while the last sync ran, writes it as one batch with one
//! sync, and only then answers. That is group commit; under load it is worth a factor of 30.
//!
//! A thread and not a task, because it spends its life in blocking calls. There is one, so a group is
//! decided on everything before it, and at most one record of the log is ever unacknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rocksdb::{DB, WriteOptions};

use super::error::{of_write, unavailable};
use super::group::{Verdict, decide};
use super::handle::Handle;
use super::queue::{Job, Queue, Taken};
use crate::error::StoreError;

/// Between two attempts to open the database again.
const REOPEN_EVERY: Duration = Duration::from_millis(500);
/// While a read may still hold the old one.
const REOPEN_SOON: Duration = Duration::from_millis(10);

/// How commits were grouped since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitStats {
    /// Synced writes.
    pub groups: u64,
    /// Commits in them.
    pub commits: u64,
    /// Rows in them.
    pub rows: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    groups: AtomicU64,
    commits: AtomicU64,
    rows: AtomicU64,
}

impl Counts {
    pub(super) fn read(&self) -> CommitStats {
        CommitStats {
            groups: self.groups.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
        }
    }
}

pub(super) struct Committer {
    pub(super) handle: Arc<Handle>,
    pub(super) queue: Arc<Queue>,
    pub(super) counts: Arc<Counts>,
}

impl Drop for Committer {
    /// Also when a panic ends the thread: nobody shall wait for an answer that cannot come.
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

/// Tells the caller; one that has gone is told nothing, and its commit stands.
fn answer(job: Job, result: Result<(), StoreError>) {
    let Job {
        etags, answer, room, ..
    } = job;
    drop(room);
    let _ = answer.send(result.map(|()| etags));
}

fn answer_all(jobs: Vec<Job>, error: &StoreError) {
    for job in jobs {
        answer(job, Err(error.duplicate()));
    }
}

impl Committer {
    /// Runs until the queue is closed and empty.
    pub(super) fn run(self) {
        loop {
            match self.queue.take(None) {
                Taken::Jobs(jobs) => self.commit(jobs),
                Taken::TimedOut => {}
                Taken::Closed => return,
            }
        }
    }

    fn commit(&self, jobs: Vec<Job>) {
        let db = match self.handle.db() {
            Ok(db) => db,
            Err(error) => return answer_all(jobs, &error),
        };
        let decision = decide(&db, &jobs);
        let accepted = decision
            .verdicts
            .iter()
            .filter(|verdict| matches!(verdict, Verdict::Accepted))
            .count();
        let written = if accepted == 0 {
            Ok(())
        } else {
            let mut synced = WriteOptions::default();
            synced.set_sync(true);
            let start = Instant::now();
            let written = db.write_opt(decision.batch, &synced);
            metrics::histogram!("cadastre_store_sync_seconds").record(start.elapsed().as_secs_f64());
            written
        };
        drop(db);
        match written {
            Ok(()) => {
                if accepted > 0 {
                    self.count(accepted, decision.rows);
                }
                for (job, verdict) in jobs.into_iter().zip(decision.verdicts) {
                    match verdict {
                        Verdict::Accepted => answer(job, Ok(())),
                        Verdict::Refused(error) | Verdict::RefusedByGroup(error) => answer(job, Err(error)),
                    }
                }
            }
            Err(error) => self.fail(jobs, decision.verdicts, &of_write(error)),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "group sizes are far below 2^52")]
    fn count(&self, commits: usize, rows: usize) {
        self.counts.groups.fetch_add(1, Ordering::Relaxed);
        self.counts.commits.fetch_add(commits as u64, Ordering::Relaxed);
        self.counts.rows.fetch_add(rows as u64, Ordering::Relaxed);
        metrics::histogram!("cadastre_store_group_commits").record(commits as f64);
        metrics::histogram!("cadastre_store_group_rows").record(rows as f64);
    }

    /// The write of a group failed: tells everybody, and if nobody can know whether it happened, reopens.
    fn fail(&self, jobs: Vec<Job>, verdicts: Vec<Verdict>, error: &StoreError) {
        let mut taken_out = None;
        let unknown = if let StoreError::OutcomeUnknown { reason: cause, .. } = error {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "a synced write failed; reopening the store"
            );
            // Before anybody is told, so that nobody reads a state which the log may contradict.
            taken_out = self.handle.take_out(StoreError::Unavailable {
                // With its cause: whoever comes later hears nothing else.
                reason: format!("a synced write failed ({cause}), the store is being reopened"),
                retry_after: Some(Duration::from_secs(1)),
                source: None,
            });
            true
        } else {
            false
        };
        for (job, verdict) in jobs.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Accepted => answer(job, Err(error.duplicate())),
                Verdict::Refused(refusal) => answer(job, Err(refusal)),
                // Its own writes were not in the batch, and what refused them may not have happened.
                Verdict::RefusedByGroup(_) => answer(
                    job,
                    Err(unavailable(
                        "an earlier commit of the same group failed".to_owned(),
                        None,
                    )),
                ),
            }
        }
        if unknown {
            self.reopen(taken_out);
        }
    }

    /// Opens the database again, which reads the log: what it holds happened, what it does not hold did not.
    fn reopen(&self, mut old: Option<Arc<DB>>) {
        loop {
            let pause = if let Some(db) = old.take() {
                // Its last reader may still be at it, and the log is not read again under its feet.
                old = Arc::try_unwrap(db).map(drop).err();
                REOPEN_SOON
            } else {
                match self.handle.put_back() {
                    Ok(()) => {
                        tracing::warn!(dir = %self.handle.dir().display(), "the store is open again");
                        return;
                    }
                    Err(error @ StoreError::Corrupt { .. }) => {
                        self.handle.take_out(error);
                        return;
                    }
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, "the store cannot be reopened yet");
                        REOPEN_EVERY
                    }
                }
            };
            match self.queue.take(Some(pause)) {
                // There is no database, so this refuses them.
                Taken::Jobs(jobs) => self.commit(jobs),
                Taken::TimedOut => {}
                Taken::Closed => return,
            }
        }
    }
}
