//! What a subscriber is given and what its network profile says are kept alike, in one commit: an address that is assigned to a
//! subscriber in service, or taken back, and a VLAN that is given or released, are so in the profile as well.

use cadastre_api_types::internal::{Reserve, ReserveFrom};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::isp::{
    IpType, NetworkProfile, Reservation, ReservationStatus, Subscriber, VlanHolder, VlanTag,
};
use serde_json::json;
use uuid::Uuid;

use super::draft::Draft;
use super::{lifecycle, profiles, reserve, vlans};
use crate::errors::{Failure, Outcome};

/// An address was assigned. One that was forced may be named by somebody else's profile, and is left to the operator.
pub(super) async fn assigned(draft: &mut Draft<'_, '_>, made: &Reservation) -> Outcome<()> {
    let holder = reserve::known(draft, &made.subscriber_id).await?;
    if made.forced || !holder.as_ref().is_some_and(Subscriber::in_service) {
        return Ok(());
    }
    profiles::set(draft, &made.subscriber_id, |profile| {
        profile.name(made.ip_type, Some(made.prefix));
    })
    .await
}

/// An address is its subscriber's no longer.
pub(super) async fn taken_back(draft: &mut Draft<'_, '_>, ended: &Reservation) -> Outcome<()> {
    let Some((_, profile)) = profiles::find(draft, &ended.subscriber_id).await? else {
        return Ok(());
    };
    if profile.named(ended.ip_type) != Some(ended.prefix) {
        return Ok(());
    }
    profiles::set(draft, &ended.subscriber_id, |profile| {
        profile.name(ended.ip_type, None)
    })
    .await
}

/// A VLAN is its holder's no longer.
pub(super) async fn vlan_released(
    draft: &mut Draft<'_, '_>,
    holder: &VlanHolder,
    tag: &VlanTag,
) -> Outcome<()> {
    let VlanHolder::Subscriber(id) = holder else {
        return Ok(());
    };
    match profiles::find(draft, id).await? {
        Some((_, profile)) if profile.vlan == Some(*tag) => {
            profiles::set(draft, id, |profile| profile.vlan = None).await
        }
        Some(_) | None => Ok(()),
    }
}

/// A VLAN was allocated by itself: the profile of a subscriber in service names it if it names none.
pub(super) async fn vlan_allocated(
    draft: &mut Draft<'_, '_>,
    holder: &VlanHolder,
    tag: VlanTag,
) -> Outcome<()> {
    let VlanHolder::Subscriber(id) = holder else {
        return Ok(());
    };
    let known = reserve::known(draft, id).await?;
    if !known.as_ref().is_some_and(Subscriber::in_service) {
        return Ok(());
    }
    profiles::set(draft, id, |profile| profile.vlan = profile.vlan.or(Some(tag))).await
}

/// A profile as it is asked for, with what is the subscriber's anyway: what it holds is changed by assigning and releasing, so
/// what is left out stays, and something else is refused.
pub(super) async fn with_holdings(
    draft: &mut Draft<'_, '_>,
    subscriber: &Subscriber,
    before: Option<&NetworkProfile>,
    mut wanted: NetworkProfile,
) -> Outcome<NetworkProfile> {
    for ip_type in IpType::ALL {
        let Some((_, held)) = lifecycle::held(draft, &subscriber.id, *ip_type).await? else {
            let was = before.and_then(|before| before.named(*ip_type));
            if let Some(prefix) = wanted.named(*ip_type).filter(|prefix| was != Some(*prefix)) {
                assign_named(draft, subscriber, *ip_type, prefix).await?;
            }
            continue;
        };
        let is_named = before.and_then(|before| before.named(*ip_type)) == Some(held.prefix);
        if held.status != ReservationStatus::Assigned || !is_named {
            continue;
        }
        match wanted.named(*ip_type) {
            None => wanted.name(*ip_type, Some(held.prefix)),
            Some(same) if same == held.prefix => {}
            Some(_) => return Err(holds_another(&held)),
        }
    }
    if wanted.vlan != before.and_then(|before| before.vlan) {
        wanted.vlan = vlan_for(draft, subscriber, before, wanted.vlan).await?;
    }
    Ok(wanted)
}

/// Assigns what the profile of a subscriber in service shall name, if a pool has it: then nobody else gets it, and it counts.
async fn assign_named(
    draft: &mut Draft<'_, '_>,
    subscriber: &Subscriber,
    ip_type: IpType,
    prefix: Prefix,
) -> Outcome<()> {
    let pool = draft.book().pool_around(&prefix);
    let hands_out = pool.is_some_and(|pool| pool.value.pool_type.ip_type() == ip_type);
    if !hands_out || !subscriber.in_service() {
        return Ok(());
    }
    let wish = Reserve {
        id: Uuid::now_v7(),
        subscriber_id: subscriber.id.clone(),
        from: ReserveFrom::Chosen {
            pool_id: None,
            prefix,
        },
        prefix_length: None,
        assign: true,
        expires_at: None,
        reason: Some("its network profile names it".to_owned()),
        notes: String::new(),
    };
    reserve::one(draft, &wish, false).await.map(drop)
}

/// The VLAN that a profile shall name. Where the subscriber is connected there may be a pool that has it: then it is allocated, so
/// that nobody else gets it.
async fn vlan_for(
    draft: &mut Draft<'_, '_>,
    subscriber: &Subscriber,
    before: Option<&NetworkProfile>,
    wanted: Option<VlanTag>,
) -> Outcome<Option<VlanTag>> {
    let holder = VlanHolder::Subscriber(subscriber.id.clone());
    let held = vlans::held_by(draft, &holder).await?;
    let Some(tag) = wanted else {
        // What it has is released by releasing it.
        let before = before.and_then(|before| before.vlan);
        return Ok(before.filter(|before| held.iter().any(|held| held.value.tag == *before)));
    };
    if held.iter().any(|held| held.value.tag == tag) {
        return Ok(Some(tag));
    }
    if let Some(pool) = vlans::pool_of(draft, subscriber, tag.inner.is_some(), Some(&tag)).await? {
        let double = tag.inner.is_some();
        for old in held {
            if old.value.domain == pool.domain && old.value.tag.inner.is_some() == double {
                vlans::give_back(draft, old).await?;
            }
        }
        vlans::allocate(draft, Uuid::now_v7(), pool.id, &holder, Some(tag)).await?;
    }
    Ok(Some(tag))
}

fn holds_another(held: &Reservation) -> Failure {
    let shown = reserve::shown(&held.prefix);
    Failure::from(
        ApiError::new(
            ErrorCode::AlreadyAssigned,
            format!(
                "{shown} is assigned to {}, and its profile names it. Release it first, or leave the field out to keep it.",
                held.subscriber_id
            ),
        )
        .with_details(json!({ "reservationId": held.id, "prefix": held.prefix })),
    )
}
