//! Reads the whole target again and compares it, partition by partition, with what was taken in.

use std::collections::BTreeMap;

use cadastre_storage::{PartitionKey, Store};

use super::super::digest::Tally;
use super::super::error::TransferError;
use super::super::part::stays;
use super::super::patience::patiently;

/// Rows that are read at a time.
const PAGE: usize = 1_000;
/// Differences that are named.
const NAMED: usize = 20;

pub(super) async fn verify(
    target: &dyn Store,
    expected: &BTreeMap<PartitionKey, Tally>,
    tell: impl Fn(u64) + Send,
) -> Result<(), TransferError> {
    let mut found: BTreeMap<PartitionKey, Tally> = BTreeMap::new();
    let (mut after, mut rows) = (None, 0);
    loop {
        let page = patiently(|| target.scan_table(after.as_ref(), PAGE)).await?;
        rows += page.rows.len() as u64;
        for (partition, row) in page.rows {
            if stays(&partition, &row.key) {
                continue;
            }
            // Rows of a partition follow each other, so this is mostly the last one.
            match found.last_entry() {
                Some(mut last) if *last.key() == partition => {
                    last.get_mut().add(&partition, &row.key, &row.value);
                }
                Some(_) | None => {
                    let tally = found.entry(partition.clone()).or_default();
                    tally.add(&partition, &row.key, &row.value);
                }
            }
        }
        tell(rows);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let differences = differences(expected, &found);
    if differences.is_empty() {
        Ok(())
    } else {
        Err(TransferError::Differs(differences))
    }
}

fn differences(
    expected: &BTreeMap<PartitionKey, Tally>,
    found: &BTreeMap<PartitionKey, Tally>,
) -> Vec<String> {
    let mut differences = Vec::new();
    for (partition, wanted) in expected {
        match found.get(partition) {
            Some(there) if there == wanted => {}
            Some(there) if there.rows == wanted.rows => differences.push(format!(
                "partition {partition} has its {} rows, but other content",
                wanted.rows
            )),
            Some(there) => differences.push(format!(
                "partition {partition} has {} rows instead of {}",
                there.rows, wanted.rows
            )),
            None if wanted.rows == 0 => {}
            None => differences.push(format!("partition {partition} is missing ({} rows)", wanted.rows)),
        }
    }
    let strangers = found
        .iter()
        .filter(|(partition, _)| !expected.contains_key(*partition));
    differences.extend(strangers.map(|(partition, there)| {
        format!(
            "partition {partition} with {} rows does not belong there",
            there.rows
        )
    }));
    let all = differences.len();
    if all > NAMED {
        differences.truncate(NAMED);
        differences.push(format!("and {} more", all - NAMED));
    }
    differences
}
