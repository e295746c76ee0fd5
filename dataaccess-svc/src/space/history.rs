//! What became of a node, or of whatever was at a prefix: history rows say at which versions it changed, the
//! journal rows of those versions who did it and what it was before and after. Deleted nodes have a history too:
//! the row of their id stays, and says where they were last.

use cadastre_api_types::internal::{HistoryEntry, HistoryQuery, Listed, NodeRef, NodeState};
use cadastre_domain::{Prefix, Scope, Visibility};
use uuid::Uuid;

use super::SpaceHandle;
use super::journal::{SLICE_BYTES, bare_entry, whole};
use super::list::foreign_cursor;
use super::read::{no_node, parse_id_row};
use super::view::node_state;
use crate::errors::Outcome;
use crate::keys;
use crate::records::{HistoryRecord, JournalEntry, JournalImage, NodeRecord, decode};
use crate::rows::Rows;

/// History rows that one page looks at.
const ROWS_PER_PAGE: usize = 1_000;
/// History rows read at a time.
const ROWS_AT_ONCE: usize = 64;

impl SpaceHandle {
    /// A page of what became of a node or a prefix, newest first.
    pub(crate) async fn history(&self, scope: &Scope, query: &HistoryQuery) -> Outcome<Listed<HistoryEntry>> {
        let published = self.present().await?;
        let head = &published.head;
        let id = match &query.of {
            NodeRef::Id(id) => Some(*id),
            NodeRef::Prefix(_) => None,
        };
        let mut place = match (&query.page.after, &query.of) {
            (Some(text), _) => Place::parse(text).ok_or_else(foreign_cursor)?,
            (None, NodeRef::Prefix(prefix)) => Place {
                prefix: *prefix,
                newest: head.version,
            },
            (None, NodeRef::Id(id)) => Place {
                prefix: last_place(self.durable(), *id).await?.ok_or_else(no_node)?,
                newest: head.version,
            },
        };
        let mut reader = Reader {
            rows: self.durable(),
            scope,
            id,
            pruned: head.pruned,
            items: Vec::new(),
            limit: query.page.limit,
            rows_left: ROWS_PER_PAGE,
            bytes: 0,
        };
        if scope.visibility(&place.prefix) == Visibility::Hidden {
            return match id {
                Some(_) => Err(no_node()),
                None => Ok(reader.page(None)),
            };
        }
        loop {
            match reader.read(&place).await? {
                Ended::Beginning => return Ok(reader.page(None)),
                Ended::Full(next) => return Ok(reader.page(Some(next))),
                Ended::MovedFrom(from) if scope.visibility(&from.prefix) == Visibility::Hidden => {
                    return Ok(reader.page(None));
                }
                Ended::MovedFrom(from) => place = from,
            }
        }
    }
}

/// Where to read on: states of a prefix up to a version.
struct Place {
    prefix: Prefix,
    newest: u64,
}

impl Place {
    fn to_text(&self) -> String {
        format!("{} {}", self.newest, self.prefix)
    }

    fn parse(text: &str) -> Option<Self> {
        let (newest, prefix) = text.split_once(' ')?;
        Some(Self {
            prefix: prefix.parse().ok()?,
            newest: newest.parse().ok()?,
        })
    }
}

/// Why reading a place ended.
enum Ended {
    /// There is nothing older.
    Beginning,
    /// The page is full, or has cost enough.
    Full(Place),
    /// The node came from another prefix.
    MovedFrom(Place),
}

struct Reader<'a> {
    rows: Rows<'a>,
    scope: &'a Scope,
    id: Option<Uuid>,
    pruned: u64,
    items: Vec<HistoryEntry>,
    limit: usize,
    rows_left: usize,
    bytes: usize,
}

