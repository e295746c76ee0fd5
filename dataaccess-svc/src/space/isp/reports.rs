//! Reports: who had which address, what pools cost, what was reserved last, what is next.

use std::collections::{BTreeMap, BTreeSet};

use cadastre_api_types::internal::{
    CallContext, CostLine, IspAnswer, IspListing, IspQuestion, Listed, PageRequest, ReservationFilter,
};
use cadastre_domain::isp::{Count, Entity, EntityKey, IpType, Kept, Reservation, SubscriberId};
use cadastre_domain::{Prefix, Scope};
use cadastre_storage::RowKey;
use jiff::Timestamp;
use uuid::Uuid;

use super::super::SpaceHandle;
use super::super::journal::entries;
use super::draft::Draft;
use super::{places, pools, reserve};
use crate::clock::micros;
use crate::errors::{Failure, Outcome};
use crate::keys::{self, ThingRows};
use crate::records::{EntityRecord, JournalImage, OwnerRecord, decode};
use crate::rows::Rows;

/// Commands of the journal that are looked through for the last reservations, and how many at a time.
const LAST_COMMANDS: u64 = 2_000;
const AT_ONCE: u64 = 128;
/// Times that one report of costs is about, at most.
const MOST_TIMES: usize = 64;
/// What a reservation of a deleted pool counts as.
const DELETED_UNITS: Count = Count(1);
/// What a pool would hand out next, at most so many.
const MOST_AVAILABLE: usize = 1_000;

impl SpaceHandle {
    /// Figures, conflicts, reports.
    pub(crate) async fn isp_ask(&self, context: &CallContext, question: &IspQuestion) -> Outcome<IspAnswer> {
        let scope = &context.scope;
        Ok(match question {
            IspQuestion::Figures { pool_ids, with_days } => {
                IspAnswer::Figures(self.figures(scope, Some(pool_ids), *with_days).await?)
            }
            IspQuestion::AllFigures => IspAnswer::Figures(self.figures(scope, None, false).await?),
            IspQuestion::Available {
                pool_id,
                prefix_length,
                count,
            } => IspAnswer::Available(
                self.pool_available(context, *pool_id, *prefix_length, *count)
                    .await?,
            ),
            IspQuestion::Conflicts {
                prefix,
                pool_id,
                subscriber_id,
            } => {
                let (pool_id, findings) = self
                    .conflicts(scope, *prefix, *pool_id, subscriber_id.as_ref())
                    .await?;
                IspAnswer::Conflicts { pool_id, findings }
            }
            IspQuestion::Standing(page) => IspAnswer::Standing(self.standing(scope, page).await?),
            IspQuestion::Life { within, page } => IspAnswer::Things(self.life(scope, *within, page).await?),
            IspQuestion::Costs(times) => IspAnswer::Costs(self.costs(scope, times).await?),
            IspQuestion::Recent { count } => IspAnswer::Things(self.recent(scope, *count).await?),
            IspQuestion::Held {
                subscriber_id,
                with_past,
            } => IspAnswer::Things(self.held_by(scope, subscriber_id, *with_past).await?),
            IspQuestion::Holdings(subscribers) => IspAnswer::Things(self.holdings(scope, subscribers).await?),
        })
    }

    async fn life(&self, scope: &Scope, within: Prefix, page: &PageRequest) -> Outcome<Listed<Kept<Entity>>> {
        let filter = ReservationFilter {
            within: Some(within),
            ..ReservationFilter::default()
        };
        self.isp_list(scope, &IspListing::Reservations(filter), page)
            .await
    }

    async fn pool_available(
        &self,
        context: &CallContext,
        pool: Uuid,
        prefix_length: Option<u8>,
        count: usize,
    ) -> Outcome<Vec<Prefix>> {
        self.consistent(|published| async move {
            let decider = self.durable_decider(&published, context, None);
            let draft = Draft::new(&decider, None);
            let found = pools::find(&draft, pool)?;
            let length = prefix_length.unwrap_or(found.value.unit());
            let count = count.clamp(1, MOST_AVAILABLE);
            // What a network profile names goes to its subscriber only.
            let named = named_in(self.durable(), &found.value.network).await?;
            let is_named = |free: &Prefix| {
                let lies_in = named.range(*free..=free.last_descendant()).next();
                lies_in.is_some()
            };
            let more = count.saturating_add(named.len());
            let mut free = reserve::candidates(&draft, &found.value, length, more, 0).await?;
            free.retain(|free| !is_named(free));
            free.truncate(count);
            Ok(free)
        })
        .await
    }

