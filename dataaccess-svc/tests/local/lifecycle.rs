//! Spaces from creation to the end of their purge, with a crash in between.

use std::sync::Arc;
use std::time::Duration;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_storage::{Fault, FaultStore, MemoryStore, Op, Rule, Store, Write};
use uuid::Uuid;

use crate::support::*;

async fn names(access: &dyn DataAccess, contains: Option<&str>) -> Vec<String> {
    let mut out = Vec::new();
    let mut after = None;
    loop {
        let query = SpaceListQuery {
            only: None,
            name_contains: contains.map(str::to_owned),
            created_before: None,
            created_after: None,
            page: PageRequest { limit: 2, after },
        };
        let page = access.list_spaces(&context(), query).await.unwrap();
        out.extend(page.items.into_iter().map(|space| space.name));
        match page.next {
            Some(next) => after = Some(next),
            None => return out,
        }
    }
}

#[tokio::test]
async fn names_are_unique_without_regard_to_case_and_searchable() {
    let access = memory().await;
    for name in ["Berlin", "Bern", "Oslo"] {
        new_space(access.as_ref(), name).await;
    }
    let change = SpaceChange::Create {
        id: Uuid::now_v7(),
        name: "OSLO".to_owned(),
        description: String::new(),
    };
    let request = SpaceChangeRequest {
        change,
        options: MutationOptions::default(),
    };
    let error = access.change_space(&context(), request).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NameTaken);
    assert_eq!(names(access.as_ref(), Some("BER")).await, ["Berlin", "Bern"]);
    assert_eq!(names(access.as_ref(), None).await, ["Berlin", "Bern", "Oslo"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_space_is_gone_at_once_and_its_rows_soon_but_the_audit_stays() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let config = DataAccessConfig {
        purge_batch_rows: 7,
        ..DataAccessConfig::default()
    };
    let access = LocalDataAccess::open(Arc::clone(&store), config).await.unwrap();
    let space = new_space(access.as_ref(), "doomed").await;
    define(access.as_ref(), space, definition("Owner")).await;
    for i in 0..40 {
        run(
            access.as_ref(),
            space,
            create(&format!("10.0.{i}.0/24"), &[("Owner", "me")]),
        )
        .await
        .unwrap();
    }
    delete_space(access.as_ref(), space).await.unwrap();
    assert_eq!(
        node(access.as_ref(), space, "10.0.1.0/24")
            .await
            .unwrap_err()
            .code,
        ErrorCode::NotFound
    );
    assert_eq!(
        run(access.as_ref(), space, create("11.0.0.0/8", &[]))
            .await
            .unwrap_err()
            .code,
        ErrorCode::NotFound
    );
    assert_eq!(
        delete_space(access.as_ref(), space).await.unwrap_err().code,
        ErrorCode::NotFound
    );
    assert!(names(access.as_ref(), None).await.is_empty());
    let id = space.to_string();
    tokio::time::timeout(Duration::from_secs(10), async {
        while !rows(store.as_ref(), "SYSTEM", "x_").await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    for kind in ["n_", "i_", "d_", "t_", "h_"] {
        assert!(
            rows(store.as_ref(), &id, kind).await.is_empty(),
            "{kind} rows remain"
        );
    }
    assert_eq!(rows(store.as_ref(), &id, "j_").await.len(), 42);
}

/// Where a deletion may be cut off by the death of the process: which write never happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_cut_off_anywhere_is_either_undone_or_finished_by_the_next_start() {
    // Commits of a deletion: hint, fence, catalogue, purge batches…, hint away.
    for cut in 0..9 {
        let store = Arc::new(FaultStore::new(MemoryStore::new()));
        let plan = store.plan();
        let config = DataAccessConfig {
            purge_batch_rows: 4,
            ..DataAccessConfig::default()
        };
        let access = LocalDataAccess::open(Arc::clone(&store) as Arc<dyn Store>, config.clone())
            .await
            .unwrap();
        let space = new_space(access.as_ref(), "doomed").await;
        for i in 0..3 {
            run(access.as_ref(), space, create(&format!("10.0.{i}.0/24"), &[]))
                .await
                .unwrap();
        }
        plan.inject(Rule::always(Op::Commit, Fault::Unavailable).after(cut));
        let acknowledged = delete_space(access.as_ref(), space).await.is_ok();
        access.shutdown().await;
        plan.clear();
        let again = LocalDataAccess::open(Arc::clone(&store) as Arc<dyn Store>, config)
            .await
            .unwrap();
        tokio::time::timeout(Duration::from_secs(10), async {
            while !rows(store.as_ref(), "SYSTEM", "x_").await.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
        let there = node(again.as_ref(), space, "10.0.1.0/24").await.is_ok();
        let listed = !names(again.as_ref(), None).await.is_empty();
        assert_eq!(there, listed, "cut after {cut} commits");
        assert!(
            !(acknowledged && there),
            "acknowledged and still there, cut after {cut} commits"
        );
        if !there {
            assert!(
                rows(store.as_ref(), &space.to_string(), "n_").await.is_empty(),
                "cut after {cut} commits"
            );
        }
        again.shutdown().await;
    }
}

#[tokio::test]
async fn inserting_a_node_in_the_middle_writes_no_row_of_another_node() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    let space = new_space(access.as_ref(), "tree").await;
    run(access.as_ref(), space, create("10.0.0.0/8", &[]))
        .await
        .unwrap();
    for i in 0..50 {
        run(access.as_ref(), space, create(&format!("10.0.{i}.0/24"), &[]))
            .await
            .unwrap();
    }
    let before = rows(store.as_ref(), &space.to_string(), "n_").await;
    let middle = node_of(
        run(access.as_ref(), space, create("10.0.0.0/16", &[]))
            .await
            .unwrap(),
    );
    let after = rows(store.as_ref(), &space.to_string(), "n_").await;
    assert_eq!(after.len(), before.len() + 1);
    assert!(
        before.iter().all(|row| after.contains(row)),
        "other rows stay, versions included"
    );
    assert_eq!(
        node(access.as_ref(), space, "10.0.7.0/24")
            .await
            .unwrap()
            .parent_id,
        Some(middle.id)
    );
}

#[tokio::test]
async fn a_large_definition_is_kept_whole_in_the_journal_across_chunk_rows() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    let space = new_space(access.as_ref(), "large").await;
    let mut large = definition("Site");
    large.known_values = (0..9000).map(|i| value(&format!("site-{i:05}-é"))).collect();
    define(access.as_ref(), space, large.clone()).await;
    assert!(rows(store.as_ref(), &space.to_string(), "j_").await.len() > 3);
    large.known_values.truncate(8000);
    run(
        access.as_ref(),
        space,
        SpaceCommand::UpdateTag {
            definition: large.clone(),
        },
    )
    .await
    .unwrap();
    let tag = access
        .get_tag(
            &context(),
            TagQuery {
                space,
                name: tag("Site"),
            },
        )
        .await
        .unwrap();
    assert_eq!(tag.definition, large);
}

#[tokio::test]
async fn a_definition_that_concerns_very_many_nodes_is_verified_beside_the_writer() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let config = DataAccessConfig {
        verify_rows_in_writer: 10,
        ..DataAccessConfig::default()
    };
    let access = LocalDataAccess::open(store, config).await.unwrap();
    let space = new_space(access.as_ref(), "many").await;
    for name in ["C", "B", "A"] {
        define(access.as_ref(), space, definition(name)).await;
    }
    for i in 0..100 {
        let pairs: &[(&str, &str)] = if i == 99 {
            &[("A", "x"), ("B", "y")]
        } else {
            &[("A", "x")]
        };
        run(access.as_ref(), space, create(&format!("10.0.{i}.0/24"), pairs))
            .await
            .unwrap();
    }
    let update = |definition| run(access.as_ref(), space, SpaceCommand::UpdateTag { definition });
    update(implying("B", &[("C", &[("y", "2")])])).await.unwrap();
    let clash = update(implying("A", &[("C", &[("x", "1")])])).await.unwrap_err();
    assert_eq!(clash.code, ErrorCode::TagConflict);
    update(implying("A", &[("C", &[("x", "2")])])).await.unwrap();
    assert_eq!(
        node(access.as_ref(), space, "10.0.5.0/24")
            .await
            .unwrap()
            .resolved[&tag("C")],
        value("2")
    );
}

#[tokio::test]
async fn a_write_that_breaks_the_head_precondition_is_never_half_done() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    let space = new_space(access.as_ref(), "raced").await;
    // Somebody else moves the head behind our back.
    let partition = cadastre_storage::PartitionKey::new(space.to_string()).unwrap();
    let head = cadastre_storage::RowKey::new("head").unwrap();
    let row = store.get(&partition, &head).await.unwrap().unwrap();
    store
        .commit(
            &partition,
            vec![Write::Put {
                key: head,
                value: row.value,
            }],
        )
        .await
        .unwrap();
    run(access.as_ref(), space, create("10.0.0.0/8", &[]))
        .await
        .unwrap();
    assert!(node(access.as_ref(), space, "10.0.0.0/8").await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_that_was_cut_off_behind_its_fence_is_finished_by_sending_it_again() {
    let store = Arc::new(FaultStore::new(MemoryStore::new()));
    let access = open(Arc::clone(&store) as Arc<dyn Store>).await;
    let space = new_space(access.as_ref(), "doomed").await;
    // Hint and fence happen, the catalogue's row does not.
    store
        .plan()
        .inject(Rule::always(Op::Commit, Fault::Unavailable).after(2));
    let cut_off = delete_space(access.as_ref(), space).await.unwrap_err();
    assert_eq!(cut_off.code, ErrorCode::StoreUnavailable);
    store.plan().clear();
    delete_space(access.as_ref(), space).await.unwrap();
    assert!(names(access.as_ref(), None).await.is_empty());
    new_space(access.as_ref(), "doomed").await;
}

/// A clock that tests turn.
#[derive(Debug, Default)]
struct Turned(std::sync::atomic::AtomicI64);

impl cadastre_dataaccess::Clock for Turned {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_800_000_000 + self.0.load(std::sync::atomic::Ordering::Relaxed))
            .unwrap()
    }
}

