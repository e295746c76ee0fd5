//! Outcomes that nobody was told, and commits that nobody waits for.

use std::sync::Arc;
use std::time::Duration;

use super::{all_names, create, key, number_at, partition, put, read_number, replace};
use crate::contract::{KeyRange, Store};
use crate::error::StoreError;
use crate::fault::{Chances, Fault, FaultStore, Op, Rule};

/// After `OutcomeUnknown`, a read shows whether it happened, all of it or nothing of it.
pub async fn after_an_unknown_outcome_reading_tells_the_truth(store: Arc<dyn Store>) {
    let p = partition("unknown");
    let faulty = FaultStore::new(Arc::clone(&store));
    for (fault, happened) in [(Fault::LostRequest, false), (Fault::LostAnswer, true)] {
        let before = all_names(&*store, &p).await.len();
        faulty.plan().inject(Rule::once(Op::Commit, fault));
        let names = if happened { ["a", "b"] } else { ["c", "d"] };
        let result = faulty
            .commit(&p, names.map(|name| create(name, 1)).to_vec())
            .await;
        assert!(
            matches!(result, Err(StoreError::OutcomeUnknown { .. })),
            "{result:?}"
        );
        for name in names {
            assert_eq!(number_at(&faulty, &p, name).await.is_some(), happened, "{name}");
        }
        assert_eq!(
            all_names(&*store, &p).await.len(),
            before + if happened { 2 } else { 0 }
        );
    }
}

/// The way of the layers above: a commit carries a mark of its own; whoever does not know the outcome looks
/// for the mark before deciding again. Every second call goes wrong, and each change happens once.
pub async fn retrying_unknown_outcomes_applies_each_change_once(store: Arc<dyn Store>) {
    let p = partition("retry");
    store.commit(&p, vec![create("counter", 0)]).await.unwrap();
    let faulty = FaultStore::new(Arc::clone(&store));
    let chances = Chances {
        unavailable: 0.1,
        lost_request: 0.2,
        lost_answer: 0.2,
        ..Chances::default()
    };
    faulty.plan().randomly(7, chances);
    for n in 0..50 {
        let mark = format!("mark{n:02}");
        loop {
            let Ok(seen) = faulty.get_many(&p, &[key(&mark), key("counter")]).await else {
                continue;
            };
            if seen[0].is_some() {
                break;
            }
            let counter = seen[1].as_ref().unwrap();
            let writes = vec![
                create(&mark, n),
                replace("counter", read_number(counter) + 1, &counter.etag),
            ];
            match faulty.commit(&p, writes).await {
                Ok(_) => break,
                Err(StoreError::OutcomeUnknown { .. } | StoreError::Unavailable { .. }) => {}
                Err(error) => panic!("nobody else writes here: {error}"),
            }
        }
    }
    assert!(faulty.plan().injected() > 10);
    assert_eq!(number_at(&*store, &p, "counter").await, Some(50));
}

/// A dropped commit may happen or not, but not in half, and does no harm to those after it.
pub async fn a_commit_that_nobody_waits_for_happens_whole_or_not_at_all(store: Arc<dyn Store>) {
    let p = partition("dropped");
    for n in 0..40 {
        let writes = vec![create(&format!("a{n:02}"), n), create(&format!("b{n:02}"), n)];
        let mut commit = store.commit(&p, writes);
        // Once before it was polled at all, else after one poll or after a moment.
        match n % 3 {
            0 => {}
            1 => drop(futures::poll!(&mut commit)),
            _ => drop(tokio::time::timeout(Duration::from_micros(100), &mut commit).await),
        }
        drop(commit);
        store.commit(&p, vec![put("other", n)]).await.unwrap();
    }
    // Long enough for what is still on its way, and then it stays as it is.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let names = all_names(&*store, &p).await;
    for n in 0..40 {
        let there = |letter: &str| names.contains(&format!("{letter}{n:02}"));
        assert_eq!(there("a"), there("b"), "half of commit {n} is there");
    }
    assert_eq!(number_at(&*store, &p, "other").await, Some(39));
    let page = store.scan(&p, &KeyRange::all(), 1000).await.unwrap();
    assert_eq!(page.rows.len(), names.len());
}
