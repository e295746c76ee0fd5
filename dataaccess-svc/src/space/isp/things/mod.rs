//! Plans, VLAN pools, templates, webhooks, and the pool policy. Names are unique in each kind.

mod plans;
pub(super) mod secrets;
mod templates;
mod vlan_pools;
mod webhooks;

use cadastre_api_types::internal::Thing;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::{Entity, EntityKey, IspError, Kept, Pool, PoolPolicy, SealedSecret};
use serde_json::{Value, json};
use uuid::Uuid;

use super::draft::{Draft, invalid};
use crate::errors::{Failure, Outcome};
use crate::keys::{self, Named};
use crate::records::OwnerRecord;
pub(super) use plans::{features_of, plan_changed};

/// Makes a thing.
pub(super) async fn create(
    draft: &mut Draft<'_, '_>,
    thing: &Thing,
    secret: Option<&SealedSecret>,
) -> Outcome<()> {
    let key = key_of(thing);
    if draft.thing(&key).await?.is_some() {
        return Err(Failure::refused(
            ErrorCode::Contention,
            format!(
                "The id of the new {} is taken; send the request again.",
                key.kind().noun()
            ),
        ));
    }
    match thing {
        Thing::Plan(plan) => plans::put(draft, None, plan).await,
        Thing::VlanPool(pool) => vlan_pools::create(draft, pool).await,
        Thing::Template(template) => templates::put(draft, None, template).await,
        Thing::Webhook(webhook) => webhooks::put(draft, None, webhook, secret.map(Some)).await,
    }
}

/// Replaces a thing.
pub(super) async fn update(
    draft: &mut Draft<'_, '_>,
    thing: &Thing,
    secret: Option<Option<&SealedSecret>>,
) -> Outcome<()> {
    let before = find(draft, &key_of(thing)).await?;
    draft.check_if_match(before.revision)?;
    match thing {
        Thing::Plan(plan) => plans::put(draft, Some(before), plan).await,
        Thing::VlanPool(pool) => vlan_pools::update(draft, before, pool).await,
        Thing::Template(template) => templates::put(draft, Some(before), template).await,
        Thing::Webhook(webhook) => webhooks::put(draft, Some(before), webhook, secret).await,
    }
}

/// Removes a thing that nothing uses.
pub(super) async fn delete(draft: &mut Draft<'_, '_>, key: &EntityKey) -> Outcome<()> {
    let before = find(draft, key).await?;
    draft.check_if_match(before.revision)?;
    let name = match &before.value {
        Entity::Plan(plan) => {
            plans::check_unused(draft, plan).await?;
            keys::name(Named::Plan, &plan.name)
        }
        Entity::VlanPool(pool) => {
            vlan_pools::check_unused(draft, pool).await?;
            keys::name(Named::VlanPool, &pool.name)
        }
        Entity::Template(template) => keys::name(Named::Template, &template.name),
        Entity::Webhook(webhook) => {
            // What waits for it stays: who delivers finds nobody to deliver it to, and settles it.
            draft.erase(keys::webhook_secret(webhook.id));
            keys::name(Named::Webhook, &webhook.name)
        }
        Entity::Pool(_)
        | Entity::Reservation(_)
        | Entity::Subscriber(_)
        | Entity::Profile(_)
        | Entity::VlanBinding(_)
        | Entity::Policy(_)
        | Entity::Alert(_)
        | Entity::Outbox(_) => return Err(not_so(key)),
    };
    draft.erase(name);
    draft.remove(before);
    Ok(())
}

/// The refusal of a key of a kind that has commands of its own.
fn not_so(key: &EntityKey) -> Failure {
    Failure::refused(
        ErrorCode::MalformedRequest,
        format!("A {} is not deleted like that.", key.kind().noun()),
    )
}

fn key_of(thing: &Thing) -> EntityKey {
    match thing {
        Thing::Plan(plan) => EntityKey::Plan(plan.id),
        Thing::VlanPool(pool) => EntityKey::VlanPool(pool.id),
        Thing::Template(template) => EntityKey::Template(template.id),
        Thing::Webhook(webhook) => EntityKey::Webhook(webhook.id),
    }
}

