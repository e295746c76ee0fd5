//! The use cases of a subscriber: provision, change plan, suspend, resume, terminate. Each is one decision and one commit:
//! addresses, VLAN, profile, subscriber and what is told outside happen together or not at all, so there is no point between
//! them at which a process could die. What is as it should be is left as it is, so each can be sent again.

use std::sync::Arc;

use cadastre_api_types::internal::{Choices, Reserve, ReserveFrom, UseCase};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::{
    Entity, EntityKey, Features, Ipv6Mode, Kept, Move, NetworkProfile, Plan, PoolType, Reservation,
    ReservationStatus, Subscriber, SubscriberId, SubscriberStatus, VlanHolder, VlanMode,
};
use cadastre_domain::isp::{IpType, IspError};
use serde_json::json;
use uuid::Uuid;

use super::draft::{Draft, invalid};
use super::things::{features_of, plan_changed};
use super::{lifecycle, profiles, reserve, subscribers, vlans};
use crate::errors::{Failure, Outcome};
use crate::keys;

/// Runs a use case.
pub(super) async fn run(draft: &mut Draft<'_, '_>, id: &SubscriberId, what: &UseCase) -> Outcome<()> {
    let (kept, subscriber) = subscribers::find(draft, id).await?;
    draft.check_if_match(kept.revision)?;
    draft.answer_first(vec![EntityKey::Subscriber(id.clone())]);
    match what {
        UseCase::Provision { plan_id, choices } => provision(draft, subscriber, *plan_id, choices).await?,
        UseCase::ChangePlan { plan_id, choices } => change_plan(draft, subscriber, *plan_id, choices).await?,
        UseCase::Suspend { reason } => suspend(draft, subscriber, reason.as_deref()).await?,
        UseCase::Resume { reason } => resume(draft, subscriber, reason.as_deref()).await?,
        UseCase::Terminate { reason } => terminate(draft, subscriber, reason.as_deref()).await?,
    }
    show_all(draft, id).await
}

/// Answers with the subscriber and all they have, also what stays as it is.
async fn show_all(draft: &mut Draft<'_, '_>, id: &SubscriberId) -> Outcome<()> {
    let mut keys = vec![EntityKey::Subscriber(id.clone()), EntityKey::Profile(id.clone())];
    for ip_type in IpType::ALL {
        if let Some((_, held)) = lifecycle::held(draft, id, *ip_type).await? {
            keys.push(EntityKey::Reservation(held.id));
        }
    }
    for binding in vlans::held_by(draft, &VlanHolder::Subscriber(id.clone())).await? {
        keys.push(EntityKey::VlanBinding(binding.value.id));
    }
    for key in keys {
        if let Some(kept) = draft.thing(&key).await? {
            draft.show(kept);
        }
    }
    Ok(())
}

fn illegal(subscriber: &Subscriber, why: &str) -> Failure {
    Failure::Refused(Box::new(
        ApiError::new(
            ErrorCode::IllegalState,
            format!("The subscriber {} is {}: {why}", subscriber.id, subscriber.status),
        )
        .with_details(json!({ "status": subscriber.status })),
    ))
}

/// The plan that is asked for, if this subscriber can have it.
fn plan_for(draft: &Draft<'_, '_>, subscriber: &Subscriber, id: Uuid) -> Outcome<Arc<Kept<Plan>>> {
    let plan = draft.book().plan(id).cloned().ok_or_else(|| {
        invalid(&IspError::new(
            "planId",
            format!("there is no plan {id} in this address space; make it first, or name another"),
        ))
    })?;
    let keeps = subscriber.plan_id == Some(id);
    if !plan.value.active && !keeps {
        return Err(Failure::refused(
            ErrorCode::IllegalState,
            format!(
                "The plan {} is not sold any more (active is false). Name another.",
                plan.value.name
            ),
        ));
    }
    match plan.value.service_type {
        Some(kind) if kind != subscriber.service_type => Err(Failure::refused(
            ErrorCode::IllegalState,
            format!(
                "The plan {} is for {kind}, and the subscriber {} is {}. Name another plan.",
                plan.value.name, subscriber.id, subscriber.service_type
            ),
        )),
        Some(_) | None => Ok(plan),
    }
}

