//! Subscribers: who they are. Where they stand, and with which plan, is the use cases' to change.

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::{
    Entity, EntityKey, IpType, IspError, Kept, SealedSecret, Subscriber, SubscriberId, SubscriberStatus,
    VlanHolder,
};
use serde_json::{Value, json};

use super::draft::{Draft, invalid};
use super::things::{plan_changed, secrets};
use super::{profiles, vlans};
use crate::errors::{Failure, Outcome};
use crate::keys::{self, Unique};
use crate::records::OwnerRecord;

/// A subscriber as it is kept.
pub(super) async fn find(draft: &Draft<'_, '_>, id: &SubscriberId) -> Outcome<(Kept<Entity>, Subscriber)> {
    if let Some(kept) = draft.thing(&EntityKey::Subscriber(id.clone())).await?
        && let Entity::Subscriber(subscriber) = &kept.value
    {
        let subscriber = subscriber.clone();
        return Ok((kept, subscriber));
    }
    Err(Failure::not_found("subscriber in this address space"))
}

/// Makes a subscriber.
pub(super) async fn create(
    draft: &mut Draft<'_, '_>,
    subscriber: &Subscriber,
    secret: Option<&SealedSecret>,
) -> Outcome<()> {
    subscriber.check().map_err(|error| invalid(&error))?;
    if subscriber.status != SubscriberStatus::Pending {
        return Err(invalid(&IspError::new(
            "status",
            format!(
                "a new subscriber is PENDING, not {}; provision it to put it in service",
                subscriber.status
            ),
        )));
    }
    if subscriber.plan_id.is_some() {
        return Err(invalid(&IspError::new(
            "planId",
            "a new subscriber has no plan; provision it with one",
        )));
    }
    let id = &subscriber.id;
    if draft.thing(&EntityKey::Subscriber(id.clone())).await?.is_some() {
        return Err(Failure::from(
            ApiError::new(
                ErrorCode::AlreadyExists,
                format!(
                    "Subscriber {id} exists already in this address space. Change it, or choose another id."
                ),
            )
            .with_details(json!({ "subscriberId": id })),
        ));
    }
    claim_uniques(draft, None, subscriber).await?;
    let (has_password, _) =
        secrets::keep(draft, keys::subscriber_secret(id), false, secret.map(Some)).await?;
    let made = Subscriber {
        has_password,
        activated_at: None,
        suspended_at: None,
        terminated_at: None,
        ..subscriber.clone()
    };
    draft.tell("subscriber.created", told(&made));
    draft.put(None, Entity::Subscriber(made));
    Ok(())
}

/// Replaces what is known of a subscriber. Where it stands, since when, and its plan stay as they are.
pub(super) async fn update(
    draft: &mut Draft<'_, '_>,
    subscriber: &Subscriber,
    secret: Option<Option<&SealedSecret>>,
) -> Outcome<()> {
    let (kept, before) = find(draft, &subscriber.id).await?;
    draft.check_if_match(kept.revision)?;
    subscriber.check().map_err(|error| invalid(&error))?;
    claim_uniques(draft, Some(&before), subscriber).await?;
    let row = keys::subscriber_secret(&subscriber.id);
    let (has_password, is_new) = secrets::keep(draft, row, before.has_password, secret).await?;
    let after = Subscriber {
        has_password,
        status: before.status,
        plan_id: before.plan_id,
        activated_at: before.activated_at,
        suspended_at: before.suspended_at,
        terminated_at: before.terminated_at,
        ..subscriber.clone()
    };
    if after == before && !is_new {
        draft.show(kept);
        return Ok(());
    }
    draft.tell("subscriber.updated", told(&after));
    draft.put(Some(kept), Entity::Subscriber(after));
    Ok(())
}

