//! What pools have handed out, in a row of each pool's own, changed by the command that changes it; with what follows from
//! it: the pool's days, and its alerts.

use std::collections::BTreeMap;

use cadastre_api_types::internal::PoolCounts;
use cadastre_domain::isp::alert::{self, Turn};
use cadastre_domain::isp::{
    Alert, AlertKind, AlertState, Count, Entity, EntityKey, Kept, Pool, PoolState, PoolStatus,
    ReservationStatus,
};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::draft::Draft;
use crate::errors::Outcome;
use crate::keys;
use crate::records::{PoolCountersRecord, PoolDayRecord, RecordError};

/// What one pool counts differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Change {
    reserved: i128,
    assigned: i128,
    resting: i128,
    excluded: i128,
    taken: u128,
    given_back: u128,
}

/// What pools count differently because of a command.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<Uuid, Change>);

/// Which of a pool's counters somebody's units stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// Held, not in use yet.
    Reserved,
    /// In use.
    Assigned,
    /// Released, and not reclaimed yet.
    Resting,
}

impl Stands {
    /// Where a reservation's units stand; `None` = it holds none.
    pub(super) fn of(status: ReservationStatus, reclaimed: bool) -> Option<Self> {
        match status {
            ReservationStatus::Reserved => Some(Self::Reserved),
            ReservationStatus::Assigned => Some(Self::Assigned),
            ReservationStatus::Released if !reclaimed => Some(Self::Resting),
            ReservationStatus::Released | ReservationStatus::Expired => None,
        }
    }
}

fn signed(count: Count) -> i128 {
    i128::try_from(count.0).unwrap_or(i128::MAX)
}

impl Changes {
    /// Units of a pool move from one counter to another; `None` = they are free, or counted elsewhere.
    pub(super) fn moved(&mut self, pool: Uuid, units: Count, from: Option<Stands>, to: Option<Stands>) {
        let change = self.0.entry(pool).or_default();
        for (stands, sign) in [(from, -1), (to, 1)] {
            let amount = sign * signed(units);
            match stands {
                Some(Stands::Reserved) => change.reserved += amount,
                Some(Stands::Assigned) => change.assigned += amount,
                Some(Stands::Resting) => change.resting += amount,
                None => {}
            }
        }
        let is_active = |stands| matches!(stands, Some(Stands::Reserved | Stands::Assigned));
        match (is_active(from), is_active(to)) {
            (false, true) => change.taken += units.0,
            (true, false) => change.given_back += units.0,
            (true, true) | (false, false) => {}
        }
    }

    /// Units of a pool are excluded from now on, or no longer (less than nothing).
    pub(super) fn excluded(&mut self, pool: Uuid, more: Count, less: Count) {
        self.0.entry(pool).or_default().excluded += signed(more) - signed(less);
    }

    /// A pool is looked at again: its settings have changed.
    pub(super) fn touch(&mut self, pool: Uuid) {
        self.0.entry(pool).or_default();
    }
}

fn apply(key: &cadastre_storage::RowKey, count: &mut Count, change: i128) -> Outcome<()> {
    let amount = Count(change.unsigned_abs());
    let next = if change < 0 {
        count.0.checked_sub(amount.0)
    } else {
        count.0.checked_add(amount.0)
    };
    match next {
        Some(next) => {
            *count = Count(next);
            Ok(())
        }
        None => Err(RecordError::Inconsistent {
            key: key.clone(),
            reason: format!("it counts {count}, and {amount} are to be taken off"),
        }
        .into()),
    }
}

/// Days since 1970-01-01 (UTC).
pub(super) fn day_of(time: Timestamp) -> i32 {
    i32::try_from(time.as_second().div_euclid(86_400)).unwrap_or(i32::MAX)
}

/// The counters of a pool, with its total.
pub(super) fn counts(pool: &Pool, record: &PoolCountersRecord) -> PoolCounts {
    PoolCounts {
        total: pool.total(),
        reserved: record.reserved,
        assigned: record.assigned,
        resting: record.resting,
        excluded: record.excluded,
    }
}

