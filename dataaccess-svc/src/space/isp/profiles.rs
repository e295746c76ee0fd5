//! Network profiles.

use cadastre_domain::isp::{NetworkProfile, SubscriberId};

use super::draft::Draft;
use crate::errors::Outcome;

/// Sets the network profile of a subscriber.
pub(super) async fn put(_draft: &mut Draft<'_, '_>, _profile: &NetworkProfile) -> Outcome<()> {
    Ok(())
}

/// Removes the network profile of a subscriber.
pub(super) async fn delete(_draft: &mut Draft<'_, '_>, _subscriber: &SubscriberId) -> Outcome<()> {
    Ok(())
}
