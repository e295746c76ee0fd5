//! Reading across partitions: all rows in one order, page by page, and as they were at one moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::{commit_one, delete, key, object, partition, put};
use crate::contract::{Place, Store, TablePage, Write};
use crate::error::StoreError;
use crate::key::PartitionKey;

/// Endings of the names of neighbouring partitions, in their order.
const TAILS: [&str; 9] = ["", "-", ".", "0", "A", "_", "a", "aa", "~"];

/// Just before everything of a family of partitions: the table may hold other things.
fn before(base: &PartitionKey) -> Place {
    let mut name = base.as_str().to_owned();
    let last = name.pop().unwrap();
    // The last character is a hexadecimal digit, and one of these sorts before each.
    name.push(if last == '0' { '.' } else { '-' });
    Place {
        partition: PartitionKey::new(format!("{name}~")).unwrap(),
        key: key("~"),
    }
}

fn family(base: &PartitionKey) -> Vec<PartitionKey> {
    TAILS
        .iter()
        .map(|tail| PartitionKey::new(format!("{base}{tail}")).unwrap())
        .collect()
}

/// Reads the rows of a family through pages of at most `limit`, as `partition/key`.
async fn read_family<F>(
    base: &PartitionKey,
    limit: usize,
    read: impl Fn(Option<Place>, usize) -> F,
) -> Vec<(String, String)>
where
    F: Future<Output = Result<TablePage, StoreError>>,
{
    let (mut found, mut after) = (Vec::new(), before(base));
    loop {
        let page = read(Some(after.clone()), limit).await.unwrap();
        assert!(page.rows.len() <= limit, "a page has more rows than asked for");
        let places: Vec<Place> = page
            .rows
            .iter()
            .map(|(partition, row)| Place {
                partition: partition.clone(),
                key: row.key.clone(),
            })
            .collect();
        assert!(
            places.iter().all(|place| *place > after) && places.is_sorted_by(|a, b| a < b),
            "{places:?} behind {after:?}"
        );
        if let Some(next) = &page.next {
            assert_eq!(places.last(), Some(next), "it goes on behind the last row");
        }
        let len = places.len();
        found.extend(
            places
                .into_iter()
                .filter(|place| place.partition.as_str().starts_with(base.as_str()))
                .map(|place| (place.partition.to_string(), place.key.to_string())),
        );
        match page.next {
            Some(next) if next.partition.as_str().starts_with(base.as_str()) => after = next,
            Some(next) => {
                assert!(next > after && len > 0);
                return found;
            }
            None => return found,
        }
    }
}

/// Partitions whose names begin alike and rows of every kind of character, whatever the size of the pages.
pub async fn a_table_scan_sees_every_row_once_and_in_order(store: Arc<dyn Store>) {
    let base = partition("table");
    let keys = ["-", ".", "0", "9", "A", "Z", "_", "a", "aa", "~", "~~"];
    let mut expected = Vec::new();
    for p in family(&base) {
        store
            .commit(&p, keys.iter().map(|name| put(name, 1)).collect())
            .await
            .unwrap();
        expected.extend(keys.iter().map(|name| (p.to_string(), (*name).to_owned())));
    }
    assert!(expected.is_sorted());
    for limit in [1, 10, 11, 12, 1000] {
        let found = read_family(&base, limit, async |after, limit| {
            store.scan_table(after.as_ref(), limit).await
        });
        assert_eq!(found.await, expected, "limit {limit}");
    }
    let nothing = store.scan_table(None, 0).await;
    assert!(matches!(nothing, Err(StoreError::Invalid { .. })), "{nothing:?}");
    let first = store.scan_table(None, 1).await.unwrap();
    assert_eq!(first.rows.len(), 1, "the table is not empty");
}

/// Also one that no row has, or a partition that is not there.
pub async fn a_table_scan_goes_on_behind_any_place(store: Arc<dyn Store>) {
    let base = partition("places");
    let [a, b, c] = ["a", "b", "c"].map(|tail| PartitionKey::new(format!("{base}{tail}")).unwrap());
    for p in [&a, &c] {
        store.commit(p, vec![put("k", 1), put("m", 1)]).await.unwrap();
    }
    for (p, k, expected) in [
        (&a, "a", (&a, "k")),
        (&a, "k", (&a, "m")),
        (&a, "l", (&a, "m")),
        (&a, "m", (&c, "k")),
        (&a, "~", (&c, "k")),
        (&b, "k", (&c, "k")),
        (&c, "k", (&c, "m")),
    ] {
        let after = Place {
            partition: p.clone(),
            key: key(k),
        };
        let page = store.scan_table(Some(&after), 1).await.unwrap();
        let found = page.rows.first().map(|(p, row)| (p, row.key.as_str()));
        assert_eq!(found, Some(expected), "behind {after:?}");
    }
}

