//! What other replicas have done to the nodes of a space since, from the journal: so a writer that was overtaken takes
//! what is free from what it knows, instead of reading all that is taken once more (DESIGN §9).

use super::free_index::{Moment, Placing};
use crate::errors::Outcome;
use crate::keys;
use crate::records::{HeadRecord, JournalEntry, JournalImage, JournalRecord, decode};
use crate::rows::Rows;

/// With more versions, or rows of them, than these what is taken is read anew.
const MOST_VERSIONS: u64 = 256;
const MOST_ROWS: usize = 1_000;

/// The changes from a moment to a head of the same epoch, oldest first; `None` if they do not lead from one to the other,
/// are too many, or the journal leaves out what they did.
pub(super) async fn since(rows: Rows<'_>, at: Moment, head: &HeadRecord) -> Outcome<Option<Vec<Placing>>> {
    if head.version.saturating_sub(at.version) > MOST_VERSIONS {
        return Ok(None);
    }
    let range = keys::journal_range(at.version, head.version);
    let (found, next) = rows.scan(&range, MOST_ROWS).await?;
    if next.is_some() {
        return Ok(None);
    }
    let mut found = found.as_slice();
    let mut changes = Vec::new();
    for version in at.version..=head.version {
        let Some((first, rest)) = found.split_first() else {
            return Ok(None);
        };
        if keys::parse_journal(&first.0) != Some((version, false)) {
            return Ok(None);
        }
        let is_chunk = |key| keys::parse_journal(key) == Some((version, true));
        let (chunks, behind) = rest.split_at(rest.iter().take_while(|(key, _)| is_chunk(key)).count());
        found = behind;
        if version == at.version {
            // Another history leads here if a group of ours was not committed, or the store has gone back.
            let record: JournalRecord = decode(&first.0, &first.1)?;
            if record.commit_id != at.commit {
                return Ok(None);
            }
            continue;
        }
        let entry = JournalEntry::assemble((&first.0, &first.1), chunks)?;
        if !entry.nodes.is_empty() {
            return Ok(None);
        }
        changes.extend(placings(entry));
    }
    Ok(Some(changes))
}

/// What went before what came, what is larger before what lies in it.
fn placings(entry: JournalEntry) -> Vec<Placing> {
    let mut placings: Vec<Placing> = entry
        .changes
        .into_iter()
        .filter_map(|image| match image {
            JournalImage::Node {
                before: None,
                after: Some(made),
            } => Some(Placing::Made(made.prefix)),
            JournalImage::Node {
                before: Some(removed),
                after: None,
            } => Some(Placing::Removed(removed.prefix)),
            JournalImage::Node { .. }
            | JournalImage::Tag { .. }
            | JournalImage::Space { .. }
            | JournalImage::User { .. }
            | JournalImage::Entity { .. } => None,
        })
        .collect();
    placings.sort_by_key(|placing| match placing {
        Placing::Removed(_) => (false, 0),
        Placing::Made(prefix) => (true, prefix.len()),
    });
    placings
}
