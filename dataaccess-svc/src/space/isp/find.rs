//! Pools and subscribers by the beginning of a name, for the search over all spaces. Case does not matter.

use cadastre_domain::Scope;
use cadastre_domain::isp::{Entity, EntityKey, Kept, Subscriber};
use cadastre_domain::search::begins_with;
use uuid::Uuid;

use super::journal::is_seen;
use crate::errors::Outcome;
use crate::keys::{self, LONGEST_BEGINNING, NameIndex};
use crate::records::{EntityRecord, OwnerRecord, decode};
use crate::rows::Rows;
use crate::search::Spelled;

/// Where a page of names ended: behind this row of this index.
pub(crate) type NamePlace = (NameIndex, String);

/// What was found in a space.
#[derive(Default)]
pub(crate) struct Named {
    /// The things, and in which index.
    pub things: Vec<(NameIndex, Kept<Entity>)>,
    /// Where to go on, if not all rows could be looked at.
    pub next: Option<NamePlace>,
    /// Rows looked at.
    pub looked: usize,
}

/// How much is wanted.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    /// Things.
    pub limit: usize,
    /// Rows that may be looked at.
    pub rows: usize,
}

/// A pool by its id.
pub(crate) async fn pool_by_id(rows: Rows<'_>, scope: &Scope, id: Uuid) -> Outcome<Option<Kept<Entity>>> {
    let found = thing(rows, &EntityKey::Pool(id)).await?;
    Ok(found.filter(|kept| is_seen(&kept.value, scope)))
}

/// Whether a space has anything of the provider's side. `false` is certain.
pub(crate) async fn has_any(rows: Rows<'_>) -> Outcome<bool> {
    Ok(rows.first(&keys::isp_range()).await?.is_some())
}

/// The pools of a subtree whose names begin so, behind one of them: for those who may not see the others, so that nothing of
/// those shows in where a page ends. The place is the row of a pool that is seen.
pub(crate) async fn pools_within(
    rows: Rows<'_>,
    scope: &Scope,
    text: &str,
    after: Option<&NamePlace>,
    limit: usize,
) -> Outcome<Named> {
    let mut named = Named::default();
    let [mut range, ..] = keys::book_ranges();
    if let Some((_, row)) = after {
        // A place that is none of this index is behind all of it.
        let Some(behind) = keys::behind(range, row) else {
            return Ok(named);
        };
        range = behind;
    }
    loop {
        let (page, next) = rows.scan(&range, 512).await?;
        for (key, bytes) in &page {
            let kept: Kept<Entity> = decode::<EntityRecord>(key, bytes)?.into();
            if is_seen(&kept.value, scope) && index_of(&kept.value, text) == Some(NameIndex::Pools) {
                named.things.push((NameIndex::Pools, kept));
                if named.things.len() >= limit {
                    named.next = Some((NameIndex::Pools, key.to_string()));
                    return Ok(named);
                }
            }
        }
        match next {
            Some(next) => range.start = Some(next),
            None => return Ok(named),
        }
    }
}

/// The things in these indexes whose names begin so, behind a place.
pub(crate) async fn names(
    rows: Rows<'_>,
    indexes: &[NameIndex],
    text: &str,
    after: Option<&NamePlace>,
    budget: Budget,
) -> Outcome<Named> {
    let mut named = Named::default();
    for index in indexes {
        let beginning = match index {
            NameIndex::Pools => Spelled::within(&text.to_lowercase(), LONGEST_BEGINNING),
            NameIndex::SubscriberIds | NameIndex::Usernames | NameIndex::Numbers => {
                Spelled::within(text, LONGEST_BEGINNING)
            }
        };
        let mut from = match after {
            Some((at, _)) if at > index => continue,
            Some((at, row)) if at == index => beginning.earliest(&format!("{row}-")),
            Some(_) | None => beginning.earliest(""),
        };
        while let Some(at) = from {
            named.looked += 1;
            let Some((key, bytes)) = rows.first(&index.from(&at)).await? else {
                break;
            };
            let name = index.name_of(&key);
            from = if beginning.begins(name) {
                let found = match index {
                    NameIndex::SubscriberIds => Some(decode::<EntityRecord>(&key, &bytes)?.into()),
                    NameIndex::Pools | NameIndex::Usernames | NameIndex::Numbers => {
                        owner(rows, decode::<OwnerRecord>(&key, &bytes)?).await?
                    }
                };
                let wanted = found.filter(|kept: &Kept<Entity>| index_of(&kept.value, text) == Some(*index));
                named.things.extend(wanted.map(|kept| (*index, kept)));
                beginning.earliest(&format!("{name}-"))
            } else {
                beginning.earliest(name)
            };
            if named.things.len() >= budget.limit || named.looked >= budget.rows {
                named.next = Some((*index, name.to_owned()));
                return Ok(named);
            }
        }
    }
    Ok(named)
}

/// The first index in which a thing is found by a text: it comes once.
fn index_of(value: &Entity, text: &str) -> Option<NameIndex> {
    if let Some(pool) = value.pool() {
        return begins_with(&pool.name, text).then_some(NameIndex::Pools);
    }
    let Subscriber {
        id,
        username,
        subscriber_number,
        ..
    } = value.subscriber()?;
    let begins = |name: &Option<String>| name.as_ref().is_some_and(|name| begins_with(name, text));
    if begins_with(id.as_str(), text) {
        Some(NameIndex::SubscriberIds)
    } else if begins(username) {
        Some(NameIndex::Usernames)
    } else if begins(subscriber_number) {
        Some(NameIndex::Numbers)
    } else {
        None
    }
}

async fn owner(rows: Rows<'_>, owner: OwnerRecord) -> Outcome<Option<Kept<Entity>>> {
    match (owner.id, owner.subscriber_id) {
        (Some(pool), _) => thing(rows, &EntityKey::Pool(pool)).await,
        (None, Some(subscriber)) => thing(rows, &EntityKey::Subscriber(subscriber)).await,
        (None, None) => Ok(None),
    }
}

async fn thing(rows: Rows<'_>, key: &EntityKey) -> Outcome<Option<Kept<Entity>>> {
    match keys::entity(key) {
        Some(row) => Ok(rows.record::<EntityRecord>(&row).await?.map(Into::into)),
        None => Ok(None),
    }
}
