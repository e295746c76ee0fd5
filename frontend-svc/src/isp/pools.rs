//! Pools.

use cadastre_api_types::internal::{
    IspAnswer, IspCommand, IspListing, IspQuestion, Listed, MutationOptions, PageRequest, PoolFigures,
    PoolFilter,
};
use cadastre_api_types::public::isp::{
    AvailableIps, Pool as WirePool, PoolCreate, PoolDay, PoolStats, PoolUpdate, PoolUtilization,
};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::forecast::date_of;
use cadastre_domain::isp::{EntityKey, Kept, Pool};
use cadastre_domain::roles::Permission;
use cadastre_domain::roles::Permission::{IspIpamRead, IspIpamWrite};
use uuid::Uuid;

use super::caller::{attempts, bound, contention};
use super::outcome::Ran;
use super::wire::{numbers, pool, shown};
use super::{Done, IspCaller, Outcome, forecast_of};
use crate::http::reply::unexpected;

/// A page of pools in order of their networks.
pub(crate) async fn list(
    caller: &IspCaller,
    filter: PoolFilter,
    page: PageRequest,
) -> Result<Listed<WirePool>, ApiError> {
    let found = caller
        .list::<Pool>(IspIpamRead, IspListing::Pools(filter), page)
        .await?;
    let asked = found.items.iter().map(|kept| kept.value.id).collect();
    let figures = figures(caller, IspIpamRead, WithDays::No.figures_of(asked)).await?;
    // A pool that somebody removed in between is left out.
    let items = found.items.iter().filter_map(|kept| {
        let figures = figures.iter().find(|figures| figures.pool_id == kept.value.id)?;
        Some(pool::to_wire(caller.space, kept, figures))
    });
    Ok(Listed {
        items: items.collect(),
        next: found.next,
    })
}

/// Pools that are read at a time.
const PAGE: usize = 1_000;

/// All pools that a filter lets through, in order of their networks.
pub(super) async fn all(
    caller: &IspCaller,
    permission: Permission,
    filter: PoolFilter,
) -> Result<Vec<Kept<Pool>>, ApiError> {
    let (mut pools, mut after) = (Vec::new(), None);
    loop {
        let listing = IspListing::Pools(filter.clone());
        let page = PageRequest { limit: PAGE, after };
        let found = caller.list::<Pool>(permission, listing, page).await?;
        pools.extend(found.items);
        match found.next {
            Some(next) => after = Some(next),
            None => return Ok(pools),
        }
    }
}

/// One pool, and its revision.
pub(crate) async fn get(caller: &IspCaller, id: Uuid) -> Result<(WirePool, u64), ApiError> {
    let (kept, figures) = with_figures(caller, IspIpamRead, id, WithDays::No).await?;
    Ok((pool::to_wire(caller.space, &kept, &figures), kept.revision))
}

/// A new pool.
pub(crate) async fn create(
    caller: &IspCaller,
    body: PoolCreate,
    options: MutationOptions,
) -> Result<Outcome<WirePool>, ApiError> {
    let (made, tags) = pool::from_wire(Uuid::now_v7(), PoolUpdate::from(body), None)?;
    let command = IspCommand::CreatePool {
        pool: Box::new(made),
        tags,
    };
    shown_after(caller, caller.command(IspIpamWrite, command, options).await?).await
}

/// Replaces a pool's settings.
pub(crate) async fn update(
    caller: &IspCaller,
    id: Uuid,
    body: PoolUpdate,
    options: MutationOptions,
) -> Result<Outcome<WirePool>, ApiError> {
    for _ in attempts() {
        let (stored, figures) = with_figures(caller, IspIpamWrite, id, WithDays::No).await?;
        let bound = bound(&options, Some(stored.revision))?;
        let before = pool::to_wire(caller.space, &stored, &figures);
        let (changed, tags) = pool::from_wire(id, body.clone(), Some((&stored.value, &before)))?;
        let command = IspCommand::UpdatePool {
            pool: Box::new(changed),
            tags,
        };
        match caller.command(IspIpamWrite, command, bound).await {
            Err(error) if error.code == ErrorCode::PreconditionFailed => {}
            outcome => return shown_after(caller, outcome?).await,
        }
    }
    Err(contention())
}

/// Removes a pool that holds nothing.
pub(crate) async fn delete(
    caller: &IspCaller,
    id: Uuid,
    options: MutationOptions,
) -> Result<Outcome<()>, ApiError> {
    let ran = caller
        .command(IspIpamWrite, IspCommand::DeletePool { id }, options)
        .await?;
    Ok(ran.nothing())
}

/// How full a pool is, and until when it lasts.
pub(crate) async fn utilization(caller: &IspCaller, id: Uuid) -> Result<PoolUtilization, ApiError> {
    let (_, figures) = with_figures(caller, IspIpamRead, id, WithDays::Yes).await?;
    Ok(utilization_of(caller, &figures))
}

/// A pool in numbers.
pub(crate) async fn stats(caller: &IspCaller, id: Uuid) -> Result<PoolStats, ApiError> {
    let (kept, figures) = with_figures(caller, IspIpamRead, id, WithDays::Yes).await?;
    let days = figures.days.iter().filter_map(|day| {
        Some(PoolDay {
            date: date_of(day.day)?.to_string(),
            taken: day.taken.to_string(),
            given_back: day.given_back.to_string(),
        })
    });
    Ok(PoolStats {
        pool_id: id,
        pool_name: kept.value.name.clone(),
        pool_type: kept.value.pool_type.into(),
        status: figures.status.into(),
        utilization: utilization_of(caller, &figures),
        days: days.collect(),
        open_alerts: figures.open_alerts,
    })
}

