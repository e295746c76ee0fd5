//! VLANs that somebody has: of a holder by its index rows, else as they lie, by domain and tag.

use cadastre_api_types::internal::{Listed, VlanFilter};
use cadastre_domain::isp::{Entity, EntityKey, Kept, VlanBinding, VlanHolder};

use super::Lister;
use super::phases::{Holds, Phase};
use crate::errors::Outcome;
use crate::keys::{self, ThingRows};
use crate::records::EntityRecord;

impl Lister<'_> {
    /// A page of VLAN bindings.
    pub(super) async fn vlan_bindings(&self, filter: &VlanFilter) -> Outcome<Listed<Kept<Entity>>> {
        let wanted = |value: &Entity| matches!(value, Entity::VlanBinding(found) if matches(found, filter));
        let subscriber = filter.subscriber_id.clone().map(VlanHolder::Subscriber);
        if let Some(holder) = subscriber.or_else(|| filter.port.clone().map(VlanHolder::Port)) {
            let phase = Phase {
                range: keys::vlans_of_holder(&holder, filter.domain.as_deref()),
                holds: Holds::Vlans,
                wanted: Box::new(wanted),
            };
            return self.phases(&[phase]).await;
        }
        let range = match (filter.pool_id, &filter.domain) {
            (Some(id), domain) => {
                let row = keys::entity(&EntityKey::VlanPool(id)).unwrap_or_else(keys::head);
                let kept: Option<EntityRecord> = self.rows.record(&row).await?;
                match kept.map(|record| record.value) {
                    Some(Entity::VlanPool(pool))
                        if domain.as_ref().is_none_or(|domain| *domain == pool.domain) =>
                    {
                        keys::vlans_between(&pool.domain, &pool.outer)
                    }
                    // A pool is removed when nothing of it is taken any more.
                    Some(_) | None => {
                        return Ok(super::NOTHING);
                    }
                }
            }
            (None, Some(domain)) => keys::vlans_of(domain),
            (None, None) => keys::things(ThingRows::VlanBindings),
        };
        self.scan(range, wanted).await
    }
}

fn matches(found: &VlanBinding, filter: &VlanFilter) -> bool {
    let is_held = match &found.holder {
        VlanHolder::Subscriber(id) => {
            filter.port.is_none() && filter.subscriber_id.as_ref().is_none_or(|wanted| wanted == id)
        }
        VlanHolder::Port(port) => {
            filter.subscriber_id.is_none() && filter.port.as_ref().is_none_or(|wanted| wanted == port)
        }
    };
    is_held
        && filter.pool_id.is_none_or(|pool| pool == found.pool_id)
        && filter
            .domain
            .as_ref()
            .is_none_or(|domain| *domain == found.domain)
}
