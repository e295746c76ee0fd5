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
