//! Lists of the provider's side, page by page, clipped to the caller's scope.
//!
//! A position is the key of the last row that was looked at, so a page costs what it looks at, wherever it begins. Rows that
//! the caller may not see count for nothing, so that a position never tells of one.

mod phases;
mod pools;
mod subscribers;
mod vlans;

use cadastre_api_types::internal::{IspListing, Listed, PageRequest, ReservationFilter};
use cadastre_domain::isp::{Entity, Kept, Reservation};
use cadastre_domain::{Family, Prefix, Scope};
use cadastre_storage::{KeyRange, RowKey};

use super::super::SpaceHandle;
use super::super::list::foreign_cursor;
use super::Book;
use super::journal::is_seen;
use crate::errors::Outcome;
use crate::keys::{self, ThingRows};
use crate::records::{EntityRecord, decode};
use crate::rows::Rows;
use phases::{Holds, Phase};

/// Rows that one page may look at without finding enough before it is answered short.
const VISITS: usize = 2_000;

/// Lengths of delegated prefixes.
const DELEGATED: std::ops::RangeInclusive<u8> = 16..=64;

/// An empty page, the last.
const NOTHING: Listed<Kept<Entity>> = Listed {
    items: Vec::new(),
    next: None,
};

/// Whether all of a list is of the whole space, and so for nobody who is narrowed.
const fn is_of_the_whole(listing: &IspListing) -> bool {
    match listing {
        IspListing::Pools(_) | IspListing::Reservations(_) | IspListing::Alerts { .. } => false,
        IspListing::Subscribers(_)
        | IspListing::Plans
        | IspListing::Profiles
        | IspListing::VlanPools { .. }
        | IspListing::VlanBindings(_)
        | IspListing::Templates
        | IspListing::Webhooks
        | IspListing::Outbox { .. } => true,
    }
}

/// What a list is made from.
#[derive(Clone, Copy)]
struct Lister<'a> {
    rows: Rows<'a>,
    book: &'a Book,
    scope: &'a Scope,
    page: &'a PageRequest,
}

impl SpaceHandle {
    /// A page of things.
    pub(crate) async fn isp_list(
        &self,
        scope: &Scope,
        listing: &IspListing,
        page: &PageRequest,
    ) -> Outcome<Listed<Kept<Entity>>> {
        self.consistent(|published| async move {
            let lister = Lister {
                rows: self.durable(),
                book: &published.book,
                scope,
                page,
            };
            lister.list(listing).await
        })
        .await
    }
}

