//! What became of a node: pages, deleted nodes, and what callers of a subtree see.

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_domain::Scope;
use uuid::Uuid;

use crate::past::whole_history;
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
