//! What can be followed: changes of pools and alerts, from the journal of the address space as the change feed of REST
//! (`routes/changes/follow`).
//!
//! The caller is checked again before anything is sent: what was committed after a role was taken is not seen any more.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{ComplexObject, Context, ID, SimpleObject, Subscription as Followed};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{
    ChangesPage, ChangesQuery, JournalMark, JournalView, Since, ThingChange, ThingState, WaitQuery,
};
use cadastre_domain::isp::{Alert as KeptAlert, Entity, EntityKey, Kept, Pool};
use cadastre_domain::roles::Permission::IspIpamRead;
use futures::stream::{self, BoxStream, StreamExt};
use jiff::Timestamp;
use uuid::Uuid;

use super::scalars::{BigInt, id, uuid_or_none};
use super::session::{InSpace, Recheck, Session};
use super::types::{Alert, IPPool};
use super::words::PoolAction;
use crate::isp::IspCaller;
use crate::isp::wire::alert;

/// Commands that are read at a time.
const BATCH: usize = 100;
/// Pause before a data access layer that is away is asked again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is asked again before the stream ends.
const PAUSES: u32 = 60;

/// A change of a pool.
#[derive(SimpleObject)]
#[graphql(complex)]
struct PoolChange {
    #[graphql(skip)]
    at: Arc<InSpace>,
    #[graphql(skip)]
    key: Uuid,
    /// Version of the address space after it.
    version: BigInt,
    /// When.
    time: Timestamp,
    /// What became of the pool.
    action: PoolAction,
    /// Which pool.
    pool_id: ID,
}

#[ComplexObject]
impl PoolChange {
    /// The pool as it is now; `null` if it is gone.
    async fn pool(&self) -> Result<Option<IPPool>, ApiError> {
        let found = self.at.thing::<Pool>(EntityKey::Pool(self.key)).await?;
        Ok(found.map(|kept| IPPool::kept(&self.at, &kept)))
    }
}

/// What can be followed, as a stream of server-sent events (graphql-sse, distinct connections mode): begin with
/// `Accept: text/event-stream`. A stream begins with what happens after it is opened: open it first, then read how things
/// are. Who connects again reads again.
pub(crate) struct Subscription;

#[Followed]
impl Subscription {
    /// Changes of pools: their settings, and their numbers. Many changes of numbers may be told as one.
    async fn pool_changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of this pool only.")] pool_id: Option<ID>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<BoxStream<'static, Result<PoolChange, ApiError>>, ApiError> {
        let pool = uuid_or_none("poolId", pool_id.as_ref())?;
        follow(context, address_space, move |at, page| {
            Ok(changed_pools(at, page, pool))
        })
        .await
    }

    /// Alerts that are raised, acknowledged or over.
    async fn alert_changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of this pool only.")] pool_id: Option<ID>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<BoxStream<'static, Result<Alert, ApiError>>, ApiError> {
        let pool = uuid_or_none("poolId", pool_id.as_ref())?;
        follow(context, address_space, move |at, page| {
            let alerts = page
                .iter()
                .flat_map(|command| &command.changes)
                .filter_map(alert_of);
            let alerts = alerts.filter(|kept| pool.is_none_or(|pool| kept.value.pool_id == pool));
            alerts.map(|kept| Alert::of(at, alert::to_wire(kept))).collect()
        })
        .await
    }
}

/// The thing that a change is about, as it is after it, or else as it was.
fn thing_of(change: &ThingChange) -> Option<&Kept<Entity>> {
    match change.after.as_ref().or(change.before.as_ref()) {
        Some(ThingState::Entity(kept)) => Some(kept),
        Some(ThingState::Node(_) | ThingState::Tag(_)) | None => None,
    }
}

/// The alert that a change left behind.
fn alert_of(change: &ThingChange) -> Option<Kept<KeptAlert>> {
    change.after.as_ref()?;
    let kept = thing_of(change)?;
    kept.value
        .alert()
        .map(|alert| kept.clone().map(|_| alert.clone()))
}

/// The changes of pools in some commands: one for each change of settings, and one at the end for each pool whose numbers
/// changed.
fn changed_pools(at: &Arc<InSpace>, commands: &[JournalView], wanted: Option<Uuid>) -> Vec<PoolChange> {
    let mut told = Vec::new();
    let mut used: BTreeMap<Uuid, &JournalView> = BTreeMap::new();
    let mut known: BTreeMap<Uuid, PoolAction> = BTreeMap::new();
    for command in commands {
        for change in &command.changes {
            let Some(kept) = thing_of(change) else {
                continue;
            };
            if let Some(held) = kept.value.reservation() {
                used.insert(held.pool_id, command);
            }
            let Some(pool) = kept.value.pool() else {
                continue;
            };
            let action = match (&change.before, &change.after) {
                (None, _) => PoolAction::Created,
                (Some(_), Some(_)) => PoolAction::Updated,
                (Some(_), None) => PoolAction::Deleted,
            };
            known.insert(pool.id, action);
            told.push((pool.id, action, command));
        }
    }
    for (pool, command) in used {
        // The numbers of a pool that is gone are gone, too.
        if known.get(&pool) != Some(&PoolAction::Deleted) {
            told.push((pool, PoolAction::UsageChanged, command));
        }
    }
    told.retain(|(pool, ..)| wanted.is_none_or(|wanted| wanted == *pool));
    let told = told.into_iter().map(|(pool, action, command)| PoolChange {
        at: Arc::clone(at),
        key: pool,
        version: command.version.into(),
        time: command.time,
        action,
        pool_id: id(pool),
    });
    told.collect()
}

