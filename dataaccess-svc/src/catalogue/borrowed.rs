//! The catalogue in the shared cache, for reads only: a state is a list of chunks under the commit that made it, and a chunk
//! lies under the digest of what is in it. So a change of one space among a hundred thousand costs one list and one chunk;
//! what is missing is read from the store, range by range. Changes of the catalogue are decided on the store's own state.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cadastre_api_types::internal::SpaceView;
use cadastre_storage::{CacheKey, Kind, Row, SharedCache};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Catalogue;
use super::state::{Chunk, Entry, Snapshot, Spaces};
use crate::errors::Outcome;
use crate::keys;
use crate::records::{SystemHeadRecord, decode};

/// Chunks asked for, or left, in one round trip: of usual size they are half a megabyte together.
const TOGETHER: usize = 4;
/// With more chunks missing than these, reading all from the store is as quick.
const MOST_ASKED: usize = 64;
const MOST_SCANNED: usize = 8;
/// A chunk that was left so long ago may be gone.
const LEFT_AGAIN: Duration = Duration::from_secs(40 * 60);

type Digest = [u8; 32];

/// What is known of a chunk in the shared cache.
#[derive(Debug, Default)]
pub(super) struct ChunkInCache {
    digest: OnceLock<Digest>,
    /// When we have seen it there, or left it there.
    seen: Mutex<Option<Instant>>,
}

/// States on their way into the shared cache.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    /// The newest one that waits.
    next: Mutex<Option<Arc<Snapshot>>>,
    /// Somebody is at it.
    busy: AtomicBool,
}

/// One chunk of a list.
#[derive(Serialize, Deserialize)]
struct Part {
    first: Uuid,
    digest: Digest,
}

impl Chunk {
    fn written(&self) -> Bytes {
        let spaces: Vec<&SpaceView> = self.entries.values().map(|entry| &*entry.view).collect();
        match serde_json::to_vec(&spaces) {
            Ok(bytes) => bytes.into(),
            // Plain structs.
            Err(error) => unreachable!("{error}"),
        }
    }

    fn digest(&self) -> Digest {
        *self
            .shared
            .digest
            .get_or_init(|| Sha256::digest(self.written()).into())
    }

    fn of(spaces: impl IntoIterator<Item = SpaceView>) -> Self {
        let entries = spaces
            .into_iter()
            .map(|space| (space.id, Entry::of(space)))
            .collect();
        Self {
            entries,
            shared: ChunkInCache::default(),
        }
    }
}

fn list_key(cache: &SharedCache, commit: Uuid) -> CacheKey {
    cache.key(Kind::Spaces, &[b"list", commit.as_bytes()])
}

fn chunk_key(cache: &SharedCache, digest: &Digest) -> CacheKey {
    cache.key(Kind::Spaces, &[b"chunk", digest])
}

impl Catalogue {
    /// The catalogue now, for reads: what is known of it, else what the shared cache and the store have.
    pub(crate) async fn for_reading(&self) -> Outcome<Arc<Snapshot>> {
        let Some(cache) = &self.config.cache else {
            return self.current().await;
        };
        let Some(head) = self.store.get(&self.partition, &keys::head()).await? else {
            return self.current().await;
        };
        let known = [self.known.load_full(), self.borrowed.load_full()];
        let found = known
            .iter()
            .flatten()
            .find(|state| state.etag.as_ref() == Some(&head.etag));
        if let Some(found) = found {
            return Ok(Arc::clone(found));
        }
        if let Some(snapshot) = self.borrow(cache, &head, &known).await? {
            return Ok(snapshot);
        }
        let newest = known.iter().flatten().max_by_key(|state| state.head.version);
        if let Some(newest) = newest
            && let Some(snapshot) = self.follow(newest, head).await?
        {
            self.borrowed.store(Some(Arc::clone(&snapshot)));
            self.share(&snapshot);
            return Ok(snapshot);
        }
        self.load().await
    }

