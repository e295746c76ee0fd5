//! The rules of pool selection.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IspCommand, MutationOptions};
use cadastre_api_types::public::isp::{PoolPolicy as WirePolicy, PoolPolicyWrite};
use cadastre_domain::isp::{EntityKey, Kept, PoolPolicy};
use cadastre_domain::roles::Permission::{IspOssRead, IspOssWrite};

use super::wire::policy;
use super::{IspCaller, Outcome};

/// The rules, and their revision; 0 if there never were any.
pub(crate) async fn get(caller: &IspCaller) -> Result<(WirePolicy, u64), ApiError> {
    let kept = caller.find::<PoolPolicy>(IspOssRead, EntityKey::Policy).await?;
    let revision = kept.as_ref().map_or(0, |kept| kept.revision);
    Ok((policy::to_wire(kept), revision))
}

/// Replaces the rules.
pub(crate) async fn put(
    caller: &IspCaller,
    body: PoolPolicyWrite,
    options: MutationOptions,
) -> Result<Outcome<WirePolicy>, ApiError> {
    let decide = |stored: Option<&Kept<PoolPolicy>>| {
        Ok(IspCommand::PutPolicy {
            policy: policy::from_wire(body.clone(), stored)?,
        })
    };
    caller
        .replace::<PoolPolicy>(IspOssWrite, EntityKey::Policy, options, decide)
        .await?
        .one(|kept| policy::to_wire(Some(kept)))
}
