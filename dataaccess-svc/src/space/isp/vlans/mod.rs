//! VLANs: taken from a pool, and given back.
//!
//! A VLAN that somebody has is a row named by its domain and tag, so nobody else can have it. Which tag is free is said by
//! bits: a pool of single tags has one row of them; a pool of pairs has one for each outer tag beneath which something is
//! taken, and one that says beneath which of them everything is. So the lowest free tag is found by reading two rows,
//! whatever is taken. What is not taken at all has no row.

mod taken;

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::{
    Entity, EntityKey, Kept, Subscriber, SubscriberStatus, VlanBinding, VlanHolder, VlanPool, VlanRange,
    VlanTag,
};
use cadastre_storage::RowKey;
use serde_json::{Value, json};
use uuid::Uuid;

use super::alike;
use super::draft::{Draft, invalid};
use super::places::as_binding;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{EntityRecord, RecordError, VlanPlaceRecord, decode};
pub(super) use taken::Taken;

/// A pool of VLANs.
async fn pool(draft: &Draft<'_, '_>, id: Uuid) -> Outcome<VlanPool> {
    match draft
        .thing(&EntityKey::VlanPool(id))
        .await?
        .map(|kept| kept.value)
    {
        Some(Entity::VlanPool(pool)) => Ok(pool),
        Some(_) | None => Err(Failure::not_found("VLAN pool in this address space")),
    }
}

/// The VLAN pool of the subscriber's access node, or else of their site, of single tags or of pairs; with a tag, one that has it.
pub(super) async fn pool_of(
    draft: &Draft<'_, '_>,
    subscriber: &Subscriber,
    double: bool,
    tag: Option<&VlanTag>,
) -> Outcome<Option<VlanPool>> {
    let places = [subscriber.access_node.as_deref(), subscriber.site_id.as_deref()];
    let mut of_site = None;
    for (key, bytes) in draft.all(keys::things(keys::ThingRows::VlanPools)).await? {
        let kept: Kept<Entity> = decode::<EntityRecord>(&key, &bytes)?.into();
        let Entity::VlanPool(pool) = kept.value else {
            continue;
        };
        let fits = pool.inner.is_some() == double && tag.is_none_or(|tag| pool.check_tag(tag).is_ok());
        match places
            .iter()
            .position(|place| *place == Some(pool.domain.as_str()))
        {
            Some(0) if fits => return Ok(Some(pool)),
            Some(_) if fits && of_site.is_none() => of_site = Some(pool),
            Some(_) | None => {}
        }
    }
    Ok(of_site)
}

async fn check_holder(draft: &Draft<'_, '_>, holder: &VlanHolder) -> Outcome<()> {
    holder.check().map_err(|error| invalid(&error))?;
    let VlanHolder::Subscriber(id) = holder else {
        return Ok(());
    };
    match draft
        .thing(&EntityKey::Subscriber(id.clone()))
        .await?
        .map(|kept| kept.value)
    {
        Some(Entity::Subscriber(subscriber)) if subscriber.status == SubscriberStatus::Terminated => {
            Err(Failure::refused(
                ErrorCode::IllegalState,
                format!("Subscriber {id} is TERMINATED, so it cannot get a VLAN. Make a new subscriber."),
            ))
        }
        Some(_) => Ok(()),
        None => Err(Failure::not_found("subscriber in this address space")),
    }
}

