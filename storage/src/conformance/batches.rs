//! Batches: all or nothing, within limits.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    all_names, assert_changed, assert_exists, assert_invalid, commit_one, create, delete, delete_if, key,
    number, number_at, partition, put, replace,
};
use crate::contract::{Etag, Store, Write};

/// Each kind of write in one batch; etags come in the order of the writes.
pub async fn a_batch_does_every_kind_of_write_in_order(store: Arc<dyn Store>) {
    let p = partition("batch");
    let old = store
        .commit(&p, ["b", "d", "e"].map(|name| put(name, 1)).to_vec())
        .await
        .unwrap();
    let etags = store
        .commit(
            &p,
            vec![
                delete("e"),
                replace("b", 2, &old[0]),
                create("a", 2),
                delete_if("d", &old[1]),
                put("c", 2),
            ],
        )
        .await
        .unwrap();
    assert_eq!(all_names(&*store, &p).await, ["a", "b", "c"]);
    let empty = Etag(Bytes::new());
    assert_eq!((&etags[0], &etags[3], etags.len()), (&empty, &empty, 5));
    for (name, etag) in [("b", &etags[1]), ("a", &etags[2]), ("c", &etags[4])] {
        let row = store.get(&p, &key(name)).await.unwrap().unwrap();
        assert_eq!((&row.etag, &row.value), (etag, &number(2)), "{name}");
    }
}

/// First, in the middle or last: nothing of the batch is there.
pub async fn one_failing_precondition_anywhere_sinks_the_batch(store: Arc<dyn Store>) {
    let p = partition("sink");
    let stale = commit_one(&*store, &p, put("x", 1)).await;
    let kept = commit_one(&*store, &p, put("x", 2)).await;
    let victim = commit_one(&*store, &p, put("victim", 1)).await;
    for failing in [
        create("x", 9),
        replace("x", 9, &stale),
        delete_if("x", &stale),
        replace("nix", 9, &stale),
    ] {
        for at in 0..4 {
            let mut writes = vec![
                create("a", 9),
                replace("victim", 9, &victim),
                put("b", 9),
                delete_if("x2", &victim),
            ];
            writes.truncate(3);
            writes.insert(at, failing.clone());
            let result = store.commit(&p, writes).await;
            match &failing {
                Write::Create { .. } => assert_exists(result, "x"),
                Write::Replace { .. } | Write::Put { .. } | Write::DeleteIf { .. } | Write::Delete { .. } => {
                    assert_changed(result, failing.key().as_str());
                }
            }
            assert_eq!(
                all_names(&*store, &p).await,
                ["victim", "x"],
                "{failing:?} at {at}"
            );
            assert_eq!(store.get(&p, &key("x")).await.unwrap().unwrap().etag, kept);
            assert_eq!(store.get(&p, &key("victim")).await.unwrap().unwrap().etag, victim);
        }
    }
}

/// Whatever the two writes are.
pub async fn a_key_twice_in_a_batch_is_refused(store: Arc<dyn Store>) {
    let p = partition("twice");
    let etag = commit_one(&*store, &p, put("a", 1)).await;
    for twice in [
        vec![put("b", 2), put("b", 2)],
        vec![put("a", 2), put("c", 2), delete("a")],
        vec![delete_if("a", &etag), create("a", 2)],
        vec![delete("d"), delete("d")],
    ] {
        assert_invalid(store.commit(&p, twice).await);
        assert_eq!(all_names(&*store, &p).await, ["a"]);
        assert_eq!(number_at(&*store, &p, "a").await, Some(1));
    }
}

/// No writes are no error.
pub async fn an_empty_batch_does_nothing(store: Arc<dyn Store>) {
    let p = partition("empty");
    assert_eq!(store.commit(&p, vec![]).await.unwrap(), vec![]);
    assert_eq!(all_names(&*store, &p).await, Vec::<String>::new());
}

/// `limits().batch_rows` rows at once, or none of them.
pub async fn a_batch_of_the_largest_size_is_atomic(store: Arc<dyn Store>) {
    let p = partition("largest");
    let rows = store.limits().batch_rows;
    let mut writes: Vec<Write> = (0..rows - 1).map(|n| create(&format!("r{n:05}"), 1)).collect();
    commit_one(&*store, &p, put("z", 1)).await;
    writes.push(create("z", 2));
    assert_exists(store.commit(&p, writes.clone()).await, "z");
    assert_eq!(all_names(&*store, &p).await, ["z"]);
    writes.pop();
    writes.push(put("z", 2));
    assert_eq!(store.commit(&p, writes).await.unwrap().len(), rows);
    assert_eq!(all_names(&*store, &p).await.len(), rows);
    assert_eq!(number_at(&*store, &p, "z").await, Some(2));
}

/// One row too many, one byte too many in a value, too many bytes in all.
pub async fn what_is_over_the_limits_is_refused(store: Arc<dyn Store>) {
    let p = partition("limits");
    let limits = store.limits();
    assert!(
        limits.batch_rows >= 100 && limits.value_bytes > 1000 && limits.batch_bytes >= limits.value_bytes
    );
    let many = (0..=limits.batch_rows)
        .map(|n| put(&format!("r{n:05}"), 1))
        .collect();
    assert_invalid(store.commit(&p, many).await);

    let sized = |size: usize| {
        let filler = "x".repeat(size - r#"{"f":""}"#.len());
        Bytes::from(format!(r#"{{"f":"{filler}"}}"#))
    };
    let large = Write::Put {
        key: key("large"),
        value: sized(limits.value_bytes + 1),
    };
    assert_invalid(store.commit(&p, vec![put("a", 1), large]).await);

    let value = sized(limits.value_bytes);
    let count = limits.batch_bytes / limits.value_bytes + 1;
    let heavy = (0..count)
        .map(|n| Write::Put {
            key: key(&format!("h{n}")),
            value: value.clone(),
        })
        .collect();
    assert_invalid(store.commit(&p, heavy).await);
    assert_eq!(all_names(&*store, &p).await, Vec::<String>::new());
}

/// A backend with columns could not store it.
pub async fn a_value_that_is_no_object_is_refused(store: Arc<dyn Store>) {
    let p = partition("object");
    for value in ["", "1", "[1]", "\"x\"", "{"] {
        let write = Write::Put {
            key: key("a"),
            value: Bytes::from_static(value.as_bytes()),
        };
        assert_invalid(store.commit(&p, vec![put("b", 1), write]).await);
    }
    assert_eq!(all_names(&*store, &p).await, Vec::<String>::new());
}
