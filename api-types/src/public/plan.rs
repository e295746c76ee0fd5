//! What `?dryRun=true` answers: the plan of a mutation, nothing committed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ErrorCode;

/// What would happen to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ChangeAction {
    /// It would be made.
    Create,
    /// It would be changed.
    Update,
    /// It would be removed.
    Delete,
}

/// What kind of thing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    /// A node of the tree.
    Ip,
    /// A tag definition.
    Tag,
    /// An address space.
    AddressSpace,
    /// A user.
    User,
    /// A role of a user.
    Role,
    /// An API token.
    Token,
    /// A pool.
    Pool,
    /// A reservation.
    Reservation,
    /// A subscriber.
    Subscriber,
    /// A service plan.
    Plan,
    /// The network profile of a subscriber.
    NetworkProfile,
    /// A pool of VLANs.
    VlanPool,
    /// A VLAN that somebody has.
    VlanBinding,
    /// The rules of pool selection.
    PoolPolicy,
    /// A reservation template.
    ReservationTemplate,
    /// A webhook.
    Webhook,
    /// An alert.
    Alert,
    /// An entry of the outbox.
    OutboxEntry,
}

/// One thing that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What happens.
    pub action: ChangeAction,
    /// To what kind of thing.
    pub kind: ChangeKind,
    /// Its prefix, tag name, or other name.
    pub name: String,
    /// Its state before, absent when it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<serde_json::Value>,
    /// Its state after, absent when it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<serde_json::Value>,
}

/// Why a mutation would be refused: the error it would answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedConflict {
    /// The error's code.
    pub code: ErrorCode,
    /// The error's sentence.
    pub message: String,
    /// The error's facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<serde_json::Value>,
}

/// Answer of a dry run: with no conflicts, the mutation would do these changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// What would change.
    pub changes: Vec<Change>,
    /// What stands in the way.
    pub conflicts: Vec<PlannedConflict>,
}