#[tokio::test]
async fn a_key_can_be_used_for_something_else_when_its_day_is_over_and_time_never_goes_backwards() {
    let clock = Arc::new(Turned::default());
    let config = DataAccessConfig {
        clock: Arc::clone(&clock) as _,
        ..DataAccessConfig::default()
    };
    let access = LocalDataAccess::open(Arc::new(MemoryStore::new()), config)
        .await
        .unwrap();
    let options = |body: &str| MutationOptions {
        idempotency: Some(IdempotencyKey {
            key_hash: "nightly".to_owned(),
            body_hash: body.to_owned(),
        }),
        ..MutationOptions::default()
    };
    let make = |name: &str| {
        let change = SpaceChange::Create {
            id: Uuid::now_v7(),
            name: name.to_owned(),
            description: String::new(),
        };
        access.change_space_now(SpaceChangeRequest {
            change,
            options: options(name),
        })
    };
    let first = make("one").await.unwrap();
    assert_eq!(
        make("two").await.unwrap_err().code,
        ErrorCode::IdempotencyMismatch
    );
    clock.0.store(27 * 3600, std::sync::atomic::Ordering::Relaxed);
    let second = make("two").await.unwrap();
    assert!(matches!(
        first,
        SpaceChangeOutcome::Committed { replayed: false, .. }
    ));
    let SpaceChangeOutcome::Committed {
        replayed: false,
        space: Some(second),
    } = second
    else {
        panic!("{second:?}")
    };
    // The machine's clock is set back by a day: what is recorded still goes forward.
    clock.0.store(0, std::sync::atomic::Ordering::Relaxed);
    let third = access
        .get_space(
            &context(),
            SpaceQuery {
                space: new_space(access.as_ref(), "three").await,
            },
        )
        .await;
    assert!(third.unwrap().created >= second.created);
    let node = node_of(
        run(access.as_ref(), second.id, create("10.0.0.0/8", &[]))
            .await
            .unwrap(),
    );
    assert!(node.created >= second.created);
}

/// Shorter in a test.
trait ChangeNow {
    async fn change_space_now(
        &self,
        request: SpaceChangeRequest,
    ) -> Result<SpaceChangeOutcome, cadastre_api_types::ApiError>;
}

impl ChangeNow for LocalDataAccess {
    async fn change_space_now(
        &self,
        request: SpaceChangeRequest,
    ) -> Result<SpaceChangeOutcome, cadastre_api_types::ApiError> {
        self.change_space(&context(), request).await
    }
}
