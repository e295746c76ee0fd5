//! Changes of tag definitions, taken back by the same decision as if they were made.

use std::sync::Arc;

use cadastre_api_types::ErrorCode::*;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_domain::tags::ConflictPolicy;
use cadastre_storage::{MemoryStore, Store};
use serde_json::json;

use super::Ground;
use crate::support::*;

#[tokio::test]
async fn definitions_are_made_changed_and_deleted_back() {
    let ground = Ground::new().await;
    let (access, space) = (ground.access.as_ref(), ground.space);
    define(access, space, definition("Region")).await;
    let empty = ground.state().await;
    let made = ground
        .done(SpaceCommand::CreateTag {
            definition: definition("Site"),
        })
        .await;
    let plain = ground.state().await;
    let implied = implying("Site", &[("Region", &[("ams", "eu")])]);
    ground.make("10.0.0.0/8", &[("Site", "ams")]).await;
    let before = ground.state().await;
    let changed = ground.done(SpaceCommand::UpdateTag { definition: implied }).await;
    let after = ground.state().await;
    assert_eq!(
        after.nodes[&prefix("10.0.0.0/8")].resolved[&tag("Region")],
        value("eu")
    );

    let back = ground.revert(changed).await.unwrap();
    assert_eq!(ground.state().await, before);
    assert!(matches!(back.changes[0].after, Some(ThingState::Tag(_))));
    let sentence = ground.revert(changed).await.unwrap_err().message;
    assert!(
        sentence.contains(&format!("already taken back by version {}", back.version)),
        "{sentence}"
    );
    let redone = ground.revert(back.version).await.unwrap().version;
    assert_eq!(ground.state().await, after);
    let error = ground.revert(made).await.unwrap_err();
    assert_eq!(error.code, RevertConflict);

    ground.revert(redone).await.unwrap();
    ground.delete("10.0.0.0/8").await;
    let removed = ground.done(SpaceCommand::DeleteTag { name: tag("Site") }).await;
    assert_eq!(ground.state().await, empty);
    let error = ground.revert(made).await.unwrap_err();
    assert!(
        error.message.contains(&format!(
            "tag Site was deleted since by version {removed} (DeleteTag)"
        )),
        "{error:?}"
    );
    let again = ground.revert(removed).await.unwrap().version;
    // Made again, it was made when it was made first.
    assert_eq!(ground.state().await, plain);
    let twice = ground.revert(removed).await.unwrap_err();
    assert!(
        twice
            .message
            .contains(&format!("already taken back by version {again}")),
        "{twice:?}"
    );
    ground.revert(again).await.unwrap();
    assert_eq!(ground.state().await, empty);
}

#[tokio::test]
async fn a_definition_in_use_stays() {
    let ground = Ground::new().await;
    ground
        .done(SpaceCommand::CreateTag {
            definition: definition("Region"),
        })
        .await;
    let mut narrow = definition("Region");
    narrow.known_values = vec![value("eu")];
    ground.done(SpaceCommand::UpdateTag { definition: narrow }).await;
    let widened = ground
        .done(SpaceCommand::UpdateTag {
            definition: definition("Region"),
        })
        .await;
    ground.make("10.0.0.0/8", &[("Region", "us")]).await;
    let error = ground.revert(widened).await.unwrap_err();
    assert_eq!(
        (error.code, &error.details.unwrap()["because"]),
        (RevertConflict, &json!("TagInUse"))
    );
    let (_, planned) = ground.plan(widened).await.unwrap();
    assert_eq!(planned.unwrap().code, RevertConflict);

    let other = ground
        .done(SpaceCommand::CreateTag {
            definition: definition("Owner"),
        })
        .await;
    ground.make("11.0.0.0/8", &[("Owner", "net")]).await;
    let error = ground.revert(other).await.unwrap_err();
    assert!(
        error
            .message
            .contains("Tag Owner is set on 1 node: 11.0.0.0/8 (net)"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_definition_that_concerns_very_many_nodes_is_verified_before_it_comes_back() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let config = DataAccessConfig {
        verify_rows_in_writer: 5,
        ..DataAccessConfig::default()
    };
    let access = LocalDataAccess::open(Arc::clone(&store), config).await.unwrap();
    let space = new_space(access.as_ref(), "s").await;
    let ground = Ground { access, store, space };
    let mut strict = definition("Owner");
    strict.conflict = ConflictPolicy::Reject;
    define(ground.access.as_ref(), space, strict).await;
    let relaxed = ground
        .done(SpaceCommand::UpdateTag {
            definition: definition("Owner"),
        })
        .await;
    ground.make("10.0.0.0/8", &[("Owner", "net")]).await;
    for n in 0..20 {
        ground.make(&format!("10.{n}.0.0/16"), &[("Owner", "net")]).await;
    }
    let (changes, conflict) = ground.plan(relaxed).await.unwrap();
    assert_eq!((changes.len(), conflict), (1, None));
    let back = ground.revert(relaxed).await.unwrap().version;
    assert_eq!(
        ground.state().await.tags[&tag("Owner")].0.conflict,
        ConflictPolicy::Reject
    );
    ground.revert(back).await.unwrap();
    ground.make("10.200.0.0/16", &[("Owner", "dev")]).await;
    let error = ground.revert(back + 1).await.unwrap_err();
    assert_eq!(error.code, TagConflict);
    let (_, conflict) = ground.plan(back + 1).await.unwrap();
    assert_eq!(conflict.unwrap().code, TagConflict);
}
