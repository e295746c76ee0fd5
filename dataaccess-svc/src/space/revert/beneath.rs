//! What came since a change, and would suffer if it were taken back: nodes that were made or changed beneath a node
//! that goes away, and would resolve to something else without it; nodes that would come to lie outside of theirs.
//!
//! Nodes that have not changed since are not asked: they go back to what they were.

use std::collections::BTreeSet;

use cadastre_api_types::ApiError;
use cadastre_domain::Prefix;
use cadastre_domain::hierarchy::{ChildProbe, ChildScan};
use cadastre_domain::tags::{Resolved, TagName};
use serde_json::json;

use super::super::context::{Resolver, resolve_stored};
use super::super::decide::Decider;
use super::super::read_ahead::ReadAhead;
use super::super::restructure::adoption::alike;
use super::cannot;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{HistoryRecord, NodeRecord, decode};

/// Looks at what lies beneath nodes that go away.
pub(super) struct Beneath<'a> {
    decider: &'a Decider<'a>,
    /// The tree without the change.
    new: &'a Resolver<'a>,
    /// The change.
    version: u64,
    /// The nodes of the change.
    named: &'a BTreeSet<Prefix>,
    looked_at: usize,
    /// The first thing in the way.
    found: Option<Failure>,
}

impl<'a> Beneath<'a> {
    pub(super) fn new(
        decider: &'a Decider<'a>,
        new: &'a Resolver<'a>,
        version: u64,
        named: &'a BTreeSet<Prefix>,
    ) -> Self {
        Self {
            decider,
            new,
            version,
            named,
            looked_at: 0,
            found: None,
        }
    }

    /// What stands in the way.
    pub(super) fn finish(self) -> Option<ApiError> {
        self.found.map(ApiError::from)
    }

    /// Whether nothing at all can have come since.
    fn nothing_since(&self) -> bool {
        self.decider.resolver.head().version == self.version
    }

    /// Counts a row that is looked at: the writer must not stand still for long.
    async fn look(&mut self, within: &Prefix) -> Outcome<()> {
        self.looked_at += 1;
        if self.looked_at.is_multiple_of(512) {
            tokio::task::yield_now().await;
        }
        if self.looked_at <= self.decider.verify_rows {
            return Ok(());
        }
        let most = self.decider.verify_rows;
        Err(cannot(
            self.version,
            &format!(
                "there are too many nodes in {within} to check that those that came since keep their tags: more than \
                 {most} would have to be looked at. Delete or change the nodes one by one instead"
            ),
            json!({ "prefix": within, "mostLookedAt": most }),
        ))
    }

    /// A node that goes back to another prefix leaves nothing outside that came since, and passes no node on its way.
    pub(super) async fn check_move(&mut self, from: Prefix, to: Prefix) -> Outcome<()> {
        if self.nothing_since() || self.found.is_some() {
            return Ok(());
        }
        if to.strictly_contains(&from) {
            let rows = self.decider.resolver.rows();
            let parent = rows.parent(&from, self.decider.resolver.head()).await?;
            if let Some(parent) = parent
                && to.strictly_contains(&parent.prefix)
                && !self.named.contains(&parent.prefix)
            {
                self.found = Some(self.refuse(
                    &parent,
                    &format!("{} came since and lies between {from} and {to}", parent.prefix),
                ));
            }
            return Ok(());
        }
        self.check_not_left_outside(from, to).await
    }

