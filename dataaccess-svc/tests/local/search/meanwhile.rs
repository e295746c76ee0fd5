//! A search in spaces that are being written: what it answers is of one moment of each.

use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_storage::{
    Etag, KeyRange, Limits, MemoryStore, Page, PartitionKey, Place, Row, RowKey, Snapshot, Store, StoreError,
    TablePage, Write,
};
use futures::future::BoxFuture;

use super::{all_pages, query, tell};
use crate::support::*;

/// A store in which something happens right behind the first read of a node.
struct Meanwhile {
    inner: MemoryStore,
    hook: parking_lot::Mutex<Option<BoxFuture<'static, ()>>>,
}

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

#[async_trait::async_trait]
impl Store for Meanwhile {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }
    async fn get(&self, partition: &PartitionKey, key: &RowKey) -> Result<Option<Row>, StoreError> {
        let row = self.inner.get(partition, key).await;
        if key.as_str().starts_with("n_") {
            let hook = self.hook.lock().take();
            if let Some(hook) = hook {
                hook.await;
            }
        }
        row
    }
    async fn get_many(
        &self,
        partition: &PartitionKey,
        keys: &[RowKey],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        self.inner.get_many(partition, keys).await
    }
    async fn scan(
        &self,
        partition: &PartitionKey,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.inner.scan(partition, range, limit).await
    }
    async fn last_at_or_before(
        &self,
        partition: &PartitionKey,
        key: &RowKey,
        floor: &RowKey,
    ) -> Result<Option<Row>, StoreError> {
        self.inner.last_at_or_before(partition, key, floor).await
    }
    async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError> {
        self.inner.scan_table(after, limit).await
    }
    async fn snapshot(&self) -> Result<Option<Box<dyn Snapshot>>, StoreError> {
        self.inner.snapshot().await
    }
    async fn commit(&self, partition: &PartitionKey, writes: Vec<Write>) -> Result<Vec<Etag>, StoreError> {
        self.inner.commit(partition, writes).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}

#[tokio::test]
async fn a_space_that_somebody_begins_to_write_is_read_again() {
    let store = Arc::new(Meanwhile {
        inner: MemoryStore::new(),
        hook: parking_lot::Mutex::new(None),
    });
    let access = open(Arc::clone(&store) as Arc<dyn Store>).await;
    let space = new_space(&*access, "x").await;
    let made = run(&*access, space, create("10.0.0.0/16", &[])).await.unwrap();
    let id = node_of(made).id;
    // Nobody has worked with the space yet. The search has seen that there is no node at 10.0.7.7/32 when the one
    // around it moves away from where it would be looked for next.
    let fresh = open(Arc::clone(&store) as Arc<dyn Store>).await;
    let writer = Arc::clone(&fresh);
    let hook = async move {
        let to = NewSize::Length(15);
        run(&*writer, space, SpaceCommand::ResizeNode { id, to })
            .await
            .unwrap();
    };
    *store.hook.lock() = Some(Box::pin(hook));
    let found = tell(&*fresh, query("10.0.7.7", 10)).await;
    assert!(store.hook.lock().is_none(), "it has happened");
    assert_eq!(
        found,
        [("x".to_owned(), "10.0.0.0/15".to_owned(), "Address".to_owned())]
    );
}

#[tokio::test]
async fn a_space_that_is_deleted_while_it_is_read_is_not_found() {
    let store = Arc::new(Meanwhile {
        inner: MemoryStore::new(),
        hook: parking_lot::Mutex::new(None),
    });
    let access = open(Arc::clone(&store) as Arc<dyn Store>).await;
    let space = new_space(&*access, "x").await;
    run(&*access, space, create("10.0.7.7/32", &[])).await.unwrap();
    let fresh = open(Arc::clone(&store) as Arc<dyn Store>).await;
    let deleter = Arc::clone(&fresh);
    *store.hook.lock() = Some(Box::pin(async move {
        delete_space(&*deleter, space).await.unwrap();
    }));
    assert!(tell(&*fresh, query("10.0.7.7", 10)).await.is_empty());
    assert!(store.hook.lock().is_none(), "it has happened");
}

/// While its node is resized to and fro, a space always has a node around an address in it, whether or not anybody worked
/// with the space before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_search_misses_a_node_while_it_is_resized() {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let shared: Arc<dyn Store> = Arc::new(Shaped::shared(Arc::new(MemoryStore::new())));
    for store in [memory, shared] {
        let access = open(Arc::clone(&store)).await;
        let mut nodes = Vec::new();
        for index in 0..20 {
            let space = new_space(&*access, &format!("space {index}")).await;
            let made = run(&*access, space, create("10.0.0.0/16", &[])).await.unwrap();
            nodes.push((space, node_of(made).id));
        }
        for _ in 0..10 {
            // Nobody has worked with the spaces yet.
            let fresh = open(Arc::clone(&store)).await;
            let writer = Arc::clone(&fresh);
            let targets = nodes.clone();
            let writing = tokio::spawn(async move {
                for length in [15, 16] {
                    for (space, id) in &targets {
                        let to = NewSize::Length(length);
                        run(&*writer, *space, SpaceCommand::ResizeNode { id: *id, to })
                            .await
                            .unwrap();
                    }
                }
            });
            let mut rounds = 0;
            while !writing.is_finished() || rounds == 0 {
                rounds += 1;
                match all_pages(&*fresh, query("10.0.7.7", 1000)).await {
                    Ok((found, _)) => assert_eq!(found.len(), nodes.len()),
                    // Where others write the store, a read that meets changes again and again says so.
                    Err(refused) => assert_eq!(refused.code, ErrorCode::Contention),
                }
            }
            writing.await.unwrap();
        }
    }
}
