//! Conflicts: what stands against an address being handed out, or is wrong with one that was.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Reservation;

/// What an address conflicts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConflictType {
    /// Somebody holds it, or it rests for them.
    Reservation,
    /// A node of the tree is there: another use, the pool's gateway, or an exclusion.
    TreeNode,
    /// It is in no pool, not in the one that was named, or nothing that the pool hands out.
    PoolBoundary,
    /// The network profile of somebody else names it.
    NetworkProfile,
    /// A RADIUS session uses it.
    RadiusSession,
    /// NetBox has it as somebody else's.
    Netbox,
}

/// How bad a conflict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConflictSeverity {
    /// Worth knowing.
    Low,
    /// Somebody should look first.
    Medium,
    /// It would break something.
    High,
    /// Two would use one address.
    Critical,
}

/// What to do about a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SuggestedAction {
    /// Take another address.
    UseAnother,
    /// Release the reservation that holds it.
    Release,
    /// Wait until it has rested, or force.
    Wait,
    /// Name the pool that it lies in, or make one.
    ChoosePool,
    /// Look at what else uses it, then correct that.
    Correct,
}

/// A way out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConflictSuggestion {
    /// What to do.
    pub action: SuggestedAction,
    /// The same in words.
    pub message: String,
    /// The next one that the pool would hand out instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
}

/// A node that is in the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConflictNode {
    /// Id of the node.
    pub id: Uuid,
    /// Its prefix.
    pub prefix: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A conflict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpConflict {
    /// The address, or the delegated prefix.
    #[schema(example = "203.0.113.9")]
    pub ip_address: String,
    /// What it conflicts with.
    pub conflict_type: ConflictType,
    /// How bad that is.
    pub severity: ConflictSeverity,
    /// The same in words.
    pub message: String,
    /// The reservation in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing_reservation: Option<Reservation>,
    /// The node in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<ConflictNode>,
    /// Who has it, or should have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber_id: Option<String>,
    /// Since when, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Whether a reservation with `force` overrules it.
    pub can_force: bool,
    /// A way out.
    pub suggestion: ConflictSuggestion,
}

/// Body of `POST …/check-conflicts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConflictCheck {
    /// An address, or a prefix that would be delegated.
    #[schema(example = "203.0.113.9")]
    pub ip_address: String,
    /// As one of this pool; of whichever it lies in, if absent.
    #[serde(default)]
    pub pool_id: Option<Uuid>,
    /// For this subscriber, whose own is no conflict.
    #[serde(default)]
    pub subscriber_id: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConflictReport {
    /// What was asked for.
    pub ip_address: String,
    /// The pool it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<Uuid>,
    /// What stands against it, the worst first.
    pub conflicts: Vec<IpConflict>,
    /// Nothing stands against it, and everybody could be asked.
    pub available: bool,
    /// Who could not be asked: what they know is not among the conflicts.
    pub unavailable_sources: Vec<String>,
}
