//! Nodes of the tree that a command of the provider's side makes, changes and removes: networks of pools, what they keep
//! back, and reservations.

use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{Image, ImageChange};
use cadastre_domain::Prefix;
use cadastre_domain::tags::{ExplicitTags, TagName};
use uuid::Uuid;

use super::super::context::Context;
use super::super::decide::{node_rows, placed};
use super::super::reject::check_beneath;
use super::draft::Draft;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{Hold, JournalImage, NodeRecord};

/// A node that is to be made.
pub(super) struct NewNode<'n> {
    pub(super) id: Uuid,
    pub(super) prefix: Prefix,
    pub(super) description: String,
    pub(super) tags: Option<&'n ExplicitTags>,
    pub(super) pool: Option<Uuid>,
    pub(super) hold: Option<Hold>,
}

impl Draft<'_, '_> {
    /// The node at a prefix.
    pub(super) async fn node(&self, prefix: &Prefix) -> Outcome<Option<NodeRecord>> {
        self.row(&keys::node(prefix)).await
    }

    /// The node of a pool's network; the writer remembers it.
    pub(super) async fn network(&self, prefix: &Prefix) -> Outcome<Option<NodeRecord>> {
        let own = self.has_written(&keys::node(prefix));
        if let (Some(index), false) = (self.decider.free, own)
            && let Some(known) = index.lock().parent_at(prefix)
        {
            return Ok(Some(known.clone()));
        }
        let found = self.node(prefix).await?;
        if let (Some(index), Some(node), false) = (self.decider.free, &found, own) {
            index.lock().remember(node.clone());
        }
        Ok(found)
    }

    /// Whether this command has made, changed or removed a node above a prefix.
    fn touches_above(&self, prefix: &Prefix) -> bool {
        self.effects.journal.iter().any(|image| match image {
            JournalImage::Node { before, after } => before
                .iter()
                .chain(after)
                .any(|node| node.prefix.strictly_contains(prefix)),
            JournalImage::Tag { .. }
            | JournalImage::Space { .. }
            | JournalImage::User { .. }
            | JournalImage::Entity { .. } => false,
        })
    }

    /// Whether this command has removed the node at a prefix.
    fn has_removed(&self, prefix: &Prefix) -> bool {
        matches!(self.written().get(&keys::node(prefix)), Some(None))
    }

    /// The tightest node above a prefix, with the nodes of this command.
    pub(super) async fn parent(&self, of: &Prefix) -> Outcome<Option<NodeRecord>> {
        let resolver = &self.decider.resolver;
        let mut at = *of;
        let stored = loop {
            // What this command has removed stands in the rows still.
            match resolver.rows().parent(&at, resolver.head()).await? {
                Some(node) if self.has_removed(&node.prefix) => at = node.prefix,
                found => break found,
            }
        };
        let tightest = self
            .effects
            .created
            .iter()
            .map(|placed| placed.prefix)
            .filter(|own| own.strictly_contains(of) && !self.has_removed(own))
            .chain(stored.iter().map(|node| node.prefix))
            .max_by_key(Prefix::len);
        match (tightest, stored) {
            (Some(prefix), Some(stored))
                if stored.prefix == prefix && !self.has_written(&keys::node(&prefix)) =>
            {
                Ok(Some(stored))
            }
            (Some(prefix), Some(_) | None) => self.node(&prefix).await,
            (None, _) => Ok(None),
        }
    }

    /// What flows down to a prefix, with the nodes of this command.
    pub(super) async fn context_above(&self, prefix: &Prefix) -> Outcome<Arc<Context>> {
        let resolver = &self.decider.resolver;
        let mut at = *prefix;
        let mut own = Vec::new();
        // Above what this command has touched everything is as it was.
        while self.touches_above(&at) {
            let Some(node) = self.parent(&at).await? else {
                break;
            };
            at = node.prefix;
            own.push(node);
        }
        let mut context = if self.touches_above(&at) {
            Arc::default()
        } else {
            resolver.context_above(&at).await?
        };
        while let Some(node) = own.pop() {
            let resolved = resolver.resolve(&node, &context)?;
            context = Arc::new(context.below(&node, &resolved));
        }
        Ok(context)
    }

    /// Whether there is a node strictly beneath a prefix, with the nodes of this command.
    async fn has_descendants(&self, prefix: &Prefix) -> Outcome<bool> {
        if prefix.is_host() {
            // A single address has nothing beneath it.
            return Ok(false);
        }
        if self.effects.created.is_empty() && self.effects.removed.is_empty() {
            return self.decider.has_descendants(prefix).await;
        }
        let beneath = keys::node_range(Some(prefix), Some(&prefix.last_descendant()));
        Ok(self.first(beneath).await?.is_some())
    }

