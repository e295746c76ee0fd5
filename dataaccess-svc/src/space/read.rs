//! Reads of single nodes and of the chain above an address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cadastre_api_types::internal::{NodeExplained, NodeRef, NodeView, TagExplained};
use cadastre_domain::tags::{How, LocalTags, TagName, TagValue};
use cadastre_domain::{Prefix, Scope, Visibility};

use super::SpaceHandle;
use super::borrowed::Borrowed;
use super::context::{Context, Resolver};
use super::handle::Published;
use super::view::node_view;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{NodeRecord, RecordError};
use crate::rows::Rows;

/// The answer for a node that is not there, or not to be seen.
pub(crate) fn no_node() -> Failure {
    Failure::not_found("IP node in this address space")
}

/// A node by id or prefix.
pub(crate) async fn find(rows: Rows<'_>, node: &NodeRef) -> Outcome<Option<NodeRecord>> {
    match node {
        NodeRef::Prefix(prefix) => rows.node(prefix).await,
        NodeRef::Id(id) => {
            let key = keys::id(*id);
            let Some(bytes) = rows.get(&key).await? else {
                return Ok(None);
            };
            let prefix = parse_id_row(&key, &bytes)?;
            // A deletion between the two reads leaves nothing, or another node at the same prefix.
            Ok(rows.node(&prefix).await?.filter(|node| node.ip_id == *id))
        }
    }
}

/// The prefix in an `i_` row.
pub(crate) fn parse_id_row(key: &cadastre_storage::RowKey, bytes: &[u8]) -> Outcome<Prefix> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct IdRow {
        prefix: Prefix,
    }
    let row: IdRow = serde_json::from_slice(bytes).map_err(|source| RecordError::Unreadable {
        key: key.clone(),
        kind: "id row",
        source,
    })?;
    Ok(row.prefix)
}

impl SpaceHandle {
    /// A resolver over what is durable, for reads.
    pub(crate) fn resolver<'a>(&'a self, published: &'a Published) -> Resolver<'a> {
        let shared = self.config.cache.as_ref();
        self.own_resolver(published).sharing(
            shared.and_then(|cache| Borrowed::at(cache, &self.contexts.borrowed, self.id, &published.head)),
        )
    }

    /// The same without what others have worked out, for decisions.
    pub(crate) fn own_resolver<'a>(&'a self, published: &'a Published) -> Resolver<'a> {
        Resolver::cached(
            self.durable(),
            &published.head,
            &published.vocabulary,
            &self.contexts,
            self.id,
        )
    }

    /// One node with its resolved tags.
    pub(crate) async fn node(&self, scope: &Scope, node: &NodeRef) -> Outcome<Arc<NodeView>> {
        let exclusive = self.store.limits().exclusive;
        let remembers = !exclusive || !self.unsettled.load(Ordering::Acquire);
        if let (NodeRef::Id(id), true) = (node, remembers)
            // On a store that others write the head has to be read for it.
            && self.answers.holds(self.id, *id)
            && let Some(view) = self.answers.get(self.id, *id, &self.current().await?.head)
            && scope.covers(&view.prefix)
        {
            return Ok(view);
        }
        let (view, published) = self.read_node(scope, node).await?;
        // Only now is it known to belong to one moment; where others write, to this one if no commit lay between.
        let of_this_head = exclusive || self.published().head.commit_id == published.head.commit_id;
        if remembers && of_this_head && view.visibility == Visibility::Full {
            self.answers.put(self.id, &published.head, &view);
        }
        Ok(view)
    }

    /// The same from the rows, with the head that it goes by; nothing is remembered of the answer.
    pub(crate) async fn read_node(
        &self,
        scope: &Scope,
        node: &NodeRef,
    ) -> Outcome<(Arc<NodeView>, Arc<Published>)> {
        self.consistent(|published| async move {
            let resolver = self.resolver(&published);
            let (record, context, visibility) = self.visible(&resolver, scope, node).await?;
            let resolved = resolver.resolve(&record, &context)?;
            let view = Arc::new(node_view(record, &context, &resolved, visibility));
            Ok((view, Arc::clone(&published)))
        })
        .await
    }

