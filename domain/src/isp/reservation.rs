//! A reservation: an address, or a delegated prefix, that a subscriber holds (seed `static-ip-management.md`, model
//! `IPReservation`), and the moves it may make.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::text::{check_notes, words};
use super::{IspError, SubscriberId, VlanTag};
use crate::prefix::Prefix;

/// What is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpType {
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A delegated IPv6 prefix.
    Ipv6Prefix,
}

words!(IpType, "ipType", {
    Ipv4 = "ipv4",
    Ipv6 = "ipv6",
    Ipv6Prefix = "ipv6_prefix",
});

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReservationStatus {
    /// It is held, and not in use yet.
    Reserved,
    /// It is in use.
    Assigned,
    /// It was given back. The address rests, until it is reclaimed.
    Released,
    /// Its time ran out before it was used.
    Expired,
}

words!(ReservationStatus, "status", {
    Reserved = "RESERVED",
    Assigned = "ASSIGNED",
    Released = "RELEASED",
    Expired = "EXPIRED",
});

impl ReservationStatus {
    /// It holds its address for its subscriber.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Reserved | Self::Assigned)
    }
}

/// What may become of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Move {
    /// RESERVED → ASSIGNED.
    Assign,
    /// RESERVED or ASSIGNED → RELEASED.
    Release,
    /// Its time is over: RESERVED → EXPIRED, ASSIGNED → RELEASED.
    Expire,
    /// A released or expired one lets its address go.
    Reclaim,
}

/// One thing that happened to a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationEvent {
    /// When.
    pub at: Timestamp,
    /// For example `RESERVED`, `EXTENDED`, `RECLAIMED`.
    pub event: String,
    /// User name, or `system`.
    pub by: String,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The VLAN that the subscriber had then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<VlanTag>,
    /// Correlation id of the request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub correlation_id: String,
}

/// A reservation. It is kept when it has ended: it says who had the address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// UUIDv7.
    pub id: Uuid,
    /// The pool it was taken from.
    pub pool_id: Uuid,
    /// Who holds it.
    pub subscriber_id: SubscriberId,
    /// The address as a prefix of its full length, or the delegated prefix.
    pub prefix: Prefix,
    /// What is reserved.
    pub ip_type: IpType,
    /// Where it stands.
    pub status: ReservationStatus,
    /// When it was made.
    pub reserved_at: Timestamp,
    /// When it was put to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_at: Option<Timestamp>,
    /// When it was given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    /// When its time is over; `None` = never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Until when the address of a released one rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests_until: Option<Timestamp>,
    /// When the address was let go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reclaimed_at: Option<Timestamp>,
    /// Who made it.
    pub assigned_by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment_reason: Option<String>,
    /// Empty = none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// It was made in spite of conflicts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
    /// The node of the address was there before, and stays when it ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept_node: bool,
    /// A plan includes it: it goes with the plan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_plan: bool,
    /// The address in NetBox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netbox_ip_id: Option<u64>,
    /// NetBox has it as it is here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub netbox_synced: bool,
    /// Its life, oldest first; the first and the last of very many.
    pub events: Vec<ReservationEvent>,
}

/// Events that a reservation keeps; the journal has all.
pub const MAX_EVENTS: usize = 64;

/// A move that the present status does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct IllegalMove {
    /// Where it stands.
    pub status: ReservationStatus,
    /// What was asked for.
    pub asked: Move,
}

impl IllegalMove {
    fn text(&self) -> String {
        let status = self.status;
        match self.asked {
            Move::Assign if status == ReservationStatus::Assigned => "It is assigned already.".to_owned(),
            Move::Assign => {
                format!("It is {status}, and only what is RESERVED can be assigned; make a new reservation.")
            }
            Move::Release => format!("It is {status} already; nothing is left to be released."),
            Move::Expire => format!("It is {status}, so its time is over already."),
            Move::Reclaim => format!("It is {status}; only what is RELEASED can be reclaimed."),
        }
    }
}

