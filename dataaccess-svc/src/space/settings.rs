//! Nodes that set a tag to a value that begins with a text, and definitions whose names do: over the rows of the
//! index, in jumps from one spelling to the next.

use cadastre_api_types::internal::NodeView;
use cadastre_domain::search::{SearchTerms, SettingTerm};
use cadastre_domain::tags::{TagName, TagValue};
use cadastre_domain::{Prefix, Scope, Visibility};
use cadastre_storage::RowKey;

use super::SpaceHandle;
use super::context::Resolver;
use super::segments;
use super::view::node_view;
use crate::errors::Outcome;
use crate::keys;
use crate::records::{NodeRecord, RecordError, TagRecord, decode};
use crate::rows::Rows;
use crate::search::{IndexTerm, Place, Spelled};

/// Rows of one scan while every row is wanted.
const BATCH: usize = 256;

/// What nodes shall set, and which nodes another reading of the same text finds already.
pub(crate) struct SettingQuestion<'q> {
    terms: &'q SearchTerms,
    term: &'q SettingTerm,
    index: IndexTerm,
}

/// Nodes with the setting that they were found by.
pub(crate) struct Setters {
    pub nodes: Vec<(NodeView, TagName, TagValue)>,
    /// Where to go on.
    pub next: Option<Place>,
    /// Rows looked at.
    pub looked: usize,
}

/// An entry of the index.
struct IndexEntry {
    tag: TagName,
    value: TagValue,
    prefix: Prefix,
}

impl<'q> SettingQuestion<'q> {
    /// The question in what is looked for, if no tag's rules forbid it.
    pub(crate) fn of(terms: &'q SearchTerms) -> Option<Self> {
        let term = terms.setting.as_ref()?;
        // No key is longer than the longest value makes it.
        let legal = term.value.is_empty() || TagValue::new(&term.value).is_ok();
        legal.then(|| Self {
            terms,
            term,
            index: IndexTerm::new(term),
        })
    }

    fn start(&self, after: Option<&Place>) -> Option<String> {
        match after {
            Some(Place::Setting(tag, value, prefix)) => {
                let entry = keys::value(tag, value, prefix);
                self.index.earliest(&format!("{}-", keys::index_text(&entry)))
            }
            None | Some(Place::Node(_) | Place::Definition(_) | Place::Definitions | Place::Named(..)) => {
                self.index.earliest("")
            }
        }
    }

    /// Whether the index has such an entry behind a place, and how many rows it took to know; also `true` when it took too
    /// many.
    pub(crate) async fn first(
        &self,
        rows: Rows<'_>,
        after: Option<&Place>,
        most: usize,
    ) -> Outcome<(bool, usize)> {
        let mut from = self.start(after);
        let mut looked = 0;
        while let Some(at) = from {
            looked += 1;
            let Some((key, _)) = rows.first(&keys::index_range(&at)).await? else {
                return Ok((false, looked));
            };
            let text = keys::index_text(&key);
            if self.index.matches(text) || looked >= most {
                return Ok((true, looked));
            }
            from = self.index.earliest(text);
        }
        Ok((false, looked))
    }

    /// The first setting of a node, in the order of the index, that is looked for; `None` also for a node that
    /// another reading finds.
    fn found_by(&self, node: &NodeRecord) -> Option<(TagName, TagValue)> {
        if self.terms.id == Some(node.ip_id) || self.terms.finds_by_address(&node.prefix) {
            return None;
        }
        node.tags
            .iter()
            .filter(|(tag, value)| self.term.matches(tag, value))
            .min_by_key(|(tag, value)| keys::value(tag, value, &node.prefix))
            .map(|(tag, value)| (tag.clone(), value.clone()))
    }
}

impl SpaceHandle {
    /// The nodes that set a tag as is looked for, behind a place: `limit` of them, or as many as are in `most`
    /// rows. For a caller who sees the whole space they come by tag, value and prefix; for one who sees parts of it, in
    /// order of their prefixes, since neither the work nor a position may tell anything of the rest.
    pub(crate) async fn set_to(
        &self,
        scope: &Scope,
        question: &SettingQuestion<'_>,
        after: Option<&Place>,
        limit: usize,
        most: usize,
    ) -> Outcome<Setters> {
        self.consistent(|published| async move {
            let resolver = self.resolver(&published);
            let mut walk = Walk {
                resolver: &resolver,
                scope,
                question,
                limit,
                most,
                found: Setters {
                    nodes: Vec::new(),
                    next: None,
                    looked: 0,
                },
            };
            match scope {
                Scope::Whole => walk.index(after).await?,
                Scope::Within(_) => walk.segments(after).await?,
            }
            Ok(walk.found)
        })
        .await
    }
}

struct Walk<'w> {
    resolver: &'w Resolver<'w>,
    scope: &'w Scope,
    question: &'w SettingQuestion<'w>,
    limit: usize,
    most: usize,
    found: Setters,
}

