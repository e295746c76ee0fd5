//! Backup, restore and copy on real data: everything comes back, each partition as it was at one moment, and nothing is
//! served before it is whole.

mod beside_writers;
mod files;
mod resume;
mod round_trip;
mod witness;

use std::collections::BTreeMap;
use std::sync::Arc;

use cadastre_dataaccess::{
    Cut, CutOptions, Header, LineReader, LineWriter, Restore, Restored, TransferError,
};
use cadastre_storage::{Place, Store};
use serde_json::Value;

/// All rows, as they are compared: without what a table says of itself, and what a restore changes.
pub(crate) async fn content(store: &dyn Store) -> BTreeMap<(String, String), Value> {
    let mut found = BTreeMap::new();
    for (place, value) in raw(store).await {
        let mut value: Value = serde_json::from_slice(&value).unwrap();
        let place = (place.partition.to_string(), place.key.to_string());
        if place.0 == "SYSTEM" && (place.1 == "format" || place.1 == "restoring") {
            continue;
        }
        if place.1 == "head" {
            value.as_object_mut().unwrap().remove("Incarnation");
            value.as_object_mut().unwrap().remove("Hold");
        }
        found.insert(place, value);
    }
    found
}

/// All rows.
pub(crate) async fn raw(store: &dyn Store) -> Vec<(Place, Vec<u8>)> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.scan_table(after.as_ref(), 1000).await.unwrap();
        for (partition, row) in page.rows {
            let place = Place {
                partition,
                key: row.key,
            };
            found.push((place, row.value.to_vec()));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

/// A backup of a store.
pub(crate) async fn back_up(store: Arc<dyn Store>, options: CutOptions) -> Result<Vec<u8>, TransferError> {
    let mut cut = Cut::begin(store, options).await?;
    let header = Header::new("a test", cut.table_format(), cut.is_of_one_moment());
    let mut writer = LineWriter::begin(Vec::new(), header).unwrap();
    while let Some(part) = cut.next().await? {
        writer.part(&part).unwrap();
    }
    Ok(writer.finish().unwrap().0)
}

/// Puts a backup into a store.
pub(crate) async fn restore(backup: &[u8], target: Arc<dyn Store>) -> Result<Restored, TransferError> {
    let mut reader = LineReader::open(backup)?;
    let header = reader.header().clone();
    let mut restore = Restore::begin(target, &header.origin(), header.table_format).await?;
    while let Some(part) = reader.next()? {
        restore.take(part).await?;
    }
    restore.finish(|_| {}).await
}

/// Straight from one store to another.
pub(crate) async fn copy(
    from: Arc<dyn Store>,
    to: Arc<dyn Store>,
    options: CutOptions,
) -> Result<Restored, TransferError> {
    let mut cut = Cut::begin(from, options).await?;
    let mut restore = Restore::begin(to, "a copy of a test", cut.table_format()).await?;
    while let Some(part) = cut.next().await? {
        restore.take(part).await?;
    }
    restore.finish(|_| {}).await
}
