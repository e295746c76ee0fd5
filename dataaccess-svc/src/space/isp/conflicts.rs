//! What stands against an address being handed out, and what is wrong between what is kept. These are the facts; what they
//! mean to somebody is for the frontend to say.
//!
//! Who is narrowed to a subtree may ask about what lies in it, and is refused elsewhere: an answer without findings would
//! say that a prefix is free. Whose profile names an address is told to those only who see subscribers.

use cadastre_api_types::internal::{Finding, KeptFor, Listed, PageRequest, Standing};
use cadastre_domain::isp::{Entity, Kept, Pool, Reservation, SubscriberId};
use cadastre_domain::{Prefix, Scope};
use cadastre_storage::{KeyRange, RowKey};
use uuid::Uuid;

use super::super::SpaceHandle;
use super::super::decide::outside_scope;
use super::super::list::foreign_cursor;
use super::Book;
use super::pools::no_pool;
use crate::errors::Outcome;
use crate::keys;
use crate::records::{EntityRecord, Hold, NodeRecord, OwnerRecord, decode};
use crate::rows::Rows;

/// Rows of one kind that one question looks at.
const MOST: usize = 100;
/// Profiles that one page of what is wrong looks at, and those that name the last prefix.
const PROFILES: usize = 500;

impl SpaceHandle {
    /// What stands against a prefix being handed out, and the pool it is in.
    pub(super) async fn conflicts(
        &self,
        scope: &Scope,
        prefix: Prefix,
        pool_id: Option<Uuid>,
        subscriber: Option<&SubscriberId>,
    ) -> Outcome<(Option<Uuid>, Vec<Finding>)> {
        if !scope.covers(&prefix) {
            return Err(outside_scope(&prefix, "look for conflicts at"));
        }
        self.consistent(|published| async move {
            let book = &published.book;
            let rows = self.durable();
            let mut findings = Vec::new();
            let named = match pool_id {
                None => None,
                Some(id) => {
                    let pool = book.pool(id).filter(|pool| scope.covers(&pool.value.network));
                    Some(pool.ok_or_else(no_pool)?)
                }
            };
            let around = book
                .pool_around(&prefix)
                .filter(|pool| scope.covers(&pool.value.network));
            match (named, around) {
                (Some(named), _) if !named.value.network.contains(&prefix) => {
                    findings.push(Finding::OutsidePool {
                        pool: Some((named.value.id, named.value.network)),
                    })
                }
                (None, None) => findings.push(Finding::OutsidePool { pool: None }),
                (Some(_) | None, Some(pool)) => {
                    if let Err(error) = pool.value.check_unit(&prefix) {
                        findings.push(Finding::NotAUnit {
                            pool_id: pool.value.id,
                            message: error.to_string(),
                        });
                    }
                }
                (Some(_), None) => {}
            }
            let place = Looked { rows, book, scope };
            findings.extend(
                place
                    .at(&prefix, subscriber, around.map(|pool| &pool.value))
                    .await?,
            );
            findings.extend(place.profiles(&prefix, subscriber).await?);
            Ok((around.map(|pool| pool.value.id), findings))
        })
        .await
    }

    /// A page of what is wrong: profiles that name what others hold, what nobody holds, or what is used otherwise. A
    /// position is the last prefix that was looked at, with all profiles that name it.
    pub(super) async fn standing(&self, scope: &Scope, page: &PageRequest) -> Outcome<Listed<Standing>> {
        let after = match &page.after {
            None => None,
            Some(text) => Some(text.parse::<Prefix>().map_err(|_| foreign_cursor())?),
        };
        let behind = after.and_then(|after| keys::profiles_at(&after).end);
        let ranges: Vec<KeyRange> = match scope {
            Scope::Whole => vec![keys::profile_addresses()],
            Scope::Within(roots) => roots.iter().map(keys::profiles_in).collect(),
        };
        let ranges = &ranges;
        let behind = behind.as_ref();
        self.consistent(|published| async move {
            let place = Looked {
                rows: self.durable(),
                book: &published.book,
                scope,
            };
            let (named, next) = place.named(ranges, behind, PROFILES.min(page.limit)).await?;
            let mut items = Vec::new();
            for (prefix, subscriber) in named {
                items.extend(place.wrong_with(prefix, subscriber).await?);
            }
            Ok(Listed {
                items,
                next: next.map(|prefix| prefix.to_string()),
            })
        })
        .await
    }
}

struct Looked<'a> {
    rows: Rows<'a>,
    book: &'a Book,
    scope: &'a Scope,
}