    async fn check_not_left_outside(&mut self, from: Prefix, to: Prefix) -> Outcome<()> {
        let rows = self.decider.resolver.rows();
        let mut scan = ChildScan::of(from);
        let mut nodes = ReadAhead::new(rows);
        while let Some(probe) = scan.probe() {
            self.look(&from).await?;
            let node = nodes.first_node(&probe).await?;
            let (Some(child), Some(node)) = (scan.feed(node.as_ref().map(|node| node.prefix)), node) else {
                continue;
            };
            if to.contains(&child) {
                // What else lies inside stays beneath it, too.
                scan = scan.resume_after(to);
            } else if node.revision > self.version
                && !self.named.contains(&child)
                && !self.was_there(&node).await?
            {
                let why = format!("{child} came since beneath {from} and would lie outside of {to}");
                self.found = Some(self.refuse(&node, &why));
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether a node was at its prefix when the change was made.
    async fn was_there(&self, node: &NodeRecord) -> Outcome<bool> {
        let rows = self.decider.resolver.rows();
        let then = rows.first(&keys::history_of(&node.prefix, self.version)).await?;
        Ok(match then {
            Some((key, bytes)) => {
                let state: HistoryRecord = decode(&key, &bytes)?;
                state.node.is_some_and(|then| then.ip_id == node.ip_id)
            }
            None => false,
        })
    }

    /// Nodes that came since keep their resolved tags, in these parts of the tree.
    pub(super) async fn check_tags(&mut self, regions: &BTreeSet<Prefix>) -> Outcome<()> {
        if self.nothing_since() {
            return Ok(());
        }
        for region in regions {
            if self.found.is_none() {
                self.walk(region).await?;
            }
        }
        Ok(())
    }

    /// Walks over a region, passing over everything to which the same flows down as before.
    async fn walk(&mut self, region: &Prefix) -> Outcome<()> {
        let (old, new) = (&self.decider.resolver, self.new);
        let mut probe = ChildProbe {
            after: Some(*region),
            up_to: Some(region.last_descendant()),
        };
        while let Some(node) = new.rows().first_node(&probe).await? {
            self.look(region).await?;
            let prefix = node.prefix;
            let unaffected = if self.named.contains(&prefix) {
                // It has a part in the change itself; what counts is what it hands down.
                let was = match old.rows().node(&prefix).await? {
                    Some(was) => old.context_of(was).await?,
                    None => old.context_above(&prefix).await?,
                };
                alike(&was.inherited, &new.context_of(node).await?.inherited)
            } else {
                let (was, will) = (old.context_over(&node).await?, new.context_above(&prefix).await?);
                alike(&was.inherited, &will.inherited) || {
                    let was = old.resolve(&node, &was)?;
                    let will = resolve_stored(new.vocabulary(), &node, &will)?;
                    if node.revision > self.version
                        && let Some(why) = retagged(&node, &was, &will)
                    {
                        self.found = Some(self.refuse(&node, &why));
                        return Ok(());
                    }
                    alike(&was.inheritable(), &will.inheritable())
                }
            };
            probe.after = Some(if unaffected {
                prefix.last_descendant()
            } else {
                prefix
            });
        }
        Ok(())
    }

    fn refuse(&self, node: &NodeRecord, why: &str) -> Failure {
        let details = json!({ "id": node.ip_id, "prefix": node.prefix, "changedBy": node.revision });
        cannot(
            self.version,
            &format!(
                "{why} (version {}). Change or delete {} first",
                node.revision, node.prefix
            ),
            details,
        )
    }
}

/// What a node would resolve to otherwise, in words.
fn retagged(node: &NodeRecord, was: &Resolved, will: &Resolved) -> Option<String> {
    let (was, will) = (was.to_map(), will.to_map());
    let tags: BTreeSet<&TagName> = was.keys().chain(will.keys()).collect();
    let changes: Vec<String> = tags
        .into_iter()
        .filter(|tag| was.get(*tag) != will.get(*tag))
        .map(|tag| match (was.get(tag), will.get(tag)) {
            (Some(old), Some(new)) => format!("have {tag}={new} instead of {old}"),
            (Some(old), None) => format!("lose {tag}={old}"),
            (None, Some(new)) => format!("get {tag}={new}"),
            (None, None) => String::new(),
        })
        .collect();
    if changes.is_empty() {
        return None;
    }
    Some(format!(
        "{} was made or changed since and would {}",
        node.prefix,
        changes.join(", ")
    ))
}