/// What a pool would hand out next; nothing is reserved by asking.
pub(crate) async fn available(
    caller: &IspCaller,
    id: Uuid,
    count: usize,
    prefix_length: Option<u8>,
) -> Result<AvailableIps, ApiError> {
    let (_, figures) = with_figures(caller, IspIpamRead, id, WithDays::No).await?;
    let question = IspQuestion::Available {
        pool_id: id,
        prefix_length,
        count,
    };
    let IspAnswer::Available(found) = caller.ask(IspIpamRead, question).await? else {
        return Err(unexpected("something else than free addresses"));
    };
    Ok(AvailableIps {
        pool_id: id,
        available_ips: found.iter().map(shown).collect(),
        available_count: figures.counts.available().to_string(),
    })
}

/// Figures that somebody asks for.
pub(crate) async fn figures(
    caller: &IspCaller,
    permission: Permission,
    question: IspQuestion,
) -> Result<Vec<PoolFigures>, ApiError> {
    match caller.ask(permission, question).await? {
        IspAnswer::Figures(figures) => Ok(figures),
        IspAnswer::Available(_)
        | IspAnswer::Conflicts { .. }
        | IspAnswer::Standing(_)
        | IspAnswer::Things(_)
        | IspAnswer::Costs(_) => Err(unexpected("something else than figures")),
    }
}

/// Whether what pools did day by day is read, too: a range of rows of each, for forecasts and statistics only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WithDays {
    Yes,
    No,
}

impl WithDays {
    /// The question for the figures of pools.
    pub(crate) fn figures_of(self, pool_ids: Vec<Uuid>) -> IspQuestion {
        IspQuestion::Figures {
            pool_ids,
            with_days: self == Self::Yes,
        }
    }
}

async fn with_figures(
    caller: &IspCaller,
    permission: Permission,
    id: Uuid,
    with_days: WithDays,
) -> Result<(Kept<Pool>, PoolFigures), ApiError> {
    let kept = caller.get::<Pool>(permission, EntityKey::Pool(id)).await?;
    let found = figures(caller, permission, with_days.figures_of(vec![id])).await?;
    let found = found.into_iter().find(|figures| figures.pool_id == id);
    Ok((kept, found.ok_or_else(|| ApiError::not_found("pool"))?))
}

/// The pool that a command was about, with its figures as they are by now.
async fn shown_after(caller: &IspCaller, ran: Ran) -> Result<Outcome<WirePool>, ApiError> {
    let done = match ran {
        Ran::Planned(plan) => return Ok(Outcome::Planned(plan)),
        Ran::Committed(done) => done,
    };
    let replayed = done.replayed;
    let kept = done.the::<Pool>()?;
    let asked = WithDays::No.figures_of(vec![kept.value.id]);
    let found = figures(caller, IspIpamWrite, asked).await?.into_iter().next();
    let figures = found.unwrap_or_else(|| gone(&kept.value));
    Ok(Outcome::Done(Done {
        value: pool::to_wire(caller.space, &kept, &figures),
        revision: kept.revision,
        replayed,
    }))
}

/// Figures of a pool that somebody removed right after it was made or changed.
fn gone(removed: &Pool) -> PoolFigures {
    let mut figures = pool::no_figures(removed);
    figures.counts.total = removed.total();
    figures
}

/// How full a pool is by its figures, and until when it lasts.
pub(crate) fn utilization_of(caller: &IspCaller, figures: &PoolFigures) -> PoolUtilization {
    let numbers = numbers::to_wire(&figures.counts);
    let (projected_depletion_date, projection) = forecast_of(figures, caller.now());
    PoolUtilization {
        pool_id: figures.pool_id,
        total: numbers.total,
        reserved: numbers.reserved,
        assigned: numbers.assigned,
        resting: numbers.resting,
        excluded: numbers.excluded,
        available: numbers.available,
        utilization_percent: numbers.utilization_percent,
        projected_depletion_date,
        projection,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::isp::tests::caller_of;
    use crate::testing::Server;
    use cadastre_api_types::public::isp::PoolType;

    #[actix_web::test]
    async fn a_pool_is_made_in_the_space_of_the_call_with_the_settings_of_every_pool() {
        let server = Server::new().await;
        let caller = caller_of(&server);
        let body = PoolCreate::new("Delegated", PoolType::Ipv6PrefixDelegation, "2001:db8::/40");
        let options = MutationOptions::default();
        let Outcome::Done(done) = create(&caller, body, options).await.unwrap() else {
            panic!("it is no dry run");
        };
        let (space, command) = server.access.isp.last_command().unwrap();
        assert_eq!(space, caller.space);
        let IspCommand::CreatePool { pool, tags: None } = command else {
            panic!("{command:?}");
        };
        assert_eq!(
            (pool.id, pool.delegated_length, pool.rest_days),
            (done.value.id, Some(56), 30)
        );
    }

    #[actix_web::test]
    async fn the_utilization_of_a_pool_always_says_why_there_is_a_day_or_none() {
        let server = Server::new().await;
        let caller = caller_of(&server);
        let body = PoolCreate::new("Delegated", PoolType::Ipv6PrefixDelegation, "2001:db8::/40");
        let options = MutationOptions::default();
        let Outcome::Done(done) = create(&caller, body, options).await.unwrap() else {
            panic!("it is no dry run");
        };
        let found = utilization(&caller, done.value.id).await.unwrap();
        assert!(found.projection.reason.starts_with("Nothing was assigned"));
        let shown = serde_json::to_value(&found).unwrap();
        assert!(shown["projectedDepletionDate"].is_null() && shown.get("projectedDepletionDate").is_some());
    }
}
