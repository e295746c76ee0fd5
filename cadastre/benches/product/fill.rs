//! Fills a data directory with one large space before a server opens it. It goes through the data access layer
//! in this process, so every node is made by the same durable command as through the API, without the cost of a
//! million HTTP requests.
//!
//! The tree: an organisation (`/8`) of regions (`/12`) of sites (`/16`), each with 256 networks (`/24`) of three
//! subnets (`/28`). Every node resolves to Organisation, Region, Continent (implied by Region), Site and, at and
//! below networks, Environment or Shift.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use cadastre_api_types::internal::*;
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_domain::tags::{ConflictPolicy, ExplicitTags, Inheritance, TagDefinition, TagName, TagValue};
use cadastre_domain::{Prefix, Scope};
use cadastre_storage::RocksStore;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use crate::Outcome;

/// Commands under way at the same time.
const AT_ONCE: usize = 2_048;
const REGIONS: [(&str, &str); 4] = [
    ("eu-west", "Europe"),
    ("us-east", "America"),
    ("ap-south", "Asia"),
    ("eu-north", "Europe"),
];
const NETWORKS: u32 = 256;
const SUBNETS: u32 = 3;
/// Nodes of a site.
const SITE: usize = 1 + (NETWORKS * (1 + SUBNETS)) as usize;

/// A filled space and what can be asked about it.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) space: Uuid,
    pub(crate) nodes: usize,
    /// A site with its 256 children.
    pub(crate) site: Uuid,
    /// Nodes all over the tree, at most so many as a test needs.
    pub(crate) sample: Vec<(Uuid, Prefix)>,
    pub(crate) sites: u32,
    /// Nodes made per second.
    pub(crate) rate: f64,
}

