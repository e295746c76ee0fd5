//! What stands against an address being handed out, and what is wrong between what is kept. These are the facts; what they
//! mean to somebody is for the frontend to say.

use cadastre_api_types::internal::{Finding, KeptFor, Listed, PageRequest, Standing};
use cadastre_domain::isp::{Entity, Kept, Pool, Reservation, SubscriberId};
use cadastre_domain::{Prefix, Scope};
use uuid::Uuid;

use super::super::SpaceHandle;
use super::super::list::foreign_cursor;
use super::Book;
use super::pools::no_pool;
use crate::errors::Outcome;
use crate::keys;
use crate::records::{EntityRecord, Hold, NodeRecord, OwnerRecord, decode};
use crate::rows::Rows;

/// Rows of one kind that one question looks at.
const MOST: usize = 100;
/// Profiles that one page of what is wrong looks at.
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

    /// A page of what is wrong: profiles that name what others hold, what nobody holds, or what is used otherwise; and
    /// reservations that were made in spite of conflicts. A position is the key of the last profile's row.
    pub(super) async fn standing(&self, scope: &Scope, page: &PageRequest) -> Outcome<Listed<Standing>> {
        let mut range = keys::profile_addresses();
        if let Some(after) = &page.after {
            let key = cadastre_storage::RowKey::new(after).map_err(|_| foreign_cursor())?;
            if !range.contains(&key) {
                return Err(foreign_cursor());
            }
            range = keys::behind(range, &key);
        }
        let range = &range;
        self.consistent(|published| async move {
            let place = Looked {
                rows: self.durable(),
                book: &published.book,
                scope,
            };
            let (found, next) = place.rows.scan(range, PROFILES.min(page.limit)).await?;
            let mut items = Vec::new();
            let last = found.last().map(|(key, _)| key.to_string());
            for (key, bytes) in found {
                let owner: OwnerRecord = decode(&key, &bytes)?;
                let (Some(prefix), Some(subscriber)) =
                    (keys::parse_profile_address(&key), owner.subscriber_id)
                else {
                    continue;
                };
                if !scope.covers(&prefix) {
                    continue;
                }
                items.extend(place.wrong_with(prefix, subscriber).await?);
            }
            Ok(Listed {
                items,
                next: next.and(last),
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
    /// What is at a prefix, above it beneath its pool, and in it.
    async fn at(
        &self,
        prefix: &Prefix,
        subscriber: Option<&SubscriberId>,
        pool: Option<&Pool>,
    ) -> Outcome<Vec<Finding>> {
        let mut findings = Vec::new();
        let range = cadastre_storage::KeyRange {
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
                let pool = self.book.pool(found.value.pool_id);
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
                    && *self.scope == Scope::Whole
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
                subscriber_id: Some(subscriber.clone()),
            })
            .collect())
    }
}

/// A reservation out of a thing.
fn as_reservation(kept: Kept<Entity>) -> Option<Kept<Reservation>> {
    let found = kept.value.reservation()?.clone();
    Some(kept.map(|_| found))
}
