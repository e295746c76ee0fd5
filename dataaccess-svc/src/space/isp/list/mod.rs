//! Lists of the provider's side, page by page, clipped to the caller's scope.
//!
//! A position is the key of the last row that was looked at, so a page costs what it looks at, wherever it begins.

mod phases;
mod pools;
mod subscribers;
mod vlans;

use cadastre_api_types::internal::{IspListing, Listed, PageRequest, ReservationFilter};
use cadastre_domain::isp::{Entity, EntityKey, Kept, Reservation};
use cadastre_domain::{Family, Prefix, Scope};
use cadastre_storage::{KeyRange, RowKey};

use super::super::SpaceHandle;
use super::super::list::foreign_cursor;
use super::Book;
use super::journal::is_seen;
use super::places;
use crate::errors::Outcome;
use crate::keys::{self, ThingRows};
use crate::records::{EntityRecord, decode};
use crate::rows::Rows;
use phases::{Holds, Phase};

/// Rows that one page may look at without finding enough before it is answered short.
const VISITS: usize = 2_000;

/// Lengths of delegated prefixes.
const DELEGATED: std::ops::RangeInclusive<u8> = 16..=64;

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
                visits += 1;
                let kept: Kept<Entity> = decode::<EntityRecord>(&key, &bytes)?.into();
                if wanted(&kept.value) && is_seen(&kept.value, self.scope) {
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
        let key = RowKey::new(after).map_err(|_| foreign_cursor())?;
        if !range.contains(&key) {
            return Err(foreign_cursor());
        }
        Ok(keys::behind(range, &key))
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
        let range = match (pool, filter.within) {
            (Some(network), Some(within)) if network.contains(&within) => keys::reservations_in(&within),
            (Some(network), Some(within)) if !within.contains(&network) => {
                return Ok(Listed {
                    items: Vec::new(),
                    next: None,
                });
            }
            (Some(network), _) => keys::reservations_in(&network),
            (None, Some(within)) => keys::reservations_in(&within),
            (None, None) => keys::things(ThingRows::Reservations),
        };
        let wanted = |value: &Entity| matches!(value, Entity::Reservation(found) if matches(found, filter));
        self.scan(range, wanted).await
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
        let mut range = self.behind_cursor(keys::all_had(subscriber))?;
        let mut items = Vec::new();
        loop {
            let (page, next) = self.rows.scan(&range, 256).await?;
            let last = page.last().map(|(key, _)| key.to_string());
            let wanted: Vec<EntityKey> = page
                .iter()
                .filter_map(|(key, _)| keys::parse_had(key))
                .map(EntityKey::Reservation)
                .collect();
            let found = places::read(self.rows, &wanted).await?;
            let keep = |kept: &Kept<Entity>| {
                let fits = kept
                    .value
                    .reservation()
                    .is_some_and(|found| matches(found, filter));
                fits && is_seen(&kept.value, self.scope)
            };
            items.extend(found.into_iter().flatten().filter(keep));
            match next {
                Some(_) if items.len() >= self.page.limit => return Ok(Listed { items, next: last }),
                Some(next) => range.start = Some(next),
                None => return Ok(Listed { items, next: None }),
            }
        }
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
