//! Merge: siblings that fill one prefix together, and have equal tags, become one node at that prefix.
//!
//! Where no node is at that prefix, one is made there with their tags: what flows down to their children is the same
//! as before. Where there is one, it is their parent, and they fill it: it stays as it is, they go, and what their
//! children had from them is set on those, as when a node is deleted. A merge of all that a split made takes the
//! split back.

use std::collections::BTreeSet;
use std::sync::Arc;

use cadastre_api_types::internal::{Image, MutationOptions, NodeRef};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::hierarchy::ChildScan;
use cadastre_domain::restructure::joined;
use cadastre_domain::tags::TagName;
use cadastre_domain::{Prefix, Visibility};
use serde_json::json;
use uuid::Uuid;

use super::super::context::Context;
use super::super::decide::{Decider, Decision, Effects, node_rows, placed};
use super::super::read::{find, no_node};
use super::super::read_ahead::ReadAhead;
use super::adoption::{Adoption, Parents};
use super::{MAX_NODES, changed, check_not_root, check_result_in_scope, id_taken, settle};
use crate::errors::{Failure, Outcome};
use crate::records::{JournalImage, NodeRecord};

/// Decides a merge.
pub(super) async fn merge(
    decider: &Decider<'_>,
    ids: &[Uuid],
    merged_id: Uuid,
    options: &MutationOptions,
) -> Outcome<Decision> {
    let siblings = named(decider, ids).await?;
    let prefixes: Vec<Prefix> = siblings.iter().map(|node| node.prefix).collect();
    let target = joined(&prefixes).map_err(|error| not_mergeable(error.to_string()))?;
    check_result_in_scope(decider, &target)?;
    check_topmost(decider, &target, &siblings).await?;
    check_tags(&siblings)?;
    let mut merging = Merging {
        decider,
        siblings,
        adoption: Adoption::new(options.dry_run),
        effects: Effects {
            moves_epoch: true,
            ..Effects::default()
        },
    };
    match decider.resolver.rows().node(&target).await? {
        Some(parent) => merging.as_their_parent(parent).await?,
        None => merging.as_new_node(target, merged_id).await?,
    }
    let (moved, blocked) = merging.adoption.finish("Merging these nodes");
    settle(merging.effects, moved, blocked)
}

fn not_mergeable(mut message: String) -> Failure {
    if let Some(first) = message.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    message.push('.');
    Failure::refused(ErrorCode::NotMergeable, message)
}

/// The nodes to merge, in order.
async fn named(decider: &Decider<'_>, ids: &[Uuid]) -> Outcome<Vec<NodeRecord>> {
    if ids.len() > MAX_NODES {
        return Err(Failure::refused(
            ErrorCode::CommandTooLarge,
            format!(
                "At most {MAX_NODES} nodes are merged at once, and these are {}.",
                ids.len()
            ),
        ));
    }
    let mut nodes = Vec::with_capacity(ids.len());
    for id in ids {
        let node = find(decider.resolver.rows(), &NodeRef::Id(*id)).await?;
        let scope = &decider.context.scope;
        let seen = |node: &NodeRecord| scope.visibility(&node.prefix) != Visibility::Hidden;
        let node = node.filter(seen).ok_or_else(no_node)?;
        decider.check_scope(&node.prefix, "merge")?;
        check_not_root(decider, &node.prefix, "merge")?;
        nodes.push(node);
    }
    nodes.sort_unstable_by_key(|node| node.prefix);
    Ok(nodes)
}

/// They are siblings: nothing else stands between them and what they fill.
async fn check_topmost(decider: &Decider<'_>, target: &Prefix, siblings: &[NodeRecord]) -> Outcome<()> {
    let rows = decider.resolver.rows();
    let mut scan = ChildScan::of(*target);
    let mut nodes = ReadAhead::new(rows);
    while let Some(probe) = scan.probe() {
        let found = nodes.first_node(&probe).await?.map(|node| node.prefix);
        let Some(top) = scan.feed(found) else { continue };
        let named = siblings.binary_search_by_key(&top, |node| node.prefix).is_ok();
        // They fill the target, so whatever else is topmost in it contains at least one of them.
        if !named && let Some(inner) = siblings.iter().find(|node| top.contains(&node.prefix)) {
            return Err(not_mergeable(format!(
                "{} lies in {top}, the others do not: they are not siblings. Merge what lies in {top} first",
                inner.prefix
            )));
        }
    }
    Ok(())
}