/// Makes the space; blocks.
pub(crate) fn fill(data: &Path, nodes: usize) -> Outcome<Filled> {
    std::fs::create_dir_all(data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let store = Arc::new(RocksStore::open(data.join("store"))?);
    let filled = runtime.block_on(async {
        let access = LocalDataAccess::open(Arc::clone(&store) as _, DataAccessConfig::default()).await?;
        let filled = fill_space(&access, nodes).await;
        access.shutdown().await;
        access.close().await;
        filled
    })?;
    Ok(filled)
}

async fn fill_space(access: &LocalDataAccess, nodes: usize) -> Outcome<Filled> {
    let space = Uuid::now_v7();
    let change = SpaceChange::Create {
        id: space,
        name: format!("{nodes} nodes"),
        description: String::new(),
    };
    access
        .change_space(
            &context(),
            SpaceChangeRequest {
                change,
                options: MutationOptions::default(),
            },
        )
        .await?;
    for definition in definitions()? {
        command(access, space, SpaceCommand::CreateTag { definition }).await?;
    }
    let sites = u32::try_from(nodes.div_ceil(SITE))?.max(1);
    let mut filled = Filled {
        space,
        nodes: 0,
        site: Uuid::nil(),
        sample: Vec::new(),
        sites,
        rate: 0.0,
    };
    // Containers first: a node put above others costs more than one beneath them.
    for plan in containers(sites)? {
        if plan.prefix.len() == 16 && filled.site.is_nil() {
            filled.site = plan.id;
        }
        command(access, space, plan.into_command()).await?;
        filled.nodes += 1;
    }
    let every = (nodes / 50_000).max(1);
    let started = Instant::now();
    let before = filled.nodes;
    for networks in [true, false] {
        let plans: Vec<Plan> = leaves(sites, networks)?;
        filled.nodes += plans.len();
        filled
            .sample
            .extend(plans.iter().step_by(every).map(|plan| (plan.id, plan.prefix)));
        let commands = plans
            .into_iter()
            .map(|plan| command(access, space, plan.into_command()));
        stream::iter(commands)
            .buffer_unordered(AT_ONCE)
            .try_for_each(async |()| Ok(()))
            .await?;
    }
    filled.rate = (filled.nodes - before) as f64 / started.elapsed().as_secs_f64();
    Ok(filled)
}

async fn command(access: &LocalDataAccess, space: Uuid, command: SpaceCommand) -> Outcome<()> {
    let request = SpaceCommandRequest {
        space,
        command,
        options: MutationOptions::default(),
    };
    access.space_command(&context(), request).await?;
    Ok(())
}

fn context() -> CallContext {
    CallContext {
        actor: "benchmark".to_owned(),
        correlation_id: "fill".to_owned(),
        scope: Scope::Whole,
    }
}

/// A node to make.
struct Plan {
    id: Uuid,
    prefix: Prefix,
    tags: ExplicitTags,
}

impl Plan {
    fn new(bits: u32, length: u8, tags: &[(&str, &str)]) -> Outcome<Self> {
        let tags = tags
            .iter()
            .map(|(name, value)| Ok((TagName::new(name)?, TagValue::new(value)?)))
            .collect::<Outcome<ExplicitTags>>()?;
        Ok(Self {
            id: Uuid::now_v7(),
            prefix: Prefix::new(std::net::Ipv4Addr::from(bits).into(), length)?,
            tags,
        })
    }

    fn into_command(self) -> SpaceCommand {
        let Self { id, prefix, tags } = self;
        SpaceCommand::CreateNode {
            id,
            prefix,
            parent_id: None,
            tags,
            description: String::new(),
        }
    }
}

fn definitions() -> Outcome<Vec<TagDefinition>> {
    let define = |name: &str| -> Outcome<TagDefinition> {
        Ok(TagDefinition {
            name: TagName::new(name)?,
            description: String::new(),
            inheritance: Inheritance::Inheritable,
            known_values: Vec::new(),
            attributes: Default::default(),
            implies: Default::default(),
            conflict: ConflictPolicy::Nearest,
        })
    };
    let mut region = define("Region")?;
    let continents = REGIONS
        .iter()
        .map(|(from, to)| Ok((TagValue::new(from)?, TagValue::new(to)?)))
        .collect::<Outcome<_>>()?;
    region.implies.insert(TagName::new("Continent")?, continents);
    let mut all = vec![define("Continent")?, region];
    for name in ["Organisation", "Site", "Environment", "Shift", "Project"] {
        all.push(define(name)?);
    }
    Ok(all)
}

/// First address of a site.
fn site_bits(site: u32) -> u32 {
    (10 << 24) + (site << 16)
}

fn containers(sites: u32) -> Outcome<Vec<Plan>> {
    let mut plans = Vec::new();
    for organisation in 0..sites.div_ceil(256) {
        let name = format!("organisation-{organisation}");
        plans.push(Plan::new(
            site_bits(organisation * 256),
            8,
            &[("Organisation", &name)],
        )?);
    }
    for region in 0..sites.div_ceil(16) {
        let (name, _) = REGIONS[region as usize % REGIONS.len()];
        plans.push(Plan::new(site_bits(region * 16), 12, &[("Region", name)])?);
    }
    for site in 0..sites {
        plans.push(Plan::new(site_bits(site), 16, &[("Site", &site_name(site))])?);
    }
    Ok(plans)
}

/// Value of the tag `Site`.
pub(crate) fn site_name(site: u32) -> String {
    format!("site-{site}")
}

/// Networks, or what is beneath them. Even networks are in an environment, odd ones have a shift, so these two
/// tags never meet; three networks of the whole space belong to a project.
fn leaves(sites: u32, networks: bool) -> Outcome<Vec<Plan>> {
    let mut plans = Vec::new();
    for site in 0..sites {
        for network in 0..NETWORKS {
            let bits = site_bits(site) + (network << 8);
            if networks {
                let mut tags = vec![match network % 4 {
                    0 => ("Environment", "production"),
                    2 => ("Environment", "test"),
                    _ => ("Shift", "night"),
                }];
                if network == 128 && [0, sites / 2, sites - 1].contains(&site) {
                    tags.push(("Project", "apollo"));
                }
                plans.push(Plan::new(bits, 24, &tags)?);
                continue;
            }
            for subnet in 0..SUBNETS {
                plans.push(Plan::new(bits + (subnet << 4), 28, &[])?);
            }
        }
    }
    Ok(plans)
}
