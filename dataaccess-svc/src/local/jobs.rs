//! What a process does by itself: it finishes what others, or it itself before a crash, have left unfinished. Of
//! several processes on one store, one does it at a time (`lease.rs`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{
    CallContext, IspCommand, MutationOptions, SpaceCommand, SpaceCommandRequest,
};
use cadastre_domain::Scope;
use uuid::Uuid;

use super::Inner;
use crate::errors::{Failure, Outcome};
use crate::lease::Lease;
use crate::purge;
use crate::space::{Agenda, Progress, Work, due, plan_hints, progress, submit};
use crate::watch::Watch;

/// Spaces that are looked into in one turn.
const DUE_SPACES: usize = 10_000;
/// Rows that one thing which is due may change.
const DUE_ROWS: usize = 16;
/// Things that are done in one command, at most: others wait for it some milliseconds.
const DUE_AT_ONCE: usize = 32;
/// Between two looks at what is due, on a store that nobody else writes.
const LOOK: Duration = Duration::from_secs(1);

/// What was begun by processes that may have died since.
struct Begun {
    plans: Watch,
    /// How far the spaces with overdue plans were at the last look.
    progress: HashMap<Uuid, Option<Progress>>,
    deletions: Watch,
}

impl Inner {
    /// Does the jobs: at the start, when there is work, and ever again where others may leave some.
    pub(super) async fn work(self: Arc<Self>) {
        let shared = !self.store.limits().exclusive;
        let mut lease = Lease::new(Arc::clone(&self.store), "jobs", self.config.lease_lifetime);
        let patience = |time| Watch::new(if shared { time } else { Duration::ZERO });
        let mut begun = Begun {
            plans: patience(self.config.plan_patience),
            progress: HashMap::new(),
            deletions: patience(10 * self.config.plan_patience),
        };
        // What is due is looked for here; where nobody else writes, looking costs next to nothing.
        let pause = if shared {
            self.config.job_interval
        } else {
            self.config.job_interval.min(LOOK)
        };
        while !self.stop.is_cancelled() {
            let done = if shared {
                self.under_lease(&mut lease, &mut begun).await
            } else {
                self.once(&mut begun).await
            };
            if let Err(failure) = done {
                tracing::warn!(%failure, "background work failed; it is tried again");
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => {}
            }
        }
        if shared && let Err(failure) = lease.release().await {
            tracing::debug!(%failure, "the lease of the background work stays until it has run out");
        }
    }

    /// One turn if nobody else is at it, given up when another takes over.
    async fn under_lease(&self, lease: &mut Lease, begun: &mut Begun) -> Outcome<()> {
        if !lease.hold().await? {
            return Ok(());
        }
        let work = self.once(begun);
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(lease.pace()) => {
                    if !lease.hold().await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn once(&self, begun: &mut Begun) -> Outcome<()> {
        self.finish_plans(begun).await?;
        self.timers().await?;
        let unfenced = &mut begun.deletions;
        purge::finish(&self.store, &self.config, &self.catalogue, &self.stop, unfenced).await
    }

    /// Finishes large commands of processes that died on the way. One whose process comes forward is left to it,
    /// however long it takes: two that fold in the same plan only lose races to each other.
    async fn finish_plans(&self, begun: &mut Begun) -> Outcome<()> {
        let mut before = std::mem::take(&mut begun.progress);
        for (space, keys) in plan_hints::overdue(&self.store, &mut begun.plans).await? {
            if !self.store.limits().exclusive {
                let now = match self.progress(space).await {
                    Ok(now) => now,
                    Err(failure) => {
                        tracing::warn!(%space, %failure, "a large change cannot be looked at");
                        continue;
                    }
                };
                let stands_still = before.remove(&space) == Some(now.clone());
                begun.progress.insert(space, now);
                if !stands_still {
                    continue;
                }
            }
            let done = match self.tidy(space).await {
                Ok(()) => plan_hints::forget(&self.store, keys).await,
                Err(failure) => Err(failure),
            };
            if let Err(failure) = done {
                tracing::warn!(%space, %failure, "a large change is not in its place yet");
            }
        }
        Ok(())
    }

    /// How far a space is with its large commands; `None` if it is gone.
    async fn progress(&self, space: Uuid) -> Outcome<Option<Progress>> {
        match self.space(space).await {
            Ok(handle) => Ok(Some(progress(&handle).await?)),
            Err(Failure::Refused(error)) if error.code == ErrorCode::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Does what is due in the spaces by now: reservations expire, released addresses are reclaimed.
    async fn timers(&self) -> Outcome<()> {
        let now = crate::clock::micros(self.config.clock.now()).as_second();
        for (space, over) in due::spaces(&self.store, Agenda::Timers, now, DUE_SPACES).await? {
            match self.run_due(space, now).await {
                Ok(()) => due::done(&self.store, over).await?,
                Err(failure) => {
                    tracing::warn!(%space, %failure, "what is due is not done yet; it is tried again")
                }
            }
            if self.stop.is_cancelled() {
                break;
            }
        }
        Ok(())
    }

    /// In commands of bounded size, so that others have their turns between them.
    async fn run_due(&self, space: Uuid, now: i64) -> Outcome<()> {
        let handle = match self.space(space).await {
            Ok(handle) => handle,
            // It was deleted; its purge removes the rest.
            Err(Failure::Refused(error)) if error.code == ErrorCode::NotFound => return Ok(()),
            Err(failure) => return Err(failure),
        };
        let limit = (self.store.limits().batch_rows / DUE_ROWS).clamp(4, DUE_AT_ONCE);
        let context = CallContext {
            actor: "system".to_owned(),
            correlation_id: format!("due-{space}-{now}"),
            scope: Scope::Whole,
        };
        // From where the last command began: what it has removed is not walked over again and again.
        let mut from = None;
        while !self.stop.is_cancelled() {
            let Some(first) = due::first(&handle, from.as_ref(), now).await? else {
                // Once more from the very beginning, where others may have put something since.
                if from.take().is_none() {
                    break;
                }
                continue;
            };
            let command = IspCommand::RunDue {
                limit,
                from: Some(first.to_string()),
            };
            from = Some(first);
            let request = SpaceCommandRequest {
                space,
                command: SpaceCommand::Isp(Box::new(command)),
                options: MutationOptions::default(),
            };
            handle.command(&self.workshop, &context, request).await?;
        }
        Ok(())
    }

    async fn tidy(&self, space: Uuid) -> Outcome<()> {
        let handle = match self.space(space).await {
            Ok(handle) => handle,
            // It was deleted; its purge removes the rest.
            Err(Failure::Refused(error)) if error.code == ErrorCode::NotFound => return Ok(()),
            Err(failure) => return Err(failure),
        };
        let context = CallContext {
            actor: "system".to_owned(),
            correlation_id: format!("tidy-{space}"),
            scope: Scope::Whole,
        };
        match submit(&handle, &self.workshop, context, Work::Tidy).await {
            Ok(_) => Ok(()),
            Err(error) if error.code == ErrorCode::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
