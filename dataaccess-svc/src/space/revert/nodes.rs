//! Nodes become what they were before a change: the same id, prefix, tags, description and time of creation, with a
//! revision of their own. The result obeys the rules as if somebody had written it now.
//!
//! What is not named by the change is not written. Nodes that were beneath before it resolve to what they resolved to
//! then; what came since must not lose anything (`beneath.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{Image, ImageChange};
use cadastre_domain::Prefix;
use cadastre_domain::tags::{Resolved, TagName};

use super::super::context::{Context, Resolver};
use super::super::decide::{Blocked, Decider, Decision, Effects, node_rows, placed};
use super::super::reject::check_beneath;
use super::super::restructure::room;
use super::super::step::count;
use super::beneath::Beneath;
use super::{NodeImage, standing};
use crate::errors::{Failure, Outcome};
use crate::idempotency::RowWrites;
use crate::records::{JournalImage, NodeRecord};

/// What becomes of a node: from, to.
struct Turn {
    now: Option<NodeRecord>,
    then: Option<NodeRecord>,
}

impl Turn {
    /// The same node stays at the same prefix.
    fn stays(&self) -> bool {
        match (&self.now, &self.then) {
            (Some(now), Some(then)) => now.ip_id == then.ip_id && now.prefix == then.prefix,
            (Some(_), None) | (None, Some(_)) | (None, None) => false,
        }
    }

    /// The prefix that has it no more.
    fn leaves(&self) -> Option<&NodeRecord> {
        self.now.as_ref().filter(|_| !self.stays())
    }

    /// The prefix that gets it.
    fn arrives(&self) -> Option<&NodeRecord> {
        self.then.as_ref().filter(|_| !self.stays())
    }

    /// Where it goes from and to, if it moves.
    fn moves(&self) -> Option<(Prefix, Prefix)> {
        let (now, then) = (self.now.as_ref()?, self.then.as_ref()?);
        (now.prefix != then.prefix).then_some((now.prefix, then.prefix))
    }
}

/// A node with what is resolved for it.
type Seen = (Arc<Context>, Resolved, Image);

/// Decides to take a change of nodes back.
pub(super) async fn take_back(
    decider: &Decider<'_>,
    version: u64,
    images: Vec<NodeImage>,
) -> Outcome<Decision> {
    standing::check_nodes(decider, version, &images).await?;
    let mut turns: Vec<Turn> = Vec::with_capacity(images.len());
    for (before, after) in images {
        // What of a pool a node is by now is not of this change.
        let present = match &after {
            Some(node) if !decider.book.has_no_pools() => decider.resolver.rows().node(&node.prefix).await?,
            Some(_) | None => None,
        };
        let (pool, hold) = present.map_or((None, None), |node| (node.pool, node.hold));
        turns.push(Turn {
            now: after.map(|node| NodeRecord { pool, hold, ..node }),
            then: before.map(|node| NodeRecord {
                modified_on: decider.time,
                revision: decider.version,
                pool,
                hold,
                ..node
            }),
        });
    }
    check_roots(decider, &turns)?;
    let mut effects = Effects {
        // Several rows change together, and a read of several rows must see all of it or none.
        moves_epoch: true,
        writes: writes(decider, &turns),
        ..Effects::default()
    };
    let old = &decider.resolver;
    let mut overlay = old.rows().overlay().cloned().unwrap_or_default();
    overlay.extend(effects.writes.iter().cloned());
    let mut head = old.head().clone();
    count(
        &mut head,
        turns.iter().filter_map(Turn::arrives).map(|node| &node.prefix),
        turns.iter().filter_map(Turn::leaves).map(|node| &node.prefix),
    );
    let new = Resolver::uncached(old.rows().over(&overlay), &head, old.vocabulary());

    let before = seen_now(decider, &turns).await?;
    let after = check_restored(decider, &new, &turns, &before).await?;
    let named: BTreeSet<Prefix> = turns
        .iter()
        .flat_map(|turn| turn.now.iter().chain(&turn.then))
        .map(|node| node.prefix)
        .collect();
    let mut beneath = Beneath::new(decider, &new, version, &named);
    for turn in &turns {
        if let Some((from, to)) = turn.moves() {
            beneath.check_move(from, to).await?;
        }
    }
    let moved = turns.iter().filter_map(Turn::moves).map(|(_, to)| to);
    let regions: BTreeSet<Prefix> = turns
        .iter()
        .filter_map(Turn::leaves)
        .map(|node| node.prefix)
        .chain(moved)
        .collect();
    beneath.check_tags(&regions).await?;
    let blocked = beneath.finish();

    for turn in turns {
        let (from, to) = (
            turn.now.as_ref().and_then(|node| before.get(&node.prefix)),
            turn.then.as_ref().and_then(|node| after.get(&node.prefix)),
        );
        if let (Some(node), Some((above, ..))) = (turn.leaves(), from) {
            effects.removed.push(placed(&node.prefix, above));
        }
        if let (Some(node), Some((above, ..))) = (turn.arrives(), to) {
            effects.created.push(placed(&node.prefix, above));
        }
        effects.changes.push(ImageChange {
            before: from.map(|(_, _, image)| image.clone()),
            after: to.map(|(_, _, image)| image.clone()),
        });
        effects.journal.push(JournalImage::Node {
            before: turn.now,
            after: turn.then,
        });
    }
    if let Some(error) = blocked {
        return Ok(Decision::Blocked(Box::new(Blocked {
            changes: effects.changes,
            error,
        })));
    }
    room::check(&effects)?;
    Ok(Decision::Change(Box::new(effects)))
}