    /// Makes a node; the node above it.
    pub(super) async fn make_node(&mut self, new: NewNode<'_>) -> Outcome<Option<Prefix>> {
        let decider = self.decider;
        let above = self.context_above(&new.prefix).await?;
        let node = NodeRecord {
            v: 1,
            ip_id: new.id,
            prefix: new.prefix,
            tags: new.tags.cloned().unwrap_or_default(),
            description: new.description,
            created_on: decider.time,
            modified_on: decider.time,
            revision: decider.version,
            pool: new.pool,
            hold: new.hold,
        };
        let resolved = decider.resolve_new(&node, &above)?;
        if self.has_descendants(&node.prefix).await? {
            let before = |tag: &TagName| above.inherited.get(tag).map(|(value, _)| value.clone());
            check_beneath(
                decider.resolver.rows(),
                decider.resolver.vocabulary(),
                &node.prefix,
                before,
                &resolved,
            )
            .await?;
            self.effects.moves_epoch = true;
        }
        self.effects.created.push(placed(&node.prefix, &above));
        self.write_node(None, Some(&node));
        if decider.free.is_none() {
            self.effects.changes.push(ImageChange {
                before: None,
                after: Some(decider.view(&node, &above, &resolved)),
            });
        }
        self.effects.journal.push(JournalImage::Node {
            before: None,
            after: Some(node),
        });
        Ok(above.parent().map(|link| link.prefix))
    }

    /// Makes a single address directly beneath the network of a pool, which is how a reservation is made a million
    /// times.
    pub(super) async fn make_leaf(&mut self, new: NewNode<'_>, network: NodeRecord) -> Outcome<()> {
        let decider = self.decider;
        let above = decider.resolver.context_of(network).await?;
        let node = NodeRecord {
            v: 1,
            ip_id: new.id,
            prefix: new.prefix,
            tags: ExplicitTags::new(),
            description: new.description,
            created_on: decider.time,
            modified_on: decider.time,
            revision: decider.version,
            pool: new.pool,
            hold: new.hold,
        };
        self.effects.created.push(placed(&node.prefix, &above));
        self.write_node(None, Some(&node));
        if decider.free.is_none() {
            let resolved = decider.resolve_new(&node, &above)?;
            self.effects.changes.push(ImageChange {
                before: None,
                after: Some(decider.view(&node, &above, &resolved)),
            });
        }
        self.effects.journal.push(JournalImage::Node {
            before: None,
            after: Some(node),
        });
        Ok(())
    }

    /// Changes what a node is for, and its tags if they are given.
    pub(super) async fn change_node(
        &mut self,
        before: NodeRecord,
        pool: Option<Uuid>,
        hold: Option<Hold>,
        tags: Option<&ExplicitTags>,
    ) -> Outcome<()> {
        let decider = self.decider;
        let mut after = before.clone();
        after.pool = pool;
        after.hold = hold;
        if let Some(tags) = tags {
            after.tags = tags.clone();
        }
        if after == before {
            return Ok(());
        }
        after.modified_on = decider.time;
        after.revision = decider.version;
        let above = self.context_above(&after.prefix).await?;
        let old = decider.resolver.resolve(&before, &above)?;
        let resolved = decider.resolve_new(&after, &above)?;
        if before.tags != after.tags && self.has_descendants(&after.prefix).await? {
            let known = |tag: &TagName| old.get(tag).cloned();
            check_beneath(
                decider.resolver.rows(),
                decider.resolver.vocabulary(),
                &after.prefix,
                known,
                &resolved,
            )
            .await?;
            self.effects.moves_epoch = true;
        }
        self.write_node(Some(&before), Some(&after));
        let (was, is): (Image, Image) = (
            decider.view(&before, &above, &old),
            decider.view(&after, &above, &resolved),
        );
        self.effects.changes.push(ImageChange {
            before: Some(was),
            after: Some(is),
        });
        self.effects.journal.push(JournalImage::Node {
            before: Some(before),
            after: Some(after),
        });
        Ok(())
    }

    /// Removes a node without tags of its own: nothing of what its children resolve to comes from it. The node above it.
    pub(super) async fn drop_node(&mut self, node: NodeRecord) -> Outcome<Option<Prefix>> {
        let decider = self.decider;
        if !node.tags.is_empty() {
            return Err(Failure::refused(
                ErrorCode::InUse,
                format!(
                    "The node {} has tags; it is not removed without them.",
                    node.prefix
                ),
            ));
        }
        let above = self.context_above(&node.prefix).await?;
        if self.has_descendants(&node.prefix).await? {
            self.effects.moves_epoch = true;
        }
        self.effects.removed.push(placed(&node.prefix, &above));
        self.write_node(Some(&node), None);
        if decider.free.is_none() {
            let resolved = decider.resolver.resolve(&node, &above)?;
            self.effects.changes.push(ImageChange {
                before: Some(decider.view(&node, &above, &resolved)),
                after: None,
            });
        }
        self.effects.journal.push(JournalImage::Node {
            before: Some(node),
            after: None,
        });
        Ok(above.parent().map(|link| link.prefix))
    }

    fn write_node(&mut self, before: Option<&NodeRecord>, after: Option<&NodeRecord>) {
        let mut rows = Vec::new();
        node_rows(&mut rows, before, after, self.decider.time, self.decider.version);
        for (key, value) in rows {
            self.write_bytes(key, value);
        }
    }
}
