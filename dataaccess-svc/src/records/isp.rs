//! Things of the provider's side, and what is counted of them. A thing is stored as the value that also travels and stands
//! in the journal, in an envelope; golden bytes keep it from changing unseen.

use cadastre_domain::isp::{Count, Entity, Kept, SealedSecret, SubscriberId, VlanTag};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record;

/// A thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EntityRecord {
    /// Format.
    pub v: u32,
    /// The thing.
    pub value: Entity,
    /// When it was made.
    pub created_on: Timestamp,
    /// When it last changed.
    pub modified_on: Timestamp,
    /// Version of the space at its last change.
    pub revision: u64,
}
record!(EntityRecord, "thing of the provider's side", 1);

impl From<EntityRecord> for Kept<Entity> {
    fn from(record: EntityRecord) -> Self {
        Self {
            value: record.value,
            created: record.created_on,
            modified: record.modified_on,
            revision: record.revision,
        }
    }
}

impl From<&Kept<Entity>> for EntityRecord {
    fn from(kept: &Kept<Entity>) -> Self {
        Self {
            v: 1,
            value: kept.value.clone(),
            created_on: kept.created,
            modified_on: kept.modified,
            revision: kept.revision,
        }
    }
}

/// What a pool has handed out. Its total follows from the pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PoolCountersRecord {
    /// Format.
    pub v: u32,
    /// Held, not in use yet.
    pub reserved: Count,
    /// In use.
    pub assigned: Count,
    /// Released, and not reclaimed yet.
    pub resting: Count,
    /// Gateway, exclusions, and other nodes in the network.
    pub excluded: Count,
    /// The alert of its threshold that is raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utilization_alert: Option<Uuid>,
    /// The alert that nothing is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depleted_alert: Option<Uuid>,
}
record!(PoolCountersRecord, "counters of a pool", 1);

/// What a pool did on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PoolDayRecord {
    /// Format.
    pub v: u32,
    /// Reservations made.
    pub taken: Count,
    /// Reservations that were given back.
    pub given_back: Count,
}
record!(PoolDayRecord, "day of a pool", 1);

/// A secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SecretRecord {
    /// Format.
    pub v: u32,
    /// It is sealed with a key that the store does not have.
    pub secret: SealedSecret,
}
record!(SecretRecord, "secret", 1);

/// Whose something is: a name, a unique value, a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OwnerRecord {
    /// Format.
    pub v: u32,
    /// The id of the thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Or of the subscriber.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber_id: Option<SubscriberId>,
}
record!(OwnerRecord, "owner", 1);

/// Tags of a VLAN pool that are taken: a bit for each of 4,096 numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VlansTakenRecord {
    /// Format.
    pub v: u32,
    /// In hex, 1,024 digits; the first digit holds the numbers 0 to 3, the lowest in its highest bit.
    pub taken: String,
}
record!(VlansTakenRecord, "taken VLANs", 1);

/// Where a VLAN binding is, by its id or by its holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VlanPlaceRecord {
    /// Format.
    pub v: u32,
    /// The domain.
    pub domain: String,
    /// The tag.
    pub tag: VlanTag,
}
record!(VlanPlaceRecord, "place of a VLAN", 1);