impl Lister<'_> {
    async fn list(&self, listing: &IspListing) -> Outcome<Listed<Kept<Entity>>> {
        if *self.scope != Scope::Whole && is_of_the_whole(listing) {
            return Ok(NOTHING);
        }
        match listing {
            IspListing::Pools(filter) => self.pools(filter).await,
            IspListing::Reservations(filter) => self.reservations(filter).await,
            IspListing::Subscribers(filter) => self.subscribers(filter).await,
            IspListing::Plans => self.known(
                self.book
                    .plans()
                    .map(|plan| plan.as_ref().clone().map(Entity::Plan)),
            ),
            IspListing::Webhooks => self.known(
                self.book
                    .webhooks()
                    .map(|webhook| webhook.as_ref().clone().map(Entity::Webhook)),
            ),
            IspListing::Profiles => self.scan(keys::things(ThingRows::Profiles), |_| true).await,
            IspListing::VlanPools { domain } => {
                let wanted = |value: &Entity| {
                    value
                        .vlan_pool()
                        .is_some_and(|pool| domain.as_ref().is_none_or(|domain| *domain == pool.domain))
                };
                self.scan(keys::things(ThingRows::VlanPools), wanted).await
            }
            IspListing::VlanBindings(filter) => self.vlan_bindings(filter).await,
            IspListing::Templates => self.scan(keys::things(ThingRows::Templates), |_| true).await,
            IspListing::Alerts { states, pool_id } => {
                let wanted = |value: &Entity| {
                    value.alert().is_some_and(|alert| {
                        (states.is_empty() || states.contains(&alert.state))
                            && pool_id.is_none_or(|pool| pool == alert.pool_id)
                    })
                };
                self.scan(keys::things(ThingRows::Alerts), wanted).await
            }
            IspListing::Outbox { state } => {
                let wanted = |value: &Entity| {
                    value
                        .outbox()
                        .is_some_and(|entry| state.is_none_or(|state| state == entry.state))
                };
                self.scan(keys::things(ThingRows::Outbox), wanted).await
            }
        }
    }

    /// A page of what is known by heart, which is in the order of its keys.
    fn known(&self, things: impl Iterator<Item = Kept<Entity>>) -> Outcome<Listed<Kept<Entity>>> {
        let position = |kept: &Kept<Entity>| keys::entity(&kept.value.key()).map(|key| key.to_string());
        let after = self.page.after.as_deref();
        let mut items: Vec<Kept<Entity>> = things
            .filter(|kept| is_seen(&kept.value, self.scope))
            .filter(|kept| after.is_none_or(|after| position(kept).is_some_and(|key| key.as_str() > after)))
            .take(self.page.limit + 1)
            .collect();
        let more = items.len() > self.page.limit;
        items.truncate(self.page.limit);
        let next = if more {
            items.last().and_then(position)
        } else {
            None
        };
        Ok(Listed { items, next })
    }

    /// A page of the things of a range that are wanted.
    async fn scan(&self, range: KeyRange, wanted: impl Fn(&Entity) -> bool) -> Outcome<Listed<Kept<Entity>>> {
        let mut range = self.behind_cursor(range)?;
        let mut items = Vec::new();
        let mut visits = 0;
        let mut last: Option<RowKey> = None;
        loop {
            let at_once = (self.page.limit - items.len()).clamp(32, 512);
            let (page, next) = self.rows.scan(&range, at_once).await?;
            for (key, bytes) in page {
                if items.len() >= self.page.limit || visits >= VISITS {
                    return Ok(Listed {
                        items,
                        next: last.map(|key| key.to_string()),
                    });
                }
                let kept: Kept<Entity> = decode::<EntityRecord>(&key, &bytes)?.into();
                if !is_seen(&kept.value, self.scope) {
                    continue;
                }
                visits += 1;
                if wanted(&kept.value) {
                    items.push(kept);
                }
                last = Some(key);
            }
            match next {
                Some(next) => range.start = Some(next),
                None => return Ok(Listed { items, next: None }),
            }
        }
    }

    /// The part of a range behind the page before.
    fn behind_cursor(&self, range: KeyRange) -> Outcome<KeyRange> {
        let Some(after) = &self.page.after else {
            return Ok(range);
        };
        keys::behind(range, after).ok_or_else(foreign_cursor)
    }

    async fn reservations(&self, filter: &ReservationFilter) -> Outcome<Listed<Kept<Entity>>> {
        if let (Some(subscriber), None) = (&filter.subscriber_id, &filter.within) {
            return self.had_by(subscriber, filter).await;
        }
        if let Some(address) = filter
            .within
            .filter(|within| within.is_host() && within.family() == Family::V6)
        {
            return self.reservations_of(&address, filter).await;
        }
        // Of a pool that is no more, its reservations still say what it was.
        let pool = filter
            .pool_id
            .and_then(|id| self.book.pool(id))
            .map(|pool| pool.value.network);
        let place = match (pool, filter.within) {
            (Some(network), Some(within)) if network.contains(&within) => Some(within),
            (Some(network), Some(within)) if !within.contains(&network) => {
                return Ok(NOTHING);
            }
            (Some(network), _) => Some(network),
            (None, within) => within,
        };
        let wanted = |value: &Entity| matches!(value, Entity::Reservation(found) if matches(found, filter));
        let phase = |range| Phase {
            range,
            holds: Holds::Things,
            wanted: Box::new(wanted),
        };
        let phases: Vec<Phase<'_>> = match (place, self.scope) {
            (None, Scope::Whole) => vec![phase(keys::things(ThingRows::Reservations))],
            (None, Scope::Within(roots)) => roots.iter().map(keys::reservations_in).map(phase).collect(),
            (Some(place), scope) => {
                let seen = scope.clip(&place);
                seen.iter().map(keys::reservations_in).map(phase).collect()
            }
        };
        self.phases(&phases).await
    }

    /// Who has, or had, an IPv6 address: itself, or a delegated prefix that it lies in.
    async fn reservations_of(
        &self,
        address: &Prefix,
        filter: &ReservationFilter,
    ) -> Outcome<Listed<Kept<Entity>>> {
        let lengths = DELEGATED.chain([address.len()]);
        let phases: Vec<Phase<'_>> = lengths
            .map(|len| Phase {
                range: keys::reservations_at(&address.truncate(len)),
                holds: Holds::Things,
                wanted: Box::new(
                    |value: &Entity| matches!(value, Entity::Reservation(found) if matches(found, filter)),
                ),
            })
            .collect();
        self.phases(&phases).await
    }

    /// All that a subscriber ever had, newest first.
    async fn had_by(
        &self,
        subscriber: &cadastre_domain::isp::SubscriberId,
        filter: &ReservationFilter,
    ) -> Outcome<Listed<Kept<Entity>>> {
        let wanted = |value: &Entity| matches!(value, Entity::Reservation(found) if matches(found, filter));
        let phase = Phase {
            range: keys::all_had(subscriber),
            holds: Holds::Had,
            wanted: Box::new(wanted),
        };
        self.phases(&[phase]).await
    }
}

fn matches(found: &Reservation, filter: &ReservationFilter) -> bool {
    filter.pool_id.is_none_or(|pool| pool == found.pool_id)
        && filter
            .subscriber_id
            .as_ref()
            .is_none_or(|subscriber| *subscriber == found.subscriber_id)
        && (filter.statuses.is_empty() || filter.statuses.contains(&found.status))
        && filter.ip_type.is_none_or(|ip_type| ip_type == found.ip_type)
        && filter
            .within
            .is_none_or(|within| within.contains(&found.prefix) || found.prefix.contains(&within))
        && filter
            .expires_before
            .is_none_or(|before| found.expires_at.is_some_and(|expires| expires < before))
}
