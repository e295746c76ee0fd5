//! Each kind of change of nodes, taken back and done again.

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_domain::free_space::Strategy;
use uuid::Uuid;

use super::Ground;
use crate::support::*;

/// Takes the last change back, does it again by taking that back, and says whether each state is as it was.
async fn to_and_fro(ground: &Ground, before: &super::State, version: u64) {
    let after = ground.state().await;
    assert_ne!(&after, before);
    let back = ground.revert(version).await.unwrap();
    assert_eq!(&ground.state().await, before);
    assert_eq!(back.version, version + 1);
    let again = ground.revert(back.version).await.unwrap();
    assert_eq!(ground.state().await, after);
    assert_eq!(again.reverts, Some(back.version));
    // What a revert did is the inverse of what the change did.
    let changed = ground.entry(version).await;
    for (one, other) in changed.changes.iter().zip(&back.changes) {
        assert_eq!((&one.before, &one.after), (&other.after, &other.before));
    }
    assert_eq!(again.changes, changed.changes);
}

#[tokio::test]
async fn every_kind_of_change_is_taken_back_and_done_again() {
    let ground = Ground::new().await;
    for name in ["Region", "Owner"] {
        define(ground.access.as_ref(), ground.space, definition(name)).await;
    }
    let mut before = ground.state().await;
    let made = ground.make("10.0.0.0/8", &[("Region", "eu")]).await;
    to_and_fro(&ground, &before, made).await;

    ground.make("10.1.0.0/16", &[]).await;
    ground.make("10.1.1.0/24", &[("Owner", "ops")]).await;
    before = ground.state().await;
    let changed = ground
        .retag("10.0.0.0/8", &[("Region", "us"), ("Owner", "net")])
        .await;
    to_and_fro(&ground, &before, changed).await;

    // Removing it sets its tags on its child; taking that back takes them off again.
    before = ground.state().await;
    let removed = ground.delete("10.0.0.0/8").await;
    assert!(ground.state().await.nodes[&prefix("10.1.0.0/16")].tags.len() == 2);
    to_and_fro(&ground, &before, removed).await;

    before = ground.state().await;
    let wanted = Wanted {
        prefix_length: 26,
        count: 3,
        strategy: Strategy::LowestFree,
        seed: 0,
        include_edges: false,
        tags: tags(&[("Owner", "dev")]),
        description: "three".to_owned(),
    };
    let from = AllocateFrom::Node(ground.id("10.1.0.0/16").await);
    let taken = ground.done(SpaceCommand::Allocate { from, wanted }).await;
    to_and_fro(&ground, &before, taken).await;

    before = ground.state().await;
    let split = SpaceCommand::SplitNode {
        id: ground.id("10.1.1.0/24").await,
        prefix_length: 26,
        first_id: Uuid::now_v7(),
        tags: tags(&[]),
        description: "quarter".to_owned(),
    };
    let split = ground.done(split).await;
    to_and_fro(&ground, &before, split).await;

    before = ground.state().await;
    let mut ids = Vec::new();
    for quarter in ["10.1.1.0/26", "10.1.1.64/26"] {
        ids.push(ground.id(quarter).await);
    }
    let merged_id = Uuid::now_v7();
    let merged = ground.done(SpaceCommand::MergeNodes { ids, merged_id }).await;
    to_and_fro(&ground, &before, merged).await;

    before = ground.state().await;
    let grown = ground.resize("10.1.0.0/16", "10.0.0.0/15").await;
    to_and_fro(&ground, &before, grown).await;
    before = ground.state().await;
    let shrunk = ground.resize("10.0.0.0/15", "10.1.0.0/16").await;
    to_and_fro(&ground, &before, shrunk).await;
}

#[tokio::test]
async fn a_change_after_its_revert_gives_the_same_state_again() {
    let ground = Ground::new().await;
    define(ground.access.as_ref(), ground.space, definition("Region")).await;
    let command = create("10.0.0.0/8", &[("Region", "eu")]);
    let made = ground.done(command.clone()).await;
    let first = ground.state().await;
    ground.revert(made).await.unwrap();
    ground.done(command).await;
    let mut second = ground.state().await;
    for (prefix, node) in &mut second.nodes {
        node.created = first.nodes[prefix].created;
    }
    assert_eq!(second, first);
}

#[tokio::test]
async fn the_history_of_a_node_goes_on_through_its_end_and_return() {
    let ground = Ground::new().await;
    let made = ground.make("10.0.0.0/8", &[]).await;
    let id = ground.id("10.0.0.0/8").await;
    let moved = ground.resize("10.0.0.0/8", "10.0.0.0/9").await;
    let removed = ground.delete("10.0.0.0/9").await;
    let back = ground.revert(removed).await.unwrap().version;
    // The node is there again as the resize left it, so that can be taken back, too.
    let home = ground.revert(moved).await.unwrap().version;
    let query = HistoryQuery {
        space: ground.space,
        of: NodeRef::Id(id),
        page: PageRequest {
            limit: 100,
            after: None,
        },
    };
    let history = ground.access.node_history(&context(), query).await.unwrap();
    let seen: Vec<(u64, &str)> = history
        .items
        .iter()
        .map(|entry| (entry.version, entry.command.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (home, "Revert"),
            (back, "Revert"),
            (removed, "DeleteNode"),
            (moved, "ResizeNode"),
            (made, "CreateNode"),
        ]
    );
}

