//! What the catalogue holds, in memory: loaded at first use, replaced when another replica has written.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use cadastre_api_types::internal::SpaceView;
use cadastre_storage::{Etag, KeyRange, PartitionKey, Store};
use parking_lot::RwLock;
use uuid::Uuid;

use super::borrowed::{ChunkInCache, Sharing};
use crate::config::DataAccessConfig;
use crate::errors::Outcome;
use crate::keys;
use crate::records::{SpaceRecord, SystemHeadRecord, decode};
use crate::rows::Rows;

/// A space and what a search in names needs.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub view: Arc<SpaceView>,
    pub folded_name: Box<str>,
}

impl Entry {
    pub(super) fn of(view: SpaceView) -> Self {
        Self {
            folded_name: fold(&view.name).into(),
            view: Arc::new(view),
        }
    }
}

/// Names are unique, and searched, without regard to case.
pub(crate) fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// Folded names and whose they are.
type Names = HashMap<Box<str>, Uuid>;

/// One state of the catalogue. Spaces are kept in chunks behind `Arc`s, so that a change copies one chunk and
/// not a hundred thousand entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spaces {
    chunks: BTreeMap<Uuid, Arc<Chunk>>,
    /// Shared by the states that follow from each other: only the one writer asks it and changes it, right after
    /// a commit, so it need not be copied for every change. Made when it is asked for the first time.
    names: Arc<RwLock<Option<Names>>>,
    count: usize,
}

/// Some spaces that follow each other.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) entries: BTreeMap<Uuid, Entry>,
    /// What is known of it in the shared cache.
    pub(super) shared: ChunkInCache,
}

impl Clone for Chunk {
    /// A clone is about to be changed.
    fn clone(&self) -> Self {
        Self {
            entries: self.entries.clone(),
            shared: ChunkInCache::default(),
        }
    }
}

/// Entries in a chunk before it is split.
const CHUNK: usize = 512;

impl Spaces {
    pub(crate) fn get(&self, id: Uuid) -> Option<&Entry> {
        self.chunks.range(..=id).next_back()?.1.entries.get(&id)
    }

    pub(crate) fn by_name(&self, folded: &str) -> Option<Uuid> {
        let mut names = self.names.write();
        let names = names.get_or_insert_with(|| {
            self.after(None)
                .map(|entry| (entry.folded_name.clone(), entry.view.id))
                .collect()
        });
        names.get(folded).copied()
    }

    /// The chunks, each with the id that it begins at: it holds all spaces from there to the next one.
    pub(super) fn chunks(&self) -> &BTreeMap<Uuid, Arc<Chunk>> {
        &self.chunks
    }

    /// Of chunks.
    pub(super) fn of(chunks: BTreeMap<Uuid, Arc<Chunk>>) -> Self {
        let count = chunks.values().map(|chunk| chunk.entries.len()).sum();
        Self {
            chunks,
            names: Arc::default(),
            count,
        }
    }

    /// Spaces behind an id, in order.
    pub(crate) fn after(&self, id: Option<Uuid>) -> impl Iterator<Item = &Entry> {
        let first = id.and_then(|id| self.chunks.range(..=id).next_back().map(|(key, _)| *key));
        let chunks = match first {
            Some(first) => self.chunks.range(first..),
            None => self.chunks.range::<Uuid, _>(..),
        };
        chunks
            .flat_map(|(_, chunk)| chunk.entries.values())
            .filter(move |entry| id.is_none_or(|id| entry.view.id > id))
    }

    pub(crate) fn insert(&mut self, view: SpaceView) {
        self.remove(view.id);
        let id = view.id;
        let entry = Entry::of(view);
        self.change_names(|names| {
            names.insert(entry.folded_name.clone(), id);
        });
        let key = self.chunks.range(..=id).next_back().map(|(key, _)| *key);
        let key = match key.or_else(|| self.chunks.keys().next().copied()) {
            // Before the first chunk: that chunk gets a smaller key.
            Some(first) if first > id => {
                if let Some(chunk) = self.chunks.remove(&first) {
                    self.chunks.insert(id, chunk);
                }
                id
            }
            Some(key) => key,
            None => {
                self.chunks.insert(id, Arc::default());
                id
            }
        };
        if let Some(chunk) = self.chunks.get_mut(&key) {
            let chunk = Arc::make_mut(chunk);
            chunk.shared = ChunkInCache::default();
            chunk.entries.insert(id, entry);
            if chunk.entries.len() > CHUNK
                && let Some(middle) = chunk.entries.keys().nth(CHUNK / 2).copied()
            {
                let upper = Chunk {
                    entries: chunk.entries.split_off(&middle),
                    shared: ChunkInCache::default(),
                };
                self.chunks.insert(middle, Arc::new(upper));
            }
        }
        self.count += 1;
    }

    pub(crate) fn remove(&mut self, id: Uuid) {
        let Some(key) = self.chunks.range(..=id).next_back().map(|(key, _)| *key) else {
            return;
        };
        let Some(chunk) = self.chunks.get_mut(&key) else {
            return;
        };
        if !chunk.entries.contains_key(&id) {
            return;
        }
        let changed = Arc::make_mut(chunk);
        changed.shared = ChunkInCache::default();
        if let Some(entry) = changed.entries.remove(&id) {
            self.count -= 1;
            if changed.entries.is_empty() {
                self.chunks.remove(&key);
            }
            self.change_names(|names| {
                names.remove(&entry.folded_name);
            });
        }
    }

    fn change_names(&mut self, change: impl FnOnce(&mut Names)) {
        if let Some(names) = &mut *self.names.write() {
            change(names);
            return;
        }
        // The state before this one must not make them for both.
        if Arc::strong_count(&self.names) > 1 {
            self.names = Arc::default();
        }
    }
}

