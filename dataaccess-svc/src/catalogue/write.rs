//! Changes of the catalogue. One at a time in this process; the head's etag keeps replicas apart.

use bytes::Bytes;
use cadastre_api_types::internal::{
    CallContext, IdempotencyKey, SpaceChange, SpaceChangeOutcome, SpaceChangeRequest, SpaceView,
};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_storage::{RowKey, StoreError, Write};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

use super::Catalogue;
use super::state::{Snapshot, fold};
use crate::clock::micros;
use crate::errors::{Failure, Outcome};
use crate::idempotency::{self, Remembered};
use crate::keys;
use crate::records::{
    HeadRecord, JournalEntry, JournalImage, JournalRecord, PurgeHintRecord, SpaceRecord, SystemHeadRecord,
    decode, encode,
};
use crate::space::{check_if_match, gone};

/// Tries before a change that keeps losing races gives up.
const TRIES: u32 = 8;

/// One change of the catalogue, decided.
struct Plan {
    before: Option<SpaceView>,
    after: Option<SpaceView>,
    command: &'static str,
}

impl Catalogue {
    /// One space, for reads.
    pub(crate) async fn get(&self, id: Uuid) -> Outcome<SpaceView> {
        let snapshot = self.for_reading().await?;
        snapshot
            .spaces
            .get(id)
            .map(|entry| SpaceView::clone(&entry.view))
            .ok_or_else(gone)
    }

    /// Does, or plans, a creation or a change. (A deletion is planned here and done in steps, see `purge`.)
    pub(crate) async fn change(
        &self,
        context: &CallContext,
        request: &SpaceChangeRequest,
    ) -> Outcome<SpaceChangeOutcome> {
        if request.options.dry_run {
            let snapshot = self.current().await?;
            return match decide(&snapshot, request, self.now(&snapshot)) {
                Ok(plan) => Ok(SpaceChangeOutcome::Planned {
                    before: plan.before,
                    after: plan.after,
                    conflict: None,
                }),
                Err(Failure::Refused(error)) if error.code == ErrorCode::NameTaken => {
                    Ok(SpaceChangeOutcome::Planned {
                        before: None,
                        after: None,
                        conflict: Some(*error),
                    })
                }
                Err(failure) => Err(failure),
            };
        }
        let _one = self.writer.lock().await;
        let key = request.options.idempotency.as_ref();
        let mut head_made = false;
        for attempt in 0..TRIES {
            let snapshot = if attempt == 0 {
                self.current().await?
            } else {
                self.reload(attempt).await?
            };
            if let Some(key) = key
                && let Some(record) = idempotency::find(
                    self.rows(),
                    key,
                    self.now(&snapshot),
                    self.config.idempotency_lifetime,
                )
                .await?
            {
                return Ok(SpaceChangeOutcome::Committed {
                    space: record.space,
                    replayed: true,
                });
            }
            let plan = decide(&snapshot, request, self.now(&snapshot))?;
            if plan.before.is_some() && plan.before == plan.after {
                return Ok(SpaceChangeOutcome::Committed {
                    space: plan.after,
                    replayed: false,
                });
            }
            if let (SpaceChange::Create { id, .. }, false) = (&request.change, head_made) {
                // Head first: a space in the catalogue always has one. Without the catalogue's row it is a
                // partition nobody can name, and harmless.
                self.make_head(*id, self.now(&snapshot)).await?;
                head_made = true;
            }
            if self.commit(&snapshot, context, &plan, key, Vec::new()).await? {
                return Ok(SpaceChangeOutcome::Committed {
                    space: plan.after,
                    replayed: false,
                });
            }
        }
        Err(StoreError::Changed { key: keys::head() }.into())
    }

    /// Before a deletion begins: the hint that lets anybody finish it.
    pub(crate) async fn announce_deletion(&self, space: Uuid) -> Outcome<()> {
        let hint = PurgeHintRecord {
            v: 1,
            time: micros(self.config.clock.now()),
        };
        let write = Write::Put {
            key: keys::purge_hint(space),
            value: encode(&hint),
        };
        self.store.commit(&self.partition, vec![write]).await?;
        Ok(())
    }

    /// Keeps the catalogue from being changed by this process while it is held.
    pub(crate) async fn hold(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writer.lock().await
    }

