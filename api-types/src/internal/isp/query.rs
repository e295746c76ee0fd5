//! Questions about the provider's side of a space.

use cadastre_domain::Prefix;
use cadastre_domain::isp::{
    AlertState, Entity, EntityKey, IpType, Kept, OutboxEntry, OutboxState, PoolStatus, PoolType,
    ReservationStatus, SealedSecret, ServiceType, SubscriberId, SubscriberStatus, Webhook,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CostLine, Finding, PoolFigures, Standing};
use crate::internal::{Listed, PageRequest};

/// `isp_get`: things by their keys; each as it is, or `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IspGet {
    /// The space.
    pub space: Uuid,
    /// Which, at most 1,000.
    pub keys: Vec<EntityKey>,
}

/// `isp_list`: a page of things. Positions are opaque.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IspList {
    /// The space.
    pub space: Uuid,
    /// Which.
    pub list: IspListing,
    /// Which slice.
    pub page: PageRequest,
}

/// What is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IspListing {
    /// Pools in order of their networks.
    Pools(PoolFilter),
    /// Reservations in order of their addresses, those of one address oldest first.
    Reservations(ReservationFilter),
    /// Subscribers in order of their ids.
    Subscribers(SubscriberFilter),
    /// Plans, oldest first.
    Plans,
    /// Network profiles in order of their subscribers.
    Profiles,
    /// Pools of VLANs, oldest first.
    VlanPools {
        /// Of this domain only.
        domain: Option<String>,
    },
    /// VLANs that somebody has: of a pool in order of their tags, of a subscriber or port, or all.
    VlanBindings(VlanFilter),
    /// Templates, oldest first.
    Templates,
    /// Webhooks, oldest first.
    Webhooks,
    /// Alerts, newest first.
    Alerts {
        /// In one of these states; empty = any.
        states: Vec<AlertState>,
        /// Of this pool only.
        pool_id: Option<Uuid>,
    },
    /// Entries of the outbox, newest first.
    Outbox {
        /// In this state only.
        state: Option<OutboxState>,
    },
}

/// Which pools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolFilter {
    /// Of this type.
    pub pool_type: Option<PoolType>,
    /// With this status.
    pub status: Option<PoolStatus>,
    /// At this site.
    pub site_id: Option<String>,
    /// A part of the name or the description, case does not matter; or an address or prefix that lies in the network, or
    /// that the network lies in.
    pub search: Option<String>,
}

/// Which reservations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationFilter {
    /// Of this pool.
    pub pool_id: Option<Uuid>,
    /// Of this subscriber.
    pub subscriber_id: Option<SubscriberId>,
    /// In one of these; empty = any.
    pub statuses: Vec<ReservationStatus>,
    /// Of this type.
    pub ip_type: Option<IpType>,
    /// In this prefix, or of this address.
    pub within: Option<Prefix>,
    /// Whose time is over before this moment.
    pub expires_before: Option<Timestamp>,
}

/// Which subscribers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriberFilter {
    /// In this status.
    pub status: Option<SubscriberStatus>,
    /// Of this kind.
    pub service_type: Option<ServiceType>,
    /// With this plan.
    pub plan_id: Option<Uuid>,
    /// At this site.
    pub site_id: Option<String>,
    /// With exactly this RADIUS user name.
    pub username: Option<String>,
    /// With exactly this number.
    pub subscriber_number: Option<String>,
    /// Ids, user names and numbers that begin like this, case matters.
    pub search: Option<String>,
}

/// Which VLAN bindings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VlanFilter {
    /// Of this pool.
    pub pool_id: Option<Uuid>,
    /// Of this domain.
    pub domain: Option<String>,
    /// Of this subscriber.
    pub subscriber_id: Option<SubscriberId>,
    /// Of this port.
    pub port: Option<String>,
}

/// `isp_ask`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IspAsk {
    /// The space.
    pub space: Uuid,
    /// The question.
    pub question: IspQuestion,
}

/// A question that is not for things as they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IspQuestion {
    /// The figures of these pools, in their order; pools that are not there are left out.
    Figures {
        /// The pools.
        pool_ids: Vec<Uuid>,
        /// What they did day by day, too.
        with_days: bool,
    },
    /// The figures of all pools, without days.
    AllFigures,
    /// What a pool would hand out next, at most 1,000.
    Available {
        /// The pool.
        pool_id: Uuid,
        /// Length of a delegated prefix; `None` = that of the pool.
        prefix_length: Option<u8>,
        /// How many.
        count: usize,
    },
    /// What stands against an address or a delegated prefix being handed out.
    Conflicts {
        /// The prefix.
        prefix: Prefix,
        /// From this pool; `None` = whichever it lies in.
        pool_id: Option<Uuid>,
        /// For this subscriber, whose own is no conflict.
        subscriber_id: Option<SubscriberId>,
    },
    /// What is wrong between what is kept.
    Standing(PageRequest),
    /// Who had an address, or addresses of a prefix: reservations in order of addresses, those of one address oldest first.
    Life {
        /// The address or prefix.
        within: Prefix,
        /// Which slice.
        page: PageRequest,
    },
    /// For how long pools' addresses were held, in each of these times: from a moment to another, exclusively. At most
    /// 64 times.
    Costs(Vec<(Timestamp, Timestamp)>),
    /// The reservations made last, newest first.
    Recent {
        /// At most this many (1 to 100).
        count: usize,
    },
    /// The reservations of a subscriber, active ones first, then what has ended, newest first.
    Held {
        /// Whose.
        subscriber_id: SubscriberId,
        /// What has ended, too.
        with_past: bool,
    },
    /// What each of these subscribers holds now: active reservations, in no order.
    Holdings(Vec<SubscriberId>),
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum IspAnswer {
    /// To `Figures` and `AllFigures`.
    Figures(Vec<PoolFigures>),
    /// To `Available`.
    Available(Vec<Prefix>),
    /// To `Conflicts`: the prefix's pool, if it is in one, and what was found.
    Conflicts {
        /// The pool.
        pool_id: Option<Uuid>,
        /// What stands against it.
        findings: Vec<Finding>,
    },
    /// To `Standing`.
    Standing(Listed<Standing>),
    /// To `Life`, `Recent`, `Held` and `Holdings`.
    Things(Listed<Kept<Entity>>),
    /// To `Costs`: the lines of each time.
    Costs(Vec<Vec<CostLine>>),
}

/// `claim_outbox`: takes entries whose time has come, of all spaces. Whoever takes them has them for itself for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimOutbox {
    /// At most this many.
    pub limit: usize,
    /// For so many milliseconds nobody else gets them.
    pub hold_ms: u64,
}

/// An entry to be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimedEntry {
    /// Its space.
    pub space: Uuid,
    /// The entry.
    pub entry: OutboxEntry,
    /// Its webhook.
    pub webhook: Webhook,
    /// The webhook's secret.
    pub secret: Option<SealedSecret>,
}
