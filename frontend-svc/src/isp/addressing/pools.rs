//! The pools of a plan: one for each block of the last level. Each is a command of its own, so that one that fails stops
//! no others, and all are safe to ask for again.

use cadastre_api_types::internal::{IspCommand, MutationOptions};
use cadastre_api_types::public::isp::{
    AddressingPool, AddressingPoolError, AddressingPoolOutcome, PoolCreate, PoolType, PoolUpdate,
};
use cadastre_api_types::public::{ChangeKind, DryRun};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::isp::Pool;
use cadastre_domain::isp::addressing::{AddressPlan, BlockRole};
use cadastre_domain::roles::Permission::IspIpamWrite;
use uuid::Uuid;

use super::super::IspCaller;
use super::super::outcome::Ran;
use super::super::wire::pool;
use super::surroundings::Surroundings;
use crate::http::reply::unexpected;

/// Most characters of a pool's name.
const MAX_NAME: usize = 128;

/// Makes the pools that are missing. Once the server itself has a fault, the rest fails with it untried.
pub(super) async fn make(
    caller: &IspCaller,
    plan: &AddressPlan,
    there: &Surroundings,
) -> Vec<AddressingPool> {
    let mut pools = Vec::new();
    let mut fault: Option<ApiError> = None;
    for wanted in wanted(plan) {
        if let Some(known) = there.pool(&wanted.network) {
            pools.push(shown(
                wanted.network,
                known.name.clone(),
                AddressingPoolOutcome::Unchanged,
                Some(known.id),
            ));
            continue;
        }
        let outcome = match &fault {
            Some(fault) => Err(fault.clone()),
            None => wanted.made(caller).await,
        };
        pools.push(match outcome {
            Ok(made) => shown(
                made.network,
                made.name,
                AddressingPoolOutcome::Created,
                Some(made.id),
            ),
            Err(error) => {
                if error.code.status() >= 500 {
                    fault = Some(error.clone());
                }
                AddressingPool {
                    error: Some(AddressingPoolError {
                        code: error.code,
                        message: error.message,
                    }),
                    ..shown(wanted.network, wanted.name, AddressingPoolOutcome::Failed, None)
                }
            }
        });
    }
    pools
}

/// Adds what making the missing pools would change to a plan; their nodes are in it already.
pub(super) async fn planned(
    caller: &IspCaller,
    plan: &AddressPlan,
    there: &Surroundings,
    dry_run: &mut DryRun,
) -> Result<(), ApiError> {
    for wanted in wanted(plan) {
        if there.pool(&wanted.network).is_some() {
            continue;
        }
        let would = wanted.planned(caller).await?;
        let pools = would
            .changes
            .into_iter()
            .filter(|change| change.kind == ChangeKind::Pool);
        dry_run.changes.extend(pools);
        dry_run.conflicts.extend(would.conflicts);
    }
    Ok(())
}

fn shown(
    network: Prefix,
    pool_name: String,
    outcome: AddressingPoolOutcome,
    pool_id: Option<Uuid>,
) -> AddressingPool {
    AddressingPool {
        network_cidr: network.to_string(),
        pool_name,
        outcome,
        pool_id,
        error: None,
    }
}

/// A pool that a plan asks for.
struct Wanted {
    network: Prefix,
    delegated_length: u8,
    /// The names of its block and of those around it; names of pools are unique.
    name: String,
    /// The same for a name that somebody else has.
    other_name: String,
}

/// The pools that a plan asks for.
fn wanted(plan: &AddressPlan) -> impl Iterator<Item = Wanted> + '_ {
    let blocks = plan
        .blocks
        .iter()
        .filter(|block| block.role == BlockRole::SubscriberPool);
    blocks.map(|block| {
        let mut names = vec![block.name.as_str()];
        let mut at = block.parent;
        while let Some(around) = at.and_then(|at| plan.blocks.get(at)) {
            names.push(around.name.as_str());
            at = around.parent;
        }
        names.reverse();
        let path = names.join(" / ");
        let fits = |name: &String| name.chars().count() <= MAX_NAME;
        let short = format!("{} ({})", block.name, block.prefix);
        Wanted {
            network: block.prefix,
            delegated_length: plan.subscriber.prefix_length,
            other_name: Some(format!("{path} ({})", block.prefix))
                .filter(fits)
                .unwrap_or_else(|| short.clone()),
            name: Some(path).filter(fits).unwrap_or(short),
        }
    })
}

impl Wanted {
    async fn made(&self, caller: &IspCaller) -> Result<Pool, ApiError> {
        let options = MutationOptions::default();
        let ran = match self.run(caller, &self.name, &options).await {
            Err(error) if error.code == ErrorCode::AlreadyExists => {
                self.run(caller, &self.other_name, &options).await
            }
            outcome => outcome,
        };
        match ran? {
            Ran::Committed(done) => Ok(done.the::<Pool>()?.value),
            Ran::Planned(_) => Err(unexpected("a plan")),
        }
    }

    async fn planned(&self, caller: &IspCaller) -> Result<DryRun, ApiError> {
        let options = MutationOptions {
            dry_run: true,
            ..MutationOptions::default()
        };
        let mut would = self.run(caller, &self.name, &options).await?;
        if matches!(&would, Ran::Planned(plan) if is_taken(plan)) {
            would = self.run(caller, &self.other_name, &options).await?;
        }
        match would {
            Ran::Planned(plan) => Ok(plan),
            Ran::Committed(_) => Err(unexpected("a command instead of its plan")),
        }
    }

    async fn run(&self, caller: &IspCaller, name: &str, options: &MutationOptions) -> Result<Ran, ApiError> {
        let body = PoolCreate {
            delegated_prefix_length: Some(self.delegated_length),
            ..PoolCreate::new(name, PoolType::Ipv6PrefixDelegation, self.network.to_string())
        };
        let (made, tags) = pool::from_wire(Uuid::now_v7(), PoolUpdate::from(body), None)?;
        let command = IspCommand::CreatePool {
            pool: Box::new(made),
            tags,
        };
        caller.command(IspIpamWrite, command, options.clone()).await
    }
}

/// Whether a plan says that the name is somebody else's.
fn is_taken(plan: &DryRun) -> bool {
    let mut codes = plan.conflicts.iter().map(|conflict| conflict.code);
    codes.any(|code| code == ErrorCode::AlreadyExists)
}
