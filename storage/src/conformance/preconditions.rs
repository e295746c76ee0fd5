//! Every precondition, met and not met; one that is not met leaves nothing behind.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    assert_changed, assert_exists, commit_one, create, delete, delete_if, number_at, partition, put, replace,
};
use crate::contract::{Etag, Store};

/// `Create` on a row that is there is `Exists`, and the row stays what it was.
pub async fn create_refuses_an_existing_row(store: Arc<dyn Store>) {
    let p = partition("create");
    let etag = commit_one(&*store, &p, create("a", 1)).await;
    assert_exists(store.commit(&p, vec![create("a", 2)]).await, "a");
    assert_eq!(number_at(&*store, &p, "a").await, Some(1));
    commit_one(&*store, &p, replace("a", 3, &etag)).await;
}

/// `Replace` with an old etag is `Changed`.
pub async fn replace_refuses_a_changed_row(store: Arc<dyn Store>) {
    let p = partition("replace");
    let old = commit_one(&*store, &p, create("a", 1)).await;
    let new = commit_one(&*store, &p, replace("a", 2, &old)).await;
    assert_changed(store.commit(&p, vec![replace("a", 3, &old)]).await, "a");
    assert_eq!(number_at(&*store, &p, "a").await, Some(2));
    commit_one(&*store, &p, replace("a", 4, &new)).await;
    assert_eq!(number_at(&*store, &p, "a").await, Some(4));
}

/// `Replace` of a row that is gone is `Changed` and does not bring it back.
pub async fn replace_refuses_a_missing_row(store: Arc<dyn Store>) {
    let p = partition("replace-none");
    let etag = commit_one(&*store, &p, create("a", 1)).await;
    commit_one(&*store, &p, delete("a")).await;
    assert_changed(store.commit(&p, vec![replace("a", 2, &etag)]).await, "a");
    assert_eq!(number_at(&*store, &p, "a").await, None);
}

/// `DeleteIf` the same.
pub async fn delete_if_refuses_a_changed_or_missing_row(store: Arc<dyn Store>) {
    let p = partition("delete-if");
    let old = commit_one(&*store, &p, create("a", 1)).await;
    let new = commit_one(&*store, &p, put("a", 2)).await;
    assert_changed(store.commit(&p, vec![delete_if("a", &old)]).await, "a");
    assert_eq!(number_at(&*store, &p, "a").await, Some(2));
    let etag = commit_one(&*store, &p, delete_if("a", &new)).await;
    assert!(etag.0.is_empty());
    assert_eq!(number_at(&*store, &p, "a").await, None);
    assert_changed(store.commit(&p, vec![delete_if("a", &new)]).await, "a");
}

/// An etag that the row never had, the empty one of a deletion above all.
pub async fn an_etag_of_another_row_or_of_nothing_is_refused(store: Arc<dyn Store>) {
    let p = partition("foreign");
    commit_one(&*store, &p, create("a", 1)).await;
    let other = commit_one(&*store, &p, create("b", 1)).await;
    for etag in [other, Etag(Bytes::new()), Etag(Bytes::from_static(b"*"))] {
        assert_changed(store.commit(&p, vec![replace("a", 2, &etag)]).await, "a");
        assert_changed(store.commit(&p, vec![delete_if("a", &etag)]).await, "a");
        assert_changed(store.commit(&p, vec![replace("c", 2, &etag)]).await, "c");
        assert_changed(store.commit(&p, vec![delete_if("c", &etag)]).await, "c");
    }
    assert_eq!(number_at(&*store, &p, "a").await, Some(1));
    assert_eq!(number_at(&*store, &p, "c").await, None);
}

/// A row made anew with the same value is another row.
pub async fn an_etag_does_not_come_back_after_deletion(store: Arc<dyn Store>) {
    let p = partition("aba");
    let first = commit_one(&*store, &p, create("a", 1)).await;
    commit_one(&*store, &p, delete("a")).await;
    let second = commit_one(&*store, &p, create("a", 1)).await;
    assert_ne!(first, second);
    assert_changed(store.commit(&p, vec![replace("a", 2, &first)]).await, "a");
}
