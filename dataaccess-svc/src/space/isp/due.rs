//! What becomes due. Each moment has a row in the space, committed with the change (`keys::due`); and so that nobody has to
//! look into every space, a hint beside the catalogue says that a space has something due by a certain time. The hint is
//! written before the commit: one too many is possible, and one too few is not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cadastre_domain::isp::{Entity, EntityKey, Move};
use cadastre_storage::{KeyRange, RowKey, Store, StoreError, Write};
use jiff::Timestamp;
use parking_lot::Mutex;
use uuid::Uuid;

use super::super::SpaceHandle;
use super::draft::Draft;
use super::{lifecycle, outbox};
use crate::errors::Outcome;
use crate::keys::{self, DueKind};
use crate::rows::Rows;

/// For whom a hint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Agenda {
    /// The background work: expiry and reclaim.
    Timers,
    /// Who delivers the outbox.
    Outbox,
}

/// Something will be due at a second since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Due {
    /// For whom.
    pub(crate) agenda: Agenda,
    /// When.
    pub(crate) second: i64,
}

/// Seconds that share a hint.
const BUCKET: i64 = 64;
/// Hints that a process remembers to have written for a space.
const REMEMBERED: usize = 4_096;

/// The hints of a space that this process has written.
#[derive(Debug, Default)]
pub(crate) struct Announced(Mutex<BTreeSet<(Agenda, i64)>>);

/// How long a hint stays behind its time: longer than a commit can be under way behind it.
const GRACE: i64 = 120;

/// Whether a hint of that second may be removed by somebody who has found nothing due.
pub(crate) fn is_over(second: i64, now: i64) -> bool {
    second + BUCKET + GRACE < now
}

/// Writes the hints of what a group makes due, unless this process has written them. They stay for a while behind their
/// time ([`is_over`]), so what is remembered here is there.
pub(crate) async fn announce(handle: &SpaceHandle, due: Vec<Due>) -> Result<(), StoreError> {
    if due.is_empty() {
        return Ok(());
    }
    let now = handle.config.clock.now().as_second();
    let buckets: BTreeSet<(Agenda, i64)> = due
        .into_iter()
        .map(|due| (due.agenda, due.second.max(now) / BUCKET))
        .collect();
    for bucket in buckets {
        if handle.announced.0.lock().contains(&bucket) {
            continue;
        }
        let (agenda, at) = bucket;
        let write = Write::Put {
            key: keys::agenda_hint(agenda, at * BUCKET, handle.id),
            value: bytes::Bytes::from_static(b"{\"V\":1}"),
        };
        handle
            .stored()
            .commit(&keys::agenda_partition(), vec![write])
            .await?;
        let mut known = handle.announced.0.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(bucket);
    }
    Ok(())
}

/// Spaces in which something may be due by now, each with the hints of it that are over once nothing is found.
pub(crate) async fn spaces(
    store: &Arc<dyn Store>,
    agenda: Agenda,
    now: i64,
    most: usize,
) -> Outcome<Vec<(Uuid, Vec<RowKey>)>> {
    let partition = keys::agenda_partition();
    let (hints, _) = Rows::durable(store, &partition)
        .scan(&keys::agenda_until(agenda, now), most)
        .await?;
    let mut found: BTreeMap<Uuid, Vec<RowKey>> = BTreeMap::new();
    for (key, _) in hints {
        if let Some((second, space)) = keys::parse_agenda_hint(&key) {
            let over = found.entry(space).or_default();
            if is_over(second, now) {
                over.push(key);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// Does what is due by now, at most so many: the rest another time, so that others have their turns in between.
pub(super) async fn run(draft: &mut Draft<'_, '_>, limit: usize, from: Option<&str>) -> Outcome<()> {
    let now = draft.decider.time.as_second();
    let range = behind(from.and_then(|from| RowKey::new(from).ok()).as_ref(), now);
    let (found, _) = draft.decider.resolver.rows().scan(&range, limit.max(1)).await?;
    for (row, _) in found {
        if let Some((_, kind, id)) = keys::parse_due(&row) {
            match kind {
                DueKind::Expiry | DueKind::Reclaim => one(draft, kind, id).await?,
                DueKind::OutboxEnd => outbox::forget(draft, id).await?,
            }
        }
        draft.erase(row);
    }
    Ok(())
}

async fn one(draft: &mut Draft<'_, '_>, kind: DueKind, id: Uuid) -> Outcome<()> {
    let Some(kept) = draft.thing(&EntityKey::Reservation(id)).await? else {
        return Ok(());
    };
    let Entity::Reservation(found) = kept.value.clone() else {
        return Ok(());
    };
    let now = draft.decider.time;
    // It may have been extended, released or handed over since.
    let over = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment <= now);
    match kind {
        DueKind::Expiry if found.status.is_active() && over(found.expires_at) => {
            lifecycle::moved(draft, kept, found, Move::Expire, Some("its time was over")).await?;
        }
        DueKind::Reclaim if found.is_resting() && over(found.rests_until) => {
            lifecycle::moved(draft, kept, found, Move::Reclaim, None).await?;
        }
        DueKind::Expiry | DueKind::Reclaim | DueKind::OutboxEnd => {}
    }
    Ok(())
}

/// The first thing that is due in a space, at or behind a row.
pub(crate) async fn first(handle: &SpaceHandle, from: Option<&RowKey>, now: i64) -> Outcome<Option<RowKey>> {
    let found = handle.durable().first(&behind(from, now)).await?;
    Ok(found.map(|(key, _)| key))
}

/// What is due by now, from a row on.
fn behind(from: Option<&RowKey>, now: i64) -> KeyRange {
    let mut range = keys::due_before(now + 1);
    if let Some(from) = from.filter(|from| range.contains(from)) {
        range.start = Some(from.clone());
    }
    range
}

/// Removes hints that were dealt with.
pub(crate) async fn done(store: &Arc<dyn Store>, hints: Vec<RowKey>) -> Outcome<()> {
    for key in hints {
        store
            .commit(&keys::agenda_partition(), vec![Write::Delete { key }])
            .await?;
    }
    Ok(())
}
