//! What stands in the way of a revert, and how it is said.

use std::sync::Arc;

use cadastre_api_types::ErrorCode::*;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_domain::Scope;
use cadastre_domain::tags::ConflictPolicy;
use cadastre_storage::{MemoryStore, PartitionKey, RowKey, Store, Write};
use serde_json::json;
use uuid::Uuid;

use super::Ground;
use crate::support::*;

/// The sentence of a refusal, which changes nothing and is planned just so.
async fn conflict(ground: &Ground, version: u64) -> String {
    let (before, head) = (ground.state().await, ground.head().await);
    let error = ground.revert(version).await.unwrap_err();
    assert_eq!(error.code, RevertConflict, "{error:?}");
    assert_eq!(error.details.as_ref().unwrap()["version"], version);
    let (_, planned) = ground.plan(version).await.unwrap();
    assert_eq!(planned.as_ref(), Some(&error));
    assert_eq!((ground.state().await, ground.head().await), (before, head));
    error.message
}

#[tokio::test]
async fn what_was_changed_since_is_named_with_the_version_that_did_it() {
    let ground = Ground::new().await;
    let made = ground.make("10.0.0.0/8", &[]).await;
    let id = ground.id("10.0.0.0/8").await;
    let describe = SpaceCommand::UpdateNode {
        id,
        tags: tags(&[]),
        description: Some("later".to_owned()),
    };
    let changed = ground.done(describe).await;
    let sentence = conflict(&ground, made).await;
    assert!(
        sentence.contains(&format!(
            "10.0.0.0/8 was changed since by version {changed} (UpdateNode)"
        )),
        "{sentence}"
    );
    let removed = ground.delete("10.0.0.0/8").await;
    for version in [made, changed] {
        let sentence = conflict(&ground, version).await;
        assert!(
            sentence.contains(&format!(
                "10.0.0.0/8 was removed since by version {removed} (DeleteNode)"
            )),
            "{sentence}"
        );
    }
    let other = ground.make("10.0.0.0/8", &[]).await;
    let sentence = conflict(&ground, removed).await;
    assert!(
        sentence.contains(&format!(
            "10.0.0.0/8 was made since by version {other} (CreateNode)"
        )),
        "{sentence}"
    );
    let sentence = conflict(&ground, changed).await;
    assert!(sentence.contains("was replaced by another node"), "{sentence}");
}

#[tokio::test]
async fn several_changes_of_one_thing_are_taken_back_one_after_the_other() {
    let ground = Ground::new().await;
    define(ground.access.as_ref(), ground.space, definition("Region")).await;
    let made = ground.make("10.0.0.0/8", &[]).await;
    let empty = ground.state().await;
    let first = ground.retag("10.0.0.0/8", &[("Region", "eu")]).await;
    let second = ground.retag("10.0.0.0/8", &[("Region", "us")]).await;
    conflict(&ground, first).await;
    ground.revert(second).await.unwrap();
    ground.revert(first).await.unwrap();
    assert_eq!(ground.state().await, empty);
    ground.revert(made).await.unwrap();
    assert!(ground.state().await.nodes.is_empty());
}

#[tokio::test]
async fn a_second_revert_says_which_was_the_first() {
    let ground = Ground::new().await;
    define(ground.access.as_ref(), ground.space, definition("Region")).await;
    ground.make("10.0.0.0/8", &[]).await;
    let changed = ground.retag("10.0.0.0/8", &[("Region", "eu")]).await;
    let taken_back = |version: u64, by: u64, sentence: String| {
        assert!(
            sentence.contains(&format!("already taken back by version {by}")),
            "{version}: {sentence}"
        );
    };
    let by = ground.revert(changed).await.unwrap().version;
    taken_back(changed, by, conflict(&ground, changed).await);
    // Done again by taking the revert back, it is that revert which is taken back.
    let again = ground.revert(by).await.unwrap().version;
    taken_back(by, again, conflict(&ground, by).await);
    ground.revert(again).await.unwrap();
    taken_back(again, again + 1, conflict(&ground, again).await);
    let removed = ground.delete("10.0.0.0/8").await;
    let by = ground.revert(removed).await.unwrap().version;
    taken_back(removed, by, conflict(&ground, removed).await);
    let fresh = ground.make("11.0.0.0/8", &[]).await;
    let by = ground.revert(fresh).await.unwrap().version;
    taken_back(fresh, by, conflict(&ground, fresh).await);
}

