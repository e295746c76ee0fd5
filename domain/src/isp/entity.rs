//! All things of the provider's side as one type, so that storing, journalling and reading them is written once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Alert, NetworkProfile, OutboxEntry, Plan, Pool, PoolPolicy, Reservation, ReservationTemplate, Subscriber,
    SubscriberId, VlanBinding, VlanPool, Webhook,
};

/// A thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entity {
    /// A pool.
    Pool(Pool),
    /// A reservation.
    Reservation(Reservation),
    /// A subscriber.
    Subscriber(Subscriber),
    /// A service plan.
    Plan(Plan),
    /// A network profile.
    Profile(NetworkProfile),
    /// A pool of VLANs.
    VlanPool(VlanPool),
    /// A VLAN that somebody has.
    VlanBinding(VlanBinding),
    /// The rules of pool selection.
    Policy(PoolPolicy),
    /// A reservation template.
    Template(ReservationTemplate),
    /// A webhook.
    Webhook(Webhook),
    /// An alert.
    Alert(Alert),
    /// An entry of the outbox.
    Outbox(OutboxEntry),
}

/// What kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EntityKind {
    /// A pool.
    Pool,
    /// A reservation.
    Reservation,
    /// A subscriber.
    Subscriber,
    /// A service plan.
    Plan,
    /// A network profile.
    Profile,
    /// A pool of VLANs.
    VlanPool,
    /// A VLAN that somebody has.
    VlanBinding,
    /// The rules of pool selection.
    Policy,
    /// A reservation template.
    Template,
    /// A webhook.
    Webhook,
    /// An alert.
    Alert,
    /// An entry of the outbox.
    Outbox,
}

impl EntityKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Pool,
        Self::Reservation,
        Self::Subscriber,
        Self::Plan,
        Self::Profile,
        Self::VlanPool,
        Self::VlanBinding,
        Self::Policy,
        Self::Template,
        Self::Webhook,
        Self::Alert,
        Self::Outbox,
    ];

    /// What it is called in a sentence.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Reservation => "reservation",
            Self::Subscriber => "subscriber",
            Self::Plan => "plan",
            Self::Profile => "network profile",
            Self::VlanPool => "VLAN pool",
            Self::VlanBinding => "VLAN binding",
            Self::Policy => "pool policy",
            Self::Template => "reservation template",
            Self::Webhook => "webhook",
            Self::Alert => "alert",
            Self::Outbox => "outbox entry",
        }
    }
}

/// Which thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EntityKey {
    /// A pool.
    Pool(Uuid),
    /// A reservation.
    Reservation(Uuid),
    /// A subscriber.
    Subscriber(SubscriberId),
    /// A service plan.
    Plan(Uuid),
    /// The network profile of a subscriber.
    Profile(SubscriberId),
    /// A pool of VLANs.
    VlanPool(Uuid),
    /// A VLAN that somebody has.
    VlanBinding(Uuid),
    /// The rules of pool selection.
    Policy,
    /// A reservation template.
    Template(Uuid),
    /// A webhook.
    Webhook(Uuid),
    /// An alert.
    Alert(Uuid),
    /// An entry of the outbox.
    Outbox(Uuid),
}

impl EntityKey {
    /// What kind of thing it names.
    #[must_use]
    pub const fn kind(&self) -> EntityKind {
        match self {
            Self::Pool(_) => EntityKind::Pool,
            Self::Reservation(_) => EntityKind::Reservation,
            Self::Subscriber(_) => EntityKind::Subscriber,
            Self::Plan(_) => EntityKind::Plan,
            Self::Profile(_) => EntityKind::Profile,
            Self::VlanPool(_) => EntityKind::VlanPool,
            Self::VlanBinding(_) => EntityKind::VlanBinding,
            Self::Policy => EntityKind::Policy,
            Self::Template(_) => EntityKind::Template,
            Self::Webhook(_) => EntityKind::Webhook,
            Self::Alert(_) => EntityKind::Alert,
            Self::Outbox(_) => EntityKind::Outbox,
        }
    }
}

