//! Reservation templates.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IspCommand, IspListing, Listed, MutationOptions, PageRequest, Thing};
use cadastre_api_types::public::isp::{
    Reservation as WireReservation, ReservationTemplate as WireTemplate, ReservationTemplateCreate,
    ReservationTemplateUpdate, TemplateApply,
};
use cadastre_domain::isp::{EntityKey, Kept, ReservationTemplate};
use cadastre_domain::roles::Permission::{IspIpamWrite, IspOssRead, IspOssWrite};
use uuid::Uuid;

use super::wire::{invalid, reservation, template};
use super::{IspCaller, Outcome};

/// A page of templates, oldest first.
pub(crate) async fn list(caller: &IspCaller, page: PageRequest) -> Result<Listed<WireTemplate>, ApiError> {
    let found = caller.list(IspOssRead, IspListing::Templates, page).await?;
    Ok(Listed {
        items: found.items.into_iter().map(template::to_wire).collect(),
        next: found.next,
    })
}

/// One template, and its revision.
pub(crate) async fn get(caller: &IspCaller, id: Uuid) -> Result<(WireTemplate, u64), ApiError> {
    let kept = caller.get(IspOssRead, EntityKey::Template(id)).await?;
    let revision = kept.revision;
    Ok((template::to_wire(kept), revision))
}

/// A new template.
pub(crate) async fn create(
    caller: &IspCaller,
    body: ReservationTemplateCreate,
    options: MutationOptions,
) -> Result<Outcome<WireTemplate>, ApiError> {
    let made = template::from_wire(Uuid::now_v7(), body.into(), None)?;
    let command = IspCommand::CreateThing {
        thing: Box::new(Thing::Template(made)),
        secret: None,
    };
    caller
        .command(IspOssWrite, command, options)
        .await?
        .one(template::to_wire)
}

/// Replaces a template.
pub(crate) async fn update(
    caller: &IspCaller,
    id: Uuid,
    body: ReservationTemplateUpdate,
    options: MutationOptions,
) -> Result<Outcome<WireTemplate>, ApiError> {
    let decide = |stored: Option<&Kept<ReservationTemplate>>| {
        if stored.is_none() {
            return Err(ApiError::not_found("reservation template"));
        }
        Ok(IspCommand::UpdateThing {
            thing: Box::new(Thing::Template(template::from_wire(id, body.clone(), stored)?)),
            secret: None,
        })
    };
    caller
        .replace::<ReservationTemplate>(IspOssWrite, EntityKey::Template(id), options, decide)
        .await?
        .one(template::to_wire)
}

/// Removes a template.
pub(crate) async fn delete(
    caller: &IspCaller,
    id: Uuid,
    options: MutationOptions,
) -> Result<Outcome<()>, ApiError> {
    let key = EntityKey::Template(id);
    let command = IspCommand::DeleteThing { key };
    Ok(caller.command(IspOssWrite, command, options).await?.nothing())
}

/// Reserves what a template says, for one site: it changes reservations, not the template.
pub(crate) async fn apply(
    caller: &IspCaller,
    id: Uuid,
    body: TemplateApply,
    options: MutationOptions,
) -> Result<Outcome<Vec<WireReservation>>, ApiError> {
    if body.site_id.trim().is_empty() || body.site_id.chars().count() > 128 {
        return Err(invalid(
            "siteId",
            "`siteId` is the name of a site, of 1 to 128 characters.",
        ));
    }
    let command = IspCommand::ApplyTemplate {
        template_id: id,
        site_id: body.site_id,
        pool_id: body.pool_id,
    };
    let ran = caller.command(IspIpamWrite, command, options).await?;
    Ok(ran.many(reservation::to_wire))
}