#[tokio::test]
async fn nodes_that_came_since_do_not_lose_tags_silently() {
    let ground = Ground::new().await;
    let access = ground.access.as_ref();
    define(access, ground.space, definition("Region")).await;
    define(
        access,
        ground.space,
        implying("Site", &[("Region", &[("ams", "eu")])]),
    )
    .await;
    ground.make("10.0.0.0/8", &[]).await;
    ground.make("10.1.1.0/24", &[]).await;
    let made = ground.make("10.1.0.0/16", &[("Site", "ams")]).await;
    // Beneath a node that was there before: it would lose the tag through that one.
    let later = ground.make("10.1.1.128/25", &[]).await;
    let sentence = conflict(&ground, made).await;
    assert!(
        sentence.contains("10.1.1.128/25 was made or changed since and would lose Region=eu, lose Site=ams"),
        "{sentence}"
    );
    assert!(sentence.contains(&format!("version {later}")), "{sentence}");
    let (changes, _) = ground.plan(made).await.unwrap();
    assert_eq!(
        changes.len(),
        1,
        "the plan shows the change beside what forbids it"
    );
    // With tags of its own it has nothing to lose; the older node goes back to what it was.
    ground
        .retag("10.1.1.128/25", &[("Site", "ams"), ("Region", "eu")])
        .await;
    ground.revert(made).await.unwrap();
    let state = ground.state().await;
    assert!(state.nodes[&prefix("10.1.1.0/24")].resolved.is_empty());
    assert_eq!(state.nodes[&prefix("10.1.1.128/25")].resolved.len(), 2);
}

#[tokio::test]
async fn a_node_that_gave_nothing_goes_from_above_what_came_since() {
    let ground = Ground::new().await;
    define(ground.access.as_ref(), ground.space, definition("Region")).await;
    ground.make("10.0.0.0/8", &[("Region", "eu")]).await;
    let made = ground.make("10.1.0.0/16", &[("Region", "eu")]).await;
    ground.make("10.1.1.0/24", &[]).await;
    ground.revert(made).await.unwrap();
    let state = ground.state().await;
    let child = &state.nodes[&prefix("10.1.1.0/24")];
    assert_eq!(child.parent, Some(ground.id("10.0.0.0/8").await));
    assert_eq!(child.resolved[&tag("Region")], value("eu"));
}

#[tokio::test]
async fn too_many_nodes_to_check_are_refused_and_said_so() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let config = DataAccessConfig {
        verify_rows_in_writer: 10,
        ..DataAccessConfig::default()
    };
    let access = LocalDataAccess::open(Arc::clone(&store), config).await.unwrap();
    let space = new_space(access.as_ref(), "s").await;
    let ground = Ground { access, store, space };
    define(ground.access.as_ref(), ground.space, definition("Region")).await;
    let made = ground.make("10.0.0.0/8", &[("Region", "eu")]).await;
    for n in 0..11 {
        ground.make(&format!("10.{n}.0.0/16"), &[("Region", "eu")]).await;
    }
    let sentence = conflict(&ground, made).await;
    assert!(sentence.contains("too many nodes in 10.0.0.0/8"), "{sentence}");
    ground.delete("10.10.0.0/16").await;
    ground.revert(made).await.unwrap();
}

#[tokio::test]
async fn a_resize_is_not_taken_back_over_what_came_since() {
    let ground = Ground::new().await;
    ground.make("10.0.0.0/16", &[]).await;
    ground.make("10.1.0.0/24", &[]).await;
    let grown = ground.resize("10.0.0.0/16", "10.0.0.0/15").await;
    ground.make("10.1.1.0/24", &[]).await;
    let sentence = conflict(&ground, grown).await;
    assert!(
        sentence.contains("10.1.1.0/24 came since beneath 10.0.0.0/15"),
        "{sentence}"
    );
    ground.delete("10.1.1.0/24").await;
    // What it had grown over lies beside it again.
    ground.revert(grown).await.unwrap();
    assert_eq!(ground.state().await.nodes[&prefix("10.1.0.0/24")].parent, None);

    let shrunk = ground.resize("10.0.0.0/16", "10.0.0.0/18").await;
    ground.make("10.0.0.0/17", &[]).await;
    let sentence = conflict(&ground, shrunk).await;
    assert!(
        sentence.contains("10.0.0.0/17 came since and lies between 10.0.0.0/18 and 10.0.0.0/16"),
        "{sentence}"
    );
}

