//! The in-process path: [`DataAccess`] on a store that this process has opened.

mod jobs;
mod outbox;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::isp::{Entity, Kept};
use cadastre_storage::{Store, StoreError};
use dashmap::DashMap;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::backup::Readings;
use crate::catalogue::Catalogue;
use crate::config::DataAccessConfig;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::search::Search;
use crate::space::{
    AnswerCache, ContextCache, Done, FreeAnswer, FreeQuestion, SpaceHandle, Work, Workshop, check_if_match,
    gone, load, submit,
};
use crate::table::{self, OpenError};
use crate::users::Users;

/// Everything of one store. Its tasks run on the runtime it was opened on.
#[derive(Debug)]
pub struct LocalDataAccess {
    inner: Arc<Inner>,
}

/// What its tasks share with it.
struct Inner {
    store: Arc<dyn Store>,
    config: DataAccessConfig,
    spaces: DashMap<Uuid, Arc<SpaceHandle>>,
    contexts: Arc<ContextCache>,
    answers: Arc<AnswerCache>,
    catalogue: Arc<Catalogue>,
    users: Arc<Users>,
    workshop: Workshop,
    /// Backups that are being read out.
    readings: Arc<Readings>,
    stop: CancellationToken,
    /// There is background work.
    wake: Notify,
    shutting_down: AtomicBool,
    /// Those who wait for changes are to stop waiting.
    leaving: CancellationToken,
    /// The store was seen to have records.
    had_records: AtomicBool,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl LocalDataAccess {
    /// Sees that the table is whole and of a known format, reads the catalogue, and finishes in the background what an
    /// earlier process began.
    pub async fn open(store: Arc<dyn Store>, mut config: DataAccessConfig) -> Result<Arc<Self>, OpenError> {
        if store.limits().exclusive {
            // Memory knows all that others could know.
            config.cache = None;
        }
        table::claim(&*store).await?;
        let catalogue = Arc::new(Catalogue::new(Arc::clone(&store), config.clone()));
        catalogue
            .load()
            .await
            .map_err(|failure| OpenError::Store(failure.to_string()))?;
        let users = Arc::new(Users::new(
            Arc::clone(&store),
            config.clone(),
            Arc::clone(&catalogue),
        ));
        let stop = CancellationToken::new();
        let workshop = Workshop {
            tasks: TaskTracker::new(),
            runtime: tokio::runtime::Handle::current(),
            stop: stop.clone(),
        };
        let inner = Arc::new(Inner {
            contexts: Arc::new(ContextCache::new(config.context_cache_entries)),
            answers: Arc::new(AnswerCache::new(config.node_cache_entries)),
            store,
            config,
            spaces: DashMap::new(),
            catalogue,
            users,
            workshop,
            readings: Arc::default(),
            stop,
            wake: Notify::new(),
            shutting_down: AtomicBool::new(false),
            leaving: CancellationToken::new(),
            had_records: AtomicBool::new(false),
        });
        inner.spawn(Arc::clone(&inner).work());
        Ok(Arc::new(Self { inner }))
    }

    /// Finishes what runs: no new commands are taken, those that wait are done, purges stop between batches.
    pub async fn shutdown(&self) {
        let inner = &self.inner;
        inner.shutting_down.store(true, Ordering::Release);
        inner.stop.cancel();
        inner.leaving.cancel();
        inner.workshop.tasks.close();
        inner.workshop.tasks.wait().await;
    }

    /// Sends those away who wait for changes, so that nothing holds up a server that ends. Everything else goes on.
    pub fn end_waits(&self) {
        self.inner.leaving.cancel();
    }

    /// Lets the store go; the process may end then. After [`LocalDataAccess::shutdown`], or instead of it when
    /// there is no time left.
    pub async fn close(&self) {
        self.inner.shutting_down.store(true, Ordering::Release);
        self.inner.store.close().await;
    }
}

impl Inner {
    /// Whether the store can be used, and still has what it had: on a table that was deleted, and perhaps made anew, nobody
    /// may go on as if there had never been anything.
    async fn look(&self) -> Result<(), StoreError> {
        let had = self.had_records.load(Ordering::Relaxed);
        if !had || self.store.limits().exclusive {
            // This makes a table that is not there.
            self.store.ping().await?;
        }
        let head = self.store.get(&keys::system_partition(), &keys::head()).await?;
        match (head, had) {
            (Some(_), _) => self.had_records.store(true, Ordering::Relaxed),
            (None, false) => {}
            (None, true) => {
                let reason = "the records that were there when this process started are gone: the table was emptied, or \
                              deleted and made anew. Restore a backup; on an empty store this process has to be started \
                              again";
                tracing::error!("{reason}");
                return Err(StoreError::Unavailable {
                    reason: reason.to_owned(),
                    retry_after: None,
                    source: None,
                });
            }
        }
        Ok(())
    }

