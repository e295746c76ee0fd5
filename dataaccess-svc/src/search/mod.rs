//! Looking for something in all spaces that a caller may read, page by page.
//!
//! What is looked for may mean several things; each reading is a [`Stage`], and a stage goes through the spaces
//! by age. A page looks at a bounded number of spaces and rows, then it is answered short with the position that it
//! reached. Spaces that nobody works with are read through their rows: most hold nothing of what is looked for,
//! which a seek or two tells, and nothing of them is kept in memory.

mod customers;
mod names;
mod page;
mod position;
mod spelled;

pub(crate) use position::{Place, Position, Stage};
pub(crate) use spelled::{IndexTerm, Spelled};

use std::collections::HashSet;
use std::ops::Bound;
use std::sync::Arc;

use cadastre_api_types::internal::{Found, FoundBy, FoundThing, Listed, NodeRef, SearchQuery};
use cadastre_domain::Scope;
use cadastre_domain::roles::{Readable, ReadableSpaces};
use cadastre_domain::search::Around;
use cadastre_domain::tags::TagName;
use cadastre_storage::Store;
use dashmap::DashMap;
use uuid::Uuid;

use crate::catalogue::{Catalogue, Entry, Snapshot};
use crate::config::DataAccessConfig;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::HeadRecord;
use crate::rows::Rows;
use crate::space::{
    AnswerCache, ContextCache, SettingQuestion, SpaceHandle, definitions, gone, load, spaces_with_plans,
    tag_view,
};
use page::{Page, Seen};

/// Spaces between two turns of other tasks: reads of an embedded store never wait by themselves.
const SPACES_PER_TURN: usize = 16;

/// What a search reads.
pub(crate) struct Search<'a> {
    pub store: &'a Arc<dyn Store>,
    pub config: &'a DataAccessConfig,
    pub catalogue: &'a Catalogue,
    /// The spaces that somebody works with.
    pub spaces: &'a DashMap<Uuid, Arc<SpaceHandle>>,
    pub contexts: &'a Arc<ContextCache>,
    pub answers: &'a Arc<AnswerCache>,
}

/// What is looked for, made ready for the rows.
struct Question<'q> {
    query: &'q SearchQuery,
    /// Beginnings of names of tags; `None` when no tag is called so.
    tag: Option<Spelled>,
    /// Entries of the index of values.
    setting: Option<SettingQuestion<'q>>,
    /// Spaces whose rows may not be all in their places.
    plans: HashSet<Uuid>,
}

/// One stage in one space.
struct Ask<'q> {
    question: &'q Question<'q>,
    stage: Stage,
    entry: &'q Entry,
    readable: &'q Readable,
    after: Option<&'q Place>,
    /// Items that there is room for.
    limit: usize,
    /// Rows that may be looked at.
    rows: usize,
}

impl Question<'_> {
    fn asks(&self, stage: Stage) -> bool {
        let SearchQuery { terms, kinds, .. } = self.query;
        match stage {
            Stage::Id => terms.id.is_some() && (kinds.spaces || kinds.nodes || kinds.pools),
            Stage::Around => terms.around.is_some() && kinds.nodes,
            Stage::Within => terms.within.is_some() && kinds.nodes,
            Stage::Names => kinds.spaces,
            Stage::Customers => kinds.pools || kinds.subscribers,
            Stage::Tags => (self.tag.is_some() && kinds.tags) || (self.setting.is_some() && kinds.nodes),
        }
    }
}