/// Takes a VLAN for somebody; who has one of the pool's domain and kind keeps it.
pub(super) async fn allocate(
    draft: &mut Draft<'_, '_>,
    id: Uuid,
    pool_id: Uuid,
    holder: &VlanHolder,
    tag: Option<VlanTag>,
) -> Outcome<VlanBinding> {
    let pool = pool(draft, pool_id).await?;
    if let Some(tag) = &tag {
        pool.check_tag(tag).map_err(|error| invalid(&error))?;
    }
    check_holder(draft, holder).await?;
    for held in held_at(draft, holder, Some(&pool.domain)).await? {
        if held.value.tag.inner.is_some() != pool.inner.is_some() {
            continue;
        }
        if tag.is_some_and(|tag| tag != held.value.tag) {
            return Err(has_another(&held.value));
        }
        let binding = held.value.clone();
        draft.show(held.map(Entity::VlanBinding));
        return Ok(binding);
    }
    if draft.bytes(&keys::vlan_by_id(id)).await?.is_some() {
        return Err(Failure::refused(
            ErrorCode::Contention,
            "The id of the new VLAN binding is taken; send the request again.",
        ));
    }
    let is_chosen = tag.is_some();
    let (tag, bits) = match tag {
        Some(tag) => (tag, Bits::around(draft, &pool, &tag).await?),
        None => lowest_free(draft, &pool).await?,
    };
    let row = keys::vlan(&pool.domain, &tag);
    if let Some(record) = draft.row::<EntityRecord>(&row).await? {
        let other = as_binding(&row, record.into())?.value;
        if is_chosen {
            return Err(taken_by(&other));
        }
        return Err(inconsistent(&row, "somebody has this VLAN, and it counts as free").into());
    }
    let binding = VlanBinding {
        id,
        pool_id: pool.id,
        domain: pool.domain.clone(),
        tag,
        holder: holder.clone(),
    };
    let place = VlanPlaceRecord {
        v: 1,
        domain: pool.domain.clone(),
        tag,
    };
    bits.take(draft, &pool, &tag);
    draft.write(keys::vlan_by_id(id), &place);
    draft.write(keys::vlan_by_holder(holder, &pool.domain, &tag), &place);
    draft.put_at(row, None, Entity::VlanBinding(binding.clone()));
    draft.tell("vlan.allocated", told(&binding));
    Ok(binding)
}

fn has_another(held: &VlanBinding) -> Failure {
    Failure::from(
        ApiError::new(
            ErrorCode::AlreadyAssigned,
            format!(
                "The {} has VLAN {} in {} already. Release it first, or ask without naming a tag to keep it.",
                held.holder, held.tag, held.domain
            ),
        )
        .with_details(json!({ "bindingId": held.id, "tag": held.tag })),
    )
}

fn taken_by(other: &VlanBinding) -> Failure {
    Failure::from(
        ApiError::new(
            ErrorCode::VlanUnavailable,
            format!(
                "VLAN {} in {} is taken by {}. Choose another, or leave it out to get the lowest free one.",
                other.tag, other.domain, other.holder
            ),
        )
        .with_details(json!({ "bindingId": other.id, "holder": other.holder })),
    )
}

fn inconsistent(key: &RowKey, reason: &str) -> RecordError {
    RecordError::Inconsistent {
        key: key.clone(),
        reason: reason.to_owned(),
    }
}

/// What of a pool is taken, as far as it matters for a tag.
struct Bits {
    /// Of single tags those that are taken, of pairs the outer tags beneath which everything is.
    outers: Taken,
    /// Of a pair the taken ones beneath the same outer tag, and the range they are from.
    inners: Option<(Taken, VlanRange)>,
}

impl Bits {
    async fn around(draft: &Draft<'_, '_>, pool: &VlanPool, tag: &VlanTag) -> Outcome<Self> {
        let outers = Taken::load(draft, &keys::vlans_taken(pool.id, None)).await?;
        let inners = match pool.inner {
            Some(range) => {
                let key = keys::vlans_taken(pool.id, Some(tag.outer.get()));
                Some((Taken::load(draft, &key).await?, range))
            }
            None => None,
        };
        Ok(Self { outers, inners })
    }

    /// Says that a tag is taken.
    fn take(mut self, draft: &mut Draft<'_, '_>, pool: &VlanPool, tag: &VlanTag) {
        let is_full = match (self.inners, tag.inner) {
            (Some((mut inners, range)), Some(inner)) => {
                inners.set(inner, true);
                inners.store(draft, keys::vlans_taken(pool.id, Some(tag.outer.get())));
                inners.lowest_free(range).is_none()
            }
            (Some(_) | None, None) | (None, Some(_)) => true,
        };
        if is_full {
            self.outers.set(tag.outer, true);
            self.outers.store(draft, keys::vlans_taken(pool.id, None));
        }
    }
}

/// The lowest tag of a pool that nobody has.
async fn lowest_free(draft: &Draft<'_, '_>, pool: &VlanPool) -> Outcome<(VlanTag, Bits)> {
    let outers = Taken::load(draft, &keys::vlans_taken(pool.id, None)).await?;
    let Some(outer) = outers.lowest_free(pool.outer) else {
        return Err(Failure::from(
            ApiError::new(
                ErrorCode::VlanUnavailable,
                format!(
                    "{} has no VLAN left: all {} are taken. Release some, or make its range larger.",
                    pool.name,
                    pool.total()
                ),
            )
            .with_details(json!({ "total": pool.total(), "taken": pool.total() })),
        ));
    };
    let Some(range) = pool.inner else {
        let bits = Bits { outers, inners: None };
        return Ok((VlanTag { outer, inner: None }, bits));
    };
    let key = keys::vlans_taken(pool.id, Some(outer.get()));
    let inners = Taken::load(draft, &key).await?;
    let Some(inner) = inners.lowest_free(range) else {
        return Err(inconsistent(&key, "everything is taken, and the outer tag counts as not full").into());
    };
    let tag = VlanTag {
        outer,
        inner: Some(inner),
    };
    let bits = Bits {
        outers,
        inners: Some((inners, range)),
    };
    Ok((tag, bits))
}

