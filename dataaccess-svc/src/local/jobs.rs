//! What a process does by itself: it finishes what others, or it itself before a crash, have left unfinished. Of
//! several processes on one store, one does it at a time (`lease.rs`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::CallContext;
use cadastre_domain::Scope;
use uuid::Uuid;

use super::Inner;
use crate::errors::{Failure, Outcome};
use crate::lease::Lease;
use crate::purge;
use crate::space::{Progress, Work, plan_hints, progress, submit};
use crate::watch::Watch;

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
        while !self.stop.is_cancelled() {
            let done = if shared {
                self.under_lease(&mut lease, &mut begun).await
            } else {
                self.once(&mut begun).await
            };
            let again = shared || done.is_err();
            if let Err(failure) = done {
                tracing::warn!(%failure, "background work failed; it is tried again");
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(self.config.job_interval), if again => {}
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
