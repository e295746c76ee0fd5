//! Pools of VLANs. No two pools of a domain may give tags between which a frame cannot tell.

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::{Entity, Kept, VlanId, VlanPool, VlanTag};
use cadastre_storage::RowKey;
use serde_json::json;

use super::super::draft::{Draft, invalid};
use super::super::vlans::Taken;
use super::{in_use, put_named};
use crate::errors::{Failure, Outcome};
use crate::keys::{self, Named, ThingRows};
use crate::records::{EntityRecord, RecordError, VlansTakenRecord, decode};

/// Makes a pool of VLANs.
pub(super) async fn create(draft: &mut Draft<'_, '_>, pool: &VlanPool) -> Outcome<()> {
    check(draft, pool).await?;
    put(draft, None, pool).await
}

/// Replaces a pool of VLANs. What is taken stays in it.
pub(super) async fn update(draft: &mut Draft<'_, '_>, before: Kept<Entity>, pool: &VlanPool) -> Outcome<()> {
    check(draft, pool).await?;
    let Entity::VlanPool(known) = &before.value else {
        return put(draft, Some(before), pool).await;
    };
    if (&known.domain, known.outer, known.inner) != (&pool.domain, pool.outer, pool.inner) {
        reshape(draft, known, pool).await?;
    }
    put(draft, Some(before), pool).await
}

async fn put(draft: &mut Draft<'_, '_>, before: Option<Kept<Entity>>, pool: &VlanPool) -> Outcome<()> {
    put_named(
        draft,
        before,
        Entity::VlanPool(pool.clone()),
        Named::VlanPool,
        pool.id,
    )
    .await
}

/// What can be said of a pool, with those of its domain.
async fn check(draft: &Draft<'_, '_>, pool: &VlanPool) -> Outcome<()> {
    pool.check().map_err(|error| invalid(&error))?;
    for (key, bytes) in draft.all(keys::things(ThingRows::VlanPools)).await? {
        let record: EntityRecord = decode(&key, &bytes)?;
        let Entity::VlanPool(other) = record.value else {
            continue;
        };
        if other.id != pool.id && pool.clashes_with(&other) {
            return Err(clash(pool, &other));
        }
    }
    Ok(())
}

fn clash(pool: &VlanPool, other: &VlanPool) -> Failure {
    let (name, domain, outer) = (&other.name, &other.domain, &other.outer);
    let message = match (pool.inner, other.inner) {
        (None, None) => {
            format!(
                "The VLAN pool {name} gives {outer} in {domain}, and these overlap. Choose a range beside it."
            )
        }
        (Some(_), Some(inner)) => format!(
            "The VLAN pool {name} gives the inner tags {inner} beneath the outer tags {outer} in {domain}, and these \
             overlap. Choose ranges beside it."
        ),
        (Some(_), None) => format!(
            "The VLAN pool {name} gives {outer} in {domain} as single tags, and an outer tag cannot be one of them: \
             nobody could tell whose a frame is. Choose other outer tags."
        ),
        (None, Some(_)) => format!(
            "The VLAN pool {name} has the outer tags {outer} in {domain} with inner tags beneath them, and a single tag \
             cannot be one of them: nobody could tell whose a frame is. Choose other tags."
        ),
    };
    Failure::from(
        ApiError::new(ErrorCode::AlreadyExists, message)
            .with_details(json!({ "vlanPoolId": other.id, "name": name })),
    )
}

/// The rows that say what of a pool is taken: those of outer tags in their order, that of the pool first if there is one.
async fn taken_of(draft: &Draft<'_, '_>, pool: &VlanPool) -> Outcome<Vec<(Option<VlanId>, RowKey, Taken)>> {
    let mut found = Vec::new();
    for (key, bytes) in draft.all(keys::all_vlans_taken(pool.id)).await? {
        let record: VlansTakenRecord = decode(&key, &bytes)?;
        let outer = keys::parse_vlans_taken(&key).ok_or_else(|| RecordError::Inconsistent {
            key: key.clone(),
            reason: "its key names no outer tag".to_owned(),
        })?;
        let taken = Taken::parse(&key, &record)?;
        found.push((VlanId::new(outer).ok(), key, taken));
    }
    Ok(found)
}

/// Holds a new shape of a pool against what is taken, and says anew beneath which outer tags everything is.
async fn reshape(draft: &mut Draft<'_, '_>, known: &VlanPool, pool: &VlanPool) -> Outcome<()> {
    let taken = taken_of(draft, known).await?;
    if taken.is_empty() {
        return Ok(());
    }
    if known.domain != pool.domain || known.inner.is_some() != pool.inner.is_some() {
        return Err(in_use(
            format!(
                "VLANs of {} are taken, so its domain stays, and that it has {}. Release them first, or make another \
                 pool.",
                known.name,
                if known.inner.is_some() {
                    "inner tags"
                } else {
                    "no inner tags"
                }
            ),
            json!({ "vlanPoolId": known.id }),
        ));
    }
    let Some(inner) = pool.inner else {
        let outside = taken.iter().find_map(|(_, _, taken)| taken.outside(pool.outer));
        return outside.map_or(Ok(()), |outer| {
            Err(cut_off(known, VlanTag { outer, inner: None }))
        });
    };
    let mut full = Taken::none();
    for (outer, _, inners) in &taken {
        let Some(outer) = *outer else { continue };
        let lost = if pool.outer.contains(outer) {
            inners.outside(inner)
        } else {
            known
                .inner
                .and_then(|range| range.ids().find(|id| inners.has(*id)))
        };
        if let Some(lost) = lost {
            return Err(cut_off(
                known,
                VlanTag {
                    outer,
                    inner: Some(lost),
                },
            ));
        }
        if inners.lowest_free(inner).is_none() {
            full.set(outer, true);
        }
    }
    full.store(draft, keys::vlans_taken(pool.id, None));
    Ok(())
}

fn cut_off(pool: &VlanPool, tag: VlanTag) -> Failure {
    in_use(
        format!(
            "VLAN {tag} of {} is taken, and the new range does not have it. Release it first, or choose a range around it.",
            pool.name
        ),
        json!({ "vlanPoolId": pool.id, "tag": tag }),
    )
}

/// Refuses to let a pool go of which something is taken.
pub(super) async fn check_unused(draft: &Draft<'_, '_>, pool: &VlanPool) -> Outcome<()> {
    if draft.first(keys::all_vlans_taken(pool.id)).await?.is_none() {
        return Ok(());
    }
    Err(in_use(
        format!("VLANs of {} are taken. Release them first.", pool.name),
        json!({ "vlanPoolId": pool.id }),
    ))
}
