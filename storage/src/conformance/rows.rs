//! Single rows: what is written is what is read.

use std::collections::HashMap;
use std::sync::Arc;

use super::{all_names, commit_one, create, delete, key, number, number_at, object, partition, put, replace};
use crate::contract::{Etag, Row, Store, Write};
use crate::key::{MAX_KEY_LEN, PartitionKey, RowKey};

/// `get` gives key, value and the etag that the commit gave.
pub async fn a_row_is_what_was_written(store: Arc<dyn Store>) {
    let p = partition("crud");
    let etag = commit_one(&*store, &p, create("a", 1)).await;
    let expected = Row {
        key: key("a"),
        value: number(1),
        etag,
    };
    assert_eq!(store.get(&p, &key("a")).await.unwrap(), Some(expected.clone()));
    assert_eq!(
        store.get_many(&p, &[key("a")]).await.unwrap(),
        vec![Some(expected)]
    );
}

/// No row and no partition are `None`, not an error.
pub async fn a_row_that_was_never_written_is_none(store: Arc<dyn Store>) {
    let p = partition("none");
    assert_eq!(store.get(&p, &key("a")).await.unwrap(), None);
    assert_eq!(
        store.get_many(&p, &[key("a"), key("b")]).await.unwrap(),
        vec![None, None]
    );
    assert_eq!(all_names(&*store, &p).await, Vec::<String>::new());
    commit_one(&*store, &p, create("ab", 1)).await;
    for other in ["a", "abc", "b"] {
        assert_eq!(store.get(&p, &key(other)).await.unwrap(), None, "{other}");
    }
}

/// `Put` asks for nothing.
pub async fn putting_replaces_and_creates(store: Arc<dyn Store>) {
    let p = partition("put");
    commit_one(&*store, &p, put("a", 1)).await;
    assert_eq!(number_at(&*store, &p, "a").await, Some(1));
    let etag = commit_one(&*store, &p, put("a", 2)).await;
    assert_eq!(number_at(&*store, &p, "a").await, Some(2));
    commit_one(&*store, &p, replace("a", 3, &etag)).await;
    assert_eq!(number_at(&*store, &p, "a").await, Some(3));
}

/// `Delete` asks for nothing and answers with an empty etag.
pub async fn deleting_takes_the_row_away_and_may_be_repeated(store: Arc<dyn Store>) {
    let p = partition("delete");
    commit_one(&*store, &p, put("a", 1)).await;
    for _ in 0..2 {
        let etag = commit_one(&*store, &p, delete("a")).await;
        assert!(etag.0.is_empty(), "a deletion has no etag");
        assert_eq!(number_at(&*store, &p, "a").await, None);
    }
    commit_one(&*store, &p, create("a", 2)).await;
    assert_eq!(number_at(&*store, &p, "a").await, Some(2));
}

/// Also when the value stays the same.
pub async fn every_write_gives_a_new_etag(store: Arc<dyn Store>) {
    let p = partition("etags");
    let mut seen = vec![commit_one(&*store, &p, create("a", 1)).await];
    for _ in 0..10 {
        let last = seen.last().unwrap().clone();
        let next = [put("a", 1), replace("a", 1, &last)][seen.len() % 2].clone();
        let etag = commit_one(&*store, &p, next).await;
        assert!(!etag.0.is_empty());
        assert!(!seen.contains(&etag), "the etag {etag:?} came twice");
        assert_eq!(store.get(&p, &key("a")).await.unwrap().unwrap().etag, etag);
        seen.push(etag);
    }
}

