//! What callers are told of a group, and when it is worth trying again.

use std::time::Duration;

use cadastre_storage::StoreError;

use super::group::Answer;
use super::writer::Job;
use crate::errors::store_error;

/// What became of a commit whose answer was lost.
pub(super) enum Settled {
    /// It did.
    Committed(Vec<Answer>),
    /// Not yet: should it still happen, the head's etag lets only one of it and the next attempt through.
    NotCommitted,
    /// The store does not say.
    Unknown,
}

/// Whether the commands of a failed group are worth trying one by one. Not after lost races, which they would
/// lose as well, not while it is unknown what has happened, and not when the store is busy.
pub(super) fn alone_may_differ(error: &StoreError) -> bool {
    match error {
        StoreError::OutcomeUnknown { .. } | StoreError::Exists { .. } | StoreError::Changed { .. } => false,
        // It asks to be left alone.
        StoreError::Unavailable {
            retry_after: Some(_), ..
        } => false,
        StoreError::Invalid { .. }
        | StoreError::Unsupported { .. }
        | StoreError::Unavailable { .. }
        | StoreError::Corrupt { .. }
        | StoreError::InUse { .. } => true,
    }
}

/// Bounded, jittered: 2 ms doubling to at most 250 ms, between half and all of it.
pub(super) async fn backoff(attempt: u32) {
    let most = 2_u64.saturating_pow(attempt.min(8)).min(250);
    let wait = rand::random_range(most / 2..=most);
    tokio::time::sleep(Duration::from_millis(wait)).await;
}

pub(super) fn reply(jobs: Vec<Job>, answers: Vec<Answer>) {
    for (job, answer) in jobs.into_iter().zip(answers) {
        // A caller that has gone away does not hear it.
        let _ = job.reply.send(answer);
    }
}

pub(super) fn reply_error(jobs: Vec<Job>, error: &StoreError) {
    let answers = jobs.iter().map(|_| Err(store_error(error))).collect();
    reply(jobs, answers);
}
