//! The stage of a search that finds pools and subscribers by the beginnings of their names, and a pool by its id. They are read
//! from their rows: no handle is needed.

use cadastre_api_types::internal::{Found, FoundBy, FoundThing};
use cadastre_domain::Scope;
use cadastre_domain::isp::{Entity, Kept};

use super::page::Seen;
use super::position::Place;
use super::{Ask, Search, found};
use crate::errors::Outcome;
use crate::keys::{self, NameIndex};
use crate::rows::Rows;
use crate::space::find::{self, Budget, Named};

impl Search<'_> {
    /// The pool with the id that is looked for.
    pub(super) async fn pool_by_id(&self, ask: &Ask<'_>) -> Outcome<Seen> {
        let mut seen = Seen::default();
        let query = ask.question.query;
        if let (Some(id), Some(scope), true) = (query.terms.id, &ask.readable.pools, query.kinds.pools) {
            let partition = keys::space_partition(ask.entry.view.id);
            let pool = find::pool_by_id(Rows::durable(self.store, &partition), scope, id).await?;
            seen.rows = 1;
            seen.items
                .extend(pool.and_then(|kept| shown(ask, FoundBy::Id, kept)));
        }
        Ok(seen)
    }

    /// Pools and subscribers of a space.
    pub(super) async fn customers(&self, ask: &Ask<'_>) -> Outcome<Seen> {
        let partition = keys::space_partition(ask.entry.view.id);
        let rows = Rows::durable(self.store, &partition);
        let mut seen = Seen {
            rows: 1,
            ..Seen::default()
        };
        if !find::has_any(rows).await? {
            return Ok(seen);
        }
        let text = &ask.question.query.terms.text;
        let kinds = ask.question.query.kinds;
        let after = match ask.after {
            Some(Place::Named(index, row)) => Some((*index, row.clone())),
            Some(Place::Node(_) | Place::Definition(_) | Place::Definitions | Place::Setting(..)) | None => {
                None
            }
        };
        let mut indexes = Vec::new();
        match ask.readable.pools.as_ref().filter(|_| kinds.pools) {
            Some(Scope::Whole) => indexes.push(NameIndex::Pools),
            Some(scope @ Scope::Within(_))
                if after.as_ref().is_none_or(|(index, _)| *index == NameIndex::Pools) =>
            {
                let pools = find::pools_within(rows, scope, text, after.as_ref(), ask.limit).await?;
                seen.take(ask, pools);
                if seen.place.is_some() {
                    return Ok(seen);
                }
            }
            Some(Scope::Within(_)) | None => {}
        }
        if ask.readable.subscribers && kinds.subscribers {
            indexes.extend([NameIndex::SubscriberIds, NameIndex::Usernames, NameIndex::Numbers]);
        }
        let budget = Budget {
            limit: ask.limit.saturating_sub(seen.items.len()),
            rows: ask.rows,
        };
        let named = find::names(rows, &indexes, text, after.as_ref(), budget).await?;
        seen.take(ask, named);
        Ok(seen)
    }
}

impl Seen {
    fn take(&mut self, ask: &Ask<'_>, named: Named) {
        for (index, kept) in named.things {
            let by = match index {
                NameIndex::Pools => FoundBy::Name,
                NameIndex::SubscriberIds => FoundBy::Id,
                NameIndex::Usernames => FoundBy::Username,
                NameIndex::Numbers => FoundBy::Number,
            };
            // What has the id that is looked for came before.
            let came = kept
                .value
                .pool()
                .is_some_and(|pool| Some(pool.id) == ask.question.query.terms.id);
            if !came {
                self.items.extend(shown(ask, by, kept));
            }
        }
        self.rows += named.looked;
        self.place = named.next.map(|(index, row)| Place::Named(index, row));
    }
}

fn shown(ask: &Ask<'_>, by: FoundBy, kept: Kept<Entity>) -> Option<Found> {
    let thing = if let Some(pool) = kept.value.pool().cloned() {
        FoundThing::Pool(Box::new(kept.map(|_| pool)))
    } else {
        let subscriber = kept.value.subscriber()?.clone();
        FoundThing::Subscriber(Box::new(kept.map(|_| subscriber)))
    };
    Some(found(ask.entry, by, thing))
}
