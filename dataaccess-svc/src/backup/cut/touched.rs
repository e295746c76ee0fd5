//! Which rows of a space the commands of some versions can have written, from their journal entries. So a large space
//! that changes while it is read need not be read again as a whole.
//!
//! Rows of nodes (and of their ids, values, history and occupancy) follow from the images in the journal. All other
//! kinds, also those that this version does not know, are few and are read again: [`others`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use cadastre_domain::free_space::Occupancy;
use cadastre_storage::{KeyRange, PartitionKey, RowKey, Store, StoreExt as _};

use crate::errors::Outcome;
use crate::keys;
use crate::records::{JournalImage, NodeRecord};
use crate::rows::Rows;
use crate::space::{entries, whole};

/// Kinds whose rows follow from the journal, in their order; the journal's own among them.
const FOLLOW: [&str; 6] = ["h_", "i_", "j_", "n_", "o_", "t_"];
/// Entries that are read at a time.
const ENTRIES: usize = 256;
/// Rows of journal that are read at a time.
const PAGE: usize = 1_000;

/// What is between and around the kinds that follow from the journal.
pub(super) fn others() -> Vec<KeyRange> {
    let mut start = None;
    let mut ranges = Vec::with_capacity(FOLLOW.len() + 1);
    for kind in FOLLOW {
        // The kinds are legal keys.
        let Ok(range) = KeyRange::with_prefix(kind) else {
            continue;
        };
        ranges.push(KeyRange {
            start,
            end: range.start,
        });
        start = range.end;
    }
    ranges.push(KeyRange { start, end: None });
    ranges
}

/// Whether a row is of a kind that follows from the journal.
pub(super) fn follows(key: &RowKey) -> bool {
    FOLLOW.iter().any(|kind| key.as_str().starts_with(kind))
}

/// What the commands behind version `after` up to `to` have written.
pub(super) struct Touched {
    /// Keys of rows to be read again.
    pub(super) keys: BTreeSet<RowKey>,
    /// The rows of the journal itself.
    pub(super) journal: BTreeMap<RowKey, Bytes>,
}

/// Reads the journal.
pub(super) async fn touched(
    store: &Arc<dyn Store>,
    partition: &PartitionKey,
    after: u64,
    to: u64,
) -> Outcome<Touched> {
    let mut found = Touched {
        keys: BTreeSet::new(),
        journal: BTreeMap::new(),
    };
    if after >= to {
        return Ok(found);
    }
    let mut range = keys::journal_range(after + 1, to);
    loop {
        let page = store.scan_up_to(partition, &range, PAGE).await?;
        found
            .journal
            .extend(page.rows.into_iter().map(|row| (row.key, row.value)));
        match page.next {
            Some(next) => range.start = Some(next),
            None => break,
        }
    }
    let rows = Rows::durable(store, partition);
    let mut at = after;
    while at < to {
        let slice = entries(rows, at, to, ENTRIES).await?;
        for entry in slice {
            at = entry.version;
            let entry = whole(rows, entry, |_| true).await?;
            for change in &entry.changes {
                match change {
                    JournalImage::Node { before, after } => {
                        for node in before.iter().chain(after) {
                            rows_of(node, entry.version, &mut found.keys);
                        }
                    }
                    // Definitions and things of the provider's side are among the others; the rest is of other
                    // partitions.
                    JournalImage::Tag { .. }
                    | JournalImage::Space { .. }
                    | JournalImage::User { .. }
                    | JournalImage::Entity { .. } => {}
                }
            }
        }
    }
    Ok(found)
}

fn rows_of(node: &NodeRecord, version: u64, keys: &mut BTreeSet<RowKey>) {
    let prefix = &node.prefix;
    keys.insert(keys::node(prefix));
    keys.insert(keys::id(node.ip_id));
    keys.insert(keys::history(prefix, version));
    keys.insert(keys::occupancy(&Occupancy::block_of(*prefix).0, prefix.len()));
    keys.extend(
        node.tags
            .iter()
            .map(|(tag, value)| keys::value(tag, value, prefix)),
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_key_follows_from_the_journal_or_is_among_the_others() {
        for text in [
            "a", "d_Region", "e_1", "format", "h", "h-", "h_4", "h_~~", "ha", "head", "i_", "j_1", "k_1",
            "l_1", "m_1", "n_4", "n_~~", "na", "o_4", "p_1_1", "s_1", "t_a_b", "t_~~~", "ta", "u_x", "x_1",
            "~~~",
        ] {
            let key = RowKey::new(text).unwrap();
            let among = others().iter().filter(|range| range.contains(&key)).count();
            assert_eq!(among, usize::from(!follows(&key)), "{text}");
        }
        assert!(others().is_sorted_by(|a, b| a.end <= b.start));
    }
}
