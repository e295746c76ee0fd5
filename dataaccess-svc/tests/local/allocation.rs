//! Allocation: never one prefix twice, all or none, and what is said to be free is what no node covers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_domain::free_space::{FreeSpace, Strategy as Choice};
use cadastre_domain::{Prefix, Scope};
use cadastre_storage::{Chances, FaultStore, MemoryStore, Store};
use proptest::prelude::*;
use uuid::Uuid;

use crate::support::*;

fn wanted(prefix_length: u8, count: usize) -> Wanted {
    Wanted {
        prefix_length,
        count,
        strategy: Choice::LowestFree,
        seed: 7,
        include_edges: false,
        tags: tags(&[]),
        description: String::new(),
    }
}

fn beneath(node: Uuid, wanted: Wanted) -> SpaceCommand {
    SpaceCommand::Allocate {
        from: AllocateFrom::Node(node),
        wanted,
    }
}

fn made(outcome: CommandOutcome) -> Vec<NodeView> {
    match outcome {
        CommandOutcome::Committed { made, .. } => made,
        other => panic!("nothing was made: {other:?}"),
    }
}

fn prefixes(nodes: &[NodeView]) -> Vec<String> {
    nodes.iter().map(|node| node.prefix.to_string()).collect()
}

async fn made_node(access: &dyn DataAccess, space: Uuid, text: &str) -> Uuid {
    node_of(run(access, space, create(text, &[])).await.unwrap()).id
}

async fn allocate(
    access: &dyn DataAccess,
    space: Uuid,
    node: Uuid,
    wanted: Wanted,
) -> Result<Vec<NodeView>, cadastre_api_types::ApiError> {
    run(access, space, beneath(node, wanted)).await.map(made)
}

async fn free(access: &dyn DataAccess, space: Uuid, node: Uuid, page: usize) -> Vec<Prefix> {
    let mut out = Vec::new();
    let mut after = None;
    loop {
        let query = AvailableQuery {
            space,
            node,
            fitting: None,
            page: PageRequest { limit: page, after },
        };
        let found = access.available(&context(), query).await.unwrap();
        out.extend(found.items);
        match found.next {
            Some(next) => after = Some(next),
            None => return out,
        }
    }
}

#[tokio::test]
async fn the_lowest_free_prefixes_are_taken_between_those_that_are_there() {
    let access = memory().await;
    let space = new_space(access.as_ref(), "s").await;
    let top = made_node(access.as_ref(), space, "10.0.0.0/16").await;
    made_node(access.as_ref(), space, "10.0.1.0/24").await;
    let taken = allocate(access.as_ref(), space, top, wanted(24, 3))
        .await
        .unwrap();
    assert_eq!(prefixes(&taken), ["10.0.0.0/24", "10.0.2.0/24", "10.0.3.0/24"]);
    assert!(taken.iter().all(|node| node.parent_id == Some(top)));
    let more = allocate(access.as_ref(), space, top, wanted(20, 1))
        .await
        .unwrap();
    assert_eq!(prefixes(&more), ["10.0.16.0/20"]);
    // A single address skips the network address of its node.
    let host = allocate(access.as_ref(), space, taken[0].id, wanted(32, 1))
        .await
        .unwrap();
    assert_eq!(prefixes(&host), ["10.0.0.1/32"]);
    for node in &taken {
        let stored = crate::support::node(access.as_ref(), space, &node.prefix.to_string())
            .await
            .unwrap();
        assert_eq!(*stored, *node, "what was answered is what is stored");
    }
}

