//! Redis away, slow, empty or not letting us in: everything is a miss then, nobody waits long, and it is used again afterwards.

use std::sync::Arc;
use std::time::Duration;

use cadastre_storage::{RedisCache, RedisOptions, SharedCache};

use crate::server::*;

#[tokio::test]
async fn what_was_never_there_is_a_miss_and_is_used_once_it_comes() {
    let mut server = Server::start().await;
    server.kill();
    let redis = RedisCache::connect(&server.url(), patient()).unwrap();
    let shared = SharedCache::new(Arc::new(redis.clone()), b"a secret of this test");
    for _ in 0..10 {
        keep(&shared, &[b"one"], b"value").await;
        assert_eq!(read(&shared, &[b"one"]).await, None);
    }
    assert!(!redis.is_available());
    server.start_again().await;
    until(&redis, true).await;
    keep(&shared, &[b"one"], b"value").await;
    assert_eq!(read(&shared, &[b"one"]).await.unwrap(), "value");
}

#[tokio::test]
async fn killed_in_the_middle_and_started_again() {
    let mut server = Server::start().await;
    let (redis, shared) = cache_at(&server.url()).await;
    for _ in 0..3 {
        keep(&shared, &[b"one"], b"value").await;
        assert_eq!(read(&shared, &[b"one"]).await.unwrap(), "value");
        server.kill();
        assert_eq!(read(&shared, &[b"one"]).await, None);
        until(&redis, false).await;
        server.start_again().await;
        until(&redis, true).await;
        assert_eq!(
            read(&shared, &[b"one"]).await,
            None,
            "it has forgotten everything"
        );
    }
}

#[tokio::test]
async fn a_redis_that_hangs_is_left_alone_after_a_few_tries_and_used_again_when_it_wakes() {
    let server = Server::start().await;
    let options = RedisOptions {
        answer: Duration::from_millis(200),
        connection: Duration::from_secs(10),
    };
    let redis = RedisCache::connect(&server.url(), options).unwrap();
    until(&redis, true).await;
    let shared = SharedCache::new(Arc::new(redis.clone()), b"a secret of this test");
    server.signal("STOP");
    for _ in 0..3 {
        assert_eq!(read(&shared, &[b"one"]).await, None);
    }
    assert!(!redis.is_available(), "nobody waits for it any more");
    server.signal("CONT");
    until(&redis, true).await;
    keep(&shared, &[b"one"], b"value").await;
}

#[tokio::test]
async fn a_redis_that_is_flushed_at_any_moment_only_forgets() {
    let server = Server::start().await;
    let (_, shared) = cache_at(&server.url()).await;
    let mut other = stranger(&server.url()).await;
    let flush = redis::cmd("FLUSHALL");
    for _ in 0..20 {
        keep(&shared, &[b"one"], b"value").await;
        let (found, flushed) = tokio::join!(read(&shared, &[b"one"]), flush.exec_async(&mut other));
        flushed.unwrap();
        assert!(found.is_none_or(|found| found == "value"));
        assert_eq!(read(&shared, &[b"one"]).await, None);
    }
}

#[tokio::test]
async fn a_full_redis_is_still_read() {
    let server = Server::start().await;
    let (redis, shared) = cache_at(&server.url()).await;
    keep(&shared, &[b"one"], b"value").await;
    let mut other = stranger(&server.url()).await;
    let limit = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1").clone();
    limit.exec_async(&mut other).await.unwrap();
    for _ in 0..10 {
        keep(&shared, &[b"two"], b"value").await;
    }
    assert!(redis.is_available());
    assert_eq!(read(&shared, &[b"one"]).await.unwrap(), "value");
    assert_eq!(read(&shared, &[b"two"]).await, None);
}

#[tokio::test]
async fn a_redis_that_asks_for_another_password_is_never_used_and_with_the_right_one_it_is() {
    let server = Server::start().await;
    let mut other = stranger(&server.url()).await;
    let lock = redis::cmd("CONFIG")
        .arg("SET")
        .arg("requirepass")
        .arg("hunter2")
        .clone();
    lock.exec_async(&mut other).await.unwrap();
    for (login, works) in [("", false), (":wrong@", false), (":hunter2@", true)] {
        let url = server.url().replace("redis://", &format!("redis://{login}"));
        let redis = RedisCache::connect(&url, patient()).unwrap();
        if works {
            until(&redis, true).await;
        } else {
            let shared = SharedCache::new(Arc::new(redis.clone()), b"a secret of this test");
            keep(&shared, &[b"one"], b"value").await;
            assert_eq!(read(&shared, &[b"one"]).await, None);
        }
    }
}
