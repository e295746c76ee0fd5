//! Accounts in their partitions: lists and changes.

use std::sync::Arc;
use std::time::Duration;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{
    Account, CallContext, Listed, UserChange, UserChangeOutcome, UserChangeRequest, UserListQuery,
};
use cadastre_domain::names::UserName;
use cadastre_domain::roles::{Grant, Role};
use cadastre_storage::{PartitionKey, Store, StoreError, Write};
use jiff::Timestamp;
use quick_cache::sync::Cache;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::change::{Changed, decide};
use super::read::Remembered;
use crate::catalogue::Catalogue;
use crate::clock::micros;
use crate::config::DataAccessConfig;
use crate::errors::{Failure, Outcome};
use crate::idempotency;
use crate::idempotency::Remembered as RememberedChange;
use crate::keys;
use crate::records::{
    AccountRecord, IdempotencyRecord, JournalEntry, JournalImage, UserHeadRecord, decode, encode,
};
use crate::rows::Rows;

/// Tries before a change that keeps losing races gives up.
const TRIES: u32 = 8;
/// Accounts of different users that may change at the same time.
const LANES: usize = 64;

/// All accounts.
pub(crate) struct Users {
    pub(super) store: Arc<dyn Store>,
    pub(super) config: DataAccessConfig,
    catalogue: Arc<Catalogue>,
    pub(super) cache: Cache<String, Remembered>,
    lanes: Vec<Mutex<()>>,
    /// Held while an administrator is removed.
    administrators: Mutex<()>,
}

/// What is stored of a user, with the head's version in the store.
pub(super) struct Stored {
    pub(super) head: Option<(UserHeadRecord, cadastre_storage::Etag)>,
    pub(super) account: Option<Account>,
}

impl Users {
    pub(crate) fn new(store: Arc<dyn Store>, config: DataAccessConfig, catalogue: Arc<Catalogue>) -> Self {
        let cache = Cache::new(config.account_cache_entries);
        let lanes = (0..LANES).map(|_| Mutex::new(())).collect();
        Self {
            store,
            config,
            catalogue,
            cache,
            lanes,
            administrators: Mutex::new(()),
        }
    }

    /// A page of accounts by name.
    pub(crate) async fn list(&self, query: &UserListQuery) -> Outcome<Listed<Arc<Account>>> {
        let part = query.name_contains.as_deref().map(str::to_lowercase);
        let after = match query.page.after.as_deref().map(UserName::new).transpose() {
            Ok(after) => after,
            Err(_) => {
                return Err(Failure::refused(
                    ErrorCode::InvalidCursor,
                    "This cursor does not belong to this list; start again without one.",
                ));
            }
        };
        let mut range = keys::user_index_range(after.as_ref().map(AsRef::as_ref));
        let mut items = Vec::new();
        loop {
            let (page, next) = self.catalogue.rows().scan(&range, 256).await?;
            for (key, _) in page {
                let Some(name) = keys::parse_user_index(&key) else {
                    continue;
                };
                if part.as_deref().is_some_and(|part| !name.contains(part)) {
                    continue;
                }
                match self.shown(&name).await {
                    Ok(account) => items.push(account),
                    // The index may name one too many, never one too few.
                    Err(Failure::Refused(error)) if error.code == ErrorCode::NotFound => continue,
                    Err(failure) => return Err(failure),
                }
                if items.len() >= query.page.limit {
                    return Ok(Listed {
                        items,
                        next: Some(name),
                    });
                }
            }
            match next {
                Some(next) => range.start = Some(next),
                None => return Ok(Listed { items, next: None }),
            }
        }
    }

    /// Does, or plans, a change.
    pub(crate) async fn change(
        &self,
        context: &CallContext,
        request: &UserChangeRequest,
    ) -> Outcome<UserChangeOutcome> {
        let partition = keys::user_partition(&request.name);
        let if_match = request.options.if_match.as_ref();
        if request.options.dry_run {
            return self.plan(&partition, request).await;
        }
        let _one_at_a_time = self.check_administrators(context, request).await?;
        // Held over the list of users too: a deletion must not strike a user that is being made again.
        let _lane = self.lane(&request.name).lock().await;
        if let UserChange::Create { .. } = request.change {
            // The list of users first: one too many is harmless, one too few would hide an account.
            self.enter_in_index(request).await?;
        }
        let key = request.options.idempotency.as_ref();
        let outcome = {
            let mut done = None;
            for attempt in 0..TRIES {
                if attempt > 0 {
                    let most = 2_u64.saturating_pow(attempt).min(250);
                    tokio::time::sleep(Duration::from_millis(rand::random_range(most / 2..=most))).await;
                }
                let stored = self.stored(&partition).await?;
                let now = self.now(&stored);
                if let Some(key) = key {
                    let rows = Rows::durable(&self.store, &partition);
                    let found = idempotency::find(rows, key, now, self.config.idempotency_lifetime).await?;
                    if let Some(record) = found {
                        return Ok(replay(request, stored, &record));
                    }
                }
                let version = stored.head.as_ref().map_or(0, |(head, _)| head.version) + 1;
                let account = stored.account.as_ref();
                let changed = decide(&request.name, account, &request.change, if_match, now, version)?;
                if changed.account.is_some() && changed.account.as_ref() == account {
                    done = Some(changed);
                    break;
                }
                let committed = self
                    .commit(&partition, context, request, &stored, &changed, now)
                    .await?;
                if let Some(commit) = committed {
                    match &changed.account {
                        Some(account) => self.remember(commit, Arc::new(account.clone())),
                        None => {
                            self.cache.remove(&request.name);
                        }
                    }
                    done = Some(changed);
                    break;
                }
                self.cache.remove(&request.name);
            }
            done
        };
        let changed = outcome.ok_or_else(|| Failure::from(StoreError::Changed { key: keys::head() }))?;
        if changed.account.is_none() {
            let row = Write::Delete {
                key: keys::user_index(&request.name),
            };
            if let Err(failure) = self.catalogue.write_rows(vec![row]).await {
                // The account is gone, which is what was asked; lists pass over names without an account.
                tracing::warn!(%failure, "a deleted user stays in the index of users");
            }
        }
        if let Some(refusal) = changed.refusal {
            return Err(refusal.into());
        }
        Ok(UserChangeOutcome::Committed {
            account: changed.account.map(Arc::new),
            replayed: false,
            subject: changed.made,
        })
    }