impl Looked<'_> {
    /// Subscribers and their profiles are of the whole space.
    fn sees_subscribers(&self) -> bool {
        *self.scope == Scope::Whole
    }

    /// Prefixes that profiles name, and whose, in these ranges behind a row: about so many, but always all profiles that name
    /// one prefix. And the last prefix, if there may be more behind it.
    async fn named(
        &self,
        ranges: &[KeyRange],
        behind: Option<&RowKey>,
        limit: usize,
    ) -> Outcome<(Vec<(Prefix, SubscriberId)>, Option<Prefix>)> {
        let mut named = Vec::new();
        let mut last = None;
        for range in ranges {
            let mut range = range.clone();
            range.start = range.start.max(behind.cloned());
            if range.start >= range.end {
                continue;
            }
            if named.len() >= limit {
                return Ok((named, last));
            }
            let mut at_once = limit - named.len();
            let mut ends_here = false;
            loop {
                let (found, next) = self.rows.scan(&range, at_once).await?;
                for (key, bytes) in found {
                    let owner: OwnerRecord = decode(&key, &bytes)?;
                    if let (Some(prefix), Some(subscriber)) =
                        (keys::parse_profile_address(&key), owner.subscriber_id)
                    {
                        last = Some(prefix);
                        named.push((prefix, subscriber));
                    }
                }
                range.start = next;
                // Enough; but a page does not end between two profiles that name the same.
                if let Some(prefix) = last.filter(|_| !ends_here && named.len() >= limit) {
                    ends_here = range.start.is_some();
                    range.end = keys::profiles_at(&prefix).end;
                }
                if range.start.is_none() || range.start >= range.end {
                    break;
                }
                at_once = PROFILES;
            }
            if ends_here {
                return Ok((named, last));
            }
        }
        Ok((named, None))
    }

    /// What is at a prefix, above it beneath its pool, and in it.
    async fn at(
        &self,
        prefix: &Prefix,
        subscriber: Option<&SubscriberId>,
        pool: Option<&Pool>,
    ) -> Outcome<Vec<Finding>> {
        let mut findings = Vec::new();
        let range = KeyRange {
            start: Some(keys::node(prefix)),
            end: keys::subtree_range(prefix).end,
        };
        let (beneath, _) = self.rows.scan(&range, MOST).await?;
        let mut nodes = Vec::new();
        for (key, bytes) in beneath {
            nodes.push(decode::<NodeRecord>(&key, &bytes)?);
        }
        if let Some(pool) = pool {
            // The lengths between the pool and the prefix are few: delegations and subnets.
            let between: Vec<Prefix> = (pool.network.len() + 1..prefix.len())
                .map(|len| prefix.truncate(len))
                .collect();
            nodes.extend(self.rows.nodes(&between).await?.into_iter().flatten());
        }
        for node in nodes {
            if !self.scope.covers(&node.prefix) {
                continue;
            }
            if pool.is_some_and(|pool| pool.network == node.prefix) && node.hold.is_none() {
                continue;
            }
            if let Some(finding) = self.of_node(node, subscriber).await? {
                findings.push(finding);
            }
        }
        Ok(findings)
    }

    async fn of_node(&self, node: NodeRecord, subscriber: Option<&SubscriberId>) -> Outcome<Option<Finding>> {
        let kept_for = match node.hold {
            Some(Hold::Reservation(id)) => {
                let key = keys::reservation(&node.prefix, id);
                let Some(record) = self.rows.record::<EntityRecord>(&key).await? else {
                    return Ok(None);
                };
                let kept: Kept<Entity> = record.into();
                let Some(found) = as_reservation(kept) else {
                    return Ok(None);
                };
                if subscriber == Some(&found.value.subscriber_id) {
                    return Ok(None);
                }
                // Of a pool around the subtree the name is not for this caller.
                let pool = self.book.pool(found.value.pool_id);
                let pool = pool.filter(|pool| self.scope.covers(&pool.value.network));
                return Ok(Some(Finding::Reservation {
                    pool_name: pool.map_or_else(String::new, |pool| pool.value.name.clone()),
                    reservation: Box::new(found),
                }));
            }
            Some(Hold::Gateway(_)) => Some(KeptFor::Gateway),
            Some(Hold::Exclusion(_)) => Some(KeptFor::Exclusion),
            None => None,
        };
        Ok(Some(Finding::Node {
            id: node.ip_id,
            prefix: node.prefix,
            description: node.description,
            kept_for,
        }))
    }

    /// Profiles of others that name a prefix, something in it, or what it lies in.
    async fn profiles(&self, prefix: &Prefix, subscriber: Option<&SubscriberId>) -> Outcome<Vec<Finding>> {
        let mut findings = Vec::new();
        // A delegated prefix is a /64 or shorter, and around single addresses only.
        let above = (16..prefix.len().min(65)).map(|len| keys::profiles_at(&prefix.truncate(len)));
        let is_v6 = prefix.family() == cadastre_domain::Family::V6;
        let ranges = std::iter::once(keys::profiles_in(prefix)).chain(above.filter(|_| is_v6));
        for range in ranges {
            let (found, _) = self.rows.scan(&range, MOST).await?;
            for (key, bytes) in found {
                let owner: OwnerRecord = decode(&key, &bytes)?;
                if let (Some(prefix), Some(other)) = (keys::parse_profile_address(&key), owner.subscriber_id)
                    && Some(&other) != subscriber
                    && self.sees_subscribers()
                {
                    findings.push(Finding::Profile {
                        subscriber_id: other,
                        prefix,
                    });
                }
            }
        }
        Ok(findings)
    }

    /// What is wrong with an address that a profile names.
    async fn wrong_with(&self, prefix: Prefix, subscriber: SubscriberId) -> Outcome<Vec<Standing>> {
        let pool = self.book.pool_around(&prefix).map(|pool| &pool.value);
        let mut findings = self.at(&prefix, Some(&subscriber), pool).await?;
        findings.extend(self.profiles(&prefix, Some(&subscriber)).await?);
        Ok(findings
            .into_iter()
            .map(|finding| Standing {
                prefix,
                since: match &finding {
                    Finding::Reservation { reservation, .. } => Some(reservation.value.reserved_at),
                    Finding::Node { .. }
                    | Finding::OutsidePool { .. }
                    | Finding::NotAUnit { .. }
                    | Finding::Profile { .. } => None,
                },
                finding,
                subscriber_id: self.sees_subscribers().then(|| subscriber.clone()),
            })
            .collect())
    }
}

/// A reservation out of a thing.
fn as_reservation(kept: Kept<Entity>) -> Option<Kept<Reservation>> {
    let found = kept.value.reservation()?.clone();
    Some(kept.map(|_| found))
}
