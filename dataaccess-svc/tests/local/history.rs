//! What became of a node: pages, deleted nodes, and what callers of a subtree see.

use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::Clock as _;
use cadastre_domain::Scope;
use cadastre_storage::{MemoryStore, PartitionKey, RowKey, Store, Write};
use uuid::Uuid;

use crate::past::{HandClock, node_at, open_at, whole_history};
use crate::support::*;

fn retag(id: Uuid, pairs: &[(&str, &str)], description: &str) -> SpaceCommand {
    SpaceCommand::UpdateNode {
        id,
        tags: tags(pairs),
        description: Some(description.to_owned()),
    }
}

fn versions(entries: &[HistoryEntry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.version).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_node_keeps_its_history_under_its_id_and_its_prefix() {
    let access = memory().await;
    let access = access.as_ref();
    let space = new_space(access, "s").await;
    define(access, space, definition("A")).await;
    let first = node_of(run(access, space, create("10.0.0.0/8", &[])).await.unwrap());
    run(access, space, retag(first.id, &[("A", "x")], "one"))
        .await
        .unwrap();
    run(access, space, SpaceCommand::DeleteNode { id: first.id })
        .await
        .unwrap();
    let second = node_of(run(access, space, create("10.0.0.0/8", &[])).await.unwrap());
    let of = async |of: NodeRef, limit| {
        whole_history(access, &context(), space, &of, limit)
            .await
            .unwrap()
    };
    for limit in [1, 2, 100] {
        let gone = of(NodeRef::Id(first.id), limit).await;
        assert_eq!(versions(&gone), [4, 3, 2]);
        assert_eq!(
            (
                gone[0].command.as_str(),
                gone[0].actor.as_deref(),
                gone[0].correlation_id.as_deref()
            ),
            ("DeleteNode", Some("tester"), Some("test"))
        );
        let before = gone[0].before.as_ref().unwrap();
        assert_eq!(
            (before.description.as_str(), &before.tags),
            ("one", &tags(&[("A", "x")]))
        );
        assert!(gone[0].after.is_none() && gone[2].before.is_none());
        assert_eq!(versions(&of(NodeRef::Id(second.id), limit).await), [5]);
        assert_eq!(
            versions(&of(NodeRef::Prefix(prefix("10.0.0.0/8")), limit).await),
            [5, 4, 3, 2]
        );
        assert!(of(NodeRef::Prefix(prefix("10.0.0.0/9")), limit).await.is_empty());
    }
    let unknown = whole_history(access, &context(), space, &NodeRef::Id(Uuid::now_v7()), 5).await;
    assert_eq!(unknown.unwrap_err().code, ErrorCode::NotFound);
    let foreign = HistoryQuery {
        space,
        of: NodeRef::Id(first.id),
        page: PageRequest {
            limit: 1,
            after: Some("nonsense".to_owned()),
        },
    };
    let error = access.node_history(&context(), foreign).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidCursor);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_removal_hands_down_is_in_the_history_of_the_child() {
    let access = memory().await;
    let access = access.as_ref();
    let space = new_space(access, "s").await;
    define(access, space, definition("A")).await;
    let top = node_of(
        run(access, space, create("10.0.0.0/8", &[("A", "x")]))
            .await
            .unwrap(),
    );
    let child = node_of(run(access, space, create("10.1.0.0/16", &[])).await.unwrap());
    run(access, space, SpaceCommand::DeleteNode { id: top.id })
        .await
        .unwrap();
    let entries = whole_history(access, &context(), space, &NodeRef::Id(child.id), 10)
        .await
        .unwrap();
    assert_eq!(
        entries[0].command, "DeleteNode",
        "the command was about another node"
    );
    assert_eq!(entries[0].after.as_ref().unwrap().tags, tags(&[("A", "x")]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn above_the_scope_only_prefix_and_tags_are_told_and_beside_it_nothing() {
    let access = memory().await;
    let access = access.as_ref();
    let space = new_space(access, "s").await;
    define(access, space, definition("A")).await;
    let top = node_of(run(access, space, create("10.0.0.0/8", &[])).await.unwrap());
    let beside = node_of(run(access, space, create("10.2.0.0/16", &[])).await.unwrap());
    let inside = node_of(run(access, space, create("10.1.0.0/16", &[])).await.unwrap());
    for id in [top.id, beside.id, inside.id] {
        run(access, space, retag(id, &[], "secret")).await.unwrap();
        run(access, space, retag(id, &[("A", "x")], "secret"))
            .await
            .unwrap();
    }
    let narrowed = scoped(Scope::within([prefix("10.1.0.0/16")]));
    let of = async |of: NodeRef| whole_history(access, &narrowed, space, &of, 10).await;
    let inside = of(NodeRef::Id(inside.id)).await.unwrap();
    assert_eq!(inside.len(), 3);
    assert!(
        inside
            .iter()
            .all(|entry| entry.actor.is_some() && entry.correlation_id.is_some())
    );
    let above = of(NodeRef::Id(top.id)).await.unwrap();
    assert_eq!(
        versions(&above),
        [6, 2],
        "a change of the description alone does not show"
    );
    for entry in &above {
        assert!(entry.actor.is_none() && entry.correlation_id.is_none());
        let states = entry.before.iter().chain(&entry.after);
        assert!(states.into_iter().all(|state| state.description.is_empty()));
    }
    assert_eq!(
        of(NodeRef::Id(beside.id)).await.unwrap_err().code,
        ErrorCode::NotFound
    );
    assert!(of(NodeRef::Prefix(beside.prefix)).await.unwrap().is_empty());
}

/// Moves a node by hand, as one command that changes its prefix would.
async fn move_by_hand(store: &dyn Store, space: Uuid, node: &NodeView, to: &str, keys: (&str, &str)) {
    let partition = PartitionKey::new(space.to_string()).unwrap();
    let text = async |key: &str| {
        let row = store
            .get(&partition, &RowKey::new(key).unwrap())
            .await
            .unwrap()
            .unwrap();
        String::from_utf8(row.value.to_vec()).unwrap()
    };
    let head = text("head").await;
    let version: u64 = head
        .split("\"Version\":")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .unwrap()
        .parse()
        .unwrap();
    let next = version + 1;
    let before = text(&format!("n_{}", keys.0)).await;
    let after = before.replace(&node.prefix.to_string(), to);
    let time = node.modified;
    let entry = format!(
        "{{\"V\":1,\"CommitId\":\"{}\",\"Entry\":{{\"Version\":{next},\"Time\":\"{time}\",\"Actor\":\"a\",\
         \"CorrelationId\":\"c\",\"Command\":\"Move\",\"Changes\":[{{\"Node\":{{\"before\":{before},\"after\":{after}}}}}]}}}}",
        Uuid::nil()
    );
    let state = |node: &str| format!("{{\"V\":1,\"Time\":\"{time}\",\"Node\":{node}}}");
    let put = |key: String, value: String| Write::Put {
        key: RowKey::new(key).unwrap(),
        value: value.into(),
    };
    let id_row = format!("{{\"V\":1,\"Prefix\":\"{to}\"}}");
    let writes = vec![
        put(
            "head".to_owned(),
            head.replacen(
                &format!("\"Version\":{version}"),
                &format!("\"Version\":{next}"),
                1,
            ),
        ),
        put(format!("j_{next:016x}"), entry),
        put(format!("h_{}_{:016x}", keys.0, !next), state("null")),
        put(format!("h_{}_{:016x}", keys.1, !next), state(&after)),
        put(format!("n_{}", keys.1), after.clone()),
        put(format!("i_{}", node.id.simple()), id_row),
        Write::Delete {
            key: RowKey::new(format!("n_{}", keys.0)).unwrap(),
        },
    ];
    store.commit(&partition, writes).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_came_from_another_prefix_is_followed_there() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let clock = Arc::new(HandClock::default());
    let access = open_at(Arc::clone(&store), &clock).await;
    let space = new_space(access.as_ref(), "s").await;
    let made = node_of(
        run(access.as_ref(), space, create("10.0.0.0/8", &[]))
            .await
            .unwrap(),
    );
    clock.advance(10);
    run(access.as_ref(), space, retag(made.id, &[], "one"))
        .await
        .unwrap();
    let before_the_move = clock.now();
    clock.advance(10);
    let last = run(access.as_ref(), space, retag(made.id, &[], "two"))
        .await
        .unwrap();
    access.shutdown().await;
    clock.advance(10);
    let (there, back) = (("40a00000008", "40a00000007"), ("40a00000007", "40a00000008"));
    move_by_hand(store.as_ref(), space, &node_of(last.clone()), "10.0.0.0/7", there).await;
    let moved = NodeView {
        prefix: prefix("10.0.0.0/7"),
        ..node_of(last)
    };
    move_by_hand(store.as_ref(), space, &moved, "10.0.0.0/8", back).await;
    move_by_hand(
        store.as_ref(),
        space,
        &NodeView {
            prefix: prefix("10.0.0.0/8"),
            ..moved
        },
        "10.0.0.0/7",
        there,
    )
    .await;

    let access = open_at(store, &clock).await;
    let access = access.as_ref();
    for limit in [1, 2, 100] {
        let entries = whole_history(access, &context(), space, &NodeRef::Id(made.id), limit)
            .await
            .unwrap();
        assert_eq!(versions(&entries), [6, 5, 4, 3, 2, 1], "{limit}");
        assert_eq!(entries[0].before.as_ref().unwrap().prefix, prefix("10.0.0.0/8"));
        assert_eq!(entries[0].after.as_ref().unwrap().prefix, prefix("10.0.0.0/7"));
    }
    for (at, text, description) in [
        (made.created, "10.0.0.0/8", ""),
        (before_the_move, "10.0.0.0/8", "one"),
        (clock.now(), "10.0.0.0/7", "two"),
    ] {
        let found = node_at(access, &context(), space, NodeRef::Id(made.id), at)
            .await
            .unwrap();
        assert_eq!(
            (found.prefix, found.description.as_str()),
            (prefix(text), description)
        );
    }
    let early = made.created - jiff::ToSpan::microsecond(1);
    let nowhere = node_at(access, &context(), space, NodeRef::Id(made.id), early).await;
    assert_eq!(nowhere.unwrap_err().code, ErrorCode::NotFound);
}
