//! Subscribers, by what is asked of them.

use cadastre_api_types::internal::{Listed, SubscriberFilter};
use cadastre_domain::isp::{Entity, Kept};

use super::Lister;
use crate::errors::Outcome;
use crate::keys::{self, ThingRows};

impl Lister<'_> {
    /// A page of subscribers.
    pub(super) async fn subscribers(&self, _filter: &SubscriberFilter) -> Outcome<Listed<Kept<Entity>>> {
        self.scan(keys::things(ThingRows::Subscribers), |_| true).await
    }
}
