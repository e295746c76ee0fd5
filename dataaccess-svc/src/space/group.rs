//! A group of commands on its way: decided one on the other, committed once, settled when the outcome is
//! unknown, answered when durable. The promises are at the top of `writer.rs`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::CommandOutcome;
use cadastre_storage::{Etag, StoreError, Write};
use jiff::Timestamp;
use parking_lot::Mutex;
use uuid::Uuid;

use super::SpaceHandle;
use super::answering::{Settled, alone_may_differ, backoff, reply, reply_error};
use super::context::Resolver;
use super::decide::{Decider, Decision};
use super::free_index::{FreeIndex, Moment};
use super::handle::{Published, gone};
use super::isp::{self, Book, Due};
use super::replay::replay;
use super::step::{Step, answered, apply, command_name, committed, fence};
use super::writer::{Done, Job, Work};
use super::{free, free_follow, hold, import, occupancy, staged};
use crate::clock::micros;
use crate::errors::{Failure, Outcome};
use crate::idempotency::{self, Remembered};
use crate::keys;
use crate::metrics;
use crate::records::{HeadRecord, JournalRecord, PartitionState, encode};
use crate::rows::{Overlay, Rows};

/// Tries before a group that keeps losing races gives up; two replicas that are equally quick lose every other one.
const CONFLICT_TRIES: u32 = 16;
/// How long an unknown outcome is looked into before the callers are told that it is unknown.
const SETTLE_TRIES: u32 = 10;
/// A commit that was tried: its id, and the version its first journal row would have.
struct Attempt {
    commit_id: Uuid,
    first_version: u64,
    answers: Vec<Answer>,
}

/// What a job will be told once the group is durable.
pub(super) type Answer = Result<Done, ApiError>;

/// A group on its way.
pub(super) struct Group<'a> {
    handle: &'a Arc<SpaceHandle>,
    /// What the writer knows to be free.
    free: &'a Mutex<FreeIndex>,
    attempts: Vec<Attempt>,
    /// The head that an attempt with an unknown outcome asserts: as long as it is the head, that one may still happen.
    open: Option<Etag>,
}

/// The rows of a group, decided.
pub(super) struct Batch {
    pub(super) head: HeadRecord,
    published: Arc<Published>,
    vocabulary: cadastre_domain::tags::Vocabulary,
    book: Arc<Book>,
    overlay: Overlay,
    /// Moments at which something of the space will be due.
    due: Vec<Due>,
    moves_epoch: bool,
    /// It is larger than a commit: one command.
    staged: bool,
    answers: Vec<Answer>,
}

impl<'a> Group<'a> {
    /// For one group of this space.
    pub(super) fn new(handle: &'a Arc<SpaceHandle>, free: &'a Mutex<FreeIndex>) -> Self {
        Self {
            handle,
            free,
            attempts: Vec::new(),
            open: None,
        }
    }

    /// Does the jobs, or as many of the first of them as fit into one commit; the others come back.
    pub(super) async fn run(&mut self, mut jobs: Vec<Job>) -> Vec<Job> {
        match self.commit(&jobs).await {
            Ok(answers) => {
                let rest = jobs.split_off(answers.len());
                metrics::group(jobs.len());
                reply(jobs, answers);
                self.fold().await;
                return rest;
            }
            Err(error) if jobs.len() > 1 && alone_may_differ(&error) => {
                tracing::warn!(%error, commands = jobs.len(), "a group failed; its commands run one by one");
                for job in jobs {
                    let jobs = vec![job];
                    let mut alone = Group::new(self.handle, self.free);
                    match alone.commit(&jobs).await {
                        Ok(answers) => reply(jobs, answers),
                        Err(error) => reply_error(jobs, &error),
                    }
                    self.fold().await;
                }
            }
            Err(error) => reply_error(jobs, &error),
        }
        Vec::new()
    }

    /// Brings a large command to its places: it is true and was answered. If that fails, whoever comes next does it.
    async fn fold(&self) {
        if let Err(error) = staged::finish(self.handle).await {
            tracing::warn!(%error, space = %self.handle.id, "a large change is not in its place yet");
        }
    }

