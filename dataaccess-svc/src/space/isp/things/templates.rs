//! Reservation templates.

use cadastre_domain::isp::{Entity, IspError, Kept, ReservationTemplate};
use uuid::Uuid;

use super::super::draft::{Draft, invalid};
use super::{no_such, put_named};
use crate::errors::Outcome;
use crate::keys::{self, Named, ThingRows};
use crate::records::{EntityRecord, decode};

/// Makes or replaces a template.
pub(super) async fn put(
    draft: &mut Draft<'_, '_>,
    before: Option<Kept<Entity>>,
    template: &ReservationTemplate,
) -> Outcome<()> {
    template.check().map_err(|error| invalid(&error))?;
    for item in &template.items {
        let Some(id) = item.pool_id else { continue };
        let Some(pool) = draft.book().pool(id) else {
            return Err(no_such("items.poolId", "pool", id));
        };
        let pool = &pool.value;
        if pool.pool_type.ip_type() != item.ip_type {
            return Err(invalid(&IspError::new(
                "items.poolId",
                format!(
                    "{} is of type {} and has nothing of type {} for {}; name another pool",
                    pool.name, pool.pool_type, item.ip_type, item.role
                ),
            )));
        }
    }
    put_named(
        draft,
        before,
        Entity::Template(template.clone()),
        Named::Template,
        template.id,
    )
    .await
}

/// The first template that names a pool.
pub(super) async fn naming_pool(draft: &Draft<'_, '_>, pool: Uuid) -> Outcome<Option<ReservationTemplate>> {
    for (key, bytes) in draft.all(keys::things(ThingRows::Templates)).await? {
        let kept: Kept<Entity> = decode::<EntityRecord>(&key, &bytes)?.into();
        if let Entity::Template(template) = kept.value
            && template.items.iter().any(|item| item.pool_id == Some(pool))
        {
            return Ok(Some(template));
        }
    }
    Ok(None)
}
