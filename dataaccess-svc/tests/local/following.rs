//! The catalogue of one replica follows what others do to it, and pays for what has changed, not for what is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use cadastre_api_types::internal::*;
use cadastre_dataaccess::LocalDataAccess;
use cadastre_storage::{FaultPlan, FaultStore, MemoryStore, Store};
use proptest::prelude::*;
use uuid::Uuid;

use crate::support::*;

struct Replica {
    access: Arc<LocalDataAccess>,
    line: FaultPlan,
}

async fn replicas() -> [Replica; 2] {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let replica = async || {
        let store = FaultStore::new(Shaped::narrow(Arc::clone(&memory), 100));
        let line = store.plan();
        let access = open(Arc::new(store)).await;
        Replica { access, line }
    };
    [replica().await, replica().await]
}

async fn listed(access: &LocalDataAccess) -> BTreeMap<Uuid, String> {
    let query = SpaceListQuery {
        only: None,
        name_contains: None,
        created_before: None,
        created_after: None,
        page: PageRequest {
            limit: 1_000,
            after: None,
        },
    };
    let listed = access.list_spaces(&context(), query).await.unwrap();
    listed
        .items
        .into_iter()
        .map(|space| (space.id, space.name))
        .collect()
}

async fn rename(access: &LocalDataAccess, id: Uuid, name: &str) {
    let change = SpaceChange::Update {
        id,
        name: name.to_owned(),
        description: None,
    };
    let options = MutationOptions::default();
    access
        .change_space(&context(), SpaceChangeRequest { change, options })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_change_by_another_replica_costs_the_same_however_many_spaces_there_are() {
    let [one, two] = replicas().await;
    let mut costs = Vec::new();
    let mut there = 0;
    for spaces in [20, 600] {
        while there < spaces {
            new_space(one.access.as_ref(), &format!("space {there}")).await;
            there += 1;
        }
        assert_eq!(listed(&two.access).await.len(), there);
        let id = new_space(one.access.as_ref(), &format!("late {there}")).await;
        there += 1;
        two.line.reset_counts();
        assert_eq!(listed(&two.access).await.len(), there);
        assert!(
            two.access
                .get_space(&context(), SpaceQuery { space: id })
                .await
                .is_ok()
        );
        costs.push(two.line.reads());
    }
    assert_eq!(costs[0], costs[1]);
    assert!(costs[0] <= 6, "{costs:?} calls of the store");
}

#[tokio::test]
async fn a_user_that_another_replica_has_made_does_not_make_the_spaces_read_anew() {
    let [one, two] = replicas().await;
    let mut costs = Vec::new();
    let mut there = 0;
    for spaces in [20, 300] {
        while there < spaces {
            new_space(one.access.as_ref(), &format!("space {there}")).await;
            there += 1;
        }
        assert_eq!(listed(&two.access).await.len(), there);
        let request = UserChangeRequest {
            name: format!("user{there}"),
            change: UserChange::Create {
                password_hash: "hash".to_owned(),
                grants: Vec::new(),
            },
            options: MutationOptions::default(),
        };
        one.access.change_user(&context(), request).await.unwrap();
        two.line.reset_counts();
        assert_eq!(listed(&two.access).await.len(), there);
        // And the next space is followed from there.
        new_space(one.access.as_ref(), &format!("late {there}")).await;
        there += 1;
        assert_eq!(listed(&two.access).await.len(), there);
        costs.push(two.line.reads());
    }
    assert_eq!(costs[0], costs[1]);
    assert!(costs[0] <= 10, "{costs:?} calls of the store");
}

#[derive(Clone, Debug)]
enum Step {
    Create,
    Rename(usize),
    Delete(usize),
}

fn some_step() -> impl Strategy<Value = (Step, bool, bool)> {
    let step = prop_oneof![
        3 => Just(Step::Create),
        2 => (0_usize..50).prop_map(Step::Rename),
        1 => (0_usize..50).prop_map(Step::Delete),
    ];
    // Who does it, and whether the other looks.
    (step, any::<bool>(), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_two_replicas_do_to_the_catalogue_in_turn_both_see(
        steps in prop::collection::vec(some_step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let replicas = replicas().await;
            let mut model: BTreeMap<Uuid, String> = BTreeMap::new();
            for (number, (step, first, looks)) in steps.into_iter().enumerate() {
                let access = &replicas[usize::from(first)].access;
                let some = |at: usize| model.keys().nth(at % model.len().max(1)).copied();
                match step {
                    Step::Create => {
                        let name = format!("space {number}");
                        model.insert(new_space(access.as_ref(), &name).await, name);
                    }
                    Step::Rename(at) => if let Some(id) = some(at) {
                        let name = format!("renamed {number}");
                        rename(access, id, &name).await;
                        model.insert(id, name);
                    },
                    Step::Delete(at) => if let Some(id) = some(at) {
                        delete_space(access.as_ref(), id).await.unwrap();
                        model.remove(&id);
                    },
                }
                if looks {
                    prop_assert_eq!(&listed(&replicas[usize::from(!first)].access).await, &model);
                }
            }
            for replica in &replicas {
                prop_assert_eq!(&listed(&replica.access).await, &model);
            }
            Ok(())
        })?;
    }
}

/// What is done to a tree; places are taken from few, so that they meet.
#[derive(Clone, Debug)]
enum Growth {
    Allocate { pool: usize, len: u8, count: usize },
    Create { octet: u8, len: u8 },
    Delete(usize),
    Ask(usize),
}

fn some_growth() -> impl Strategy<Value = (Growth, bool)> {
    let growth = prop_oneof![
        4 => (0_usize..8, 26_u8..=32, 1_usize..6).prop_map(|(pool, len, count)| Growth::Allocate { pool, len, count }),
        2 => (any::<u8>(), 24_u8..=32).prop_map(|(octet, len)| Growth::Create { octet, len }),
        3 => (0_usize..200).prop_map(Growth::Delete),
        2 => (0_usize..8).prop_map(Growth::Ask),
    ];
    (growth, any::<bool>())
}

async fn tree(access: &LocalDataAccess, space: Uuid) -> Vec<NodeView> {
    all(access, &context(), space, NodeSelection::All, &[], 1_000)
        .await
        .unwrap()
}

async fn free_beneath(access: &LocalDataAccess, space: Uuid, node: Uuid) -> Utilization {
    access
        .utilization(&context(), UtilizationQuery { space, node })
        .await
        .unwrap()
}

async fn grow(access: &LocalDataAccess, space: Uuid, step: &Growth) {
    let nodes = tree(access, space).await;
    let command = match step {
        Growth::Allocate { pool, len, count } => {
            let pools: Vec<&NodeView> = nodes.iter().filter(|node| node.prefix.len() < *len).collect();
            let Some(pool) = pools.get(pool % pools.len().max(1)) else {
                return;
            };
            allocate(pool.id, *len, *count)
        }
        Growth::Create { octet, len } => {
            let step = 1_u32 << (32 - len);
            let address = 0x0a00_0000 + u32::from(*octet) / step.min(255) * step;
            let address = std::net::Ipv4Addr::from(address);
            create(&format!("{address}/{len}"), &[])
        }
        Growth::Delete(at) => {
            // Not the ground itself.
            let Some(node) = nodes.get(1 + at % nodes.len()) else {
                return;
            };
            SpaceCommand::DeleteNode { id: node.id }
        }
        Growth::Ask(at) => {
            free_beneath(access, space, nodes[at % nodes.len()].id).await;
            return;
        }
    };
    // What does not fit is refused, which changes nothing.
    let _ = run(access, space, command).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_free_is_the_same_for_replicas_that_follow_each_other_and_for_one_that_reads_it(
        steps in prop::collection::vec(some_growth(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
            let replica = async || open(Arc::new(Shaped::narrow(Arc::clone(&memory), 100))).await;
            let replicas = [replica().await, replica().await];
            let space = new_space(replicas[0].as_ref(), "s").await;
            run(replicas[0].as_ref(), space, create("10.0.0.0/16", &[])).await.unwrap();
            for (step, first) in &steps {
                grow(&replicas[usize::from(*first)], space, step).await;
            }
            let fresh = replica().await;
            for node in tree(&fresh, space).await {
                let read = free_beneath(&fresh, space, node.id).await;
                for replica in &replicas {
                    prop_assert_eq!(&free_beneath(replica, space, node.id).await, &read);
                }
            }
            for replica in replicas {
                replica.shutdown().await;
            }
            fresh.shutdown().await;
            Ok(())
        })?;
    }
}
