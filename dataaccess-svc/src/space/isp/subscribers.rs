//! Subscribers.

use cadastre_domain::isp::{SealedSecret, Subscriber, SubscriberId};

use super::draft::Draft;
use crate::errors::Outcome;

/// Makes a subscriber.
pub(super) async fn create(
    _draft: &mut Draft<'_, '_>,
    _subscriber: &Subscriber,
    _secret: Option<&SealedSecret>,
) -> Outcome<()> {
    Ok(())
}

/// Replaces what is known of a subscriber.
pub(super) async fn update(
    _draft: &mut Draft<'_, '_>,
    _subscriber: &Subscriber,
    _secret: Option<Option<&SealedSecret>>,
) -> Outcome<()> {
    Ok(())
}

/// Removes a subscriber.
pub(super) async fn delete(_draft: &mut Draft<'_, '_>, _id: &SubscriberId) -> Outcome<()> {
    Ok(())
}
