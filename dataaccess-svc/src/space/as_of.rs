//! Reads of the space as it was at a moment: one node, or a list page by page.

use std::sync::Arc;

use cadastre_api_types::internal::{
    Listed, NodeAsOfQuery, NodeListAsOfQuery, NodeRef, NodeSelection, NodeView,
};
use cadastre_domain::tags::{ExplicitTags, Resolved, TagName, TagValue};
use cadastre_domain::{Prefix, Scope, Visibility};
use uuid::Uuid;

use super::SpaceHandle;
use super::context::Context;
use super::decide::tag_error;
use super::history::place_of_id;
use super::journal::vocabulary_at;
use super::list::foreign_cursor;
use super::past::{Found, Past};
use super::read::no_node;
use super::segments::{self, Segment};
use super::view::node_view;
use crate::errors::Outcome;
use crate::records::NodeRecord;

/// Prefixes that one page may look at without finding enough before it is answered short.
const VISITS_PER_PAGE: usize = 2_000;
/// History rows that one page may read.
const ROWS_PER_PAGE: usize = 20_000;

impl SpaceHandle {
    /// One node as it was.
    pub(crate) async fn node_as_of(&self, scope: &Scope, query: &NodeAsOfQuery) -> Outcome<NodeView> {
        let published = self.present().await?;
        let version = self.version_at(&published, query.at).await?;
        let vocabulary = vocabulary_at(self.durable(), &published, version).await?;
        let past = Past {
            rows: self.durable(),
            version,
            vocabulary: &vocabulary,
        };
        let node = self.visible_then(&past, scope, &query.node).await?;
        let context = past.context_above(&node.prefix).await?;
        let resolved = past.resolve(&node, &context)?;
        let visibility = scope.visibility(&node.prefix);
        Ok(node_view(node, &context, &resolved, visibility))
    }

    /// A node that was there, where the caller may see it.
    async fn visible_then(&self, past: &Past<'_>, scope: &Scope, node: &NodeRef) -> Outcome<NodeRecord> {
        let prefix = match node {
            NodeRef::Prefix(prefix) => Some(*prefix),
            NodeRef::Id(id) => place_of_id(self.durable(), *id, past.version).await?,
        };
        let prefix = prefix.filter(|prefix| scope.visibility(prefix) != Visibility::Hidden);
        let Some(prefix) = prefix else {
            return Err(no_node());
        };
        let found = past.node(&prefix).await?;
        let wanted = |found: &NodeRecord| match node {
            NodeRef::Id(id) => found.ip_id == *id,
            NodeRef::Prefix(_) => true,
        };
        found.filter(wanted).ok_or_else(no_node)
    }

    /// A page of nodes as they were.
    pub(crate) async fn list_as_of(
        &self,
        scope: &Scope,
        query: &NodeListAsOfQuery,
    ) -> Outcome<Listed<NodeView>> {
        let published = self.present().await?;
        let incarnation = published.head.incarnation;
        let (version, after) = match &query.list.page.after {
            None => match query.at {
                Some(at) => (self.version_at(&published, at).await?, None),
                None => (published.head.version, None),
            },
            Some(text) => {
                let position = Position::parse(text)
                    .filter(|position| position.incarnation == incarnation)
                    .filter(|position| position.version <= published.head.version)
                    .ok_or_else(foreign_cursor)?;
                (position.version, Some(position.prefix))
            }
        };
        let vocabulary = vocabulary_at(self.durable(), &published, version).await?;
        let past = Past {
            rows: self.durable(),
            version,
            vocabulary: &vocabulary,
        };
        let asked: ExplicitTags = query.list.tags.iter().cloned().collect();
        vocabulary
            .check_explicit(&asked)
            .map_err(|error| tag_error(&error))?;
        let (within, children_of) = match &query.list.select {
            NodeSelection::All => (None, None),
            NodeSelection::Top => (None, Some(None)),
            NodeSelection::SubtreeOf(id) => {
                let root = self.visible_then(&past, scope, &NodeRef::Id(*id)).await?;
                (Some(root.prefix), None)
            }
            NodeSelection::ChildrenOf(id) => {
                let parent = self.visible_then(&past, scope, &NodeRef::Id(*id)).await?;
                (Some(parent.prefix), Some(Some(parent.prefix)))
            }
        };
        let page = PastPage {
            past,
            scope,
            tags: &query.list.tags,
            limit: query.list.page.limit,
            children_of,
        };
        let (items, next) = page.read(within.as_ref(), after).await?;
        let next = next.map(|prefix| {
            let position = Position {
                incarnation,
                version,
                prefix,
            };
            position.to_text()
        });
        Ok(Listed { items, next })
    }
}