    /// Decides and commits until it is durable, or fails for a reason other than a conflict.
    async fn commit(&mut self, jobs: &[Job]) -> Result<Vec<Answer>, StoreError> {
        let done = self.try_to_commit(jobs).await;
        match done {
            Err(error) if self.open.is_some() => {
                self.handle.unsettled.store(true, Ordering::Release);
                Err(StoreError::OutcomeUnknown {
                    reason: format!("an earlier try may still happen; the last one: {error}"),
                    source: Some(Box::new(error)),
                })
            }
            done => done,
        }
    }

    async fn try_to_commit(&mut self, jobs: &[Job]) -> Result<Vec<Answer>, StoreError> {
        for attempt in 0..CONFLICT_TRIES {
            if attempt > 0 || self.handle.unsettled.load(Ordering::Acquire) {
                if attempt > 0 {
                    metrics::conflict();
                    backoff(attempt).await;
                }
                if let Some(answers) = self.reload().await? {
                    return Ok(answers);
                }
            }
            // Nothing is decided on a command that is not in its place.
            let published = match staged::finish(self.handle).await {
                // This one and no later one: another process may have made a large command true since.
                Ok(published) => published,
                Err(StoreError::Exists { .. } | StoreError::Changed { .. }) => continue,
                // Nothing of this group has been tried yet, or what was tried is still open.
                Err(StoreError::OutcomeUnknown { reason, source }) => {
                    return Err(StoreError::Unavailable {
                        reason,
                        retry_after: None,
                        source,
                    });
                }
                Err(error) => return Err(error),
            };
            if hold::waited(self.handle, &published).await? {
                continue;
            }
            let batch = match self.decide(jobs, &published).await {
                Ok(batch) => batch,
                Err(StoreError::Changed { .. }) => continue,
                // It was decided on rows of before and after that change.
                Err(_) if self.is_overtaken(&published).await? => continue,
                Err(error) => return Err(error),
            };
            if batch.overlay.is_empty() {
                // Nothing is written, so nothing undurable was relied on, and no commit says that it was not too old.
                if self.is_overtaken(&published).await? {
                    continue;
                }
                return Ok(batch.answers);
            }
            match self.write(batch).await {
                Ok(answers) => {
                    // It asserted the head, so nothing of before can happen any more.
                    self.open = None;
                    return Ok(answers);
                }
                Err(StoreError::Exists { .. } | StoreError::Changed { .. }) => {}
                Err(StoreError::OutcomeUnknown { reason, source }) => match self.settle(&published).await {
                    Settled::Committed(answers) => return Ok(answers),
                    Settled::NotCommitted => {}
                    Settled::Unknown => return Err(StoreError::OutcomeUnknown { reason, source }),
                },
                Err(error) => return Err(error),
            }
        }
        let key = keys::head();
        Err(StoreError::Changed { key })
    }

