//! The provider's side: pools and reservations on the tree, subscribers with their plans and network profiles, VLANs,
//! and what reaches the outside through the outbox.
//!
//! Everything here is data and rules. A thing of this side is an [`Entity`]; it is stored, travels and stands in the
//! journal as the same value inside a [`Kept`] envelope.

pub mod addressing;
pub mod alert;
pub mod cost;
pub mod count;
pub mod entity;
pub mod forecast;
pub mod outbox;
pub mod plan;
pub mod policy;
pub mod pool;
pub mod profile;
pub mod reservation;
pub mod subscriber;
pub mod template;
mod text;
pub mod vlan;

pub use alert::{Alert, AlertKind, AlertState};
pub use count::Count;
pub use entity::{Entity, EntityKey, EntityKind, Kept};
pub use outbox::{Delivery, OutboxEntry, OutboxState, OutboxTarget, Webhook};
pub use plan::{BaseError, Features, Plan, VlanMode};
pub use policy::{PolicyRule, PoolPolicy, Wish};
pub use pool::{Cost, Pool, PoolError, PoolOrder, PoolState, PoolStatus, PoolType};
pub use profile::{Ipv6Mode, NetworkProfile, Option82Policy};
pub use reservation::{IpType, Move, Reservation, ReservationEvent, ReservationStatus};
pub use subscriber::{SealedSecret, ServiceType, Subscriber, SubscriberId, SubscriberStatus};
pub use template::{ReservationTemplate, TemplateItem};
pub use text::IspError;
pub use vlan::{VlanBinding, VlanHolder, VlanId, VlanPool, VlanRange, VlanTag};