impl Walk<'_> {
    /// Over the index.
    async fn index(&mut self, after: Option<&Place>) -> Outcome<()> {
        let rows = self.resolver.rows();
        let index = &self.question.index;
        let mut from = self.question.start(after);
        // Behind a jump most often one row decides about the next jump.
        let mut batch = 1;
        while let Some(at) = from.take() {
            let (entries, _) = rows.scan(&keys::index_range(&at), batch).await?;
            batch = 1;
            for (key, _) in &entries {
                self.found.looked += 1;
                let entry = parse(key)?;
                let text = keys::index_text(key);
                let matches = index.matches(text);
                if matches {
                    self.take(&entry).await?;
                }
                if self.is_done() {
                    self.found.next = Some(Place::Setting(entry.tag, entry.value, entry.prefix));
                    return Ok(());
                }
                if !matches {
                    from = index.earliest(text);
                    batch = 1;
                    break;
                }
                from = index.earliest(&format!("{text}-"));
                batch = (self.limit - self.found.nodes.len()).clamp(1, BATCH);
            }
        }
        Ok(())
    }

    async fn take(&mut self, entry: &IndexEntry) -> Outcome<()> {
        self.found.looked += 1;
        let Some(node) = self.resolver.rows().node(&entry.prefix).await? else {
            return Ok(());
        };
        // A node with several such settings comes with the first of them.
        match self.question.found_by(&node) {
            Some((tag, value)) if tag == entry.tag && value == entry.value => {
                self.push(node, tag, value).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Over the nodes that the caller sees.
    async fn segments(&mut self, after: Option<&Place>) -> Outcome<()> {
        let after = match after {
            Some(Place::Node(prefix)) => Some(prefix),
            None
            | Some(Place::Definition(_) | Place::Definitions | Place::Setting(..) | Place::Named(..)) => None,
        };
        let segments = segments::of_space(self.resolver, self.scope).await?;
        for (mut position, segment) in segments::after(segments, after) {
            loop {
                let mut range = keys::node_range(position.as_ref(), segment.last.as_ref());
                if let (None, Some(first)) = (position, segment.first) {
                    range.start = Some(keys::node(&first));
                }
                let batch = (self.most - self.found.looked).clamp(1, BATCH);
                let (rows, next) = self.resolver.rows().scan(&range, batch).await?;
                for (key, bytes) in &rows {
                    let node: NodeRecord = decode(key, bytes)?;
                    let prefix = node.prefix;
                    position = Some(prefix);
                    self.found.looked += 1;
                    if let Some((tag, value)) = self.question.found_by(&node) {
                        self.push(node, tag, value).await?;
                    }
                    if self.is_done() {
                        self.found.next = Some(Place::Node(prefix));
                        return Ok(());
                    }
                }
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.found.nodes.len() >= self.limit || self.found.looked >= self.most
    }

    async fn push(&mut self, node: NodeRecord, tag: TagName, value: TagValue) -> Outcome<()> {
        let visibility = self.scope.visibility(&node.prefix);
        if visibility == Visibility::Hidden {
            return Ok(());
        }
        let context = self.resolver.context_over(&node).await?;
        let resolved = self.resolver.resolve(&node, &context)?;
        let view = node_view(node, &context, &resolved, visibility);
        self.found.nodes.push((view, tag, value));
        Ok(())
    }
}

fn parse(key: &RowKey) -> Outcome<IndexEntry> {
    match keys::parse_index(key) {
        Some((tag, value, prefix)) => Ok(IndexEntry { tag, value, prefix }),
        None => Err(RecordError::Inconsistent {
            key: key.clone(),
            reason: "this is no entry of the index of values".to_owned(),
        }
        .into()),
    }
}

/// Definitions by the beginning of their names.
pub(crate) struct Definitions {
    pub records: Vec<TagRecord>,
    /// The one to go on behind.
    pub next: Option<TagName>,
    /// Rows looked at.
    pub looked: usize,
}

/// The definitions whose names begin so, behind one of them: `limit` of them, or as many as are in `most` rows.
pub(crate) async fn definitions(
    rows: Rows<'_>,
    beginning: &Spelled,
    after: Option<&TagName>,
    limit: usize,
    most: usize,
) -> Outcome<Definitions> {
    let mut found = Definitions {
        records: Vec::new(),
        next: None,
        looked: 0,
    };
    let mut from = match after {
        Some(name) => beginning.earliest(keys::tag_text(&keys::after_tag(name))),
        None => beginning.earliest(""),
    };
    while let Some(at) = from {
        found.looked += 1;
        let Some((key, bytes)) = rows.first(&keys::tag_range_from(&at)).await? else {
            break;
        };
        let text = keys::tag_text(&key);
        let matches = beginning.begins(text);
        from = if matches {
            beginning.earliest(&format!("{text}-"))
        } else {
            beginning.earliest(text)
        };
        let done = found.records.len() + usize::from(matches) >= limit || found.looked >= most;
        if matches || done {
            let record: TagRecord = decode(&key, &bytes)?;
            found.next = done.then(|| record.name.clone());
            if matches {
                found.records.push(record);
            }
        }
        if done {
            return Ok(found);
        }
    }
    Ok(found)
}
