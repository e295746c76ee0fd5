//! Resize: a node gets a longer or shorter prefix where it is. It keeps its id, tags, description and time of
//! creation; its row, its id row and its index rows move. Its history goes on under the new prefix: under the old
//! one it ends, and the journal row of the command names both.
//!
//! It stays beneath its parent, so what flows down to it and what it resolves to stay as they are. Growing, it
//! takes in siblings, which must keep their tags; shrinking, it may not leave a child behind.

use std::collections::BTreeSet;
use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{MutationOptions, NewSize};
use cadastre_domain::Prefix;
use cadastre_domain::hierarchy::ChildScan;
use cadastre_domain::restructure::{Resizing, resizing};
use uuid::Uuid;

use super::super::decide::{Decider, Decision, Effects, node_rows, placed};
use super::super::read_ahead::ReadAhead;
use super::adoption::{Adoption, Parents};
use super::{
    MAX_LOOKED_AT, because_of, changed, check_not_root, check_result_in_scope, settle, taken,
    too_many_to_look_at,
};
use crate::errors::{Failure, Outcome};
use crate::records::{JournalImage, NodeRecord};

/// Decides a resize.
pub(super) async fn resize(
    decider: &Decider<'_>,
    id: Uuid,
    to: NewSize,
    options: &MutationOptions,
) -> Outcome<Decision> {
    let before = decider
        .changeable(id, "resize", options.if_match.as_ref())
        .await?;
    let from = before.prefix;
    let to = wanted(from, to)?;
    let above = decider.resolver.context_over(&before).await?;
    let old_resolved = decider.resolver.resolve(&before, &above)?;
    if to != from {
        check_not_root(decider, &from, "resize")?;
        check_result_in_scope(decider, &to)?;
    }
    let parent = above.parent().map(|link| link.prefix);
    let way = resizing(from, to, parent)
        .map_err(|error| Failure::refused(ErrorCode::NotResizable, format!("{error}.")))?;
    let after = NodeRecord {
        prefix: to,
        modified_on: decider.time,
        revision: decider.version,
        ..before.clone()
    };
    let resolved = decider.resolve_new(&after, &above)?;
    let mut adoption = Adoption::new(options.dry_run);
    match way {
        Resizing::Same => {
            let image = decider.view(&before, &above, &old_resolved);
            return Ok(Decision::Unchanged(Box::new(image)));
        }
        Resizing::Shrink => check_nothing_cut_off(decider, from, to).await?,
        Resizing::Grow => {
            let below = Arc::new(above.below(&after, &resolved));
            let parents = Parents {
                old: &above,
                new: &below,
            };
            adoption
                .adopt(decider, to, &BTreeSet::from([from]), parents)
                .await?;
        }
    }
    let image = decider.view(&after, &above, &resolved);
    let mut effects = Effects {
        moves_epoch: true,
        created: vec![placed(&to, &above)],
        removed: vec![placed(&from, &above)],
        subject: Some(image.clone()),
        ..Effects::default()
    };
    let (time, version) = (decider.time, decider.version);
    node_rows(&mut effects.writes, Some(&before), None, time, version);
    node_rows(&mut effects.writes, None, Some(&after), time, version);
    let old_image = decider.view(&before, &above, &old_resolved);
    effects.changes.push(changed(Some(old_image), Some(image)));
    effects.journal.push(JournalImage::Node {
        before: Some(before),
        after: Some(after),
    });
    let (moved, blocked) = adoption.finish(&format!("Growing {from} to {to}"));
    settle(effects, moved, blocked)
}

/// The new prefix.
fn wanted(from: Prefix, to: NewSize) -> Outcome<Prefix> {
    match to {
        NewSize::Prefix(prefix) => Ok(prefix),
        NewSize::Length(len) if len <= from.len() => Ok(from.truncate(len)),
        NewSize::Length(len) => Prefix::new(from.addr(), len).map_err(|_| {
            Failure::refused(
                ErrorCode::InvalidPrefixLength,
                format!(
                    "{from} is an {} prefix, so its length is at most {}, not {len}.",
                    from.family(),
                    from.family().max_len()
                ),
            )
        }),
    }
}

/// Every child stays inside, and none is where the node goes.
async fn check_nothing_cut_off(decider: &Decider<'_>, from: Prefix, to: Prefix) -> Outcome<()> {
    let rows = decider.resolver.rows();
    let mut scan = ChildScan::of(from);
    let mut nodes = ReadAhead::new(rows);
    let mut cut_off: Vec<(Uuid, Prefix)> = Vec::new();
    let mut looked_at = 0_usize;
    while let Some(probe) = scan.probe() {
        looked_at += 1;
        if looked_at > MAX_LOOKED_AT {
            return Err(too_many_to_look_at(&from));
        }
        if looked_at.is_multiple_of(512) {
            tokio::task::yield_now().await;
        }
        let found = nodes.first_node(&probe).await?;
        let (Some(child), Some(node)) = (scan.feed(found.as_ref().map(|node| node.prefix)), found) else {
            continue;
        };
        if child == to {
            return Err(taken(&node));
        }
        if to.contains(&child) {
            // What else lies inside may stay, too.
            scan = scan.resume_after(to);
        } else {
            cut_off.push((node.ip_id, child));
        }
    }
    if cut_off.is_empty() {
        return Ok(());
    }
    Err(because_of(
        ErrorCode::WouldCutOff,
        &format!(
            "Shrinking {from} to {to} would cut off {{nodes}}. Delete or resize these first, or choose a prefix that \
             holds them."
        ),
        &cut_off,
        cut_off.len(),
    ))
}