    /// How long addresses were held, in each of these times. It reads every reservation, once, and is a report, not a screen.
    /// How long the prefixes of a pool were that was deleted is not kept: each of its reservations counts as one.
    async fn costs(&self, scope: &Scope, times: &[(Timestamp, Timestamp)]) -> Outcome<Vec<Vec<CostLine>>> {
        let published = self.current().await?;
        let now = micros(self.config.clock.now());
        let mut held: Vec<BTreeMap<Uuid, (Count, u64)>> = vec![BTreeMap::new(); times.len().min(MOST_TIMES)];
        let mut range = keys::things(ThingRows::Reservations);
        loop {
            let (page, next) = self.durable().scan(&range, 1_000).await?;
            for (key, bytes) in &page {
                let kept: Kept<Entity> = decode::<EntityRecord>(key, bytes)?.into();
                let Entity::Reservation(found) = kept.value else {
                    continue;
                };
                if !scope.covers(&found.prefix) {
                    continue;
                }
                let units = published
                    .book
                    .pool(found.pool_id)
                    .map_or(DELETED_UNITS, |pool| pool.value.units_of(found.prefix.len()));
                for ((from, to), held) in times.iter().zip(&mut held) {
                    // What is to come costs nothing yet.
                    let seconds = held_seconds(&found, *from, (*to).min(now));
                    if seconds > 0 {
                        let (sum, number) = held.entry(found.pool_id).or_default();
                        *sum = sum.plus(Count(u128::from(seconds).saturating_mul(units.0)));
                        *number += 1;
                    }
                }
            }
            match next {
                Some(next) => range.start = Some(next),
                None => break,
            }
            // A near store answers at once, and others are to have their turns meanwhile.
            tokio::task::yield_now().await;
        }
        let line = |(pool_id, (held_seconds, reservations)): (Uuid, (Count, u64))| {
            let pool = published.book.pool(pool_id);
            // Of a pool around the subtree name and price are not for this caller.
            let seen = pool.filter(|pool| scope.covers(&pool.value.network));
            let cost = seen.and_then(|pool| pool.value.cost.clone());
            let pool_name = match (seen, pool) {
                (Some(pool), _) => pool.value.name.clone(),
                (None, Some(_)) => "(not in your subtree)".to_owned(),
                (None, None) => "(deleted)".to_owned(),
            };
            CostLine {
                pool_id,
                pool_name,
                held_seconds,
                reservations,
                micros_per_month: cost.as_ref().map_or(0, |cost| cost.micros_per_month),
                currency: cost.map_or_else(String::new, |cost| cost.currency),
            }
        };
        Ok(held
            .into_iter()
            .map(|held| held.into_iter().map(line).collect())
            .collect())
    }

    /// The reservations made last, from the journal.
    async fn recent(&self, scope: &Scope, count: usize) -> Outcome<Listed<Kept<Entity>>> {
        let ids = self.recently_made(scope, count.clamp(1, 100)).await?;
        let wanted: Vec<EntityKey> = ids.into_iter().map(EntityKey::Reservation).collect();
        let found = self.isp_get(scope, &wanted).await?;
        Ok(Listed {
            items: found.into_iter().flatten().collect(),
            next: None,
        })
    }