#[tokio::test]
async fn a_node_that_was_removed_can_be_taken_again_and_its_children_stay_taken() {
    let access = memory().await;
    let space = new_space(access.as_ref(), "s").await;
    let top = made_node(access.as_ref(), space, "10.0.0.0/22").await;
    let taken = allocate(access.as_ref(), space, top, wanted(24, 4))
        .await
        .unwrap();
    let inner = allocate(access.as_ref(), space, taken[1].id, wanted(25, 1))
        .await
        .unwrap();
    assert_eq!(prefixes(&inner), ["10.0.1.0/25"]);
    let full = allocate(access.as_ref(), space, top, wanted(25, 1))
        .await
        .unwrap_err();
    assert_eq!(full.code, ErrorCode::Depleted);
    assert_eq!(
        full.details.unwrap()["largestFreePrefixLength"],
        serde_json::Value::Null
    );
    run(
        access.as_ref(),
        space,
        SpaceCommand::DeleteNode { id: taken[1].id },
    )
    .await
    .unwrap();
    // The child moved up: the other half of its former parent is free.
    let again = allocate(access.as_ref(), space, top, wanted(25, 1))
        .await
        .unwrap();
    assert_eq!(prefixes(&again), ["10.0.1.128/25"]);
    run(
        access.as_ref(),
        space,
        SpaceCommand::DeleteNode { id: taken[3].id },
    )
    .await
    .unwrap();
    let last = allocate(access.as_ref(), space, top, wanted(24, 1))
        .await
        .unwrap();
    assert_eq!(prefixes(&last), ["10.0.3.0/24"]);
}

