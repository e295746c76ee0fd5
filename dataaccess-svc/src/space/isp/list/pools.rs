//! Pools: all are known by heart.

use cadastre_api_types::internal::{Listed, PoolFilter};
use cadastre_domain::Prefix;
use cadastre_domain::isp::{Entity, Kept, Pool, PoolStatus};
use cadastre_storage::RowKey;

use super::super::counters;
use super::Lister;
use crate::errors::Outcome;
use crate::keys;
use crate::records::{PoolCountersRecord, decode};

impl Lister<'_> {
    /// A page of pools in order of their networks. A position is a network.
    pub(super) async fn pools(&self, filter: &PoolFilter) -> Outcome<Listed<Kept<Entity>>> {
        let after = match &self.page.after {
            None => None,
            Some(text) => Some(text.parse::<Prefix>().map_err(|_| super::foreign_cursor())?),
        };
        let wanted: Vec<&std::sync::Arc<Kept<Pool>>> = self
            .book
            .pools()
            .filter(|pool| after.is_none_or(|after| pool.value.network > after))
            .filter(|pool| self.scope.covers(&pool.value.network) && matches(&pool.value, filter))
            .collect();
        let mut items = Vec::new();
        let mut last = None;
        for some in wanted.chunks(256) {
            let statuses = match filter.status {
                None => Vec::new(),
                Some(_) => self.statuses(some).await?,
            };
            for (at, pool) in some.iter().enumerate() {
                if items.len() >= self.page.limit {
                    return Ok(Listed { items, next: last });
                }
                let fits = filter
                    .status
                    .is_none_or(|status| statuses.get(at) == Some(&status));
                if fits {
                    items.push(pool.as_ref().clone().map(Entity::Pool));
                }
                last = Some(pool.value.network.to_string());
            }
        }
        Ok(Listed { items, next: None })
    }

    async fn statuses(&self, pools: &[&std::sync::Arc<Kept<Pool>>]) -> Outcome<Vec<PoolStatus>> {
        let rows: Vec<RowKey> = pools
            .iter()
            .map(|pool| keys::pool_counters(pool.value.id))
            .collect();
        let mut statuses = Vec::with_capacity(pools.len());
        for ((pool, key), bytes) in pools.iter().zip(&rows).zip(self.rows.get_many(&rows).await?) {
            let record = match bytes {
                Some(bytes) => decode::<PoolCountersRecord>(key, &bytes)?,
                None => PoolCountersRecord::default(),
            };
            statuses.push(counters::status(&pool.value, &record));
        }
        Ok(statuses)
    }
}

fn matches(pool: &Pool, filter: &PoolFilter) -> bool {
    filter
        .pool_type
        .is_none_or(|pool_type| pool_type == pool.pool_type)
        && filter
            .site_id
            .as_ref()
            .is_none_or(|site| pool.site_id.as_ref() == Some(site))
        && filter.search.as_ref().is_none_or(|text| found(pool, text))
}

/// Whether a text is a part of a pool's name or description, or names something of its network.
fn found(pool: &Pool, text: &str) -> bool {
    let lower = text.to_lowercase();
    if pool.name.to_lowercase().contains(&lower) || pool.description.to_lowercase().contains(&lower) {
        return true;
    }
    match cadastre_domain::parse_address_or_prefix(text) {
        Ok(prefix) => pool.network.contains(&prefix) || prefix.contains(&pool.network),
        Err(_) => pool.network.to_string().contains(&lower),
    }
}
