//! Things whose rows are named by what they are of: reservations by their address, VLANs by domain and tag.

use cadastre_domain::Prefix;
use cadastre_domain::isp::{Entity, EntityKey, Kept, Reservation, VlanBinding};
use cadastre_storage::RowKey;
use uuid::Uuid;

use super::super::read::parse_id_row;
use super::draft::Draft;
use crate::errors::Outcome;
use crate::keys;
use crate::records::{EntityRecord, RecordError, VlanPlaceRecord, decode};
use crate::rows::Rows;

/// A thing that is not one of those which a row holds.
pub(super) fn wrong_kind(key: &RowKey, kept: &Kept<Entity>) -> crate::errors::Failure {
    RecordError::Inconsistent {
        key: key.clone(),
        reason: format!("it holds a {}", kept.value.kind().noun()),
    }
    .into()
}

/// A reservation as it is kept.
pub(super) fn as_reservation(key: &RowKey, kept: Kept<Entity>) -> Outcome<Kept<Reservation>> {
    match kept.value.reservation().cloned() {
        Some(found) => Ok(kept.map(|_| found)),
        None => Err(wrong_kind(key, &kept)),
    }
}

/// A VLAN binding as it is kept.
pub(super) fn as_binding(key: &RowKey, kept: Kept<Entity>) -> Outcome<Kept<VlanBinding>> {
    match kept.value.vlan_binding().cloned() {
        Some(found) => Ok(kept.map(|_| found)),
        None => Err(wrong_kind(key, &kept)),
    }
}

impl Draft<'_, '_> {
    /// Where a reservation is.
    async fn prefix_of(&self, id: Uuid) -> Outcome<Option<Prefix>> {
        let key = keys::id(id);
        match self.bytes(&key).await? {
            Some(bytes) => Ok(Some(parse_id_row(&key, &bytes)?)),
            None => Ok(None),
        }
    }

    pub(super) async fn placed_thing(&self, key: &EntityKey) -> Outcome<Option<Kept<Entity>>> {
        let row = match key {
            EntityKey::Reservation(id) => match self.prefix_of(*id).await? {
                Some(prefix) => keys::reservation(&prefix, *id),
                None => return Ok(None),
            },
            EntityKey::VlanBinding(id) => match self.row::<VlanPlaceRecord>(&keys::vlan_by_id(*id)).await? {
                Some(place) => keys::vlan(&place.domain, &place.tag),
                None => return Ok(None),
            },
            EntityKey::Pool(_)
            | EntityKey::Subscriber(_)
            | EntityKey::Plan(_)
            | EntityKey::Profile(_)
            | EntityKey::VlanPool(_)
            | EntityKey::Policy
            | EntityKey::Template(_)
            | EntityKey::Webhook(_)
            | EntityKey::Alert(_)
            | EntityKey::Outbox(_) => return Ok(None),
        };
        let found: Option<Kept<Entity>> = self.row::<EntityRecord>(&row).await?.map(Into::into);
        Ok(found.filter(|kept| kept.value.key() == *key))
    }
}

/// Things by their keys, those of one store read together; the book's are not looked for.
pub(super) async fn read(rows: Rows<'_>, wanted: &[EntityKey]) -> Outcome<Vec<Option<Kept<Entity>>>> {
    let first: Vec<RowKey> = wanted
        .iter()
        .map(|key| match (keys::entity(key), key) {
            (Some(row), _) => row,
            (None, EntityKey::VlanBinding(id)) => keys::vlan_by_id(*id),
            (None, EntityKey::Reservation(id)) => keys::id(*id),
            // Every other kind has a row of its own.
            (None, _other) => keys::head(),
        })
        .collect();
    let found = rows.get_many(&first).await?;
    let mut second = Vec::new();
    for (at, (key, (row, bytes))) in wanted.iter().zip(first.iter().zip(&found)).enumerate() {
        let Some(bytes) = bytes else { continue };
        if let EntityKey::Reservation(id) = key {
            second.push((at, keys::reservation(&parse_id_row(row, bytes)?, *id)));
        } else if let EntityKey::VlanBinding(_) = key {
            let place: VlanPlaceRecord = decode(row, bytes)?;
            second.push((at, keys::vlan(&place.domain, &place.tag)));
        }
    }
    let mut things = Vec::with_capacity(wanted.len());
    for (key, (row, bytes)) in wanted.iter().zip(first.iter().zip(found)) {
        things.push(match (keys::entity(key), bytes) {
            (Some(_), Some(bytes)) => Some(decode::<EntityRecord>(row, &bytes)?.into()),
            (Some(_) | None, _) => None,
        });
    }
    let places: Vec<RowKey> = second.iter().map(|(_, row)| row.clone()).collect();
    if !places.is_empty() {
        for ((at, row), bytes) in second.iter().zip(rows.get_many(&places).await?) {
            let Some(bytes) = bytes else { continue };
            let kept: Kept<Entity> = decode::<EntityRecord>(row, &bytes)?.into();
            things[*at] = (kept.value.key() == wanted[*at]).then_some(kept);
        }
    }
    Ok(things)
}
