//! The outbox: what is to happen outside because of a change here. An entry is committed with the change, and delivered
//! until it has worked: at least once, never not at all.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::IspError;
use super::text::{check_name, words};

/// Whom an entry is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OutboxTarget {
    /// A webhook.
    Webhook(Uuid),
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutboxState {
    /// It is to be delivered.
    Pending,
    /// It was delivered.
    Delivered,
    /// It was tried too often; somebody may ask for another try.
    Failed,
    /// Somebody called it off.
    Cancelled,
}

words!(OutboxState, "state", {
    Pending = "PENDING",
    Delivered = "DELIVERED",
    Failed = "FAILED",
    Cancelled = "CANCELLED",
});

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxEntry {
    /// UUIDv7; the receiver can tell a repetition by it.
    pub id: Uuid,
    /// Whom it is for.
    pub target: OutboxTarget,
    /// What happened, for example `subscriber.provisioned`.
    pub event: String,
    /// Version of the space at the change.
    pub version: u64,
    /// What happened to what; never a secret.
    pub payload: Value,
    /// Where it stands.
    pub state: OutboxState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next; `None` when it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// What came of the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Correlation id of the change.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub correlation_id: String,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivery {
    /// It was taken.
    Done,
    /// It was not, and may be another time.
    Retry(String),
    /// It never will be.
    Refused(String),
}

/// Tries before an entry is given up: with the waits of [`retry_after`] about three days.
pub const MAX_ATTEMPTS: u32 = 24;

/// Seconds until the next try after so many: 2, 4, 8, … up to four hours. The caller adds up to half of it by lot, so that
/// what failed together is not tried together.
#[must_use]
pub const fn retry_after(attempts: u32) -> u64 {
    let shift = if attempts > 14 { 14 } else { attempts };
    let wait = 1_u64 << shift;
    if wait > 14_400 { 14_400 } else { wait }
}

/// Somebody who wants to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique in its space, without regard to case.
    pub name: String,
    /// Where to.
    pub url: String,
    /// Of which events, for example `subscriber.*` or `alert.raised`; empty = all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Requests are signed with a secret.
    #[serde(default)]
    pub has_secret: bool,
    /// It is told.
    pub active: bool,
}

impl Webhook {
    /// Checks its texts. Whether the URL is one is checked by who can parse URLs.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn check(&self) -> Result<(), IspError> {
        check_name("name", &self.name)?;
        if !(self.url.starts_with("https://") || self.url.starts_with("http://")) || self.url.len() > 2_048 {
            return Err(IspError::new(
                "url",
                "a webhook's url begins with https:// or http:// and has at most 2,048 bytes",
            ));
        }
        if self.events.len() > 32 {
            return Err(IspError::new(
                "events",
                "a webhook names at most 32 events; leave them out for all",
            ));
        }
        for event in &self.events {
            if !EVENTS.iter().any(|known| is_meant(event, known)) {
                return Err(IspError::new(
                    "events",
                    format!(
                        "`{}` is no event; write one of {}, or all of a kind as in alert.*",
                        crate::echo::echo(event),
                        EVENTS.join(", ")
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Whether it wants to be told of an event.
    #[must_use]
    pub fn wants(&self, event: &str) -> bool {
        self.active && (self.events.is_empty() || self.events.iter().any(|wanted| is_meant(wanted, event)))
    }
}

/// Everything that is told outside.
pub const EVENTS: [&str; 19] = [
    "alert.cleared",
    "alert.raised",
    "pool.created",
    "pool.deleted",
    "pool.updated",
    "reservation.assigned",
    "reservation.created",
    "reservation.expired",
    "reservation.released",
    "subscriber.created",
    "subscriber.deleted",
    "subscriber.plan_changed",
    "subscriber.provisioned",
    "subscriber.resumed",
    "subscriber.suspended",
    "subscriber.terminated",
    "subscriber.updated",
    "vlan.allocated",
    "vlan.released",
];

/// Whether an event is meant by `kind.what` or `kind.*`.
fn is_meant(wanted: &str, event: &str) -> bool {
    match wanted.strip_suffix(".*") {
        Some(stem) => event.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.')),
        None => wanted == event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_four_hours() {
        assert_eq!(
            [1, 2, 3, 13, 14, 15, 99].map(retry_after),
            [2, 4, 8, 8192, 14_400, 14_400, 14_400]
        );
    }

    #[test]
    fn a_webhook_is_told_what_it_wants_to_know() {
        let mut webhook = Webhook {
            id: Uuid::nil(),
            name: "billing".to_owned(),
            url: "https://example.org/hook".to_owned(),
            events: Vec::new(),
            has_secret: false,
            active: true,
        };
        assert!(webhook.wants("alert.raised"));
        webhook.events = vec!["subscriber.*".to_owned(), "alert.raised".to_owned()];
        assert_eq!(webhook.check(), Ok(()));
        assert!(webhook.wants("subscriber.terminated") && webhook.wants("alert.raised"));
        assert!(!webhook.wants("alert.cleared") && !webhook.wants("subscribers.made"));
        webhook.active = false;
        assert!(!webhook.wants("alert.raised"));
    }
}