#[tokio::test]
async fn what_was_before_must_obey_the_rules_of_now() {
    let ground = Ground::new().await;
    let (access, space) = (ground.access.as_ref(), ground.space);
    define(access, space, definition("Region")).await;
    define(access, space, definition("Owner")).await;
    ground
        .make("10.0.0.0/8", &[("Region", "eu"), ("Owner", "net")])
        .await;
    let removed = ground.delete("10.0.0.0/8").await;
    let mut known = definition("Region");
    known.known_values = vec![value("us")];
    ground.done(SpaceCommand::UpdateTag { definition: known }).await;
    let sentence = conflict(&ground, removed).await;
    assert!(sentence.contains("eu"), "{sentence}");
    let error = ground.revert(removed).await.unwrap_err();
    assert_eq!(error.details.unwrap()["because"], json!("UnknownTagValue"));
    ground.done(SpaceCommand::DeleteTag { name: tag("Region") }).await;
    let error = ground.revert(removed).await.unwrap_err();
    assert_eq!(error.details.unwrap()["because"], json!("UndefinedTag"));

    // A value above that a policy forbids, and one beneath.
    let mut reject = definition("Owner");
    reject.conflict = ConflictPolicy::Reject;
    ground.make("11.0.0.0/8", &[("Owner", "net")]).await;
    let emptied = ground.retag("11.0.0.0/8", &[]).await;
    ground.make("11.1.0.0/16", &[("Owner", "dev")]).await;
    ground.done(SpaceCommand::UpdateTag { definition: reject }).await;
    let error = ground.revert(emptied).await.unwrap_err();
    assert_eq!(error.code, TagConflict, "{error:?}");
    assert!(error.message.contains("11.1.0.0/16"), "{error:?}");
}

#[tokio::test]
async fn versions_that_are_not_there_and_entries_that_changed_nothing() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let ground = Ground::on(Arc::clone(&store)).await;
    for n in 0..4 {
        ground.make(&format!("10.{n}.0.0/16"), &[]).await;
    }
    for version in [0, 5, u64::MAX] {
        let error = ground.revert(version).await.unwrap_err();
        assert_eq!(error.code, NotFound);
        assert!(error.message.contains("is at version 4"), "{}", error.message);
        assert_eq!(ground.plan(version).await.unwrap_err().code, NotFound);
    }
    let rewrite = async |key: &str, from: &str, to: &str| {
        let partition = PartitionKey::new(ground.space.to_string()).unwrap();
        let key = RowKey::new(key).unwrap();
        let row = store.get(&partition, &key).await.unwrap().unwrap();
        let text = String::from_utf8(row.value.to_vec()).unwrap();
        assert!(text.contains(from), "{text}");
        let value = text.replacen(from, to, 1).into();
        let write = Write::Put { key, value };
        store.commit(&partition, vec![write]).await.unwrap();
    };
    // Entries as other commands may leave them.
    let key = |version: u64| format!("j_{version:016x}");
    let row = rows(store.as_ref(), &ground.space.to_string(), &key(3))
        .await
        .remove(0);
    let text = String::from_utf8(row.value.to_vec()).unwrap();
    let images = &text[text.find("\"Changes\":").unwrap()..text.rfind("]}").unwrap() + 1];
    rewrite(&key(3), images, "\"Changes\":[]").await;
    let sentence = conflict(&ground, 3).await;
    assert!(sentence.contains("it changed nothing"), "{sentence}");
    let about_space = "\"Changes\":[{\"Space\":{\"before\":null,\"after\":\"s\"}}]";
    rewrite(&key(3), "\"Changes\":[]", about_space).await;
    let sentence = conflict(&ground, 3).await;
    assert!(sentence.contains("the address space itself"), "{sentence}");
    ground.access.shutdown().await;

    // As retention will leave it.
    rewrite("head", "\"V\":1", "\"V\":1,\"Pruned\":2").await;
    let ground = Ground {
        access: open(Arc::clone(&store)).await,
        ..ground
    };
    assert_eq!(ground.revert(2).await.unwrap_err().code, Gone);
    assert_eq!(ground.plan(1).await.unwrap_err().code, Gone);
    ground.revert(4).await.unwrap();
}

