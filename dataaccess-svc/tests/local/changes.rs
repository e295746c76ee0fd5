//! The journal as a feed: in order, every command once, clipped, from any position, and waited for.

use std::sync::Arc;
use std::time::Duration;

use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Scope;
use cadastre_storage::{MemoryStore, PartitionKey, Row, RowKey, Store, Write};
use uuid::Uuid;

use crate::past::node_at;
use crate::support::*;

async fn changes(
    access: &dyn DataAccess,
    context: &CallContext,
    space: Uuid,
    since: Since,
    limit: usize,
) -> Result<ChangesPage, ApiError> {
    let query = ChangesQuery { space, since, limit };
    access.changes(context, query).await
}

/// Everything behind a position, and the version that it reaches.
async fn follow(
    access: &dyn DataAccess,
    context: &CallContext,
    space: Uuid,
    mut since: Since,
    limit: usize,
) -> (Vec<JournalView>, u64) {
    let mut out = Vec::new();
    loop {
        let page = changes(access, context, space, since, limit).await.unwrap();
        assert!(page.items.len() <= limit);
        out.extend(page.items);
        if page.reached.version == page.head {
            return (out, page.head);
        }
        since = Since::Mark(page.reached);
    }
}

fn versions(items: &[JournalView]) -> Vec<u64> {
    items.iter().map(|item| item.version).collect()
}

