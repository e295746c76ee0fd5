//! An outbox in memory behind the contract of the data access layer: what is claimed is held until a test says that the time
//! is over, and what is to be tried again is due at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::{Delivery, OutboxState};
use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

/// What was written down of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) id: Uuid,
    pub(super) came: Delivery,
    pub(super) retry_ms: u64,
}

#[derive(Default)]
pub(super) struct FakeOutbox {
    entries: Mutex<BTreeMap<Uuid, Kept>>,
    settled: watch::Sender<Vec<Settled>>,
    /// Calls that fail from now on.
    failures: Mutex<usize>,
}

struct Kept {
    claimed: ClaimedEntry,
    held: bool,
}

impl FakeOutbox {
    pub(super) fn add(&self, claimed: ClaimedEntry) -> Uuid {
        let id = claimed.entry.id;
        self.entries.lock().insert(id, Kept { claimed, held: false });
        id
    }

    /// The time for which entries are held is over.
    pub(super) fn end_holds(&self) {
        self.entries
            .lock()
            .values_mut()
            .for_each(|kept| kept.held = false);
    }

    /// The next calls fail.
    pub(super) fn fail(&self, calls: usize) {
        *self.failures.lock() = calls;
    }

    pub(super) fn settled(&self) -> Vec<Settled> {
        self.settled.borrow().clone()
    }

    /// Waits until so many tries were written down.
    pub(super) async fn settled_times(&self, times: usize) -> Vec<Settled> {
        let mut seen = self.settled.subscribe();
        seen.wait_for(|settled| settled.len() >= times)
            .await
            .unwrap()
            .clone()
    }

    pub(super) fn state(&self, id: Uuid) -> (OutboxState, u32) {
        let entries = self.entries.lock();
        let entry = &entries[&id].claimed.entry;
        (entry.state, entry.attempts)
    }

    fn may_fail(&self) -> Result<(), ApiError> {
        let mut failures = self.failures.lock();
        if *failures > 0 {
            *failures -= 1;
            return Err(ApiError::new(ErrorCode::StoreUnavailable, "away").with_retry_after(1));
        }
        Ok(())
    }

    fn claim(&self, request: &ClaimOutbox) -> Result<Vec<ClaimedEntry>, ApiError> {
        self.may_fail()?;
        let mut entries = self.entries.lock();
        let due = |kept: &&mut Kept| !kept.held && kept.claimed.entry.state == OutboxState::Pending;
        Ok(entries
            .values_mut()
            .filter(due)
            .take(request.limit)
            .map(|kept| {
                kept.held = true;
                kept.claimed.clone()
            })
            .collect())
    }

    fn command(&self, request: SpaceCommandRequest) -> Result<CommandOutcome, ApiError> {
        self.may_fail()?;
        let SpaceCommand::Isp(command) = request.command else {
            return not_here();
        };
        let IspCommand::SettleOutbox { id, came, retry_ms } = *command else {
            return not_here();
        };
        let mut entries = self.entries.lock();
        let kept = entries.get_mut(&id).ok_or_else(|| ApiError::not_found("entry"))?;
        assert_eq!(kept.claimed.space, request.space);
        kept.held = false;
        kept.claimed.entry.attempts += 1;
        kept.claimed.entry.state = match came {
            Delivery::Done => OutboxState::Delivered,
            Delivery::Retry(_) => OutboxState::Pending,
            Delivery::Refused(_) => OutboxState::Failed,
        };
        drop(entries);
        self.settled
            .send_modify(|settled| settled.push(Settled { id, came, retry_ms }));
        Ok(CommandOutcome::Planned {
            changes: Vec::new(),
            conflict: None,
        })
    }
}

fn not_here<T>() -> Result<T, ApiError> {
    Err(ApiError::new(ErrorCode::Internal, "not part of these tests"))
}

macro_rules! answer {
    (claim_outbox, $fake:expr, $request:expr) => {
        $fake.claim(&$request)
    };
    (space_command, $fake:expr, $request:expr) => {
        $fake.command($request)
    };
    ($other:ident, $fake:expr, $request:expr) => {{
        let _ = $request;
        not_here()
    }};
}

macro_rules! fake {
    ($($name:ident($request:ty) -> $response:ty, $doc:literal;)+) => {
        #[async_trait]
        impl DataAccess for FakeOutbox {
            $(
                async fn $name(&self, _: &CallContext, request: $request) -> Result<$response, ApiError> {
                    answer!($name, self, request)
                }
            )+
        }
    };
}

cadastre_api_types::data_access_calls!(fake);
