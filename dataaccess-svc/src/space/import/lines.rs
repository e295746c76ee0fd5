//! Decides the lines of a part, each on the effects of those before it. A line that breaks a rule fails by itself;
//! what is wrong with the store fails the part.
//!
//! The rules are those of creating and changing single nodes; what differs is how the state they go by is found: the
//! nodes of the part are kept in memory and written together at its end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Included};
use std::sync::Arc;

use cadastre_api_types::internal::{FailedLine, Image, ImageChange, ImportLine, ImportRecord, LineOutcome};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::tags::{Resolved, TagName, TagValue};
use cadastre_domain::{Family, Prefix};
use uuid::Uuid;

use super::super::context::{Context, resolve_stored};
use super::super::decide::{Decider, Effects, node_rows};
use super::super::free_index::Placed;
use super::super::reject::{check_beneath, rejecting};
use super::super::view::node_view;
use super::known::Known;
use crate::errors::{Failure, Outcome};
use crate::records::{LengthCounts, NodeRecord};
use crate::rows::Overlay;

/// Lines after which others have a turn.
const TURN: usize = 256;

/// What comes of the lines of a part.
pub(super) struct Decided {
    pub(super) effects: Effects,
    /// One per record.
    pub(super) outcomes: Vec<LineOutcome>,
    pub(super) failed: Vec<FailedLine>,
}

/// Decides records.
pub(super) async fn decide(
    decider: &Decider<'_>,
    records: &[ImportRecord],
    update: bool,
    shown: bool,
) -> Outcome<Decided> {
    let rows = decider.resolver.rows();
    let prefixes = records.iter().filter_map(|record| match record {
        ImportRecord::Line(line) => Some(&line.prefix),
        ImportRecord::Bad(_) => None,
    });
    let head = decider.resolver.head();
    let lengths = |family, counts: &LengthCounts| {
        let lengths: Vec<u8> = counts.0.keys().copied().collect();
        lengths.into_iter().map(move |len| (family, len))
    };
    let mut lines = Lines {
        decider,
        update,
        known: Known::about(rows, prefixes).await?,
        rejects: !rejecting(decider.resolver.vocabulary()).is_empty(),
        nodes: BTreeMap::new(),
        order: Vec::new(),
        lengths: lengths(Family::V4, &head.counts4)
            .chain(lengths(Family::V6, &head.counts6))
            .collect(),
        contexts: HashMap::new(),
        moves_epoch: false,
        overlay: None,
        unwritten: Vec::new(),
        shown: shown.then(Vec::new),
    };
    let mut outcomes = Vec::with_capacity(records.len());
    let mut failed = Vec::new();
    for (at, record) in records.iter().enumerate() {
        if at % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let outcome = match record {
            ImportRecord::Bad(bad) => {
                failed.push(bad.clone());
                LineOutcome::Failed
            }
            ImportRecord::Line(line) => match lines.take(line).await {
                Ok(outcome) => outcome,
                Err(Failure::Refused(error)) => {
                    failed.push(failed_line(line, *error));
                    LineOutcome::Failed
                }
                Err(failure) => return Err(failure),
            },
        };
        outcomes.push(outcome);
    }
    Ok(Decided {
        effects: lines.effects(),
        outcomes,
        failed,
    })
}

fn failed_line(line: &ImportLine, error: ApiError) -> FailedLine {
    FailedLine {
        line: line.line,
        prefix: Some(line.prefix.to_string()),
        tags: line
            .tags
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        description: line.description.clone(),
        code: error.code,
        message: error.message,
    }
}

/// A node that the part has made or changed.
struct Touched {
    before: Option<NodeRecord>,
    after: NodeRecord,
    /// The line that did it last.
    line: u64,
    /// The node above it when it was made.
    parent: Option<Prefix>,
}

struct Lines<'a> {
    decider: &'a Decider<'a>,
    update: bool,
    known: Known<'a>,
    /// There are tags with the conflict policy `Reject`.
    rejects: bool,
    nodes: BTreeMap<Prefix, Touched>,
    /// The same in the order in which they were first touched.
    order: Vec<Prefix>,
    /// Lengths in use, by stored nodes and by those that the part has made.
    lengths: BTreeSet<(Family, u8)>,
    /// What flows down from the nodes above the lines.
    contexts: HashMap<Prefix, Arc<Context>>,
    moves_epoch: bool,
    /// The rows of the part so far, for checks that go by rows.
    overlay: Option<Overlay>,
    /// Nodes whose rows are not in it yet.
    unwritten: Vec<Prefix>,
    /// For a dry run: what would change.
    shown: Option<Vec<ImageChange>>,
}