/// Rewrites rows of a space by hand.
async fn rewrite(store: &dyn Store, space: Uuid, key: &str, change: impl Fn(String) -> String) {
    let partition = PartitionKey::new(space.to_string()).unwrap();
    let key = RowKey::new(key).unwrap();
    let Row { value, .. } = store.get(&partition, &key).await.unwrap().unwrap();
    let text = change(String::from_utf8(value.to_vec()).unwrap());
    let write = Write::Put {
        key,
        value: text.into(),
    };
    store.commit(&partition, vec![write]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_is_there_once_and_in_order_however_large() {
    let access = memory().await;
    let access = access.as_ref();
    let space = new_space(access, "s").await;
    define(access, space, definition("A")).await;
    for round in 0..6 {
        let mut large = definition("A");
        // Goes into chunk rows of the journal.
        large.description = format!("{round}");
        large.known_values = (0..3_000).map(|n| value(&format!("value-{n}-{round}"))).collect();
        let update = SpaceCommand::UpdateTag { definition: large };
        run(access, space, update).await.unwrap();
        run(access, space, create(&format!("10.{round}.0.0/16"), &[]))
            .await
            .unwrap();
    }
    let all: Vec<u64> = (1..=13).collect();
    for limit in [1, 2, 5, 1000] {
        let (items, head) = follow(access, &context(), space, Since::Beginning, limit).await;
        assert_eq!((versions(&items), head), (all.clone(), 13), "{limit}");
        assert!(items.is_sorted_by_key(|item| item.time));
        let (items, _) = follow(access, &context(), space, Since::Version(7), limit).await;
        assert_eq!(versions(&items), all[7..], "{limit}");
    }
    let (items, _) = follow(access, &context(), space, Since::Beginning, 100).await;
    assert_eq!(items[1].command, "UpdateTag");
    let Some(ThingState::Tag(tag)) = &items[1].changes[0].after else {
        panic!("a tag");
    };
    assert_eq!(tag.definition.known_values.len(), 3_000);
    let now = changes(access, &context(), space, Since::Now, 10).await.unwrap();
    assert!(now.items.is_empty() && now.reached.version == 13);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subtree_s_caller_sees_what_changed_in_it_and_positions_advance_over_the_rest() {
    let access = memory().await;
    let access = access.as_ref();
    let space = new_space(access, "s").await;
    define(access, space, definition("A")).await;
    let top = node_of(
        run(access, space, create("10.0.0.0/8", &[("A", "x")]))
            .await
            .unwrap(),
    );
    run(access, space, create("10.1.0.0/16", &[])).await.unwrap();
    for n in 0..40 {
        run(access, space, create(&format!("10.2.{n}.0/24"), &[]))
            .await
            .unwrap();
    }
    run(access, space, SpaceCommand::DeleteNode { id: top.id })
        .await
        .unwrap();
    let narrowed = scoped(Scope::within([prefix("10.1.0.0/16")]));
    let (items, head) = follow(access, &narrowed, space, Since::Beginning, 2).await;
    assert_eq!((versions(&items), head), (vec![1, 3, 44], 44));
    // The removal handed its tag to a node inside and to forty beside it: only the one is told.
    assert_eq!(items[2].changes.len(), 1);
    let Some(ThingState::Node(node)) = &items[2].changes[0].after else {
        panic!("a node");
    };
    assert_eq!(node.prefix, prefix("10.1.0.0/16"));
    let (all, _) = follow(access, &context(), space, Since::Version(43), 2).await;
    assert_eq!(all[0].changes.len(), 42);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pruned_ahead_or_of_another_life_is_gone() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    let space = new_space(access.as_ref(), "s").await;
    let mut made = Vec::new();
    for n in 0..9 {
        made.push(node_of(
            run(access.as_ref(), space, create(&format!("10.{n}.0.0/16"), &[]))
                .await
                .unwrap(),
        ));
    }
    let code = async |access: &dyn DataAccess, since| {
        changes(access, &context(), space, since, 10)
            .await
            .unwrap_err()
            .code
    };
    assert_eq!(code(access.as_ref(), Since::Version(10)).await, ErrorCode::Gone);
    let now = changes(access.as_ref(), &context(), space, Since::Now, 1)
        .await
        .unwrap()
        .reached;
    let other = JournalMark {
        incarnation: Uuid::new_v4(),
        version: 3,
    };
    assert_eq!(code(access.as_ref(), Since::Mark(other)).await, ErrorCode::Gone);
    assert!(
        changes(access.as_ref(), &context(), space, Since::Mark(now), 1)
            .await
            .is_ok()
    );
    access.shutdown().await;

    // As retention will leave it.
    rewrite(store.as_ref(), space, "head", |text| {
        text.replacen("\"V\":1", "\"V\":1,\"Pruned\":4", 1)
    })
    .await;
    let access = open(Arc::clone(&store)).await;
    let access = access.as_ref();
    assert_eq!(code(access, Since::Version(3)).await, ErrorCode::Gone);
    let (items, _) = follow(access, &context(), space, Since::Version(4), 2).await;
    assert_eq!(versions(&items), [5, 6, 7, 8, 9]);
    let (items, _) = follow(access, &context(), space, Since::Beginning, 2).await;
    assert_eq!(versions(&items), [5, 6, 7, 8, 9]);
    let first = NodeRef::Id(made[0].id);
    let error = node_at(access, &context(), space, first.clone(), made[2].created).await;
    assert_eq!(error.unwrap_err().code, ErrorCode::Gone);
    let kept = node_at(access, &context(), space, first, made[5].created).await;
    assert_eq!(kept.unwrap().id, made[0].id);
    // What is left of the past keeps its head when the space goes on.
    run(access, space, create("11.0.0.0/8", &[])).await.unwrap();
    assert_eq!(code(access, Since::Version(3)).await, ErrorCode::Gone);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_in_the_journal_is_reported_and_not_skipped() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    let space = new_space(access.as_ref(), "s").await;
    for n in 0..5 {
        run(access.as_ref(), space, create(&format!("10.{n}.0.0/16"), &[]))
            .await
            .unwrap();
    }
    for missing in [3_u64, 5] {
        let partition = PartitionKey::new(space.to_string()).unwrap();
        let key = RowKey::new(format!("j_{missing:016x}")).unwrap();
        store
            .commit(&partition, vec![Write::Delete { key }])
            .await
            .unwrap();
        let error = changes(access.as_ref(), &context(), space, Since::Beginning, 100).await;
        assert_eq!(error.unwrap_err().code, ErrorCode::StoreCorrupt);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_of_the_past_are_found_without_the_links_of_newer_rows_too() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    let space = new_space(access.as_ref(), "s").await;
    define(access.as_ref(), space, definition("Region")).await;
    define(
        access.as_ref(),
        space,
        implying("Site", &[("Region", &[("a", "east")])]),
    )
    .await;
    let node = node_of(
        run(access.as_ref(), space, create("10.0.0.0/8", &[("Site", "a")]))
            .await
            .unwrap(),
    );
    for region in ["west", "north"] {
        run(
            access.as_ref(),
            space,
            create(&format!("{}.0.0.0/8", region.len() + 10), &[]),
        )
        .await
        .unwrap();
        let definition = implying("Site", &[("Region", &[("a", region)])]);
        run(access.as_ref(), space, SpaceCommand::UpdateTag { definition })
            .await
            .unwrap();
    }
    let region = async || {
        let found = node_at(
            access.as_ref(),
            &context(),
            space,
            NodeRef::Id(node.id),
            node.created,
        )
        .await;
        found.unwrap().resolved[&tag("Region")].to_string()
    };
    assert_eq!(region().await, "east");
    for version in [1_u64, 2, 5, 7] {
        let key = format!("j_{version:016x}");
        rewrite(store.as_ref(), space, &key, |text| {
            let at = text.find(",\"previous\":").unwrap();
            let end = at + text[at..].find('}').unwrap();
            format!("{}{}", &text[..at], &text[end..])
        })
        .await;
    }
    assert_eq!(region().await, "east");
}

async fn wait(
    access: &dyn DataAccess,
    space: Uuid,
    above: JournalMark,
    at_most_ms: u64,
) -> Result<JournalMark, ApiError> {
    let query = WaitQuery {
        space,
        above,
        at_most_ms,
    };
    tokio::time::timeout(Duration::from_secs(30), access.wait_for_change(&context(), query))
        .await
        .expect("a wait that ends")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_ends_with_the_next_command_or_when_time_is_up() {
    let access = memory().await;
    let space = new_space(access.as_ref(), "s").await;
    let start = changes(access.as_ref(), &context(), space, Since::Now, 1)
        .await
        .unwrap()
        .reached;
    assert_eq!(wait(access.as_ref(), space, start, 20).await.unwrap(), start);
    let waiting = {
        let access = Arc::clone(&access);
        tokio::spawn(async move { wait(access.as_ref(), space, start, 20_000).await })
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    run(access.as_ref(), space, create("10.0.0.0/8", &[]))
        .await
        .unwrap();
    let woken = waiting.await.unwrap().unwrap();
    assert_eq!(woken.version, 1);
    // What has passed already is not waited for.
    assert_eq!(wait(access.as_ref(), space, start, 20_000).await.unwrap(), woken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_notices_what_another_process_commits_to_the_same_store() {
    let store = Arc::new(Shaped::shared(Arc::new(MemoryStore::new())));
    let here = open(store.clone()).await;
    let space = new_space(here.as_ref(), "s").await;
    let there = open(store).await;
    let start = changes(here.as_ref(), &context(), space, Since::Now, 1)
        .await
        .unwrap()
        .reached;
    let waiting = {
        let here = Arc::clone(&here);
        tokio::spawn(async move { wait(here.as_ref(), space, start, 20_000).await })
    };
    run(there.as_ref(), space, create("10.0.0.0/8", &[]))
        .await
        .unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().version, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_and_a_space_that_is_deleted_end_a_wait() {
    let access = memory().await;
    let space = new_space(access.as_ref(), "s").await;
    let start = changes(access.as_ref(), &context(), space, Since::Now, 1)
        .await
        .unwrap()
        .reached;
    let waiting = || {
        let access = Arc::clone(&access);
        tokio::spawn(async move { wait(access.as_ref(), space, start, 20_000).await })
    };
    let first = waiting();
    tokio::time::sleep(Duration::from_millis(20)).await;
    delete_space(access.as_ref(), space).await.unwrap();
    assert_eq!(first.await.unwrap().unwrap_err().code, ErrorCode::NotFound);

    let space = new_space(access.as_ref(), "t").await;
    let start = changes(access.as_ref(), &context(), space, Since::Now, 1)
        .await
        .unwrap()
        .reached;
    let second = {
        let access = Arc::clone(&access);
        tokio::spawn(async move { wait(access.as_ref(), space, start, 20_000).await })
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    access.end_waits();
    let error = second.await.unwrap().unwrap_err();
    assert_eq!((error.code, error.retry_after), (ErrorCode::Overloaded, Some(1)));
    // Commands are still taken.
    run(access.as_ref(), space, create("10.0.0.0/8", &[]))
        .await
        .unwrap();
}
