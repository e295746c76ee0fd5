//! Many writers and readers at once: no update is lost, nothing is seen in halves or backwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{create, key, number_at, partition, put, read_number, replace};
use crate::contract::{Store, Write};
use crate::error::StoreError;

const WRITERS: usize = 8;
const ROUNDS: u64 = 20;

/// Waits a little and differently each time, so that racing tasks do not stay in step.
async fn jitter() {
    tokio::time::sleep(Duration::from_micros(rand::random_range(0..500))).await;
}

/// Every writer adds one to one row, `ROUNDS` times, and the row says how often in the end.
pub async fn racing_writers_lose_no_update(store: Arc<dyn Store>) {
    let p = partition("race");
    store.commit(&p, vec![create("counter", 0)]).await.unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (store, p) = (Arc::clone(&store), p.clone());
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    loop {
                        let row = store.get(&p, &key("counter")).await.unwrap().unwrap();
                        let write = replace("counter", read_number(&row) + 1, &row.etag);
                        match store.commit(&p, vec![write]).await {
                            Ok(_) => break,
                            Err(StoreError::Changed { .. }) => jitter().await,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(
        number_at(&*store, &p, "counter").await,
        Some(WRITERS as u64 * ROUNDS)
    );
}

/// Everybody creates the same rows; each row has exactly one creator, who is in its value.
pub async fn racing_creators_have_one_winner(store: Arc<dyn Store>) {
    let p = partition("create-race");
    let creators: Vec<_> = (0..WRITERS as u64)
        .map(|me| {
            let (store, p) = (Arc::clone(&store), p.clone());
            tokio::spawn(async move {
                let mut won = Vec::new();
                for n in 0..ROUNDS {
                    // A second row of one's own: it is there if and only if the shared one was won.
                    let writes = vec![create(&format!("own{me}-{n}"), me), create(&format!("r{n}"), me)];
                    match store.commit(&p, writes).await {
                        Ok(_) => won.push(n),
                        Err(StoreError::Exists { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                (me, won)
            })
        })
        .collect();
    let mut winners = 0;
    for creator in creators {
        let (me, won) = creator.await.unwrap();
        winners += won.len() as u64;
        for n in 0..ROUNDS {
            let mine = number_at(&*store, &p, &format!("r{n}")).await == Some(me);
            assert_eq!(mine, won.contains(&n));
            assert_eq!(
                mine,
                number_at(&*store, &p, &format!("own{me}-{n}")).await.is_some()
            );
        }
    }
    assert_eq!(winners, ROUNDS);
}

/// Transfers between rows in one commit each keep the sum; every commit asserts both versions it read.
pub async fn writers_of_overlapping_batches_stay_consistent(store: Arc<dyn Store>) {
    const ACCOUNTS: u64 = 5;
    let p = partition("transfer");
    let name = |n: u64| format!("account{n}");
    store
        .commit(&p, (0..ACCOUNTS).map(|n| create(&name(n), 1000)).collect())
        .await
        .unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (store, p) = (Arc::clone(&store), p.clone());
            tokio::spawn(async move {
                let mut done = 0;
                while done < ROUNDS {
                    let from = rand::random_range(0..ACCOUNTS);
                    let to = (from + rand::random_range(1..ACCOUNTS)) % ACCOUNTS;
                    let rows = store
                        .get_many(&p, &[key(&name(from)), key(&name(to))])
                        .await
                        .unwrap();
                    let [Some(a), Some(b)] = rows.as_slice() else {
                        panic!("an account is gone")
                    };
                    let writes = vec![
                        replace(&name(from), read_number(a) - 1, &a.etag),
                        replace(&name(to), read_number(b) + 1, &b.etag),
                    ];
                    match store.commit(&p, writes).await {
                        Ok(_) => done += 1,
                        Err(StoreError::Changed { .. }) => jitter().await,
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut sum = 0;
    for n in 0..ACCOUNTS {
        sum += number_at(&*store, &p, &name(n)).await.unwrap();
    }
    assert_eq!(sum, ACCOUNTS * 1000);
}

/// Each batch writes the same number into two rows. Once a reader has seen a number in one of them, a read
/// that starts later sees no smaller one in the other. (That one call sees both rows at one moment is more
/// than the contract promises.)
pub async fn readers_never_go_back_behind_a_batch(store: Arc<dyn Store>) {
    let p = partition("halves");
    store.commit(&p, vec![put("a", 0), put("z", 0)]).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|reader| {
            let (store, p, done) = (Arc::clone(&store), p.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let (first, second) = if reader % 2 == 0 { ("a", "z") } else { ("z", "a") };
                while !done.load(Ordering::Relaxed) {
                    let one = number_at(&*store, &p, first).await.unwrap();
                    let other = number_at(&*store, &p, second).await.unwrap();
                    assert!(other >= one, "half of batch {one} was seen: {other}");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for n in 1..=200 {
        let writes: Vec<Write> = vec![put("z", n), put("a", n)];
        store.commit(&p, writes).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
}