/// The root of the caller's scope is theirs to tag, not to remove or to move.
fn check_roots(decider: &Decider<'_>, turns: &[Turn]) -> Outcome<()> {
    let root = turns
        .iter()
        .filter_map(Turn::leaves)
        .find(|node| decider.context.scope.is_root(&node.prefix));
    match root {
        None => Ok(()),
        Some(node) => Err(Failure::refused(
            ErrorCode::OutsideScope,
            format!(
                "Your role is narrowed to {}: you may tag it and change what lies beneath it, and to take this change \
                 back would remove or move it.",
                node.prefix
            ),
        )),
    }
}

/// The rows of all nodes: first what leaves a prefix, then what comes to one, which may be the same prefix.
fn writes(decider: &Decider<'_>, turns: &[Turn]) -> RowWrites {
    let (time, version) = (decider.time, decider.version);
    let mut writes = RowWrites::new();
    for node in turns.iter().filter_map(Turn::leaves) {
        node_rows(&mut writes, Some(node), None, time, version);
    }
    for turn in turns {
        let now = turn.now.as_ref().filter(|_| turn.stays());
        if turn.then.is_some() {
            node_rows(&mut writes, now, turn.then.as_ref(), time, version);
        }
    }
    writes
}

/// The nodes as they are now, by prefix.
async fn seen_now(decider: &Decider<'_>, turns: &[Turn]) -> Outcome<BTreeMap<Prefix, Seen>> {
    let mut seen = BTreeMap::new();
    for (number, node) in turns.iter().filter_map(|turn| turn.now.as_ref()).enumerate() {
        pause(number).await;
        let above = decider.resolver.context_over(node).await?;
        let resolved = decider.resolver.resolve(node, &above)?;
        let image = decider.view(node, &above, &resolved);
        seen.insert(node.prefix, (above, resolved, image));
    }
    Ok(seen)
}

/// The nodes as they will be, by prefix, each checked against the rules: its tags, what flows down to it, and what
/// lies beneath it.
async fn check_restored(
    decider: &Decider<'_>,
    new: &Resolver<'_>,
    turns: &[Turn],
    before: &BTreeMap<Prefix, Seen>,
) -> Outcome<BTreeMap<Prefix, Seen>> {
    // Parents first: what flows down from a node is resolved only once that node is known to be sound.
    let restored: BTreeMap<Prefix, (&NodeRecord, bool)> = turns
        .iter()
        .filter_map(|turn| turn.then.as_ref().map(|node| (node.prefix, (node, turn.stays()))))
        .collect();
    let mut seen = BTreeMap::new();
    for (number, (node, _)) in restored.values().enumerate() {
        pause(number).await;
        let above = new.context_above(&node.prefix).await?;
        let resolved = decider.resolve_new(node, &above)?;
        let image = decider.view(node, &above, &resolved);
        seen.insert(node.prefix, (above, resolved, image));
    }
    for (prefix, (_, stays)) in &restored {
        let Some((_, resolved, _)) = seen.get(prefix) else {
            continue;
        };
        if new.rows().has_descendants(prefix).await? {
            // What a node that stays gave before cannot contradict anything now.
            let known = before.get(prefix).filter(|_| *stays);
            let value = |tag: &TagName| known.and_then(|(_, resolved, _)| resolved.get(tag).cloned());
            check_beneath(new.rows(), new.vocabulary(), prefix, value, resolved).await?;
        }
    }
    Ok(seen)
}

/// Lets others have a turn now and then.
async fn pause(number: usize) {
    if number % 256 == 255 {
        tokio::task::yield_now().await;
    }
}
