//! Reservation templates.

use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{
    ReservationTemplate as WireTemplate, ReservationTemplateUpdate, TemplateItem as WireItem,
};
use cadastre_domain::isp::{Kept, ReservationTemplate, TemplateItem};
use uuid::Uuid;

use super::{check_read_only, refused};

const READ_ONLY: &[&str] = &["id", "createdAt", "updatedAt"];

/// As clients see it.
pub(crate) fn to_wire(kept: Kept<ReservationTemplate>) -> WireTemplate {
    let template = kept.value;
    let item = |item: TemplateItem| WireItem {
        role: item.role,
        ip_type: item.ip_type.into(),
        pool_id: item.pool_id,
        count: Some(item.count),
        offset: item.offset,
        prefix_length: item.prefix_length,
    };
    WireTemplate {
        id: template.id,
        name: template.name,
        site_type: template.site_type,
        description: template.description,
        items: template.items.into_iter().map(item).collect(),
        created_at: kept.created,
        updated_at: kept.modified,
    }
}

/// The template that a body asks for; `stored` is the one that it replaces.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn from_wire(
    id: Uuid,
    body: ReservationTemplateUpdate,
    stored: Option<&Kept<ReservationTemplate>>,
) -> Result<ReservationTemplate, ApiError> {
    if let Some(stored) = stored {
        check_read_only(&body, &to_wire(stored.clone()), READ_ONLY)?;
    }
    let item = |item: WireItem| TemplateItem {
        role: item.role,
        ip_type: item.ip_type.into(),
        pool_id: item.pool_id,
        count: item.count.unwrap_or(1),
        offset: item.offset,
        prefix_length: item.prefix_length,
    };
    let template = ReservationTemplate {
        id,
        name: body.name,
        site_type: body.site_type,
        description: body.description.unwrap_or_default(),
        items: body.items.into_iter().map(item).collect(),
    };
    template.check().map_err(|error| refused(&error))?;
    Ok(template)
}
