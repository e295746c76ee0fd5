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

    /// What flows down to a prefix, with the nodes of this command.
    pub(super) async fn context_above(&self, prefix: &Prefix) -> Outcome<Arc<Context>> {
        let decider = self.decider;
        // A pool's network that this command makes lies above all that it makes besides.
        if let Some(pool) = self.book().pool_around(prefix)
            && pool.value.network.strictly_contains(prefix)
            && self.has_written(&keys::node(&pool.value.network))
            && let Some(network) = self.node(&pool.value.network).await?
        {
            let stored = decider
                .resolver
                .rows()
                .parent(prefix, decider.resolver.head())
                .await?;
            let tighter = stored.filter(|stored| network.prefix.strictly_contains(&stored.prefix));
            if tighter.is_none() {
                let above = decider.resolver.context_above(&network.prefix).await?;
                let resolved = decider.resolver.resolve(&network, &above)?;
                return Ok(Arc::new(above.below(&network, &resolved)));
            }
        }
        decider.resolver.context_above(prefix).await
    }

    /// Makes a node.
    pub(super) async fn make_node(&mut self, new: NewNode<'_>) -> Outcome<NodeRecord> {
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
        // A single address has nothing beneath it.
        let has_descendants = !node.prefix.is_host() && decider.has_descendants(&node.prefix).await?;
        if has_descendants {
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
            after: Some(node.clone()),
        });
        Ok(node)
    }

    /// Makes a single address directly beneath the network of a pool, which is how a reservation is made a million
    /// times.
    pub(super) async fn make_leaf(&mut self, new: NewNode<'_>, network: NodeRecord) -> Outcome<NodeRecord> {
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
            after: Some(node.clone()),
        });
        Ok(node)
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
        if before.tags != after.tags && decider.has_descendants(&after.prefix).await? {
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

    /// Removes a node without tags of its own: nothing of what its children resolve to comes from it.
    pub(super) async fn drop_node(&mut self, node: NodeRecord) -> Outcome<()> {
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
        if !node.prefix.is_host() && decider.has_descendants(&node.prefix).await? {
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
        Ok(())
    }

    fn write_node(&mut self, before: Option<&NodeRecord>, after: Option<&NodeRecord>) {
        let mut rows = Vec::new();
        node_rows(&mut rows, before, after, self.decider.time, self.decider.version);
        for (key, value) in rows {
            self.write_bytes(key, value);
        }
    }
}
