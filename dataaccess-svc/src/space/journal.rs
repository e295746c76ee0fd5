//! Reading the journal of a space: entries by version, slices in order, the version of a moment, and the tag
//! definitions of a version.
//!
//! Questions about the past need no guard against the writer: rows of versions that are durable never change
//! (they can only be pruned, which the head says).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use cadastre_api_types::ErrorCode;
use cadastre_domain::Prefix;
use cadastre_domain::tags::{TagDefinition, TagName, Vocabulary};
use cadastre_storage::RowKey;
use jiff::Timestamp;

use super::SpaceHandle;
use super::handle::Published;
use crate::clock::micros;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{HeadRecord, HistoryRecord, JournalEntry, JournalImage, RecordError, decode};
use crate::rows::Rows;

/// A slice of the journal ends early once it holds this many bytes.
pub(super) const SLICE_BYTES: usize = 8 << 20;

fn inconsistent(key: RowKey, reason: &str) -> Failure {
    RecordError::Inconsistent {
        key,
        reason: reason.to_owned(),
    }
    .into()
}

fn gap(version: u64) -> Failure {
    inconsistent(keys::journal(version), "the journal has a gap")
}

/// The refusal for what the journal does not keep any more.
pub(super) fn pruned(head: &HeadRecord) -> Failure {
    Failure::refused(
        ErrorCode::Gone,
        format!(
            "This is older than what the journal of this address space keeps: it begins behind version {}. Read the \
             present state and go on from version {}.",
            head.pruned, head.version
        ),
    )
}

/// A journal entry by its version.
pub(super) async fn journal_entry(rows: Rows<'_>, version: u64) -> Outcome<JournalEntry> {
    let (entry, _) = bare_entry(rows, version).await?;
    whole(rows, entry, |_| true).await
}

/// The same as it is stored, without the nodes that it leaves to their history; with the number of bytes it takes.
pub(super) async fn bare_entry(rows: Rows<'_>, version: u64) -> Outcome<(JournalEntry, usize)> {
    let (mut found, _) = rows.scan(&keys::journal_range(version, version), 4096).await?;
    if found.is_empty() {
        return Err(gap(version));
    }
    let bytes = found.iter().map(|(_, value)| value.len()).sum();
    let chunks = found.split_off(1);
    let first = &found[0];
    Ok((JournalEntry::assemble((&first.0, &first.1), &chunks)?, bytes))
}

/// An entry with the states of those nodes that it leaves to their history and that are wanted. Each costs a short scan.
pub(crate) async fn whole(
    rows: Rows<'_>,
    mut entry: JournalEntry,
    wanted: impl Fn(&Prefix) -> bool,
) -> Outcome<JournalEntry> {
    for prefix in std::mem::take(&mut entry.nodes) {
        if !wanted(&prefix) {
            continue;
        }
        // Newest first: what the command left, and what was there before it.
        let range = keys::history_of(&prefix, entry.version);
        let (found, _) = rows.scan(&range, 2).await?;
        let is_its_own = found.first().and_then(|(key, _)| keys::parse_history(key));
        if is_its_own != Some((prefix, entry.version)) {
            let key = keys::history(&prefix, entry.version);
            return Err(inconsistent(
                key,
                "the journal names a change that the history does not have",
            ));
        }
        let mut states = Vec::with_capacity(2);
        for (key, bytes) in &found {
            states.push(decode::<HistoryRecord>(key, bytes)?.node);
        }
        let mut states = states.into_iter();
        let after = states.next().flatten();
        let before = states.next().flatten();
        entry.changes.push(JournalImage::Node { before, after });
    }
    Ok(entry)
}

/// Entries behind version `after` up to version `to` as they are stored, oldest first: at most `limit`, and fewer if they
/// are large.
pub(crate) async fn entries(rows: Rows<'_>, after: u64, to: u64, limit: usize) -> Outcome<Vec<JournalEntry>> {
    let mut slice = Slice {
        next: after + 1,
        out: Vec::new(),
        open: None,
        bytes: 0,
    };
    if after >= to || limit == 0 {
        return Ok(slice.out);
    }
    let mut range = keys::journal_range(after + 1, to);
    loop {
        let (page, next) = rows.scan(&range, limit.clamp(8, 256)).await?;
        for (key, value) in page {
            slice.take(key, value)?;
            if slice.out.len() >= limit || (slice.bytes >= SLICE_BYTES && !slice.out.is_empty()) {
                return Ok(slice.out);
            }
        }
        match next {
            Some(next) => range.start = Some(next),
            None => break,
        }
    }
    slice.close()?;
    if slice.next <= to {
        return Err(gap(slice.next));
    }
    Ok(slice.out)
}

