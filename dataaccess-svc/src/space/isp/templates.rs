//! Reserves what a template says, for one site.

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{Reserve, ReserveFrom};
use cadastre_domain::Prefix;
use cadastre_domain::isp::{
    Entity, EntityKey, IspError, Pool, ReservationTemplate, SubscriberId, TemplateItem,
};
use uuid::Uuid;

use super::draft::{Draft, invalid};
use super::{lifecycle, pools, reserve};
use crate::errors::{Failure, Outcome};

/// Reserves for every item whose holder has nothing yet.
pub(super) async fn apply(
    draft: &mut Draft<'_, '_>,
    template_id: Uuid,
    site: &str,
    pool_id: Option<Uuid>,
) -> Outcome<()> {
    let missing = || Failure::not_found("reservation template in this address space");
    let kept = draft
        .thing(&EntityKey::Template(template_id))
        .await?
        .ok_or_else(missing)?;
    let Entity::Template(template) = kept.value else {
        return Err(missing());
    };
    let mut order = Vec::new();
    // Who has a place of their own gets it before others take the next free ones.
    let mut items: Vec<(usize, &TemplateItem)> = template.items.iter().enumerate().collect();
    items.sort_by_key(|(at, item)| (item.offset.is_none(), *at));
    for (at, item) in items {
        for number in 0..item.count {
            let holder = holder(&template, item, site, number)?;
            if let Some((kept, _)) = lifecycle::held(draft, &holder, item.ip_type).await? {
                order.push(((at, number), kept.value.key()));
                draft.show(kept);
                continue;
            }
            let from = place(draft, item, pool_id)?;
            let wish = Reserve {
                id: Uuid::now_v7(),
                subscriber_id: holder,
                from,
                prefix_length: item.prefix_length,
                assign: false,
                expires_at: None,
                reason: Some(format!("template {}", template.name)),
                notes: String::new(),
            };
            let made = reserve::one(draft, &wish, false).await?;
            order.push(((at, number), made.value.key()));
        }
    }
    order.sort_by_key(|(place, _)| *place);
    draft.answer_first(order.into_iter().map(|(_, key)| key).collect());
    Ok(())
}

/// Who holds it: `{site}/{role}`, numbered where there are several.
fn holder(
    template: &ReservationTemplate,
    item: &TemplateItem,
    site: &str,
    number: u32,
) -> Outcome<SubscriberId> {
    let text = if item.count == 1 {
        format!("{site}/{}", item.role)
    } else {
        format!("{site}/{}-{}", item.role, number + 1)
    };
    SubscriberId::new(&text).map_err(|error| {
        invalid(&IspError::new(
            "siteId",
            format!(
                "{error} (holders of the template {} are {{siteId}}/{{role}})",
                template.name
            ),
        ))
    })
}

fn place(draft: &Draft<'_, '_>, item: &TemplateItem, pool_id: Option<Uuid>) -> Outcome<ReserveFrom> {
    let named = match item.pool_id.or(pool_id) {
        None => None,
        Some(id) => {
            let pool = pools::find(draft, id)?;
            // The pool of the call is for those items that it can serve.
            let fits = pool.value.pool_type.ip_type() == item.ip_type;
            (fits || item.pool_id.is_some()).then_some(pool)
        }
    };
    match (named, item.offset) {
        (Some(pool), Some(offset)) => Ok(ReserveFrom::Chosen {
            pool_id: Some(pool.value.id),
            prefix: at_offset(&pool.value, item, offset)?,
        }),
        (Some(pool), None) => Ok(ReserveFrom::Pool(pool.value.id)),
        (None, None) => Ok(ReserveFrom::Policy(item.ip_type)),
        (None, Some(_)) => Err(Failure::refused(
            ErrorCode::InvalidValue,
            format!(
                "{} has a place in the pool's network, so a pool must be named: send poolId of a pool of type {}.",
                item.role, item.ip_type
            ),
        )),
    }
}

/// The unit at a place of a pool, counted from its network's first.
fn at_offset(pool: &Pool, item: &TemplateItem, offset: u64) -> Outcome<Prefix> {
    let length = item.prefix_length.unwrap_or(pool.unit());
    pool.network.nth(length, u128::from(offset)).ok_or_else(|| {
        invalid(&IspError::new(
            "items.offset",
            format!("{} has no place {offset} for {}", pool.network, item.role),
        ))
    })
}
