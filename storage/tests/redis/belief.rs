//! What is believed of what Redis says.

use bytes::Bytes;
use cadastre_storage::{Kind, RedisCache, SharedCache};
use redis::AsyncCommands as _;
use std::sync::Arc;

use crate::server::*;

/// A value in Redis, its name, and a connection that can change it behind the cache's back.
async fn kept() -> (SharedCache, String, redis::aio::MultiplexedConnection) {
    let (_, shared) = cache_at(&shared_url()).await;
    keep(&shared, &[b"one"], b"the value").await;
    let name = shared.key(Kind::Accounts, &[b"one"]).as_str().to_owned();
    assert_eq!(read(&shared, &[b"one"]).await.unwrap(), "the value");
    (shared, name, stranger(&shared_url()).await)
}

#[tokio::test]
async fn values_come_back_in_the_order_that_they_are_asked_for() {
    let (_, shared) = cache_at(&shared_url()).await;
    keep(&shared, &[b"one"], b"1").await;
    keep(&shared, &[b"three"], b"3").await;
    let keys = [b"three".as_slice(), b"two", b"one"].map(|part| shared.key(Kind::Accounts, &[part]));
    let found = shared.read(Kind::Accounts, &keys).await;
    assert_eq!(
        found,
        [
            Some(Bytes::from_static(b"3")),
            None,
            Some(Bytes::from_static(b"1"))
        ]
    );
}

#[tokio::test]
async fn no_rubbish_is_believed() {
    let (shared, name, mut other) = kept().await;
    let genuine: Vec<u8> = other.get(&name).await.unwrap();
    let mut turned = genuine.clone();
    *turned.last_mut().unwrap() ^= 1;
    let mut forged = genuine.clone();
    forged.truncate(32);
    forged.extend_from_slice(b"a value that looks like one");
    for rubbish in [
        Vec::new(),
        b"rubbish".to_vec(),
        vec![0; 100_000],
        genuine[..genuine.len() - 1].to_vec(),
        genuine[..32].to_vec(),
        turned,
        forged,
    ] {
        other.set::<_, _, ()>(&name, rubbish).await.unwrap();
        assert_eq!(read(&shared, &[b"one"]).await, None);
    }
    other.del::<_, ()>(&name).await.unwrap();
    other.lpush::<_, _, ()>(&name, "a list").await.unwrap();
    assert_eq!(read(&shared, &[b"one"]).await, None);
    other.del::<_, ()>(&name).await.unwrap();
    other.set::<_, _, ()>(&name, genuine).await.unwrap();
    assert_eq!(read(&shared, &[b"one"]).await.unwrap(), "the value");
}

#[tokio::test]
async fn a_genuine_value_under_another_name_is_not_believed() {
    let (shared, name, mut other) = kept().await;
    let genuine: Vec<u8> = other.get(&name).await.unwrap();
    let elsewhere = shared.key(Kind::Accounts, &[b"two"]);
    other.set::<_, _, ()>(elsewhere.as_str(), genuine).await.unwrap();
    assert_eq!(read(&shared, &[b"two"]).await, None);
}

#[tokio::test]
async fn who_has_another_secret_neither_sees_nor_makes_what_is_believed() {
    let url = shared_url();
    let redis = RedisCache::connect(&url, patient()).unwrap();
    until(&redis, true).await;
    let [ours, theirs] = [1_u8, 2].map(|at| SharedCache::new(Arc::new(redis.clone()), &[at; 32]));
    keep(&theirs, &[b"one"], b"theirs").await;
    assert_eq!(read(&ours, &[b"one"]).await, None);
    // Under our name, with their seal.
    let mut other = stranger(&url).await;
    let sealed: Vec<u8> = other
        .get(theirs.key(Kind::Accounts, &[b"one"]).as_str())
        .await
        .unwrap();
    let name = ours.key(Kind::Accounts, &[b"one"]);
    other.set::<_, _, ()>(name.as_str(), sealed).await.unwrap();
    assert_eq!(read(&ours, &[b"one"]).await, None);
}
