//! What a durable commit costs, next to what RocksDB itself costs in the same run: only the ratio means
//! something on another machine. A commit has three rows, as an allocation does.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    missing_docs,
    reason = "a benchmark"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cadastre_storage::{KeyRange, PartitionKey, RocksStore, RowKey, Store, Write};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rocksdb::{DB, WriteBatch, WriteOptions};
use tokio::runtime::Runtime;

const ROWS: usize = 3;

fn value() -> Bytes {
    Bytes::from(format!(r#"{{"x":"{}"}}"#, "v".repeat(210)))
}

fn partition() -> PartitionKey {
    PartitionKey::new("p").unwrap()
}

fn writes(client: usize, n: u64) -> Vec<Write> {
    let value = value();
    let key = |part| RowKey::new(format!("c{client:03}_{n:010}_{part}")).unwrap();
    // As in an allocation: two rows that must be new, one that is written over.
    let rewritten = RowKey::new(format!("c{client:03}_counter")).unwrap();
    vec![
        Write::Create {
            key: key(0),
            value: value.clone(),
        },
        Write::Create {
            key: key(1),
            value: value.clone(),
        },
        Write::Put {
            key: rewritten,
            value,
        },
    ]
}

/// `total` commits by `clients` tasks.
fn commits(runtime: &Runtime, store: &Arc<RocksStore>, clients: usize, round: u64, total: u64) -> Duration {
    let each = total.div_ceil(clients as u64);
    let start = Instant::now();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..clients)
            .map(|client| {
                let store = Arc::clone(store);
                tokio::spawn(async move {
                    for n in 0..each {
                        store
                            .commit(&partition(), writes(client, (round << 24) | n))
                            .await
                            .unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    start
        .elapsed()
        .mul_f64(total as f64 / (each * clients as u64) as f64)
}

/// The same rows straight into RocksDB: `group` commits per synced batch, one thread.
fn raw(db: &DB, group: u64, round: u64, total: u64) -> Duration {
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    let value = value();
    let start = Instant::now();
    let batches = total.div_ceil(group);
    for batch_number in 0..batches {
        let mut batch = WriteBatch::default();
        for row in 0..group * ROWS as u64 {
            batch.put(format!("p_c{round:06}_{batch_number:010}_{row}"), &value);
        }
        db.write_opt(batch, &synced).unwrap();
    }
    start.elapsed().mul_f64(total as f64 / (batches * group) as f64)
}

fn commit(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut group = c.benchmark_group("commit");
    group
        .throughput(Throughput::Elements(1))
        .sample_size(20)
        .measurement_time(Duration::from_secs(4));
    let mut round = 0;
    for clients in [1, 64] {
        let dir = tempfile::tempdir().unwrap();
        let db = DB::open_default(dir.path()).unwrap();
        group.bench_function(format!("rocksdb alone, {clients} per batch"), |b| {
            b.iter_custom(|total| {
                round += 1;
                raw(&db, clients, round, total)
            });
        });
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(RocksStore::open(dir.path()).unwrap());
        group.bench_function(format!("store, {clients} clients"), |b| {
            b.iter_custom(|total| {
                round += 1;
                commits(&runtime, &store, clients as usize, round, total)
            });
        });
        let stats = store.commit_stats();
        let per_group = stats.commits as f64 / stats.groups as f64;
        eprintln!("{clients} clients: {per_group:.1} commits per sync");
    }
    group.finish();
}

fn read(c: &mut Criterion) {
    const STORED: u64 = 200_000;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let store = RocksStore::open(dir.path()).unwrap();
    let p = partition();
    let key = |n: u64| RowKey::new(format!("r{n:010}")).unwrap();
    for start in (0..STORED).step_by(4000) {
        let rows = (start..start + 4000)
            .map(|n| Write::Put {
                key: key(n),
                value: value(),
            })
            .collect();
        runtime.block_on(store.commit(&p, rows)).unwrap();
    }
    let mut group = c.benchmark_group("read");
    group.bench_function("get", |b| {
        b.iter(|| {
            runtime
                .block_on(store.get(&p, &key(rand::random_range(0..STORED))))
                .unwrap()
                .unwrap()
        });
    });
    group.bench_function("get_many, 33 keys", |b| {
        b.iter(|| {
            let keys: Vec<RowKey> = (0..33).map(|_| key(rand::random_range(0..2 * STORED))).collect();
            black_box(runtime.block_on(store.get_many(&p, &keys)).unwrap())
        });
    });
    group.bench_function("last_at_or_before", |b| {
        b.iter(|| {
            let at = key(rand::random_range(0..STORED));
            runtime
                .block_on(store.last_at_or_before(&p, &at, &key(0)))
                .unwrap()
                .unwrap()
        });
    });
    group.throughput(Throughput::Elements(1000));
    group.bench_function("scan, 1,000 rows", |b| {
        b.iter(|| {
            let range = KeyRange::starting_at(key(rand::random_range(0..STORED - 1000)));
            let page = runtime.block_on(store.scan(&p, &range, 1000)).unwrap();
            assert_eq!(page.rows.len(), 1000);
            page
        });
    });
}

criterion_group!(benches, commit, read);
criterion_main!(benches);