impl Entity {
    /// Which thing it is.
    #[must_use]
    pub fn key(&self) -> EntityKey {
        match self {
            Self::Pool(pool) => EntityKey::Pool(pool.id),
            Self::Reservation(reservation) => EntityKey::Reservation(reservation.id),
            Self::Subscriber(subscriber) => EntityKey::Subscriber(subscriber.id.clone()),
            Self::Plan(plan) => EntityKey::Plan(plan.id),
            Self::Profile(profile) => EntityKey::Profile(profile.subscriber_id.clone()),
            Self::VlanPool(pool) => EntityKey::VlanPool(pool.id),
            Self::VlanBinding(binding) => EntityKey::VlanBinding(binding.id),
            Self::Policy(_) => EntityKey::Policy,
            Self::Template(template) => EntityKey::Template(template.id),
            Self::Webhook(webhook) => EntityKey::Webhook(webhook.id),
            Self::Alert(alert) => EntityKey::Alert(alert.id),
            Self::Outbox(entry) => EntityKey::Outbox(entry.id),
        }
    }

    /// What kind of thing it is.
    #[must_use]
    pub fn kind(&self) -> EntityKind {
        self.key().kind()
    }

    /// A name for messages and plans.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Pool(pool) => pool.name.clone(),
            Self::Reservation(reservation) => reservation.prefix.to_string(),
            Self::Subscriber(subscriber) => subscriber.id.to_string(),
            Self::Plan(plan) => plan.name.clone(),
            Self::Profile(profile) => profile.subscriber_id.to_string(),
            Self::VlanPool(pool) => pool.name.clone(),
            Self::VlanBinding(binding) => format!("{} in {}", binding.tag, binding.domain),
            Self::Policy(_) => "pool policy".to_owned(),
            Self::Template(template) => template.name.clone(),
            Self::Webhook(webhook) => webhook.name.clone(),
            Self::Alert(alert) => format!("{} of {}", alert.kind, alert.pool_name),
            Self::Outbox(entry) => entry.event.clone(),
        }
    }
}

macro_rules! narrowed {
    ($($variant:ident($type:ty) as $of:ident, $into:ident, $what:literal;)+) => {
        impl Entity {
            $(
                #[doc = concat!("The ", $what, " that it is, if it is one.")]
                #[must_use]
                pub fn $of(&self) -> Option<&$type> {
                    if let Self::$variant(value) = self { Some(value) } else { None }
                }

                #[doc = concat!("The ", $what, " that it is, if it is one.")]
                #[must_use]
                pub fn $into(self) -> Option<$type> {
                    if let Self::$variant(value) = self { Some(value) } else { None }
                }
            )+
        }
    };
}

narrowed! {
    Pool(Pool) as pool, into_pool, "pool";
    Reservation(Reservation) as reservation, into_reservation, "reservation";
    Subscriber(Subscriber) as subscriber, into_subscriber, "subscriber";
    Plan(Plan) as plan, into_plan, "plan";
    Profile(NetworkProfile) as profile, into_profile, "network profile";
    VlanPool(VlanPool) as vlan_pool, into_vlan_pool, "VLAN pool";
    VlanBinding(VlanBinding) as vlan_binding, into_vlan_binding, "VLAN binding";
    Policy(PoolPolicy) as policy, into_policy, "pool policy";
    Template(ReservationTemplate) as template, into_template, "reservation template";
    Webhook(Webhook) as webhook, into_webhook, "webhook";
    Alert(Alert) as alert, into_alert, "alert";
    Outbox(OutboxEntry) as outbox, into_outbox, "outbox entry";
}

/// A thing as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept<T> {
    /// The thing.
    pub value: T,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// Version of the space at its last change; its `ETag`.
    pub revision: u64,
}

impl<T> Kept<T> {
    /// The same envelope around something else.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Kept<U> {
        Kept {
            value: change(self.value),
            created: self.created,
            modified: self.modified,
            revision: self.revision,
        }
    }
}
