//! Reads of accounts. Where nobody else writes the store, memory is believed. Else the head of the user is read every time,
//! and what is remembered counts if it belongs to that head's commit: whole accounts in memory, and what is no secret of them
//! in the shared cache too.

use std::sync::Arc;

use cadastre_api_types::internal::{Account, UserQuery};
use cadastre_storage::{CacheKey, Kind, SharedCache};
use uuid::Uuid;

use super::change::no_user;
use super::store::{Stored, Users};
use crate::errors::Outcome;
use crate::keys;
use crate::records::{AccountRecord, UserHeadRecord};
use crate::rows::Rows;

/// An account in memory.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    /// The commit that made it what it is.
    commit: Uuid,
    account: Arc<Account>,
    /// With its secrets.
    complete: bool,
}

fn key(cache: &SharedCache, name: &str, commit: Uuid) -> CacheKey {
    cache.key(Kind::Accounts, &[name.as_bytes(), commit.as_bytes()])
}

/// An account without the hashes of password and tokens: who can read the cache is not to try passwords.
fn without_secrets(account: &Account) -> Account {
    let mut account = account.clone();
    account.password_hash.clear();
    for session in &mut account.sessions {
        session.current_hash.clear();
    }
    for token in &mut account.tokens {
        token.hash.clear();
    }
    account
}

impl Users {
    /// One account.
    pub(crate) async fn get(&self, query: &UserQuery) -> Outcome<Arc<Account>> {
        if self.store.limits().exclusive {
            self.known(&query.name).await
        } else {
            self.at_its_head(query).await
        }
    }

    /// One account as a list shows it.
    pub(super) async fn shown(&self, name: &str) -> Outcome<Arc<Account>> {
        self.get(&UserQuery::without_secrets(name)).await
    }

    /// One account for a decision: nothing that came from the shared cache.
    pub(super) async fn decided_on(&self, name: &str) -> Outcome<Arc<Account>> {
        self.get(&UserQuery::complete(name)).await
    }

    async fn known(&self, name: &str) -> Outcome<Arc<Account>> {
        if let Some(known) = self.cache.get(name) {
            return Ok(known.account);
        }
        // Under the lane, so that an older state never overwrites what a change has just put into the cache.
        let _lane = self.lane(name).lock().await;
        let partition = keys::user_partition(name);
        let rows = Rows::durable(&self.store, &partition);
        let record: Option<AccountRecord> = rows.record(&keys::account()).await?;
        let account = Arc::new(record.ok_or_else(no_user)?.account);
        let remembered = Remembered {
            commit: Uuid::nil(),
            account: Arc::clone(&account),
            complete: true,
        };
        self.cache.insert(name.to_owned(), remembered);
        Ok(account)
    }

    async fn at_its_head(&self, query: &UserQuery) -> Outcome<Arc<Account>> {
        let name = query.name.as_str();
        let partition = keys::user_partition(name);
        let known = self.cache.get(name);
        let cache = self.config.cache.as_ref().filter(|_| query.without_secrets);
        if known.is_none() && cache.is_none() {
            // Nothing that the head could be held against: both rows are read together.
            let Stored { head, account } = self.stored(&partition).await?;
            let account = Arc::new(account.ok_or_else(no_user)?);
            if let Some((head, _)) = head {
                self.learn(&head, &account);
            }
            return Ok(account);
        }
        let rows = Rows::durable(&self.store, &partition);
        let head: Option<UserHeadRecord> = rows.record(&keys::head()).await?;
        let head = head.ok_or_else(no_user)?;
        if let Some(known) = known
            && known.commit == head.commit_id
            && (known.complete || query.without_secrets)
        {
            return Ok(known.account);
        }
        if let Some(cache) = cache
            && let Some(bytes) = cache
                .read_one(Kind::Accounts, &key(cache, name, head.commit_id))
                .await
            && let Ok(account) = serde_json::from_slice::<Account>(&bytes)
            && (account.name.as_str(), account.version) == (name, head.version)
        {
            let account = Arc::new(account);
            let remembered = Remembered {
                commit: head.commit_id,
                account: Arc::clone(&account),
                complete: false,
            };
            self.cache.insert(name.to_owned(), remembered);
            return Ok(account);
        }
        let record: Option<AccountRecord> = rows.record(&keys::account()).await?;
        let account = Arc::new(record.ok_or_else(no_user)?.account);
        self.learn(&head, &account);
        Ok(account)
    }

    /// Remembers what was read with a head, if it belongs to it.
    fn learn(&self, head: &UserHeadRecord, account: &Arc<Account>) {
        if account.version == head.version {
            self.remember(head.commit_id, Arc::clone(account));
        }
    }

    /// Remembers an account as a commit has left it.
    pub(super) fn remember(&self, commit: Uuid, account: Arc<Account>) {
        if let Some(cache) = &self.config.cache
            && let Ok(bytes) = serde_json::to_vec(&without_secrets(&account))
        {
            cache.fill(
                Kind::Accounts,
                vec![(key(cache, &account.name, commit), bytes.into())],
            );
        }
        let remembered = Remembered {
            commit,
            complete: true,
            account,
        };
        self.cache.insert(remembered.account.name.clone(), remembered);
    }
}
