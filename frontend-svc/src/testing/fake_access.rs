//! Accounts in memory behind the contract of the data access layer, with the rules of the real thing as far as
//! the tests of this crate need them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::isp::{Entity, Kept};
use cadastre_domain::sessions::{Rotation, rotate, start};
use jiff::Timestamp;
use parking_lot::Mutex;
use uuid::Uuid;

use super::fake_isp::FakeIsp;
use super::fake_journal::FakeJournal;
use super::{TestClock, account};
use crate::clock::Clock;

/// Accounts and the ids of spaces.
#[derive(Default)]
pub(crate) struct FakeAccess {
    accounts: Mutex<BTreeMap<String, Arc<Account>>>,
    spaces: Mutex<Vec<(Uuid, String)>>,
    clock: Option<Arc<TestClock>>,
    fail_changes: AtomicBool,
    before_next_change: Mutex<Option<Account>>,
    replays: Mutex<BTreeMap<String, (String, Option<Uuid>)>>,
    pub(crate) journal: FakeJournal,
    pub(crate) isp: FakeIsp,
}

impl FakeAccess {
    /// Nothing yet, at the time of a clock.
    pub(crate) fn at(clock: Arc<TestClock>) -> Self {
        Self {
            clock: Some(clock),
            ..Self::default()
        }
    }

    pub(crate) fn account(&self, name: &str) -> Option<Arc<Account>> {
        self.accounts.lock().get(name).cloned()
    }

    pub(crate) fn add(&self, account: Account) {
        self.accounts
            .lock()
            .insert(account.name.clone(), Arc::new(account));
    }

    pub(crate) fn add_space(&self) -> Uuid {
        self.add_named_space("a space")
    }

    pub(crate) fn add_named_space(&self, name: &str) -> Uuid {
        let id = Uuid::now_v7();
        self.spaces.lock().push((id, name.to_owned()));
        id
    }

    pub(crate) fn fail_changes(&self, fail: bool) {
        self.fail_changes.store(fail, Ordering::SeqCst);
    }

    /// Lets somebody else write this account just before the next change.
    pub(crate) fn overtake(&self, account: Account) {
        *self.before_next_change.lock() = Some(account);
    }

    /// What is kept of bodies for idempotency.
    pub(crate) fn remembered_body_hashes(&self) -> Vec<String> {
        self.replays
            .lock()
            .values()
            .map(|(body, _)| body.clone())
            .collect()
    }

    fn now(&self) -> Timestamp {
        self.clock
            .as_ref()
            .map_or(Timestamp::UNIX_EPOCH, |clock| clock.now())
    }

    fn decide(&self, name: &str, before: Option<&Account>, change: &UserChange) -> Result<Changed, ApiError> {
        let now = self.now();
        if let UserChange::Create {
            password_hash,
            grants,
        } = change
        {
            if before.is_some() {
                return Err(ApiError::new(ErrorCode::NameTaken, "taken"));
            }
            let (password_hash, grants) = (password_hash.clone(), grants.clone());
            return Ok((
                Some(Account {
                    password_hash,
                    grants,
                    created: now,
                    modified: now,
                    ..account(name)
                }),
                None,
            ));
        }
        let mut after = before.cloned().ok_or_else(|| ApiError::not_found("user"))?;
        after.version += 1;
        let mut refusal = None;
        let mut visible = true;
        match change {
            UserChange::Create { .. } => {}
            UserChange::SetPassword { password_hash } => {
                after.password_hash.clone_from(password_hash);
                after.sessions.clear();
            }
            UserChange::Rehash { from, to } => {
                visible = false;
                assert_eq!(&after.password_hash, from);
                after.password_hash.clone_from(to);
            }
            UserChange::Delete => return Ok((None, None)),
            UserChange::Grant { grant } => after.grants.push(grant.clone()),
            UserChange::Revoke { grant } => after.grants.retain(|known| known.id != *grant),
            UserChange::StartSession { family, max } => {
                visible = false;
                after.sessions = start(after.sessions, family.clone(), now.as_second(), *max);
            }
            UserChange::RotateSession {
                family,
                presented_hash,
                next_hash,
                lifetime,
            } => {
                visible = false;
                let second = now.as_second();
                match rotate(
                    &after.sessions,
                    *family,
                    presented_hash,
                    next_hash,
                    second,
                    *lifetime,
                ) {
                    Rotation::Rotated(next) => {
                        after.sessions.retain(|known| known.id != *family);
                        after.sessions.push(next);
                    }
                    Rotation::Reused => {
                        after.sessions.retain(|known| known.id != *family);
                        refusal = Some(ApiError::new(ErrorCode::TokenReused, "reused"));
                    }
                    Rotation::Unknown => return Err(ApiError::new(ErrorCode::InvalidToken, "unknown")),
                    Rotation::Expired => return Err(ApiError::new(ErrorCode::TokenExpired, "expired")),
                }
            }
            UserChange::EndSession {
                family,
                presented_hash,
            } => {
                visible = false;
                let current = |hash: &String| {
                    after
                        .sessions
                        .iter()
                        .any(|s| s.id == *family && s.current_hash == *hash)
                };
                let lives = after.sessions.iter().any(|s| s.id == *family);
                if lives && presented_hash.as_ref().is_some_and(|hash| !current(hash)) {
                    return Err(ApiError::new(ErrorCode::InvalidToken, "not current"));
                }
                after.sessions.retain(|known| known.id != *family);
            }
            UserChange::AddToken { token } => {
                if after.tokens.iter().any(|known| known.name == token.name) {
                    return Err(ApiError::new(ErrorCode::NameTaken, "taken"));
                }
                after.tokens.push(token.clone());
            }
            UserChange::RevokeToken { id } => {
                if !after.tokens.iter().any(|known| known.id == *id) {
                    return Err(ApiError::not_found("API token of yours"));
                }
                after.tokens.retain(|known| known.id != *id);
            }
        }
        if visible {
            after.revision += 1;
            after.modified = now;
        }
        Ok((Some(after), refusal))
    }
}

