//! What is remembered of a space: its head, its vocabulary, and the way to its writer. Loaded at first use.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use cadastre_domain::tags::Vocabulary;
use cadastre_storage::{Etag, PartitionKey, Store, StoreError};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::answering::backoff;
use super::answers::AnswerCache;
use super::borrowed::gathering;
use super::context::ContextCache;
use super::definitions::{Defined, Definitions};
use super::gate::Gate;
use super::isp::Book;
use super::staged::{self, Pending, SpaceStore};
use super::writer::Job;
use crate::config::DataAccessConfig;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{HeadRecord, PartitionState, PendingRecord, RecordError, TagRecord, decode};
use crate::rows::Rows;

/// A head as it was committed, with its version in the store and the tag definitions that go with it.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    /// The head row.
    pub head: HeadRecord,
    /// Its version in the store.
    pub etag: Etag,
    /// The definitions as of `head.tags_version`.
    pub vocabulary: Vocabulary,
    /// What is known of the provider's side by heart, as of `head.book_version`.
    pub book: Arc<Book>,
    /// The plan that the head names.
    pub pending: Option<Pending>,
}

impl Published {
    /// Grows with every commit to the head: the version, and within a version how far its plan is folded in.
    fn age(&self) -> (u64, usize) {
        let folded = self.head.pending.as_ref().map_or(usize::MAX, |plan| plan.folded);
        (self.head.version, folded)
    }

    /// What must be the same before and after a read of several rows, for them to belong to one moment of the tree.
    fn moment(&self) -> (Uuid, u64, Uuid, Uuid, bool) {
        let head = &self.head;
        // While rows of a plan were brought to their places without a read knowing of it, it saw a part of them.
        let plan = (head.last_plan, self.pending.is_some());
        (head.incarnation, head.epoch, head.epoch_commit, plan.0, plan.1)
    }
}

/// See the module.
pub(crate) struct SpaceHandle {
    pub(crate) id: Uuid,
    pub(crate) partition: PartitionKey,
    /// The rows as they are true ([`SpaceStore`]).
    pub(crate) store: Arc<dyn Store>,
    /// The rows as they are stored.
    stored: Arc<dyn Store>,
    pub(crate) config: DataAccessConfig,
    pub(crate) contexts: Arc<ContextCache>,
    pub(crate) answers: Arc<AnswerCache>,
    /// The tag definitions with their times, where others write the store.
    pub(super) definitions: ArcSwapOption<Definitions>,
    pub(crate) gate: Gate,
    published: Arc<ArcSwap<Published>>,
    /// Says that what is published has changed, to those who follow.
    pub(crate) moved: watch::Sender<()>,
    /// A commit's outcome is unknown and could not be settled: what is published may be old.
    pub(crate) unsettled: AtomicBool,
    /// The hold of a backup that was met last.
    pub(crate) hold: super::hold::Met,
    /// The hints of what is due here that this process has written.
    pub(super) announced: super::isp::Announced,
    /// The writer's queue; `None` while it is not running.
    pub(crate) queue: parking_lot::Mutex<Option<mpsc::Sender<Job>>>,
}

/// How often a read of several rows is done again before it holds off the writer.
const OPTIMISTIC_READS: usize = 4;
/// How often a read is done again whose rows did not fit together: those of leaves may be of before and after a change,
/// which moves no epoch. What is really damaged is so every time.
const TORN_READS: u32 = 10;

/// Loads the head and the definitions of a space; `None` if there is no head.
pub(crate) async fn load(store: &Arc<dyn Store>, partition: &PartitionKey) -> Outcome<Option<Published>> {
    load_after(store, partition, None).await
}

