//! Round trips to a distant store for each operation: few, and the same however large the space is.

use std::collections::BTreeMap;
use std::sync::Arc;

use cadastre_api_types::internal::*;
use cadastre_dataaccess::LocalDataAccess;
use cadastre_domain::free_space::Strategy;
use cadastre_storage::{FaultPlan, FaultStore, MemoryStore, Op, Store};
use uuid::Uuid;

use crate::support::*;

struct Ground {
    memory: Arc<MemoryStore>,
    access: Arc<LocalDataAccess>,
    line: FaultPlan,
    space: Uuid,
    pool: Uuid,
    leaf: Uuid,
}

/// A space with so many nodes beneath one pool, and as many elsewhere.
async fn ground(nodes: usize) -> Ground {
    let memory = Arc::new(MemoryStore::new());
    let (one, another) = (Arc::clone(&memory), Arc::clone(&memory));
    let store = FaultStore::new(Shaped::narrow(one, 100));
    let line = store.plan();
    let access = open(Arc::new(store)).await;
    let space = new_space(access.as_ref(), "s").await;
    define(access.as_ref(), space, definition("Site")).await;
    let make =
        async |at: &str, pairs| node_of(run(access.as_ref(), space, create(at, pairs)).await.unwrap()).id;
    make("10.0.0.0/8", &[("Site", "AMS")]).await;
    let pool = make("10.1.0.0/16", &[]).await;
    let other = make("10.2.0.0/16", &[]).await;
    for (at, id) in [(pool, 1), (other, 2)] {
        for _ in 0..nodes.div_ceil(500) {
            take(&access, space, at, nodes.min(500), id).await;
        }
    }
    let leaf = make("10.3.0.7/32", &[("Site", "FRA")]).await;
    let ground = Ground {
        memory: another,
        access,
        line,
        space,
        pool,
        leaf,
    };
    // What is remembered by every operation is remembered.
    ground.costs().await;
    ground
}

async fn take(access: &LocalDataAccess, space: Uuid, pool: Uuid, count: usize, seed: u64) {
    let command = SpaceCommand::Allocate {
        from: AllocateFrom::Node(pool),
        wanted: Wanted {
            prefix_length: 32,
            count,
            strategy: Strategy::LowestFree,
            seed,
            include_edges: true,
            tags: tags(&[]),
            description: String::new(),
        },
    };
    run(access, space, command).await.unwrap();
}

impl Ground {
    async fn cost<T>(&self, operation: impl Future<Output = T>) -> (u64, u64) {
        self.line.reset_counts();
        operation.await;
        (self.line.reads(), self.line.count(Op::Commit))
    }

    async fn listed(&self, select: NodeSelection, conditions: &[(&str, &str)]) {
        let query = NodeListQuery {
            space: self.space,
            select,
            tags: conditions
                .iter()
                .map(|(name, text)| (tag(name), value(text)))
                .collect(),
            page: PageRequest {
                limit: 100,
                after: None,
            },
        };
        self.access.list_nodes(&context(), query).await.unwrap();
    }

    /// Reads and commits of each operation.
    async fn costs(&self) -> BTreeMap<&'static str, (u64, u64)> {
        let (access, space) = (self.access.as_ref(), self.space);
        let mut costs = BTreeMap::new();
        costs.insert(
            "allocate one",
            self.cost(take(&self.access, space, self.pool, 1, 7)).await,
        );
        let made = create("10.4.0.0/24", &[("Site", "x")]);
        let mut id = Uuid::nil();
        let creation = async { id = node_of(run(access, space, made).await.unwrap()).id };
        costs.insert("create", self.cost(creation).await);
        costs.insert(
            "delete",
            self.cost(async { run(access, space, SpaceCommand::DeleteNode { id }).await.unwrap() })
                .await,
        );
        let node = NodeRef::Id(self.leaf);
        costs.insert(
            "read",
            self.cost(async {
                access
                    .get_node(&context(), NodeQuery { space, node })
                    .await
                    .unwrap()
            })
            .await,
        );
        let target = prefix("10.1.0.5/32");
        costs.insert(
            "lookup",
            self.cost(async {
                access
                    .lookup(&context(), LookupQuery { space, target })
                    .await
                    .unwrap()
            })
            .await,
        );
        let children = NodeSelection::ChildrenOf(self.pool);
        costs.insert(
            "children, a page of 100",
            self.cost(self.listed(children, &[])).await,
        );
        costs.insert(
            "list, a page of 100",
            self.cost(self.listed(NodeSelection::All, &[])).await,
        );
        let by_tag = self.listed(NodeSelection::All, &[("Site", "FRA")]);
        costs.insert("tag query", self.cost(by_tag).await);
        let node = self.pool;
        costs.insert(
            "utilization",
            self.cost(async {
                access
                    .utilization(&context(), UtilizationQuery { space, node })
                    .await
                    .unwrap()
            })
            .await,
        );
        costs
    }
}

#[tokio::test]
async fn round_trips_are_few_and_do_not_grow_with_the_space() {
    let (small, large) = (ground(200).await.costs().await, ground(5_000).await.costs().await);
    assert_eq!(small, large);
    let expected = BTreeMap::from([
        ("allocate one", (2, 1)),
        ("children, a page of 100", (5, 0)),
        ("create", (5, 1)),
        ("delete", (5, 1)),
        ("list, a page of 100", (3, 0)),
        ("lookup", (4, 0)),
        ("read", (5, 0)),
        ("tag query", (7, 0)),
        ("utilization", (3, 0)),
    ]);
    assert_eq!(
        small, expected,
        "reads and commits; docs/performance.md has the table"
    );
}

/// Reads and commits of taking an address when another replica has taken `others` since.
async fn cost_when_overtaken(ground: &Ground, others: usize) -> (u64, u64) {
    let store = FaultStore::new(Shaped::narrow(Arc::clone(&ground.memory) as Arc<dyn Store>, 100));
    let line = store.plan();
    let access = open(Arc::new(store)).await;
    let (space, pool) = (ground.space, ground.pool);
    // What is free is known from here on, and has to be followed.
    take(&access, space, pool, 1, 1).await;
    for seed in 0..others {
        take(&ground.access, space, pool, 1, seed as u64).await;
        run(
            ground.access.as_ref(),
            space,
            create(&format!("10.5.{seed}.0/24"), &[]),
        )
        .await
        .unwrap();
    }
    line.reset_counts();
    take(&access, space, pool, 1, 1).await;
    let cost = (line.reads(), line.count(Op::Commit));
    access.shutdown().await;
    for seed in 0..others {
        let at = format!("10.5.{seed}.0/24");
        let id = node(ground.access.as_ref(), space, &at).await.unwrap().id;
        run(ground.access.as_ref(), space, SpaceCommand::DeleteNode { id })
            .await
            .unwrap();
    }
    cost
}

#[tokio::test]
async fn a_replica_that_was_overtaken_follows_the_journal_and_does_not_read_all_that_is_taken() {
    let (small, large) = (ground(200).await, ground(5_000).await);
    for others in [1, 20] {
        let costs = (
            cost_when_overtaken(&small, others).await,
            cost_when_overtaken(&large, others).await,
        );
        // The place that it thought free and the head that has moved; that head, the journal, and the node that is taken
        // from; then what it costs anyway. What is taken would be a read for each length in use and a thousand rows.
        assert_eq!(costs, ((8, 1), (8, 1)), "{others} commands of the other");
    }
}
