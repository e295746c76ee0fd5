//! Makes partitions of different moments fit together. The catalogue is of the earliest moment, so:
//!
//! * a user that was made later has an account but no place in the list of users: it gets one;
//! * a space that was deleted later is in the catalogue, but is being deleted: the hint is written by which the server
//!   finishes a deletion that broke off;
//! * a space may have a large command that is true and not in its places, made after the catalogue was read: the hint is
//!   written by which it is found.
//!
//! A space that was made later is in no list; it is left alone, as one whose creation was never acknowledged.

use std::collections::HashSet;

use bytes::Bytes;
use cadastre_storage::{PartitionKey, RowKey, unescape};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::keys;
use crate::records::{PlanHintRecord, PurgeHintRecord, encode};

/// What was seen that may need it.
#[derive(Debug, Default)]
pub(super) struct Mend {
    /// Rows of the catalogue: spaces, hints and users.
    listed: HashSet<RowKey>,
    accounts: Vec<String>,
    deleting: Vec<Uuid>,
    /// Spaces with a plan, and which.
    plans: Vec<(Uuid, Uuid)>,
}

impl Mend {
    pub(super) fn see(&mut self, partition: &PartitionKey, key: &RowKey, value: &[u8]) {
        if *partition == keys::system_partition() {
            if ["s_", "u_", "x_", "y_"]
                .iter()
                .any(|kind| key.as_str().starts_with(kind))
            {
                self.listed.insert(key.clone());
            }
        } else if let Some(name) = partition.as_str().strip_prefix("user_") {
            if *key == keys::account() {
                self.accounts.extend(unescape(name));
            }
        } else if *key == keys::head()
            && let Ok(space) = Uuid::try_parse(partition.as_str())
            && let Ok(head) = serde_json::from_slice::<Value>(value)
        {
            if head.get("State").and_then(Value::as_str) == Some("Deleting") {
                self.deleting.push(space);
            }
            let plan = head.get("Pending").and_then(|pending| pending.get("Plan"));
            if let Some(plan) = plan
                .and_then(Value::as_str)
                .and_then(|text| Uuid::try_parse(text).ok())
            {
                self.plans.push((space, plan));
            }
        }
    }

    /// Rows to be added to the catalogue.
    pub(super) fn additions(&self, now: Timestamp) -> Vec<(RowKey, Bytes)> {
        let users = self.accounts.iter().map(|name| keys::user_index(name));
        let users = users
            .filter(|key| !self.listed.contains(key))
            .map(|key| (key, Bytes::from_static(b"{\"V\":1}")));
        let hints = self
            .deleting
            .iter()
            .filter(|space| self.listed.contains(&keys::catalogue_space(**space)))
            .map(|space| keys::purge_hint(*space))
            .filter(|key| !self.listed.contains(key))
            .map(|key| (key, encode(&PurgeHintRecord { v: 1, time: now })));
        let plans = self
            .plans
            .iter()
            .map(|(space, plan)| keys::plan_hint(*space, *plan))
            .filter(|key| !self.listed.contains(key))
            .map(|key| (key, encode(&PlanHintRecord { v: 1 })));
        users.chain(hints).chain(plans).collect()
    }
}