    fn check_running(&self) -> Result<(), ApiError> {
        if self.shutting_down.load(Ordering::Acquire) {
            return Err(ApiError::new(
                ErrorCode::Overloaded,
                "The server is shutting down. Nothing was changed by this request; send it again.",
            )
            .with_details(serde_json::json!({ "leaving": true }))
            .with_retry_after(1));
        }
        Ok(())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.workshop.tasks.spawn_on(task, &self.workshop.runtime);
    }

    /// Runs a change to its end, also when the caller goes away meanwhile.
    async fn uncancelled<T: Send + 'static>(
        &self,
        task: impl Future<Output = Outcome<T>> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.check_running()?;
        match self.workshop.tasks.spawn_on(task, &self.workshop.runtime).await {
            Ok(outcome) => outcome.map_err(ApiError::from),
            Err(error) => {
                tracing::error!(%error, "a change did not run to its end");
                Err(ApiError::new(
                    ErrorCode::Internal,
                    "A fault of the server. Its log has more under the correlation id.",
                ))
            }
        }
    }

    async fn space(&self, id: Uuid) -> Outcome<Arc<SpaceHandle>> {
        if let Some(handle) = self.spaces.get(&id) {
            return Ok(Arc::clone(&handle));
        }
        let partition = keys::space_partition(id);
        let published = load(&self.store, &partition).await?.ok_or_else(gone)?;
        // A head without a place in the catalogue is a creation that was never acknowledged.
        self.catalogue.get(id).await?;
        let handle = Arc::new(SpaceHandle::new(
            id,
            Arc::clone(&self.store),
            self.config.clone(),
            Arc::clone(&self.contexts),
            Arc::clone(&self.answers),
            published,
        ));
        Ok(Arc::clone(&self.spaces.entry(id).or_insert(handle)))
    }

    /// Asks the writer what is free.
    async fn ask(
        &self,
        handle: &Arc<SpaceHandle>,
        context: &CallContext,
        question: FreeQuestion,
    ) -> Result<FreeAnswer, ApiError> {
        self.check_running()?;
        match submit(handle, &self.workshop, context.clone(), Work::Free(question)).await? {
            Done::Free(answer) => Ok(*answer),
            Done::Outcome(_) | Done::VerifyFirst | Done::Fenced | Done::Tidy | Done::Imported(_) => {
                unreachable!("a question is answered with its answer")
            }
        }
    }

    async fn delete_space(
        self: Arc<Self>,
        context: CallContext,
        id: Uuid,
        options: MutationOptions,
    ) -> Outcome<()> {
        let handle = self.space(id).await?;
        // Nobody renames it between the check and the fence.
        let held = self.catalogue.hold().await;
        let catalogue = self.catalogue.current().await?;
        let space = catalogue.spaces.get(id).ok_or_else(gone)?.view.as_ref();
        check_if_match(options.if_match.as_ref(), space.revision)?;
        self.catalogue.announce_deletion(id).await?;
        match submit(&handle, &self.workshop, context.clone(), Work::Fence).await? {
            Done::Fenced => {}
            Done::Outcome(_) | Done::VerifyFirst | Done::Tidy | Done::Free(_) | Done::Imported(_) => {
                unreachable!("a fence is answered with a fence")
            }
        }
        drop(held);
        self.catalogue.strike(&context, id).await?;
        self.spaces.remove(&id);
        self.wake.notify_one();
        Ok(())
    }
}

fn no_tag() -> Failure {
    Failure::not_found("tag definition in this address space")
}

