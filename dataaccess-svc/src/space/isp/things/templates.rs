//! Reservation templates.

use cadastre_domain::isp::{Entity, IspError, Kept, ReservationTemplate};

use super::super::draft::{Draft, invalid};
use super::{no_such, put_named};
use crate::errors::Outcome;
use crate::keys::Named;

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
