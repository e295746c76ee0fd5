//! Which places are taken, in the rows that are committed with the nodes: kept by every change, read to know what
//! is free beneath a node without reading its children.
//!
//! A row speaks of the nodes of one length in one block, whoever their parents are. So a node that is made or
//! removed changes one row and no other, also where it is made in the middle of the tree; and what is free beneath
//! a parent is what no node strictly beneath it covers.

use std::collections::BTreeMap;

use cadastre_domain::free_space::{ByLength, FreeSpace, Occupancy};
use cadastre_domain::{Family, Prefix};

use crate::errors::Outcome;
use crate::idempotency::RowWrites;
use crate::keys;
use crate::records::{HeadRecord, OccupancyRecord, RecordError, decode, encode};
use crate::rows::Rows;

/// How many rows one read of the store brings.
const PAGE: usize = 1_000;

/// The row changes for nodes that are made and removed. A node that is removed and made again at once is there.
pub(crate) async fn changes<'p>(
    rows: Rows<'_>,
    made: impl Iterator<Item = &'p Prefix>,
    removed: impl Iterator<Item = &'p Prefix>,
) -> Outcome<RowWrites> {
    let mut blocks: BTreeMap<(Prefix, u8), Occupancy> = BTreeMap::new();
    for (prefix, taken) in removed.map(|p| (p, false)).chain(made.map(|p| (p, true))) {
        let at = (Occupancy::block_of(*prefix).0, prefix.len());
        let occupancy = match blocks.entry(at) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let key = keys::occupancy(&at.0, at.1);
                let stored: Option<OccupancyRecord> = rows.record(&key).await?;
                new.insert(match stored {
                    Some(record) => parse(&key, at.0, at.1, &record.taken)?,
                    None => Occupancy::around(*prefix),
                })
            }
        };
        if taken {
            occupancy.set(*prefix);
        } else {
            occupancy.clear(*prefix);
        }
    }
    let write = |((block, len), occupancy): ((Prefix, u8), Occupancy)| {
        let record = (!occupancy.is_empty()).then(|| {
            encode(&OccupancyRecord {
                v: 1,
                taken: occupancy.to_text(),
            })
        });
        (keys::occupancy(&block, len), record)
    };
    Ok(blocks.into_iter().map(write).collect())
}

/// What is free beneath a node, from the rows of the lengths in use beneath it.
pub(crate) async fn load(rows: Rows<'_>, head: &HeadRecord, parent: &Prefix) -> Outcome<FreeSpace> {
    let counts = match parent.family() {
        Family::V4 => &head.counts4,
        Family::V6 => &head.counts6,
    };
    let mut free = ByLength::new(*parent);
    for len in counts.0.keys().filter(|len| **len > parent.len()) {
        let mut range = keys::occupancy_range(parent, *len);
        loop {
            let (page, next) = rows.scan(&range, PAGE).await?;
            for (key, bytes) in &page {
                let record: OccupancyRecord = decode(key, bytes)?;
                let block = keys::parse_occupancy(key).ok_or_else(|| RecordError::Inconsistent {
                    key: key.clone(),
                    reason: "the key names no block".to_owned(),
                })?;
                let taken = parse(key, block, *len, &record.taken)?;
                for prefix in taken.iter().filter(|prefix| parent.strictly_contains(prefix)) {
                    free.cover(prefix).map_err(|error| RecordError::Inconsistent {
                        key: key.clone(),
                        reason: error.to_string(),
                    })?;
                }
            }
            match next {
                Some(next) => range.start = Some(next),
                None => break,
            }
        }
    }
    Ok(free.finish())
}

fn parse(
    key: &cadastre_storage::RowKey,
    block: Prefix,
    len: u8,
    text: &str,
) -> Result<Occupancy, RecordError> {
    Occupancy::from_text(block, len, text).map_err(|error| RecordError::Inconsistent {
        key: key.clone(),
        reason: error.to_string(),
    })
}