/// Where a page ended. Its version keeps all pages of a list in one state, whatever time it is by then.
struct Position {
    incarnation: Uuid,
    version: u64,
    prefix: Prefix,
}

impl Position {
    fn to_text(&self) -> String {
        format!("{} {} {}", self.incarnation.simple(), self.version, self.prefix)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let position = Self {
            incarnation: Uuid::try_parse(parts.next()?).ok()?,
            version: parts.next()?.parse().ok()?,
            prefix: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(position)
    }
}

struct PastPage<'a> {
    past: Past<'a>,
    scope: &'a Scope,
    tags: &'a [(TagName, TagValue)],
    limit: usize,
    /// Only nodes with this parent.
    children_of: Option<Option<Prefix>>,
}

impl PastPage<'_> {
    fn has_tags(&self, resolved: &Resolved) -> bool {
        self.tags
            .iter()
            .all(|(tag, value)| resolved.get(tag) == Some(value))
    }

    async fn segments(&self, within: Option<&Prefix>) -> Outcome<Vec<Segment>> {
        match within {
            Some(root) if self.scope.covers(root) => Ok(vec![Segment::subtree(*root)]),
            Some(root) => {
                let mut segments = self.past.segments(self.scope).await?;
                segments.retain(|segment| segment.first.is_some_and(|first| root.contains(&first)));
                Ok(segments)
            }
            None => self.past.segments(self.scope).await,
        }
    }

    /// The nodes behind a position, and the position where they end if there may be more.
    async fn read(
        &self,
        within: Option<&Prefix>,
        mut after: Option<Prefix>,
    ) -> Outcome<(Vec<NodeView>, Option<Prefix>)> {
        let mut items = Vec::new();
        let (mut visited, mut rows_read) = (0, 0);
        let mut stack: Vec<(Prefix, Arc<Context>)> = Vec::new();
        if let Some(Some(parent)) = self.children_of {
            after = after.max(Some(parent));
        }
        for (resume, segment) in segments::after(self.segments(within).await?, after.as_ref()) {
            // A child's subtree may reach over several segments.
            let resume = resume.or_else(|| after.filter(|after| segment.first.is_none_or(|f| f <= *after)));
            let mut walk = self.past.walk(&segment, resume.as_ref());
            let mut primed = false;
            while let Some(found) = walk.next().await? {
                visited += 1;
                let mut position = match &found {
                    Found::Node(node) => node.prefix,
                    Found::Nothing(prefix) => *prefix,
                };
                if let Found::Node(node) = found {
                    if after.is_some_and(|after| node.prefix <= after) {
                        continue;
                    }
                    let (context, resolved) = self.resolved(&node, &mut stack, &mut primed).await?;
                    let parent = context.parent().map(|link| link.prefix);
                    let is_asked_for = self.children_of.is_none_or(|wanted| wanted == parent);
                    if self.children_of.is_some() {
                        // Nothing beneath it has the same parent, nor beneath a node with another one.
                        position = node.prefix.last_descendant();
                        walk.skip_beneath(&node.prefix);
                    } else {
                        stack.push((node.prefix, Arc::new(context.below(&node, &resolved))));
                    }
                    if is_asked_for && self.has_tags(&resolved) {
                        let visibility = self.scope.visibility(&node.prefix);
                        items.push(node_view(*node, &context, &resolved, visibility));
                    }
                }
                after = Some(position);
                let worn = visited >= VISITS_PER_PAGE || rows_read + walk.rows_read >= ROWS_PER_PAGE;
                if items.len() >= self.limit || worn {
                    return Ok((items, Some(position)));
                }
            }
            rows_read += walk.rows_read;
        }
        Ok((items, None))
    }

    /// What flows down to a node, and its tags. A walk meets every node above before those beneath, so only
    /// for the first node of a part (`primed` is false) the store is asked what stands above.
    async fn resolved(
        &self,
        node: &NodeRecord,
        stack: &mut Vec<(Prefix, Arc<Context>)>,
        primed: &mut bool,
    ) -> Outcome<(Arc<Context>, Resolved)> {
        if !*primed {
            *stack = self.past.chain_above(&node.prefix).await?;
            *primed = true;
        }
        while let Some((above, _)) = stack.last() {
            if above.strictly_contains(&node.prefix) {
                break;
            }
            stack.pop();
        }
        let context = stack
            .last()
            .map_or_else(Arc::default, |(_, context)| Arc::clone(context));
        let resolved = self.past.resolve(node, &context)?;
        Ok((context, resolved))
    }
}
