//! Service plans.

use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{PlanFeatures, ServicePlan, ServicePlanUpdate};
use cadastre_domain::isp::{Features, Kept, Plan};
use uuid::Uuid;

use super::{check_read_only, refused};

const READ_ONLY: &[&str] = &["id", "createdAt", "updatedAt"];

/// As clients see it.
pub(crate) fn to_wire(kept: Kept<Plan>) -> ServicePlan {
    let plan = kept.value;
    let features = plan.features;
    ServicePlan {
        id: plan.id,
        name: plan.name,
        description: plan.description,
        base_plan_id: plan.base_plan_id,
        service_type: plan.service_type.map(Into::into),
        features: PlanFeatures {
            static_ip: features.static_ip,
            static_ipv6: features.static_ipv6,
            ipv6_pd: features.ipv6_pd,
            ipv6_pd_length: features.ipv6_pd_length,
            ipv4_pool_type: features.ipv4_pool_type.map(Into::into),
            vlan: features.vlan.map(Into::into),
            download_kbps: features.download_kbps,
            upload_kbps: features.upload_kbps,
        },
        bandwidth_profile_id: plan.bandwidth_profile_id,
        active: plan.active,
        created_at: kept.created,
        updated_at: kept.modified,
    }
}

/// The plan that a body asks for; `stored` is the one that it replaces.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn from_wire(
    id: Uuid,
    body: ServicePlanUpdate,
    stored: Option<&Kept<Plan>>,
) -> Result<Plan, ApiError> {
    if let Some(stored) = stored {
        check_read_only(&body, &to_wire(stored.clone()), READ_ONLY)?;
    }
    let features = body.features.unwrap_or_default();
    let plan = Plan {
        id,
        name: body.name,
        description: body.description.unwrap_or_default(),
        base_plan_id: body.base_plan_id,
        service_type: body.service_type.map(Into::into),
        features: Features {
            static_ip: features.static_ip,
            static_ipv6: features.static_ipv6,
            ipv6_pd: features.ipv6_pd,
            ipv6_pd_length: features.ipv6_pd_length,
            ipv4_pool_type: features.ipv4_pool_type.map(Into::into),
            vlan: features.vlan.map(Into::into),
            download_kbps: features.download_kbps,
            upload_kbps: features.upload_kbps,
        },
        bandwidth_profile_id: body.bandwidth_profile_id,
        active: body.active.unwrap_or(true),
    };
    plan.check().map_err(|error| refused(&error))?;
    Ok(plan)
}