    async fn visible(
        &self,
        resolver: &Resolver<'_>,
        scope: &Scope,
        node: &NodeRef,
    ) -> Outcome<(NodeRecord, Arc<Context>, Visibility)> {
        let record = find(resolver.rows(), node).await?.ok_or_else(no_node)?;
        let visibility = scope.visibility(&record.prefix);
        if visibility == Visibility::Hidden {
            return Err(no_node());
        }
        let context = resolver.context_over(&record).await?;
        Ok((record, context, visibility))
    }

    /// Where each resolved tag of a node comes from.
    pub(crate) async fn explain(&self, scope: &Scope, node: &NodeRef) -> Outcome<NodeExplained> {
        self.consistent(|published| async move {
            let resolver = self.resolver(&published);
            let (record, context, _) = self.visible(&resolver, scope, node).await?;
            let resolved = resolver.resolve(&record, &context)?;
            let mut locals: HashMap<Prefix, LocalTags> = HashMap::new();
            let mut tags = Vec::new();
            for (tag, value, origin) in resolved.iter() {
                let origin_id = if origin.node == record.prefix {
                    record.ip_id
                } else {
                    match context.chain.iter().find(|link| link.prefix == origin.node) {
                        Some(link) => link.id,
                        // The chain is longer than what was read: the tree has moved; the read is done again.
                        None => return Err(no_node()),
                    }
                };
                let chain = match &origin.how {
                    How::Set => Vec::new(),
                    How::Implied { by, value: by_value } => {
                        let local = match locals.entry(origin.node) {
                            Entry::Occupied(known) => known.into_mut(),
                            Entry::Vacant(new) => {
                                new.insert(self.local_tags(&resolver, &record, &origin.node).await?)
                            }
                        };
                        implication_chain(local, by, by_value)
                    }
                };
                tags.push(TagExplained {
                    tag: tag.clone(),
                    value: value.clone(),
                    origin: origin.clone(),
                    origin_id,
                    chain,
                });
            }
            Ok(NodeExplained {
                id: record.ip_id,
                prefix: record.prefix,
                tags,
            })
        })
        .await
    }

    async fn local_tags(
        &self,
        resolver: &Resolver<'_>,
        record: &NodeRecord,
        at: &Prefix,
    ) -> Outcome<LocalTags> {
        let explicit = if *at == record.prefix {
            record.tags.clone()
        } else {
            resolver.rows().node(at).await?.ok_or_else(no_node)?.tags
        };
        resolver.vocabulary().local(&explicit).map_err(|clash| {
            RecordError::Inconsistent {
                key: keys::node(at),
                reason: clash.to_string(),
            }
            .into()
        })
    }

    /// The nodes that contain a prefix, longest first.
    pub(crate) async fn lookup(&self, scope: &Scope, target: &Prefix) -> Outcome<Vec<NodeView>> {
        self.consistent(|published| async move {
            let resolver = self.resolver(&published);
            let mut chain = resolver.rows().ancestors(target, resolver.head()).await?;
            chain.extend(resolver.rows().node(target).await?);
            let mut views = Vec::with_capacity(chain.len());
            let mut context = Arc::new(Context::default());
            for node in chain {
                let resolved = resolver.resolve(&node, &context)?;
                let below = Arc::new(context.below(&node, &resolved));
                let visibility = scope.visibility(&node.prefix);
                if visibility != Visibility::Hidden {
                    views.push(node_view(node, &context, &resolved, visibility));
                }
                context = below;
            }
            views.reverse();
            Ok(views)
        })
        .await
    }
}

/// From the tag that is set, along the implications, to the direct implier `by=value`.
fn implication_chain(local: &LocalTags, by: &TagName, value: &TagValue) -> Vec<(TagName, TagValue)> {
    let mut chain = vec![(by.clone(), value.clone())];
    let mut at = by.clone();
    while let Some(How::Implied { by, value }) = local.get(&at).map(|local| &local.how) {
        chain.push((by.clone(), value.clone()));
        at = by.clone();
        if chain.len() > local.len() {
            break;
        }
    }
    chain.reverse();
    chain
}
