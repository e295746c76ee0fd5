//! The types of the graph. Each is read from what the public API shows of the same thing.

mod alert;
mod conflict;
mod outbox;
mod plan;
mod pool;
mod profile;
mod reservation;
mod stats;
mod subscriber;
mod vlan;

pub(super) use alert::Alert;
pub(super) use conflict::IPConflict;
pub(super) use outbox::OutboxEntry;
pub(super) use plan::Plan;
pub(super) use pool::IPPool;
pub(super) use profile::NetworkProfile;
pub(super) use reservation::IPReservation;
pub(super) use stats::{AvailableIPs, IPStats, PoolStats, PoolUtilization};
pub(super) use subscriber::{Subscriber, SubscriberState};
pub(super) use vlan::{VlanBinding, VlanPool};

/// Texts that the seed has as nullable: an empty one is none.
fn text(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