/// Writes what pools count, and what follows from it.
pub(super) async fn settle(draft: &mut Draft<'_, '_>) -> Outcome<()> {
    let changes = std::mem::take(&mut draft.counts.0);
    let today = day_of(draft.decider.time);
    let wanted = changes
        .keys()
        .flat_map(|id| [keys::pool_counters(*id), keys::pool_day(*id, today)]);
    draft.read_ahead(wanted.collect()).await?;
    for (id, change) in changes {
        // A pool that the command removes takes its counters with it.
        let Some(pool) = draft.book().pool(id).cloned() else {
            continue;
        };
        let key = keys::pool_counters(id);
        let before = draft.row::<PoolCountersRecord>(&key).await?;
        let mut record = before.clone().unwrap_or_default();
        record.v = 1;
        for (count, change) in [
            (&mut record.reserved, change.reserved),
            (&mut record.assigned, change.assigned),
            (&mut record.resting, change.resting),
            (&mut record.excluded, change.excluded),
        ] {
            apply(&key, count, change)?;
        }
        look(draft, &pool.value, &mut record).await?;
        if before.as_ref() != Some(&record) {
            draft.write(key, &record);
        }
        if change.taken > 0 || change.given_back > 0 {
            let key = keys::pool_day(id, today);
            let mut day = draft.row::<PoolDayRecord>(&key).await?.unwrap_or_default();
            day.v = 1;
            day.taken = day.taken.plus(Count(change.taken));
            day.given_back = day.given_back.plus(Count(change.given_back));
            draft.write(key, &day);
        }
    }
    Ok(())
}

/// Raises and clears the alerts of a pool.
async fn look(draft: &mut Draft<'_, '_>, pool: &Pool, record: &mut PoolCountersRecord) -> Outcome<()> {
    let counts = counts(pool, record);
    let kinds = [
        (
            AlertKind::PoolUtilization,
            record.utilization_alert,
            pool.warn_percent,
        ),
        (AlertKind::PoolDepleted, record.depleted_alert, 100),
    ];
    for (kind, raised, threshold) in kinds {
        let now = match alert::turn(kind, raised.is_some(), counts.used(), counts.usable(), threshold) {
            Turn::Stay => continue,
            Turn::Raise => Some(raise(draft, pool, kind, threshold, &counts)),
            Turn::Clear => {
                if let Some(id) = raised {
                    clear(draft, id, &counts).await?;
                }
                None
            }
        };
        match kind {
            AlertKind::PoolUtilization => record.utilization_alert = now,
            AlertKind::PoolDepleted => record.depleted_alert = now,
        }
    }
    Ok(())
}

fn raise(
    draft: &mut Draft<'_, '_>,
    pool: &Pool,
    kind: AlertKind,
    threshold: u8,
    counts: &PoolCounts,
) -> Uuid {
    let alert = Alert {
        id: Uuid::now_v7(),
        kind,
        pool_id: pool.id,
        pool_name: pool.name.clone(),
        network: pool.network,
        state: AlertState::Raised,
        threshold_percent: threshold,
        used: counts.used(),
        usable: counts.usable(),
        raised_at: draft.decider.time,
        acknowledged_at: None,
        acknowledged_by: None,
        cleared_at: None,
    };
    draft.tell("alert.raised", told(&alert, counts));
    let id = alert.id;
    draft.put(None, Entity::Alert(alert));
    id
}

async fn clear(draft: &mut Draft<'_, '_>, id: Uuid, counts: &PoolCounts) -> Outcome<()> {
    let Some(before) = draft.thing(&EntityKey::Alert(id)).await? else {
        return Ok(());
    };
    let Entity::Alert(mut alert) = before.value.clone() else {
        return Ok(());
    };
    alert.state = AlertState::Cleared;
    alert.cleared_at = Some(draft.decider.time);
    draft.tell("alert.cleared", told(&alert, counts));
    draft.put(Some(before), Entity::Alert(alert));
    Ok(())
}

/// What is told of an alert outside.
fn told(alert: &Alert, counts: &PoolCounts) -> serde_json::Value {
    json!({
        "alertId": alert.id,
        "kind": alert.kind,
        "poolId": alert.pool_id,
        "poolName": alert.pool_name,
        "thresholdPercent": alert.threshold_percent,
        "used": counts.used(),
        "usable": counts.usable(),
        "available": counts.available(),
    })
}

/// Clears what is raised of a pool that is removed.
pub(super) async fn clear_all(draft: &mut Draft<'_, '_>, pool: &Kept<Pool>) -> Outcome<()> {
    let key = keys::pool_counters(pool.value.id);
    let record = draft.row::<PoolCountersRecord>(&key).await?.unwrap_or_default();
    let counts = counts(&pool.value, &record);
    for id in record.utilization_alert.into_iter().chain(record.depleted_alert) {
        clear(draft, id, &counts).await?;
    }
    draft.erase(key);
    Ok(())
}

/// What a pool shows.
pub(super) fn status(pool: &Pool, record: &PoolCountersRecord) -> PoolStatus {
    match pool.state {
        PoolState::Reserved => PoolStatus::Reserved,
        PoolState::Maintenance => PoolStatus::Maintenance,
        PoolState::Active if counts(pool, record).available() == Count::ZERO => PoolStatus::Depleted,
        PoolState::Active => PoolStatus::Active,
    }
}
