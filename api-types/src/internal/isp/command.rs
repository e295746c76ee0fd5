//! Commands of the provider's side. Each is one commit: all of it happens, or nothing.

use cadastre_domain::Prefix;
use cadastre_domain::isp::{
    Delivery, EntityKey, IpType, Move, NetworkProfile, Plan, Pool, PoolPolicy, ReservationTemplate,
    SealedSecret, Subscriber, SubscriberId, VlanHolder, VlanPool, VlanTag, Webhook,
};
use cadastre_domain::tags::ExplicitTags;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What to change on the provider's side of a space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum IspCommand {
    /// A new pool. Its network becomes a node if it is none.
    CreatePool {
        /// The pool; `made_node` does not matter.
        pool: Box<Pool>,
        /// Tags of the node of its network; `None` = as they are.
        tags: Option<ExplicitTags>,
    },
    /// Replaces a pool's settings. Network, type and delegated length stay.
    UpdatePool {
        /// The pool; its id says which.
        pool: Box<Pool>,
        /// New tags of its node; `None` = unchanged.
        tags: Option<ExplicitTags>,
    },
    /// Removes a pool that holds nothing; its node stays if it was there before or has tags.
    DeletePool {
        /// Which.
        id: Uuid,
    },
    /// New reservations, all or none.
    Reserve {
        /// What to reserve, 1 to [`MAX_RESERVE`].
        wanted: Vec<Reserve>,
        /// In spite of conflicts that can be overruled; the caller has been found to be permitted.
        force: bool,
    },
    /// Changes texts and expiry of a reservation.
    UpdateReservation {
        /// Which.
        id: Uuid,
        /// New notes; `None` = unchanged.
        notes: Option<String>,
        /// New reason; `None` = unchanged.
        reason: Option<String>,
        /// New expiry; `None` = unchanged, `Some(None)` = never.
        #[serde(default, with = "double_option")]
        expires_at: Option<Option<Timestamp>>,
        /// The address in NetBox; `None` = unchanged.
        netbox_ip_id: Option<u64>,
        /// Puts it to use, too.
        assign: bool,
    },
    /// Moves a reservation on.
    MoveReservation {
        /// Which.
        id: Uuid,
        /// Where to.
        to: Move,
        /// Why, in words.
        reason: Option<String>,
    },
    /// Releases what a subscriber holds of these types (empty = all); none at all is refused.
    ReleaseHeld {
        /// Whose.
        subscriber_id: SubscriberId,
        /// Which types.
        ip_types: Vec<IpType>,
        /// Why, in words.
        reason: Option<String>,
    },
    /// A new subscriber.
    CreateSubscriber {
        /// The subscriber, `PENDING`.
        subscriber: Box<Subscriber>,
        /// Its RADIUS password.
        secret: Option<SealedSecret>,
    },
    /// Replaces what is known of a subscriber; status and plan stay.
    UpdateSubscriber {
        /// The subscriber; its id says which.
        subscriber: Box<Subscriber>,
        /// A new RADIUS password; `None` = unchanged, `Some(None)` = none any more.
        #[serde(default, with = "double_option")]
        secret: Option<Option<SealedSecret>>,
    },
    /// Removes a subscriber that is `PENDING` or `TERMINATED` and holds nothing.
    DeleteSubscriber {
        /// Which.
        id: SubscriberId,
    },
    /// Sets the network profile of a subscriber.
    PutProfile {
        /// The profile.
        profile: Box<NetworkProfile>,
    },
    /// Removes the network profile of a subscriber.
    DeleteProfile {
        /// Whose.
        subscriber_id: SubscriberId,
    },
    /// A new thing without rules beyond its own: a plan, VLAN pool, template or webhook.
    CreateThing {
        /// The thing.
        thing: Box<Thing>,
        /// A webhook's secret.
        secret: Option<SealedSecret>,
    },
    /// Replaces such a thing.
    UpdateThing {
        /// The thing; its id says which.
        thing: Box<Thing>,
        /// A webhook's new secret; `None` = unchanged, `Some(None)` = none any more.
        #[serde(default, with = "double_option")]
        secret: Option<Option<SealedSecret>>,
    },
    /// Removes such a thing, if nothing uses it.
    DeleteThing {
        /// Which.
        key: EntityKey,
    },
    /// Replaces the rules of pool selection.
    PutPolicy {
        /// The rules.
        policy: PoolPolicy,
    },
    /// Takes a VLAN from a pool: the lowest free one, or that one. Who has one of that pool's domain and kind already keeps it.
    AllocateVlan {
        /// Id of the binding (UUIDv7, made by the caller).
        id: Uuid,
        /// From which pool.
        pool_id: Uuid,
        /// For whom.
        holder: VlanHolder,
        /// That one; `None` = the lowest free one.
        tag: Option<VlanTag>,
    },
    /// Gives a VLAN back.
    ReleaseVlan {
        /// The binding.
        id: Uuid,
    },
    /// A use case of a subscriber.
    UseCase {
        /// Whose.
        subscriber_id: SubscriberId,
        /// What.
        what: UseCase,
    },
    /// Reserves what a template says, for one site.
    ApplyTemplate {
        /// Which.
        template_id: Uuid,
        /// The site; part of each holder's id.
        site_id: String,
        /// The pool of items that name none; `None` = by policy.
        pool_id: Option<Uuid>,
    },
    /// Somebody knows of an alert.
    AcknowledgeAlert {
        /// Which.
        id: Uuid,
    },
    /// Calls an entry of the outbox off.
    CancelOutbox {
        /// Which.
        id: Uuid,
    },
    /// Asks for another try of an entry that was given up, or at once of one that waits.
    RetryOutbox {
        /// Which.
        id: Uuid,
    },
    /// Has entries of the outbox for the caller alone for a while: for whoever delivers.
    ClaimOutbox {
        /// At most this many.
        limit: usize,
        /// For so many milliseconds.
        hold_ms: u64,
    },
    /// Does what is due by now: expiry, reclaim. For background work.
    RunDue {
        /// At most this many.
        limit: usize,
        /// From this row of what is due on; `None` = from the first.
        from: Option<String>,
    },
    /// What came of a try: for whoever delivers.
    SettleOutbox {
        /// Which.
        id: Uuid,
        /// What came of it.
        came: Delivery,
        /// If it is tried again: after so many milliseconds.
        retry_ms: u64,
    },
}

