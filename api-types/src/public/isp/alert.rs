//! Alerts of pools.

use cadastre_domain::isp;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::macros::words;

words! {
    /// What is wrong.
    AlertKind of isp::AlertKind {
        /// The pool's threshold is passed.
        PoolUtilization = "POOL_UTILIZATION",
        /// Nothing is left.
        PoolDepleted = "POOL_DEPLETED",
    }
}

words! {
    /// Where an alert stands.
    AlertState of isp::AlertState {
        /// It is as it says.
        Raised = "RAISED",
        /// It is as it says, and somebody knows.
        Acknowledged = "ACKNOWLEDGED",
        /// It is over.
        Cleared = "CLEARED",
    }
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// UUIDv7.
    pub id: Uuid,
    /// What is wrong.
    pub kind: AlertKind,
    /// Of which pool.
    pub pool_id: Uuid,
    /// The pool's name when it was raised.
    pub pool_name: String,
    /// Where it stands.
    pub state: AlertState,
    /// The threshold in percent.
    pub threshold_percent: u8,
    /// What was in use when it was raised.
    pub used: String,
    /// What could be used when it was raised.
    pub usable: String,
    /// When it was raised.
    #[schema(value_type = String, format = DateTime)]
    pub raised_at: Timestamp,
    /// When somebody acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub acknowledged_at: Option<Timestamp>,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub cleared_at: Option<Timestamp>,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}
