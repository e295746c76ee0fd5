//! Commands that are larger than a commit: all or nothing, whoever dies on the way, and no reader sees a part of one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_domain::Prefix;
use cadastre_domain::free_space::Strategy;
use cadastre_domain::roles::ReadableSpaces;
use cadastre_domain::search::SearchTerms;
use cadastre_storage::{Fault, FaultPlan, FaultStore, Gate, MemoryStore, Op, Rule, Store};
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
        let space = new_space(access.as_ref(), "ground").await;
        define(access.as_ref(), space, definition("Owner")).await;
        let pool = node_of(
            run(access.as_ref(), space, create("10.0.0.0/16", &[]))
                .await
                .unwrap(),
        )
        .id;
        access.shutdown().await;
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

/// What the line of the process does at a commit, and from then on.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// The commit does not arrive.
    Before,
    /// It arrives, and nobody hears of it.
    After,
}

/// The process is cut off at the `step`-th of its commits. Whether the commit was still there to be cut off.
async fn cut_off_at(step: u64, death: Death) -> bool {
    let ground = Ground::new(12).await;
    let one = ground.process().await;
    // It knows the space already.
    assert_eq!(ground.seen(&one).await.len(), 0);
    let fault = match death {
        Death::Before => Fault::LostRequest,
        Death::After => Fault::LostAnswer,
    };
    let plan = one.line.clone();
    let dead = move || {
        for op in [Op::Get, Op::GetMany, Op::Scan] {
            plan.inject(Rule::always(op, Fault::Unavailable));
        }
    };
    one.line.inject(
        Rule::once(
            Op::Commit,
            Fault::run(move || {
                dead();
                async {}
            }),
        )
        .after(step),
    );
    one.line.inject(Rule::once(Op::Commit, fault).after(step));
    one.line
        .inject(Rule::always(Op::Commit, Fault::Unavailable).after(step));
    let answer = tokio::time::timeout(
        Duration::from_secs(60),
        run(one.access.as_ref(), ground.space, ground.take(10)),
    )
    .await
    .unwrap();

    let two = ground.process().await;
    let seen = ground.seen(&two).await;
    assert!(
        matches!(seen.len(), 0 | 10),
        "{death:?} {step}: a part is seen: {seen:?}"
    );
    if let Ok(outcome) = answer {
        assert_eq!(made(outcome), seen, "{death:?} {step}: it was acknowledged");
    }
    // The other goes on, and finds what is left.
    let next = made(
        run(two.access.as_ref(), ground.space, ground.take(10))
            .await
            .unwrap(),
    );
    assert!(
        next.iter().all(|prefix| !seen.contains(prefix)),
        "{death:?} {step}"
    );
    let both = ground.seen(&two).await;
    assert_eq!(both.len(), seen.len() + 10, "{death:?} {step}");
    // The dead one comes back and sees the same.
    one.line.clear();
    let again = ground.process().await;
    assert_eq!(ground.seen(&again).await, both);
    assert_eq!(ground.seen(&one).await, both);
    again.access.shutdown().await;
    two.access.shutdown().await;
    one.access.shutdown().await;
    one.line.injected() > 0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_at_any_step_it_is_done_whole_or_not_at_all() {
    // More steps than there are: those behind the last meet nothing.
    for death in [Death::Before, Death::After] {
        let cut_off =
            futures::future::join_all((0..32).map(|step| tokio::spawn(cut_off_at(step, death)))).await;
        let steps = cut_off.into_iter().filter(|met| *met.as_ref().unwrap()).count();
        assert!(
            (8..32).contains(&steps),
            "there were {steps} steps to be cut off at"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_at_any_step_does_not_do_it_twice() {
    for step in 0.. {
        let ground = Ground::new(12).await;
        let one = ground.process().await;
        one.line
            .inject(Rule::once(Op::Commit, Fault::LostAnswer).after(step));
        let first = made(
            run(one.access.as_ref(), ground.space, ground.take(10))
                .await
                .unwrap(),
        );
        let second = made(
            run(one.access.as_ref(), ground.space, ground.take(10))
                .await
                .unwrap(),
        );
        let seen = ground.seen(&one).await;
        assert_eq!([first, second].concat(), seen, "step {step}");
        one.access.shutdown().await;
        if one.line.injected() == 0 {
            assert!(step > 12, "there were only {step} commits");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_a_part_of_it_while_it_is_made() {
    let ground = Arc::new(Ground::new(12).await);
    let one = ground.process().await;
    let two = Arc::new(ground.process().await);
    let largest = Arc::new(AtomicU64::new(0));
    // Before every commit of the one, the other reads.
    let looked = {
        let (ground, two, largest) = (Arc::clone(&ground), Arc::clone(&two), Arc::clone(&largest));
        Fault::run(move || {
            let (ground, two, largest) = (Arc::clone(&ground), Arc::clone(&two), Arc::clone(&largest));
            async move {
                let seen = ground.seen(&two).await.len() as u64;
                assert_eq!(seen % 20, 0, "a part of it");
                assert!(seen >= largest.fetch_max(seen, Ordering::SeqCst), "it went back");
            }
        })
    };
    one.line.inject(Rule::always(Op::Commit, looked));
    for round in 1..=3 {
        run(one.access.as_ref(), ground.space, ground.take(20))
            .await
            .unwrap();
        assert_eq!(ground.seen(&two).await.len(), round * 20, "acknowledged");
        assert_eq!(ground.seen(&one).await.len(), round * 20, "acknowledged");
    }
    one.line.clear();
    ground.is_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_with_large_commands_on_one_space_come_all_to_an_end() {
    let ground = Arc::new(Ground::new(ROWS).await);
    let mut tasks = Vec::new();
    for count in [30, 1, 60, 40] {
        let (ground, process) = (Arc::clone(&ground), ground.process().await);
        tasks.push(tokio::spawn(async move {
            let mut taken = Vec::new();
            for _ in 0..10 {
                loop {
                    match run(process.access.as_ref(), ground.space, ground.take(count)).await {
                        Ok(outcome) => break taken.extend(made(outcome)),
                        Err(ApiError {
                            code: ErrorCode::Contention,
                            ..
                        }) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            }
            process.access.shutdown().await;
            taken
        }));
    }
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.unwrap());
    }
    assert_eq!(taken.len(), 1_310);
    assert_eq!(
        taken.iter().collect::<BTreeSet<_>>().len(),
        1_310,
        "an address twice"
    );
    let process = ground.process().await;
    let mut seen = ground.seen(&process).await;
    seen.sort();
    taken.sort();
    assert_eq!(seen, taken);
    run(process.access.as_ref(), ground.space, ground.take(100))
        .await
        .unwrap();
    process.access.shutdown().await;
}

/// The process dies between the commit that makes it true and the first of the fold.
async fn dies_before_the_fold(ground: &Ground, process: &Process, count: usize) -> Vec<Prefix> {
    let names_a_plan = |writes: &[cadastre_storage::Write]| {
        writes.iter().any(|write| match write {
            cadastre_storage::Write::Replace { value, .. } => {
                String::from_utf8_lossy(value).contains("\"Folded\":0}")
            }
            _ => false,
        })
    };
    let folds = move |writes: &[cadastre_storage::Write]| {
        writes
            .iter()
            .any(|write| matches!(write, cadastre_storage::Write::Replace { .. }))
            && !names_a_plan(writes)
    };
    process
        .line
        .inject(Rule::always(Op::Commit, Fault::Unavailable).when(folds));
    made(
        run(process.access.as_ref(), ground.space, ground.take(count))
            .await
            .unwrap(),
    )
}

#[tokio::test]
async fn what_a_process_has_acknowledged_before_it_died_is_found_by_search_in_a_space_that_nobody_has_open() {
    let ground = Ground::new(ROWS).await;
    let one = ground.process().await;
    let taken = dies_before_the_fold(&ground, &one, 200).await;
    let two = ground.process().await;
    let query = SearchQuery {
        terms: SearchTerms::read(&taken[150].addr().to_string()).unwrap(),
        kinds: SearchKinds::ALL,
        space: None,
        readable: ReadableSpaces::All,
        page: PageRequest {
            limit: 10,
            after: None,
        },
    };
    let found = two.access.search(&context(), query).await.unwrap();
    assert!(
        found
            .items
            .iter()
            .any(|found| format!("{found:?}").contains(&taken[150].to_string())),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_process_left_is_finished_by_another_that_nobody_asks() {
    let ground = Ground::new(ROWS).await;
    let one = ground.process().await;
    let taken = dies_before_the_fold(&ground, &one, 200).await;
    let two = ground.process().await;
    while !rows_of_hints(&ground).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ground.is_clean().await;
    assert_eq!(ground.seen(&two).await, taken);
    // And the one that was thought dead goes on as well.
    one.line.clear();
    run(one.access.as_ref(), ground.space, ground.take(1))
        .await
        .unwrap();
    assert_eq!(ground.seen(&two).await.len(), 201);
}

async fn rows_of_hints(ground: &Ground) -> Vec<cadastre_storage::Row> {
    rows(ground.memory.as_ref(), "SYSTEM", "y_").await
}

/// A plan is written down, and before it becomes true somebody tidies up: it must not become true without its rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_process_whose_plan_was_removed_decides_anew() {
    let ground = Arc::new(Ground::new(ROWS).await);
    let slow = ground.process_that_works_every(Duration::from_secs(3600)).await;
    let gate = Gate::new();
    let head = |writes: &[cadastre_storage::Write]| {
        matches!(writes.first(), Some(cadastre_storage::Write::Replace { .. }))
    };
    slow.line
        .inject(Rule::once(Op::Commit, Fault::Hold(gate.clone())).when(head));
    let asked = {
        let (ground, access) = (Arc::clone(&ground), Arc::clone(&slow.access));
        tokio::spawn(async move { run(access.as_ref(), ground.space, ground.take(100)).await })
    };
    gate.reached().await;
    assert_eq!(rows_of_hints(&ground).await.len(), 1);
    let other = ground.process().await;
    while !rows_of_hints(&ground).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ground.seen(&other).await.len(), 0);
    gate.release();
    let taken = made(asked.await.unwrap().unwrap());
    assert_eq!(ground.seen(&other).await, taken);
    ground.is_clean().await;
}

/// The embedded store: the process is gone, and the next one opens the directory.
#[tokio::test]
async fn a_restart_goes_on_where_the_last_one_died() {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let faulty = FaultStore::new(Shaped::small(Arc::clone(&memory), ROWS));
    let ground = Ground::new(ROWS).await;
    let ground = Ground {
        memory: Arc::clone(&memory),
        ..ground
    };
    let line = faulty.plan();
    let access = open(Arc::new(faulty)).await;
    let space = new_space(access.as_ref(), "ground").await;
    define(access.as_ref(), space, definition("Owner")).await;
    let pool = node_of(
        run(access.as_ref(), space, create("10.0.0.0/16", &[]))
            .await
            .unwrap(),
    )
    .id;
    let ground = Ground {
        space,
        pool,
        ..ground
    };
    let process = Process { access, line };
    let taken = dies_before_the_fold(&ground, &process, 300).await;
    assert_eq!(ground.seen(&process).await, taken);
    // Two starts: one that only reads before its own attempt to finish is through, one afterwards.
    for _ in 0..2 {
        let again = Process {
            access: open(Arc::new(Shaped::small(Arc::clone(&memory), ROWS))).await,
            line: FaultPlan::new(),
        };
        assert_eq!(ground.seen(&again).await, taken);
        for prefix in [&taken[0], &taken[299]] {
            let seen = node(again.access.as_ref(), space, &prefix.to_string())
                .await
                .unwrap();
            assert_eq!(seen.parent_id, Some(pool));
        }
        while !rows_of_hints(&ground).await.is_empty() {
            tokio::task::yield_now().await;
        }
        again.access.shutdown().await;
    }
    ground.is_clean().await;
}