/// They have the same tags.
fn check_tags(siblings: &[NodeRecord]) -> Outcome<()> {
    let Some((first, others)) = siblings.split_first() else {
        return Ok(());
    };
    let Some(other) = others.iter().find(|other| other.tags != first.tags) else {
        return Ok(());
    };
    let tags: BTreeSet<&TagName> = first.tags.keys().chain(other.tags.keys()).collect();
    let differing = tags
        .into_iter()
        .filter(|tag| first.tags.get(*tag) != other.tags.get(*tag));
    let shown = |node: &NodeRecord, tag: &TagName| match node.tags.get(tag) {
        Some(value) => format!("{tag}={value}"),
        None => format!("no {tag}"),
    };
    let (mut sentences, mut details) = (Vec::new(), Vec::new());
    for tag in differing {
        sentences.push(format!("{} and {}", shown(first, tag), shown(other, tag)));
        let of =
            |node: &NodeRecord| json!({"id": node.ip_id, "prefix": node.prefix, "value": node.tags.get(tag)});
        details.push(json!({"tag": tag, "nodes": [of(first), of(other)]}));
    }
    Err(ApiError::new(
        ErrorCode::NotMergeable,
        format!(
            "The tags that are set on {} and {} differ: {}. Give all of them the same tags first.",
            first.prefix,
            other.prefix,
            sentences.join("; ")
        ),
    )
    .with_details(json!({"differing": details}))
    .into())
}

/// A merge on its way.
struct Merging<'a, 'r> {
    decider: &'a Decider<'r>,
    siblings: Vec<NodeRecord>,
    adoption: Adoption,
    effects: Effects,
}

impl Merging<'_, '_> {
    /// They become a new node.
    async fn as_new_node(&mut self, target: Prefix, id: Uuid) -> Outcome<()> {
        let decider = self.decider;
        if find(decider.resolver.rows(), &NodeRef::Id(id)).await?.is_some() {
            return Err(id_taken());
        }
        let above = decider.resolver.context_above(&target).await?;
        let Some(first) = self.siblings.first() else {
            return Ok(());
        };
        let alike = self
            .siblings
            .iter()
            .all(|node| node.description == first.description);
        let merged = NodeRecord {
            v: 1,
            ip_id: id,
            prefix: target,
            tags: first.tags.clone(),
            description: if alike {
                first.description.clone()
            } else {
                String::new()
            },
            created_on: decider.time,
            modified_on: decider.time,
            revision: decider.version,
            pool: None,
            hold: None,
        };
        let resolved = decider.resolve_new(&merged, &above)?;
        let below = above.below(&merged, &resolved);
        let effects = &mut self.effects;
        node_rows(
            &mut effects.writes,
            None,
            Some(&merged),
            decider.time,
            decider.version,
        );
        let view = decider.view(&merged, &above, &resolved);
        effects.created.push(placed(&target, &above));
        effects.subject = Some(view.clone());
        effects.changes.push(changed(None, Some(view)));
        effects.journal.push(JournalImage::Node {
            before: None,
            after: Some(merged),
        });
        for node in std::mem::take(&mut self.siblings) {
            let old = self.remove(&node, &above)?;
            // The same tags beneath the same parent: the same flows down.
            let parents = Parents {
                old: &old,
                new: &below,
            };
            self.adoption
                .adopt(decider, node.prefix, &BTreeSet::new(), parents)
                .await?;
        }
        Ok(())
    }

    /// They fill their parent and become it.
    async fn as_their_parent(&mut self, parent: NodeRecord) -> Outcome<()> {
        let decider = self.decider;
        let above = decider.resolver.context_over(&parent).await?;
        let resolved = decider.resolver.resolve(&parent, &above)?;
        self.effects.subject = Some(decider.view(&parent, &above, &resolved));
        let parent = decider.resolver.context_of(parent).await?;
        for node in std::mem::take(&mut self.siblings) {
            let old = self.remove(&node, &parent)?;
            let shown = self.effects.changes.len();
            if !node.tags.is_empty() && decider.has_descendants(&node.prefix).await? {
                decider.push_down(&node, &parent, &old, &mut self.effects).await?;
            }
            let retagged = self
                .effects
                .changes
                .iter()
                .skip(shown)
                .filter_map(|change| match &change.after {
                    Some(Image::Node(node)) => Some(node.prefix),
                    Some(Image::Tag(_) | Image::Entity(_)) | None => None,
                });
            let retagged = retagged.collect();
            let parents = Parents {
                old: &old,
                new: &parent,
            };
            self.adoption
                .list(decider, node.prefix, &retagged, parents)
                .await?;
        }
        Ok(())
    }

    /// One of them goes; what flowed down from it.
    fn remove(&mut self, node: &NodeRecord, above: &Arc<Context>) -> Outcome<Context> {
        let decider = self.decider;
        let resolved = decider.resolver.resolve(node, above)?;
        let effects = &mut self.effects;
        node_rows(
            &mut effects.writes,
            Some(node),
            None,
            decider.time,
            decider.version,
        );
        effects.removed.push(placed(&node.prefix, above));
        effects
            .changes
            .push(changed(Some(decider.view(node, above, &resolved)), None));
        effects.journal.push(JournalImage::Node {
            before: Some(node.clone()),
            after: None,
        });
        Ok(above.below(node, &resolved))
    }
}
