//! Service plans.

use cadastre_domain::isp;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::macros::{bodies, words};
use super::{PoolType, ServiceType};

words! {
    /// Which VLAN a plan gives.
    VlanMode of isp::VlanMode {
        /// None.
        None = "NONE",
        /// One tag.
        Single = "SINGLE",
        /// An outer and an inner tag.
        Qinq = "QINQ",
    }
}

/// What a plan includes. What it leaves open, it has from the plan it is based on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanFeatures {
    /// A static IPv4 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_ip: Option<bool>,
    /// A static IPv6 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_ipv6: Option<bool>,
    /// A delegated IPv6 prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_pd: Option<bool>,
    /// Length of the delegated prefix; that of the pool if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 16, maximum = 64)]
    pub ipv6_pd_length: Option<u8>,
    /// Type of the pool that IPv4 addresses come from; `IPV4_PUBLIC` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4_pool_type: Option<PoolType>,
    /// The VLAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<VlanMode>,
    /// Speed towards the subscriber, in kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub download_kbps: Option<u64>,
    /// Speed from the subscriber, in kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub upload_kbps: Option<u64>,
}

/// A service plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServicePlan {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique in its space, without regard to case.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The plan it is based on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_plan_id: Option<Uuid>,
    /// For which customers; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceType>,
    /// What it says itself.
    pub features: PlanFeatures,
    /// The profile of its bandwidth, by the name that RADIUS knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_profile_id: Option<String>,
    /// It can be sold.
    pub active: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

bodies! {
    /// Body of `POST /plans`.
    ServicePlanCreate,
    /// Body of `PUT /plans/{planId}`: replaces it.
    ServicePlanUpdate,
    both {
        /// 1 to 128 characters; unique in its space, without regard to case.
        #[schema(min_length = 1, max_length = 128)]
        name: String,
        /// At most 1,024 characters.
        #[serde(default)]
        #[schema(max_length = 1024)]
        description: Option<String>,
        /// The plan it is based on.
        #[serde(default)]
        base_plan_id: Option<Uuid>,
        /// For which customers; all if absent.
        #[serde(default)]
        service_type: Option<ServiceType>,
        /// What it says itself.
        #[serde(default)]
        features: Option<PlanFeatures>,
        /// The profile of its bandwidth, by the name that RADIUS knows.
        #[serde(default)]
        #[schema(max_length = 128)]
        bandwidth_profile_id: Option<String>,
        /// `true` if absent.
        #[serde(default)]
        active: Option<bool>,
    }
    once {}
    read_only {
        /// Read-only.
        id: Uuid,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        created_at: Timestamp,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        updated_at: Timestamp,
    }
}