#[tokio::test]
async fn a_caller_of_a_subtree_takes_back_what_lies_in_it_and_learns_of_nothing_else() {
    let ground = Ground::new().await;
    define(ground.access.as_ref(), ground.space, definition("Region")).await;
    ground.make("10.0.0.0/8", &[("Region", "eu")]).await;
    let root = ground.make("10.1.0.0/16", &[]).await;
    let beside = ground.make("10.2.0.0/16", &[]).await;
    let inside = ground.make("10.1.1.0/24", &[]).await;
    let narrowed = scoped(Scope::within([prefix("10.1.0.0/16")]));
    let ask = async |version: u64| {
        let options = MutationOptions::default();
        ground.ask(&narrowed, version, false, options).await
    };
    let hidden = ask(beside).await.unwrap_err();
    let missing = ask(99).await.unwrap_err();
    assert_eq!((hidden.code, missing.code), (NotFound, NotFound));
    assert_eq!(
        hidden.message.replace(&beside.to_string(), "N"),
        missing.message.replace("99", "N")
    );
    // A definition holds for everybody.
    assert_eq!(ask(1).await.unwrap_err().code, OutsideScope);
    // The root is not theirs to remove.
    assert_eq!(ask(root).await.unwrap_err().code, OutsideScope);
    ask(inside).await.unwrap();
    // Removing what is above touched the subtree and more.
    let removed = ground.delete("10.0.0.0/8").await;
    let error = ask(removed).await.unwrap_err();
    assert_eq!(error.code, OutsideScope);
    for outside in ["10.2", "10.0.0.0"] {
        assert!(!error.message.contains(outside), "{}", error.message);
    }
    // In the whole space a role without definitions is stopped at definitions only.
    let options = MutationOptions::default();
    let error = ground
        .ask(&context(), 1, false, options.clone())
        .await
        .unwrap_err();
    assert_eq!(error.code, Forbidden);
    ground.ask(&context(), removed, false, options).await.unwrap();
}

#[tokio::test]
async fn a_node_that_lived_elsewhere_since_does_not_come_back_at_an_earlier_place() {
    let ground = Ground::new().await;
    ground.make("10.0.0.0/8", &[]).await;
    let removed = ground.delete("10.0.0.0/8").await;
    ground.revert(removed).await.unwrap();
    ground.resize("10.0.0.0/8", "10.0.0.0/9").await;
    let sentence = conflict(&ground, removed).await;
    assert!(
        sentence.contains("10.0.0.0/9 is where the node was moved to"),
        "{sentence}"
    );
    ground.delete("10.0.0.0/9").await;
    let sentence = conflict(&ground, removed).await;
    assert!(
        sentence.contains("10.0.0.0/9 was the last place of the node"),
        "{sentence}"
    );
}

#[tokio::test]
async fn what_does_not_fit_into_one_commit_is_taken_back_all_the_same() {
    // Joining takes two rows for each node, bringing it back takes three.
    let ground = Ground::on(Arc::new(Shaped::narrow(Arc::new(MemoryStore::new()), 100))).await;
    let mut ids = Vec::new();
    for half in ["10.0.0.0/25", "10.0.0.128/25"] {
        ground.make(half, &[]).await;
        let split = SpaceCommand::SplitNode {
            id: ground.id(half).await,
            prefix_length: 29,
            first_id: Uuid::now_v7(),
            tags: tags(&[]),
            description: String::new(),
        };
        ground.done(split).await;
        ground.delete(half).await;
    }
    ids.extend(ground.views().await.into_iter().map(|node| node.id));
    assert_eq!(ids.len(), 32);
    let merged_id = Uuid::now_v7();
    let before = ground.views().await;
    let merged = ground.done(SpaceCommand::MergeNodes { ids, merged_id }).await;
    ground.revert(merged).await.unwrap();
    let prefixes = |views: &[NodeView]| {
        views
            .iter()
            .map(|view| (view.id, view.prefix))
            .collect::<Vec<_>>()
    };
    assert_eq!(prefixes(&ground.views().await), prefixes(&before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_take_the_same_change_back_at_once_one_does() {
    let ground = Arc::new(Ground::new().await);
    let made = ground.make("10.0.0.0/8", &[]).await;
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let ground = Arc::clone(&ground);
        tasks.push(tokio::spawn(async move { ground.revert(made).await }));
    }
    let (mut done, mut refused) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(entry) => {
                assert_eq!(entry.version, made + 1);
                done += 1;
            }
            Err(error) => {
                assert_eq!(error.details.unwrap()["revertedBy"], made + 1);
                refused += 1;
            }
        }
    }
    assert_eq!((done, refused, ground.head().await), (1, 15, made + 1));
}
