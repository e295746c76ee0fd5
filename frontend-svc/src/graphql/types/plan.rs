//! Service plans.

use std::fmt;
use std::sync::Arc;

use async_graphql::{ComplexObject, ID, SimpleObject};
use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{PlanFeatures as WireFeatures, ServicePlan};
use cadastre_domain::isp::{EntityKey, Plan as KeptPlan};
use jiff::Timestamp;
use uuid::Uuid;

use super::text;
use crate::graphql::scalars::{BigInt, id};
use crate::graphql::session::InSpace;
use crate::graphql::words::{IPPoolType, ServiceType, VlanMode};
use crate::isp::wire::plan;

/// What a plan includes. What it leaves open, it has from the plan it is based on.
#[derive(SimpleObject)]
struct PlanFeatures {
    /// A static IPv4 address.
    static_ip: Option<bool>,
    /// A static IPv6 address.
    #[graphql(name = "staticIpv6")]
    static_ipv6: Option<bool>,
    /// A delegated IPv6 prefix.
    #[graphql(name = "ipv6Pd")]
    ipv6_pd: Option<bool>,
    /// Length of the delegated prefix; that of the pool if absent.
    #[graphql(name = "ipv6PdLength")]
    ipv6_pd_length: Option<u8>,
    /// Type of the pool that IPv4 addresses come from; `IPV4_PUBLIC` if absent.
    #[graphql(name = "ipv4PoolType")]
    ipv4_pool_type: Option<IPPoolType>,
    /// The VLAN.
    vlan: Option<VlanMode>,
    /// Speed towards the subscriber, in kbit/s.
    download_kbps: Option<BigInt>,
    /// Speed from the subscriber, in kbit/s.
    upload_kbps: Option<BigInt>,
}

impl From<WireFeatures> for PlanFeatures {
    fn from(features: WireFeatures) -> Self {
        Self {
            static_ip: features.static_ip,
            static_ipv6: features.static_ipv6,
            ipv6_pd: features.ipv6_pd,
            ipv6_pd_length: features.ipv6_pd_length,
            ipv4_pool_type: features.ipv4_pool_type.map(Into::into),
            vlan: features.vlan.map(Into::into),
            download_kbps: features.download_kbps.map(Into::into),
            upload_kbps: features.upload_kbps.map(Into::into),
        }
    }
}

/// A service plan.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct Plan {
    #[graphql(skip)]
    at: Arc<InSpace>,
    #[graphql(skip)]
    base_key: Option<Uuid>,
    /// UUIDv7.
    id: ID,
    /// Unique in its address space, without regard to case.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// The plan it is based on.
    base_plan_id: Option<ID>,
    /// For which customers; all if absent.
    service_type: Option<ServiceType>,
    /// What it says itself.
    features: PlanFeatures,
    /// The profile of its bandwidth, by the name that RADIUS knows.
    bandwidth_profile_id: Option<String>,
    /// It can be sold.
    active: bool,
    /// When it was made.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

impl Plan {
    /// A plan as the public API shows it.
    pub(in crate::graphql) fn of(at: &Arc<InSpace>, plan: ServicePlan) -> Self {
        Self {
            at: Arc::clone(at),
            base_key: plan.base_plan_id,
            id: id(plan.id),
            name: plan.name,
            description: text(plan.description),
            base_plan_id: plan.base_plan_id.map(id),
            service_type: plan.service_type.map(Into::into),
            features: plan.features.into(),
            bandwidth_profile_id: plan.bandwidth_profile_id,
            active: plan.active,
            created_at: plan.created_at,
            updated_at: plan.updated_at,
        }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Plan({})", self.name)
    }
}

#[ComplexObject]
impl Plan {
    /// The plan it is based on.
    async fn base_plan(&self) -> Result<Option<Plan>, ApiError> {
        let Some(base) = self.base_key else {
            return Ok(None);
        };
        let found = self.at.thing::<KeptPlan>(EntityKey::Plan(base)).await?;
        Ok(found.map(|kept| Plan::of(&self.at, plan::to_wire(kept))))
    }
}
