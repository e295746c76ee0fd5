//! The single writer of a space: takes the commands that wait, decides them one after the other (each on the
//! effects of those before it), makes the group durable in one commit, then answers everybody.
//!
//! Exactly (DESIGN §9):
//! - Nobody is answered before the group is durable; also not a command that was refused because of an earlier
//!   one of the group.
//! - A conflict (another replica was faster) reloads the head and decides the whole group anew, with bounded,
//!   jittered waiting.
//! - After an unknown outcome, head and journal say whether the commit happened; it is never done twice.
//! - If a group fails for another reason, its commands run again one by one, so that one bad row sinks only itself.
//! - Reads and dry runs see only what is durable.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cadastre_api_types::internal::{CallContext, CommandOutcome, ImportPartReport, SpaceCommandRequest};
use cadastre_api_types::{ApiError, ErrorCode};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::SpaceHandle;
use super::answering::reply_error;
use super::command::Workshop;
use super::free::{FreeAnswer, FreeQuestion};
use super::free_index::FreeIndex;
use super::group::Group;
use super::import::ImportWork;
use super::staged;

/// A command waiting for the writer.
pub(crate) struct Job {
    pub context: CallContext,
    pub request: Work,
    pub reply: oneshot::Sender<Result<Done, ApiError>>,
    /// Since when it has waited.
    pub since: Instant,
}

/// What is to be done.
pub(crate) enum Work {
    /// A command; nodes were verified against a new definition as of that version.
    Command(Box<SpaceCommandRequest>, Option<u64>),
    /// The space is deleted: its head says so, which fences every writer.
    Fence,
    /// A question about what is free: asked here, because here it is known.
    Free(FreeQuestion),
    /// The next records of an import, or its end.
    Import(ImportWork),
    /// What is left of large commands is brought to its end: `staged`.
    Tidy,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Done {
    /// Durable, or nothing to do.
    Outcome(Box<CommandOutcome>),
    /// The definition must be verified against many nodes first.
    VerifyFirst,
    /// The space is deleted.
    Fenced,
    /// What is free.
    Free(Box<FreeAnswer>),
    /// What became of the records.
    Imported(Box<ImportPartReport>),
    /// Nothing is left.
    Tidy,
}

/// A writer without work ends after this; the next command starts another.
const IDLE: Duration = Duration::from_secs(60);

/// Hands a command to the writer, starting it if it does not run.
pub(crate) async fn submit(
    handle: &Arc<SpaceHandle>,
    workshop: &Workshop,
    context: CallContext,
    request: Work,
) -> Result<Done, ApiError> {
    let (reply, answer) = oneshot::channel();
    let mut job = Job {
        context,
        request,
        reply,
        since: Instant::now(),
    };
    loop {
        let queue = spawn_writer(handle, workshop);
        match queue.try_send(job) {
            Ok(()) => break,
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(ApiError::new(
                    ErrorCode::Overloaded,
                    "Too many changes of this address space are waiting. Nothing was changed by this request; send it \
                     again later.",
                )
                .with_retry_after(1));
            }
            // It has just ended for want of work.
            Err(mpsc::error::TrySendError::Closed(back)) => job = back,
        }
    }
    match answer.await {
        Ok(result) => result,
        Err(_) => Err(ApiError::new(
            ErrorCode::StoreUnavailable,
            "The server stopped before it could answer. Read before sending the change again, or send it again with the \
             same Idempotency-Key.",
        )
        .with_retry_after(2)),
    }
}

/// The writer's queue.
fn spawn_writer(handle: &Arc<SpaceHandle>, workshop: &Workshop) -> mpsc::Sender<Job> {
    let mut slot = handle.queue.lock();
    if let Some(queue) = slot.as_ref()
        && !queue.is_closed()
    {
        return queue.clone();
    }
    let (sender, receiver) = mpsc::channel(handle.config.queue_commands);
    workshop.tasks.spawn_on(
        run(Arc::clone(handle), receiver, workshop.stop.clone()),
        &workshop.runtime,
    );
    *slot = Some(sender.clone());
    sender
}

async fn run(handle: Arc<SpaceHandle>, mut queue: mpsc::Receiver<Job>, stop: CancellationToken) {
    // This writer's own: while it ends, its successor may be at work already.
    let free = Mutex::new(FreeIndex::default());
    loop {
        let next = tokio::select! {
            biased;
            job = queue.recv() => Ok(job),
            () = stop.cancelled(), if !queue.is_closed() => Err(()),
            () = tokio::time::sleep(IDLE) => Err(()),
        };
        match next {
            Ok(Some(first)) => {
                let mut jobs = VecDeque::from([first]);
                while jobs.len() < handle.config.group_commands {
                    match queue.try_recv() {
                        Ok(job) => jobs.push_back(job),
                        Err(_) => break,
                    }
                }
                if jobs.iter().any(|job| matches!(job.request, Work::Tidy))
                    && let Err(error) = staged::tidy(&handle).await
                {
                    let (asked, others): (VecDeque<_>, _) = jobs
                        .into_iter()
                        .partition(|job| matches!(job.request, Work::Tidy));
                    jobs = others;
                    reply_error(Vec::from(asked), &error);
                }
                // What does not fit into one commit goes into the next.
                loop {
                    jobs = refuse_late(jobs, handle.config.queue_patience);
                    if jobs.is_empty() {
                        break;
                    }
                    jobs = Group::new(&handle, &free).run(jobs.into()).await.into();
                }
            }
            Ok(None) => return,
            Err(()) => {
                // Nobody gets this queue any more; what slipped in before is done first.
                *handle.queue.lock() = None;
                queue.close();
            }
        }
    }
}

/// Refuses what has waited for so long that the caller may have given it up: it hears that nothing was done, as long as
/// it hears anything.
fn refuse_late(jobs: VecDeque<Job>, patience: Duration) -> VecDeque<Job> {
    let (late, jobs): (VecDeque<Job>, VecDeque<Job>) = jobs
        .into_iter()
        .partition(|job| !matches!(job.request, Work::Tidy) && job.since.elapsed() > patience);
    for job in late {
        let error = ApiError::new(
            ErrorCode::Overloaded,
            "Other changes of this address space took so long that this one was given up while it waited. Nothing was \
             changed by this request; send it again.",
        );
        let _ = job.reply.send(Err(error.with_retry_after(1)));
    }
    jobs
}
