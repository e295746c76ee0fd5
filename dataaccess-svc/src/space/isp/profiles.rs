//! Network profiles. The addresses that a profile names have index rows, so that nobody else's profile can name them, and
//! who hands out addresses sees them.

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::{Entity, EntityKey, Kept, NetworkProfile, Reservation, SubscriberId};
use cadastre_domain::{Family, Prefix};
use cadastre_storage::RowKey;
use serde_json::json;

use super::draft::{Draft, invalid};
use super::places::{as_reservation, wrong_kind};
use super::{alike, subscribers};
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{EntityRecord, OwnerRecord, decode};

/// Longest delegated prefix.
const LONGEST_DELEGATED: u8 = 64;

/// The profile of a subscriber as it is kept.
pub(super) async fn find(
    draft: &Draft<'_, '_>,
    subscriber: &SubscriberId,
) -> Outcome<Option<(Kept<Entity>, NetworkProfile)>> {
    let key = EntityKey::Profile(subscriber.clone());
    let Some(kept) = draft.thing(&key).await? else {
        return Ok(None);
    };
    let profile = as_profile(&kept)?;
    Ok(Some((kept, profile)))
}

fn as_profile(kept: &Kept<Entity>) -> Outcome<NetworkProfile> {
    if let Entity::Profile(profile) = &kept.value {
        return Ok(profile.clone());
    }
    Err(wrong_kind(&keys::head(), kept))
}

/// Sets the network profile of a subscriber.
pub(super) async fn put(draft: &mut Draft<'_, '_>, profile: &NetworkProfile) -> Outcome<()> {
    let (_, subscriber) = subscribers::find(draft, &profile.subscriber_id).await?;
    let before = find(draft, &profile.subscriber_id).await?;
    // What is not there has no revision; `*` is content with it, for a profile is set or replaced by the same call.
    draft.check_if_match(before.as_ref().map_or(0, |(kept, _)| kept.revision))?;
    profile.check().map_err(|error| invalid(&error))?;
    let known = before.as_ref().map(|(_, known)| known);
    let profile = alike::with_holdings(draft, &subscriber, known, profile.clone()).await?;
    // What was assigned along the way is in it already.
    let before = find(draft, &profile.subscriber_id).await?;
    if let Some((kept, known)) = &before
        && *known == profile
    {
        draft.show(kept.clone());
        return Ok(());
    }
    write(draft, before, profile).await
}

/// Changes the network profile of a subscriber for a use case; makes it if there is none. What stays as it is is not
/// written.
pub(super) async fn set(
    draft: &mut Draft<'_, '_>,
    subscriber: &SubscriberId,
    change: impl FnOnce(&mut NetworkProfile),
) -> Outcome<()> {
    let before = find(draft, subscriber).await?;
    let known = match &before {
        Some((_, known)) => known.clone(),
        None => NetworkProfile::of(subscriber.clone()),
    };
    let mut profile = known.clone();
    change(&mut profile);
    if profile == known {
        return Ok(());
    }
    write(draft, before, profile).await
}

async fn write(
    draft: &mut Draft<'_, '_>,
    before: Option<(Kept<Entity>, NetworkProfile)>,
    profile: NetworkProfile,
) -> Outcome<()> {
    profile.check().map_err(|error| invalid(&error))?;
    let (kept, known) = before.unzip();
    let old: Vec<Prefix> = known.iter().flat_map(NetworkProfile::addresses).collect();
    let new: Vec<Prefix> = profile.addresses().collect();
    let subscriber = &profile.subscriber_id;
    let owner = OwnerRecord::subscriber(subscriber);
    // What it names already is its own, also if somebody was given it in spite of that.
    for prefix in new.iter().filter(|prefix| !old.contains(prefix)) {
        check_free(draft, subscriber, prefix).await?;
    }
    let old_line = known.as_ref().and_then(line);
    let new_line = line(&profile);
    draft
        .claim(old_line, new_line, &owner, || {
            let circuit = profile.circuit_id.as_deref().unwrap_or_default();
            match &profile.remote_id {
                Some(remote) => {
                    format!("A profile with the circuitId \"{circuit}\" and the remoteId \"{remote}\"")
                }
                None => format!("A profile with the circuitId \"{circuit}\" and no remoteId"),
            }
        })
        .await?;
    for prefix in old.iter().filter(|prefix| !new.contains(prefix)) {
        draft.erase(keys::profile_address(prefix, subscriber));
    }
    for prefix in new.iter().filter(|prefix| !old.contains(prefix)) {
        draft.write(keys::profile_address(prefix, subscriber), &owner);
    }
    let delegated = |profile: &NetworkProfile| profile.ipv6_prefix.as_ref().map(keys::profile_prefix);
    draft
        .claim(
            known.as_ref().and_then(delegated),
            delegated(&profile),
            &owner,
            || "A profile with this delegated prefix".to_owned(),
        )
        .await?;
    draft.put(kept, Entity::Profile(profile));
    Ok(())
}