impl Search<'_> {
    /// A page of what is found.
    pub(crate) async fn page(&self, query: &SearchQuery) -> Outcome<Listed<Found>> {
        let snapshot = self.catalogue.for_reading().await?;
        let everything = Readable::everything();
        if let Some(space) = query.space
            && readable(&snapshot, query, &everything, space).is_none()
        {
            return Err(gone());
        }
        let position = match &query.page.after {
            None => Position::before(Stage::Id),
            Some(text) => Position::read(text)?,
        };
        let text = &query.terms.text;
        let question = Question {
            query,
            tag: TagName::new(text).is_ok().then(|| Spelled::of(text)),
            setting: SettingQuestion::of(&query.terms),
            plans: spaces_with_plans(self.store).await?,
        };
        let mut page = Page::new(query.page.limit);
        for stage in Stage::ALL {
            if stage < position.stage || !question.asks(stage) {
                continue;
            }
            let at = position.at.as_ref().filter(|_| stage == position.stage);
            let spaces = visible(&snapshot, query, &everything, at);
            let next = match stage {
                Stage::Names => names::through(spaces.map(|(entry, _)| entry), query, at, &mut page),
                Stage::Id | Stage::Around | Stage::Within | Stage::Customers | Stage::Tags => {
                    if stage == Stage::Id && at.is_none() {
                        self.space_by_id(&snapshot, query, &everything, &mut page);
                    }
                    self.through(spaces, &question, stage, at, &mut page).await?
                }
            };
            if let Some(next) = next {
                return Ok(page.answer(Some(&next)));
            }
        }
        Ok(page.answer(None))
    }

    fn space_by_id(&self, snapshot: &Snapshot, query: &SearchQuery, everything: &Readable, page: &mut Page) {
        let id = query.terms.id.filter(|_| query.kinds.spaces);
        let wanted = id.filter(|id| query.space.is_none_or(|only| only == *id));
        if let Some((entry, _)) = wanted.and_then(|id| readable(snapshot, query, everything, id)) {
            page.items.push(found_space(entry, FoundBy::Id));
        }
    }

    /// One stage through the spaces; where to go on, if not all of them could be looked at.
    async fn through<'q>(
        &self,
        spaces: impl Iterator<Item = (&'q Entry, &'q Readable)>,
        question: &'q Question<'q>,
        stage: Stage,
        at: Option<&'q (Uuid, Option<Place>)>,
        page: &mut Page,
    ) -> Outcome<Option<Position>> {
        let kinds = question.query.kinds;
        if stage == Stage::Id && !kinds.nodes && !kinds.pools {
            return Ok(None);
        }
        // Behind no space at all is not the beginning of the stage: what comes before the spaces is answered.
        let mut last = at.map_or_else(Uuid::nil, |(space, _)| *space);
        for (entry, readable) in spaces {
            if page.is_full() {
                return Ok(Some(Position::behind(stage, last)));
            }
            let id = entry.view.id;
            let ask = Ask {
                question,
                stage,
                entry,
                readable,
                after: at
                    .filter(|(space, _)| *space == id)
                    .and_then(|(_, place)| place.as_ref()),
                limit: page.room(),
                rows: page.rows_left(),
            };
            let seen = self.visit(&ask).await?;
            let place = page.add(seen);
            if let Some(place) = place {
                return Ok(Some(Position::inside(stage, id, place)));
            }
            last = id;
            if page.spaces.is_multiple_of(SPACES_PER_TURN) {
                tokio::task::yield_now().await;
            }
        }
        Ok(None)
    }

    /// One stage in one space; nothing if the space is gone by now.
    async fn visit(&self, ask: &Ask<'_>) -> Outcome<Seen> {
        let space = ask.entry.view.id;
        loop {
            let known = self.spaces.get(&space).map(|handle| Arc::clone(&handle));
            let seen = self.look(known.as_deref(), ask).await;
            // Only through a handle is an embedded store written: without one nothing moved. Else it is read again.
            if known.is_none() && self.spaces.contains_key(&space) {
                continue;
            }
            match seen {
                Ok(seen) if seen.items.is_empty() => return Ok(seen),
                Err(failure) if is_not_found(&failure) => return Ok(Seen::default()),
                Ok(_) | Err(_) => {}
            }
            // The rows of a deleted space go after its place in the catalogue.
            return match self.catalogue.for_reading().await?.spaces.get(space) {
                Some(_) => seen,
                None => Ok(Seen::default()),
            };
        }
    }

    async fn look(&self, handle: Option<&SpaceHandle>, ask: &Ask<'_>) -> Outcome<Seen> {
        let mut seen = match ask.stage {
            Stage::Customers => return self.customers(ask).await,
            Stage::Tags => self.definitions(ask).await?,
            Stage::Id => self.pool_by_id(ask).await?,
            Stage::Around | Stage::Within | Stage::Names => Seen::default(),
        };
        let is_pool = ask.stage == Stage::Id && !seen.items.is_empty();
        if seen.place.is_some() || is_pool {
            return Ok(seen);
        }
        let Some(scope) = ask
            .readable
            .nodes
            .as_ref()
            .filter(|_| ask.question.query.kinds.nodes)
        else {
            return Ok(seen);
        };
        let rest = Ask {
            limit: ask.limit - seen.items.len(),
            rows: ask.rows.saturating_sub(seen.rows),
            ..*ask
        };
        match handle {
            Some(handle) => seen.join(Self::nodes(handle, scope, &rest).await?),
            None => {
                let id = ask.entry.view.id;
                let partition = keys::space_partition(id);
                // Without a handle the rows are read as they are stored, that is without a plan.
                let (may_be, looked) = if ask.question.plans.contains(&id) {
                    (true, 1)
                } else {
                    self.may_be(Rows::durable(self.store, &partition), scope, &rest)
                        .await?
                };
                seen.rows += looked;
                if !may_be {
                    return Ok(seen);
                }
                let Some(published) = load(self.store, &partition).await? else {
                    return Ok(seen);
                };
                seen.rows += published.vocabulary.len();
                let handle = SpaceHandle::new(
                    id,
                    Arc::clone(self.store),
                    self.config.clone(),
                    Arc::clone(self.contexts),
                    Arc::clone(self.answers),
                    published,
                );
                seen.join(Self::nodes(&handle, scope, &rest).await?);
            }
        }
        Ok(seen)
    }

    /// The definitions of a space whose names begin as is looked for.
    async fn definitions(&self, ask: &Ask<'_>) -> Outcome<Seen> {
        let mut seen = Seen::default();
        let after = match ask.after {
            None => None,
            Some(Place::Definition(name)) => Some(name),
            Some(Place::Definitions | Place::Node(_) | Place::Setting(..) | Place::Named(..)) => {
                return Ok(seen);
            }
        };
        let wanted = ask.question.query.kinds.tags && ask.readable.tags;
        let Some(spelled) = ask.question.tag.as_ref().filter(|_| wanted) else {
            return Ok(seen);
        };
        let partition = keys::space_partition(ask.entry.view.id);
        let rows = Rows::durable(self.store, &partition);
        let read = definitions(rows, spelled, after, ask.limit, ask.rows).await?;
        seen.rows = read.looked;
        seen.place = read.next.map(Place::Definition);
        for record in &read.records {
            seen.items.push(found(
                ask.entry,
                FoundBy::Name,
                FoundThing::Tag(Box::new(tag_view(record))),
            ));
        }
        Ok(seen)
    }

    /// The nodes of a space.
    async fn nodes(handle: &SpaceHandle, scope: &Scope, ask: &Ask<'_>) -> Outcome<Seen> {
        let terms = &ask.question.query.terms;
        let mut seen = Seen::default();
        let after = match ask.after {
            Some(Place::Node(prefix)) => Some(prefix),
            None
            | Some(Place::Definition(_) | Place::Definitions | Place::Setting(..) | Place::Named(..)) => None,
        };
        let node = |view, by| found(ask.entry, by, FoundThing::Node(Box::new(view)));
        match ask.stage {
            Stage::Id => {
                if let Some(id) = terms.id {
                    // What is read through a handle of our own must not be answered to others later.
                    let (view, _) = handle.read_node(scope, &NodeRef::Id(id)).await?;
                    seen.items.push(node(Arc::unwrap_or_clone(view), FoundBy::Id));
                }
            }
            Stage::Around => {
                if let Some(around) = &terms.around {
                    let mut chain = handle.lookup(scope, around.target()).await?;
                    chain.retain(|view| after.is_none_or(|after| view.prefix.len() < after.len()));
                    if chain.len() > ask.limit {
                        chain.truncate(ask.limit);
                        seen.place = chain.last().map(|view| Place::Node(view.prefix));
                    }
                    let by = match around {
                        Around::Address(_) => FoundBy::Address,
                        Around::Prefix(_) => FoundBy::Prefix,
                    };
                    seen.items
                        .extend(chain.into_iter().map(|view| node(view, by.clone())));
                }
            }
            Stage::Within => {
                if let Some(within) = &terms.within {
                    let listed = handle.within(scope, within, ask.limit, after).await?;
                    seen.place = match listed.next {
                        Some(_) => listed.items.last().map(|view| Place::Node(view.prefix)),
                        None => None,
                    };
                    let views = listed.items.into_iter();
                    seen.items.extend(views.map(|view| node(view, FoundBy::Prefix)));
                }
            }
            Stage::Names | Stage::Customers => {}
            Stage::Tags => {
                if let Some(setting) = &ask.question.setting {
                    let read = handle
                        .set_to(scope, setting, ask.after, ask.limit, ask.rows)
                        .await?;
                    (seen.rows, seen.place) = (read.looked, read.next);
                    for (view, tag, value) in read.nodes {
                        seen.items.push(node(view, FoundBy::Value(tag, value)));
                    }
                }
            }
        }
        Ok(seen)
    }

    /// Whether a space that nobody works with can hold a node that is looked for, and how many rows it took to
    /// know. `false` is certain.
    async fn may_be(&self, rows: Rows<'_>, scope: &Scope, ask: &Ask<'_>) -> Outcome<(bool, usize)> {
        let terms = &ask.question.query.terms;
        Ok(match ask.stage {
            Stage::Id => match terms.id {
                Some(id) => (rows.get(&keys::id(id)).await?.is_some(), 1),
                None => (false, 0),
            },
            // Where others write the store, a node may be moved between two of these reads.
            Stage::Around if !self.store.limits().exclusive => (true, 0),
            Stage::Around => {
                let head: Option<HeadRecord> = rows.record(&keys::head()).await?;
                match (head, &terms.around) {
                    (Some(head), Some(around)) => {
                        let target = around.target();
                        let there =
                            rows.node(target).await?.is_some() || rows.parent(target, &head).await?.is_some();
                        (there, 2)
                    }
                    (None, _) | (_, None) => (false, 1),
                }
            }
            Stage::Within => match &terms.within {
                Some(within) => (rows.first(&keys::subtree_range(within)).await?.is_some(), 1),
                None => (false, 0),
            },
            Stage::Names | Stage::Customers => (false, 0),
            Stage::Tags => match (&ask.question.setting, scope) {
                (Some(setting), Scope::Whole) => setting.first(rows, ask.after, ask.rows).await?,
                // The rest of the space must not show in how long it takes.
                (Some(_), Scope::Within(_)) => (true, 0),
                (None, _) => (false, 0),
            },
        })
    }
}

