//! What resolvers of one request share: who calls, and the address spaces that the request names.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, HashMapCache};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{Account, PoolFigures};
use cadastre_domain::isp::{EntityKey, Kept, Reservation, SubscriberId};
use cadastre_domain::roles::Permission::IspIpamRead;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::loaders::{Figures, Holdings, Questions, Things, batched, needed};
use crate::http::reply::unexpected;
use crate::isp::pools::WithDays;
use crate::isp::{IspCaller, Part, space};
use crate::state::FrontendState;

/// One request.
pub(crate) struct Session {
    account: Arc<Account>,
    correlation_id: String,
    state: Arc<FrontendState>,
    /// The address space that the request names beside its document.
    named: Option<String>,
    /// Address spaces by what names them, and what was read in them.
    spaces: tokio::sync::Mutex<BTreeMap<Option<String>, Arc<InSpace>>>,
    /// What is said beside the data, by kind and by the key of a field in the answer.
    said: Mutex<BTreeMap<&'static str, BTreeMap<String, Value>>>,
    recheck: Option<Recheck>,
}

impl Session {
    /// A request; `recheck` is needed by subscriptions.
    pub(crate) fn new(
        account: Arc<Account>,
        correlation_id: String,
        state: Arc<FrontendState>,
        named: Option<String>,
        recheck: Option<Recheck>,
    ) -> Self {
        Self {
            account,
            correlation_id,
            state,
            named,
            spaces: tokio::sync::Mutex::default(),
            said: Mutex::default(),
            recheck,
        }
    }

    /// The session of a resolver.
    ///
    /// # Errors
    /// `500`: a request was made without one.
    pub(super) fn of<'a>(context: &Context<'a>) -> Result<&'a Self, ApiError> {
        match context.data_opt::<Arc<Self>>() {
            Some(session) => Ok(session),
            None => Err(unexpected("a request of GraphQL without a session")),
        }
    }

    /// The address space of a field that reads: what was read there for another field of the request is known.
    ///
    /// # Errors
    /// `400 AddressSpaceRequired`; `404` for a name that none has.
    pub(super) async fn space(&self, named: Option<String>) -> Result<Arc<InSpace>, ApiError> {
        let mut spaces = self.spaces.lock().await;
        if let Some(known) = spaces.get(&named) {
            return Ok(Arc::clone(known));
        }
        let caller = self.caller(named.as_deref()).await?;
        // The same space under another name is the same.
        let known = spaces.values().find(|known| known.caller.space == caller.space);
        let space = known.map_or_else(|| InSpace::new(caller), Arc::clone);
        spaces.insert(named, Arc::clone(&space));
        Ok(space)
    }

    /// The address space of a field that writes: nothing that was read before counts.
    ///
    /// # Errors
    /// As [`Session::space`].
    pub(super) async fn fresh(&self, named: Option<&str>) -> Result<Arc<InSpace>, ApiError> {
        self.caller(named).await.map(InSpace::new)
    }

    async fn caller(&self, named: Option<&str>) -> Result<IspCaller, ApiError> {
        let named = named.or(self.named.as_deref()).map(str::trim);
        let named = named.filter(|text| !text.is_empty());
        let space = space::resolve(&*self.state.access, &self.account, &self.correlation_id, named).await?;
        Ok(IspCaller {
            account: Arc::clone(&self.account),
            space,
            correlation_id: self.correlation_id.clone(),
            state: Arc::clone(&self.state),
        })
    }

    /// Says something beside the data about a field.
    pub(super) fn say(&self, context: &Context<'_>, kind: &'static str, what: Value) {
        let field = context.field();
        let key = field.alias().unwrap_or(field.name()).to_owned();
        self.said.lock().entry(kind).or_default().insert(key, what);
    }

    /// All that was said.
    pub(crate) fn said(&self) -> Option<Value> {
        let said = self.said.lock();
        (!said.is_empty()).then(|| serde_json::json!(*said))
    }

    /// The way to check the caller again.
    ///
    /// # Errors
    /// `500` outside of a stream.
    pub(super) fn recheck(&self) -> Result<Recheck, ApiError> {
        self.recheck
            .clone()
            .ok_or_else(|| unexpected("a subscription without a stream"))
    }
}

/// Checks the caller of a stream again. The request itself stays with the thread that answers it, so whoever follows
/// changes asks there.
#[derive(Clone)]
pub(crate) struct Recheck(mpsc::UnboundedSender<Ask>);

/// A question whether the caller still is who they were.
pub(crate) type Ask = oneshot::Sender<Result<Arc<Account>, ApiError>>;

impl Recheck {
    /// A way to ask, and where the questions arrive.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Ask>) {
        let (asks, arriving) = mpsc::unbounded_channel();
        (Self(asks), arriving)
    }

    /// The caller's account as it is stored now.
    ///
    /// # Errors
    /// `401` if they may not call any more.
    pub(super) async fn account(&self) -> Result<Arc<Account>, ApiError> {
        let (ask, answer) = oneshot::channel();
        let gone = || unexpected("nobody who checks the caller of a stream");
        self.0.send(ask).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// An address space in a request, and what was read there.
pub(super) struct InSpace {
    /// Who calls.
    pub(super) caller: IspCaller,
    things: DataLoader<Things, HashMapCache>,
    figures: DataLoader<Figures, HashMapCache>,
    holdings: DataLoader<Holdings, HashMapCache>,
    questions: Questions,
}

impl InSpace {
    /// Nothing was read yet.
    pub(super) fn new(caller: IspCaller) -> Arc<Self> {
        let questions = Questions::default();
        Arc::new(Self {
            things: batched(Things(caller.clone()), &questions),
            figures: batched(Figures(caller.clone()), &questions),
            holdings: batched(Holdings(caller.clone()), &questions),
            questions,
            caller,
        })
    }

    /// A thing that another one names: read together with all that are asked for at the same time.
    ///
    /// # Errors
    /// `403` if the caller may not see things of its kind.
    pub(super) async fn thing<T: Part>(&self, key: EntityKey) -> Result<Option<Kept<T>>, ApiError> {
        // What one field may not see must not fail the others of its batch.
        self.caller.may(needed(key.kind()))?;
        self.questions.ask();
        let found = self.things.load_one(key).await?;
        Ok(found.and_then(|kept| T::of_kept((*kept).clone())))
    }

    /// The figures of a pool, with its days only if they are asked for, read together with all that are asked for at the same time.
    ///
    /// # Errors
    /// `404` for a pool that is gone.
    pub(super) async fn figures(&self, pool: Uuid, days: WithDays) -> Result<Arc<PoolFigures>, ApiError> {
        self.questions.ask();
        let found = self.figures.load_one((pool, days)).await?;
        found.ok_or_else(|| ApiError::not_found("pool"))
    }

    /// What a subscriber holds now, read together with all that are asked for at the same time.
    ///
    /// # Errors
    /// `403` if the caller may not see reservations.
    pub(super) async fn holdings(
        &self,
        subscriber: SubscriberId,
    ) -> Result<Vec<Kept<Reservation>>, ApiError> {
        self.caller.may(IspIpamRead)?;
        self.questions.ask();
        let found = self.holdings.load_one(subscriber).await?;
        Ok(found.map(Arc::unwrap_or_clone).unwrap_or_default())
    }
}