    /// Takes a space whose head is fenced out of the catalogue. Done already is fine.
    pub(crate) async fn strike(&self, context: &CallContext, space: Uuid) -> Outcome<()> {
        let _one = self.writer.lock().await;
        for attempt in 0..TRIES {
            let snapshot = if attempt == 0 {
                self.current().await?
            } else {
                self.reload(attempt).await?
            };
            let Some(entry) = snapshot.spaces.get(space) else {
                return Ok(());
            };
            let before = SpaceView::clone(&entry.view);
            let plan = Plan {
                before: Some(before),
                after: None,
                command: "DeleteSpace",
            };
            if self.commit(&snapshot, context, &plan, None, Vec::new()).await? {
                return Ok(());
            }
        }
        Err(StoreError::Changed { key: keys::head() }.into())
    }

    /// Rows of this partition that go with no space: the list of users. They move the head like everything here, and
    /// leave what it says of the spaces.
    pub(crate) async fn write_rows(&self, rows: Vec<Write>) -> Outcome<()> {
        let _one = self.writer.lock().await;
        for attempt in 0..TRIES {
            let snapshot = if attempt == 0 {
                self.current().await?
            } else {
                self.reload(attempt).await?
            };
            let mut head = snapshot.head.clone();
            head.list_commit = Uuid::new_v4();
            if self.commit_rows(&snapshot, head, rows.clone(), |_| {}).await? {
                return Ok(());
            }
        }
        Err(StoreError::Changed { key: keys::head() }.into())
    }

    fn now(&self, snapshot: &Snapshot) -> Timestamp {
        micros(self.config.clock.now()).max(snapshot.head.last_time)
    }

    async fn reload(&self, attempt: u32) -> Outcome<Arc<Snapshot>> {
        let most = 2_u64.saturating_pow(attempt.min(8)).min(250);
        tokio::time::sleep(Duration::from_millis(rand::random_range(most / 2..=most))).await;
        self.load().await
    }