#[async_trait]
impl DataAccess for LocalDataAccess {
    async fn ready(&self, _context: &CallContext, _request: ()) -> Result<(), ApiError> {
        // Those who look here have to put it right.
        self.inner.look().await.map_err(|error| {
            ApiError::new(
                ErrorCode::StoreUnavailable,
                format!("The store cannot be used: {error}"),
            )
            .with_retry_after(2)
        })
    }

    async fn change_space(
        &self,
        context: &CallContext,
        request: SpaceChangeRequest,
    ) -> Result<SpaceChangeOutcome, ApiError> {
        let this = Arc::clone(&self.inner);
        let context = context.clone();
        self.inner
            .uncancelled(async move {
                if let (SpaceChange::Delete { id }, false) = (&request.change, request.options.dry_run) {
                    let id = *id;
                    this.delete_space(context, id, request.options).await?;
                    return Ok(SpaceChangeOutcome::Committed {
                        space: None,
                        replayed: false,
                    });
                }
                this.catalogue.change(&context, &request).await
            })
            .await
    }

    async fn get_space(&self, _context: &CallContext, request: SpaceQuery) -> Result<SpaceView, ApiError> {
        Ok(self.inner.catalogue.get(request.space).await?)
    }

    async fn list_spaces(
        &self,
        _context: &CallContext,
        request: SpaceListQuery,
    ) -> Result<Listed<SpaceView>, ApiError> {
        Ok(self.inner.catalogue.list(&request).await?)
    }

    async fn space_command(
        &self,
        context: &CallContext,
        request: SpaceCommandRequest,
    ) -> Result<CommandOutcome, ApiError> {
        self.inner.check_running()?;
        // The command itself is safe in the writer's queue; the caller's future only waits for the answer.
        let handle = self.inner.space(request.space).await?;
        handle.command(&self.inner.workshop, context, request).await
    }