    /// Decides all commands, each on the effects of those before it.
    async fn decide(&self, jobs: &[Job], published: &Arc<Published>) -> Result<Batch, StoreError> {
        let limits = self.handle.store.limits();
        let mut batch = Batch {
            head: published.head.clone(),
            vocabulary: published.vocabulary.clone(),
            book: Arc::clone(&published.book),
            published: Arc::clone(published),
            overlay: Overlay::new(),
            due: Vec::new(),
            moves_epoch: false,
            staged: false,
            answers: Vec::with_capacity(jobs.len()),
        };
        let commit_id = Uuid::new_v4();
        batch.head.commit_id = commit_id;
        batch.head.hold = None;
        self.follow(published).await?;
        self.free.lock().begin(published.head.commit_id);
        let mut bytes = 0;
        for job in jobs {
            let step = match self.decide_one(&batch, job, commit_id).await {
                Ok(step) => step,
                Err(Failure::Store(error)) if jobs.len() > 1 => return Err(error),
                // Rows of before and after the change of another replica do not fit together.
                Err(Failure::Record(_)) if self.is_overtaken(published).await? => {
                    if batch.overlay.is_empty() {
                        self.free.lock().decided(&published.head);
                    }
                    return Err(StoreError::Changed { key: keys::head() });
                }
                Err(failure) => {
                    batch.answers.push(Err(failure.into()));
                    continue;
                }
            };
            let size: usize = step
                .rows
                .iter()
                .map(|(key, value)| key.as_str().len() + value.as_ref().map_or(0, |v| v.len()))
                .sum();
            let too_many = batch.overlay.len() + step.rows.len() + 1 > limits.batch_rows;
            let too_large = bytes + size + 4096 > limits.batch_bytes;
            let too_long = step
                .rows
                .iter()
                .any(|(_, v)| v.as_ref().is_some_and(|v| v.len() > limits.value_bytes));
            if (too_many || too_large) && !batch.overlay.is_empty() {
                // This one and those behind it go into the next commit.
                break;
            }
            if too_long || step.rows.len() > staged::MOST_ROWS || size > staged::MOST_BYTES {
                batch.answers.push(Err(staged::too_large(step.rows.len(), size)));
                continue;
            }
            batch.staged = too_many || too_large;
            bytes += size;
            let tree_moved = step.head.epoch != batch.head.epoch;
            {
                let mut free = self.free.lock();
                free.written(step.rows.iter().map(|(key, _)| key));
                free.apply(&step.made, &step.removed, tree_moved);
            }
            batch.overlay.extend(step.rows);
            batch.moves_epoch |= step.head.epoch != batch.head.epoch || step.head.state != batch.head.state;
            batch.head = step.head;
            if let Some(vocabulary) = step.vocabulary {
                batch.vocabulary = vocabulary;
            }
            if let Some(book) = step.book {
                batch.book = book;
            }
            batch.due.extend(step.due);
            batch.answers.push(Ok(step.done));
        }
        let nothing = batch.overlay.is_empty();
        let head = if nothing { &published.head } else { &batch.head };
        self.free.lock().decided(head);
        Ok(batch)
    }

    /// Brings what is known to be free to what is durable now, past what others have committed.
    async fn follow(&self, published: &Published) -> Result<(), StoreError> {
        let durable = Moment::of(&published.head);
        let Some(at) = self.free.lock().behind(&durable) else {
            return Ok(());
        };
        match free_follow::since(self.handle.durable(), at, &published.head).await {
            Ok(Some(changes)) => self.free.lock().follow(&changes, durable),
            Ok(None) => {}
            Err(Failure::Store(error)) => return Err(error),
            Err(failure) => tracing::warn!(%failure, space = %self.handle.id, "what is free is read again"),
        }
        Ok(())
    }

    /// Whether another replica has changed the space since: what was decided on this head may be wrong.
    async fn is_overtaken(&self, published: &Published) -> Result<bool, StoreError> {
        let handle = self.handle;
        if handle.store.limits().exclusive {
            return Ok(false);
        }
        let head = handle.store.get(&handle.partition, &keys::head()).await?;
        Ok(head.is_none_or(|head| head.etag != published.etag))
    }

