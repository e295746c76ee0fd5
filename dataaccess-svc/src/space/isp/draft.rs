//! A command of the provider's side while it is decided: what it has changed so far lies above the rows, so that its later
//! steps see its earlier ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{IfMatch, Image, ImageChange};
use cadastre_domain::isp::{Entity, EntityKey, IspError, Kept};
use cadastre_storage::{KeyRange, RowKey};

use super::super::decide::{Decider, Decision, Effects, check_if_match};
use super::book::Book;
use super::journal::is_seen;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{EntityRecord, JournalImage, Record, decode, encode};

/// What a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// Things of the provider's side.
    Things,
    /// Nodes of the tree; things change because of them.
    Nodes,
}

/// A thing that a command changes: which, as it was, as it is now.
type Touched = (EntityKey, Option<Kept<Entity>>, Option<Kept<Entity>>);

/// See the module.
pub(super) struct Draft<'d, 'a> {
    pub(super) decider: &'d Decider<'a>,
    /// The caller's condition, for the command's subject.
    if_match: Option<&'d IfMatch>,
    /// Nodes made, removed and changed, with their rows.
    pub(super) effects: Effects,
    /// Other rows, the last word on each.
    rows: BTreeMap<RowKey, Option<Bytes>>,
    /// Rows beneath this command that were read before they were asked for.
    ahead: BTreeMap<RowKey, Option<Bytes>>,
    /// Things changed, in the order in which they were first touched: as they were, and as they are now.
    things: Vec<Touched>,
    /// The book, if it changes.
    book: Option<Book>,
    /// Things that are answered beside those that change.
    shown: Vec<Kept<Entity>>,
    /// Which things are answered first.
    first: Vec<EntityKey>,
    /// What pools count differently.
    pub(super) counts: super::counters::Changes,
    /// What is to be told outside: event and payload.
    pub(super) events: Vec<(String, serde_json::Value)>,
}

impl<'d, 'a> Draft<'d, 'a> {
    /// Nothing yet.
    pub(super) fn new(decider: &'d Decider<'a>, if_match: Option<&'d IfMatch>) -> Self {
        Self {
            decider,
            if_match,
            effects: Effects::default(),
            rows: BTreeMap::new(),
            ahead: BTreeMap::new(),
            things: Vec::new(),
            book: None,
            shown: Vec::new(),
            first: Vec::new(),
            counts: super::counters::Changes::default(),
            events: Vec::new(),
        }
    }

    /// The book as this command has it.
    pub(super) fn book(&self) -> &Book {
        self.book.as_ref().unwrap_or(self.decider.book)
    }

    /// Bytes of a row as this command has it.
    pub(super) async fn bytes(&self, key: &RowKey) -> Outcome<Option<Bytes>> {
        if let Some(known) = self.rows.get(key).or_else(|| self.ahead.get(key)) {
            return Ok(known.clone());
        }
        self.decider.resolver.rows().get(key).await
    }

    /// Reads rows together that will be asked for one by one, where each read is a round trip.
    pub(super) async fn read_ahead(&mut self, mut keys: Vec<RowKey>) -> Outcome<()> {
        let rows = self.decider.resolver.rows();
        if rows.is_near() {
            return Ok(());
        }
        keys.retain(|key| !self.ahead.contains_key(key));
        keys.sort_unstable();
        keys.dedup();
        let found = rows.get_many(&keys).await?;
        self.ahead.extend(keys.into_iter().zip(found));
        Ok(())
    }

    /// A row as this command has it.
    pub(super) async fn row<R: Record>(&self, key: &RowKey) -> Outcome<Option<R>> {
        match self.bytes(key).await? {
            Some(bytes) => Ok(Some(decode(key, &bytes)?)),
            None => Ok(None),
        }
    }

    /// Writes a row.
    pub(super) fn write<R: Record>(&mut self, key: RowKey, record: &R) {
        self.rows.insert(key, Some(encode(record)));
    }

    /// Writes or removes a row.
    pub(super) fn write_bytes(&mut self, key: RowKey, value: Option<Bytes>) {
        self.rows.insert(key, value);
    }

    /// Whether this command has written or removed a row.
    pub(super) fn has_written(&self, key: &RowKey) -> bool {
        self.rows.contains_key(key)
    }

    /// The rows of this command so far.
    pub(super) fn written(&self) -> &BTreeMap<RowKey, Option<Bytes>> {
        &self.rows
    }