impl Lines<'_> {
    async fn take(&mut self, line: &ImportLine) -> Outcome<LineOutcome> {
        self.decider.check_scope(&line.prefix, "import")?;
        let touched = self.nodes.get(&line.prefix);
        let (stored, earlier) = match touched {
            Some(touched) => (Some(touched.after.clone()), Some(touched.line)),
            None => (self.known.node(&line.prefix).await?, None),
        };
        let Some(stored) = stored else {
            return self.create(line).await;
        };
        let same_text = line
            .description
            .as_ref()
            .is_none_or(|text| *text == stored.description);
        if same_text && stored.tags == line.tags {
            return Ok(LineOutcome::Unchanged);
        }
        if !self.update {
            let (prefix, id) = (line.prefix, stored.ip_id);
            let message = match earlier {
                Some(earlier) => {
                    format!("{prefix} is on line {earlier} already, with other tags or another description.")
                }
                None => format!(
                    "{prefix} exists with other tags or another description (id {id}); update=true changes it."
                ),
            };
            return Err(Failure::refused(ErrorCode::Duplicate, message));
        }
        self.change(line, stored).await
    }

    async fn create(&mut self, line: &ImportLine) -> Outcome<LineOutcome> {
        let decider = self.decider;
        let node = NodeRecord {
            v: 1,
            ip_id: Uuid::now_v7(),
            prefix: line.prefix,
            tags: line.tags.clone(),
            description: line.description.clone().unwrap_or_default(),
            created_on: decider.time,
            modified_on: decider.time,
            revision: decider.version,
            pool: None,
            hold: None,
        };
        let above = self.context_above(&node.prefix).await?;
        let resolved = decider.resolve_new(&node, &above)?;
        let has_beneath = self.has_beneath(&node.prefix).await?;
        if has_beneath {
            let before = |tag: &TagName| above.inherited.get(tag).map(|(value, _)| value.clone());
            self.check_beneath(&node.prefix, before, &resolved).await?;
        }
        self.show(None, (&node, &above, &resolved));
        self.moved(has_beneath);
        let prefix = node.prefix;
        self.lengths.insert((prefix.family(), prefix.len()));
        self.order.push(prefix);
        self.touch(Touched {
            before: None,
            after: node,
            line: line.line,
            parent: above.parent().map(|link| link.prefix),
        });
        Ok(LineOutcome::Created)
    }

    async fn change(&mut self, line: &ImportLine, before: NodeRecord) -> Outcome<LineOutcome> {
        let decider = self.decider;
        let above = self.context_above(&before.prefix).await?;
        let old = resolve_stored(decider.resolver.vocabulary(), &before, &above)?;
        let mut after = before.clone();
        after.tags = line.tags.clone();
        if let Some(text) = &line.description {
            text.clone_into(&mut after.description);
        }
        after.modified_on = decider.time;
        after.revision = decider.version;
        let resolved = decider.resolve_new(&after, &above)?;
        let moves = before.tags != after.tags && self.has_beneath(&after.prefix).await?;
        if moves {
            let known = |tag: &TagName| old.get(tag).cloned();
            self.check_beneath(&after.prefix, known, &resolved).await?;
        }
        self.show(Some((&before, &old)), (&after, &above, &resolved));
        self.moved(moves);
        match self.nodes.get_mut(&after.prefix) {
            Some(touched) => {
                touched.after = after;
                touched.line = line.line;
                self.unwritten.push(line.prefix);
            }
            None => {
                self.order.push(after.prefix);
                self.touch(Touched {
                    before: Some(before),
                    after,
                    line: line.line,
                    parent: None,
                });
            }
        }
        // What flows down from it may be remembered from before.
        self.contexts.remove(&line.prefix);
        Ok(LineOutcome::Updated)
    }

    fn touch(&mut self, touched: Touched) {
        let prefix = touched.after.prefix;
        self.nodes.insert(prefix, touched);
        self.unwritten.push(prefix);
    }

    /// What is known of the tree above others is not true any more.
    fn moved(&mut self, moved: bool) {
        if moved {
            self.moves_epoch = true;
            self.contexts.clear();
        }
    }

    fn show(
        &mut self,
        before: Option<(&NodeRecord, &Resolved)>,
        after: (&NodeRecord, &Arc<Context>, &Resolved),
    ) {
        let Some(shown) = &mut self.shown else { return };
        let (node, above, resolved) = after;
        let scope = &self.decider.context.scope;
        let image = |node: &NodeRecord, resolved: &Resolved| {
            Image::Node(node_view(
                node.clone(),
                above,
                resolved,
                scope.visibility(&node.prefix),
            ))
        };
        shown.push(ImageChange {
            before: before.map(|(node, resolved)| image(node, resolved)),
            after: Some(image(node, resolved)),
        });
    }

    /// The tightest node above a prefix, as the part has left it so far.
    async fn parent(&mut self, of: &Prefix) -> Outcome<Option<NodeRecord>> {
        let family = of.family();
        for (_, len) in self.lengths.range((family, 0)..(family, of.len())).rev() {
            let at = of.truncate(*len);
            if let Some(touched) = self.nodes.get(&at) {
                return Ok(Some(touched.after.clone()));
            }
            if let Some(node) = self.known.node(&at).await? {
                return Ok(Some(node));
            }
        }
        Ok(None)
    }

    async fn context_above(&mut self, prefix: &Prefix) -> Outcome<Arc<Context>> {
        let mut unknown = Vec::new();
        let mut at = *prefix;
        let mut context = loop {
            let Some(parent) = self.parent(&at).await? else {
                break Arc::default();
            };
            if let Some(known) = self.contexts.get(&parent.prefix) {
                break Arc::clone(known);
            }
            at = parent.prefix;
            unknown.push(parent);
        };
        while let Some(node) = unknown.pop() {
            let resolved = resolve_stored(self.decider.resolver.vocabulary(), &node, &context)?;
            context = Arc::new(context.below(&node, &resolved));
            self.contexts.insert(node.prefix, Arc::clone(&context));
        }
        Ok(context)
    }

    async fn has_beneath(&self, prefix: &Prefix) -> Outcome<bool> {
        let made = (Excluded(*prefix), Included(prefix.last_descendant()));
        if self.nodes.range(made).next().is_some() {
            return Ok(true);
        }
        let head = self.decider.resolver.head();
        let stored = match prefix.family() {
            Family::V4 => &head.counts4,
            Family::V6 => &head.counts6,
        };
        if !stored.0.keys().any(|len| *len > prefix.len()) {
            return Ok(false);
        }
        self.known.has_beneath(prefix).await
    }

    /// The check of what lies beneath goes by rows, so those of the part so far are made for it.
    async fn check_beneath(
        &mut self,
        at: &Prefix,
        before: impl Fn(&TagName) -> Option<TagValue>,
        after: &Resolved,
    ) -> Outcome<()> {
        if !self.rejects {
            return Ok(());
        }
        let stored = self.decider.resolver.rows();
        let overlay = self
            .overlay
            .get_or_insert_with(|| stored.overlay().cloned().unwrap_or_default());
        for prefix in self.unwritten.drain(..) {
            if let Some(touched) = self.nodes.get(&prefix) {
                let mut writes = Vec::new();
                write(&mut writes, touched, self.decider);
                overlay.extend(writes);
            }
        }
        let vocabulary = self.decider.resolver.vocabulary();
        check_beneath(stored.over(overlay), vocabulary, at, before, after).await
    }

    fn effects(mut self) -> Effects {
        let mut effects = Effects {
            moves_epoch: self.moves_epoch,
            changes: self.shown.take().unwrap_or_default(),
            ..Effects::default()
        };
        for prefix in &self.order {
            let Some(touched) = self.nodes.remove(prefix) else {
                continue;
            };
            write(&mut effects.writes, &touched, self.decider);
            if touched.before.is_none() {
                effects.created.push(Placed {
                    prefix: *prefix,
                    parent: touched.parent,
                });
            }
            effects.journal_nodes.push(*prefix);
        }
        effects
    }
}

fn write(writes: &mut crate::idempotency::RowWrites, touched: &Touched, decider: &Decider<'_>) {
    node_rows(
        writes,
        touched.before.as_ref(),
        Some(&touched.after),
        decider.time,
        decider.version,
    );
}
