//! A subscriber: who holds addresses and authenticates by RADIUS (seed `bss-phase1-fixes.md`, model `Subscriber`).
//! It is separate from a billing customer, who may have several.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::IspError;
use super::text::{check_line, check_notes, words};
use crate::names::{NameError, check_max_chars, check_not_empty, check_printable};
use crate::text::text_newtype;

/// The id of a subscriber: any text of 1 to 255 printable characters, so that ids of other systems (RADIUS, billing) can be
/// used as they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriberId(Arc<str>);

/// Longest id of a subscriber, in characters; what it becomes in a row key is bounded by its bytes.
const MAX_ID_CHARS: usize = 255;

impl SubscriberId {
    /// Checks and takes an id.
    ///
    /// # Errors
    /// [`NameError`] saying what is allowed.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let what = "the id of a subscriber";
        check_not_empty(what, text)?;
        check_max_chars(what, text, MAX_ID_CHARS)?;
        check_printable(what, text)?;
        if text.len() > MAX_ID_CHARS {
            return Err(NameError::TooLong {
                what,
                max: MAX_ID_CHARS,
                actual: text.len(),
                unit: "bytes",
            });
        }
        Ok(Self(text.into()))
    }
}

text_newtype!(SubscriberId, "the id of a subscriber");

/// Where a subscriber stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SubscriberStatus {
    /// Known, and not in service yet.
    #[default]
    Pending,
    /// In service.
    Active,
    /// Out of service for a while; keeps everything.
    Suspended,
    /// At its end: holds nothing any more.
    Terminated,
}

words!(SubscriberStatus, "status", {
    Pending = "PENDING",
    Active = "ACTIVE",
    Suspended = "SUSPENDED",
    Terminated = "TERMINATED",
});

/// What kind of customer it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ServiceType {
    /// A household.
    #[default]
    Residential,
    /// A business.
    Business,
    /// A large business with terms of its own.
    Enterprise,
    /// Another provider.
    Wholesale,
}

words!(ServiceType, "serviceType", {
    Residential = "RESIDENTIAL",
    Business = "BUSINESS",
    Enterprise = "ENTERPRISE",
    Wholesale = "WHOLESALE",
});

/// A secret as it is kept: sealed with a key of the deployment, so that only who has the key can use it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecret {
    /// Which key sealed it.
    pub key_id: String,
    /// Base64 of nonce and ciphertext.
    pub sealed: String,
}

impl std::fmt::Debug for SealedSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SealedSecret")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// A subscriber. Its RADIUS password is a secret and lives in a row of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscriber {
    /// Unique in its space, never changes.
    pub id: SubscriberId,
    /// Unique in its space where it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber_number: Option<String>,
    /// The billing customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Uuid>,
    /// The user of the customer portal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    /// The RADIUS user name; unique in its space where it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// A RADIUS password is kept.
    #[serde(default)]
    pub has_password: bool,
    /// Where it stands. Changed by the use cases only.
    pub status: SubscriberStatus,
    /// What kind of customer it serves.
    pub service_type: ServiceType,
    /// The plan it was provisioned with. Changed by the use cases only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<Uuid>,
    /// The profile of its bandwidth, by the name that RADIUS knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_profile_id: Option<String>,
    /// How it is connected, for example `ftth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_type: Option<String>,
    /// Where it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<String>,
    /// The device it is connected to: the domain of its VLANs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_node: Option<String>,
    /// Where the service is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_address: Option<String>,
    /// Serial number of its optical terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onu_serial: Option<String>,
    /// Its router, as `aa:bb:cc:dd:ee:ff`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpe_mac_address: Option<String>,
    /// What pool policies may go by, for example `Region`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The address in NetBox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netbox_ip_id: Option<u64>,
    /// The terminal in VOLTHA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voltha_onu_id: Option<String>,
    /// The router in GenieACS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genieacs_device_id: Option<String>,
    /// Empty = none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// When it was put in service first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<Timestamp>,
    /// Since when it is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminated_at: Option<Timestamp>,
}

/// Tags of one subscriber.
pub const MAX_SUBSCRIBER_TAGS: usize = 32;

