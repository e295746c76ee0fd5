//! Several processes on one store: each decides on what it knows, and none answers with what another has made untrue.

use std::collections::BTreeSet;
use std::sync::Arc;

use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_dataaccess::LocalDataAccess;
use cadastre_storage::{MemoryStore, PartitionKey, Store, Write};
use uuid::Uuid;

use crate::support::*;

async fn two_replicas() -> [Arc<LocalDataAccess>; 2] {
    replicas_of(Arc::new(MemoryStore::new())).await
}

async fn replicas_of(store: Arc<dyn Store>) -> [Arc<LocalDataAccess>; 2] {
    let replica = || Arc::new(Shaped::shared(Arc::clone(&store))) as Arc<dyn Store>;
    [open(replica()).await, open(replica()).await]
}

/// As a client does it: a lost race is sent again.
async fn patiently(
    access: &LocalDataAccess,
    space: Uuid,
    command: impl Fn() -> SpaceCommand,
) -> Result<CommandOutcome, ApiError> {
    loop {
        match run(access, space, command()).await {
            Err(error) if error.code == ErrorCode::Contention => {}
            done => return done,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_replicas_on_one_store_never_give_a_prefix_twice_and_lose_nothing() {
    let [one, two] = two_replicas().await;
    let space = new_space(one.as_ref(), "shared").await;
    let mut tasks = Vec::new();
    for access in [one, two] {
        for _ in 0..4 {
            let access = Arc::clone(&access);
            tasks.push(tokio::spawn(async move {
                let mut won = Vec::new();
                for i in 0..40 {
                    loop {
                        match run(access.as_ref(), space, create(&format!("10.0.{i}.0/24"), &[])).await {
                            Ok(_) => won.push(i),
                            Err(error) if error.code == ErrorCode::Contention => continue,
                            Err(error) => assert_eq!(error.code, ErrorCode::Duplicate),
                        }
                        break;
                    }
                }
                won
            }));
        }
    }
    let mut won = Vec::new();
    for task in tasks {
        won.extend(task.await.unwrap());
    }
    won.sort_unstable();
    assert_eq!(
        won,
        (0..40).collect::<Vec<_>>(),
        "each prefix was given exactly once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_replicas_give_every_address_of_a_pool_once_and_only_then_refuse() {
    let [one, two] = two_replicas().await;
    let space = new_space(one.as_ref(), "shared").await;
    let pool = node_of(
        run(one.as_ref(), space, create("10.0.0.0/25", &[]))
            .await
            .unwrap(),
    )
    .id;
    let takers = [&one, &two, &one, &two].map(|access| {
        let access = Arc::clone(access);
        tokio::spawn(async move {
            let mut taken = Vec::new();
            loop {
                match patiently(&access, space, || allocate(pool, 32, 1)).await {
                    Ok(CommandOutcome::Committed { made, .. }) => taken.push(made[0].prefix),
                    Ok(other) => panic!("{other:?}"),
                    Err(error) if error.code == ErrorCode::Depleted => return taken,
                    Err(error) => panic!("{error:?}"),
                }
            }
        })
    });
    let mut taken = Vec::new();
    for taker in takers {
        taken.extend(taker.await.unwrap());
    }
    assert_eq!(taken.len(), 128);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>().len(), 128);
}

#[tokio::test]
async fn a_replica_knows_at_once_what_another_has_taken_given_back_or_forbidden() {
    let [one, two] = two_replicas().await;
    let space = new_space(one.as_ref(), "shared").await;
    let pool = node_of(
        run(one.as_ref(), space, create("10.0.0.0/30", &[]))
            .await
            .unwrap(),
    )
    .id;
    let children = async |access: &LocalDataAccess| {
        let query = UtilizationQuery { space, node: pool };
        let told = access.utilization(&context(), query).await.unwrap();
        told.children.into_iter().map(|(_, count)| count).sum::<u64>()
    };
    // Each has asked before, so each has something to remember that turns wrong.
    let mut given = Vec::new();
    for (turn, access) in [&one, &two, &one, &two].into_iter().enumerate() {
        assert_eq!(children(access).await, turn as u64);
        let made = run(access.as_ref(), space, allocate(pool, 32, 1)).await.unwrap();
        let CommandOutcome::Committed { made, .. } = made else {
            panic!("{made:?}")
        };
        given.push(made[0].clone());
    }
    for access in [&one, &two] {
        let error = run(access.as_ref(), space, allocate(pool, 32, 1))
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::Depleted);
    }
    let free = SpaceCommand::DeleteNode { id: given[1].id };
    run(one.as_ref(), space, free).await.unwrap();
    assert_eq!(children(&two).await, 3);
    let again = run(two.as_ref(), space, allocate(pool, 32, 1)).await.unwrap();
    let CommandOutcome::Committed { made, .. } = again else {
        panic!("{again:?}")
    };
    assert_eq!(made[0].prefix, given[1].prefix);
    let twice = run(one.as_ref(), space, create(&made[0].prefix.to_string(), &[])).await;
    assert_eq!(twice.unwrap_err().code, ErrorCode::Duplicate);
}

/// A service that was restored, or that lost its last seconds, shows an earlier state; that is the truth then.
#[tokio::test]
async fn when_the_store_has_gone_back_every_replica_goes_on_from_what_is_there() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let replicas = replicas_of(Arc::clone(&store)).await;
    let [one, two] = &replicas;
    let space = new_space(one.as_ref(), "shared").await;
    define(one.as_ref(), space, definition("Site")).await;
    run(one.as_ref(), space, create("10.0.0.0/8", &[("Site", "A")]))
        .await
        .unwrap();
    let before = rows(store.as_ref(), &space.to_string(), "").await;
    let lost = run(two.as_ref(), space, create("10.0.0.0/9", &[("Site", "B")]))
        .await
        .unwrap();
    run(one.as_ref(), space, create("10.0.0.0/16", &[]))
        .await
        .unwrap();
    // Both have seen what is about to be lost.
    for replica in &replicas {
        let seen = node(replica.as_ref(), space, "10.0.0.0/16").await.unwrap();
        assert_eq!(seen.parent_id, Some(node_of(lost.clone()).id));
    }
    let partition = PartitionKey::new(space.to_string()).unwrap();
    let now = rows(store.as_ref(), partition.as_str(), "").await;
    let gone = now
        .into_iter()
        .map(|row| Write::Delete { key: row.key })
        .collect();
    store.commit(&partition, gone).await.unwrap();
    let back = before
        .into_iter()
        .map(|row| Write::Put {
            key: row.key,
            value: row.value,
        })
        .collect();
    store.commit(&partition, back).await.unwrap();

    // As many changes as were lost and more, so that their versions are given again.
    for (turn, replica) in replicas.iter().enumerate() {
        let text = format!("10.{}.0.0/16", turn + 1);
        run(replica.as_ref(), space, create(&text, &[])).await.unwrap();
    }
    run(two.as_ref(), space, create("10.0.0.0/10", &[("Site", "C")]))
        .await
        .unwrap();
    for replica in &replicas {
        assert!(node(replica.as_ref(), space, "10.0.0.0/9").await.is_err());
        let seen = node(replica.as_ref(), space, "10.1.0.0/16").await.unwrap();
        assert_eq!(
            seen.resolved.get("Site").map(ToString::to_string),
            Some("C".to_owned())
        );
    }
}

#[tokio::test]
async fn nobody_is_ready_on_a_table_that_has_lost_its_records() {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::new(Shaped::shared(Arc::clone(&memory)))).await;
    access.ready(&context(), ()).await.unwrap();
    new_space(access.as_ref(), "s").await;
    access.ready(&context(), ()).await.unwrap();
    let lost: Vec<_> = rows(memory.as_ref(), "SYSTEM", "")
        .await
        .into_iter()
        .map(|row| cadastre_storage::Write::Delete { key: row.key })
        .collect();
    let system = cadastre_storage::PartitionKey::new("SYSTEM").unwrap();
    memory.commit(&system, lost).await.unwrap();
    for _ in 0..2 {
        let error = access.ready(&context(), ()).await.unwrap_err();
        assert!(error.message.contains("are gone"), "{error:?}");
        // Also once somebody has read the empty catalogue.
        let _ = access
            .get_space(
                &context(),
                SpaceQuery {
                    space: uuid::Uuid::nil(),
                },
            )
            .await;
    }
}