    async fn get_tag(&self, _context: &CallContext, request: TagQuery) -> Result<TagView, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.tag(&request.name).await?.ok_or_else(no_tag)?)
    }

    async fn list_tags(
        &self,
        _context: &CallContext,
        request: TagListQuery,
    ) -> Result<Listed<TagView>, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.tags(&request).await?)
    }

    async fn get_node(&self, context: &CallContext, request: NodeQuery) -> Result<Arc<NodeView>, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.node(&context.scope, &request.node).await?)
    }

    async fn explain_node(
        &self,
        context: &CallContext,
        request: NodeQuery,
    ) -> Result<NodeExplained, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.explain(&context.scope, &request.node).await?)
    }

    async fn list_nodes(
        &self,
        context: &CallContext,
        request: NodeListQuery,
    ) -> Result<Listed<NodeView>, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.list(&context.scope, &request).await?)
    }

    async fn lookup(&self, context: &CallContext, request: LookupQuery) -> Result<Vec<NodeView>, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.lookup(&context.scope, &request.target).await?)
    }

    async fn available(
        &self,
        context: &CallContext,
        request: AvailableQuery,
    ) -> Result<Listed<Prefix>, ApiError> {
        let handle = self.inner.space(request.space).await?;
        match self
            .inner
            .ask(&handle, context, FreeQuestion::Available(request))
            .await?
        {
            FreeAnswer::Available(blocks) => Ok(blocks),
            FreeAnswer::Utilization(_) => unreachable!("another question was asked"),
        }
    }

    async fn utilization(
        &self,
        context: &CallContext,
        request: UtilizationQuery,
    ) -> Result<Utilization, ApiError> {
        let handle = self.inner.space(request.space).await?;
        match self
            .inner
            .ask(&handle, context, FreeQuestion::Utilization(request))
            .await?
        {
            FreeAnswer::Utilization(utilization) => Ok(utilization),
            FreeAnswer::Available(_) => unreachable!("another question was asked"),
        }
    }

    async fn search(&self, _context: &CallContext, request: SearchQuery) -> Result<Listed<Found>, ApiError> {
        let inner = &self.inner;
        let search = Search {
            store: &inner.store,
            config: &inner.config,
            catalogue: &inner.catalogue,
            spaces: &inner.spaces,
            contexts: &inner.contexts,
            answers: &inner.answers,
        };
        Ok(search.page(&request).await?)
    }

    async fn get_user(&self, _context: &CallContext, request: UserQuery) -> Result<Arc<Account>, ApiError> {
        Ok(self.inner.users.get(&request).await?)
    }

    async fn list_users(
        &self,
        _context: &CallContext,
        request: UserListQuery,
    ) -> Result<Listed<Arc<Account>>, ApiError> {
        Ok(self.inner.users.list(&request).await?)
    }

    async fn change_user(
        &self,
        context: &CallContext,
        request: UserChangeRequest,
    ) -> Result<UserChangeOutcome, ApiError> {
        let users = Arc::clone(&self.inner.users);
        let context = context.clone();
        self.inner
            .uncancelled(async move { users.change(&context, &request).await })
            .await
    }

    async fn node_history(
        &self,
        context: &CallContext,
        request: HistoryQuery,
    ) -> Result<Listed<HistoryEntry>, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.history(&context.scope, &request).await?)
    }

    async fn changes(&self, context: &CallContext, request: ChangesQuery) -> Result<ChangesPage, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.changes(&context.scope, &request).await?)
    }

    async fn wait_for_change(
        &self,
        _context: &CallContext,
        request: WaitQuery,
    ) -> Result<JournalMark, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.wait_for_change(&request, &self.inner.leaving).await?)
    }

    async fn node_as_of(&self, context: &CallContext, request: NodeAsOfQuery) -> Result<NodeView, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.node_as_of(&context.scope, &request).await?)
    }

    async fn import_part(
        &self,
        context: &CallContext,
        request: ImportPart,
    ) -> Result<ImportPartReport, ApiError> {
        self.inner.check_running()?;
        let handle = self.inner.space(request.space).await?;
        // A part may be several commits: it is brought to its end also when the caller goes away between them.
        let (inner, context) = (Arc::clone(&self.inner), context.clone());
        self.inner
            .uncancelled(async move { Ok(handle.import_part(&inner.workshop, &context, request).await?) })
            .await
    }

    async fn stop_import(&self, context: &CallContext, request: ImportStop) -> Result<ImportView, ApiError> {
        self.inner.check_running()?;
        let handle = self.inner.space(request.space).await?;
        handle.stop_import(&self.inner.workshop, context, request).await
    }

    async fn get_import(&self, context: &CallContext, request: ImportQuery) -> Result<ImportView, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.import(context, request.import).await?)
    }

    async fn list_imports(
        &self,
        context: &CallContext,
        request: ImportListQuery,
    ) -> Result<Listed<ImportView>, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.imports(context, &request).await?)
    }

    async fn list_failed_lines(
        &self,
        context: &CallContext,
        request: FailedLinesQuery,
    ) -> Result<Listed<FailedLine>, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.failed_lines(context, &request).await?)
    }

    async fn read_backup(
        &self,
        _context: &CallContext,
        request: BackupQuery,
    ) -> Result<BackupPart, ApiError> {
        self.inner.check_running()?;
        let part = self.inner.readings.part(&self.inner.store, request).await?;
        if request.backup.is_none() {
            let readings = Arc::clone(&self.inner.readings);
            self.inner.spawn(readings.watch(self.inner.stop.clone()));
        }
        Ok(part)
    }

    async fn isp_get(
        &self,
        context: &CallContext,
        request: IspGet,
    ) -> Result<Vec<Option<Kept<Entity>>>, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.isp_get(&context.scope, &request.keys).await?)
    }

    async fn isp_list(
        &self,
        context: &CallContext,
        request: IspList,
    ) -> Result<Listed<Kept<Entity>>, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle
            .isp_list(&context.scope, &request.list, &request.page)
            .await?)
    }

    async fn isp_ask(&self, context: &CallContext, request: IspAsk) -> Result<IspAnswer, ApiError> {
        let handle = self.inner.space(request.space).await?;
        Ok(handle.isp_ask(context, &request.question).await?)
    }

    async fn claim_outbox(
        &self,
        context: &CallContext,
        request: ClaimOutbox,
    ) -> Result<Vec<ClaimedEntry>, ApiError> {
        self.inner.check_running()?;
        Ok(Box::pin(self.inner.claim_outbox(context, &request)).await?)
    }

    async fn list_nodes_as_of(
        &self,
        context: &CallContext,
        request: NodeListAsOfQuery,
    ) -> Result<Listed<NodeView>, ApiError> {
        let handle = self.inner.space(request.list.space).await?;
        Ok(handle.list_as_of(&context.scope, &request).await?)
    }
}