/// The account after a change, and what the caller is told although it is durable.
type Changed = (Option<Account>, Option<ApiError>);

fn view(id: Uuid, name: &str) -> SpaceView {
    SpaceView {
        id,
        name: name.to_owned(),
        description: String::new(),
        created: Timestamp::UNIX_EPOCH,
        modified: Timestamp::UNIX_EPOCH,
        revision: 1,
    }
}

fn not_here<T>() -> Result<T, ApiError> {
    Err(ApiError::new(ErrorCode::Internal, "not part of these tests"))
}

#[async_trait]
impl DataAccess for FakeAccess {
    async fn ready(&self, _: &CallContext, (): ()) -> Result<(), ApiError> {
        if self.fail_changes.load(Ordering::SeqCst) {
            return Err(ApiError::new(ErrorCode::StoreUnavailable, "away").with_retry_after(1));
        }
        Ok(())
    }

    async fn get_user(&self, _: &CallContext, request: UserQuery) -> Result<Arc<Account>, ApiError> {
        self.account(&request.name)
            .ok_or_else(|| ApiError::not_found("user"))
    }

    async fn list_users(
        &self,
        _: &CallContext,
        request: UserListQuery,
    ) -> Result<Listed<Arc<Account>>, ApiError> {
        let accounts = self.accounts.lock();
        let after = request.page.after.unwrap_or_default();
        let mut items: Vec<_> = accounts
            .values()
            .filter(|account| account.name > after)
            .cloned()
            .collect();
        let more = items.len() > request.page.limit;
        items.truncate(request.page.limit);
        let next = items.last().filter(|_| more).map(|account| account.name.clone());
        Ok(Listed { items, next })
    }

    async fn change_user(
        &self,
        _: &CallContext,
        request: UserChangeRequest,
    ) -> Result<UserChangeOutcome, ApiError> {
        if self.fail_changes.load(Ordering::SeqCst) {
            return Err(ApiError::new(ErrorCode::StoreUnavailable, "away").with_retry_after(1));
        }
        if let Some(overtaking) = self.before_next_change.lock().take() {
            self.add(overtaking);
        }
        let mut accounts = self.accounts.lock();
        let before = accounts.get(&request.name).cloned();
        let UserChangeRequest {
            name,
            change,
            options,
        } = request;
        if let Some(key) = &options.idempotency
            && let Some((body, subject)) = self.replays.lock().get(&key.key_hash)
        {
            if *body != key.body_hash {
                return Err(ApiError::new(ErrorCode::IdempotencyMismatch, "another body"));
            }
            return Ok(UserChangeOutcome::Committed {
                account: before,
                replayed: true,
                subject: *subject,
            });
        }
        let revision = before.as_ref().map(|account| account.revision);
        if options
            .if_match
            .as_ref()
            .is_some_and(|tags| !revision.is_some_and(|revision| tags.matches(revision)))
        {
            return Err(ApiError::new(ErrorCode::PreconditionFailed, "stale"));
        }
        let decided = self.decide(&name, before.as_deref(), &change);
        if options.dry_run {
            let (after, conflict) = match decided {
                Ok((after, refusal)) => (after.map(Arc::new), refusal),
                Err(error) => (None, Some(error)),
            };
            return Ok(UserChangeOutcome::Planned {
                before,
                after,
                conflict,
            });
        }
        let (after, refusal) = decided?;
        let after = after.map(Arc::new);
        match &after {
            Some(account) => accounts.insert(name, Arc::clone(account)),
            None => accounts.remove(&name),
        };
        if let Some(key) = options.idempotency {
            let subject = if let UserChange::Grant { grant } = &change {
                Some(grant.id)
            } else {
                None
            };
            self.replays.lock().insert(key.key_hash, (key.body_hash, subject));
        }
        match refusal {
            Some(refusal) => Err(refusal),
            None => Ok(UserChangeOutcome::Committed {
                account: after,
                replayed: false,
                subject: None,
            }),
        }
    }