async fn find(draft: &Draft<'_, '_>, key: &EntityKey) -> Outcome<Kept<Entity>> {
    match draft.thing(key).await? {
        Some(found) => Ok(found),
        None => Err(Failure::not_found(&format!(
            "{} in this address space",
            key.kind().noun()
        ))),
    }
}

/// Writes a thing with its name; one that stays as it is is only shown.
async fn put_named(
    draft: &mut Draft<'_, '_>,
    before: Option<Kept<Entity>>,
    after: Entity,
    named: Named,
    id: Uuid,
) -> Outcome<()> {
    if let Some(kept) = &before
        && kept.value == after
    {
        let kept = kept.clone();
        draft.show(kept);
        return Ok(());
    }
    let old = before.as_ref().map(|kept| keys::name(named, &kept.value.label()));
    let name = after.label();
    let noun = after.kind().noun();
    draft
        .claim(
            old,
            Some(keys::name(named, &name)),
            &OwnerRecord::thing(id),
            || format!("A {noun} with the name \"{name}\""),
        )
        .await?;
    draft.put(before, after);
    Ok(())
}

/// A refusal because something uses a thing.
fn in_use(message: String, details: Value) -> Failure {
    Failure::from(ApiError::new(ErrorCode::InUse, message).with_details(details))
}

/// Refuses to let a pool go that the policy or a template names.
pub(super) async fn check_pool_unnamed(draft: &Draft<'_, '_>, pool: &Pool) -> Outcome<()> {
    let name = &pool.name;
    let rules = draft
        .book()
        .policy()
        .map(|policy| policy.value.rules.as_slice())
        .unwrap_or_default();
    if let Some(rule) = rules.iter().find(|rule| rule.pool_ids.contains(&pool.id)) {
        return Err(in_use(
            format!(
                "The rule {} of the pool policy names the pool {name}. Take it out of that rule first.",
                rule.name
            ),
            json!({ "rule": rule.name }),
        ));
    }
    if let Some(template) = templates::naming_pool(draft, pool.id).await? {
        return Err(in_use(
            format!(
                "The template {} names the pool {name}. Take it out of that template first.",
                template.name
            ),
            json!({ "templateId": template.id }),
        ));
    }
    Ok(())
}

/// The refusal of a thing that names something which is not there.
fn no_such(field: &'static str, what: &str, id: Uuid) -> Failure {
    invalid(&IspError::new(
        field,
        format!("there is no {what} {id} in this address space; name one that is there"),
    ))
}

/// Replaces the rules of pool selection.
pub(super) async fn put_policy(draft: &mut Draft<'_, '_>, policy: &PoolPolicy) -> Outcome<()> {
    let before = draft.thing(&EntityKey::Policy).await?;
    // A space that has no policy yet has one without rules, of revision 0.
    draft.check_if_match(before.as_ref().map_or(0, |kept| kept.revision))?;
    policy.check().map_err(|error| invalid(&error))?;
    for rule in &policy.rules {
        if let Some(id) = rule.plan_ids.iter().find(|id| draft.book().plan(**id).is_none()) {
            return Err(no_such("rules.planIds", "plan", *id));
        }
        if let Some(id) = rule.pool_ids.iter().find(|id| draft.book().pool(**id).is_none()) {
            return Err(no_such("rules.poolIds", "pool", *id));
        }
    }
    let after = Entity::Policy(policy.clone());
    match before {
        Some(kept) if kept.value == after => draft.show(kept),
        before => {
            check_size(draft, policy)?;
            draft.put(before, after);
        }
    }
    Ok(())
}

/// Rules may name any number of plans, pools and sites.
fn check_size(draft: &Draft<'_, '_>, policy: &PoolPolicy) -> Outcome<()> {
    let size = json!(policy).to_string().len();
    // Half of a row: the journal holds the state before and after.
    let most = draft.decider.value_bytes / 2;
    if size <= most {
        return Ok(());
    }
    Err(invalid(&IspError::new(
        "rules",
        format!(
            "the rules take {size} bytes, and at most {most} are possible; name fewer plans, pools and sites"
        ),
    )))
}
