//! The tree as it was at a version, read from history rows (`h_{prefix}_{descending version}`): the state of one
//! prefix is one short scan, what stood above it one such scan per shorter length, a range one walk.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use cadastre_domain::tags::{Resolved, Vocabulary};
use cadastre_domain::{Prefix, Scope};
use cadastre_storage::{KeyRange, RowKey};
use futures::{StreamExt, TryStreamExt};

use super::context::{Context, resolve_stored};
use super::segments::Segment;
use crate::errors::Outcome;
use crate::keys;
use crate::records::{HistoryRecord, NodeRecord, RecordError, decode};
use crate::rows::Rows;

/// Scans under way at a time when the nodes above a prefix are looked for.
const SCANS_AT_ONCE: usize = 16;
/// Rows that a walk reads at a time.
const WALK_ROWS: usize = 256;
/// Rows of one prefix that a walk reads over before it jumps.
const ROWS_READ_OVER: usize = 16;

/// A space as of a version that is durable.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) version: u64,
    /// The tag definitions as of that version.
    pub(super) vocabulary: &'a Vocabulary,
}

impl<'a> Past<'a> {
    /// The node of a prefix.
    pub(super) async fn node(&self, prefix: &Prefix) -> Outcome<Option<NodeRecord>> {
        match self.rows.first(&keys::history_of(prefix, self.version)).await? {
            Some((key, bytes)) => Ok(decode::<HistoryRecord>(&key, &bytes)?.node),
            None => Ok(None),
        }
    }

    /// The nodes that strictly contained a prefix, shortest first. Which lengths were in use then is not known, so
    /// every shorter one is asked for.
    pub(super) async fn ancestors(&self, of: &Prefix) -> Outcome<Vec<NodeRecord>> {
        let candidates: Vec<Prefix> = (0..of.len()).map(|len| of.truncate(len)).collect();
        let found: Vec<Option<NodeRecord>> = futures::stream::iter(candidates)
            .map(|candidate| async move { self.node(&candidate).await })
            .buffered(SCANS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The nodes above a prefix from the top, each with what flowed down from it.
    pub(super) async fn chain_above(&self, of: &Prefix) -> Outcome<Vec<(Prefix, Arc<Context>)>> {
        let mut context = Arc::new(Context::default());
        let mut chain = Vec::new();
        for node in self.ancestors(of).await? {
            let resolved = self.resolve(&node, &context)?;
            context = Arc::new(context.below(&node, &resolved));
            chain.push((node.prefix, Arc::clone(&context)));
        }
        Ok(chain)
    }

    /// What flowed down to a prefix.
    pub(super) async fn context_above(&self, of: &Prefix) -> Outcome<Arc<Context>> {
        let lowest = self.chain_above(of).await?.pop();
        Ok(lowest.map_or_else(Arc::default, |(_, context)| context))
    }

    /// The tags of a node, given what flowed down to it.
    pub(super) fn resolve(&self, node: &NodeRecord, above: &Context) -> Outcome<Resolved> {
        resolve_stored(self.vocabulary, node, above)
    }

    /// The parts of the space that a scope showed.
    pub(super) async fn segments(&self, scope: &Scope) -> Outcome<Vec<Segment>> {
        let Scope::Within(roots) = scope else {
            return Ok(vec![Segment::everything()]);
        };
        let mut segments = Vec::new();
        for root in roots {
            for above in self.ancestors(root).await? {
                segments.push(Segment::only(above.prefix));
            }
            segments.push(Segment::subtree(*root));
        }
        segments.sort_by_key(|segment| segment.first);
        segments.dedup();
        Ok(segments)
    }

    /// A walk over the nodes of a part, in order, behind a position.
    pub(super) fn walk(&self, part: &Segment, behind: Option<&Prefix>) -> Walk<'a> {
        let mut range = keys::history_range(part.first.as_ref(), part.last.as_ref());
        if let Some(behind) = behind {
            range.start = range.start.max(Some(keys::after_history(behind)));
        }
        Walk {
            past: *self,
            range,
            finished: false,
            rows: VecDeque::new(),
            settled: None,
            read_over: 0,
            rows_read: 0,
        }
    }
}

/// See [`Past::walk`].
pub(super) struct Walk<'a> {
    past: Past<'a>,
    /// What has not been read yet.
    range: KeyRange,
    finished: bool,
    rows: VecDeque<(RowKey, Bytes)>,
    /// The last prefix whose state is known.
    settled: Option<Prefix>,
    read_over: usize,
    /// Rows read so far, the measure of the work done.
    pub(super) rows_read: usize,
}

/// What a step of a walk finds.
pub(super) enum Found {
    /// A node.
    Node(Box<NodeRecord>),
    /// A prefix that had no node.
    Nothing(Prefix),
}

impl Walk<'_> {
    /// The next prefix that has a history by then.
    pub(super) async fn next(&mut self) -> Outcome<Option<Found>> {
        loop {
            let Some((key, bytes)) = self.row().await? else {
                return Ok(None);
            };
            let Some((prefix, version)) = keys::parse_history(&key) else {
                return Err(RecordError::Inconsistent {
                    key,
                    reason: "not a history row".to_owned(),
                }
                .into());
            };
            if self.settled == Some(prefix) {
                self.read_over += 1;
                if self.read_over > ROWS_READ_OVER {
                    self.jump(keys::after_history(&prefix));
                }
                continue;
            }
            if version > self.past.version {
                self.read_over += 1;
                if self.read_over > ROWS_READ_OVER {
                    self.jump(keys::history(&prefix, self.past.version));
                }
                continue;
            }
            self.settled = Some(prefix);
            self.read_over = 0;
            let record: HistoryRecord = decode(&key, &bytes)?;
            return Ok(Some(match record.node {
                Some(node) => Found::Node(Box::new(node)),
                None => Found::Nothing(prefix),
            }));
        }
    }

    /// Goes on behind everything that a prefix contains.
    pub(super) fn skip_beneath(&mut self, prefix: &Prefix) {
        self.jump(keys::after_history(&prefix.last_descendant()));
    }

    fn jump(&mut self, to: RowKey) {
        self.read_over = 0;
        while self.rows.front().is_some_and(|(key, _)| *key < to) {
            self.rows.pop_front();
        }
        if self.rows.is_empty() {
            self.range.start = self.range.start.take().max(Some(to));
        }
    }

    async fn row(&mut self) -> Outcome<Option<(RowKey, Bytes)>> {
        if self.rows.is_empty() && !self.finished {
            let empty = self.range.start.is_some() && self.range.start >= self.range.end;
            if empty {
                self.finished = true;
            } else {
                let (page, next) = self.past.rows.scan(&self.range, WALK_ROWS).await?;
                self.rows_read += page.len();
                self.rows = page.into();
                match next {
                    Some(next) => self.range.start = Some(next),
                    None => self.finished = true,
                }
            }
        }
        Ok(self.rows.pop_front())
    }
}
