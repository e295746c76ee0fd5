//! Reservation templates: what a site of a type needs, reserved in one go (seed `static-ip-management.md`: pre-configured
//! assignments for site types).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::text::{check_line, check_name, check_notes};
use super::{IpType, IspError};

/// One reservation of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateItem {
    /// What it is for, for example `router`; with the site it makes the holder's id, `{site}/{role}`.
    pub role: String,
    /// What is reserved.
    pub ip_type: IpType,
    /// From which pool; `None` = by the space's pool policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<Uuid>,
    /// How many; more than one are numbered, `{site}/{role}-1` and so on.
    pub count: u32,
    /// Place in the pool's network, counted from its first address: the 1st is the address behind the network's. `None` =
    /// the next free one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Length of a delegated prefix; `None` = that of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix_length: Option<u8>,
}

/// A template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationTemplate {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique in its space, without regard to case.
    pub name: String,
    /// For which type of site, for example `pop`.
    pub site_type: String,
    /// Empty = none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What it reserves.
    pub items: Vec<TemplateItem>,
}

/// Reservations of one template.
pub const MAX_TEMPLATE_RESERVATIONS: u32 = 100;

impl ReservationTemplate {
    /// Checks it.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn check(&self) -> Result<(), IspError> {
        check_name("name", &self.name)?;
        check_name("siteType", &self.site_type)?;
        check_notes("description", &self.description)?;
        if self.items.is_empty() {
            return Err(IspError::new("items", "a template reserves at least one address"));
        }
        let mut total = 0_u32;
        for (at, item) in self.items.iter().enumerate() {
            check_name("items.role", &item.role)?;
            check_line("items.role", &item.role, 64)?;
            if item.count == 0 {
                return Err(IspError::new(
                    "items.count",
                    format!("item {} reserves nothing; its count is at least 1", at + 1),
                ));
            }
            if item.offset.is_some() && item.count > 1 {
                return Err(IspError::new(
                    "items.offset",
                    format!(
                        "{} has one place and {} addresses; name the places one by one",
                        item.role, item.count
                    ),
                ));
            }
            if item.prefix_length.is_some() && item.ip_type != IpType::Ipv6Prefix {
                return Err(IspError::new(
                    "items.prefixLength",
                    "only a delegated prefix has a length",
                ));
            }
            if self.items[..at].iter().any(|other| other.role == item.role) {
                return Err(IspError::new(
                    "items.role",
                    format!("the role {} is there twice", item.role),
                ));
            }
            total = total.saturating_add(item.count);
        }
        if total > MAX_TEMPLATE_RESERVATIONS {
            return Err(IspError::new(
                "items",
                format!(
                    "a template reserves at most {MAX_TEMPLATE_RESERVATIONS} addresses; this one {total}"
                ),
            ));
        }
        Ok(())
    }
}