impl Subscriber {
    /// Whether it is served, or only suspended for a while: what is assigned to it is in its network profile.
    #[must_use]
    pub fn in_service(&self) -> bool {
        match self.status {
            SubscriberStatus::Active | SubscriberStatus::Suspended => true,
            SubscriberStatus::Pending | SubscriberStatus::Terminated => false,
        }
    }

    /// Checks its texts.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn check(&self) -> Result<(), IspError> {
        let lines = [
            ("subscriberNumber", &self.subscriber_number, 128),
            ("username", &self.username, 253),
            ("bandwidthProfileId", &self.bandwidth_profile_id, 128),
            ("connectionType", &self.connection_type, 64),
            ("siteId", &self.site_id, 128),
            ("accessNode", &self.access_node, 128),
            ("serviceAddress", &self.service_address, 512),
            ("onuSerial", &self.onu_serial, 64),
            ("volthaOnuId", &self.voltha_onu_id, 128),
            ("genieacsDeviceId", &self.genieacs_device_id, 256),
        ];
        for (field, text, most) in lines {
            match text {
                Some(text) if text.is_empty() => {
                    return Err(IspError::new(
                        field,
                        format!("{field} must not be empty; leave it out instead"),
                    ));
                }
                Some(text) => check_line(field, text, most)?,
                None => {}
            }
        }
        if let Some(mac) = &self.cpe_mac_address
            && canonical_mac(mac).as_ref() != Some(mac)
        {
            return Err(IspError::new(
                "cpeMacAddress",
                "a MAC address is six bytes in hex, for example 00:1b:44:11:3a:b7",
            ));
        }
        if self.tags.len() > MAX_SUBSCRIBER_TAGS {
            return Err(IspError::new(
                "tags",
                format!(
                    "a subscriber has at most {MAX_SUBSCRIBER_TAGS} tags; these are {}",
                    self.tags.len()
                ),
            ));
        }
        for (name, value) in &self.tags {
            if name.is_empty() || value.is_empty() {
                return Err(IspError::new(
                    "tags",
                    "a tag of a subscriber has a name and a value",
                ));
            }
            check_line("tags", name, 64)?;
            check_line("tags", value, 256)?;
        }
        check_notes("notes", &self.notes)
    }
}

/// A MAC address in the one spelling that is kept; `None` if it is none. Bytes may be written with `:`, `-`, `.` or nothing
/// between them.
#[must_use]
pub fn canonical_mac(text: &str) -> Option<String> {
    let digits: String = text
        .chars()
        .filter(|c| !matches!(c, ':' | '-' | '.'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    if digits.len() != 12 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let bytes: Vec<&str> = (0..6).map(|at| &digits[2 * at..2 * at + 2]).collect();
    Some(bytes.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_addresses_have_one_spelling() {
        let one = Some("00:1b:44:11:3a:b7".to_owned());
        for text in [
            "00:1B:44:11:3A:B7",
            "00-1b-44-11-3a-b7",
            "001b.4411.3ab7",
            "001b44113ab7",
        ] {
            assert_eq!(canonical_mac(text), one, "{text}");
        }
        for text in [
            "",
            "00:1b:44:11:3a",
            "00:1b:44:11:3a:g7",
            "00:1b:44:11:3a:b7:00",
            "é0:1b:44:11:3a:b",
        ] {
            assert_eq!(canonical_mac(text), None, "{text}");
        }
    }

    #[test]
    fn ids_of_other_systems_are_taken_as_they_are() {
        for text in [
            "sub-1",
            "john.doe@isp.com",
            "A/B#1",
            "123e4567-e89b-12d3-a456-426614174000",
            "Zürich 7",
        ] {
            assert_eq!(
                SubscriberId::new(text).map(|id| id.as_str().to_owned()),
                Ok(text.to_owned())
            );
        }
        for text in ["", " a", "a\nb", &"x".repeat(256), &"é".repeat(128)] {
            assert!(SubscriberId::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_sealed_secret_does_not_show_in_a_log() {
        let secret = SealedSecret {
            key_id: "k1".to_owned(),
            sealed: "c2VjcmV0".to_owned(),
        };
        assert!(!format!("{secret:?}").contains("c2Vj"));
    }
}