    async fn get_space(&self, _: &CallContext, request: SpaceQuery) -> Result<SpaceView, ApiError> {
        let spaces = self.spaces.lock();
        let found = spaces.iter().find(|(id, _)| *id == request.space);
        found
            .map(|(id, name)| view(*id, name))
            .ok_or_else(|| ApiError::not_found("address space"))
    }

    async fn change_space(
        &self,
        _: &CallContext,
        _: SpaceChangeRequest,
    ) -> Result<SpaceChangeOutcome, ApiError> {
        not_here()
    }
    async fn list_spaces(
        &self,
        _: &CallContext,
        request: SpaceListQuery,
    ) -> Result<Listed<SpaceView>, ApiError> {
        let wanted = request.name_contains.unwrap_or_default().to_lowercase();
        let spaces = self.spaces.lock();
        let seen = spaces.iter().filter(|(id, name)| {
            request.only.as_ref().is_none_or(|only| only.contains(id))
                && name.to_lowercase().contains(&wanted)
        });
        Ok(Listed {
            items: seen
                .take(request.page.limit)
                .map(|(id, name)| view(*id, name))
                .collect(),
            next: None,
        })
    }
    async fn space_command(
        &self,
        _: &CallContext,
        request: SpaceCommandRequest,
    ) -> Result<CommandOutcome, ApiError> {
        self.isp.command(request, self.now())
    }
    async fn get_tag(&self, _: &CallContext, _: TagQuery) -> Result<TagView, ApiError> {
        not_here()
    }
    async fn list_tags(&self, _: &CallContext, _: TagListQuery) -> Result<Listed<TagView>, ApiError> {
        not_here()
    }
    async fn get_node(&self, _: &CallContext, _: NodeQuery) -> Result<Arc<NodeView>, ApiError> {
        not_here()
    }
    async fn explain_node(&self, _: &CallContext, _: NodeQuery) -> Result<NodeExplained, ApiError> {
        not_here()
    }
    async fn list_nodes(&self, _: &CallContext, _: NodeListQuery) -> Result<Listed<NodeView>, ApiError> {
        not_here()
    }
    async fn lookup(&self, _: &CallContext, _: LookupQuery) -> Result<Vec<NodeView>, ApiError> {
        not_here()
    }
    async fn search(&self, _: &CallContext, _: SearchQuery) -> Result<Listed<Found>, ApiError> {
        not_here()
    }
    async fn available(&self, _: &CallContext, _: AvailableQuery) -> Result<Listed<Prefix>, ApiError> {
        not_here()
    }
    async fn utilization(&self, _: &CallContext, _: UtilizationQuery) -> Result<Utilization, ApiError> {
        not_here()
    }
    async fn node_history(&self, _: &CallContext, _: HistoryQuery) -> Result<Listed<HistoryEntry>, ApiError> {
        not_here()
    }
    async fn changes(&self, context: &CallContext, request: ChangesQuery) -> Result<ChangesPage, ApiError> {
        self.journal.changes(&context.scope, request)
    }
    async fn wait_for_change(&self, _: &CallContext, request: WaitQuery) -> Result<JournalMark, ApiError> {
        self.journal.wait(request).await
    }
    async fn node_as_of(&self, _: &CallContext, _: NodeAsOfQuery) -> Result<NodeView, ApiError> {
        not_here()
    }
    async fn import_part(&self, _: &CallContext, _: ImportPart) -> Result<ImportPartReport, ApiError> {
        not_here()
    }
    async fn stop_import(&self, _: &CallContext, _: ImportStop) -> Result<ImportView, ApiError> {
        not_here()
    }
    async fn get_import(&self, _: &CallContext, _: ImportQuery) -> Result<ImportView, ApiError> {
        not_here()
    }
    async fn list_imports(
        &self,
        _: &CallContext,
        _: ImportListQuery,
    ) -> Result<Listed<ImportView>, ApiError> {
        not_here()
    }
    async fn list_failed_lines(
        &self,
        _: &CallContext,
        _: FailedLinesQuery,
    ) -> Result<Listed<FailedLine>, ApiError> {
        not_here()
    }
    async fn read_backup(&self, _: &CallContext, _: BackupQuery) -> Result<BackupPart, ApiError> {
        not_here()
    }
    async fn isp_get(&self, _: &CallContext, request: IspGet) -> Result<Vec<Option<Kept<Entity>>>, ApiError> {
        Ok(self.isp.get(&request))
    }
    async fn isp_list(&self, _: &CallContext, request: IspList) -> Result<Listed<Kept<Entity>>, ApiError> {
        Ok(self.isp.list(&request))
    }
    async fn isp_ask(&self, _: &CallContext, request: IspAsk) -> Result<IspAnswer, ApiError> {
        self.isp.ask(&request)
    }
    async fn claim_outbox(&self, _: &CallContext, _: ClaimOutbox) -> Result<Vec<ClaimedEntry>, ApiError> {
        not_here()
    }
    async fn list_nodes_as_of(
        &self,
        _: &CallContext,
        _: NodeListAsOfQuery,
    ) -> Result<Listed<NodeView>, ApiError> {
        not_here()
    }
}