    /// Writes the row of the list of users. The key of a creation is remembered with it, whichever user it named,
    /// so that the same key with another user is a mismatch; whether it was done stands in the user's partition.
    async fn enter_in_index(&self, request: &UserChangeRequest) -> Outcome<()> {
        let rows = self.catalogue.rows();
        let mut writes = Vec::new();
        if let Some(key) = &request.options.idempotency {
            let now = micros(self.config.clock.now());
            let lifetime = self.config.idempotency_lifetime;
            if idempotency::find(rows, key, now, lifetime).await?.is_none() {
                let mut kept = idempotency::sweep(rows, now, lifetime).await?;
                kept.extend(idempotency::remember(
                    key,
                    0,
                    now,
                    lifetime,
                    &RememberedChange::default(),
                ));
                writes.extend(idempotency::as_writes(kept));
            }
        }
        let row = keys::user_index(&request.name);
        if rows.get(&row).await?.is_none() {
            writes.push(Write::Put {
                key: row,
                value: "{\"V\":1}".into(),
            });
        }
        if writes.is_empty() {
            Ok(())
        } else {
            self.catalogue.write_rows(writes).await
        }
    }

    /// Who takes the power of an administrator away keeps it: so one always remains. Held until the change is done.
    async fn check_administrators(
        &self,
        context: &CallContext,
        request: &UserChangeRequest,
    ) -> Outcome<Option<tokio::sync::MutexGuard<'_, ()>>> {
        let revoked = match &request.change {
            UserChange::Delete => None,
            UserChange::Revoke { grant } => Some(*grant),
            UserChange::Create { .. }
            | UserChange::SetPassword { .. }
            | UserChange::Rehash { .. }
            | UserChange::Grant { .. }
            | UserChange::StartSession { .. }
            | UserChange::RotateSession { .. }
            | UserChange::EndSession { .. }
            | UserChange::AddToken { .. }
            | UserChange::RevokeToken { .. } => return Ok(None),
        };
        let guard = self.administrators.lock().await;
        let account = self.decided_on(&request.name).await?;
        let is_administrator = |grant: &Grant| grant.role == Role::SystemAdmin;
        let concerned = account
            .grants
            .iter()
            .any(|grant| is_administrator(grant) && revoked.is_none_or(|revoked| revoked == grant.id));
        if !concerned {
            return Ok(None);
        }
        if context.actor == request.name {
            return Err(Failure::refused(
                ErrorCode::InUse,
                "You cannot take your own administration rights away; another system administrator can.",
            ));
        }
        if !self
            .decided_on(&context.actor)
            .await?
            .grants
            .iter()
            .any(is_administrator)
        {
            return Err(Failure::refused(
                ErrorCode::Forbidden,
                "You are no system administrator (any more), so you cannot take that role from others.",
            ));
        }
        Ok(Some(guard))
    }

    async fn plan(
        &self,
        partition: &PartitionKey,
        request: &UserChangeRequest,
    ) -> Outcome<UserChangeOutcome> {
        let stored = self.stored(partition).await?;
        let now = self.now(&stored);
        let version = stored.head.as_ref().map_or(0, |(head, _)| head.version) + 1;
        let before = stored.account.clone().map(Arc::new);
        let if_match = request.options.if_match.as_ref();
        match decide(
            &request.name,
            stored.account.as_ref(),
            &request.change,
            if_match,
            now,
            version,
        ) {
            Ok(changed) => {
                let after = changed.account.map(Arc::new);
                Ok(UserChangeOutcome::Planned {
                    before,
                    after,
                    conflict: changed.refusal,
                })
            }
            Err(Failure::Refused(error)) if error.code.status() == 409 => Ok(UserChangeOutcome::Planned {
                before: None,
                after: None,
                conflict: Some(*error),
            }),
            Err(failure) => Err(failure),
        }
    }

    pub(super) fn lane(&self, name: &str) -> &Mutex<()> {
        use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(name);
        &self.lanes[(hash % LANES as u64) as usize]
    }

    fn now(&self, stored: &Stored) -> Timestamp {
        let now = micros(self.config.clock.now());
        stored
            .head
            .as_ref()
            .map_or(now, |(head, _)| now.max(head.last_time))
    }

    pub(super) async fn stored(&self, partition: &PartitionKey) -> Outcome<Stored> {
        let mut rows = self
            .store
            .get_many(partition, &[keys::head(), keys::account()])
            .await?
            .into_iter();
        let head = match rows.next().flatten() {
            Some(row) => Some((decode(&row.key, &row.value)?, row.etag)),
            None => None,
        };
        let account = match rows.next().flatten() {
            Some(row) => Some(decode::<AccountRecord>(&row.key, &row.value)?.account),
            None => None,
        };
        Ok(Stored { head, account })
    }

    /// The id of the commit; `None` = lost a race.
    async fn commit(
        &self,
        partition: &PartitionKey,
        context: &CallContext,
        request: &UserChangeRequest,
        stored: &Stored,
        changed: &Changed,
        now: Timestamp,
    ) -> Outcome<Option<Uuid>> {
        let head = UserHeadRecord {
            v: 1,
            version: stored.head.as_ref().map_or(0, |(head, _)| head.version) + 1,
            commit_id: Uuid::new_v4(),
            last_time: now,
        };
        let value = encode(&head);
        let mut writes = vec![match &stored.head {
            Some((_, etag)) => Write::Replace {
                key: keys::head(),
                value,
                etag: etag.clone(),
            },
            None => Write::Create {
                key: keys::head(),
                value,
            },
        }];
        writes.push(match &changed.account {
            Some(account) => Write::Put {
                key: keys::account(),
                value: encode(&AccountRecord {
                    v: 1,
                    account: account.clone(),
                }),
            },
            None => Write::Delete { key: keys::account() },
        });
        if let Some(what) = &changed.audit {
            let entry = JournalEntry {
                version: head.version,
                time: head.last_time,
                actor: context.actor.clone(),
                correlation_id: context.correlation_id.clone(),
                command: "ChangeUser".to_owned(),
                reverts: None,
                changes: vec![JournalImage::User { what: what.clone() }],
                nodes: Vec::new(),
            };
            let rows = entry.rows(head.commit_id).into_iter();
            writes.extend(rows.map(|(key, value)| Write::Put { key, value }));
        }
        if let Some(key) = &request.options.idempotency {
            let lifetime = self.config.idempotency_lifetime;
            let what = RememberedChange {
                made: changed.made,
                ..RememberedChange::default()
            };
            let rows = Rows::durable(&self.store, partition);
            let mut rows = idempotency::sweep(rows, head.last_time, lifetime).await?;
            rows.extend(idempotency::remember(
                key,
                head.version,
                head.last_time,
                lifetime,
                &what,
            ));
            writes.extend(idempotency::as_writes(rows));
        }
        match self.store.commit(partition, writes).await {
            Ok(_) => Ok(Some(head.commit_id)),
            Err(StoreError::Exists { .. } | StoreError::Changed { .. }) => Ok(None),
            Err(StoreError::OutcomeUnknown { reason, source }) => {
                self.cache.remove(&request.name);
                crate::metrics::unknown_outcome();
                for attempt in 1..=10_u32 {
                    match self.stored(partition).await {
                        // The lane keeps others of this process away, so the head is ours or it did not happen
                        // (or another replica has written since: then the change is decided again).
                        Ok(fresh) => {
                            let now = fresh.head.map(|(now, _)| now.commit_id);
                            return Ok(now.filter(|commit| *commit == head.commit_id));
                        }
                        Err(_) => tokio::time::sleep(Duration::from_millis(u64::from(attempt) * 25)).await,
                    }
                }
                Err(StoreError::OutcomeUnknown { reason, source }.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The first answer again. That to a creation is built from the record alone: whatever became of the user since,
/// it told of a user just made.
fn replay(request: &UserChangeRequest, stored: Stored, record: &IdempotencyRecord) -> UserChangeOutcome {
    let account = match &request.change {
        UserChange::Create { grants, .. } => Some(Account {
            name: request.name.clone(),
            password_hash: String::new(),
            grants: grants.clone(),
            sessions: Vec::new(),
            tokens: Vec::new(),
            created: record.time,
            modified: record.time,
            revision: record.version,
            version: record.version,
        }),
        UserChange::SetPassword { .. }
        | UserChange::Rehash { .. }
        | UserChange::Delete
        | UserChange::Grant { .. }
        | UserChange::Revoke { .. }
        | UserChange::StartSession { .. }
        | UserChange::RotateSession { .. }
        | UserChange::EndSession { .. }
        | UserChange::AddToken { .. }
        | UserChange::RevokeToken { .. } => stored.account,
    };
    UserChangeOutcome::Committed {
        account: account.map(Arc::new),
        replayed: true,
        subject: record.made,
    }
}