/// Moves the values that only one subscriber may have.
async fn claim_uniques(
    draft: &mut Draft<'_, '_>,
    before: Option<&Subscriber>,
    after: &Subscriber,
) -> Outcome<()> {
    let owner = OwnerRecord::subscriber(&after.id);
    let username = |of: &Subscriber| {
        of.username
            .as_deref()
            .map(|name| keys::unique(Unique::Username, name))
    };
    let number = |of: &Subscriber| {
        of.subscriber_number
            .as_deref()
            .map(|number| keys::unique(Unique::Number, number))
    };
    draft
        .claim(before.and_then(username), username(after), &owner, || {
            format!(
                "A subscriber with the username \"{}\"",
                after.username.as_deref().unwrap_or_default()
            )
        })
        .await?;
    draft
        .claim(before.and_then(number), number(after), &owner, || {
            format!(
                "A subscriber with the subscriberNumber \"{}\"",
                after.subscriber_number.as_deref().unwrap_or_default()
            )
        })
        .await
}

/// Removes a subscriber that is not in service and holds nothing, with its profile and its password. What it had before
/// stays told by its reservations.
pub(super) async fn delete(draft: &mut Draft<'_, '_>, id: &SubscriberId) -> Outcome<()> {
    let (kept, subscriber) = find(draft, id).await?;
    draft.check_if_match(kept.revision)?;
    match subscriber.status {
        SubscriberStatus::Pending | SubscriberStatus::Terminated => {}
        SubscriberStatus::Active | SubscriberStatus::Suspended => {
            return Err(Failure::refused(
                ErrorCode::InUse,
                format!(
                    "Subscriber {id} is {}, and only one that is PENDING or TERMINATED can be deleted. Terminate it first.",
                    subscriber.status
                ),
            ));
        }
    }
    check_holds_nothing(draft, id).await?;
    // First of what goes: the command's subject.
    draft.remove(kept);
    if let Some(profile) = draft.thing(&EntityKey::Profile(id.clone())).await? {
        profiles::remove(draft, profile)?;
    }
    if let Some(name) = &subscriber.username {
        draft.erase(keys::unique(Unique::Username, name));
    }
    if let Some(number) = &subscriber.subscriber_number {
        draft.erase(keys::unique(Unique::Number, number));
    }
    if subscriber.has_password {
        draft.erase(keys::subscriber_secret(id));
    }
    plan_changed(draft, id, subscriber.plan_id, None);
    draft.tell("subscriber.deleted", told(&subscriber));
    Ok(())
}

async fn check_holds_nothing(draft: &Draft<'_, '_>, id: &SubscriberId) -> Outcome<()> {
    let mut holds = Vec::new();
    for ip_type in IpType::ALL {
        if draft.bytes(&keys::held(id, *ip_type)).await?.is_some() {
            holds.push(match ip_type {
                IpType::Ipv4 => "an IPv4 address".to_owned(),
                IpType::Ipv6 => "an IPv6 address".to_owned(),
                IpType::Ipv6Prefix => "a delegated prefix".to_owned(),
            });
        }
    }
    for binding in vlans::held_by(draft, &VlanHolder::Subscriber(id.clone())).await? {
        holds.push(format!("VLAN {} in {}", binding.value.tag, binding.value.domain));
    }
    if holds.is_empty() {
        return Ok(());
    }
    let holds = holds.join(", ");
    Err(Failure::from(
        ApiError::new(
            ErrorCode::InUse,
            format!(
                "Subscriber {id} still holds {holds}. Terminate it or release them first, then delete it."
            ),
        )
        .with_details(json!({ "holds": holds })),
    ))
}

/// What is told of a subscriber outside; never its secret.
pub(super) fn told(subscriber: &Subscriber) -> Value {
    let mut payload = json!({ "subscriberId": subscriber.id, "status": subscriber.status });
    if let Some(name) = &subscriber.username {
        payload["username"] = json!(name);
    }
    if let Some(number) = &subscriber.subscriber_number {
        payload["subscriberNumber"] = json!(number);
    }
    if let Some(plan) = &subscriber.plan_id {
        payload["planId"] = json!(plan);
    }
    payload
}
