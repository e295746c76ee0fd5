//! Reservation templates: what a site of a type needs, reserved in one go.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::IpType;
use super::macros::bodies;

/// One reservation of a template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateItem {
    /// What it is for; with the site it makes the holder's id, `{site}/{role}`.
    #[schema(min_length = 1, max_length = 64, example = "router")]
    pub role: String,
    /// What is reserved.
    pub ip_type: IpType,
    /// From which pool; that of the call, or the pool policy's, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<Uuid>,
    /// How many; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub count: Option<u32>,
    /// Place in the pool's network, counted from its first address; the next free one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Length of a delegated prefix; that of the pool if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix_length: Option<u8>,
}

/// A template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReservationTemplate {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique in its space, without regard to case.
    pub name: String,
    /// For which type of site.
    #[schema(example = "pop")]
    pub site_type: String,
    /// What it is for.
    pub description: String,
    /// What it reserves.
    pub items: Vec<TemplateItem>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

bodies! {
    /// Body of `POST /reservation-templates`.
    ReservationTemplateCreate,
    /// Body of `PUT /reservation-templates/{templateId}`: replaces it.
    ReservationTemplateUpdate,
    both {
        /// 1 to 128 characters; unique in its space, without regard to case.
        #[schema(min_length = 1, max_length = 128)]
        name: String,
        /// For which type of site.
        #[schema(min_length = 1, max_length = 128, example = "pop")]
        site_type: String,
        /// At most 1,024 characters.
        #[serde(default)]
        #[schema(max_length = 1024)]
        description: Option<String>,
        /// What it reserves, 100 addresses at most.
        #[schema(min_items = 1, max_items = 100)]
        items: Vec<TemplateItem>,
    }
    once {}
    read_only {
        /// Read-only.
        id: Uuid,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        created_at: Timestamp,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        updated_at: Timestamp,
    }
}

/// Body of `POST /reservation-templates/{templateId}/apply`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateApply {
    /// The site; part of each holder's id.
    #[schema(min_length = 1, max_length = 128, example = "pop-ams-3")]
    pub site_id: String,
    /// The pool of items that name none; by policy if absent.
    #[serde(default)]
    pub pool_id: Option<Uuid>,
}