async fn provision(
    draft: &mut Draft<'_, '_>,
    mut subscriber: Subscriber,
    plan_id: Uuid,
    choices: &Choices,
) -> Outcome<()> {
    match subscriber.status {
        SubscriberStatus::Pending => {}
        SubscriberStatus::Active if subscriber.plan_id == Some(plan_id) => {}
        SubscriberStatus::Active => return Err(illegal(&subscriber, "change its plan instead.")),
        SubscriberStatus::Suspended => return Err(illegal(&subscriber, "resume it instead.")),
        SubscriberStatus::Terminated => {
            return Err(illegal(
                &subscriber,
                "make a new subscriber; a terminated one does not come back.",
            ));
        }
    }
    let plan = plan_for(draft, &subscriber, plan_id)?;
    let features = features_of(draft.book(), &plan.value);
    let is_new = subscriber.status == SubscriberStatus::Pending;
    if is_new {
        plan_changed(draft, &subscriber.id, subscriber.plan_id, Some(plan_id));
        subscriber.status = SubscriberStatus::Active;
        subscriber.plan_id = Some(plan_id);
        subscriber.activated_at = Some(draft.decider.time);
        if subscriber.bandwidth_profile_id.is_none() {
            subscriber
                .bandwidth_profile_id
                .clone_from(&plan.value.bandwidth_profile_id);
        }
        put(draft, &subscriber).await?;
    }
    let given = give(draft, &subscriber, &features, None, choices).await?;
    if is_new || given {
        told(draft, "subscriber.provisioned", &subscriber).await?;
    }
    Ok(())
}

async fn change_plan(
    draft: &mut Draft<'_, '_>,
    mut subscriber: Subscriber,
    plan_id: Uuid,
    choices: &Choices,
) -> Outcome<()> {
    match subscriber.status {
        SubscriberStatus::Active | SubscriberStatus::Suspended => {}
        SubscriberStatus::Pending => return Err(illegal(&subscriber, "provision it first.")),
        SubscriberStatus::Terminated => return Err(illegal(&subscriber, "it has no plan any more.")),
    }
    let plan = plan_for(draft, &subscriber, plan_id)?;
    let new = features_of(draft.book(), &plan.value);
    let old_plan = subscriber.plan_id.and_then(|id| draft.book().plan(id).cloned());
    let old = old_plan
        .as_ref()
        .map_or_else(Features::default, |plan| features_of(draft.book(), &plan.value));
    let is_new = subscriber.plan_id != Some(plan_id);
    let mut taken = false;
    for ip_type in IpType::ALL {
        taken |= take_back(draft, &subscriber, *ip_type, &old, &new).await?;
    }
    let (had, has) = (old.vlan.unwrap_or_default(), new.vlan.unwrap_or_default());
    if had != VlanMode::None && had != has {
        let holder = VlanHolder::Subscriber(subscriber.id.clone());
        taken |= vlans::release_all_of(draft, &holder).await? > 0;
    }
    if is_new {
        plan_changed(draft, &subscriber.id, subscriber.plan_id, Some(plan_id));
        // What came from the old plan goes with it.
        let from_plan = old_plan.and_then(|plan| plan.value.bandwidth_profile_id.clone());
        if subscriber.bandwidth_profile_id == from_plan {
            subscriber
                .bandwidth_profile_id
                .clone_from(&plan.value.bandwidth_profile_id);
        }
        subscriber.plan_id = Some(plan_id);
        put(draft, &subscriber).await?;
    }
    let given = give(draft, &subscriber, &new, Some(mode_of(&old)), choices).await?;
    if is_new || given || taken {
        told(draft, "subscriber.plan_changed", &subscriber).await?;
    }
    Ok(())
}

/// What a plan wants of a type: nothing, or something from a type of pool and of a length.
struct Want {
    wanted: bool,
    pool_type: Option<PoolType>,
    length: Option<u8>,
}