    /// The state that belongs to a head, by its list; `None` if it cannot be put together.
    async fn borrow(
        &self,
        cache: &SharedCache,
        row: &Row,
        known: &[Option<Arc<Snapshot>>],
    ) -> Outcome<Option<Arc<Snapshot>>> {
        let head: SystemHeadRecord = decode(&row.key, &row.value)?;
        let list = cache
            .read_one(Kind::Spaces, &list_key(cache, head.commit_id))
            .await;
        let Some(parts) = list.and_then(|list| serde_json::from_slice::<Vec<Part>>(&list).ok()) else {
            return Ok(None);
        };
        let mut at_hand: HashMap<Digest, Arc<Chunk>> = HashMap::new();
        for chunk in known
            .iter()
            .flatten()
            .flat_map(|state| state.spaces.chunks().values())
        {
            at_hand.insert(chunk.digest(), Arc::clone(chunk));
        }
        let missing: Vec<&Part> = parts
            .iter()
            .filter(|part| !at_hand.contains_key(&part.digest))
            .collect();
        if missing.len() > MOST_ASKED {
            return Ok(None);
        }
        for some in missing.chunks(TOGETHER) {
            let names: Vec<CacheKey> = some.iter().map(|part| chunk_key(cache, &part.digest)).collect();
            let values = cache.read(Kind::Spaces, &names).await;
            for (part, value) in some.iter().zip(values) {
                if let Some(chunk) = value.and_then(|value| read_chunk(&value, &part.digest)) {
                    at_hand.insert(part.digest, Arc::new(chunk));
                }
            }
        }
        let absent = parts.iter().filter(|part| !at_hand.contains_key(&part.digest));
        if absent.count() > MOST_SCANNED {
            return Ok(None);
        }
        let mut chunks = BTreeMap::new();
        let mut scanned = false;
        for (at, part) in parts.iter().enumerate() {
            let chunk = match at_hand.get(&part.digest) {
                Some(chunk) => Arc::clone(chunk),
                None => {
                    scanned = true;
                    let end = parts.get(at + 1).map(|next| next.first);
                    let spaces = self.scan(keys::catalogue_spaces_between(part.first, end)).await?;
                    Arc::new(Chunk::of(spaces))
                }
            };
            chunks.insert(part.first, chunk);
        }
        if scanned {
            // What was read belongs to the head if it still is the head.
            let now = self.store.get(&self.partition, &keys::head()).await?;
            if now.is_none_or(|now| now.etag != row.etag) {
                return Ok(None);
            }
        }
        let snapshot = Arc::new(Snapshot {
            head,
            etag: Some(row.etag.clone()),
            spaces: Spaces::of(chunks),
        });
        self.borrowed.store(Some(Arc::clone(&snapshot)));
        if scanned {
            self.share(&snapshot);
        }
        Ok(Some(snapshot))
    }

    /// Leaves a state for others, in the background; the newest if they come quicker than they can be left.
    pub(super) fn share(&self, snapshot: &Arc<Snapshot>) {
        // Without a head there is no commit that it could lie under.
        let Some(cache) = self.config.cache.clone().filter(|_| snapshot.etag.is_some()) else {
            return;
        };
        *self.sharing.next.lock() = Some(Arc::clone(snapshot));
        if self.sharing.busy.swap(true, Ordering::AcqRel) {
            return;
        }
        let sharing = Arc::clone(&self.sharing);
        cache.clone().spawn(async move {
            loop {
                let next = sharing.next.lock().take();
                if let Some(snapshot) = next {
                    leave(&cache, &snapshot).await;
                    continue;
                }
                sharing.busy.store(false, Ordering::Release);
                // One that came between the look and the store would lie there.
                if sharing.next.lock().is_none() || sharing.busy.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
        });
    }
}

fn read_chunk(value: &[u8], digest: &Digest) -> Option<Chunk> {
    // The digest is what makes the chunk the one of the list, not the name that it came by.
    if Digest::from(Sha256::digest(value)) != *digest {
        return None;
    }
    let spaces: Vec<SpaceView> = serde_json::from_slice(value).ok()?;
    let chunk = Chunk::of(spaces);
    *chunk.shared.seen.lock() = Some(Instant::now());
    Some(chunk)
}

async fn leave(cache: &SharedCache, snapshot: &Snapshot) {
    let mut parts = Vec::with_capacity(snapshot.spaces.chunks().len());
    let mut values = Vec::with_capacity(TOGETHER);
    for (first, chunk) in snapshot.spaces.chunks() {
        let digest = chunk.digest();
        parts.push(Part {
            first: *first,
            digest,
        });
        let now = Instant::now();
        let seen = chunk.shared.seen.lock().replace(now);
        if seen.is_some_and(|seen| now.duration_since(seen) < LEFT_AGAIN) {
            continue;
        }
        values.push((chunk_key(cache, &digest), chunk.written()));
        if values.len() == TOGETHER {
            cache.keep(Kind::Spaces, std::mem::take(&mut values)).await;
        }
        // Writing a large catalogue must not hold up the others of this thread.
        tokio::task::yield_now().await;
    }
    // The list last: who finds it finds the chunks.
    if let Ok(list) = serde_json::to_vec(&parts) {
        values.push((list_key(cache, snapshot.head.commit_id), list.into()));
    }
    cache.keep(Kind::Spaces, values).await;
}
