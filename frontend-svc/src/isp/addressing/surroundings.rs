//! What is there already where a plan would lie, and what of it stands in the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{LookupQuery, NodeView, PoolFilter};
use cadastre_api_types::public::isp::{AddressingConflict, AddressingConflictType};
use cadastre_domain::Prefix;
use cadastre_domain::isp::addressing::{AddressPlan, BlockRole, PlannedBlock};
use cadastre_domain::isp::{Kept, Pool};
use cadastre_domain::roles::Permission;
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::super::{IspCaller, pools};

/// Questions that are under way at a time.
const AT_ONCE: usize = 16;
/// Conflicts that are named; a plan with more lies in the wrong place altogether.
const NAMED: usize = 100;

/// The nodes that contain a block or are one, and the pools in and around the network.
pub(super) struct Surroundings {
    nodes: BTreeMap<Prefix, NodeView>,
    pools: Vec<Kept<Pool>>,
}

impl Surroundings {
    /// Reads them. A plan has at most 1,000 blocks, so there are at most as many questions, however many nodes there are
    /// in the network.
    pub(super) async fn of(
        caller: &IspCaller,
        permission: Permission,
        plan: &AddressPlan,
    ) -> Result<Self, ApiError> {
        let context = caller.may(permission)?;
        // What contains a block contains those in it.
        let questions: Vec<_> = innermost(plan)
            .map(|target| {
                let (access, context) = (Arc::clone(&caller.state.access), context.clone());
                let space = caller.space;
                async move { access.lookup(&context, LookupQuery { space, target }).await }
            })
            .collect();
        let found: Vec<Vec<NodeView>> = stream::iter(questions).buffered(AT_ONCE).try_collect().await?;
        let nodes = found.into_iter().flatten().map(|node| (node.prefix, node));
        let near = PoolFilter {
            search: Some(plan.network.to_string()),
            ..PoolFilter::default()
        };
        Ok(Self {
            nodes: nodes.collect(),
            pools: pools::all(caller, permission, near).await?,
        })
    }

    /// Whether there is a node with this very prefix.
    pub(super) fn has_node(&self, prefix: &Prefix) -> bool {
        self.nodes.contains_key(prefix)
    }

    /// The pool of this very network.
    pub(super) fn pool(&self, network: &Prefix) -> Option<&Pool> {
        let mut pools = self.pools.iter().map(|kept| &kept.value);
        pools.find(|pool| pool.network == *network)
    }

    /// The nodes that were made at a moment.
    pub(super) fn made_at(&self, moment: Timestamp) -> BTreeSet<Prefix> {
        let nodes = self.nodes.values().filter(|node| node.created == moment);
        nodes.map(|node| node.prefix).collect()
    }

    /// What stands in the way of a plan; the first hundred.
    pub(super) fn conflicts(&self, plan: &AddressPlan) -> Vec<AddressingConflict> {
        let planned: BTreeSet<Prefix> = plan.blocks.iter().map(|block| block.prefix).collect();
        // They all contain a block, so what is in the network and no block is between two of them.
        let nodes = self
            .nodes
            .values()
            .filter(|node| plan.network.strictly_contains(&node.prefix) && !planned.contains(&node.prefix))
            .filter_map(|node| between(plan, node));
        let pools = self.pools.iter().filter_map(|kept| in_the_way(plan, &kept.value));
        nodes.chain(pools).take(NAMED).collect()
    }
}

/// The blocks that contain no others.
fn innermost(plan: &AddressPlan) -> impl Iterator<Item = Prefix> + '_ {
    let around: BTreeSet<usize> = plan.blocks.iter().filter_map(|block| block.parent).collect();
    let blocks = plan.blocks.iter().enumerate();
    blocks
        .filter(move |(position, _)| !around.contains(position))
        .map(|(_, block)| block.prefix)
}

/// A node between a block and the one around it.
fn between(plan: &AddressPlan, node: &NodeView) -> Option<AddressingConflict> {
    let block = plan
        .blocks
        .iter()
        .find(|block| node.prefix.strictly_contains(&block.prefix))?;
    let parent = block.parent.and_then(|parent| plan.blocks.get(parent));
    let around = parent.map_or_else(|| format!("the network {}", plan.network), named);
    let name = Some(node.description.clone()).filter(|text| !text.is_empty());
    Some(AddressingConflict {
        conflict_type: AddressingConflictType::Node,
        id: node.id,
        prefix: node.prefix.to_string(),
        name,
        block: block.prefix.to_string(),
        message: format!(
            "The node {} lies between {} and {around}. Remove or resize it, or plan another network.",
            node.prefix,
            named(block),
        ),
    })
}

/// A pool that holds a block, or lies in one that is to be a pool. The pool of a block that is to be one is not in the
/// way, nor is one beside all blocks or in one for infrastructure.
fn in_the_way(plan: &AddressPlan, pool: &Pool) -> Option<AddressingConflict> {
    let is_pool = |block: &&PlannedBlock| block.role == BlockRole::SubscriberPool;
    let to_be_pools = || plan.blocks.iter().filter(is_pool);
    if to_be_pools().any(|block| block.prefix == pool.network) {
        return None;
    }
    let held = plan
        .blocks
        .iter()
        .find(|block| pool.network.strictly_contains(&block.prefix));
    let around = || to_be_pools().find(|block| block.prefix.strictly_contains(&pool.network));
    let (block, how) = match held {
        Some(block) => (block, format!("holds {}", named(block))),
        None => {
            let block = around()?;
            (
                block,
                format!("lies in {}, which is to be a pool itself", named(block)),
            )
        }
    };
    Some(AddressingConflict {
        conflict_type: AddressingConflictType::Pool,
        id: pool.id,
        prefix: pool.network.to_string(),
        name: Some(pool.name.clone()),
        block: block.prefix.to_string(),
        message: format!(
            "The pool {} ({}) {how}. Pools do not overlap: remove it, or plan another network.",
            pool.name, pool.network
        ),
    })
}

fn named(block: &PlannedBlock) -> String {
    format!("{} ({})", block.name, block.prefix)
}
