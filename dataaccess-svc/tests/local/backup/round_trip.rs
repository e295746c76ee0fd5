//! Whatever was done to a store: its backup restored, and its copy, hold the same and answer the same.

use std::sync::Arc;

use cadastre_api_types::internal::*;
use cadastre_dataaccess::CutOptions;
use cadastre_storage::{MemoryStore, PartitionKey, RowKey, Store};
use proptest::prelude::*;
use uuid::Uuid;

use super::{back_up, content, copy, raw, restore};
use crate::model::{Model, TAGS, check, some_step, step};
use crate::support::*;

/// A store with a space after random commands, a second one, one that was deleted, and users.
async fn some_store(steps: &[crate::model::Step]) -> (Arc<dyn Store>, Uuid, Model) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    let space = new_space(access.as_ref(), "random").await;
    let mut model = Model::default();
    for name in TAGS {
        let mut made = definition(name);
        if name == "N" {
            made.inheritance = cadastre_domain::tags::Inheritance::NonInheritable;
        }
        define(access.as_ref(), space, made.clone()).await;
        model.definitions.insert(made.name.clone(), made);
    }
    for one in steps {
        step(access.as_ref(), space, &mut model, one).await;
    }
    let other = new_space(access.as_ref(), "other").await;
    run(access.as_ref(), other, create("2001:db8::/32", &[]))
        .await
        .unwrap();
    let gone = new_space(access.as_ref(), "gone").await;
    delete_space(access.as_ref(), gone).await.unwrap();
    let request = UserChangeRequest {
        name: "ada@example".to_owned(),
        change: UserChange::Create {
            password_hash: "hash".to_owned(),
            grants: Vec::new(),
        },
        options: MutationOptions::default(),
    };
    access.change_user(&context(), request).await.unwrap();
    access.shutdown().await;
    (store, space, model)
}

/// As replicas have it: no snapshot, short pages.
fn shared(store: &Arc<dyn Store>) -> Arc<dyn Store> {
    Arc::new(Shaped::shared(Arc::clone(store)))
}

async fn heads(store: &dyn Store) -> Vec<String> {
    let rows = raw(store)
        .await
        .into_iter()
        .filter(|(place, _)| place.key.as_str() == "head");
    let incarnation = |value: Vec<u8>| {
        let value: serde_json::Value = serde_json::from_slice(&value).unwrap();
        value["Incarnation"].as_str().map(str::to_owned)
    };
    rows.filter_map(|(_, value)| incarnation(value)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn everything_comes_back_and_answers_the_same(steps in prop::collection::vec(some_step(), 0..40)) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let (source, space, model) = some_store(&steps).await;
            let before = content(&*source).await;
            for from in [Arc::clone(&source), shared(&source)] {
                let backup = back_up(from, CutOptions::default()).await.unwrap();
                let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
                let done = restore(&backup, Arc::clone(&target)).await.unwrap();
                assert_eq!((done.rows, done.mended), (before.len() as u64, 0));
                assert_eq!(content(&*target).await, before);
                let (old, new) = (heads(&*source).await, heads(&*target).await);
                assert_eq!(old.len(), new.len());
                assert!(old.iter().all(|life| !new.contains(life)), "a life goes on");
                check(open(target).await.as_ref(), space, &model, 7).await;
            }
        });
    }
}

#[tokio::test]
async fn a_copy_and_its_copy_are_the_same_and_are_served() {
    let (source, space, _) = some_store(&[]).await;
    let [once, twice]: [Arc<dyn Store>; 2] = [Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new())];
    copy(shared(&source), Arc::clone(&once), CutOptions::default())
        .await
        .unwrap();
    copy(Arc::clone(&once), shared(&twice), CutOptions::default())
        .await
        .unwrap();
    assert_eq!(content(&*twice).await, content(&*source).await);
    let query = SpaceQuery { space };
    let found = open(twice).await.get_space(&context(), query).await.unwrap();
    assert_eq!(found.name, "random");
}

/// A cursor or an event of before the restore is not taken for one of now.
#[tokio::test]
async fn places_in_the_journal_of_before_are_refused() {
    let (source, space, _) = some_store(&[]).await;
    let page = |store: Arc<dyn Store>, since: Since| async move {
        let access = open(store).await;
        let query = ChangesQuery {
            space,
            since,
            limit: 2,
        };
        access.changes(&context(), query).await
    };
    let before = page(Arc::clone(&source), Since::Version(0))
        .await
        .unwrap()
        .reached;
    let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let backup = back_up(source, CutOptions::default()).await.unwrap();
    restore(&backup, Arc::clone(&target)).await.unwrap();
    assert!(page(Arc::clone(&target), Since::Mark(before)).await.is_err());
    assert!(page(target, Since::Version(0)).await.is_ok());
}

/// Partitions of different moments: the catalogue is older than a user and than the deletion of a space.
#[tokio::test]
async fn what_was_made_or_deleted_while_a_backup_ran_is_mended() {
    let (source, space, _) = some_store(&[]).await;
    let system = PartitionKey::new("SYSTEM").unwrap();
    let delete = |text: &str| cadastre_storage::Write::Delete {
        key: RowKey::new(text).unwrap(),
    };
    // As if the user were made behind the catalogue.
    let index = rows(&*source, "SYSTEM", "u_").await;
    source
        .commit(&system, vec![delete(index[0].key.as_str())])
        .await
        .unwrap();
    // As if the space were deleted behind it.
    let partition = PartitionKey::new(space.to_string()).unwrap();
    let head = rows(&*source, &space.to_string(), "head").await.remove(0);
    let value = String::from_utf8(head.value.to_vec())
        .unwrap()
        .replace("Active", "Deleting");
    let write = cadastre_storage::Write::Put {
        key: head.key,
        value: value.into(),
    };
    source.commit(&partition, vec![write]).await.unwrap();

    let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let backup = back_up(source, CutOptions::default()).await.unwrap();
    assert_eq!(restore(&backup, Arc::clone(&target)).await.unwrap().mended, 2);
    let access = open(Arc::clone(&target)).await;
    let users = UserListQuery {
        name_contains: None,
        page: PageRequest {
            limit: 10,
            after: None,
        },
    };
    let users = access.list_users(&context(), users).await.unwrap().items;
    assert_eq!(
        users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(),
        ["ada@example"]
    );
    // The server finishes the deletion.
    while !rows(&*target, "SYSTEM", "x_").await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let spaces = SpaceListQuery {
        name_contains: None,
        created_before: None,
        created_after: None,
        only: None,
        page: PageRequest {
            limit: 10,
            after: None,
        },
    };
    let spaces = access.list_spaces(&context(), spaces).await.unwrap().items;
    assert_eq!(
        spaces.iter().map(|space| space.name.as_str()).collect::<Vec<_>>(),
        ["other"]
    );
}