impl Reader<'_> {
    fn page(self, next: Option<Place>) -> Listed<HistoryEntry> {
        Listed {
            items: self.items,
            next: next.map(|place| place.to_text()),
        }
    }

    async fn read(&mut self, place: &Place) -> Outcome<Ended> {
        let mut range = keys::history_of(&place.prefix, place.newest);
        loop {
            let (page, next) = self.rows.scan(&range, ROWS_AT_ONCE).await?;
            for (key, _) in page {
                let Some((_, version)) = keys::parse_history(&key) else {
                    continue;
                };
                if version <= self.pruned {
                    return Ok(Ended::Beginning);
                }
                let (entry, size) = bare_entry(self.rows, version).await?;
                let entry = whole(self.rows, entry, |prefix| *prefix == place.prefix).await?;
                self.bytes += size;
                self.rows_left -= 1;
                let from = self.id.and_then(|id| came_from(&entry, id, &place.prefix));
                self.add(entry, &place.prefix);
                let full = self.items.len() >= self.limit || self.bytes >= SLICE_BYTES || self.rows_left == 0;
                let older = Place {
                    prefix: from.unwrap_or(place.prefix),
                    newest: version - 1,
                };
                match (full, from) {
                    (true, _) => return Ok(Ended::Full(older)),
                    (false, Some(_)) => return Ok(Ended::MovedFrom(older)),
                    (false, None) => {}
                }
            }
            match next {
                Some(next) => range.start = Some(next),
                None => return Ok(Ended::Beginning),
            }
        }
    }

    /// The entry as the caller may see it, if it is about what was asked for.
    fn add(&mut self, entry: JournalEntry, place: &Prefix) {
        let wanted = |node: &NodeRecord| node.prefix == *place && self.id.is_none_or(|id| node.ip_id == id);
        let change = entry.changes.into_iter().find_map(|image| match image {
            JournalImage::Node { before, after } => {
                let about_it = before.iter().chain(&after).any(wanted);
                about_it.then_some((before, after))
            }
            JournalImage::Tag { .. }
            | JournalImage::Space { .. }
            | JournalImage::User { .. }
            | JournalImage::Entity { .. } => None,
        });
        let Some((before, after)) = change else { return };
        let full = self.scope.covers(place);
        let state = |node: Option<NodeRecord>| -> Option<NodeState> { node_state(node?, self.scope) };
        let (before, after) = (state(before), state(after));
        // Of a node above the scope only prefix and tags are shown, so nothing else shows in its history.
        if !full && before == after {
            return;
        }
        self.items.push(HistoryEntry {
            version: entry.version,
            time: entry.time,
            actor: full.then_some(entry.actor),
            correlation_id: full.then_some(entry.correlation_id),
            command: entry.command,
            before,
            after,
        });
    }
}

/// Where a node was before the command that brought it to a prefix.
fn came_from(entry: &JournalEntry, id: Uuid, to: &Prefix) -> Option<Prefix> {
    let arrived = |node: &NodeRecord| node.ip_id == id && node.prefix == *to;
    let images = || {
        entry.changes.iter().filter_map(|image| match image {
            JournalImage::Node { before, after } => Some((before.as_ref(), after.as_ref())),
            JournalImage::Tag { .. }
            | JournalImage::Space { .. }
            | JournalImage::User { .. }
            | JournalImage::Entity { .. } => None,
        })
    };
    if !images().any(|(_, after)| after.is_some_and(arrived)) {
        return None;
    }
    images()
        .filter_map(|(before, _)| before)
        .find(|before| before.ip_id == id && before.prefix != *to)
        .map(|before| before.prefix)
}

/// Where a node is, or was when it was deleted.
async fn last_place(rows: Rows<'_>, id: Uuid) -> Outcome<Option<Prefix>> {
    let key = keys::id(id);
    match rows.get(&key).await? {
        Some(bytes) => Ok(Some(parse_id_row(&key, &bytes)?)),
        None => Ok(None),
    }
}

/// Where a node was at a version, if it was anywhere.
pub(super) async fn place_of_id(rows: Rows<'_>, id: Uuid, version: u64) -> Outcome<Option<Prefix>> {
    let Some(mut prefix) = last_place(rows, id).await? else {
        return Ok(None);
    };
    let mut newest = u64::MAX;
    loop {
        // The first state of the node at this place behind the version, and the state at the version.
        let mut arrival = None;
        let mut range = keys::history_of(&prefix, newest);
        'states: loop {
            let (page, next) = rows.scan(&range, ROWS_AT_ONCE).await?;
            for (key, bytes) in page {
                let Some((_, at)) = keys::parse_history(&key) else {
                    continue;
                };
                let node = decode::<HistoryRecord>(&key, &bytes)?.node;
                let is_it = node.is_some_and(|node| node.ip_id == id);
                if at <= version {
                    if is_it {
                        return Ok(Some(prefix));
                    }
                    break 'states;
                }
                if is_it {
                    arrival = Some(at);
                }
            }
            match next {
                Some(next) => range.start = Some(next),
                None => break,
            }
        }
        let Some(arrival) = arrival else {
            return Ok(None);
        };
        match came_from(&bare_entry(rows, arrival).await?.0, id, &prefix) {
            Some(from) => prefix = from,
            None => return Ok(None),
        }
        newest = arrival - 1;
    }
}