/// Pages may end early for their bytes, and always get on.
pub async fn a_table_scan_of_large_rows_gets_through(store: Arc<dyn Store>) {
    let base = partition("table-large");
    let mut fields = serde_json::Map::new();
    for n in 0..10 {
        fields.insert(format!("f{n}"), "x".repeat(30_000).into());
    }
    let value: Bytes = object(&fields.into());
    let mut expected = Vec::new();
    for p in family(&base).iter().take(3) {
        for name in ["a", "b", "c", "d", "e", "f", "g"] {
            let write = Write::Put {
                key: key(name),
                value: value.clone(),
            };
            commit_one(&*store, p, write).await;
            expected.push((p.to_string(), name.to_owned()));
        }
    }
    let found = read_family(&base, 1000, async |after, limit| {
        store.scan_table(after.as_ref(), limit).await
    });
    assert_eq!(found.await, expected);
}

/// Rows that are there all the time come exactly once, whatever others write and delete around them.
pub async fn a_table_scan_beside_writers_misses_nothing_that_stays(store: Arc<dyn Store>) {
    let base = partition("table-race");
    let mut steady = Vec::new();
    for p in family(&base) {
        let names: Vec<String> = (0..20).map(|n| format!("r{n:02}")).collect();
        store
            .commit(&p, names.iter().map(|name| put(name, 1)).collect())
            .await
            .unwrap();
        steady.extend(names.into_iter().map(|name| (p.to_string(), name)));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = family(&base)
        .into_iter()
        .map(|p| {
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    let name = format!("r{:02}-new", n % 20);
                    store.commit(&p, vec![put(&name, n)]).await.unwrap();
                    store
                        .commit(&p, vec![put(&format!("r{:02}", n % 20), n)])
                        .await
                        .unwrap();
                    store.commit(&p, vec![delete(&name)]).await.unwrap();
                    n += 1;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for limit in [3, 20, 1000] {
        let mut found = read_family(&base, limit, async |after, limit| {
            store.scan_table(after.as_ref(), limit).await
        })
        .await;
        found.retain(|(_, name)| !name.ends_with("-new"));
        assert_eq!(found, steady, "limit {limit}");
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

/// Where the backend can keep a moment: nothing that is written later is in it, nor missing.
pub async fn a_snapshot_stays_as_it_was(store: Arc<dyn Store>) {
    let base = partition("moment");
    let [a, b] = ["a", "b"].map(|tail| PartitionKey::new(format!("{base}{tail}")).unwrap());
    store.commit(&a, vec![put("k", 1), put("m", 1)]).await.unwrap();
    store.commit(&b, vec![put("k", 1)]).await.unwrap();
    let Some(snapshot) = store.snapshot().await.unwrap() else {
        return;
    };
    store
        .commit(&a, vec![put("k", 2), delete("m"), put("n", 2)])
        .await
        .unwrap();
    store.commit(&b, vec![delete("k")]).await.unwrap();
    let expected = [(&a, "k"), (&a, "m"), (&b, "k")].map(|(p, k)| (p.to_string(), k.to_owned()));
    for limit in [1, 2, 1000] {
        let found = read_family(&base, limit, async |after, limit| {
            snapshot.scan_table(after.as_ref(), limit).await
        });
        assert_eq!(found.await, expected, "limit {limit}");
    }
    let page = snapshot.scan_table(Some(&before(&base)), 1).await.unwrap();
    assert_eq!(super::read_number(&page.rows[0].1), 1, "the value of then");
    let now = read_family(&base, 1000, async |after, limit| {
        store.scan_table(after.as_ref(), limit).await
    });
    assert_eq!(
        now.await,
        [(a.to_string(), "k".to_owned()), (a.to_string(), "n".to_owned())]
    );
}
