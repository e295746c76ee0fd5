//! Ordered reads: scans, their pages and bounds, and the search backwards.

use std::sync::Arc;

use bytes::Bytes;

use super::{all_names, assert_invalid, commit_one, delete, key, names, object, partition, put};
use crate::contract::{KeyRange, Store, Write};
use crate::error::StoreError;
use crate::key::PartitionKey;

async fn fill(store: &dyn Store, p: &PartitionKey, names: &[&str]) {
    store
        .commit(p, names.iter().map(|name| put(name, 1)).collect())
        .await
        .unwrap();
}

/// Bytes decide the order; the start is in, the end is not; both may be keys that do not exist.
pub async fn a_scan_is_in_order_and_bounded(store: Arc<dyn Store>) {
    let p = partition("scan");
    let sorted = [
        "-", ".", "0", "1", "10", "9", "A", "Z", "_", "a", "a.", "aa", "ab", "b", "~", "~~",
    ];
    let mut shuffled = sorted;
    shuffled.reverse();
    shuffled.swap(2, 9);
    fill(&*store, &p, &shuffled).await;
    assert_eq!(all_names(&*store, &p).await, sorted);
    for (start, end) in [
        ("-", "~"),
        ("1", "a"),
        ("a", "b"),
        ("0x", "a5"),
        ("a", "a-"),
        ("~~", "~~~"),
    ] {
        let range = KeyRange::between(key(start), key(end));
        let expected: Vec<&str> = sorted.into_iter().filter(|k| (start..end).contains(k)).collect();
        assert_eq!(names(&*store, &p, &range, 3).await, expected, "{start} .. {end}");
    }
    let tail = KeyRange::starting_at(key("ab"));
    assert_eq!(names(&*store, &p, &tail, 1000).await, ["ab", "b", "~", "~~"]);
    let head = KeyRange {
        start: None,
        end: Some(key("1")),
    };
    assert_eq!(names(&*store, &p, &head, 1000).await, ["-", ".", "0"]);
}

/// Whatever the size of the pages.
pub async fn a_scan_across_pages_sees_every_row_once(store: Arc<dyn Store>) {
    let p = partition("pages");
    let expected: Vec<String> = (0..250).map(|n| format!("r{n:04}")).collect();
    for chunk in expected.chunks(store.limits().batch_rows) {
        store
            .commit(&p, chunk.iter().map(|name| put(name, 1)).collect())
            .await
            .unwrap();
    }
    for limit in [1, 7, 100, 249, 250, 251, 5000] {
        assert_eq!(
            names(&*store, &p, &KeyRange::all(), limit).await,
            expected,
            "limit {limit}"
        );
    }
}

/// Empty and reversed ranges have no rows; a limit of zero is a fault.
pub async fn a_scan_with_odd_bounds_is_empty(store: Arc<dyn Store>) {
    let p = partition("odd");
    fill(&*store, &p, &["a", "b", "c"]).await;
    for (start, end) in [("b", "b"), ("c", "a"), ("aa", "ab"), ("d", "e")] {
        let page = store
            .scan(&p, &KeyRange::between(key(start), key(end)), 10)
            .await
            .unwrap();
        assert!(
            page.rows.is_empty() && page.next.is_none(),
            "{start} .. {end}: {page:?}"
        );
    }
    assert_invalid(store.scan(&p, &KeyRange::all(), 0).await);
}

/// Pages may end early for their bytes, and always get on.
pub async fn a_scan_of_large_rows_gets_through(store: Arc<dyn Store>) {
    let p = partition("large-rows");
    let mut fields = serde_json::Map::new();
    for n in 0..10 {
        fields.insert(format!("f{n}"), "x".repeat(30_000).into());
    }
    let value: Bytes = object(&fields.into());
    let expected: Vec<String> = (0..40).map(|n| format!("r{n:02}")).collect();
    for name in &expected {
        commit_one(
            &*store,
            &p,
            Write::Put {
                key: key(name),
                value: value.clone(),
            },
        )
        .await;
    }
    assert_eq!(names(&*store, &p, &KeyRange::all(), 1000).await, expected);
}

