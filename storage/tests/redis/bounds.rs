//! What bounds the cache, and what is counted of it.

use std::sync::Arc;

use bytes::Bytes;
use cadastre_storage::{
    CACHE_VALUE_BYTES, Fault, FaultCache, Gate, Kind, Op, RedisCache, RedisOptions, Rule, SharedCache,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use redis::AsyncCommands as _;

use crate::server::*;

#[tokio::test]
async fn everything_goes_after_its_time() {
    let (_, shared) = cache_at(&shared_url()).await;
    let mut other = stranger(&shared_url()).await;
    for (kind, minutes) in [
        (Kind::Definitions, 15),
        (Kind::ResolvedTags, 15),
        (Kind::Accounts, 15),
        (Kind::Spaces, 60),
    ] {
        let key = shared.key(kind, &[b"one"]);
        shared
            .keep(kind, vec![(key.clone(), Bytes::from_static(b"value"))])
            .await;
        let left: i64 = other.pttl(key.as_str()).await.unwrap();
        assert!(left > 0 && left <= minutes * 60_000, "{kind:?}: {left} ms");
        assert!(key.as_str().len() < 100);
    }
}

#[tokio::test]
async fn a_value_of_the_greatest_size_is_kept_and_a_larger_one_is_not() {
    let (_, shared) = cache_at(&shared_url()).await;
    let sealed = 32;
    for (size, is_kept) in [
        (CACHE_VALUE_BYTES - sealed, true),
        (CACHE_VALUE_BYTES - sealed + 1, false),
    ] {
        let key = shared.key(Kind::Spaces, &[&size.to_be_bytes()]);
        let value = Bytes::from(vec![b'x'; size]);
        shared
            .keep(Kind::Spaces, vec![(key.clone(), value.clone())])
            .await;
        let found = shared.read_one(Kind::Spaces, &key).await;
        assert_eq!(found, is_kept.then_some(value));
    }
}

#[tokio::test]
async fn fills_wait_for_nobody_and_too_many_at_once_are_dropped() {
    let redis = RedisCache::connect(&shared_url(), patient()).unwrap();
    until(&redis, true).await;
    let faults = FaultCache::new(Arc::new(redis));
    let plan = faults.plan();
    let shared = SharedCache::new(Arc::new(faults), &rand::random::<[u8; 32]>());
    let gate = Gate::new();
    plan.inject(Rule::always(Op::CachePut, Fault::Hold(gate.clone())));
    let key = |at: u32| shared.key(Kind::Accounts, &[&at.to_be_bytes()]);
    for at in 0..100 {
        shared.fill(Kind::Accounts, vec![(key(at), Bytes::from_static(b"value"))]);
    }
    gate.reached_by(64).await;
    assert_eq!(plan.count(Op::CachePut), 64);
    gate.release();
    let first: Vec<_> = (0..64).map(key).collect();
    eventually("all that were under way are kept", async || {
        !shared.read(Kind::Accounts, &first).await.contains(&None)
    })
    .await;
    assert_eq!(shared.read_one(Kind::Accounts, &key(64)).await, None);
    // And there is room again.
    plan.clear();
    shared.fill(Kind::Accounts, vec![(key(64), Bytes::from_static(b"value"))]);
    eventually("one more is kept", async || {
        shared.read_one(Kind::Accounts, &key(64)).await.is_some()
    })
    .await;
}

#[test]
fn hits_misses_refusals_and_failures_are_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // One thread, so that everything happens where the recorder is.
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let mut server = Server::start().await;
            let (redis, shared) = cache_at(&server.url()).await;
            assert!(page.render().contains("cadastre_cache_available 1"));
            keep(&shared, &[b"one"], b"value").await;
            read(&shared, &[b"one"]).await.unwrap();
            assert_eq!(read(&shared, &[b"two"]).await, None);
            let name = shared.key(Kind::Accounts, &[b"one"]);
            let mut other = stranger(&server.url()).await;
            other.set::<_, _, ()>(name.as_str(), "rubbish").await.unwrap();
            assert_eq!(read(&shared, &[b"one"]).await, None);
            server.kill();
            until(&redis, false).await;
            assert_eq!(read(&shared, &[b"one"]).await, None);
        });
    });
    let page = page.render();
    for line in [
        r#"cadastre_cache_reads_total{kind="accounts",outcome="hit"} 1"#,
        r#"cadastre_cache_reads_total{kind="accounts",outcome="miss"} 1"#,
        r#"cadastre_cache_reads_total{kind="accounts",outcome="refused"} 1"#,
        r#"cadastre_cache_reads_total{kind="accounts",outcome="unavailable"} 1"#,
        r#"cadastre_cache_fills_total{kind="accounts",outcome="sent"} 1"#,
        r#"cadastre_cache_failures_total{operation="get"}"#,
        "cadastre_cache_available 0",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn a_url_that_names_no_redis_is_refused() {
    for url in [
        "",
        "127.0.0.1:6379",
        "http://127.0.0.1",
        "redis://",
        "rediss://host/#insecure",
        "redis://host/x",
    ] {
        let refused = RedisCache::connect(url, RedisOptions::default());
        assert!(refused.is_err(), "{url}");
    }
    let secret = RedisCache::connect("redis://ada:hunter2@127.0.0.1:1/x", RedisOptions::default());
    assert!(!secret.unwrap_err().to_string().contains("hunter2"));
    let shown = RedisCache::connect("redis://ada:hunter2@127.0.0.1:1/1", RedisOptions::default()).unwrap();
    assert!(!format!("{shown:?}").contains("hunter2"), "{shown:?}");
}