#[tokio::test]
async fn all_or_none_and_the_refusal_names_what_there_is() {
    let access = memory().await;
    let space = new_space(access.as_ref(), "s").await;
    let top = made_node(access.as_ref(), space, "10.0.0.0/24").await;
    made_node(access.as_ref(), space, "10.0.0.0/26").await;
    let refused = allocate(access.as_ref(), space, top, wanted(26, 4))
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::Depleted);
    assert_eq!(refused.details.unwrap()["largestFreePrefixLength"], 25);
    assert_eq!(
        free(access.as_ref(), space, top, 10).await,
        [prefix("10.0.0.64/26"), prefix("10.0.0.128/25")]
    );
    for (length, count) in [
        (24, 1),
        (8, 1),
        (33, 1),
        (0, 1),
        (26, 0),
        (26, 1_001),
        (26, usize::MAX),
    ] {
        let refused = allocate(access.as_ref(), space, top, wanted(length, count))
            .await
            .unwrap_err();
        assert_eq!(
            refused.code,
            ErrorCode::InvalidAllocation,
            "/{length} x {count}: {}",
            refused.message
        );
    }
    let nobody = allocate(access.as_ref(), space, Uuid::now_v7(), wanted(26, 1))
        .await
        .unwrap_err();
    assert_eq!(nobody.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_thousand_at_once_with_tags_are_one_version() {
    let access = memory().await;
    let space = new_space(access.as_ref(), "s").await;
    for name in ["A", "B", "C", "D"] {
        define(access.as_ref(), space, definition(name)).await;
    }
    let top = made_node(access.as_ref(), space, "2001:db8::/32").await;
    let all = Wanted {
        tags: tags(&[("A", "1"), ("B", "2"), ("C", "3"), ("D", "4")]),
        strategy: Choice::Sparse,
        ..wanted(64, 1_000)
    };
    let request = SpaceCommandRequest {
        space,
        command: beneath(top, all),
        options: MutationOptions {
            idempotency: Some(IdempotencyKey {
                key_hash: "k".to_owned(),
                body_hash: "b".to_owned(),
            }),
            ..MutationOptions::default()
        },
    };
    let first = access.space_command(&context(), request.clone()).await.unwrap();
    let taken = made(first.clone());
    let different: BTreeSet<&Prefix> = taken.iter().map(|node| &node.prefix).collect();
    assert_eq!(different.len(), 1_000);
    assert!(
        taken
            .iter()
            .all(|node| node.revision == taken[0].revision && node.resolved.len() == 4)
    );
    // Asked again, also after some of them are gone.
    run(
        access.as_ref(),
        space,
        SpaceCommand::DeleteNode { id: taken[5].id },
    )
    .await
    .unwrap();
    match access.space_command(&context(), request.clone()).await.unwrap() {
        CommandOutcome::Committed {
            replayed: true, made, ..
        } => assert_eq!(made, taken),
        other => panic!("{other:?}"),
    }
    let narrow = scoped(Scope::within([prefix("2001:db8::/33")]));
    let refused = access.space_command(&narrow, request).await.unwrap_err();
    assert_eq!(
        refused.code,
        ErrorCode::OutsideScope,
        "permission is checked again"
    );
}

#[tokio::test]
async fn by_tags_the_first_nodes_with_room_are_used_together() {
    let access = memory().await;
    let space = new_space(access.as_ref(), "s").await;
    define(access.as_ref(), space, definition("Pool")).await;
    for text in ["10.0.0.0/30", "10.1.0.0/30", "10.2.0.0/16"] {
        run(access.as_ref(), space, create(text, &[("Pool", "p")]))
            .await
            .unwrap();
    }
    made_node(access.as_ref(), space, "10.3.0.0/16").await;
    let by_tag = |pairs: &[(&str, &str)], wanted| SpaceCommand::Allocate {
        from: AllocateFrom::Tagged(tags(pairs).into_iter().collect()),
        wanted,
    };
    let taken = made(
        run(access.as_ref(), space, by_tag(&[("Pool", "p")], wanted(32, 5)))
            .await
            .unwrap(),
    );
    assert_eq!(
        prefixes(&taken),
        [
            "10.0.0.1/32",
            "10.0.0.2/32",
            "10.1.0.1/32",
            "10.1.0.2/32",
            "10.2.0.1/32"
        ]
    );
    let nets = made(
        run(access.as_ref(), space, by_tag(&[("Pool", "p")], wanted(24, 1)))
            .await
            .unwrap(),
    );
    assert_eq!(prefixes(&nets), ["10.2.1.0/24"]);
    let none = run(access.as_ref(), space, by_tag(&[("Pool", "q")], wanted(24, 1)))
        .await
        .unwrap_err();
    assert_eq!(none.code, ErrorCode::Depleted);
    let much = run(access.as_ref(), space, by_tag(&[("Pool", "p")], wanted(17, 3)))
        .await
        .unwrap_err();
    assert_eq!(much.code, ErrorCode::Depleted);
    let typo = run(access.as_ref(), space, by_tag(&[("Pol", "p")], wanted(17, 3)))
        .await
        .unwrap_err();
    assert_eq!(typo.code, ErrorCode::UndefinedTag);
    let every = run(access.as_ref(), space, by_tag(&[], wanted(24, 1)))
        .await
        .unwrap_err();
    assert_eq!(every.code, ErrorCode::InvalidAllocation);
}

#[tokio::test]
async fn a_dry_run_names_what_would_be_taken_and_takes_nothing() {
    let access = memory().await;
    let space = new_space(access.as_ref(), "s").await;
    let top = made_node(access.as_ref(), space, "10.0.0.0/24").await;
    let plan = async |count| {
        let request = SpaceCommandRequest {
            space,
            command: beneath(top, wanted(26, count)),
            options: MutationOptions {
                dry_run: true,
                ..MutationOptions::default()
            },
        };
        access.space_command(&context(), request).await.unwrap()
    };
    match plan(2).await {
        CommandOutcome::Planned {
            changes,
            conflict: None,
        } => assert_eq!(changes.len(), 2),
        other => panic!("{other:?}"),
    }
    match plan(5).await {
        CommandOutcome::Planned {
            changes,
            conflict: Some(conflict),
        } => {
            assert_eq!((changes.len(), conflict.code), (0, ErrorCode::Depleted));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        free(access.as_ref(), space, top, 10).await,
        [prefix("10.0.0.0/24")]
    );
}

#[tokio::test]
async fn a_narrowed_caller_takes_from_inside_only() {
    let access = memory().await;
    let space = new_space(access.as_ref(), "s").await;
    let top = made_node(access.as_ref(), space, "10.0.0.0/8").await;
    let mine = made_node(access.as_ref(), space, "10.1.0.0/16").await;
    let other = made_node(access.as_ref(), space, "10.2.0.0/16").await;
    let narrow = scoped(Scope::within([prefix("10.1.0.0/16")]));
    let ask = async |node| {
        let request = SpaceCommandRequest {
            space,
            command: beneath(node, wanted(24, 1)),
            options: MutationOptions::default(),
        };
        access.space_command(&narrow, request).await
    };
    assert_eq!(prefixes(&made(ask(mine).await.unwrap())), ["10.1.0.0/24"]);
    assert_eq!(ask(top).await.unwrap_err().code, ErrorCode::OutsideScope);
    assert_eq!(ask(other).await.unwrap_err().code, ErrorCode::NotFound);
    let used = async |node| {
        access
            .utilization(&narrow, UtilizationQuery { space, node })
            .await
    };
    assert_eq!(used(mine).await.unwrap().used.to_string(), "256");
    assert_eq!(used(top).await.unwrap_err().code, ErrorCode::OutsideScope);
    assert_eq!(used(other).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_prefix_is_given_twice_to_clients_that_race_while_the_store_fails() {
    for seed in 0..6 {
        let store = FaultStore::new(MemoryStore::new());
        let plan = store.plan();
        let access = LocalDataAccess::open(Arc::new(store), DataAccessConfig::default())
            .await
            .unwrap();
        let space = new_space(access.as_ref(), "s").await;
        let top = made_node(access.as_ref(), space, "10.0.0.0/20").await;
        plan.randomly(
            seed,
            Chances {
                unavailable: 0.02,
                lost_request: 0.02,
                lost_answer: 0.05,
                ..Chances::default()
            },
        );
        let mut clients = Vec::new();
        for client in 0..16_u64 {
            let access = Arc::clone(&access);
            clients.push(tokio::spawn(async move {
                let mut mine = Vec::new();
                for round in 0..40 {
                    let wanted = Wanted {
                        strategy: [Choice::LowestFree, Choice::Random, Choice::Sparse][(client % 3) as usize],
                        seed: client * 1_000 + round,
                        ..wanted(32, 1 + (round % 3) as usize)
                    };
                    if let Ok(taken) = allocate(access.as_ref(), space, top, wanted).await {
                        mine.extend(taken);
                    }
                    if round % 4 == 3
                        && let Some(node) = mine.pop()
                    {
                        // Whether or not it is told so, it may be gone: it is no longer ours.
                        let gone = SpaceCommand::DeleteNode { id: node.id };
                        let _ = run(access.as_ref(), space, gone).await;
                    }
                }
                mine
            }));
        }
        let mut all = Vec::new();
        for client in clients {
            all.extend(client.await.unwrap());
        }
        plan.clear();
        let different: BTreeMap<Prefix, Uuid> = all.iter().map(|node| (node.prefix, node.id)).collect();
        assert_eq!(different.len(), all.len(), "one address twice");
        for (prefix, id) in &different {
            let stored = crate::support::node(access.as_ref(), space, &prefix.to_string())
                .await
                .unwrap();
            assert_eq!(stored.id, *id, "an acknowledged address is another's");
        }
        agrees(access.as_ref(), space).await;
    }
}

/// What is said of each node is what a recount of the nodes says.
async fn agrees(access: &dyn DataAccess, space: Uuid) {
    let nodes = all(access, &context(), space, NodeSelection::All, &[], 500)
        .await
        .unwrap();
    for node in &nodes {
        let inside = nodes
            .iter()
            .map(|node| node.prefix)
            .filter(|p| node.prefix.strictly_contains(p));
        let expected = FreeSpace::from_sorted(node.prefix, inside).unwrap();
        let said = access
            .utilization(&context(), UtilizationQuery { space, node: node.id })
            .await
            .unwrap();
        assert_eq!(
            (said.used, said.free),
            (expected.used(), expected.free()),
            "{}",
            node.prefix
        );
        assert_eq!(
            said.children,
            expected.children().iter().collect::<Vec<_>>(),
            "{}",
            node.prefix
        );
        let blocks: Vec<Prefix> = expected.blocks(None, None).collect();
        assert_eq!(free(access, space, node.id, 3).await, blocks, "{}", node.prefix);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Create(Prefix),
    Delete(usize),
    Allocate(usize, u8, usize, Choice, u64),
    Look,
}

fn some_prefix() -> impl Strategy<Value = Prefix> {
    prop_oneof![
        (0_u32..256, 24_u8..=32).prop_map(|(bits, len)| {
            Prefix::new_masked(std::net::Ipv4Addr::from(0x0a00_0000 | bits).into(), len).unwrap()
        }),
        (0_u128..1024, 118_u8..=128).prop_map(|(bits, len)| {
            Prefix::new_masked(std::net::Ipv6Addr::from((0x2001 << 112) | bits).into(), len).unwrap()
        }),
    ]
}

fn some_step() -> impl Strategy<Value = Step> {
    let choice = prop_oneof![
        Just(Choice::LowestFree),
        Just(Choice::Random),
        Just(Choice::Sparse)
    ];
    prop_oneof![
        3 => some_prefix().prop_map(Step::Create),
        3 => (0_usize..64).prop_map(Step::Delete),
        6 => (0_usize..64, 0_u8..8, 1_usize..6, choice, any::<u64>())
            .prop_map(|(node, deeper, count, choice, seed)| Step::Allocate(node, deeper, count, choice, seed)),
        2 => Just(Step::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn free_space_is_what_the_nodes_leave(steps in proptest::collection::vec(some_step(), 1..50), shape in 0..4) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
            let store: Arc<dyn Store> = match shape {
                0 => store,
                1 => Arc::new(Shaped::shared(store)),
                _ => tiny(shape == 2),
            };
            let access = open(Arc::clone(&store)).await;
            let space = new_space(access.as_ref(), "s").await;
            made_node(access.as_ref(), space, "10.0.0.0/24").await;
            made_node(access.as_ref(), space, "2001::/118").await;
            let mut nodes: Vec<(Prefix, Uuid)> = all(access.as_ref(), &context(), space, NodeSelection::All, &[], 100)
                .await.unwrap().into_iter().map(|node| (node.prefix, node.id)).collect();
            for step in steps {
                match step {
                    Step::Create(prefix) => {
                        if let Ok(outcome) = run(access.as_ref(), space, create(&prefix.to_string(), &[])).await {
                            nodes.push((prefix, node_of(outcome).id));
                        }
                    }
                    Step::Delete(which) if !nodes.is_empty() => {
                        let (_, id) = nodes.swap_remove(which % nodes.len());
                        run(access.as_ref(), space, SpaceCommand::DeleteNode { id }).await.unwrap();
                    }
                    Step::Allocate(which, deeper, count, strategy, seed) if !nodes.is_empty() => {
                        let (parent, id) = nodes[which % nodes.len()];
                        let len = parent.len() + 1 + deeper;
                        let inside = nodes.iter().map(|(prefix, _)| *prefix).filter(|p| parent.strictly_contains(p));
                        let mut sorted: Vec<Prefix> = inside.collect();
                        sorted.sort();
                        let model = FreeSpace::from_sorted(parent, sorted).unwrap();
                        let edges = cadastre_domain::free_space::Edges::PassOver;
                        let room = model.how_many(len, edges);
                        let asked = Wanted { strategy, seed, ..wanted(len, count) };
                        match allocate(access.as_ref(), space, id, asked).await {
                            Ok(taken) => {
                                assert_eq!(taken.len(), count);
                                let mut model = model;
                                for node in &taken {
                                    assert!(model.is_free(node.prefix), "{} was taken", node.prefix);
                                    model.take(node.prefix).unwrap();
                                    nodes.push((node.prefix, node.id));
                                }
                            }
                            Err(error) if error.code == ErrorCode::Depleted => {
                                assert!(room < cadastre_domain::free_space::Size::from(count as u64));
                            }
                            Err(error) => assert!(
                                len > parent.family().max_len() && error.code == ErrorCode::InvalidAllocation,
                                "{error:?}"
                            ),
                        }
                    }
                    Step::Look => agrees(access.as_ref(), space).await,
                    Step::Delete(_) | Step::Allocate(..) => {}
                }
            }
            agrees(access.as_ref(), space).await;
            // Another process, which has to read what is free, finds the same.
            let again = open(store).await;
            agrees(again.as_ref(), space).await;
        });
    }
}