/// The same, where an earlier head and its definitions are known.
async fn load_after(
    store: &Arc<dyn Store>,
    partition: &PartitionKey,
    known: Option<&Published>,
) -> Outcome<Option<Published>> {
    // The definitions must belong to the head: read the head again behind them.
    for _ in 0..16 {
        let Some(row) = store.get(partition, &keys::head()).await? else {
            return Ok(None);
        };
        let head: HeadRecord = decode(&row.key, &row.value)?;
        // A plan never changes, and is large.
        let same_plan = |record: &PendingRecord| {
            let pending = known.and_then(|known| known.pending.as_ref());
            pending.filter(|pending| pending.plan == record.plan).cloned()
        };
        let pending = match &head.pending {
            None => None,
            Some(record) => match same_plan(record) {
                Some(pending) => Some(pending),
                None => match staged::load(store, partition, record).await? {
                    Some(pending) => Some(pending),
                    None => {
                        let again = store.get(partition, &keys::head()).await?;
                        if again.is_some_and(|again| again.etag != row.etag) {
                            // Another process has finished it since.
                            continue;
                        }
                        let key = row.key;
                        let reason = format!("the rows of plan {} are missing", record.plan);
                        return Err(RecordError::Inconsistent { key, reason }.into());
                    }
                },
            },
        };
        let same_words = known.filter(|known| {
            let defined = Defined::at(&head);
            defined.is_some() && Defined::at(&known.head) == defined
        });
        let same_book = known.filter(|known| Book::at(&known.head) == Book::at(&head));
        if let (Some(words), Some(book)) = (same_words, same_book) {
            return Ok(Some(Published {
                head,
                etag: row.etag,
                vocabulary: words.vocabulary.clone(),
                book: Arc::clone(&book.book),
                pending,
            }));
        }
        let rows = match &pending {
            None => Rows::durable(store, partition),
            Some(pending) => Rows::with_overlay(store, partition, &pending.writes),
        };
        let vocabulary = match same_words {
            Some(known) => known.vocabulary.clone(),
            None => load_vocabulary(rows).await?,
        };
        let book = match same_book {
            Some(known) => Arc::clone(&known.book),
            None => Arc::new(Book::load(rows, &head).await?),
        };
        let again = store.get(partition, &keys::head()).await?;
        let unchanged = match again {
            _ if store.limits().exclusive => true,
            None => false,
            Some(again) if again.etag == row.etag => true,
            // It has moved, and the definitions have not: the head that was read is one that was there with them.
            Some(again) => {
                let again: HeadRecord = decode(&again.key, &again.value)?;
                let same_words = Defined::at(&head).is_some() && Defined::at(&head) == Defined::at(&again);
                same_words && Book::at(&head) == Book::at(&again)
            }
        };
        if unchanged {
            return Ok(Some(Published {
                head,
                etag: row.etag,
                vocabulary,
                book,
                pending,
            }));
        }
    }
    Err(Failure::refused(
        cadastre_api_types::ErrorCode::Contention,
        "The tag definitions of this space are changing all the time; send the request again.",
    ))
}

async fn load_vocabulary(rows: Rows<'_>) -> Outcome<Vocabulary> {
    let mut definitions = Vec::new();
    let mut range = keys::tag_range();
    loop {
        let (page, next) = rows.scan(&range, 500).await?;
        for (key, bytes) in &page {
            definitions.push(decode::<TagRecord>(key, bytes)?.definition());
        }
        match next {
            Some(next) => range.start = Some(next),
            None => break,
        }
    }
    Vocabulary::new(definitions).map_err(|error| {
        RecordError::Inconsistent {
            key: keys::head(),
            reason: error.to_string(),
        }
        .into()
    })
}

impl SpaceHandle {
    /// A handle for a loaded space.
    pub(crate) fn new(
        id: Uuid,
        store: Arc<dyn Store>,
        config: DataAccessConfig,
        contexts: Arc<ContextCache>,
        answers: Arc<AnswerCache>,
        published: Published,
    ) -> Self {
        let published = Arc::new(ArcSwap::from_pointee(published));
        let true_rows = SpaceStore::new(Arc::clone(&store), Arc::clone(&published));
        Self {
            id,
            partition: keys::space_partition(id),
            store: Arc::new(true_rows),
            stored: store,
            config,
            contexts,
            answers,
            definitions: ArcSwapOption::empty(),
            gate: Gate::default(),
            published,
            moved: watch::Sender::new(()),
            unsettled: AtomicBool::new(false),
            hold: super::hold::Met::default(),
            announced: super::isp::Announced::default(),
            queue: parking_lot::Mutex::new(None),
        }
    }

    /// The last head known to be durable.
    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// Makes a durable head known.
    ///
    /// Never an older one: a writer that ends and its successor may overlap.
    pub(crate) fn publish(&self, published: Published) {
        let published = Arc::new(published);
        self.published.rcu(|known| {
            let same_life = known.head.incarnation == published.head.incarnation;
            let older = same_life && published.age() < known.age();
            Arc::clone(if older { known } else { &published })
        });
        self.moved.send_replace(());
    }

