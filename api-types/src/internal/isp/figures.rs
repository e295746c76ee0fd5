//! Numbers of pools, and what is found when somebody looks for conflicts.

use cadastre_domain::Prefix;
use cadastre_domain::isp::{Count, Kept, PoolStatus, Reservation, SubscriberId};
use cadastre_domain::tags::{ExplicitTags, TagName, TagValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a pool has handed out. `available = total − reserved − assigned − resting − excluded`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolCounts {
    /// What there is to hand out if nothing is excluded.
    pub total: Count,
    /// Held, not in use yet.
    pub reserved: Count,
    /// In use.
    pub assigned: Count,
    /// Released, and not reclaimed yet.
    pub resting: Count,
    /// Never handed out: gateway, exclusions, and other nodes in the network.
    pub excluded: Count,
}

impl PoolCounts {
    /// What is left.
    pub fn available(&self) -> Count {
        self.total
            .minus(self.reserved)
            .minus(self.assigned)
            .minus(self.resting)
            .minus(self.excluded)
    }

    /// What could be handed out if nobody had any.
    pub fn usable(&self) -> Count {
        self.total.minus(self.excluded)
    }

    /// What somebody has, or nobody may have yet.
    pub fn used(&self) -> Count {
        self.reserved.plus(self.assigned).plus(self.resting)
    }
}

/// A pool with what is derived for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolFigures {
    /// The pool.
    pub pool_id: Uuid,
    /// The node of its network.
    pub node_id: Uuid,
    /// Tags set on the node.
    pub tags: ExplicitTags,
    /// Tags that hold there.
    pub resolved: BTreeMap<TagName, TagValue>,
    /// What it shows.
    pub status: PoolStatus,
    /// How much it has handed out.
    pub counts: PoolCounts,
    /// Its alerts that stand, acknowledged or not.
    #[serde(default)]
    pub open_alerts: u64,
    /// Assignments and releases by day, oldest first, of the last 90 days on which there were any.
    pub days: Vec<DayCount>,
}

/// What a pool did on one day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCount {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Reservations made.
    pub taken: Count,
    /// Reservations that let their address go or began to rest.
    pub given_back: Count,
}

/// Something that stands against an address being handed out, or is wrong with one that was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Finding {
    /// Somebody holds it, or it rests for them.
    Reservation {
        /// The reservation.
        reservation: Box<Kept<Reservation>>,
        /// The name of its pool.
        pool_name: String,
    },
    /// A node of the tree is there, and no reservation.
    Node {
        /// The node.
        id: Uuid,
        /// Its prefix.
        prefix: Prefix,
        /// Its description.
        description: String,
        /// What of a pool it is, if it is the pool's own.
        kept_for: Option<KeptFor>,
    },
    /// It lies in no pool, or not in the one that was named.
    OutsidePool {
        /// The pool that was named, and its network.
        pool: Option<(Uuid, Prefix)>,
    },
    /// It is the network or the broadcast address of its pool, or has another length than the pool hands out.
    NotAUnit {
        /// The pool.
        pool_id: Uuid,
        /// Which, in words.
        message: String,
    },
    /// A network profile names it.
    Profile {
        /// Whose.
        subscriber_id: SubscriberId,
        /// What the profile says.
        prefix: Prefix,
    },
}

/// What a pool keeps an address for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeptFor {
    /// Its gateway.
    Gateway,
    /// It is excluded.
    Exclusion,
}

/// What is wrong between what is kept: found by looking at all of it, page by page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The address or prefix.
    pub prefix: Prefix,
    /// What is wrong.
    pub finding: Finding,
    /// For whom it should be, if it is for somebody.
    pub subscriber_id: Option<SubscriberId>,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
}

/// What one pool cost in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostLine {
    /// The pool.
    pub pool_id: Uuid,
    /// Its name.
    pub pool_name: String,
    /// Seconds that its addresses (or delegated prefixes) were held in the time, all together. Of a pool that was deleted
    /// each reservation counts as one, however short its prefix.
    pub held_seconds: Count,
    /// How many reservations that were.
    pub reservations: u64,
    /// What one costs in a month, in millionths.
    pub micros_per_month: u64,
    /// ISO 4217; empty = it costs nothing.
    pub currency: String,
}
