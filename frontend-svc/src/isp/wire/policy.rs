//! The rules of pool selection.

use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{PolicyRule as WireRule, PoolPolicy as WirePolicy, PoolPolicyWrite};
use cadastre_domain::isp::{Kept, PolicyRule, PoolPolicy};

use super::{check_read_only, refused};

/// As clients see it; a space whose rules nobody ever set has none.
pub(crate) fn to_wire(kept: Option<Kept<PoolPolicy>>) -> WirePolicy {
    let updated_at = kept.as_ref().map(|kept| kept.modified);
    let rules = kept.map(|kept| kept.value.rules).unwrap_or_default();
    WirePolicy {
        rules: rules.into_iter().map(rule).collect(),
        updated_at,
    }
}

fn rule(rule: PolicyRule) -> WireRule {
    WireRule {
        name: rule.name,
        plan_ids: rule.plan_ids,
        site_ids: rule.site_ids,
        service_types: rule.service_types.into_iter().map(Into::into).collect(),
        subscriber_tags: rule.subscriber_tags,
        pool_type: rule.pool_type.map(Into::into),
        pool_ids: rule.pool_ids,
        pool_tags: rule.pool_tags,
        same_site: rule.same_site,
    }
}

/// The rules that a body asks for; `stored` are those that it replaces.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn from_wire(
    body: PoolPolicyWrite,
    stored: Option<&Kept<PoolPolicy>>,
) -> Result<PoolPolicy, ApiError> {
    check_read_only(&body, &to_wire(stored.cloned()), &["updatedAt"])?;
    let rules = body.rules.into_iter().map(|rule| PolicyRule {
        name: rule.name,
        plan_ids: rule.plan_ids,
        site_ids: rule.site_ids,
        service_types: rule.service_types.into_iter().map(Into::into).collect(),
        subscriber_tags: rule.subscriber_tags,
        pool_type: rule.pool_type.map(Into::into),
        pool_ids: rule.pool_ids,
        pool_tags: rule.pool_tags,
        same_site: rule.same_site,
    });
    let policy = PoolPolicy {
        rules: rules.collect(),
    };
    policy.check().map_err(|error| refused(&error))?;
    Ok(policy)
}