fn want(features: &Features, ip_type: IpType) -> Want {
    match ip_type {
        IpType::Ipv4 => Want {
            wanted: features.static_ip.unwrap_or(false),
            pool_type: Some(features.ipv4_pool_type.unwrap_or(PoolType::Ipv4Public)),
            length: None,
        },
        IpType::Ipv6 => Want {
            wanted: features.static_ipv6.unwrap_or(false),
            pool_type: None,
            length: None,
        },
        IpType::Ipv6Prefix => Want {
            wanted: features.ipv6_pd.unwrap_or(false),
            pool_type: None,
            length: features.ipv6_pd_length,
        },
    }
}

/// Releases what the old plan gave and the new one does not, or gives otherwise.
async fn take_back(
    draft: &mut Draft<'_, '_>,
    subscriber: &Subscriber,
    ip_type: IpType,
    old: &Features,
    new: &Features,
) -> Outcome<bool> {
    let (had, has) = (want(old, ip_type), want(new, ip_type));
    let Some((kept, held)) = lifecycle::held(draft, &subscriber.id, ip_type).await? else {
        return Ok(false);
    };
    // The old plan may have been changed since it gave something.
    if !had.wanted && !held.by_plan {
        return Ok(false);
    }
    let pool = draft.book().pool(held.pool_id);
    let length = has.length.or(pool.map(|pool| pool.value.unit()));
    let other_length = length.is_some_and(|length| length != held.prefix.len());
    let other_pool =
        has.pool_type != had.pool_type && pool.is_none_or(|pool| Some(pool.value.pool_type) != has.pool_type);
    if has.wanted && !other_length && !other_pool {
        return Ok(false);
    }
    lifecycle::moved(draft, kept, held, Move::Release, Some("its plan was changed")).await?;
    Ok(true)
}

/// Gives a subscriber what a plan includes and they do not have; whether that was anything. `old_mode` is what the plan before
/// asked for: what it set is set anew, and what somebody else set stays.
async fn give(
    draft: &mut Draft<'_, '_>,
    subscriber: &Subscriber,
    features: &Features,
    old_mode: Option<Ipv6Mode>,
    choices: &Choices,
) -> Outcome<bool> {
    let before = profiles::find(draft, &subscriber.id)
        .await?
        .map(|(_, profile)| profile);
    // The VLAN first: what is said of each address says it, too.
    if let Some(tag) = give_vlan(draft, subscriber, features.vlan.unwrap_or_default(), choices).await? {
        profiles::set(draft, &subscriber.id, |profile| profile.vlan = Some(tag)).await?;
    }
    let mut given = false;
    let mut has = Vec::new();
    for ip_type in IpType::ALL {
        let want = want(features, *ip_type);
        if !want.wanted {
            continue;
        }
        let kept = match lifecycle::held(draft, &subscriber.id, *ip_type).await? {
            Some((_, held)) if is_given(&held) => {
                has.push(held);
                continue;
            }
            Some((kept, held)) => lifecycle::adopt(draft, kept, held, choices.reason.as_deref()).await?,
            None => match take(draft, subscriber, *ip_type, &want, before.as_ref(), choices).await? {
                Some(kept) => kept,
                None => continue,
            },
        };
        given = true;
        has.push(as_reservation(kept)?);
    }
    profiles::set(draft, &subscriber.id, |profile| {
        for held in &has {
            profile.name(held.ip_type, Some(held.prefix));
        }
        let mode = mode_of(features);
        let has_none = profile.static_ipv6.is_none() && profile.ipv6_prefix.is_none();
        let is_over = old_mode.is_some() && mode == Ipv6Mode::Disabled && has_none;
        if profile.ipv6_mode == Ipv6Mode::Disabled
            || old_mode == Some(profile.ipv6_mode)
            || is_over && profile.ipv6_mode != Ipv6Mode::Slaac
            || mode != Ipv6Mode::Disabled && profile.ipv6_mode != Ipv6Mode::Slaac
        {
            profile.ipv6_mode = mode;
        }
    })
    .await?;
    let after = profiles::find(draft, &subscriber.id)
        .await?
        .map(|(_, profile)| profile);
    Ok(given || before != after)
}

/// Whether a reservation is what a plan gives already.
fn is_given(held: &Reservation) -> bool {
    held.status == ReservationStatus::Assigned && held.by_plan && held.expires_at.is_none()
}

