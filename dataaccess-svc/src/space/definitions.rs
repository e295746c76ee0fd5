//! Tag definitions as they are answered. Where others write the store, all of a space are remembered, in memory and in the
//! shared cache, under the commit that changed one last; the writer's own come from the rows (see `handle.rs`).

use std::sync::Arc;

use cadastre_api_types::internal::{Listed, TagListQuery, TagView};
use cadastre_domain::tags::TagName;
use cadastre_storage::{CacheKey, KeyRange, Kind, RowKey, SharedCache};
use uuid::Uuid;

use super::SpaceHandle;
use super::list::foreign_cursor;
use super::view::tag_view;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{HeadRecord, TagRecord, decode};

/// What says which definitions hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Defined {
    incarnation: Uuid,
    version: u64,
    commit: Uuid,
}

impl Defined {
    /// `None` if the head does not say which commit has changed them.
    pub(super) fn at(head: &HeadRecord) -> Option<Self> {
        let known = head.tags_version == 0 || !head.tags_commit.is_nil();
        known.then_some(Self {
            incarnation: head.incarnation,
            version: head.tags_version,
            commit: head.tags_commit,
        })
    }

    fn key(&self, cache: &SharedCache, space: Uuid) -> CacheKey {
        let parts: [&[u8]; 4] = [
            space.as_bytes(),
            self.incarnation.as_bytes(),
            &self.version.to_be_bytes(),
            self.commit.as_bytes(),
        ];
        cache.key(Kind::Definitions, &parts)
    }
}

/// All definitions of a space, in the order of their rows.
#[derive(Debug)]
pub(super) struct Definitions {
    of: Defined,
    records: Vec<TagRecord>,
}

/// Reads of the rows before giving up on a space whose definitions change all the time.
const TRIES: usize = 16;

impl SpaceHandle {
    /// A tag definition.
    pub(crate) async fn tag(&self, name: &TagName) -> Outcome<Option<TagView>> {
        if let Some(definitions) = self.shared_definitions().await? {
            let found = definitions.records.iter().find(|record| record.name == *name);
            return Ok(found.map(tag_view));
        }
        let record: Option<TagRecord> = self.durable().record(&keys::tag(name)).await?;
        Ok(record.as_ref().map(tag_view))
    }

    /// A page of tag definitions by name.
    pub(crate) async fn tags(&self, query: &TagListQuery) -> Outcome<Listed<TagView>> {
        let part = query.name_contains.as_deref().map(str::to_lowercase);
        let mut range = keys::tag_range();
        if let Some(after) = &query.page.after {
            let after = TagName::new(after).map_err(|_| foreign_cursor())?;
            range.start = Some(keys::after_tag(&after));
        }
        let shared = self.shared_definitions().await?;
        let mut items = Vec::new();
        loop {
            let (page, next) = match &shared {
                Some(definitions) => (definitions.behind(range.start.as_ref()), None),
                None => self.stored_definitions(&range, 256).await?,
            };
            for record in page {
                let name = record.name.to_string();
                if part
                    .as_deref()
                    .is_some_and(|part| !name.to_lowercase().contains(part))
                {
                    continue;
                }
                items.push(tag_view(&record));
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

    async fn stored_definitions(
        &self,
        range: &KeyRange,
        limit: usize,
    ) -> Outcome<(Vec<TagRecord>, Option<RowKey>)> {
        let (page, next) = self.durable().scan(range, limit).await?;
        let records = page
            .iter()
            .map(|(key, bytes)| decode(key, bytes))
            .collect::<Result<_, _>>()?;
        Ok((records, next))
    }

    /// All definitions as of now, remembered; `None` where the rows are as near, or the head does not say enough.
    async fn shared_definitions(&self) -> Outcome<Option<Arc<Definitions>>> {
        let mut published = self.current().await?;
        if self.store.limits().exclusive {
            return Ok(None);
        }
        for _ in 0..TRIES {
            let Some(of) = Defined::at(&published.head) else {
                return Ok(None);
            };
            let known = self.definitions.load_full();
            if let Some(known) = known.filter(|known| known.of == of) {
                return Ok(Some(known));
            }
            if let Some(cache) = &self.config.cache
                && let Some(bytes) = cache.read_one(Kind::Definitions, &of.key(cache, self.id)).await
                && let Ok(records) = serde_json::from_slice(&bytes)
            {
                return Ok(Some(self.remember_definitions(of, records)));
            }
            let mut records = Vec::new();
            let mut range = keys::tag_range();
            loop {
                let (page, next) = self.stored_definitions(&range, 500).await?;
                records.extend(page);
                match next {
                    Some(next) => range.start = Some(next),
                    None => break,
                }
            }
            // They belong to the head if it still says so.
            published = self.current().await?;
            if Defined::at(&published.head) == Some(of) {
                if let Some(cache) = &self.config.cache
                    && let Ok(bytes) = serde_json::to_vec(&records)
                {
                    cache.fill(Kind::Definitions, vec![(of.key(cache, self.id), bytes.into())]);
                }
                return Ok(Some(self.remember_definitions(of, records)));
            }
        }
        Err(Failure::refused(
            cadastre_api_types::ErrorCode::Contention,
            "The tag definitions of this space are changing all the time; send the request again.",
        ))
    }

    fn remember_definitions(&self, of: Defined, records: Vec<TagRecord>) -> Arc<Definitions> {
        let definitions = Arc::new(Definitions { of, records });
        self.definitions.store(Some(Arc::clone(&definitions)));
        definitions
    }
}

impl Definitions {
    /// The definitions whose rows are at a place or behind it.
    fn behind(&self, start: Option<&RowKey>) -> Vec<TagRecord> {
        let records = self.records.iter();
        records
            .filter(|record| start.is_none_or(|start| keys::tag(&record.name) >= *start))
            .cloned()
            .collect()
    }
}