/// Under writers that race, whoever sees an etag twice sees the same value twice.
pub async fn an_equal_etag_means_an_equal_value(store: Arc<dyn Store>) {
    let p = partition("etag-value");
    let writers = (0..4u64).map(|w| {
        let (store, p) = (Arc::clone(&store), p.clone());
        tokio::spawn(async move {
            for n in 0..25 {
                store.commit(&p, vec![put("a", w * 1000 + n)]).await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut values: HashMap<Etag, bytes::Bytes> = HashMap::new();
    while writers.iter().any(|writer| !writer.is_finished()) {
        if let Some(row) = store.get(&p, &key("a")).await.unwrap() {
            let known = values.entry(row.etag).or_insert_with(|| row.value.clone());
            assert_eq!(*known, row.value);
        }
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

/// An object of exactly `limits().value_bytes`, in fields of less than 32 Ki characters, as Azure has it.
pub async fn a_value_of_the_largest_size_comes_back_whole(store: Arc<dyn Store>) {
    let p = partition("large");
    let size = store.limits().value_bytes;
    let mut fields = serde_json::Map::new();
    let mut text = String::new();
    while text.len() + 40_000 < size {
        fields.insert(format!("f{:04}", fields.len()), "x".repeat(30_000).into());
        text = serde_json::Value::Object(fields.clone()).to_string();
    }
    let missing = size - text.len() - r#","last":"""#.len();
    fields.insert("last".into(), "y".repeat(missing).into());
    let value = object(&fields.into());
    assert_eq!(value.len(), size);
    commit_one(
        &*store,
        &p,
        Write::Put {
            key: key("a"),
            value: value.clone(),
        },
    )
    .await;
    assert_eq!(store.get(&p, &key("a")).await.unwrap().unwrap().value, value);
}

/// Text outside of ASCII and outside of the basic plane, escapes, quotes, deep nesting, large numbers.
pub async fn values_keep_every_unicode_character(store: Arc<dyn Store>) {
    let p = partition("unicode");
    let value = serde_json::json!({
        "straße": "Zürich – 東京 – עברית – 𝔘𝔫𝔦 – 👩‍👩‍👧",
        "control": "\u{0}\u{1}\t\n\r\u{7f}\u{2028}\u{feff}",
        "quotes": "'\"\\/ <&>",
        "nested": { "": [null, true, -1, 1.5, { "k": [] }] },
        "large": u64::MAX,
    });
    commit_one(
        &*store,
        &p,
        Write::Put {
            key: key("a"),
            value: object(&value),
        },
    )
    .await;
    let row = store.get(&p, &key("a")).await.unwrap().unwrap();
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&row.value).unwrap(),
        value
    );
}

/// Keys of the full length, of every legal character.
pub async fn longest_keys_work(store: Arc<dyn Store>) {
    let legal = "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
    let tail: String = legal.chars().rev().cycle().take(MAX_KEY_LEN - 16).collect();
    let p = PartitionKey::new(format!("{:016x}{tail}", rand::random::<u64>())).unwrap();
    let long: String = legal.chars().cycle().take(MAX_KEY_LEN).collect();
    let longest = RowKey::new(&long).unwrap();
    commit_one(
        &*store,
        &p,
        Write::Create {
            key: longest.clone(),
            value: number(1),
        },
    )
    .await;
    commit_one(&*store, &p, create(&long[..MAX_KEY_LEN - 1], 2)).await;
    assert_eq!(store.get(&p, &longest).await.unwrap().unwrap().value, number(1));
    assert_eq!(all_names(&*store, &p).await, [&long[..MAX_KEY_LEN - 1], &long]);
}

/// `get_many`: holes stay holes, a key asked for twice is answered twice, order is the caller's.
pub async fn many_rows_come_in_the_order_asked_for(store: Arc<dyn Store>) {
    let p = partition("many");
    let writes = (0..50).map(|n| put(&format!("r{n:03}"), n)).collect();
    store.commit(&p, writes).await.unwrap();
    let asked: Vec<u64> = [49, 3, 70, 3, 0, 99, 25]
        .into_iter()
        .chain((0..60).rev())
        .collect();
    let keys: Vec<RowKey> = asked.iter().map(|n| key(&format!("r{n:03}"))).collect();
    let rows = store.get_many(&p, &keys).await.unwrap();
    assert_eq!(rows.len(), asked.len());
    for (n, (key, row)) in asked.iter().zip(keys.iter().zip(rows)) {
        match row {
            Some(row) => assert!(*n < 50 && row.key == *key && row.value == number(*n)),
            None => assert!(*n >= 50),
        }
    }
    assert_eq!(store.get_many(&p, &[]).await.unwrap(), vec![]);
}

/// For readiness.
pub async fn the_store_answers_a_ping(store: Arc<dyn Store>) {
    store.ping().await.unwrap();
}
