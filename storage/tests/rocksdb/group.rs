//! Group commit: many commits, few syncs.

use std::sync::Arc;

use cadastre_storage::{RocksStore, Store, StoreError, Write};

use super::{key, number_of_rows, partition, put, value};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_commits_share_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(RocksStore::open(dir.path()).unwrap());
    let clients: Vec<_> = (0..64)
        .map(|client| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for n in 0..10 {
                    store
                        .commit(&partition(), vec![put(&format!("r{client}-{n}"), n)])
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let stats = store.commit_stats();
    assert_eq!((stats.commits, stats.rows), (640, 640));
    assert!(stats.groups <= 160, "{stats:?}: fewer than four commits per sync");
    assert_eq!(number_of_rows(&*store).await, 640);
}

#[tokio::test]
async fn commits_of_one_group_are_decided_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = RocksStore::open(dir.path()).unwrap();
    let p = partition();
    // All are queued before this thread gives way, so most of them meet in one group.
    let create = |n| {
        store.commit(
            &p,
            vec![Write::Create {
                key: key("same"),
                value: value(n),
            }],
        )
    };
    let results = futures::future::join_all((0..200).map(create)).await;
    let (won, lost): (Vec<_>, Vec<_>) = results.iter().partition(|result| result.is_ok());
    assert_eq!((won.len(), lost.len()), (1, 199));
    assert!(
        lost.iter()
            .all(|result| matches!(result, Err(StoreError::Exists { .. })))
    );
    assert!(results[0].is_ok(), "the first in the queue wins");
    assert_eq!(store.commit_stats().commits, 1);
}

#[tokio::test]
async fn closing_finishes_the_commits_that_wait() {
    let dir = tempfile::tempdir().unwrap();
    let store = RocksStore::open(dir.path()).unwrap();
    let p = partition();
    let mut commits: Vec<_> = (0..100)
        .map(|n| store.commit(&p, vec![put(&format!("r{n}"), n)]))
        .collect();
    for commit in &mut commits {
        let _ = futures::poll!(commit);
    }
    store.close().await;
    for commit in commits {
        commit.await.unwrap();
    }
    drop(store);
    assert_eq!(number_of_rows(&RocksStore::open(dir.path()).unwrap()).await, 100);
}
