//! The embedded store without anything above it: what a durable commit costs on this disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cadastre_storage::{PartitionKey, RocksStore, RowKey, Store as _, Write};

use crate::Outcome;
use crate::load::Load;
use crate::numbers::Latencies;

/// Rows of one commit: as many as one creation of a node without tags writes.
pub(crate) const ROWS: usize = 5;
const VALUE_BYTES: usize = 220;

/// A store of its own.
#[derive(Debug)]
pub(crate) struct RawStore {
    store: Arc<RocksStore>,
    next: Arc<AtomicU64>,
}

impl RawStore {
    pub(crate) fn open(directory: &Path) -> Outcome<Self> {
        Ok(Self {
            store: Arc::new(RocksStore::open(directory)?),
            next: Arc::default(),
        })
    }

    /// Commits small batches, one after the other per client.
    pub(crate) async fn run(&self, clients: usize, time: Duration) -> Outcome<Load> {
        let started = Instant::now();
        let deadline = started + time;
        let mut tasks = Vec::new();
        for number in 0..clients {
            let (store, next) = (Arc::clone(&self.store), Arc::clone(&self.next));
            tasks.push(tokio::spawn(async move {
                client(&store, &next, number, deadline).await
            }));
        }
        let mut all = Load::default();
        for task in tasks {
            all.latencies.append(task.await??);
        }
        all.elapsed = started.elapsed();
        Ok(all)
    }

    /// Commits `nodes` times `rows` rows, so many nodes in each commit, one commit after the other; nodes per second.
    pub(crate) async fn load(&self, nodes: usize, together: usize, rows: usize) -> Outcome<f64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let partition = PartitionKey::new(format!("load_{number}"))?;
        let value = Bytes::from(format!(r#"{{"Text":"{}"}}"#, "x".repeat(VALUE_BYTES)));
        let started = Instant::now();
        for first in (0..nodes).step_by(together) {
            let writes = (first..nodes.min(first + together))
                .flat_map(|node| (0..rows).map(move |row| (node, row)))
                .map(|(node, row)| {
                    Ok(Write::Put {
                        key: RowKey::new(format!("{row}_{node:016x}"))?,
                        value: value.clone(),
                    })
                })
                .collect::<Outcome<Vec<_>>>()?;
            self.store.commit(&partition, writes).await?;
        }
        Ok(nodes as f64 / started.elapsed().as_secs_f64())
    }

    pub(crate) async fn close(&self) {
        self.store.close().await;
    }
}

async fn client(
    store: &RocksStore,
    next: &AtomicU64,
    number: usize,
    deadline: Instant,
) -> Outcome<Latencies> {
    let partition = PartitionKey::new(format!("client_{number}"))?;
    let value = Bytes::from(format!(r#"{{"Text":"{}"}}"#, "x".repeat(VALUE_BYTES)));
    let mut latencies = Latencies::default();
    while Instant::now() < deadline {
        let commit = next.fetch_add(1, Ordering::Relaxed);
        let writes = (0..ROWS)
            .map(|row| {
                Ok(Write::Create {
                    key: RowKey::new(format!("{row}_{commit:016x}"))?,
                    value: value.clone(),
                })
            })
            .collect::<Outcome<Vec<_>>>()?;
        let begun = Instant::now();
        store.commit(&partition, writes).await?;
        latencies.push(begun.elapsed());
    }
    Ok(latencies)
}