/// Says that a tag is free again.
async fn unmark(draft: &mut Draft<'_, '_>, pool: Uuid, tag: &VlanTag) -> Outcome<()> {
    if let Some(inner) = tag.inner {
        let row = keys::vlans_taken(pool, Some(tag.outer.get()));
        let mut inners = Taken::load(draft, &row).await?;
        inners.set(inner, false);
        inners.store(draft, row);
    }
    let row = keys::vlans_taken(pool, None);
    let mut outers = Taken::load(draft, &row).await?;
    if outers.has(tag.outer) {
        outers.set(tag.outer, false);
        outers.store(draft, row);
    }
    Ok(())
}

/// What is told of a VLAN outside.
fn told(binding: &VlanBinding) -> Value {
    let holder = match &binding.holder {
        VlanHolder::Subscriber(id) => ("subscriberId", id.as_str()),
        VlanHolder::Port(port) => ("port", port.as_str()),
    };
    let mut payload = json!({
        "bindingId": binding.id,
        "poolId": binding.pool_id,
        "domain": binding.domain,
        "sVlan": binding.tag.outer,
        (holder.0): holder.1,
    });
    if let Some(inner) = binding.tag.inner {
        payload["cVlan"] = json!(inner);
    }
    payload
}

/// Gives a VLAN back.
pub(super) async fn release(draft: &mut Draft<'_, '_>, id: Uuid) -> Outcome<()> {
    let found = draft
        .thing(&EntityKey::VlanBinding(id))
        .await?
        .ok_or_else(|| Failure::not_found("VLAN binding in this address space"))?;
    draft.check_if_match(found.revision)?;
    let binding = as_binding(&keys::vlan_by_id(id), found)?;
    give_back(draft, binding).await
}

/// Gives one back.
pub(super) async fn give_back(draft: &mut Draft<'_, '_>, kept: Kept<VlanBinding>) -> Outcome<()> {
    let binding = &kept.value;
    alike::vlan_released(draft, &binding.holder, &binding.tag).await?;
    unmark(draft, binding.pool_id, &binding.tag).await?;
    draft.erase(keys::vlan_by_id(binding.id));
    draft.erase(keys::vlan_by_holder(
        &binding.holder,
        &binding.domain,
        &binding.tag,
    ));
    draft.tell("vlan.released", told(binding));
    let row = keys::vlan(&binding.domain, &binding.tag);
    draft.remove_at(row, kept.map(Entity::VlanBinding));
    Ok(())
}

/// Gives back all that somebody has; how many these were.
pub(super) async fn release_all_of(draft: &mut Draft<'_, '_>, holder: &VlanHolder) -> Outcome<usize> {
    let held = held_by(draft, holder).await?;
    let count = held.len();
    for binding in held {
        give_back(draft, binding).await?;
    }
    Ok(count)
}

/// What somebody has, in the order of domains and tags.
pub(super) async fn held_by(draft: &Draft<'_, '_>, holder: &VlanHolder) -> Outcome<Vec<Kept<VlanBinding>>> {
    held_at(draft, holder, None).await
}

async fn held_at(
    draft: &Draft<'_, '_>,
    holder: &VlanHolder,
    domain: Option<&str>,
) -> Outcome<Vec<Kept<VlanBinding>>> {
    let mut rows = Vec::new();
    for (key, bytes) in draft.all(keys::vlans_of_holder(holder, domain)).await? {
        let place: VlanPlaceRecord = decode(&key, &bytes)?;
        rows.push(keys::vlan(&place.domain, &place.tag));
    }
    let mut held = Vec::with_capacity(rows.len());
    if rows.is_empty() {
        return Ok(held);
    }
    for (row, bytes) in rows.iter().zip(draft.many(&rows).await?) {
        let bytes = bytes.ok_or_else(|| inconsistent(row, "its holder has it, and it is not there"))?;
        held.push(as_binding(row, decode::<EntityRecord>(row, &bytes)?.into())?);
    }
    Ok(held)
}
