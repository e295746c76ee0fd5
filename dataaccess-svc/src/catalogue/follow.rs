//! Following what other processes have done to the catalogue, by its journal: a change among a hundred thousand spaces
//! costs its journal row and its space, not a hundred thousand rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use cadastre_storage::{Row, RowKey};
use uuid::Uuid;

use super::Catalogue;
use super::state::{Snapshot, Spaces, view};
use crate::errors::Outcome;
use crate::keys;
use crate::records::{JournalImage, JournalRecord, SystemHeadRecord, decode};

/// With more changes than these everything is read anew.
const MOST: u64 = 256;
/// Changes that come while the spaces are read make it read them again, so often.
const TRIES: usize = 4;

impl Catalogue {
    /// The state of a head, by the changes since a known one; `None` if they are too many, or do not lead there.
    pub(super) async fn follow(&self, known: &Snapshot, head: Row) -> Outcome<Option<Arc<Snapshot>>> {
        let mut row = head;
        for _ in 0..TRIES {
            let head: SystemHeadRecord = decode(&row.key, &row.value)?;
            let Some(changed) = self.changed(known, &head).await? else {
                return Ok(None);
            };
            let rows: Vec<RowKey> = changed.iter().map(|id| keys::catalogue_space(*id)).collect();
            let found = self.store.get_many(&self.partition, &rows).await?;
            let Some(now) = self.store.get(&self.partition, &keys::head()).await? else {
                return Ok(None);
            };
            if now.etag != row.etag {
                row = now;
                continue;
            }
            // Names are made anew when somebody asks for them: those of `known` belong to its writer.
            let mut spaces = Spaces::of(known.spaces.chunks().clone());
            for (id, found) in changed.into_iter().zip(found) {
                match found {
                    Some(row) => spaces.insert(view(decode(&row.key, &row.value)?)),
                    None => spaces.remove(id),
                }
            }
            let etag = Some(row.etag);
            return Ok(Some(Arc::new(Snapshot { head, etag, spaces })));
        }
        Ok(None)
    }

    /// The spaces that were changed between a known state and a head.
    async fn changed(&self, known: &Snapshot, head: &SystemHeadRecord) -> Outcome<Option<BTreeSet<Uuid>>> {
        let (from, to) = (known.head.version, head.version);
        if to == from && head.commit_id == known.head.commit_id {
            // Only rows were written that go with no space.
            return Ok(Some(BTreeSet::new()));
        }
        if from == 0 || to <= from || to - from > MOST {
            return Ok(None);
        }
        let wanted = usize::try_from(to - from).unwrap_or(usize::MAX) + 1;
        let (rows, _) = self.rows().scan(&keys::journal_range(from, to), wanted).await?;
        if rows.len() != wanted {
            return Ok(None);
        }
        let mut changed = BTreeSet::new();
        for (at, (key, bytes)) in rows.iter().enumerate() {
            if keys::parse_journal(key) != Some((from + at as u64, false)) {
                return Ok(None);
            }
            let record: JournalRecord = decode(key, bytes)?;
            if at == 0 {
                // A store that has gone back has another history from some version on.
                if record.commit_id != known.head.commit_id {
                    return Ok(None);
                }
                continue;
            }
            let Some(entry) = record.entry else {
                return Ok(None);
            };
            for image in entry.changes {
                match image {
                    JournalImage::Space { id: Some(id), .. } => drop(changed.insert(id)),
                    JournalImage::Space { id: None, .. } => return Ok(None),
                    JournalImage::Node { .. }
                    | JournalImage::Tag { .. }
                    | JournalImage::User { .. }
                    | JournalImage::Entity { .. } => {}
                }
            }
        }
        Ok(Some(changed))
    }
}