    /// Writes a row that says all by its key.
    pub(super) fn mark(&mut self, key: RowKey) {
        self.rows.insert(key, Some(Bytes::from_static(b"{\"V\":1}")));
    }

    /// Removes a row.
    pub(super) fn erase(&mut self, key: RowKey) {
        self.rows.insert(key, None);
    }

    /// A thing as this command has it. Reservations and VLAN bindings: see `places.rs`.
    pub(super) async fn thing(&self, key: &EntityKey) -> Outcome<Option<Kept<Entity>>> {
        if let Some((_, _, now)) = self.things.iter().find(|(known, _, _)| known == key) {
            return Ok(now.clone());
        }
        if let Some(found) = self.book().get(key) {
            return Ok(found);
        }
        match keys::entity(key) {
            Some(row) => Ok(self.row::<EntityRecord>(&row).await?.map(Into::into)),
            None => self.placed_thing(key).await,
        }
    }

    /// Sets a thing, whose row is `row`; `before` as [`Draft::thing`] gave it.
    pub(super) fn put_at(
        &mut self,
        row: RowKey,
        before: Option<Kept<Entity>>,
        value: Entity,
    ) -> Kept<Entity> {
        let after = self.put_quietly(row, before.as_ref(), value);
        let key = after.value.key();
        match self.things.iter_mut().find(|(known, _, _)| *known == key) {
            Some((_, _, now)) => *now = Some(after.clone()),
            None => self.things.push((key, before, Some(after.clone()))),
        }
        after
    }

    /// The same, and neither the journal nor the answer tells of it.
    pub(super) fn put_quietly(
        &mut self,
        row: RowKey,
        before: Option<&Kept<Entity>>,
        value: Entity,
    ) -> Kept<Entity> {
        let after = Kept {
            value,
            created: before.map_or(self.decider.time, |before| before.created),
            modified: self.decider.time,
            revision: self.decider.version,
        };
        if Book::holds(&after.value) {
            let book = self
                .book
                .get_or_insert_with(|| self.decider.book.as_ref().clone());
            if let Some(before) = before {
                book.remove(&before.value);
            }
            book.put(&after);
        }
        self.write(row, &EntityRecord::from(&after));
        after
    }

    /// Sets a thing that has a row of its own.
    pub(super) fn put(&mut self, before: Option<Kept<Entity>>, value: Entity) -> Kept<Entity> {
        match keys::entity(&value.key()) {
            Some(row) => self.put_at(row, before, value),
            None => unreachable!("a {} is put at its place", value.kind().noun()),
        }
    }

    /// Removes a thing, whose row is `row`.
    pub(super) fn remove_at(&mut self, row: RowKey, before: Kept<Entity>) {
        if Book::holds(&before.value) {
            let book = self
                .book
                .get_or_insert_with(|| self.decider.book.as_ref().clone());
            book.remove(&before.value);
        }
        self.erase(row);
        let key = before.value.key();
        match self.things.iter_mut().find(|(known, _, _)| *known == key) {
            Some((_, _, now)) => *now = None,
            None => self.things.push((key, Some(before), None)),
        }
    }

    /// Removes a thing that has a row of its own.
    pub(super) fn remove(&mut self, before: Kept<Entity>) {
        match keys::entity(&before.value.key()) {
            Some(row) => self.remove_at(row, before),
            None => unreachable!("a {} is removed from its place", before.value.kind().noun()),
        }
    }

    /// Holds the caller's `If-Match` against the command's subject.
    pub(super) fn check_if_match(&self, revision: u64) -> Outcome<()> {
        check_if_match(self.if_match, revision)
    }

    /// Which things are answered first, in this order.
    pub(super) fn answer_first(&mut self, keys: Vec<EntityKey>) {
        self.first = keys;
    }

    /// Answers with a thing, also if it stays as it is.
    pub(super) fn show(&mut self, kept: Kept<Entity>) {
        self.shown.push(kept);
    }

    /// Has something to be told outside.
    pub(super) fn tell(&mut self, event: &str, payload: serde_json::Value) {
        debug_assert!(cadastre_domain::isp::outbox::EVENTS.contains(&event), "{event}");
        self.events.push((event.to_owned(), payload));
    }

