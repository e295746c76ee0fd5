//! Lists of nodes, in the order of their prefixes, page by page, clipped to the caller's scope.

use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{Listed, NodeListQuery, NodeRef, NodeSelection, NodeView};
use cadastre_domain::hierarchy::{ChildProbe, ChildScan};
use cadastre_domain::tags::{ExplicitTags, Resolved, TagName, TagValue};
use cadastre_domain::{Prefix, Scope, Visibility};

use super::SpaceHandle;
use super::context::{Context, Resolver};
use super::decide::tag_error;
use super::read::{find, no_node};
use super::read_ahead::ReadAhead;
use super::segments::{self, Segment};
use super::tag_query::TagQuery;
use super::view::node_view;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{NodeRecord, decode};

/// Nodes that one page may look at without finding enough before it is answered short.
const VISITS_PER_PAGE: usize = 1_000;

impl SpaceHandle {
    /// A page of nodes.
    pub(crate) async fn list(&self, scope: &Scope, query: &NodeListQuery) -> Outcome<Listed<NodeView>> {
        let after = match &query.page.after {
            None => None,
            Some(text) => Some(text.parse::<Prefix>().map_err(|_| foreign_cursor())?),
        };
        let after = after.as_ref();
        self.consistent(|published| async move {
            let resolver = self.resolver(&published);
            // "Nothing found" would be a dangerous answer to a misspelt question.
            let asked: ExplicitTags = query.tags.iter().cloned().collect();
            resolver
                .vocabulary()
                .check_explicit(&asked)
                .map_err(|error| tag_error(&error))?;
            let page = Page {
                resolver: &resolver,
                scope,
                tags: &query.tags,
                limit: query.page.limit,
            };
            match &query.select {
                NodeSelection::All => {
                    let segments = segments::of_space(&resolver, scope).await?;
                    page.walk(segments, after).await
                }
                NodeSelection::SubtreeOf(id) => {
                    let root = page.visible(*id).await?;
                    let segments = segments::of_subtree(&resolver, scope, &root.prefix).await?;
                    page.walk(segments, after).await
                }
                NodeSelection::Top => page.children(None, after).await,
                NodeSelection::ChildrenOf(id) => {
                    let parent = page.visible(*id).await?;
                    page.children(Some(parent), after).await
                }
            }
        })
        .await
    }
}

impl SpaceHandle {
    /// Nodes in a prefix, whether or not there is a node at it, behind one of them.
    pub(crate) async fn within(
        &self,
        scope: &Scope,
        prefix: &Prefix,
        limit: usize,
        after: Option<&Prefix>,
    ) -> Outcome<Listed<NodeView>> {
        self.consistent(|published| async move {
            let resolver = self.resolver(&published);
            let page = Page {
                resolver: &resolver,
                scope,
                tags: &[],
                limit,
            };
            let segments = segments::of_subtree(&resolver, scope, prefix).await?;
            page.walk(segments, after).await
        })
        .await
    }
}

pub(super) fn foreign_cursor() -> Failure {
    Failure::refused(
        ErrorCode::InvalidCursor,
        "This cursor does not belong to this list; start again without one.",
    )
}

/// The nodes that resolve to given tags, one after the other, for a decision that needs the first few.
pub(super) struct Matches<'a> {
    page: Page<'a>,
    found: std::vec::IntoIter<NodeView>,
    next: Option<Prefix>,
    pages: usize,
}

/// Pages that a decision looks at.
const MATCH_PAGES: usize = 64;

impl<'a> Matches<'a> {
    pub(super) fn new(resolver: &'a Resolver<'a>, scope: &'a Scope, tags: &'a [(TagName, TagValue)]) -> Self {
        Self {
            page: Page {
                resolver,
                scope,
                tags,
                limit: 16,
            },
            found: Vec::new().into_iter(),
            next: None,
            pages: 0,
        }
    }

    /// The next one; `None` also when too many nodes were looked at, see [`Matches::gave_up`].
    pub(super) async fn next(&mut self) -> Outcome<Option<NodeRecord>> {
        loop {
            if let Some(view) = self.found.next() {
                return self.page.resolver.rows().node(&view.prefix).await;
            }
            if self.gave_up() || (self.pages > 0 && self.next.is_none()) {
                return Ok(None);
            }
            let segments = segments::of_space(self.page.resolver, self.page.scope).await?;
            let page = self.page.walk(segments, self.next.as_ref()).await?;
            self.pages += 1;
            self.next = page.next.and_then(|text| text.parse().ok());
            self.found = page.items.into_iter();
        }
    }

