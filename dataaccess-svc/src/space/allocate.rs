//! Decides allocations: finds room beneath one node, or beneath the nodes that have certain tags, and makes as many
//! nodes as were asked for, or none.

use cadastre_api_types::internal::{AllocateFrom, Image, ImageChange, NodeRef, Wanted};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::free_space::{Edges, FreeSpace, Size};
use cadastre_domain::tags::{ExplicitTags, TagName, TagValue};
use cadastre_domain::{Prefix, Visibility};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use uuid::Uuid;

use super::context::Context;
use super::decide::{Decider, Decision, Effects, node_rows, outside_scope, placed, tag_error};
use super::free::{Asked, check_length};
use super::list::Matches;
use super::read::{find, no_node};
use super::view::node_view;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{JournalImage, NodeRecord, RecordError};

/// Most nodes of one allocation (DESIGN §9).
const MAX_COUNT: usize = 1_000;
/// Nodes with the tags that an allocation looks into before it gives up: the writer must not stand still for long.
const MAX_CANDIDATES: usize = 1_000;

/// Decides an allocation.
pub(super) async fn decide(decider: &Decider<'_>, from: &AllocateFrom, wanted: &Wanted) -> Outcome<Decision> {
    if wanted.count == 0 || wanted.count > MAX_COUNT {
        return Err(invalid(
            "count",
            format!(
                "count is {}; it must be from 1 to {MAX_COUNT}. Send several requests for more.",
                wanted.count
            ),
        ));
    }
    let allocation = Allocation {
        decider,
        wanted,
        asked: Asked {
            rows: decider.resolver.rows(),
            head: decider.resolver.head(),
            index: decider.free,
            scope: &decider.context.scope,
        },
    };
    match from {
        AllocateFrom::Node(id) => allocation.beneath(*id).await,
        AllocateFrom::Tagged(tags) => allocation.tagged(tags).await,
    }
}

struct Allocation<'a> {
    decider: &'a Decider<'a>,
    wanted: &'a Wanted,
    asked: Asked<'a>,
}