impl Reservation {
    /// The status after a move.
    ///
    /// # Errors
    /// [`IllegalMove`].
    pub fn after(&self, asked: Move) -> Result<ReservationStatus, IllegalMove> {
        use ReservationStatus::{Assigned, Expired, Released, Reserved};
        match (self.status, asked) {
            (Reserved, Move::Assign) => Ok(Assigned),
            (Reserved | Assigned, Move::Release) | (Assigned, Move::Expire) => Ok(Released),
            (Reserved, Move::Expire) => Ok(Expired),
            (status @ (Released | Expired), Move::Reclaim) if self.reclaimed_at.is_none() => Ok(status),
            (status, asked) => Err(IllegalMove { status, asked }),
        }
    }

    /// It was released, and its address is kept for its subscriber.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        self.status == ReservationStatus::Released && self.reclaimed_at.is_none()
    }

    /// It keeps its address from being handed out to others.
    #[must_use]
    pub fn holds_address(&self) -> bool {
        self.status.is_active() || self.is_resting()
    }

    /// Adds an event. Of more than [`MAX_EVENTS`] the first half and the last half are kept.
    pub fn record(&mut self, event: ReservationEvent) {
        if self.events.len() >= MAX_EVENTS {
            self.events.remove(MAX_EVENTS / 2);
        }
        self.events.push(event);
    }

    /// Checks the texts.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn check(&self) -> Result<(), IspError> {
        check_notes("notes", &self.notes)?;
        check_notes(
            "assignmentReason",
            self.assignment_reason.as_deref().unwrap_or_default(),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn reservation(status: ReservationStatus) -> Reservation {
        Reservation {
            id: Uuid::nil(),
            pool_id: Uuid::nil(),
            subscriber_id: SubscriberId::new("sub-1").unwrap(),
            prefix: "203.0.113.9/32".parse().unwrap(),
            ip_type: IpType::Ipv4,
            status,
            reserved_at: Timestamp::UNIX_EPOCH,
            assigned_at: None,
            released_at: None,
            expires_at: None,
            rests_until: None,
            reclaimed_at: None,
            assigned_by: "ada".to_owned(),
            assignment_reason: None,
            notes: String::new(),
            forced: false,
            kept_node: false,
            by_plan: false,
            netbox_ip_id: None,
            netbox_synced: false,
            events: Vec::new(),
        }
    }

    #[test]
    fn exactly_the_moves_of_the_life_cycle_are_legal() {
        use Move::{Assign, Expire, Reclaim, Release};
        use ReservationStatus::{Assigned, Expired, Released, Reserved};
        let legal = [
            (Reserved, Assign, Assigned),
            (Reserved, Release, Released),
            (Assigned, Release, Released),
            (Reserved, Expire, Expired),
            (Assigned, Expire, Released),
            (Released, Reclaim, Released),
            (Expired, Reclaim, Expired),
        ];
        for status in ReservationStatus::ALL {
            for asked in [Assign, Release, Expire, Reclaim] {
                let expected = legal
                    .iter()
                    .find(|(from, what, _)| from == status && *what == asked)
                    .map(|(_, _, to)| *to);
                assert_eq!(
                    reservation(*status).after(asked).ok(),
                    expected,
                    "{status} {asked:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_reclaimed_cannot_be_reclaimed_again() {
        let mut released = reservation(ReservationStatus::Released);
        assert!(released.is_resting() && released.holds_address());
        released.reclaimed_at = Some(Timestamp::UNIX_EPOCH);
        assert!(released.after(Move::Reclaim).is_err());
        assert!(!released.holds_address());
    }

    #[test]
    fn a_long_life_keeps_its_beginning_and_its_end() {
        let mut long = reservation(ReservationStatus::Assigned);
        for turn in 0..200 {
            long.record(ReservationEvent {
                at: Timestamp::UNIX_EPOCH,
                event: turn.to_string(),
                by: "ada".to_owned(),
                reason: None,
                vlan: None,
                correlation_id: String::new(),
            });
        }
        assert_eq!(long.events.len(), MAX_EVENTS);
        assert_eq!(
            (long.events[0].event.as_str(), long.events[63].event.as_str()),
            ("0", "199")
        );
    }
}
