//! All pools of a space in numbers.

use std::collections::BTreeMap;

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IspQuestion, PoolCounts, PoolFigures, PoolFilter};
use cadastre_api_types::public::isp::{
    FamilyNumbers, IpStats, PoolType as WirePoolType, TopPool, TypeNumbers,
};
use cadastre_domain::Family;
use cadastre_domain::isp::{Kept, Pool, PoolType};
use cadastre_domain::roles::Permission::IspIpamRead;
use uuid::Uuid;

use super::wire::{numbers, reservation};
use super::{IspCaller, pools, reservations};

/// The fullest pools that are shown.
const TOP: usize = 10;
/// The reservations that are shown.
const RECENT: usize = 10;

/// The numbers.
pub(crate) async fn of_space(caller: &IspCaller) -> Result<IpStats, ApiError> {
    let pools = pools::all(caller, IspIpamRead, PoolFilter::default()).await?;
    let figures = pools::figures(caller, IspIpamRead, IspQuestion::AllFigures).await?;
    let recent = caller
        .ask(IspIpamRead, IspQuestion::Recent { count: RECENT })
        .await?;
    let recent = reservations::things(recent)?;
    let recent = recent.items.into_iter().map(reservation::to_wire).collect();
    Ok(IpStats {
        recent_assignments: recent,
        ..summed(&pools, &figures)
    })
}

/// Pools, and their numbers together.
#[derive(Clone, Copy, Default)]
struct Sum {
    pools: u64,
    counts: PoolCounts,
}

impl Sum {
    fn add(&mut self, counts: &PoolCounts) {
        self.pools += 1;
        self.counts = numbers::sum(&self.counts, counts);
    }

    fn of_family(self) -> FamilyNumbers {
        FamilyNumbers {
            pools: self.pools,
            numbers: shown(&self),
        }
    }
}

/// What many pools have together; no pools are not a full pool.
fn shown(sum: &Sum) -> cadastre_api_types::public::isp::PoolNumbers {
    let mut shown = numbers::to_wire(&sum.counts);
    if sum.pools == 0 {
        shown.utilization_percent = 0.0;
    }
    shown
}

fn summed(pools: &[Kept<Pool>], figures: &[PoolFigures]) -> IpStats {
    let figures: BTreeMap<Uuid, &PoolFigures> = figures.iter().map(|one| (one.pool_id, one)).collect();
    let (mut all, mut v4, mut v6) = (Sum::default(), Sum::default(), Sum::default());
    let mut by_type: BTreeMap<PoolType, Sum> = BTreeMap::new();
    let mut top: Vec<(f64, TopPool)> = Vec::new();
    for kept in pools {
        let pool = &kept.value;
        let Some(figures) = figures.get(&pool.id) else {
            continue;
        };
        let counts = &figures.counts;
        all.add(counts);
        by_type.entry(pool.pool_type).or_default().add(counts);
        match pool.pool_type.family() {
            Family::V4 => v4.add(counts),
            Family::V6 => v6.add(counts),
        }
        let percent = numbers::utilization(counts);
        let shown = TopPool {
            pool_id: pool.id,
            pool_name: pool.name.clone(),
            pool_type: pool.pool_type.into(),
            network_cidr: pool.network.to_string(),
            utilization_percent: percent,
            available: counts.available().to_string(),
        };
        top.push((percent, shown));
    }
    // The fullest first; equals in order of their networks, as they came.
    top.sort_by(|one, other| other.0.total_cmp(&one.0));
    top.truncate(TOP);
    IpStats {
        total_pools: all.pools,
        totals: shown(&all),
        by_type: by_type
            .into_iter()
            .map(|(pool_type, sum)| TypeNumbers {
                pool_type: WirePoolType::from(pool_type),
                pools: sum.pools,
                numbers: shown(&sum),
            })
            .collect(),
        ipv4: v4.of_family(),
        ipv6: v6.of_family(),
        top_pools: top.into_iter().map(|(_, pool)| pool).collect(),
        recent_assignments: Vec::new(),
        // Pools know which of their alerts stand.
        open_alerts: figures.values().map(|figures| figures.open_alerts).sum(),
    }
}
