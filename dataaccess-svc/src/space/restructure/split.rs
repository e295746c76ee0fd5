//! Split: the blocks of one length in a node that do not exist yet are made; the node stays.
//!
//! Nodes of that length are kept as they are, longer ones come beneath the new block around them. A node between the
//! container and the length would have to be cut, or would stand between the container and some of the blocks: that
//! is refused. Blocks with tags may not retag what lies in them.

use std::collections::BTreeSet;
use std::sync::Arc;

use cadastre_api_types::internal::{Image, MutationOptions};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::restructure::{SplitError, SplitPlan, SplitScan};
use cadastre_domain::tags::ExplicitTags;
use cadastre_domain::{Family, Prefix};
use serde_json::json;
use uuid::Uuid;

use super::super::decide::{Decider, Decision, Effects, node_rows, placed, tag_error};
use super::adoption::{Adoption, Parents};
use super::{MAX_LOOKED_AT, MAX_NODES, because_of, changed, id_taken, settle, too_many_to_look_at};
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{JournalImage, NodeRecord};

/// What to make.
pub(super) struct Wanted<'a> {
    pub(super) len: u8,
    pub(super) first_id: Uuid,
    pub(super) tags: &'a ExplicitTags,
    pub(super) description: &'a str,
}

/// The ids of the new nodes: they sort as the nodes do, and all fit behind one id that the caller made.
fn numbered(first: Uuid, number: usize) -> Uuid {
    Uuid::from_u128((first.as_u128() & !0xffff) | (number as u128 & 0xffff))
}

fn split_error(error: &SplitError) -> Failure {
    let code = match error {
        SplitError::Length { .. } | SplitError::Address { .. } => ErrorCode::InvalidPrefixLength,
        SplitError::TooMany { .. } => ErrorCode::CommandTooLarge,
    };
    let mut message = error.to_string();
    message.push('.');
    let refusal = ApiError::new(code, message);
    match error.would_make() {
        Some(count) => refusal.with_details(json!({"wouldMake": count, "most": MAX_NODES})),
        None => refusal,
    }
    .into()
}

/// Looks at the blocks.
async fn blocks(decider: &Decider<'_>, container: Prefix, len: u8) -> Outcome<SplitPlan> {
    let rows = decider.resolver.rows();
    let head = decider.resolver.head();
    let counts = match container.family() {
        Family::V4 => &head.counts4,
        Family::V6 => &head.counts6,
    };
    let stored = counts.0.get(&len).copied().unwrap_or(0);
    let mut scan = SplitScan::new(container, len, stored, MAX_NODES).map_err(|error| split_error(&error))?;
    let mut straddling = Vec::new();
    let mut looked_at = 0_usize;
    while let Some(probe) = scan.probe() {
        looked_at += 1;
        if looked_at > MAX_LOOKED_AT {
            return Err(too_many_to_look_at(&container));
        }
        if looked_at.is_multiple_of(512) {
            tokio::task::yield_now().await;
        }
        let found = rows.first_node(&probe).await?;
        if let Some(node) = found.as_ref().filter(|node| node.prefix.len() < len) {
            straddling.push((node.ip_id, node.prefix));
        }
        scan.feed(found.map(|node| node.prefix));
    }
    if !straddling.is_empty() {
        return Err(because_of(
            ErrorCode::Straddled,
            &format!(
                "{container} cannot be split into /{len}: {{nodes}} between them would straddle the blocks. Split those \
                 nodes instead, or delete or resize them first."
            ),
            &straddling,
            straddling.len(),
        ));
    }
    scan.finish().map_err(|error| split_error(&error))
}

/// Decides a split.
pub(super) async fn split(
    decider: &Decider<'_>,
    id: Uuid,
    wanted: &Wanted<'_>,
    options: &MutationOptions,
) -> Outcome<Decision> {
    let container = decider.changeable(id, "split", options.if_match.as_ref()).await?;
    let resolver = &decider.resolver;
    resolver
        .vocabulary()
        .check_explicit(wanted.tags)
        .map_err(|error| tag_error(&error))?;
    let plan = blocks(decider, container.prefix, wanted.len).await?;
    if plan.missing.is_empty() {
        let above = resolver.context_over(&container).await?;
        let resolved = resolver.resolve(&container, &above)?;
        return Ok(Decision::Unchanged(Box::new(
            decider.view(&container, &above, &resolved),
        )));
    }
    let last = numbered(wanted.first_id, plan.missing.len());
    let ids = keys::id_range(numbered(wanted.first_id, 0), last);
    if resolver.rows().first(&ids).await?.is_some() {
        return Err(id_taken());
    }
    let below = resolver.context_of(container.clone()).await?;
    let mut adoption = Adoption::new(options.dry_run);
    let mut effects = Effects {
        moves_epoch: true,
        ..Effects::default()
    };
    let mut occupied = plan.occupied.iter().peekable();
    for (number, prefix) in plan.missing.iter().copied().enumerate() {
        let node = NodeRecord {
            v: 1,
            ip_id: numbered(wanted.first_id, number),
            prefix,
            tags: wanted.tags.clone(),
            description: wanted.description.to_owned(),
            created_on: decider.time,
            modified_on: decider.time,
            revision: decider.version,
            pool: None,
            hold: None,
        };
        let resolved = decider.resolve_new(&node, &below)?;
        if occupied.next_if(|at| **at == prefix).is_some() {
            let parents = Parents {
                old: &below,
                new: &Arc::new(below.below(&node, &resolved)),
            };
            adoption.adopt(decider, prefix, &BTreeSet::new(), parents).await?;
        }
        let view = decider.view(&node, &below, &resolved);
        node_rows(
            &mut effects.writes,
            None,
            Some(&node),
            decider.time,
            decider.version,
        );
        effects.created.push(placed(&prefix, &below));
        if let Image::Node(made) = &view {
            effects.made.push(made.clone());
        }
        effects.subject.get_or_insert_with(|| view.clone());
        effects.changes.push(changed(None, Some(view)));
        effects.journal.push(JournalImage::Node {
            before: None,
            after: Some(node),
        });
    }
    let (moved, blocked) = adoption.finish(&format!("Splitting {} with these tags", container.prefix));
    settle(effects, moved, blocked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_blocks_are_of_version_7_differ_and_sort_as_the_blocks_do() {
        let first = Uuid::now_v7();
        let ids: Vec<Uuid> = (0..MAX_NODES).map(|number| numbered(first, number)).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert_eq!(numbered(ids[7], 7), ids[7], "any of them says which they are");
    }
}