    /// There may be more, but looking for it takes too long.
    pub(super) fn gave_up(&self) -> bool {
        self.pages >= MATCH_PAGES && self.next.is_some()
    }
}

struct Page<'a> {
    resolver: &'a Resolver<'a>,
    scope: &'a Scope,
    tags: &'a [(TagName, TagValue)],
    limit: usize,
}

impl Page<'_> {
    async fn visible(&self, id: uuid::Uuid) -> Outcome<NodeRecord> {
        let node = find(self.resolver.rows(), &NodeRef::Id(id))
            .await?
            .ok_or_else(no_node)?;
        if self.scope.visibility(&node.prefix) == Visibility::Hidden {
            return Err(no_node());
        }
        Ok(node)
    }

    fn has_tags(&self, resolved: &Resolved) -> bool {
        self.tags
            .iter()
            .all(|(tag, value)| resolved.get(tag) == Some(value))
    }

    /// Children of a node, or of the top, by skip-scan.
    async fn children(
        &self,
        parent: Option<NodeRecord>,
        after: Option<&Prefix>,
    ) -> Outcome<Listed<NodeView>> {
        let covered = match &parent {
            Some(parent) => self.scope.covers(&parent.prefix),
            None => *self.scope == Scope::Whole,
        };
        if !covered {
            return self.children_in_scope(parent, after).await;
        }
        let rows = self.resolver.rows();
        let mut scan = match &parent {
            Some(parent) => ChildScan::of(parent.prefix),
            None => ChildScan::top(),
        };
        if let Some(after) = after {
            scan = scan.resume_after(*after);
        }
        let context = match parent {
            Some(parent) => self.resolver.context_of(parent).await?,
            None => Arc::default(),
        };
        let mut items = Vec::new();
        let mut visited = 0;
        let mut nodes = ReadAhead::new(rows);
        while let Some(probe) = scan.probe() {
            let found = nodes.first_node(&probe).await?;
            let child = scan.feed(found.as_ref().map(|node| node.prefix));
            let (Some(prefix), Some(node)) = (child, found) else {
                continue;
            };
            visited += 1;
            let resolved = self.resolver.resolve(&node, &context)?;
            if self.has_tags(&resolved) {
                items.push(node_view(node, &context, &resolved, Visibility::Full));
            }
            if items.len() >= self.limit || visited >= VISITS_PER_PAGE {
                return Ok(Listed {
                    items,
                    next: Some(prefix.to_string()),
                });
            }
        }
        Ok(Listed { items, next: None })
    }

    /// Children for a caller who does not see all of them: found from the parts that the caller sees, so that
    /// neither the work nor a position tells anything of the rest.
    async fn children_in_scope(
        &self,
        parent: Option<NodeRecord>,
        after: Option<&Prefix>,
    ) -> Outcome<Listed<NodeView>> {
        let rows = self.resolver.rows();
        let above = parent.as_ref().map(|parent| parent.prefix);
        let mut segments = segments::of_space(self.resolver, self.scope).await?;
        segments.retain(|segment| match (&above, &segment.first) {
            (Some(above), Some(first)) => above.strictly_contains(first),
            (None, _) | (_, None) => true,
        });
        let context = match parent {
            Some(parent) => self.resolver.context_of(parent).await?,
            None => Arc::default(),
        };
        let mut items = Vec::new();
        for (resume, segment) in segments::after(segments, after) {
            let Some(first) = segment.first else { continue };
            let nearest = rows
                .parent(&first, self.resolver.head())
                .await?
                .map(|node| node.prefix);
            if nearest != above {
                continue;
            }
            // The part's own node, or, where a scope begins at no node, the children beneath its root.
            let mut scan = ChildScan::of(first);
            let mut next = match (resume, rows.node(&first).await?) {
                (None, Some(node)) => Some(node),
                (Some(_), Some(_)) => continue,
                (Some(last), None) => {
                    scan = scan.resume_after(last);
                    None
                }
                (None, None) => None,
            };
            let single = next.is_some();
            let mut nodes = ReadAhead::new(rows);
            loop {
                let node = match next.take() {
                    Some(node) => node,
                    None => {
                        let Some(probe) = scan.probe() else { break };
                        let found = nodes.first_node(&probe).await?;
                        let child = scan.feed(found.as_ref().map(|node| node.prefix));
                        let (Some(_), Some(node)) = (child, found) else {
                            continue;
                        };
                        node
                    }
                };
                let prefix = node.prefix;
                let resolved = self.resolver.resolve(&node, &context)?;
                if self.has_tags(&resolved) {
                    let visibility = self.scope.visibility(&prefix);
                    items.push(node_view(node, &context, &resolved, visibility));
                }
                if items.len() >= self.limit {
                    return Ok(Listed {
                        items,
                        next: Some(prefix.to_string()),
                    });
                }
                if single {
                    break;
                }
            }
        }
        Ok(Listed { items, next: None })
    }

    /// All nodes of the segments, those with the tags only.
    async fn walk(&self, segments: Vec<Segment>, after: Option<&Prefix>) -> Outcome<Listed<NodeView>> {
        let mut items = Vec::new();
        let mut visited = 0;
        let tag_query = TagQuery::new(self.resolver, self.tags);
        let mut stack: Vec<(Prefix, Arc<Context>)> = Vec::new();
        for (resume, segment) in segments::after(segments, after) {
            let mut position = resume;
            // Behind a jump most often one node decides about the next jump.
            let mut jumped = false;
            loop {
                let batch = if jumped {
                    1
                } else {
                    (self.limit - items.len()).clamp(1, 256)
                };
                jumped = false;
                let nodes = self.nodes(position.as_ref(), &segment, batch).await?;
                let Some(last) = nodes.last().map(|node| node.prefix) else {
                    break;
                };
                position = Some(last);
                for node in nodes {
                    visited += 1;
                    let prefix = node.prefix;
                    let context = self.context_for(&prefix, &mut stack).await?;
                    let resolved = self.resolver.resolve(&node, &context)?;
                    let matches = self.has_tags(&resolved);
                    let mut jump = None;
                    if !matches {
                        // To where the next node with these tags can be at the earliest.
                        match tag_query.next_candidate(&node, &context).await? {
                            // Never beyond the segment: what lies there is not for this caller.
                            Some(candidate) => {
                                let to = segment.last.map_or(candidate, |last| candidate.min(last));
                                jump = Some(to).filter(|to| *to != prefix);
                            }
                            None => return Ok(Listed { items, next: None }),
                        }
                    }
                    stack.push((prefix, Arc::new(context.below(&node, &resolved))));
                    if matches {
                        let visibility = self.scope.visibility(&prefix);
                        items.push(node_view(node, &context, &resolved, visibility));
                    }
                    if items.len() >= self.limit || visited >= VISITS_PER_PAGE {
                        return Ok(Listed {
                            items,
                            next: Some(jump.unwrap_or(prefix).to_string()),
                        });
                    }
                    if let Some(to) = jump {
                        // What is jumped over may hold ancestors of what comes next.
                        stack.clear();
                        position = Some(to);
                        jumped = true;
                        break;
                    }
                }
            }
        }
        Ok(Listed { items, next: None })
    }

    /// Up to `limit` nodes of a segment behind a position.
    async fn nodes(
        &self,
        position: Option<&Prefix>,
        segment: &Segment,
        limit: usize,
    ) -> Outcome<Vec<NodeRecord>> {
        let rows = self.resolver.rows();
        let probe = ChildProbe {
            after: position.copied(),
            up_to: segment.last,
        };
        let mut range = keys::node_range(probe.after.as_ref(), probe.up_to.as_ref());
        if let (None, Some(first)) = (position, segment.first) {
            range.start = Some(keys::node(&first));
        }
        let (page, _) = rows.scan(&range, limit).await?;
        let mut out = Vec::with_capacity(page.len());
        for (key, bytes) in page {
            out.push(decode(&key, &bytes)?);
        }
        Ok(out)
    }

    /// What flows down to a node, from the stack of those just walked, or from the store for the first.
    async fn context_for(
        &self,
        prefix: &Prefix,
        stack: &mut Vec<(Prefix, Arc<Context>)>,
    ) -> Outcome<Arc<Context>> {
        while let Some((above, _)) = stack.last() {
            if above.strictly_contains(prefix) {
                break;
            }
            stack.pop();
        }
        match stack.last() {
            Some((_, context)) => Ok(Arc::clone(context)),
            None => self.resolver.context_above(prefix).await,
        }
    }
}