    /// What comes of it.
    pub(super) async fn finish(mut self, first: First) -> Outcome<Decision> {
        super::counters::settle(&mut self).await?;
        super::outbox::post(&mut self)?;
        let mut things = self.things;
        let place = |key: &EntityKey| {
            self.first
                .iter()
                .position(|first| first == key)
                .unwrap_or(usize::MAX)
        };
        if !self.first.is_empty() {
            things.sort_by_cached_key(|(key, _, _)| place(key));
        }
        things.retain(|(_, before, after)| before.is_some() || after.is_some());
        let unchanged = self.rows.is_empty() && self.effects.writes.is_empty();
        let mut effects = self.effects;
        effects.writes.extend(self.rows);
        effects.book = self.book.map(Arc::new);
        let image = |kept: &Option<Kept<Entity>>| kept.clone().map(|kept| Image::Entity(Box::new(kept)));
        // Things first: the command's subject is one of them.
        let (mut nodes, mut node_changes) = match first {
            First::Things => (
                std::mem::take(&mut effects.journal),
                std::mem::take(&mut effects.changes),
            ),
            First::Nodes => (Vec::new(), Vec::new()),
        };
        let scope = &self.decider.context.scope;
        for (_, before, after) in &things {
            // Who is narrowed to a subtree is not told what of the whole space came along.
            let seen = [before, after]
                .into_iter()
                .flatten()
                .all(|kept| is_seen(&kept.value, scope));
            if self.decider.free.is_none() && seen {
                effects.changes.push(ImageChange {
                    before: image(before),
                    after: image(after),
                });
            }
            effects.journal.push(JournalImage::Entity {
                before: before.clone().map(Box::new),
                after: after.clone().map(Box::new),
            });
        }
        effects.journal.append(&mut nodes);
        effects.changes.append(&mut node_changes);
        if first == First::Things {
            let left = things.into_iter().filter_map(|(_, _, after)| after);
            effects.things = left.filter(|kept| is_seen(&kept.value, scope)).collect();
        }
        for kept in self.shown {
            let key = kept.value.key();
            if !effects.things.iter().any(|known| known.value.key() == key) {
                effects.things.push(kept);
            }
        }
        if unchanged {
            return Ok(Decision::Same(std::mem::take(&mut effects.things)));
        }
        Ok(Decision::Change(Box::new(effects)))
    }
}

impl Draft<'_, '_> {
    /// Rows of a range as this command has them, about `limit`, and where to go on if there may be more.
    pub(super) async fn scan(
        &self,
        range: &KeyRange,
        limit: usize,
    ) -> Outcome<(Vec<(RowKey, Bytes)>, Option<RowKey>)> {
        let (page, next) = self.decider.resolver.rows().scan(range, limit).await?;
        let mut found = Vec::new();
        crate::rows::merge(
            &mut found,
            page.into_iter(),
            &self.rows,
            range,
            next.as_ref(),
            Bytes::clone,
        );
        Ok((found, next))
    }

    /// All rows of a range that has few, as this command has them.
    pub(super) async fn all(&self, mut range: KeyRange) -> Outcome<Vec<(RowKey, Bytes)>> {
        let mut found = Vec::new();
        loop {
            let (mut page, next) = self.scan(&range, 512).await?;
            found.append(&mut page);
            match next {
                Some(next) => range.start = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// The first row of a range as this command has it.
    pub(super) async fn first(&self, mut range: KeyRange) -> Outcome<Option<(RowKey, Bytes)>> {
        loop {
            let (page, next) = self.scan(&range, 8).await?;
            match (page.into_iter().next(), next) {
                (Some(found), _) => return Ok(Some(found)),
                (None, Some(next)) => range.start = Some(next),
                (None, None) => return Ok(None),
            }
        }
    }

    /// Bytes of several rows as this command has them, read together.
    pub(super) async fn many(&self, keys: &[RowKey]) -> Outcome<Vec<Option<Bytes>>> {
        let beneath = self.decider.resolver.rows().get_many(keys).await?;
        let found = keys
            .iter()
            .zip(beneath)
            .map(|(key, beneath)| match self.rows.get(key) {
                Some(own) => own.clone(),
                None => beneath,
            });
        Ok(found.collect())
    }
}

/// The refusal of a value that breaks a rule of its own.
pub(super) fn invalid(error: &IspError) -> Failure {
    Failure::Refused(Box::new(
        cadastre_api_types::ApiError::new(ErrorCode::InvalidValue, sentence(&error.message))
            .with_details(serde_json::json!({ "field": error.field })),
    ))
}

/// A message as a sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|c| c.to_uppercase().collect::<String>())
        .unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}
