//! The rules of pool selection.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PoolType, ServiceType};

/// One rule. What it leaves open matches everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyRule {
    /// For messages.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    /// Of these plans only.
    #[serde(default)]
    pub plan_ids: Vec<Uuid>,
    /// At these sites only.
    #[serde(default)]
    pub site_ids: Vec<String>,
    /// For these kinds of customers only.
    #[serde(default)]
    pub service_types: Vec<ServiceType>,
    /// Subscribers that have all these tags only.
    #[serde(default)]
    pub subscriber_tags: BTreeMap<String, String>,
    /// From pools of this type only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_type: Option<PoolType>,
    /// From these pools only.
    #[serde(default)]
    pub pool_ids: Vec<Uuid>,
    /// From pools whose network resolves to all these tags. A value `{Tag}` stands for the subscriber's own value of that
    /// tag, `{siteId}` for its site.
    #[serde(default)]
    pub pool_tags: BTreeMap<String, String>,
    /// From pools at the subscriber's own site only.
    #[serde(default)]
    pub same_site: bool,
}

/// The rules of a space, in their order: the first that matches and has room.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolPolicy {
    /// The rules.
    pub rules: Vec<PolicyRule>,
    /// When they last changed; absent if there never were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
}

/// Body of `PUT /pool-policy`: replaces the rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PoolPolicyWrite {
    /// The rules, in their order.
    #[schema(max_items = 200)]
    pub rules: Vec<PolicyRule>,
    /// Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
}