/// Entries as their rows come in.
struct Slice {
    next: u64,
    out: Vec<JournalEntry>,
    open: Option<Vec<(RowKey, Bytes)>>,
    bytes: usize,
}

impl Slice {
    fn take(&mut self, key: RowKey, value: Bytes) -> Outcome<()> {
        let Some((version, is_chunk)) = keys::parse_journal(&key) else {
            return Err(inconsistent(key, "not a journal row"));
        };
        if is_chunk {
            let Some(open) = &mut self.open else {
                return Err(inconsistent(key, "a chunk row without its first row"));
            };
            self.bytes += value.len();
            open.push((key, value));
            return Ok(());
        }
        self.close()?;
        if version != self.next {
            return Err(gap(self.next));
        }
        self.bytes += value.len();
        self.open = Some(vec![(key, value)]);
        Ok(())
    }

    /// The entry whose rows have all been seen.
    fn close(&mut self) -> Outcome<()> {
        let Some(mut rows) = self.open.take() else {
            return Ok(());
        };
        let chunks = rows.split_off(1);
        let first = &rows[0];
        self.out
            .push(JournalEntry::assemble((&first.0, &first.1), &chunks)?);
        self.next += 1;
        Ok(())
    }
}

/// The version that the space had at a moment; a command at exactly that time counts. Time never goes backwards in
/// a partition, so a binary search finds it.
pub(super) async fn version_at(rows: Rows<'_>, head: &HeadRecord, at: Timestamp) -> Outcome<u64> {
    if head.last_time <= at {
        return Ok(head.version);
    }
    // `known` is at or before the moment (or the beginning), `beyond` behind it.
    let (mut known, mut beyond) = (head.pruned, head.version + 1);
    while beyond - known > 1 {
        let middle = known + (beyond - known) / 2;
        if bare_entry(rows, middle).await?.0.time <= at {
            known = middle;
        } else {
            beyond = middle;
        }
    }
    if known == head.pruned && head.pruned > 0 {
        return Err(pruned(head));
    }
    Ok(known)
}

/// The tag definitions of a version: those of now, with every later change of a definition taken back. The
/// changes are linked, each to the one before it, so this reads as many entries as definitions were changed
/// since and no others. (Entries from before there were links are looked for one by one.)
pub(super) async fn vocabulary_at(
    rows: Rows<'_>,
    published: &Published,
    version: u64,
) -> Outcome<Vocabulary> {
    let mut at = published.head.tags_version;
    if at <= version {
        return Ok(published.vocabulary.clone());
    }
    let mut definitions: BTreeMap<TagName, TagDefinition> = published
        .vocabulary
        .iter()
        .map(|definition| (definition.name.clone(), definition.clone()))
        .collect();
    while at > version {
        let mut link = None;
        for change in bare_entry(rows, at).await?.0.changes.into_iter().rev() {
            let JournalImage::Tag {
                before,
                after,
                previous,
            } = change
            else {
                continue;
            };
            link = Some(previous.unwrap_or(at - 1));
            match (before, after) {
                (Some(before), _) => {
                    definitions.insert(before.name.clone(), before.definition());
                }
                (None, Some(after)) => {
                    definitions.remove(&after.name);
                }
                (None, None) => {}
            }
        }
        at = link.unwrap_or(at - 1);
    }
    Vocabulary::new(definitions.into_values())
        .map_err(|error| inconsistent(keys::journal(version), &error.to_string()))
}

impl SpaceHandle {
    /// The present, for questions about the past: all that is durable.
    pub(super) async fn present(&self) -> Outcome<Arc<Published>> {
        if self.store.limits().exclusive && self.unsettled.load(Ordering::Acquire) {
            self.reload().await?;
        }
        self.current().await
    }

    /// The version of a moment that has been.
    pub(super) async fn version_at(&self, published: &Published, at: Timestamp) -> Outcome<u64> {
        // The partition's own time may be ahead of the clock, which can be set back.
        let now = micros(self.config.clock.now()).max(published.head.last_time);
        if at > now {
            return Err(Failure::Refused(Box::new(
                cadastre_api_types::ApiError::new(
                    ErrorCode::InvalidParameter,
                    format!("`asOf` is in the future; it is {now} now. Leave `asOf` out to read the present state."),
                )
                .with_details(serde_json::json!({ "parameter": "asOf" })),
            )));
        }
        version_at(self.durable(), &published.head, at).await
    }
}
