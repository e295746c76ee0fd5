//! Things that have few rules beyond their own: plans, VLAN pools, templates, webhooks, and the policy.

use cadastre_api_types::internal::Thing;
use cadastre_domain::isp::{EntityKey, PoolPolicy, SealedSecret};

use super::draft::Draft;
use crate::errors::Outcome;

/// Makes a thing.
pub(super) async fn create(
    _draft: &mut Draft<'_, '_>,
    _thing: &Thing,
    _secret: Option<&SealedSecret>,
) -> Outcome<()> {
    Ok(())
}

/// Replaces a thing.
pub(super) async fn update(
    _draft: &mut Draft<'_, '_>,
    _thing: &Thing,
    _secret: Option<Option<&SealedSecret>>,
) -> Outcome<()> {
    Ok(())
}

/// Removes a thing that nothing uses.
pub(super) async fn delete(_draft: &mut Draft<'_, '_>, _key: &EntityKey) -> Outcome<()> {
    Ok(())
}

/// Replaces the rules of pool selection.
pub(super) async fn put_policy(_draft: &mut Draft<'_, '_>, _policy: &PoolPolicy) -> Outcome<()> {
    Ok(())
}