/// Reserves what a plan includes: what the subscriber's profile names, if a pool has it, or the next one. `None` = the profile names
/// an address that no pool has: somebody has seen to it otherwise.
async fn take(
    draft: &mut Draft<'_, '_>,
    subscriber: &Subscriber,
    ip_type: IpType,
    want: &Want,
    profile: Option<&NetworkProfile>,
    choices: &Choices,
) -> Outcome<Option<Kept<Entity>>> {
    let chosen = match ip_type {
        IpType::Ipv4 => choices.ipv4_pool_id,
        IpType::Ipv6 => choices.ipv6_pool_id,
        IpType::Ipv6Prefix => choices.pd_pool_id,
    };
    let pinned = profile.and_then(|profile| profile.named(ip_type));
    let (from, length) = match (chosen, pinned) {
        (Some(pool), _) => (ReserveFrom::Pool(pool), want.length),
        (None, Some(prefix)) => {
            if draft.book().pool_around(&prefix).is_none() {
                return Ok(None);
            }
            let pool_id = None;
            (ReserveFrom::Chosen { pool_id, prefix }, None)
        }
        (None, None) => (ReserveFrom::Policy(ip_type), want.length),
    };
    let by_policy = matches!(from, ReserveFrom::Policy(_));
    let wish = Reserve {
        id: Uuid::now_v7(),
        subscriber_id: subscriber.id.clone(),
        from,
        prefix_length: length,
        assign: true,
        expires_at: None,
        reason: choices
            .reason
            .clone()
            .or_else(|| Some("its plan includes it".to_owned())),
        notes: String::new(),
    };
    let pool_type = want.pool_type.filter(|_| by_policy);
    let made = reserve::of_type(draft, &wish, Some(subscriber), pool_type).await?;
    let held = as_reservation(made.clone())?;
    lifecycle::adopt(draft, made, held, None).await.map(Some)
}

fn mode_of(features: &Features) -> Ipv6Mode {
    let is = |feature: Option<bool>| feature.unwrap_or(false);
    match (
        is(features.ipv6_pd),
        is(features.static_ipv6),
        is(features.static_ip),
    ) {
        (true, _, true) => Ipv6Mode::DualStack,
        (true, _, false) => Ipv6Mode::PrefixDelegation,
        (false, true, _) => Ipv6Mode::Dhcpv6,
        (false, false, _) => Ipv6Mode::Disabled,
    }
}

fn as_reservation(kept: Kept<Entity>) -> Outcome<Reservation> {
    let missing = || Failure::not_found("reservation in this address space");
    kept.value.into_reservation().ok_or_else(missing)
}

/// Gives a subscriber the VLAN that a plan includes.
async fn give_vlan(
    draft: &mut Draft<'_, '_>,
    subscriber: &Subscriber,
    mode: VlanMode,
    choices: &Choices,
) -> Outcome<Option<cadastre_domain::isp::VlanTag>> {
    if mode == VlanMode::None {
        return Ok(None);
    }
    let holder = VlanHolder::Subscriber(subscriber.id.clone());
    let double = mode == VlanMode::Qinq;
    let held = vlans::held_by(draft, &holder).await?;
    if let Some(known) = held.iter().find(|held| held.value.tag.inner.is_some() == double) {
        return Ok(Some(known.value.tag));
    }
    let pool = match choices.vlan_pool_id {
        Some(pool) => pool,
        None => vlan_pool(draft, subscriber, double).await?,
    };
    let binding = vlans::allocate(draft, Uuid::now_v7(), pool, &holder, None).await?;
    Ok(Some(binding.tag))
}

/// The VLAN pool of the subscriber's access node, or of their site.
async fn vlan_pool(draft: &Draft<'_, '_>, subscriber: &Subscriber, double: bool) -> Outcome<Uuid> {
    if let Some(pool) = vlans::pool_of(draft, subscriber, double, None).await? {
        return Ok(pool.id);
    }
    let kind = if double { "QinQ" } else { "single-tag" };
    Err(Failure::refused(
        ErrorCode::VlanUnavailable,
        format!(
            "The plan includes a VLAN, and no {kind} VLAN pool has the access node or the site of the subscriber {} as its \
             domain. Set accessNode or siteId, make a VLAN pool, or name one with vlanPoolId.",
            subscriber.id
        ),
    ))
}