impl Allocation<'_> {
    /// All from one node.
    async fn beneath(&self, id: Uuid) -> Outcome<Decision> {
        let (decider, wanted) = (self.decider, self.wanted);
        let parent = self.parent(id).await?;
        match decider.context.scope.visibility(&parent.prefix) {
            Visibility::Full => {}
            Visibility::ChainOnly => return Err(outside_scope(&parent.prefix, "allocate from")),
            Visibility::Hidden => return Err(no_node()),
        }
        check_length(&parent.prefix, wanted.prefix_length)?;
        let found = self.take(&parent.prefix, wanted.count).await?;
        if found.taken.len() < wanted.count {
            return Err(depleted_node(&parent.prefix, wanted, &found));
        }
        let mut effects = Effects::default();
        self.make(&mut effects, parent, found.taken).await?;
        Ok(Decision::Change(Box::new(effects)))
    }

    /// The node to take from. The writer remembers it: many take from one.
    async fn parent(&self, id: Uuid) -> Outcome<NodeRecord> {
        if let Some(index) = self.asked.index
            && let Some(known) = index.lock().parent(id)
        {
            return Ok(known.clone());
        }
        let found = find(self.asked.rows, &NodeRef::Id(id))
            .await?
            .ok_or_else(no_node)?;
        if let Some(index) = self.asked.index {
            index.lock().remember(found.clone());
        }
        Ok(found)
    }

    /// From the nodes with these tags, in order, as much from each as there is.
    async fn tagged(&self, tags: &[(TagName, TagValue)]) -> Outcome<Decision> {
        let (decider, wanted) = (self.decider, self.wanted);
        if tags.is_empty() {
            return Err(invalid(
                "where",
                "`where` names no tag; name at least one, or allocate from a node by its id.".to_owned(),
            ));
        }
        let asked: ExplicitTags = tags.iter().cloned().collect();
        let vocabulary = decider.resolver.vocabulary();
        vocabulary
            .check_explicit(&asked)
            .map_err(|error| tag_error(&error))?;
        let mut effects = Effects::default();
        let mut missing = wanted.count;
        let mut candidates = 0;
        let mut largest: Option<u8> = None;
        let mut matches = Matches::new(&decider.resolver, &decider.context.scope, tags);
        while missing > 0 {
            let Some(node) = matches.next().await? else { break };
            // The chain above the caller's subtree is to be seen, not to be taken from.
            let fits = check_length(&node.prefix, wanted.prefix_length).is_ok();
            if !fits || !decider.context.scope.covers(&node.prefix) {
                continue;
            }
            candidates += 1;
            if candidates > MAX_CANDIDATES {
                break;
            }
            let found = self.take(&node.prefix, missing).await?;
            largest = largest.into_iter().chain(found.largest).min();
            if !found.taken.is_empty() {
                missing -= found.taken.len();
                self.make(&mut effects, node, found.taken).await?;
            }
        }
        if missing == 0 {
            return Ok(Decision::Change(Box::new(effects)));
        }
        let looked = match candidates {
            _ if matches.gave_up() => {
                "The first nodes with these tags have too little room, and there are very many".to_owned()
            }
            0 => "No node with these tags can hold such a prefix".to_owned(),
            n if n > MAX_CANDIDATES => {
                format!("The first {MAX_CANDIDATES} nodes with these tags have too little room")
            }
            1 => "The one node with these tags that can hold such a prefix has too little room".to_owned(),
            n => format!("The {n} nodes with these tags that can hold such a prefix have too little room"),
        };
        Err(depleted(
            format!(
                "{looked}: {} of {} prefixes of /{} are missing. Nothing was taken. Ask for fewer or longer prefixes, or \
                 add space.",
                missing, wanted.count, wanted.prefix_length
            ),
            largest,
            wanted.count - missing,
        ))
    }

    /// Up to `count` free prefixes of a node.
    async fn take(&self, parent: &Prefix, count: usize) -> Outcome<Found> {
        let wanted = self.wanted;
        let edges = if wanted.include_edges {
            Edges::Include
        } else {
            Edges::PassOver
        };
        let len = wanted.prefix_length;
        self.asked
            .with(parent, |free: &FreeSpace| {
                let room = free.how_many(len, edges);
                let n = room
                    .to_u128()
                    .map_or(count, |room| usize::try_from(room).unwrap_or(count).min(count));
                // By lot, but the same lot whenever this command is decided.
                let mut lot = SmallRng::seed_from_u64(wanted.seed);
                let mut draw = |bound: u128| lot.random_range(0..bound);
                let taken = if n == 0 {
                    Ok(Vec::new())
                } else {
                    free.find(wanted.strategy, len, n, edges, &mut draw)
                };
                Found {
                    taken: taken.unwrap_or_default(),
                    room,
                    largest: free.largest_free(),
                }
            })
            .await
    }

    /// Makes nodes beneath one node.
    async fn make(&self, effects: &mut Effects, parent: NodeRecord, prefixes: Vec<Prefix>) -> Outcome<()> {
        let (decider, wanted) = (self.decider, self.wanted);
        let above = decider.resolver.context_of(parent).await?;
        for prefix in prefixes {
            self.check_absent(&prefix).await?;
            let node = NodeRecord {
                v: 1,
                ip_id: Uuid::now_v7(),
                prefix,
                tags: wanted.tags.clone(),
                description: wanted.description.clone(),
                created_on: decider.time,
                modified_on: decider.time,
                revision: decider.version,
                pool: None,
                hold: None,
            };
            self.add(effects, node, &above)?;
        }
        Ok(())
    }

    /// The row says that the place is free; a node there would be overwritten. A dry run overwrites nothing, and others
    /// may have taken the place since the row was read.
    async fn check_absent(&self, prefix: &Prefix) -> Outcome<()> {
        if self.decider.free.is_none() {
            return Ok(());
        }
        let key = keys::node(prefix);
        if self.decider.resolver.rows().get(&key).await?.is_none() {
            return Ok(());
        }
        Err(RecordError::Inconsistent {
            key,
            reason: "the node is there, and its place is marked as free".to_owned(),
        }
        .into())
    }

    fn add(&self, effects: &mut Effects, node: NodeRecord, above: &Context) -> Outcome<()> {
        let decider = self.decider;
        let resolved = decider.resolve_new(&node, above)?;
        effects.created.push(placed(&node.prefix, above));
        node_rows(
            &mut effects.writes,
            None,
            Some(&node),
            decider.time,
            decider.version,
        );
        let view = node_view(node.clone(), above, &resolved, Visibility::Full);
        // Only a dry run, which is not made in the writer, shows them.
        if decider.free.is_none() {
            effects.changes.push(ImageChange {
                before: None,
                after: Some(Image::Node(view.clone())),
            });
        }
        effects.made.push(view);
        effects.journal.push(JournalImage::Node {
            before: None,
            after: Some(node),
        });
        Ok(())
    }
}

/// What a node has.
struct Found {
    taken: Vec<Prefix>,
    room: Size,
    largest: Option<u8>,
}

fn invalid(field: &str, message: String) -> Failure {
    let error = ApiError::new(ErrorCode::InvalidAllocation, message);
    Failure::Refused(Box::new(
        error.with_details(serde_json::json!({ "field": field })),
    ))
}

fn depleted_node(parent: &Prefix, wanted: &Wanted, found: &Found) -> Failure {
    let len = wanted.prefix_length;
    let only_edges = found.room.is_zero() && found.largest.is_some_and(|largest| largest <= len);
    let room = if only_edges {
        format!(
            "no /{len} is free but the network and the broadcast address, which `includeEdges` would take"
        )
    } else if found.room.is_zero() {
        format!("no /{len} is free")
    } else {
        format!(
            "{} of the {} prefixes of /{len} that were asked for are free",
            found.room, wanted.count
        )
    };
    let largest = found.largest.map_or_else(
        || "It is full".to_owned(),
        |largest| format!("Its largest free block is a /{largest}"),
    );
    depleted(
        format!("Beneath {parent} {room}. {largest}. Nothing was taken."),
        found.largest,
        found
            .room
            .to_u128()
            .map_or(wanted.count, |room| usize::try_from(room).unwrap_or(wanted.count)),
    )
}

fn depleted(message: String, largest: Option<u8>, found: usize) -> Failure {
    let details = serde_json::json!({ "largestFreePrefixLength": largest, "found": found });
    Failure::Refused(Box::new(
        ApiError::new(ErrorCode::Depleted, message).with_details(details),
    ))
}
