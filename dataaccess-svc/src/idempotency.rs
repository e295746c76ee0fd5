//! `Idempotency-Key`: a record committed with the command, found again by later requests, dropped after its
//! lifetime by whoever commits next.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use cadastre_api_types::internal::{IdempotencyKey, Image, NodeView, SpaceView};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_storage::{RowKey, Write};
use jiff::Timestamp;
use uuid::Uuid;

use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{DerivedRun, IdempotencyRecord, encode};
use crate::rows::Rows;

/// Rows of an effect: `None` deletes.
pub(crate) type RowWrites = Vec<(RowKey, Option<Bytes>)>;

/// Expired records that one commit takes along.
const SWEEP: usize = 4;

/// The refusal for a key that was used with another body.
pub(crate) fn mismatch() -> ApiError {
    ApiError::new(
        ErrorCode::IdempotencyMismatch,
        "This Idempotency-Key was used within the last 24 hours with another body; use a new key for a new request.",
    )
}

/// The record of a key, if it has not expired; a refusal if it belongs to another body.
pub(crate) async fn find(
    rows: Rows<'_>,
    key: &IdempotencyKey,
    now: Timestamp,
    lifetime: Duration,
) -> Outcome<Option<IdempotencyRecord>> {
    let record: Option<IdempotencyRecord> = rows.record(&keys::idempotency(&key.key_hash)).await?;
    let Some(record) = record else { return Ok(None) };
    let age = now.as_second() - record.time.as_second();
    if age >= i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX) {
        return Ok(None);
    }
    if record.body_hash != key.body_hash {
        return Err(Failure::Refused(Box::new(mismatch())));
    }
    Ok(Some(record))
}

/// Hour in which a record made now may be dropped: a whole hour late, never early.
fn expiry_hour(time: Timestamp, lifetime: Duration) -> i64 {
    (time.as_second() + i64::try_from(lifetime.as_secs()).unwrap_or(0)) / 3600 + 1
}

/// What the same key will be answered again.
#[derive(Debug, Default)]
pub(crate) struct Remembered<'a> {
    /// A node or tag definition.
    pub subject: Option<&'a Image>,
    /// Nodes that an allocation or a split made.
    pub made_nodes: &'a [NodeView],
    /// A space.
    pub space: Option<&'a SpaceView>,
    /// The id of something a user got.
    pub made: Option<Uuid>,
}

/// Rows that remember a command.
pub(crate) fn remember(
    key: &IdempotencyKey,
    version: u64,
    time: Timestamp,
    lifetime: Duration,
    what: &Remembered<'_>,
) -> RowWrites {
    let record = IdempotencyRecord {
        v: 1,
        body_hash: key.body_hash.clone(),
        version,
        time,
        subject: what.subject.cloned(),
        derived: derived(what.made_nodes),
        space: what.space.cloned(),
        made: what.made,
    };
    vec![
        (keys::idempotency(&key.key_hash), Some(encode(&record))),
        (
            keys::idempotency_expiry(expiry_hour(time, lifetime), &key.key_hash),
            Some(Bytes::from_static(b"{\"V\":1}")),
        ),
    ]
}

/// What is derived of many nodes: neighbours have it in common, so that a thousand nodes need one entry.
fn derived(nodes: &[NodeView]) -> Vec<DerivedRun> {
    let mut runs: Vec<DerivedRun> = Vec::new();
    for node in nodes {
        match runs.last_mut() {
            Some(run) if run.parent == node.parent_id && run.resolved == node.resolved => run.count += 1,
            Some(_) | None => runs.push(DerivedRun {
                count: 1,
                parent: node.parent_id,
                resolved: node.resolved.clone(),
            }),
        }
    }
    runs
}

/// Rows of a few records whose time is over.
pub(crate) async fn sweep(rows: Rows<'_>, now: Timestamp, lifetime: Duration) -> Outcome<RowWrites> {
    let (expired, _) = rows
        .scan(&keys::idempotency_expired(now.as_second() / 3600), SWEEP)
        .await?;
    let mut writes = Vec::new();
    for (entry, _) in expired {
        if let Some(hash) = keys::parse_idempotency_expiry(&entry) {
            let key = keys::idempotency(&hash);
            // The key may have been used again since: then its record is younger and has an entry of its own.
            let record: Option<IdempotencyRecord> = rows.record(&key).await?;
            let over =
                record.is_some_and(|record| expiry_hour(record.time, lifetime) <= now.as_second() / 3600);
            if over {
                writes.push((key, None));
            }
        }
        writes.push((entry, None));
    }
    Ok(writes)
}

/// The same as unconditional writes, each row once: a key that is used again may be swept and remembered in
/// one commit, and the later write counts.
pub(crate) fn as_writes(rows: RowWrites) -> impl Iterator<Item = Write> {
    let rows: BTreeMap<RowKey, Option<Bytes>> = rows.into_iter().collect();
    rows.into_iter().map(|(key, value)| match value {
        Some(value) => Write::Put { key, value },
        None => Write::Delete { key },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_record_is_never_swept_before_its_lifetime_is_over() {
        let day = Duration::from_secs(24 * 3600);
        for second in [0, 1, 3599, 3600, 86_399] {
            let time = Timestamp::from_second(1_700_000_000 + second).unwrap();
            let hour = expiry_hour(time, day);
            assert!(hour * 3600 >= time.as_second() + 24 * 3600);
            assert!(hour * 3600 <= time.as_second() + 25 * 3600);
        }
    }
}