/// Rows that are there all the time come exactly once, whatever others do between two pages.
pub async fn a_cursor_survives_inserts_and_deletions(store: Arc<dyn Store>) {
    let p = partition("cursor");
    let mut steady = Vec::new();
    for n in 0..60 {
        fill(&*store, &p, &[&format!("r{n:03}")]).await;
        if n % 3 != 0 {
            steady.push(format!("r{n:03}"));
        }
    }
    let (mut range, mut seen, mut turn) = (KeyRange::all(), Vec::new(), 0);
    loop {
        let page = store.scan(&p, &range, 7).await.unwrap();
        seen.extend(page.rows.iter().map(|row| row.key.as_str().to_owned()));
        let Some(next) = page.next else { break };
        // What is deleted may be the very row that the cursor names.
        if next
            .as_str()
            .get(1..4)
            .and_then(|n| n.parse::<u32>().ok())
            .is_some_and(|n| n % 3 == 0)
        {
            commit_one(&*store, &p, delete(next.as_str())).await;
        }
        commit_one(&*store, &p, delete(&format!("r{:03}", turn * 3))).await;
        commit_one(&*store, &p, put(&format!("r{:03}-new", turn * 5), 1)).await;
        commit_one(&*store, &p, put(&format!("{}-", next.as_str()), 1)).await;
        range.start = Some(next);
        turn += 1;
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "out of order or twice: {seen:?}");
    seen.retain(|name| steady.contains(name));
    assert_eq!(seen, steady);
}

/// `KeyRange::with_prefix` on stored rows.
pub async fn prefixes_select_their_rows(store: Arc<dyn Store>) {
    let p = partition("prefix");
    let all = [
        "m~", "n", "n-", "n_", "n_-", "n_a", "n_~", "n_~~", "n_~~~", "na", "na_", "o", "~", "~~", "~~z",
    ];
    fill(&*store, &p, &all).await;
    for prefix in ["", "n", "n_", "n_~", "na", "~", "~~", "m", "zz"] {
        let expected: Vec<&str> = all.into_iter().filter(|name| name.starts_with(prefix)).collect();
        let range = KeyRange::with_prefix(prefix).unwrap();
        assert_eq!(names(&*store, &p, &range, 2).await, expected, "{prefix:?}");
    }
}

/// Also partitions whose names begin alike.
pub async fn partitions_do_not_see_each_other(store: Arc<dyn Store>) {
    let base = partition("iso");
    let others = ["", "-", ".", "0", "_", "a", "aa", "~", "~~"]
        .map(|tail| PartitionKey::new(format!("{}{tail}", base.as_str())).unwrap());
    for (n, p) in others.iter().enumerate() {
        let writes = ["-", "a", "~"].map(|name| put(name, n as u64)).to_vec();
        store.commit(p, writes).await.unwrap();
    }
    commit_one(&*store, &others[4], delete("a")).await;
    for (n, p) in others.iter().enumerate() {
        let page = store.scan(p, &KeyRange::all(), 100).await.unwrap();
        let found: Vec<(&str, u64)> = page
            .rows
            .iter()
            .map(|row| (row.key.as_str(), super::read_number(row)))
            .collect();
        let n64 = n as u64;
        let expected = if n == 4 {
            vec![("-", n64), ("~", n64)]
        } else {
            vec![("-", n64), ("a", n64), ("~", n64)]
        };
        assert_eq!(found, expected, "{p}");
    }
}

/// The greatest key in `floor ..= key`, or `Unsupported` where `limits()` says so.
pub async fn last_at_or_before_finds_the_greatest(store: Arc<dyn Store>) {
    let p = partition("last");
    let all = ["a", "ab", "b", "d", "d-", "~"];
    fill(&*store, &p, &all).await;
    let probes = [
        "-", "a", "aa", "ab", "abc", "b", "c", "d", "d-", "d.", "e", "~", "~~",
    ];
    for at in probes {
        for floor in probes {
            let found = store.last_at_or_before(&p, &key(at), &key(floor)).await;
            if !store.limits().backwards {
                assert!(matches!(found, Err(StoreError::Unsupported { .. })), "{found:?}");
                continue;
            }
            let found = found.unwrap().map(|row| row.key.as_str().to_owned());
            let expected = all.into_iter().rfind(|name| *name >= floor && *name <= at);
            assert_eq!(found.as_deref(), expected, "{floor} ..= {at}");
        }
    }
}

/// Neighbouring partitions have neighbouring rows in an ordered store.
pub async fn last_at_or_before_stays_in_its_partition(store: Arc<dyn Store>) {
    if !store.limits().backwards {
        return;
    }
    let base = partition("last-border");
    let [before, p, after] =
        ["a", "b", "b-"].map(|tail| PartitionKey::new(format!("{}{tail}", base.as_str())).unwrap());
    fill(&*store, &before, &["a", "z", "~"]).await;
    fill(&*store, &after, &["-", "a"]).await;
    assert_eq!(
        store.last_at_or_before(&p, &key("~"), &key("-")).await.unwrap(),
        None
    );
    fill(&*store, &p, &["m"]).await;
    assert_eq!(
        store.last_at_or_before(&p, &key("a"), &key("-")).await.unwrap(),
        None
    );
    let found = store.last_at_or_before(&p, &key("~~"), &key("-")).await.unwrap();
    assert_eq!(found.unwrap().key, key("m"));
}
