//! Network profiles.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IspCommand, MutationOptions};
use cadastre_api_types::public::isp::{NetworkProfile as WireProfile, NetworkProfileWrite};
use cadastre_domain::isp::{EntityKey, Kept, NetworkProfile, SubscriberId};
use cadastre_domain::roles::Permission::{IspSubscribersRead, IspSubscribersWrite};

use super::wire::profile;
use super::{IspCaller, Outcome};

/// The profile of a subscriber, and its revision.
pub(crate) async fn get(caller: &IspCaller, id: SubscriberId) -> Result<(WireProfile, u64), ApiError> {
    let kept = caller.get(IspSubscribersRead, EntityKey::Profile(id)).await?;
    let revision = kept.revision;
    Ok((profile::to_wire(kept), revision))
}

/// Makes or replaces the profile of a subscriber.
pub(crate) async fn put(
    caller: &IspCaller,
    id: SubscriberId,
    body: NetworkProfileWrite,
    options: MutationOptions,
) -> Result<Outcome<WireProfile>, ApiError> {
    let decide = |stored: Option<&Kept<NetworkProfile>>| {
        Ok(IspCommand::PutProfile {
            profile: Box::new(profile::from_wire(id.clone(), body.clone(), stored)?),
        })
    };
    caller
        .replace::<NetworkProfile>(
            IspSubscribersWrite,
            EntityKey::Profile(id.clone()),
            options,
            decide,
        )
        .await?
        .one(profile::to_wire)
}

/// Removes the profile of a subscriber.
pub(crate) async fn delete(
    caller: &IspCaller,
    id: SubscriberId,
    options: MutationOptions,
) -> Result<Outcome<()>, ApiError> {
    let command = IspCommand::DeleteProfile { subscriber_id: id };
    Ok(caller
        .command(IspSubscribersWrite, command, options)
        .await?
        .nothing())
}
