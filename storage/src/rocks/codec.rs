//! Rows as RocksDB sees them.
//!
//! Key: the partition, 0x00, the row key. No legal character is 0x00, so no partition's rows mix with those
//! of a partition whose name starts with its name, and all rows of a partition lie side by side.
//! Value: 8 bytes of etag, then the JSON. This is format 1 of the `FORMAT` file.

use bytes::Bytes;

use super::error::corrupt;
use crate::contract::{Etag, Place, Row};
use crate::error::StoreError;
use crate::key::{KeyError, PartitionKey, RowKey};

/// An etag as it is stored.
pub(super) type RawEtag = [u8; 8];

/// First bytes of every key of the partition.
pub(super) fn partition_start(partition: &PartitionKey) -> Vec<u8> {
    joined(partition, 0, "")
}

/// Greater than every key of the partition, not greater than any of another one behind it.
pub(super) fn partition_end(partition: &PartitionKey) -> Vec<u8> {
    joined(partition, 1, "")
}

pub(super) fn encode_key(partition: &PartitionKey, key: &RowKey) -> Vec<u8> {
    joined(partition, 0, key.as_str())
}

fn joined(partition: &PartitionKey, separator: u8, rest: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(partition.as_str().len() + 1 + rest.len());
    key.extend_from_slice(partition.as_str().as_bytes());
    key.push(separator);
    key.extend_from_slice(rest.as_bytes());
    key
}

pub(super) fn encode_value(etag: RawEtag, json: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(etag.len() + json.len());
    value.extend_from_slice(&etag);
    value.extend_from_slice(json);
    value
}

pub(super) fn raw_etag(stored: &[u8]) -> Result<RawEtag, StoreError> {
    match stored.first_chunk() {
        Some(etag) => Ok(*etag),
        None => Err(corrupt(
            "a stored value is shorter than its etag".to_owned(),
            None,
        )),
    }
}

pub(super) fn etag(raw: RawEtag) -> Etag {
    Etag(Bytes::copy_from_slice(&raw))
}

pub(super) fn decode_row(key: RowKey, stored: &[u8]) -> Result<Row, StoreError> {
    let raw = raw_etag(stored)?;
    Ok(Row {
        key,
        value: Bytes::copy_from_slice(&stored[raw.len()..]),
        etag: etag(raw),
    })
}

/// The row key in a key of RocksDB, of which the first `prefix` bytes are the partition's.
pub(super) fn decode_key(stored: &[u8], prefix: usize) -> Result<RowKey, StoreError> {
    let text = stored
        .get(prefix..)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .unwrap_or_default();
    RowKey::new(text).map_err(not_legal)
}

/// Partition and row key of a key of RocksDB.
pub(super) fn decode_place(stored: &[u8]) -> Result<Place, StoreError> {
    let text = std::str::from_utf8(stored).unwrap_or_default();
    let (partition, key) = text.split_once('\0').unwrap_or_default();
    Ok(Place {
        partition: PartitionKey::new(partition).map_err(not_legal)?,
        key: RowKey::new(key).map_err(not_legal)?,
    })
}

/// The least key of RocksDB that can stand behind a row.
pub(super) fn behind(place: &Place) -> Vec<u8> {
    let mut key = encode_key(&place.partition, &place.key);
    key.push(0);
    key
}

fn not_legal(error: KeyError) -> StoreError {
    corrupt("a stored key is not legal".to_owned(), Some(error.into()))
}
