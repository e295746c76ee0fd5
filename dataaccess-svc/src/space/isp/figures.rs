//! Figures of pools: counters, days, and the tags that hold at their networks.

use std::sync::Arc;

use cadastre_api_types::internal::{DayCount, PoolFigures};
use cadastre_domain::isp::{Kept, Pool};
use cadastre_domain::{Prefix, Scope};
use cadastre_storage::RowKey;
use futures::future::try_join_all;
use uuid::Uuid;

use super::super::SpaceHandle;
use super::super::context::Resolver;
use super::super::handle::Published;
use super::counters;
use crate::errors::Outcome;
use crate::keys;
use crate::records::{PoolCountersRecord, PoolDayRecord, decode};

/// Days that are told of.
const DAYS: i32 = 90;
/// Pools whose days are read at a time.
const SIDE_BY_SIDE: usize = 32;

impl SpaceHandle {
    /// The figures of these pools; `None` = of all that the caller may see.
    pub(super) async fn figures(
        &self,
        scope: &Scope,
        wanted: Option<&[Uuid]>,
        with_days: bool,
    ) -> Outcome<Vec<PoolFigures>> {
        self.consistent(|published| async move {
            let book = &published.book;
            let pools: Vec<Arc<Kept<Pool>>> = match wanted {
                Some(ids) => ids.iter().filter_map(|id| book.pool(*id).cloned()).collect(),
                None => book.pools().cloned().collect(),
            };
            let seen = pools
                .into_iter()
                .filter(|pool| scope.covers(&pool.value.network))
                .collect::<Vec<_>>();
            self.figures_of(&published, &seen, with_days).await
        })
        .await
    }

    async fn figures_of(
        &self,
        published: &Published,
        pools: &[Arc<Kept<Pool>>],
        with_days: bool,
    ) -> Outcome<Vec<PoolFigures>> {
        let rows = self.durable();
        let resolver: Resolver<'_> = self.resolver(published);
        let today = counters::day_of(crate::clock::micros(self.config.clock.now()));
        let mut figures = Vec::with_capacity(pools.len());
        for some in pools.chunks(256) {
            let networks: Vec<Prefix> = some.iter().map(|pool| pool.value.network).collect();
            let keys: Vec<RowKey> = some
                .iter()
                .map(|pool| keys::pool_counters(pool.value.id))
                .collect();
            let nodes = rows.nodes(&networks).await?;
            let counts = rows.get_many(&keys).await?;
            let mut days = if with_days {
                self.days_of(some, today - DAYS).await?
            } else {
                vec![Vec::new(); some.len()]
            }
            .into_iter();
            for ((pool, node), (key, bytes)) in some.iter().zip(nodes).zip(keys.iter().zip(counts)) {
                let days = days.next().unwrap_or_default();
                let Some(node) = node else { continue };
                let record = match bytes {
                    Some(bytes) => decode::<PoolCountersRecord>(key, &bytes)?,
                    None => PoolCountersRecord::default(),
                };
                let above = resolver.context_over(&node).await?;
                let resolved = resolver.resolve(&node, &above)?.to_map();
                let alerts = record.utilization_alert.iter().chain(&record.depleted_alert);
                figures.push(PoolFigures {
                    pool_id: pool.value.id,
                    node_id: node.ip_id,
                    tags: node.tags,
                    resolved,
                    status: counters::status(&pool.value, &record),
                    counts: counters::counts(&pool.value, &record),
                    open_alerts: alerts.count() as u64,
                    days,
                });
            }
        }
        Ok(figures)
    }

    /// The days of pools, in their order: of some at a time side by side.
    async fn days_of(&self, pools: &[Arc<Kept<Pool>>], from: i32) -> Outcome<Vec<Vec<DayCount>>> {
        let mut days = Vec::with_capacity(pools.len());
        for some in pools.chunks(SIDE_BY_SIDE) {
            let reads = some.iter().map(|pool| self.days(pool.value.id, from));
            days.extend(try_join_all(reads).await?);
        }
        Ok(days)
    }

    async fn days(&self, pool: Uuid, from: i32) -> Outcome<Vec<DayCount>> {
        let (found, _) = self.durable().scan(&keys::pool_days(pool, from), 200).await?;
        let mut days = Vec::with_capacity(found.len());
        for (key, bytes) in found {
            let record: PoolDayRecord = decode(&key, &bytes)?;
            if let Some(day) = keys::parse_pool_day(&key) {
                days.push(DayCount {
                    day,
                    taken: record.taken,
                    given_back: record.given_back,
                });
            }
        }
        Ok(days)
    }
}