/// A durable state with the version it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub head: SystemHeadRecord,
    /// `None` = the head row does not exist yet.
    pub etag: Option<Etag>,
    pub spaces: Spaces,
}

/// See the module.
pub(crate) struct Catalogue {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) partition: PartitionKey,
    pub(crate) config: DataAccessConfig,
    pub(super) known: ArcSwapOption<Snapshot>,
    /// The state as the shared cache has it, for reads only.
    pub(super) borrowed: ArcSwapOption<Snapshot>,
    /// Held while a state is written into the shared cache.
    pub(super) sharing: Arc<Sharing>,
    pub(super) writer: tokio::sync::Mutex<()>,
}

impl Catalogue {
    pub(crate) fn new(store: Arc<dyn Store>, config: DataAccessConfig) -> Self {
        Self {
            store,
            partition: keys::system_partition(),
            config,
            known: ArcSwapOption::empty(),
            borrowed: ArcSwapOption::empty(),
            sharing: Arc::default(),
            writer: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows::durable(&self.store, &self.partition)
    }

    /// The catalogue now, from the store; for reads see [`Catalogue::for_reading`].
    pub(crate) async fn current(&self) -> Outcome<Arc<Snapshot>> {
        let known = self.known.load_full();
        if let Some(known) = &known
            && self.store.limits().exclusive
        {
            return Ok(Arc::clone(known));
        }
        let head = self.store.get(&self.partition, &keys::head()).await?;
        if let (Some(known), Some(head)) = (known, head) {
            if known.etag.as_ref() == Some(&head.etag) {
                return Ok(known);
            }
            if let Some(snapshot) = self.follow(&known, head).await? {
                self.publish(&snapshot);
                return Ok(snapshot);
            }
        }
        self.load().await
    }

    /// Makes a state known that was read from the store, or committed.
    pub(super) fn publish(&self, snapshot: &Arc<Snapshot>) {
        self.known.store(Some(Arc::clone(snapshot)));
        self.borrowed.store(None);
        self.share(snapshot);
    }

    /// Spaces in a range of rows.
    pub(super) async fn scan(&self, mut range: KeyRange) -> Outcome<Vec<SpaceView>> {
        let mut spaces = Vec::new();
        loop {
            let (page, next) = self.rows().scan(&range, 1000).await?;
            for (key, bytes) in &page {
                spaces.push(view(decode(key, bytes)?));
            }
            match next {
                Some(next) => range.start = Some(next),
                None => return Ok(spaces),
            }
        }
    }

    /// Reads everything.
    pub(crate) async fn load(&self) -> Outcome<Arc<Snapshot>> {
        loop {
            let before = self.store.get(&self.partition, &keys::head()).await?;
            let mut spaces = Spaces::default();
            for space in self.scan(keys::catalogue_spaces()).await? {
                spaces.insert(space);
            }
            let after = self.store.get(&self.partition, &keys::head()).await?;
            if before.as_ref().map(|row| &row.etag) != after.as_ref().map(|row| &row.etag) {
                continue;
            }
            let head = match &after {
                Some(row) => decode(&row.key, &row.value)?,
                None => SystemHeadRecord {
                    v: 1,
                    version: 0,
                    commit_id: Uuid::nil(),
                    last_time: jiff::Timestamp::UNIX_EPOCH,
                    list_commit: Uuid::nil(),
                },
            };
            let snapshot = Arc::new(Snapshot {
                head,
                etag: after.map(|row| row.etag),
                spaces,
            });
            self.publish(&snapshot);
            return Ok(snapshot);
        }
    }
}

/// A stored space as it is answered.
pub(crate) fn view(record: SpaceRecord) -> SpaceView {
    SpaceView {
        id: record.address_space_id,
        name: record.name,
        description: record.description,
        created: record.created_on,
        modified: record.modified_on,
        revision: record.revision,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn space(id: u128, name: &str) -> SpaceView {
        let time = jiff::Timestamp::UNIX_EPOCH;
        SpaceView {
            id: Uuid::from_u128(id),
            name: name.to_owned(),
            description: String::new(),
            created: time,
            modified: time,
            revision: 1,
        }
    }

    proptest! {
        #[test]
        fn chunks_behave_like_one_ordered_map(
            steps in prop::collection::vec((0u128..3000, any::<bool>()), 1..2000), from in 0u128..3000,
            asked_at in 0usize..4000,
        ) {
            let mut spaces = Spaces::default();
            let mut model = BTreeMap::new();
            for (at, (id, keep)) in steps.into_iter().enumerate() {
                if at == asked_at {
                    // From here on the names are kept up.
                    prop_assert_eq!(spaces.by_name("nobody"), None);
                }
                if keep {
                    spaces.insert(space(id, &format!("N{id}")));
                    model.insert(id, ());
                } else {
                    spaces.remove(Uuid::from_u128(id));
                    model.remove(&id);
                }
            }
            let ids = |after: Option<u128>| -> Vec<u128> {
                spaces.after(after.map(Uuid::from_u128)).map(|e| e.view.id.as_u128()).collect()
            };
            prop_assert_eq!(ids(None), model.keys().copied().collect::<Vec<_>>());
            prop_assert_eq!(ids(Some(from)), model.range(from + 1..).map(|(k, ())| *k).collect::<Vec<_>>());
            prop_assert_eq!(spaces.count, model.len());
            for id in 0..3000 {
                prop_assert_eq!(spaces.get(Uuid::from_u128(id)).is_some(), model.contains_key(&id));
                prop_assert_eq!(spaces.by_name(&format!("n{id}")).is_some(), model.contains_key(&id));
            }
        }
    }
}