#[tokio::test]
async fn an_older_change_is_taken_back_alone() {
    let ground = Ground::new().await;
    define(ground.access.as_ref(), ground.space, definition("Region")).await;
    ground.make("10.0.0.0/8", &[("Region", "eu")]).await;
    ground.make("10.1.0.0/16", &[]).await;
    let changed = ground.retag("10.0.0.0/8", &[("Region", "us")]).await;
    // What is made later inherits, as it would from any change of the node above.
    ground.make("10.2.0.0/16", &[]).await;
    let inside = ground.make("10.1.1.0/24", &[("Region", "jp")]).await;
    ground.revert(changed).await.unwrap();
    let state = ground.state().await;
    let region = |at: &str| state.nodes[&prefix(at)].resolved[&tag("Region")].to_string();
    assert_eq!(region("10.0.0.0/8"), "eu");
    assert_eq!(region("10.2.0.0/16"), "eu");
    assert_eq!(region("10.1.1.0/24"), "jp");
    let newest = ground.views().await;
    assert_eq!(
        newest
            .iter()
            .find(|node| node.prefix == prefix("10.1.1.0/24"))
            .unwrap()
            .revision,
        inside
    );
}

#[tokio::test]
async fn a_revert_is_done_once_for_a_key_and_told_again() {
    let ground = Ground::new().await;
    let made = ground.make("10.0.0.0/8", &[]).await;
    let options = || MutationOptions {
        idempotency: Some(IdempotencyKey {
            key_hash: "k".to_owned(),
            body_hash: "b".to_owned(),
        }),
        ..MutationOptions::default()
    };
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push(ground.ask(&context(), made, true, options()).await.unwrap());
        ground.make(&format!("11.{}.0.0/16", answers.len()), &[]).await;
    }
    let [first, second] = &answers[..] else {
        unreachable!()
    };
    let CommandOutcome::Committed {
        entry: Some(first),
        replayed: false,
        version,
        ..
    } = first
    else {
        panic!("{first:?}")
    };
    assert_eq!(first.reverts, Some(made));
    let CommandOutcome::Committed {
        entry: Some(second),
        replayed: true,
        version: replayed,
        ..
    } = second
    else {
        panic!("{second:?}")
    };
    assert_eq!((second, replayed), (first, version));
    // The permission is checked again.
    let narrowed = scoped(cadastre_domain::Scope::within([prefix("11.0.0.0/8")]));
    let error = ground.ask(&narrowed, made, false, options()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::OutsideScope);
}

#[tokio::test]
async fn a_revert_in_the_same_group_as_its_change_sees_it() {
    let ground = Ground::new().await;
    let made = ground.make("10.0.0.0/8", &[]).await;
    let id = ground.id("10.0.0.0/8").await;
    let (access, space) = (ground.access.as_ref(), ground.space);
    let update = SpaceCommand::UpdateNode {
        id,
        tags: tags(&[]),
        description: Some("changed".to_owned()),
    };
    let revert = SpaceCommand::Revert {
        version: made + 1,
        may_define: false,
    };
    let (changed, reverted) = tokio::join!(run(access, space, update), run(access, space, revert));
    changed.unwrap();
    reverted.unwrap();
    assert_eq!(ground.state().await.nodes[&prefix("10.0.0.0/8")].description, "");
    assert_eq!(ground.head().await, made + 2);
}

#[tokio::test]
async fn a_thousand_nodes_are_taken_back_and_made_again_in_one_step() {
    let ground = Ground::new().await;
    define(ground.access.as_ref(), ground.space, definition("Owner")).await;
    ground.make("10.0.0.0/16", &[]).await;
    let before = ground.state().await;
    let wanted = Wanted {
        prefix_length: 26,
        count: 1000,
        strategy: Strategy::LowestFree,
        seed: 0,
        include_edges: false,
        tags: tags(&[("Owner", "net")]),
        description: "block".to_owned(),
    };
    let from = AllocateFrom::Node(ground.id("10.0.0.0/16").await);
    let taken = ground.done(SpaceCommand::Allocate { from, wanted }).await;
    let (changes, conflict) = ground.plan(taken).await.unwrap();
    assert_eq!((changes.len(), conflict), (1000, None));
    to_and_fro(&ground, &before, taken).await;
    assert_eq!(ground.state().await.nodes.len(), 1001);
    // What is free is counted by it.
    let query = UtilizationQuery {
        space: ground.space,
        node: ground.id("10.0.0.0/16").await,
    };
    let used = ground.access.utilization(&context(), query).await.unwrap();
    ground.revert(taken + 2).await.unwrap();
    let query = UtilizationQuery {
        space: ground.space,
        node: ground.id("10.0.0.0/16").await,
    };
    let unused = ground.access.utilization(&context(), query).await.unwrap();
    assert_ne!(used.used, unused.used);
    assert_eq!(unused.free, unused.total);
    assert_eq!(ground.state().await, before);
}