fn line(profile: &NetworkProfile) -> Option<RowKey> {
    let circuit = profile.circuit_id.as_deref()?;
    Some(keys::line(circuit, profile.remote_id.as_deref()))
}

/// Checks that nobody else's profile names something that overlaps a prefix, and that nobody else has it reserved.
async fn check_free(draft: &Draft<'_, '_>, subscriber: &SubscriberId, prefix: &Prefix) -> Outcome<()> {
    let mut range = keys::profiles_in(prefix);
    loop {
        // At most three of these are the subscriber's own.
        let (page, next) = draft.scan(&range, 8).await?;
        for (key, bytes) in page {
            let owner: OwnerRecord = decode(&key, &bytes)?;
            let named = keys::parse_profile_address(&key).unwrap_or(*prefix);
            check_owner(subscriber, &owner, prefix, &named)?;
        }
        match next {
            Some(next) => range.start = Some(next),
            None => break,
        }
    }
    if prefix.family() == Family::V6 {
        let around: Vec<Prefix> = (0..prefix.len().min(LONGEST_DELEGATED + 1))
            .map(|len| prefix.truncate(len))
            .collect();
        let rows: Vec<RowKey> = around.iter().map(keys::profile_prefix).collect();
        for ((named, key), bytes) in around.iter().zip(&rows).zip(draft.many(&rows).await?) {
            if let Some(bytes) = bytes {
                check_owner(subscriber, &decode(key, &bytes)?, prefix, named)?;
            }
        }
    }
    match reserved_at(draft, prefix).await? {
        Some(other) if other.value.subscriber_id != *subscriber => Err(reserved_for(&other.value)),
        Some(_) | None => Ok(()),
    }
}

fn check_owner(
    subscriber: &SubscriberId,
    owner: &OwnerRecord,
    prefix: &Prefix,
    named: &Prefix,
) -> Outcome<()> {
    let Some(other) = owner.subscriber_id.as_ref().filter(|other| *other != subscriber) else {
        return Ok(());
    };
    let what = if prefix == named {
        format!("The profile of subscriber {other} names {named} already.")
    } else {
        format!("{prefix} overlaps {named}, which the profile of subscriber {other} names.")
    };
    Err(Failure::from(
        ApiError::new(
            ErrorCode::AddressConflict,
            format!("{what} Choose another, or take it out of that profile first."),
        )
        .with_details(json!({ "subscriberId": other, "prefix": named })),
    ))
}

fn reserved_for(other: &Reservation) -> Failure {
    let (subscriber, prefix) = (&other.subscriber_id, &other.prefix);
    let what = if other.status.is_active() {
        format!(
            "{prefix} is reserved for subscriber {subscriber}. Choose another, or release that reservation first."
        )
    } else {
        format!(
            "{prefix} was released by subscriber {subscriber} and rests for it. Choose another, or reclaim it first."
        )
    };
    Failure::from(
        ApiError::new(ErrorCode::AddressConflict, what).with_details(json!({
            "reservationId": other.id,
            "subscriberId": subscriber,
            "prefix": prefix,
            "status": other.status,
        })),
    )
}

/// The reservation that holds a prefix.
async fn reserved_at(draft: &Draft<'_, '_>, prefix: &Prefix) -> Outcome<Option<Kept<Reservation>>> {
    let rows = draft.all(keys::reservations_at(prefix)).await?;
    // The newest come last.
    for (key, bytes) in rows.into_iter().rev() {
        let found = as_reservation(&key, decode::<EntityRecord>(&key, &bytes)?.into())?;
        if found.value.holds_address() {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Removes the network profile of a subscriber.
pub(super) async fn delete(draft: &mut Draft<'_, '_>, subscriber: &SubscriberId) -> Outcome<()> {
    let (kept, profile) = find(draft, subscriber)
        .await?
        .ok_or_else(|| Failure::not_found("network profile in this address space"))?;
    draft.check_if_match(kept.revision)?;
    let (_, known) = subscribers::find(draft, subscriber).await?;
    let nothing = NetworkProfile::of(subscriber.clone());
    let left = alike::with_holdings(draft, &known, Some(&profile), nothing).await?;
    if left.addresses().next().is_some() || left.vlan.is_some() {
        return Err(Failure::refused(
            ErrorCode::InUse,
            format!(
                "The profile names what is assigned to {subscriber}. Release that first, or terminate the subscriber, which \
                 removes the profile, too."
            ),
        ));
    }
    remove(draft, kept)
}

/// Removes a profile with its index rows.
pub(super) fn remove(draft: &mut Draft<'_, '_>, kept: Kept<Entity>) -> Outcome<()> {
    let profile = as_profile(&kept)?;
    for prefix in profile.addresses() {
        draft.erase(keys::profile_address(&prefix, &profile.subscriber_id));
    }
    if let Some(prefix) = &profile.ipv6_prefix {
        draft.erase(keys::profile_prefix(prefix));
    }
    if let Some(line) = line(&profile) {
        draft.erase(line);
    }
    draft.remove(kept);
    Ok(())
}