    async fn make_head(&self, id: Uuid, now: Timestamp) -> Outcome<()> {
        let create = Write::Create {
            key: keys::head(),
            value: encode(&HeadRecord::first(now)),
        };
        match self.store.commit(&keys::space_partition(id), vec![create]).await {
            Ok(_) => Ok(()),
            // After an unknown outcome of ours: ids are random, so it is ours.
            Err(StoreError::Exists { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Commits a plan; `false` = lost a race.
    async fn commit(
        &self,
        snapshot: &Snapshot,
        context: &CallContext,
        plan: &Plan,
        key: Option<&IdempotencyKey>,
        mut rows: Vec<Write>,
    ) -> Outcome<bool> {
        let mut head = snapshot.head.clone();
        head.version += 1;
        head.commit_id = Uuid::new_v4();
        head.last_time = self.now(snapshot);
        let put = |rows: &mut Vec<Write>, key: RowKey, value: Bytes| rows.push(Write::Put { key, value });
        match (&plan.before, &plan.after) {
            (_, Some(after)) => put(&mut rows, keys::catalogue_space(after.id), encode(&record(after))),
            (Some(before), None) => rows.push(Write::Delete {
                key: keys::catalogue_space(before.id),
            }),
            (None, None) => {}
        }
        let entry = JournalEntry {
            version: head.version,
            time: head.last_time,
            actor: context.actor.clone(),
            correlation_id: context.correlation_id.clone(),
            command: plan.command.to_owned(),
            reverts: None,
            changes: vec![JournalImage::Space {
                before: plan.before.as_ref().map(|space| space.name.clone()),
                after: plan.after.as_ref().map(|space| space.name.clone()),
                id: plan.after.as_ref().or(plan.before.as_ref()).map(|space| space.id),
            }],
            nodes: Vec::new(),
        };
        for (key, value) in entry.rows(head.commit_id) {
            put(&mut rows, key, value);
        }
        if let Some(key) = key {
            let (time, lifetime) = (head.last_time, self.config.idempotency_lifetime);
            let what = Remembered {
                space: plan.after.as_ref(),
                ..Remembered::default()
            };
            let mut kept = idempotency::sweep(self.rows(), time, lifetime).await?;
            kept.extend(idempotency::remember(key, head.version, time, lifetime, &what));
            rows.extend(idempotency::as_writes(kept));
        }
        let before = plan.before.as_ref().map(|space| space.id);
        let after = plan.after.clone();
        self.commit_rows(snapshot, head, rows, move |spaces| {
            if let Some(id) = before {
                spaces.remove(id);
            }
            if let Some(view) = after {
                spaces.insert(view);
            }
        })
        .await
    }

    async fn commit_rows(
        &self,
        snapshot: &Snapshot,
        head: SystemHeadRecord,
        rows: Vec<Write>,
        change: impl FnOnce(&mut super::state::Spaces),
    ) -> Outcome<bool> {
        let tried = head.clone();
        let value = encode(&head);
        let mut writes = vec![match &snapshot.etag {
            Some(etag) => Write::Replace {
                key: keys::head(),
                value,
                etag: etag.clone(),
            },
            None => Write::Create {
                key: keys::head(),
                value,
            },
        }];
        writes.extend(rows);
        match self.store.commit(&self.partition, writes).await {
            Ok(etags) => {
                let mut spaces = snapshot.spaces.clone();
                change(&mut spaces);
                let etag = etags.into_iter().next();
                self.publish(&Arc::new(Snapshot { head, etag, spaces }));
                Ok(true)
            }
            Err(StoreError::Exists { .. } | StoreError::Changed { .. }) => Ok(false),
            Err(StoreError::OutcomeUnknown { reason, source }) => {
                self.known.store(None);
                crate::metrics::unknown_outcome();
                for attempt in 1..=10 {
                    if let Ok(fresh) = self.reload(attempt).await {
                        return self.happened(&fresh, &snapshot.head, &tried).await;
                    }
                }
                Err(StoreError::OutcomeUnknown { reason, source }.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a commit of ours has happened, by head or journal.
    async fn happened(
        &self,
        fresh: &Snapshot,
        before: &SystemHeadRecord,
        tried: &SystemHeadRecord,
    ) -> Outcome<bool> {
        if tried.version == before.version {
            // Rows that go with no space; should another commit have come since, they are written once more.
            return Ok(fresh.head.list_commit == tried.list_commit);
        }
        if fresh.head.commit_id == tried.commit_id {
            return Ok(true);
        }
        let key = keys::journal(tried.version);
        match self.rows().get(&key).await? {
            Some(bytes) => {
                let record: JournalRecord = decode(&key, &bytes)?;
                Ok(record.commit_id == tried.commit_id)
            }
            None => Ok(false),
        }
    }
}

fn record(space: &SpaceView) -> SpaceRecord {
    SpaceRecord {
        v: 1,
        address_space_id: space.id,
        name: space.name.clone(),
        description: space.description.clone(),
        created_on: space.created,
        modified_on: space.modified,
        revision: space.revision,
    }
}

fn name_free(snapshot: &Snapshot, name: &str, except: Option<Uuid>) -> Outcome<()> {
    match snapshot.spaces.by_name(&fold(name)) {
        Some(taken) if Some(taken) != except => Err(Failure::Refused(Box::new(ApiError::new(
            ErrorCode::NameTaken,
            format!(
                "There is an address space named {name} already (upper and lower case are the same). Choose another name."
            ),
        )))),
        Some(_) | None => Ok(()),
    }
}

fn decide(snapshot: &Snapshot, request: &SpaceChangeRequest, now: Timestamp) -> Outcome<Plan> {
    let revision = snapshot.head.version + 1;
    let existing = |id: &Uuid| -> Outcome<SpaceView> {
        let entry = snapshot.spaces.get(*id).ok_or_else(gone)?;
        check_if_match(request.options.if_match.as_ref(), entry.view.revision)?;
        Ok(SpaceView::clone(&entry.view))
    };
    match &request.change {
        SpaceChange::Create {
            id,
            name,
            description,
        } => {
            name_free(snapshot, name, None)?;
            let after = SpaceView {
                id: *id,
                name: name.clone(),
                description: description.clone(),
                created: now,
                modified: now,
                revision,
            };
            Ok(Plan {
                before: None,
                after: Some(after),
                command: "CreateSpace",
            })
        }
        SpaceChange::Update {
            id,
            name,
            description,
        } => {
            let before = existing(id)?;
            name_free(snapshot, name, Some(*id))?;
            let mut after = before.clone();
            let description = description.as_ref().unwrap_or(&before.description);
            if before.name != *name || before.description != *description {
                after.name.clone_from(name);
                after.description.clone_from(description);
                after.modified = now;
                after.revision = revision;
            }
            Ok(Plan {
                before: Some(before),
                after: Some(after),
                command: "UpdateSpace",
            })
        }
        SpaceChange::Delete { id } => Ok(Plan {
            before: Some(existing(id)?),
            after: None,
            command: "DeleteSpace",
        }),
    }
}