/// Follows the journal of an address space; `show` says what of some commands is told.
async fn follow<T, F>(
    context: &Context<'_>,
    address_space: Option<String>,
    show: F,
) -> Result<BoxStream<'static, Result<T, ApiError>>, ApiError>
where
    T: Send + 'static,
    F: Fn(&Arc<InSpace>, &[JournalView]) -> Result<Vec<T>, ApiError> + Send + Sync + 'static,
{
    let session = Session::of(context)?;
    let caller = session.fresh(address_space.as_deref()).await?.caller.clone();
    let question = ChangesQuery {
        space: caller.space,
        since: Since::Now,
        limit: 1,
    };
    let scope = caller.may(IspIpamRead)?;
    let now = caller.state.access.changes(&scope, question).await?;
    let follow = Follow {
        recheck: session.recheck()?,
        caller,
        at: now.reached,
        behind: false,
        failures: 0,
    };
    let begun = (Some(follow), VecDeque::new(), show);
    let told = stream::unfold(begun, |(follow, mut ready, show)| async move {
        if let Some(one) = ready.pop_front() {
            return Some((Ok(one), (follow, ready, show)));
        }
        let mut follow = follow?;
        loop {
            let came = follow.next(&show).await;
            match came {
                Ok(more) => ready.extend(more),
                Err(error) => return Some((Err(error), (None, ready, show))),
            }
            if let Some(one) = ready.pop_front() {
                return Some((Ok(one), (Some(follow), ready, show)));
            }
        }
    });
    Ok(told.boxed())
}

/// A subscription under way.
struct Follow {
    recheck: Recheck,
    caller: IspCaller,
    /// All up to here has been told.
    at: JournalMark,
    /// There may be more already.
    behind: bool,
    failures: u32,
}

impl Follow {
    /// What is told next, which may be nothing.
    async fn next<T>(
        &mut self,
        show: &(impl Fn(&Arc<InSpace>, &[JournalView]) -> Result<Vec<T>, ApiError> + Send + Sync),
    ) -> Result<Vec<T>, ApiError> {
        let page = match self.page().await {
            Ok(page) => page,
            // What is away comes back: the stream outlives a restart of what is behind it.
            Err(error) if error.code.status() == 503 && self.failures < PAUSES => {
                self.failures += 1;
                self.behind = true;
                tokio::time::sleep(PAUSE).await;
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        self.failures = 0;
        match page {
            // What was read before counts no more.
            Some(page) => show(&InSpace::new(self.caller.clone()), &page.items),
            None => Ok(Vec::new()),
        }
    }

    /// The next commands, as the caller may see them by now; `None` = none yet.
    async fn page(&mut self) -> Result<Option<ChangesPage>, ApiError> {
        if !self.behind && !self.wait().await? {
            self.check().await?;
            return Ok(None);
        }
        let context = self.caller.may(IspIpamRead)?;
        let question = ChangesQuery {
            space: self.caller.space,
            since: Since::Mark(self.at),
            limit: BATCH,
        };
        let page = self.caller.state.access.changes(&context, question).await?;
        self.check().await?;
        if self.caller.may(IspIpamRead)?.scope != context.scope {
            // It was read with what the caller could see before.
            self.behind = true;
            return Ok(None);
        }
        self.at = page.reached;
        self.behind = page.reached.version < page.head;
        Ok(Some(page))
    }

    /// Whether there is more before the caller is to be checked again.
    async fn wait(&self) -> Result<bool, ApiError> {
        let heartbeat = self.caller.state.config.stream_heartbeat;
        let question = WaitQuery {
            space: self.caller.space,
            above: self.at,
            at_most_ms: u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX),
        };
        let context = self.caller.may(IspIpamRead)?;
        let now = self
            .caller
            .state
            .access
            .wait_for_change(&context, question)
            .await?;
        Ok(now != self.at)
    }

    /// The caller once more, as when the request came.
    async fn check(&mut self) -> Result<(), ApiError> {
        self.caller.account = self.recheck.account().await?;
        self.caller.may(IspIpamRead).map(|_| ())
    }
}
