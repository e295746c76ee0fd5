//! Whether a change is small enough for one command, so that a dry run knows it too. The writer counts again, exactly.

use std::collections::BTreeSet;

use cadastre_domain::Prefix;
use cadastre_domain::free_space::Occupancy;

use super::super::decide::Effects;
use super::super::staged::{MOST_BYTES, MOST_ROWS, too_large};
use crate::errors::Outcome;
use crate::records::CHUNK_BYTES;

/// Rows beside a command's own: head, journal, a chunk that is not full, an idempotency record with its index
/// entry, and the expired ones that are swept along.
const BESIDE: usize = 1 + 1 + 1 + 2 + 8;

/// Bytes beside a command's own: head, keys, the subject in an idempotency record.
const HEADROOM: usize = 48 * 1024;

/// Rows that say which places are taken.
fn occupancy_rows(effects: &Effects) -> usize {
    let blocks: BTreeSet<(Prefix, u8)> = effects
        .created
        .iter()
        .chain(&effects.removed)
        .map(|placed| (Occupancy::block_of(placed.prefix).0, placed.prefix.len()))
        .collect();
    blocks.len()
}

/// Refuses what does not fit.
pub(in crate::space) fn check(effects: &Effects) -> Outcome<()> {
    let journal: usize = effects
        .journal
        .iter()
        .map(|image| serde_json::to_string(image).map_or(0, |text| text.len() + 1))
        .sum();
    let rows = effects.writes.len() + occupancy_rows(effects) + BESIDE + journal / CHUNK_BYTES;
    let own: usize = effects
        .writes
        .iter()
        .map(|(key, value)| key.as_str().len() + value.as_ref().map_or(0, |value| value.len()))
        .sum();
    // In chunks the journal is text in text, whose quotes are escaped; an idempotency record names what was made.
    let bytes = own + journal + journal / 2 + effects.made.len() * 512 + HEADROOM;
    if rows <= MOST_ROWS && bytes <= MOST_BYTES {
        return Ok(());
    }
    Err(too_large(rows, bytes).into())
}