/// Reservations of one command.
pub const MAX_RESERVE: usize = 1_000;

/// A thing that has few rules beyond its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Thing {
    /// A service plan.
    Plan(Plan),
    /// A pool of VLANs.
    VlanPool(VlanPool),
    /// A reservation template.
    Template(ReservationTemplate),
    /// A webhook.
    Webhook(Webhook),
}

/// One reservation that is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reserve {
    /// Its id (UUIDv7, made by the caller).
    pub id: Uuid,
    /// For whom.
    pub subscriber_id: SubscriberId,
    /// Where from.
    pub from: ReserveFrom,
    /// Length of a delegated prefix; `None` = that of the pool.
    pub prefix_length: Option<u8>,
    /// Puts it to use at once.
    pub assign: bool,
    /// When its time is over.
    pub expires_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// Empty = none.
    pub notes: String,
}

/// Where a reservation is taken from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ReserveFrom {
    /// The next of a pool.
    Pool(Uuid),
    /// This one of a pool.
    Chosen {
        /// The pool; `None` = whichever it lies in.
        pool_id: Option<Uuid>,
        /// The address, or the delegated prefix.
        prefix: Prefix,
    },
    /// The next of whichever pool the policy says.
    Policy(IpType),
}

/// A use case of a subscriber. All are safe to repeat: what is as it should be is left as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum UseCase {
    /// Puts it in service with a plan: addresses, VLAN and profile.
    Provision {
        /// The plan.
        plan_id: Uuid,
        /// What is decided already.
        choices: Choices,
    },
    /// Another plan: takes what it adds, releases what it does not have.
    ChangePlan {
        /// The new plan.
        plan_id: Uuid,
        /// What is decided already.
        choices: Choices,
    },
    /// Out of service for a while; keeps everything.
    Suspend {
        /// Why, in words.
        reason: Option<String>,
    },
    /// Back in service.
    Resume {
        /// Why, in words.
        reason: Option<String>,
    },
    /// Out of service for good: releases everything.
    Terminate {
        /// Why, in words.
        reason: Option<String>,
    },
}

/// What the caller of a use case decides instead of the policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Choices {
    /// Pool of the IPv4 address.
    pub ipv4_pool_id: Option<Uuid>,
    /// Pool of the IPv6 address.
    pub ipv6_pool_id: Option<Uuid>,
    /// Pool of the delegated prefix.
    pub pd_pool_id: Option<Uuid>,
    /// Pool of the VLAN.
    pub vlan_pool_id: Option<Uuid>,
    /// Why, in words.
    pub reason: Option<String>,
}

/// Tells `null` from a field that is not there.
mod double_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde calls it with a reference")]
    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        // One more level than JSON has: a list of nothing or of one.
        let list: Vec<&Option<T>> = value.iter().collect();
        list.serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Ok(Vec::<Option<T>>::deserialize(deserializer)?.pop())
    }
}