/// A space that is there, with what the caller may read of it.
fn readable<'s>(
    snapshot: &'s Snapshot,
    query: &'s SearchQuery,
    everything: &'s Readable,
    space: Uuid,
) -> Option<(&'s Entry, &'s Readable)> {
    let readable = match &query.readable {
        ReadableSpaces::All => everything,
        ReadableSpaces::Only(spaces) => spaces.get(&space)?,
    };
    Some((snapshot.spaces.get(space)?, readable))
}

/// The spaces that the caller may know of, by age, behind a position: if that is inside a space, beginning with it.
fn visible<'s>(
    snapshot: &'s Snapshot,
    query: &'s SearchQuery,
    everything: &'s Readable,
    at: Option<&(Uuid, Option<Place>)>,
) -> Box<dyn Iterator<Item = (&'s Entry, &'s Readable)> + Send + 's> {
    let after = match at {
        None => None,
        Some((space, None)) => Some(*space),
        Some((space, Some(_))) => space.as_u128().checked_sub(1).map(Uuid::from_u128),
    };
    match (query.space, &query.readable) {
        (Some(only), _) => Box::new(
            readable(snapshot, query, everything, only)
                .filter(|_| after.is_none_or(|after| only > after))
                .into_iter(),
        ),
        (None, ReadableSpaces::All) => {
            Box::new(snapshot.spaces.after(after).map(move |entry| (entry, everything)))
        }
        (None, ReadableSpaces::Only(spaces)) => {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            Box::new(
                spaces
                    .range((from, Bound::Unbounded))
                    .filter_map(|(space, readable)| Some((snapshot.spaces.get(*space)?, readable))),
            )
        }
    }
}

fn found(entry: &Entry, by: FoundBy, thing: FoundThing) -> Found {
    Found {
        space: entry.view.id,
        space_name: entry.view.name.clone(),
        by,
        thing,
    }
}

fn found_space(entry: &Entry, by: FoundBy) -> Found {
    found(entry, by, FoundThing::Space((*entry.view).clone()))
}

/// The space is not, or no longer, there; or the node is not, or not for this caller.
fn is_not_found(failure: &Failure) -> bool {
    match failure {
        Failure::Refused(error) => error.code == cadastre_api_types::ErrorCode::NotFound,
        Failure::Store(_) | Failure::Record(_) => false,
    }
}
