//! Pools and reservations: what is handed out, to whom, and what becomes of it.

mod alike;
mod counting;
mod deaths;
mod due;
mod figures;
mod life;
mod model;
mod narrowed;
mod paging;
mod removal;
mod round_trips;
mod rules;
mod tree;
mod usecases;

use std::sync::Arc;

use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_dataaccess::{Clock, DataAccessConfig, LocalDataAccess};
use cadastre_domain::Prefix;
use cadastre_domain::isp::*;
use cadastre_storage::{MemoryStore, Store};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::support::*;

/// A clock that is moved by hand.
#[derive(Debug)]
pub(crate) struct HandClock(Mutex<Timestamp>);

impl HandClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new("2026-01-01T00:00:00Z".parse().unwrap())))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        let mut now = self.0.lock();
        *now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    pub(crate) fn at(&self) -> Timestamp {
        *self.0.lock()
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        self.at()
    }
}

pub(crate) const DAY: i64 = 86_400;

/// A space on a store in memory, with a clock of its own.
pub(crate) struct Ground {
    pub(crate) access: Arc<LocalDataAccess>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) space: Uuid,
}

pub(crate) async fn ground() -> Ground {
    ground_on(Arc::new(MemoryStore::new())).await
}

pub(crate) async fn ground_on(store: Arc<dyn Store>) -> Ground {
    let clock = HandClock::new();
    let config = DataAccessConfig {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        job_interval: std::time::Duration::from_millis(20),
        ..DataAccessConfig::default()
    };
    let access = LocalDataAccess::open(Arc::clone(&store), config).await.unwrap();
    let space = new_space(&*access, "isp").await;
    Ground {
        access,
        store,
        clock,
        space,
    }
}

pub(crate) fn pool(pool_type: PoolType, network: &str) -> Pool {
    Pool {
        id: Uuid::now_v7(),
        name: format!("pool {network}"),
        pool_type,
        network: prefix(network),
        gateway: None,
        dns_servers: Vec::new(),
        vlan_id: None,
        state: PoolState::Active,
        order: PoolOrder::Sequential,
        delegated_length: (pool_type == PoolType::Ipv6PrefixDelegation).then_some(56),
        exclusions: Vec::new(),
        rest_days: 30,
        auto_assign_enabled: true,
        allow_manual_reservation: true,
        warn_percent: 80,
        description: String::new(),
        site_id: None,
        cost: None,
        netbox_prefix_id: None,
        made_node: false,
    }
}

pub(crate) fn sub(id: &str) -> SubscriberId {
    SubscriberId::new(id).unwrap()
}

/// The next of a pool, in use at once.
pub(crate) fn next_of(pool: Uuid, subscriber: &str) -> Reserve {
    Reserve {
        id: Uuid::now_v7(),
        subscriber_id: sub(subscriber),
        from: ReserveFrom::Pool(pool),
        prefix_length: None,
        assign: true,
        expires_at: None,
        reason: None,
        notes: String::new(),
    }
}

/// This one.
pub(crate) fn chosen(address: &str, subscriber: &str) -> Reserve {
    Reserve {
        from: ReserveFrom::Chosen {
            pool_id: None,
            prefix: cadastre_domain::parse_address_or_prefix(address).unwrap(),
        },
        ..next_of(Uuid::nil(), subscriber)
    }
}

impl Ground {
    pub(crate) async fn isp(&self, command: IspCommand) -> Result<Vec<Kept<Entity>>, ApiError> {
        isp_in(&*self.access, self.space, command).await
    }

    pub(crate) async fn make(&self, pool: &Pool) {
        let command = IspCommand::CreatePool {
            pool: Box::new(pool.clone()),
            tags: None,
        };
        self.isp(command).await.unwrap();
    }

    pub(crate) async fn reserve(&self, wanted: Reserve) -> Result<Reservation, ApiError> {
        self.reserve_as(wanted, false).await
    }

    pub(crate) async fn reserve_as(&self, wanted: Reserve, force: bool) -> Result<Reservation, ApiError> {
        let command = IspCommand::Reserve {
            wanted: vec![wanted],
            force,
        };
        let things = self.isp(command).await?;
        match &things[0].value {
            Entity::Reservation(made) => Ok(made.clone()),
            other => panic!("not a reservation: {other:?}"),
        }
    }

    pub(crate) async fn move_to(&self, id: Uuid, to: Move) -> Result<(), ApiError> {
        let command = IspCommand::MoveReservation { id, to, reason: None };
        self.isp(command).await.map(drop)
    }

    pub(crate) async fn figures(&self, pool: Uuid) -> PoolFigures {
        let question = IspQuestion::Figures {
            pool_ids: vec![pool],
            with_days: true,
        };
        match self.ask(question).await {
            IspAnswer::Figures(mut figures) => figures.pop().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn ask(&self, question: IspQuestion) -> IspAnswer {
        let request = IspAsk {
            space: self.space,
            question,
        };
        self.access.isp_ask(&context(), request).await.unwrap()
    }

    /// total, reserved, assigned, resting, excluded, available.
    pub(crate) async fn counts(&self, pool: Uuid) -> [u128; 6] {
        let counts = self.figures(pool).await.counts;
        [
            counts.total.0,
            counts.reserved.0,
            counts.assigned.0,
            counts.resting.0,
            counts.excluded.0,
            counts.available().0,
        ]
    }

    pub(crate) async fn all_of(&self, list: IspListing) -> Vec<Entity> {
        let mut out = Vec::new();
        let mut after = None;
        loop {
            let request = IspList {
                space: self.space,
                list: list.clone(),
                page: PageRequest { limit: 7, after },
            };
            let page = self.access.isp_list(&context(), request).await.unwrap();
            out.extend(page.items.into_iter().map(|kept| kept.value));
            match page.next {
                Some(next) => after = Some(next),
                None => return out,
            }
        }
    }

    pub(crate) async fn reservations(&self) -> Vec<Reservation> {
        let all = self
            .all_of(IspListing::Reservations(ReservationFilter::default()))
            .await;
        all.into_iter()
            .map(|value| match value {
                Entity::Reservation(found) => found,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    pub(crate) async fn alerts(&self) -> Vec<(AlertKind, AlertState)> {
        let list = IspListing::Alerts {
            states: Vec::new(),
            pool_id: None,
        };
        self.all_of(list)
            .await
            .into_iter()
            .map(|value| match value {
                Entity::Alert(alert) => (alert.kind, alert.state),
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

pub(crate) async fn isp_in(
    access: &dyn DataAccess,
    space: Uuid,
    command: IspCommand,
) -> Result<Vec<Kept<Entity>>, ApiError> {
    match run(access, space, SpaceCommand::Isp(Box::new(command))).await? {
        CommandOutcome::Committed { things, .. } => Ok(things),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn code<T: std::fmt::Debug>(outcome: Result<T, ApiError>) -> ErrorCode {
    outcome.unwrap_err().code
}