    /// Ids of reservations made last, newest first, as far as the last commands of the journal go.
    async fn recently_made(&self, scope: &Scope, count: usize) -> Outcome<Vec<Uuid>> {
        let published = self.current().await?;
        let (head, rows) = (&published.head, self.durable());
        let mut ids = Vec::new();
        let mut upto = head.version;
        let floor = head.pruned.max(head.version.saturating_sub(LAST_COMMANDS));
        while upto > floor && ids.len() < count {
            let after = upto.saturating_sub(AT_ONCE).max(floor);
            let mut slice = Vec::new();
            let mut at = after;
            while at < upto {
                let more = entries(rows, at, upto, 256).await?;
                let Some(last) = more.last() else { break };
                at = last.version;
                slice.extend(more);
            }
            for entry in slice.iter().rev() {
                let made = entry.changes.iter().filter_map(|image| {
                    let JournalImage::Entity {
                        before: None,
                        after: Some(kept),
                    } = image
                    else {
                        return None;
                    };
                    let found = kept.value.reservation()?;
                    scope.covers(&found.prefix).then_some(found.id)
                });
                ids.extend(made);
            }
            upto = after;
        }
        ids.truncate(count);
        Ok(ids)
    }

    async fn holdings(&self, scope: &Scope, subscribers: &[SubscriberId]) -> Outcome<Listed<Kept<Entity>>> {
        self.consistent(|_published| async move {
            let rows = self.durable();
            let keys: Vec<_> = subscribers
                .iter()
                .flat_map(|subscriber| IpType::ALL.iter().map(|ip_type| keys::held(subscriber, *ip_type)))
                .collect();
            let found = places::read(rows, &active(rows, &keys).await?).await?;
            let seen = |kept: &Kept<Entity>| super::journal::is_seen(&kept.value, scope);
            Ok::<_, Failure>(Listed {
                items: found.into_iter().flatten().filter(seen).collect(),
                next: None,
            })
        })
        .await
    }

    async fn held_by(
        &self,
        scope: &Scope,
        subscriber: &SubscriberId,
        with_past: bool,
    ) -> Outcome<Listed<Kept<Entity>>> {
        self.consistent(|_published| async move {
            let rows = self.durable();
            let keys: Vec<_> = IpType::ALL
                .iter()
                .map(|ip_type| keys::held(subscriber, *ip_type))
                .collect();
            let mut wanted = active(rows, &keys).await?;
            if with_past {
                let (page, _) = rows.scan(&keys::all_had(subscriber), 1_000).await?;
                let past = page
                    .iter()
                    .filter_map(|(key, _)| keys::parse_had(key))
                    .map(EntityKey::Reservation);
                for key in past {
                    if !wanted.contains(&key) {
                        wanted.push(key);
                    }
                }
            }
            let found = places::read(rows, &wanted).await?;
            let seen = |kept: &Kept<Entity>| super::journal::is_seen(&kept.value, scope);
            Ok::<_, Failure>(Listed {
                items: found.into_iter().flatten().filter(seen).collect(),
                next: None,
            })
        })
        .await
    }
}

/// Prefixes in one that network profiles name, as far as it can matter for what is shown.
async fn named_in(rows: Rows<'_>, network: &Prefix) -> Outcome<BTreeSet<Prefix>> {
    let (found, _) = rows.scan(&keys::profiles_in(network), 4 * MOST_AVAILABLE).await?;
    Ok(found
        .iter()
        .filter_map(|(key, _)| keys::parse_profile_address(key))
        .collect())
}

/// The reservations that rows of what subscribers hold name.
async fn active(rows: Rows<'_>, keys: &[RowKey]) -> Outcome<Vec<EntityKey>> {
    let mut found = Vec::new();
    for (key, bytes) in keys.iter().zip(rows.get_many(keys).await?) {
        if let Some(bytes) = bytes
            && let Some(id) = decode::<OwnerRecord>(key, &bytes)?.id
        {
            found.push(EntityKey::Reservation(id));
        }
    }
    Ok(found)
}

/// Seconds of a time in which a reservation held its address for its subscriber.
fn held_seconds(found: &Reservation, from: Timestamp, to: Timestamp) -> u64 {
    let end = found.released_at.or(found.reclaimed_at).unwrap_or(Timestamp::MAX);
    let begin = found.reserved_at.max(from);
    let end = end.min(to);
    u64::try_from(end.as_second() - begin.as_second()).unwrap_or(0)
}