    /// Makes a head known that was read after `known` had been published. The store shows what was durable before, so
    /// only a store that has gone back (restored from a backup, or with its last seconds lost) shows an older one then;
    /// that is the truth now. Otherwise what the writer has published meanwhile is newer, and stays.
    fn take_over(&self, known: &Published, fresh: Published) {
        let same_life = known.head.incarnation == fresh.head.incarnation;
        if same_life && fresh.age() < known.age() {
            tracing::error!(
                space = %self.id,
                version = known.head.version,
                found = fresh.head.version,
                "the store has gone back: changes that were acknowledged are missing"
            );
            self.published.store(Arc::new(fresh));
            // Epochs and revisions will be given again.
            self.contexts.clear();
            self.moved.send_replace(());
        } else {
            self.publish(fresh);
        }
    }

    /// The store itself, for rows of other partitions.
    pub(super) fn stored(&self) -> &Arc<dyn Store> {
        &self.stored
    }

    /// Durable rows.
    pub(crate) fn durable(&self) -> Rows<'_> {
        Rows::durable(&self.store, &self.partition)
    }

    /// The head and definitions that a read may rely on: the remembered ones where nobody else writes this
    /// store, else as the store has them now.
    pub(crate) async fn current(&self) -> Outcome<Arc<Published>> {
        let known = self.published();
        if self.store.limits().exclusive {
            return alive(known);
        }
        let row = self.stored.get(&self.partition, &keys::head()).await?;
        if row.as_ref().is_some_and(|row| row.etag == known.etag) {
            return alive(known);
        }
        let fresh = load_after(&self.stored, &self.partition, Some(&known))
            .await?
            .ok_or_else(gone)?;
        self.take_over(&known, fresh);
        alive(self.published())
    }

    /// Loads head and definitions again.
    pub(crate) async fn reload(&self) -> Outcome<()> {
        let _moving = self.gate.begin().await;
        self.load_and_publish().await
    }

    /// The same, for a caller that holds the gate.
    pub(crate) async fn load_and_publish(&self) -> Outcome<()> {
        let known = self.published();
        let fresh = load_after(&self.stored, &self.partition, Some(&known)).await?;
        let fresh = fresh.ok_or_else(|| {
            // Heads are never deleted: somebody removed the partition under us.
            let reason = format!("the head of space {} is missing", self.id);
            Failure::Store(StoreError::Corrupt { reason, source: None })
        })?;
        self.take_over(&known, fresh);
        self.unsettled.store(false, Ordering::Release);
        Ok(())
    }

    /// Runs a read of several rows so that what it sees belongs to one moment of the tree (DESIGN §9: the
    /// epoch is checked before and after).
    pub(crate) async fn consistent<T, F, Fut>(&self, read: F) -> Outcome<T>
    where
        F: Fn(Arc<Published>) -> Fut,
        Fut: Future<Output = Outcome<T>>,
    {
        if !self.store.limits().exclusive {
            for _ in 0..4 * OPTIMISTIC_READS {
                let before = self.current().await?;
                let moment = before.moment();
                let (value, found) = gathering(self.whole(&read, before)).await;
                let after = self.current().await?;
                if after.moment() == moment {
                    self.leave(found);
                    return value;
                }
            }
            return Err(Failure::refused(
                cadastre_api_types::ErrorCode::Contention,
                "The tree changed again and again while it was read; send the request again.",
            ));
        }
        if self.unsettled.load(Ordering::Acquire) {
            self.reload().await?;
        }
        for _ in 0..OPTIMISTIC_READS {
            let before = self.gate.settled().await;
            let value = self.whole(&read, alive(self.published())?).await;
            if self.gate.unchanged(before) {
                return value;
            }
        }
        let _held = self.gate.hold().await;
        self.whole(&read, alive(self.published())?).await
    }

    /// A read, until its rows fit together.
    async fn whole<T, F, Fut>(&self, read: &F, published: Arc<Published>) -> Outcome<T>
    where
        F: Fn(Arc<Published>) -> Fut,
        Fut: Future<Output = Outcome<T>>,
    {
        for attempt in 1..TORN_READS {
            match read(Arc::clone(&published)).await {
                Err(Failure::Record(_)) => backoff(attempt.min(5)).await,
                value => return value,
            }
        }
        read(published).await
    }
}

/// The space is there.
fn alive(published: Arc<Published>) -> Outcome<Arc<Published>> {
    match published.head.state {
        PartitionState::Active => Ok(published),
        PartitionState::Deleting => Err(gone()),
    }
}

/// The answer for a space that is not, or no longer, there.
pub(crate) fn gone() -> Failure {
    Failure::not_found("address space")
}