    async fn decide_one(&self, batch: &Batch, job: &Job, commit_id: Uuid) -> Outcome<Step> {
        let handle = self.handle;
        if batch.head.state == PartitionState::Deleting {
            // A deletion that was cut off behind its fence can be sent again and is finished then.
            return match job.request {
                Work::Fence => Ok(Step::nothing(batch, Done::Fenced)),
                Work::Command(..) | Work::Free(_) | Work::Import(_) | Work::Tidy => Err(gone()),
            };
        }
        let rows = Rows::with_overlay(&handle.store, &handle.partition, &batch.overlay);
        // Time never goes backwards in a partition.
        let time = micros(handle.config.clock.now()).max(batch.head.last_time);
        let (request, verified_at) = match &job.request {
            Work::Command(request, verified_at) => (request, *verified_at),
            Work::Import(work) => {
                let decider = self.decider(batch, job, time, None);
                return import::step(&decider, work, batch, job, commit_id).await;
            }
            Work::Fence => return Ok(fence(batch, job, time, commit_id)),
            // The writer does it before it decides anything.
            Work::Tidy => return Ok(Step::nothing(batch, Done::Tidy)),
            Work::Free(question) => {
                let asked = free::Asked {
                    rows,
                    head: &batch.head,
                    index: Some(self.free),
                    scope: &job.context.scope,
                };
                let answer = asked.answer(question).await?;
                return Ok(Step::nothing(batch, Done::Free(Box::new(answer))));
            }
        };
        let lifetime = handle.config.idempotency_lifetime;
        if let Some(key) = &request.options.idempotency
            && let Some(record) = idempotency::find(rows, key, time, lifetime).await?
        {
            let replay = replay(rows, &job.context.scope, &request.command, record).await?;
            return Ok(Step::nothing(batch, Done::Outcome(Box::new(replay))));
        }
        let decider = self.decider(batch, job, time, verified_at);
        match decider.decide(request).await? {
            Decision::VerifyFirst => Ok(Step::nothing(batch, Done::VerifyFirst)),
            Decision::Unchanged(image) => Ok(Step::nothing(
                batch,
                committed(batch.head.version, Some(*image), Vec::new()),
            )),
            Decision::Same(things) => Ok(Step::nothing(batch, answered(batch.head.version, things))),
            Decision::Blocked(blocked) => Err(blocked.error.into()),
            Decision::Change(effects) => {
                let made = effects.created.iter().map(|placed| &placed.prefix);
                let removed = effects.removed.iter().map(|placed| &placed.prefix);
                let occupancy = occupancy::changes(rows, made, removed).await?;
                let mut step = apply(*effects, batch, job, command_name(request), time, commit_id);
                step.rows.extend(occupancy);
                if let Some(key) = &request.options.idempotency {
                    let (subject, made) = match &step.done {
                        Done::Outcome(outcome) => match outcome.as_ref() {
                            CommandOutcome::Committed { subject, made, .. } => {
                                (subject.as_ref(), made.as_slice())
                            }
                            CommandOutcome::Planned { .. } => (None, [].as_slice()),
                        },
                        Done::VerifyFirst | Done::Fenced | Done::Tidy | Done::Free(_) | Done::Imported(_) => {
                            (None, [].as_slice())
                        }
                    };
                    let remembered = idempotency::remember(
                        key,
                        step.head.version,
                        time,
                        lifetime,
                        &Remembered {
                            subject,
                            made_nodes: made,
                            ..Remembered::default()
                        },
                    );
                    step.rows.extend(idempotency::sweep(rows, time, lifetime).await?);
                    step.rows.extend(remembered);
                }
                Ok(step)
            }
        }
    }