async fn suspend(draft: &mut Draft<'_, '_>, mut subscriber: Subscriber, reason: Option<&str>) -> Outcome<()> {
    match subscriber.status {
        SubscriberStatus::Active => {}
        SubscriberStatus::Suspended => return Ok(()),
        SubscriberStatus::Pending => return Err(illegal(&subscriber, "it is not in service yet.")),
        SubscriberStatus::Terminated => return Err(illegal(&subscriber, "it is not in service any more.")),
    }
    subscriber.status = SubscriberStatus::Suspended;
    subscriber.suspended_at = Some(draft.decider.time);
    put(draft, &subscriber).await?;
    told_because(draft, "subscriber.suspended", &subscriber, reason).await
}

async fn resume(draft: &mut Draft<'_, '_>, mut subscriber: Subscriber, reason: Option<&str>) -> Outcome<()> {
    match subscriber.status {
        SubscriberStatus::Suspended => {}
        SubscriberStatus::Active => return Ok(()),
        SubscriberStatus::Pending => return Err(illegal(&subscriber, "provision it first.")),
        SubscriberStatus::Terminated => return Err(illegal(&subscriber, "make a new subscriber.")),
    }
    subscriber.status = SubscriberStatus::Active;
    subscriber.suspended_at = None;
    put(draft, &subscriber).await?;
    told_because(draft, "subscriber.resumed", &subscriber, reason).await
}

async fn terminate(
    draft: &mut Draft<'_, '_>,
    mut subscriber: Subscriber,
    reason: Option<&str>,
) -> Outcome<()> {
    if subscriber.status == SubscriberStatus::Terminated {
        return Ok(());
    }
    let why = reason.unwrap_or("the subscriber was terminated");
    for ip_type in IpType::ALL {
        if let Some((kept, held)) = lifecycle::held(draft, &subscriber.id, *ip_type).await? {
            lifecycle::moved(draft, kept, held, Move::Release, Some(why)).await?;
        }
    }
    vlans::release_all_of(draft, &VlanHolder::Subscriber(subscriber.id.clone())).await?;
    if let Some((kept, _)) = profiles::find(draft, &subscriber.id).await? {
        profiles::remove(draft, kept)?;
    }
    if subscriber.has_password {
        draft.erase(keys::subscriber_secret(&subscriber.id));
    }
    plan_changed(draft, &subscriber.id, subscriber.plan_id, None);
    subscriber.has_password = false;
    subscriber.status = SubscriberStatus::Terminated;
    subscriber.terminated_at = Some(draft.decider.time);
    put(draft, &subscriber).await?;
    told_because(draft, "subscriber.terminated", &subscriber, reason).await
}

async fn put(draft: &mut Draft<'_, '_>, subscriber: &Subscriber) -> Outcome<()> {
    let before = draft.thing(&EntityKey::Subscriber(subscriber.id.clone())).await?;
    draft.put(before, Entity::Subscriber(subscriber.clone()));
    Ok(())
}

async fn told(draft: &mut Draft<'_, '_>, event: &str, subscriber: &Subscriber) -> Outcome<()> {
    told_because(draft, event, subscriber, None).await
}

async fn told_because(
    draft: &mut Draft<'_, '_>,
    event: &str,
    subscriber: &Subscriber,
    reason: Option<&str>,
) -> Outcome<()> {
    let mut payload = subscribers::told(subscriber);
    if let Some(reason) = reason {
        payload["reason"] = json!(reason);
    }
    if let Some((_, profile)) = profiles::find(draft, &subscriber.id).await? {
        payload["networkProfile"] = json!({
            "staticIpv4": profile.static_ipv4,
            "staticIpv6": profile.static_ipv6,
            "ipv6Prefix": profile.ipv6_prefix,
            "ipv6Mode": profile.ipv6_mode,
            "vlan": profile.vlan,
        });
    }
    draft.tell(event, payload);
    Ok(())
}
