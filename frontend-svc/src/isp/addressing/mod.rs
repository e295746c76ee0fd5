//! Addressing plans: designing one, and putting it into the tree.
//!
//! The rules are in `domain/src/isp/addressing`; here a plan meets what is there already. A node with the very prefix of
//! a block is kept as it is. Something else between a block and the one around it, or a pool in the way, stands against
//! the plan. What is checked is the tree as it was a moment ago: a node that somebody makes between two blocks in that
//! moment is not seen, and shows as a conflict of the next preview.

mod nodes;
mod pools;
mod surroundings;

use cadastre_api_types::internal::MutationOptions;
use cadastre_api_types::public::isp::{
    AddressingConflict, AddressingPlan, AddressingPlanApplied, AddressingPlanRequest,
};
use cadastre_api_types::public::{DryRun, PlannedConflict};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::roles::Permission::{IspIpamRead, IspIpamWrite};
use serde_json::json;

use super::caller::{attempts, contention};
use super::wire::addressing::{self as wire, Asked};
use super::{Done, IspCaller, Outcome};
use nodes::Made;
use surroundings::Surroundings;

/// Designs a plan, and says what stands in its way. Nothing is made by asking.
pub(crate) async fn preview(
    caller: &IspCaller,
    body: AddressingPlanRequest,
) -> Result<AddressingPlan, ApiError> {
    caller.may(IspIpamRead)?;
    let asked = wire::from_wire(body)?;
    let there = Surroundings::of(caller, IspIpamRead, &asked.plan).await?;
    let conflicts = there.conflicts(&asked.plan);
    Ok(wire::to_wire(
        &asked.plan,
        |prefix| there.has_node(prefix),
        conflicts,
    ))
}

/// Designs a plan, and makes the nodes that are missing, all or none; then pools, if they are asked for, one by one.
///
/// # Errors
/// A `400` naming the field; `409 PlanCollision` for what stands in the way; what single nodes would be refused with.
pub(crate) async fn apply(
    caller: &IspCaller,
    body: AddressingPlanRequest,
    options: MutationOptions,
) -> Result<Outcome<AddressingPlanApplied>, ApiError> {
    caller.may(IspIpamWrite)?;
    let asked = wire::from_wire(body)?;
    if options.dry_run {
        return planned(caller, &asked).await.map(Outcome::Planned);
    }
    let (there, made) = with_nodes(caller, &asked, &options).await?;
    let pools = if asked.make_pools {
        pools::make(caller, &asked.plan, &there).await
    } else {
        Vec::new()
    };
    let is_new = |prefix| made.created.contains(prefix);
    // Of an earlier request, what somebody has removed since was neither.
    let settled = |prefix| is_new(prefix) || !made.replayed || there.has_node(prefix);
    let prefixes = asked.plan.blocks.iter().map(|block| &block.prefix);
    let (created, unchanged): (Vec<_>, Vec<_>) = prefixes
        .filter(|prefix| settled(prefix))
        .partition(|prefix| is_new(prefix));
    Ok(Outcome::Done(Done {
        value: AddressingPlanApplied {
            plan: wire::to_wire(&asked.plan, |prefix| unchanged.contains(&prefix), Vec::new()),
            created: created.iter().map(ToString::to_string).collect(),
            unchanged: unchanged.iter().map(ToString::to_string).collect(),
            pools,
        },
        revision: 0,
        replayed: made.replayed,
    }))
}

/// Makes the nodes that are missing. If others make one of them in the same moment, it looks again.
async fn with_nodes(
    caller: &IspCaller,
    asked: &Asked,
    options: &MutationOptions,
) -> Result<(Surroundings, Made), ApiError> {
    let key = options.idempotency.as_ref();
    for _ in attempts() {
        let earlier = nodes::earlier(caller, key).await?;
        let there = Surroundings::of(caller, IspIpamWrite, &asked.plan).await?;
        if let Some(import) = earlier {
            let made = there.made_at(import.started);
            return Ok((
                there,
                Made {
                    created: made,
                    replayed: true,
                },
            ));
        }
        refuse(&there.conflicts(&asked.plan))?;
        if let Some(made) = nodes::make(caller, asked, &there, key).await? {
            return Ok((there, made));
        }
    }
    Err(contention())
}

/// What applying a plan would change.
async fn planned(caller: &IspCaller, asked: &Asked) -> Result<DryRun, ApiError> {
    let there = Surroundings::of(caller, IspIpamWrite, &asked.plan).await?;
    let mut plan = nodes::planned(caller, asked, &there).await?;
    let conflicts = there.conflicts(&asked.plan);
    plan.conflicts
        .splice(0..0, conflicts.iter().map(planned_conflict));
    if asked.make_pools {
        pools::planned(caller, &asked.plan, &there, &mut plan).await?;
    }
    Ok(plan)
}

fn planned_conflict(conflict: &AddressingConflict) -> PlannedConflict {
    PlannedConflict {
        code: ErrorCode::PlanCollision,
        message: conflict.message.clone(),
        details: Some(json!({ "conflicts": [conflict] })),
    }
}

/// Refuses a plan that something stands in the way of.
fn refuse(conflicts: &[AddressingConflict]) -> Result<(), ApiError> {
    let Some(first) = conflicts.first() else {
        return Ok(());
    };
    let more = match conflicts.len() {
        1 => String::new(),
        number => format!(" The details name {} more.", number - 1),
    };
    let message = format!("{}{more} Nothing was made.", first.message);
    Err(ApiError::new(ErrorCode::PlanCollision, message).with_details(json!({ "conflicts": conflicts })))
}
