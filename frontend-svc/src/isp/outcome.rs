//! What became of a change of the provider's side, and how its things are taken out of it.

use cadastre_api_types::ApiError;
use cadastre_api_types::public::DryRun;
use cadastre_domain::isp::{
    Alert, Entity, Kept, NetworkProfile, OutboxEntry, Plan, Pool, PoolPolicy, Reservation,
    ReservationTemplate, Subscriber, VlanBinding, VlanPool, Webhook,
};

use crate::http::reply::unexpected;

/// What became of a change that was asked for.
#[derive(Debug)]
pub(crate) enum Outcome<T> {
    /// It is durable.
    Done(Done<T>),
    /// It was only planned.
    Planned(DryRun),
}

/// A change that is durable.
#[derive(Debug)]
pub(crate) struct Done<T> {
    /// What there is now.
    pub(crate) value: T,
    /// Its revision, for the `ETag`.
    pub(crate) revision: u64,
    /// The same request was answered before.
    pub(crate) replayed: bool,
}

/// What became of a command.
#[derive(Debug)]
pub(crate) enum Ran {
    /// It is durable.
    Committed(Box<Committed>),
    /// It was only planned.
    Planned(DryRun),
}

/// A durable command.
#[derive(Debug)]
pub(crate) struct Committed {
    /// Its subject after it; `None` = it was removed.
    pub(crate) subject: Option<Box<Kept<Entity>>>,
    /// All things that it made or changed.
    pub(crate) things: Vec<Kept<Entity>>,
    /// The same request was answered before.
    pub(crate) replayed: bool,
    /// All was as it should be; nothing was done.
    pub(crate) unchanged: bool,
}

impl Committed {
    /// The thing that the command was about.
    ///
    /// # Errors
    /// `500` if the data access layer answered without it.
    pub(crate) fn the<T: Part>(self) -> Result<Kept<T>, ApiError> {
        let found = self.subject.and_then(|subject| T::of_kept(*subject));
        let found = found.or_else(|| self.things.into_iter().find_map(T::of_kept));
        found.ok_or_else(|| unexpected("a command without its thing"))
    }

    /// All its things of a type.
    pub(crate) fn all<T: Part>(self) -> Vec<Kept<T>> {
        let things = if self.things.is_empty() {
            self.subject.into_iter().map(|subject| *subject).collect()
        } else {
            self.things
        };
        things.into_iter().filter_map(T::of_kept).collect()
    }
}

impl Ran {
    /// The outcome with the thing that the command was about.
    ///
    /// # Errors
    /// `500` if the data access layer answered without it.
    pub(crate) fn one<T: Part, W>(self, show: impl FnOnce(Kept<T>) -> W) -> Result<Outcome<W>, ApiError> {
        match self {
            Self::Planned(plan) => Ok(Outcome::Planned(plan)),
            Self::Committed(done) => {
                let replayed = done.replayed;
                let kept = done.the::<T>()?;
                let revision = kept.revision;
                Ok(Outcome::Done(Done {
                    value: show(kept),
                    revision,
                    replayed,
                }))
            }
        }
    }

    /// The outcome with all things of a type.
    pub(crate) fn many<T: Part, W>(self, show: impl Fn(Kept<T>) -> W) -> Outcome<Vec<W>> {
        match self {
            Self::Planned(plan) => Outcome::Planned(plan),
            Self::Committed(done) => {
                let replayed = done.replayed;
                Outcome::Done(Done {
                    value: done.all::<T>().into_iter().map(show).collect(),
                    revision: 0,
                    replayed,
                })
            }
        }
    }

    /// The outcome of a removal.
    pub(crate) fn nothing(self) -> Outcome<()> {
        match self {
            Self::Planned(plan) => Outcome::Planned(plan),
            Self::Committed(done) => Outcome::Done(Done {
                value: (),
                revision: 0,
                replayed: done.replayed,
            }),
        }
    }
}

/// A thing of one type.
pub(crate) trait Part: Sized + Send + Sync {
    /// The thing, if it is of this type.
    fn of(entity: Entity) -> Option<Self>;

    /// The same within its envelope.
    fn of_kept(kept: Kept<Entity>) -> Option<Kept<Self>> {
        let Kept {
            value,
            created,
            modified,
            revision,
        } = kept;
        Self::of(value).map(|value| Kept {
            value,
            created,
            modified,
            revision,
        })
    }
}

macro_rules! parts {
    ($($part:ident = $variant:ident,)+) => {
        $(
            impl Part for $part {
                fn of(entity: Entity) -> Option<Self> {
                    if let Entity::$variant(part) = entity { Some(part) } else { None }
                }
            }
        )+
    };
}

parts! {
    Pool = Pool,
    Reservation = Reservation,
    Subscriber = Subscriber,
    Plan = Plan,
    NetworkProfile = Profile,
    VlanPool = VlanPool,
    VlanBinding = VlanBinding,
    PoolPolicy = Policy,
    ReservationTemplate = Template,
    Webhook = Webhook,
    Alert = Alert,
    OutboxEntry = Outbox,
}
