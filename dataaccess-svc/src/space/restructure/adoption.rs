//! Nodes that come under another parent because a structural verb puts one above them or takes one away: what a
//! plan shows of them, and whether they keep their resolved tags.

use std::collections::BTreeSet;

use cadastre_api_types::internal::ImageChange;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::hierarchy::ChildScan;
use cadastre_domain::tags::{Inherited, TagName, TagValue, check_reject};
use serde_json::json;
use uuid::Uuid;

use super::super::context::{Context, resolve_stored, tag_conflict};
use super::super::decide::Decider;
use super::super::read_ahead::ReadAhead;
use super::{LISTED, MAX_LOOKED_AT, MOVED_SHOWN, NAMED, changed, too_many_to_look_at};
use crate::errors::Outcome;
use crate::records::NodeRecord;

/// The nodes that move.
#[derive(Debug, Default)]
pub(super) struct Adoption {
    /// Whether they are wanted for a plan.
    planning: bool,
    moved: Vec<ImageChange>,
    retagged: Vec<Retagged>,
    /// How many nodes would be retagged.
    nodes: usize,
    looked_at: usize,
}

/// A tag of a node that does not stay as it is.
#[derive(Debug)]
struct Retagged {
    id: Uuid,
    prefix: Prefix,
    tag: TagName,
    before: Option<TagValue>,
    after: Option<TagValue>,
}

/// Where nodes come from and where they go to.
#[derive(Clone, Copy)]
pub(super) struct Parents<'a> {
    /// What flows down to them.
    pub(super) old: &'a Context,
    /// What will.
    pub(super) new: &'a Context,
}

/// Whether the same values flow down, wherever they are from.
pub(in crate::space) fn alike(one: &Inherited, other: &Inherited) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other.iter())
            .all(|((tag, value, _), (other_tag, other_value, _))| tag == other_tag && value == other_value)
}

impl Adoption {
    /// For a plan, or for the change itself.
    pub(super) fn new(planning: bool) -> Self {
        Self {
            planning,
            ..Self::default()
        }
    }

    /// The topmost nodes in `within`, but for those to skip, come under another parent as they are.
    pub(super) async fn adopt(
        &mut self,
        decider: &Decider<'_>,
        within: Prefix,
        skip: &BTreeSet<Prefix>,
        parents: Parents<'_>,
    ) -> Outcome<()> {
        // Beneath a node that keeps its own tags everything keeps its tags, so the topmost are all there is to see.
        let check = !alike(&parents.old.inherited, &parents.new.inherited);
        self.walk(decider, within, skip, parents, check).await
    }

    /// The same for nodes that are known to keep their tags.
    pub(super) async fn list(
        &mut self,
        decider: &Decider<'_>,
        within: Prefix,
        skip: &BTreeSet<Prefix>,
        parents: Parents<'_>,
    ) -> Outcome<()> {
        self.walk(decider, within, skip, parents, false).await
    }

    async fn walk(
        &mut self,
        decider: &Decider<'_>,
        within: Prefix,
        skip: &BTreeSet<Prefix>,
        parents: Parents<'_>,
        check: bool,
    ) -> Outcome<()> {
        let rows = decider.resolver.rows();
        let mut scan = ChildScan::of(within);
        let mut nodes = ReadAhead::new(rows);
        while let Some(probe) = scan.probe() {
            let lists = self.planning && self.moved.len() < MOVED_SHOWN;
            if !check && !lists {
                return Ok(());
            }
            self.looked_at += 1;
            if self.looked_at > MAX_LOOKED_AT {
                return Err(too_many_to_look_at(&within));
            }
            if self.looked_at.is_multiple_of(512) {
                tokio::task::yield_now().await;
            }
            let found = nodes.first_node(&probe).await?;
            let child = scan.feed(found.as_ref().map(|node| node.prefix));
            if let (Some(child), Some(node)) = (child, found)
                && !skip.contains(&child)
            {
                self.look_at(decider, &node, parents, check, lists)?;
            }
        }
        Ok(())
    }

    fn look_at(
        &mut self,
        decider: &Decider<'_>,
        node: &NodeRecord,
        parents: Parents<'_>,
        check: bool,
        lists: bool,
    ) -> Outcome<()> {
        let vocabulary = decider.resolver.vocabulary();
        let before = decider.resolver.resolve(node, parents.old)?;
        let after = resolve_stored(vocabulary, node, parents.new)?;
        if check {
            let retagged = self.retagged.len();
            let (old, new) = (before.to_map(), after.to_map());
            let tags: BTreeSet<&TagName> = old.keys().chain(new.keys()).collect();
            for tag in tags {
                if old.get(tag) != new.get(tag) {
                    self.retagged.push(Retagged {
                        id: node.ip_id,
                        prefix: node.prefix,
                        tag: tag.clone(),
                        before: old.get(tag).cloned(),
                        after: new.get(tag).cloned(),
                    });
                }
            }
            if self.retagged.len() > retagged {
                self.nodes += 1;
                self.retagged.truncate(LISTED.max(retagged));
            } else {
                check_reject(vocabulary, &parents.new.inherited, node.prefix, &after)
                    .map_err(tag_conflict)?;
            }
        }
        if lists {
            self.moved.push(changed(
                Some(decider.view(node, parents.old, &before)),
                Some(decider.view(node, parents.new, &after)),
            ));
        }
        Ok(())
    }

    /// What a plan shows, and what forbids it. `doing` is how the refusal begins.
    pub(super) fn finish(self, doing: &str) -> (Vec<ImageChange>, Option<ApiError>) {
        if self.retagged.is_empty() {
            return (self.moved, None);
        }
        let text = |value: &Option<TagValue>| {
            value
                .as_ref()
                .map_or_else(|| "nothing".to_owned(), ToString::to_string)
        };
        let named: Vec<String> = self
            .retagged
            .iter()
            .take(NAMED)
            .map(|tag| {
                let (before, after) = (text(&tag.before), text(&tag.after));
                format!("{} of {} from {before} to {after}", tag.tag, tag.prefix)
            })
            .collect();
        let more = if self.retagged.len() > named.len() {
            ", and more"
        } else {
            ""
        };
        let listed: Vec<_> = self
            .retagged
            .iter()
            .map(|tag| {
                json!({
                    "id": tag.id,
                    "prefix": tag.prefix,
                    "tag": tag.tag,
                    "before": tag.before,
                    "after": tag.after,
                })
            })
            .collect();
        let error = ApiError::new(
            ErrorCode::WouldRetag,
            format!(
                "{doing} would change resolved tags of nodes that come beneath: {}{more}. Set these tags on those nodes \
                 first, or leave them out above.",
                named.join(", ")
            ),
        )
        .with_details(json!({"retagged": listed, "count": self.nodes}));
        (self.moved, Some(error))
    }
}