    /// Decides on the effects of the commands before it.
    fn decider<'b>(
        &'b self,
        batch: &'b Batch,
        job: &'b Job,
        time: Timestamp,
        verified_at: Option<u64>,
    ) -> Decider<'b> {
        let handle = self.handle;
        let limits = handle.store.limits();
        Decider {
            resolver: Resolver::over_overlay(
                Rows::with_overlay(&handle.store, &handle.partition, &batch.overlay),
                &batch.head,
                &batch.vocabulary,
                &batch.published.head,
                &handle.contexts,
                handle.id,
            ),
            context: &job.context,
            time,
            version: batch.head.version + 1,
            commit_rows: limits.batch_rows,
            value_bytes: limits.value_bytes,
            verify_rows: handle.config.verify_rows_in_writer,
            verified_at,
            free: Some(self.free),
            book: &batch.book,
        }
    }

    /// Commits a batch; on success publishes its head.
    async fn write(&mut self, mut batch: Batch) -> Result<Vec<Answer>, StoreError> {
        let handle = self.handle;
        isp::announce(handle, std::mem::take(&mut batch.due)).await?;
        let (pending, dead) = match self.stage(&mut batch).await? {
            None => (None, Vec::new()),
            Some(prepared) => (Some(prepared.pending), prepared.dead),
        };
        let mut writes = Vec::with_capacity(batch.overlay.len() + dead.len() + 1);
        writes.push(Write::Replace {
            key: keys::head(),
            value: encode(&batch.head),
            etag: batch.published.etag.clone(),
        });
        writes.extend(batch.overlay.into_iter().map(|(key, value)| match value {
            Some(value) => Write::Put { key, value },
            None => Write::Delete { key },
        }));
        writes.extend(dead.into_iter().map(|key| Write::Delete { key }));
        self.attempts.push(Attempt {
            commit_id: batch.head.commit_id,
            first_version: batch.published.head.version + 1,
            answers: batch.answers,
        });
        let moving = if batch.moves_epoch || pending.is_some() {
            Some(handle.gate.begin().await)
        } else {
            None
        };
        let rows = writes.len();
        let etags = match handle.store.commit(&handle.partition, writes).await {
            Ok(etags) => {
                metrics::commit(rows);
                etags
            }
            Err(error) => {
                if matches!(error, StoreError::OutcomeUnknown { .. }) {
                    // Before the gate opens: reads must not take what may now be old for the present.
                    handle.unsettled.store(true, Ordering::Release);
                }
                return Err(error);
            }
        };
        let etag = etags
            .into_iter()
            .next()
            .unwrap_or_else(|| Etag(bytes::Bytes::new()));
        handle.publish(Published {
            head: batch.head,
            etag,
            vocabulary: batch.vocabulary,
            book: batch.book,
            pending,
        });
        drop(moving);
        Ok(self
            .attempts
            .pop()
            .map(|attempt| attempt.answers)
            .unwrap_or_default())
    }

    /// Writes the plan of a command that is larger than a commit; what remains in the batch makes it true.
    async fn stage(&self, batch: &mut Batch) -> Result<Option<staged::Prepared>, StoreError> {
        if !batch.staged {
            return Ok(None);
        }
        metrics::staged(batch.overlay.len());
        let mut planned = std::mem::take(&mut batch.overlay);
        // It says who did it, should the answer of the commit be lost.
        let journal = keys::journal(batch.head.version);
        if let Some(entry) = planned.remove(&journal) {
            batch.overlay.insert(journal, entry);
        }
        let prepared = staged::prepare(self.handle, batch.head.commit_id, planned).await?;
        batch.head.pending = Some(prepared.record.clone());
        batch.head.last_plan = prepared.record.plan;
        Ok(Some(prepared))
    }

    /// Loads the head again after a conflict. If that shows that an earlier attempt has happened after all, its
    /// answers are the answers.
    async fn reload(&mut self) -> Result<Option<Vec<Answer>>, StoreError> {
        let _moving = self.handle.gate.begin().await;
        // The head first: what lands behind it will fail on its etag, what is in it is in the journal.
        match self.handle.load_and_publish().await {
            Ok(()) => {
                let answers = self.happened().await?;
                if answers.is_some() || self.open.as_ref() != Some(&self.handle.published().etag) {
                    self.open = None;
                }
                Ok(answers)
            }
            Err(Failure::Store(error)) => Err(error),
            // The definitions could not be read as of one moment.
            Err(Failure::Refused(refusal)) => Err(StoreError::Unavailable {
                reason: refusal.message,
                retry_after: Some(Duration::from_secs(1)),
                source: None,
            }),
            Err(other) => Err(StoreError::Corrupt {
                reason: other.to_string(),
                source: None,
            }),
        }
    }

    /// The answers of the attempt that the journal shows.
    async fn happened(&mut self) -> Result<Option<Vec<Answer>>, StoreError> {
        for index in 0..self.attempts.len() {
            let key = keys::journal(self.attempts[index].first_version);
            let Some(row) = self.handle.store.get(&self.handle.partition, &key).await? else {
                continue;
            };
            let record: JournalRecord =
                crate::records::decode(&row.key, &row.value).map_err(|error| StoreError::Corrupt {
                    reason: error.to_string(),
                    source: None,
                })?;
            if record.commit_id == self.attempts[index].commit_id {
                return Ok(Some(self.attempts.swap_remove(index).answers));
            }
        }
        Ok(None)
    }

    /// Finds out what became of the last attempt.
    async fn settle(&mut self, asserted: &Published) -> Settled {
        self.open = Some(asserted.etag.clone());
        metrics::unknown_outcome();
        for attempt in 1..=SETTLE_TRIES {
            match self.reload().await {
                Ok(Some(answers)) => return Settled::Committed(answers),
                Ok(None) => return Settled::NotCommitted,
                Err(error) => {
                    tracing::warn!(%error, attempt, "cannot settle an unknown outcome yet");
                    backoff(attempt).await;
                }
            }
        }
        Settled::Unknown
    }
}
