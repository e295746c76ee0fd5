//! Commands that are larger than a commit: all or nothing, whoever dies on the way, and no reader sees a part of one.

mod deaths;
mod others;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_domain::Prefix;
use cadastre_domain::free_space::Strategy;
use cadastre_domain::roles::ReadableSpaces;
use cadastre_domain::search::SearchTerms;
use cadastre_storage::{
    Fault, FaultPlan, FaultStore, Gate, MemoryStore, Op, PartitionKey, Rule, Store, Write,
};
use uuid::Uuid;

use crate::support::*;

/// Rows in a commit of the weakest backend.
const ROWS: usize = 100;

/// A pool in a space, on a store that several replicas see.
struct Ground {
    memory: Arc<dyn Store>,
    rows: usize,
    space: Uuid,
    pool: Uuid,
}

/// A process: what it has opened, and what its line to the store does.
struct Process {
    access: Arc<LocalDataAccess>,
    line: FaultPlan,
}

impl Ground {
    async fn new(rows: usize) -> Self {
        let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let access = open(Arc::clone(&memory)).await;
        let ground = Self::made_by(&access, memory, rows).await;
        access.shutdown().await;
        ground
    }

    /// By a process that has the store open.
    async fn made_by(access: &LocalDataAccess, memory: Arc<dyn Store>, rows: usize) -> Self {
        let space = new_space(access, "ground").await;
        define(access, space, definition("Owner")).await;
        let pool = node_of(run(access, space, create("10.0.0.0/16", &[])).await.unwrap()).id;
        Self {
            memory,
            rows,
            space,
            pool,
        }
    }

    async fn process(&self) -> Process {
        self.process_that_works_every(Duration::from_millis(50)).await
    }

    /// A process that looks that often for what others have left.
    async fn process_that_works_every(&self, job_interval: Duration) -> Process {
        let store = Shaped::narrow(Arc::clone(&self.memory), self.rows);
        let faulty = FaultStore::new(store);
        let line = faulty.plan();
        // Others are thought dead soon.
        let config = DataAccessConfig {
            plan_patience: Duration::from_millis(100),
            job_interval,
            lease_lifetime: Duration::from_millis(500),
            ..DataAccessConfig::default()
        };
        Process {
            access: LocalDataAccess::open(Arc::new(faulty), config).await.unwrap(),
            line,
        }
    }

    fn take(&self, count: usize) -> SpaceCommand {
        SpaceCommand::Allocate {
            from: AllocateFrom::Node(self.pool),
            wanted: Wanted {
                prefix_length: 32,
                count,
                strategy: Strategy::LowestFree,
                seed: 0,
                include_edges: true,
                tags: tags(&[("Owner", "me")]),
                description: String::new(),
            },
        }
    }

    /// What a process sees of the taken addresses, in three ways that must agree.
    async fn seen(&self, process: &Process) -> Vec<Prefix> {
        let access = process.access.as_ref();
        let nodes = all(
            access,
            &context(),
            self.space,
            NodeSelection::ChildrenOf(self.pool),
            &[],
            1_000,
        )
        .await
        .unwrap();
        let taken: Vec<Prefix> = nodes.into_iter().map(|node| node.prefix).collect();
        let tagged = [(tag("Owner"), value("me"))];
        let tagged = all(access, &context(), self.space, NodeSelection::All, &tagged, 1_000)
            .await
            .unwrap();
        assert_eq!(tagged.len(), taken.len(), "by tag and by place");
        taken
    }

    /// Nothing of a plan is left in the store, and the counts in the head are what a recount gives.
    async fn is_clean(&self) {
        let partition = self.space.to_string();
        let store = self.memory.as_ref();
        let nodes = rows(store, &partition, "n_").await.len();
        assert_eq!(rows(store, &partition, "p_").await, [], "rows of plans");
        assert_eq!(rows(store, "SYSTEM", "y_").await, [], "hints of plans");
        let head = rows(store, &partition, "head").await.pop().unwrap();
        let head: serde_json::Value = serde_json::from_slice(&head.value).unwrap();
        let counted: u64 = head["Counts4"]
            .as_object()
            .unwrap()
            .values()
            .map(|count| count.as_u64().unwrap())
            .sum();
        assert_eq!(counted, nodes as u64);
        assert_eq!(
            rows(store, &partition, "j_")
                .await
                .iter()
                .filter(|row| row.key.as_str().len() == 18)
                .count() as u64,
            head["Version"].as_u64().unwrap()
        );
    }
}

fn made(outcome: CommandOutcome) -> Vec<Prefix> {
    match outcome {
        CommandOutcome::Committed { made, .. } => made.into_iter().map(|node| node.prefix).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_thousand_addresses_are_taken_at_once_on_a_store_with_small_commits() {
    let ground = Ground::new(ROWS).await;
    let (one, two) = (ground.process().await, ground.process().await);
    let taken = made(
        run(one.access.as_ref(), ground.space, ground.take(1_000))
            .await
            .unwrap(),
    );
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 1_000);
    // At once, also for another replica.
    assert_eq!(ground.seen(&two).await, taken);
    assert_eq!(ground.seen(&one).await, taken);
    let next = made(
        run(two.access.as_ref(), ground.space, ground.take(1))
            .await
            .unwrap(),
    );
    assert!(!taken.contains(&next[0]));
    assert_eq!(ground.seen(&one).await.len(), 1_001);
    ground.is_clean().await;
}

#[tokio::test]
async fn a_node_above_thousands_of_children_hands_its_tags_down_in_one_step() {
    let ground = Ground::new(ROWS).await;
    let process = ground.process().await;
    let access = process.access.as_ref();
    let tagged = SpaceCommand::UpdateNode {
        id: ground.pool,
        tags: tags(&[("Owner", "them")]),
        description: None,
    };
    for _ in 0..3 {
        let mut take = ground.take(1_000);
        if let SpaceCommand::Allocate { wanted, .. } = &mut take {
            wanted.tags.clear();
        }
        run(access, ground.space, take).await.unwrap();
    }
    run(access, ground.space, tagged).await.unwrap();
    run(access, ground.space, SpaceCommand::DeleteNode { id: ground.pool })
        .await
        .unwrap();
    let tagged = [(tag("Owner"), value("them"))];
    let nodes = all(
        access,
        &context(),
        ground.space,
        NodeSelection::All,
        &tagged,
        1_000,
    )
    .await
    .unwrap();
    assert_eq!(nodes.len(), 3_000);
    assert!(nodes.iter().all(|node| node.parent_id.is_none()));
    ground.is_clean().await;
}

/// The lease of the background jobs is renewed whenever it is time.
fn is_no_lease(writes: &[Write]) -> bool {
    writes.iter().all(|write| !write.key().as_str().starts_with("z_"))
}

async fn rows_of_hints(ground: &Ground) -> Vec<cadastre_storage::Row> {
    rows(ground.memory.as_ref(), "SYSTEM", "y_").await
}
