//! Restores and copies that broke off are gone on with; until then nobody serves what is there. And what else a table may
//! say of itself.

use std::sync::Arc;

use cadastre_dataaccess::{
    Cut, CutOptions, DataAccessConfig, LineReader, LocalDataAccess, OpenError, Restore, TransferError,
    check_table,
};
use cadastre_storage::{Fault, FaultStore, MemoryStore, Op, PartitionKey, RowKey, Rule, Store, Write};

use super::{back_up, content, copy, raw, restore};
use crate::support::*;

async fn some_store() -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    for name in ["one", "two"] {
        let space = new_space(access.as_ref(), name).await;
        for number in 0..30 {
            run(
                access.as_ref(),
                space,
                create(&format!("10.{number}.0.0/16"), &[]),
            )
            .await
            .unwrap();
        }
    }
    store
}

async fn refusal(store: &Arc<dyn Store>) -> OpenError {
    let opened = LocalDataAccess::open(Arc::clone(store), DataAccessConfig::default()).await;
    opened.expect_err("must be refused")
}

#[tokio::test]
async fn a_restore_that_breaks_off_anywhere_is_finished_by_doing_it_again() {
    let source = some_store().await;
    let backup = back_up(Arc::clone(&source), CutOptions::default()).await.unwrap();
    let before = content(&*source).await;
    for commits in 1..5 {
        let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let failing = FaultStore::new(Arc::clone(&target));
        failing
            .plan()
            .inject(Rule::always(Op::Commit, Fault::Corrupt).after(commits));
        restore(&backup, Arc::new(failing)).await.unwrap_err();
        let refused = refusal(&target).await;
        assert!(matches!(refused, OpenError::NotWhole { .. }), "{refused}");
        // Somebody else's hands were in it, too.
        let stray = Write::Put {
            key: RowKey::new("n_stray").unwrap(),
            value: "{}".into(),
        };
        let space = raw(&*source).await[0].0.partition.clone();
        target.commit(&space, vec![stray]).await.unwrap();
        let done = restore(&backup, Arc::clone(&target)).await.unwrap();
        assert_eq!((done.rows, done.removed), (before.len() as u64, 1));
        assert!(
            commits == 1 || done.written < done.rows,
            "what was there was written again: {done:?}"
        );
        assert_eq!(content(&*target).await, before);
        open(target).await;
    }
}

#[tokio::test]
async fn a_copy_that_breaks_off_follows_a_source_that_has_changed() {
    let source = some_store().await;
    let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let failing = FaultStore::new(Arc::clone(&target));
    failing
        .plan()
        .inject(Rule::always(Op::Commit, Fault::Corrupt).after(2));
    copy(Arc::clone(&source), Arc::new(failing), CutOptions::default())
        .await
        .unwrap_err();

    let access = open(Arc::clone(&source)).await;
    let space = new_space(access.as_ref(), "three").await;
    run(access.as_ref(), space, create("10.0.0.0/8", &[]))
        .await
        .unwrap();
    copy(Arc::clone(&source), Arc::clone(&target), CutOptions::default())
        .await
        .unwrap();
    assert_eq!(content(&*target).await, content(&*source).await);
}

#[tokio::test]
async fn lost_answers_and_absences_do_not_end_a_copy() {
    let source = some_store().await;
    let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let failing = FaultStore::new(Arc::clone(&target));
    for fault in [Fault::Unavailable, Fault::LostAnswer, Fault::LostRequest] {
        failing
            .plan()
            .inject(Rule::once(Op::Commit, fault.clone()).after(1));
    }
    failing
        .plan()
        .inject(Rule::once(Op::ScanTable, Fault::Unavailable).after(1));
    copy(Arc::clone(&source), Arc::new(failing), CutOptions::default())
        .await
        .unwrap();
    assert_eq!(content(&*target).await, content(&*source).await);
}

#[tokio::test]
async fn a_target_that_is_not_as_it_should_be_is_never_given_free() {
    let source = some_store().await;
    let backup = back_up(source, CutOptions::default()).await.unwrap();
    let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut reader = LineReader::open(&backup[..]).unwrap();
    let header = reader.header().clone();
    let mut restoring = Restore::begin(Arc::clone(&target), &header.origin(), 1)
        .await
        .unwrap();
    while let Some(part) = reader.next().unwrap() {
        restoring.take(part).await.unwrap();
    }
    let stranger = PartitionKey::new("stranger").unwrap();
    let put = Write::Put {
        key: RowKey::new("a").unwrap(),
        value: "{}".into(),
    };
    target.commit(&stranger, vec![put]).await.unwrap();
    let failure = restoring.finish(|_| {}).await.unwrap_err();
    let TransferError::Differs(differences) = &failure else {
        panic!("{failure}")
    };
    assert_eq!(
        *differences,
        ["partition stranger with 1 rows does not belong there"]
    );
    assert!(matches!(refusal(&target).await, OpenError::NotWhole { .. }));
}

#[tokio::test]
async fn only_an_empty_store_or_the_same_backup_is_taken() {
    let source = some_store().await;
    let backup = back_up(Arc::clone(&source), CutOptions::default()).await.unwrap();
    let refused = restore(&backup, Arc::clone(&source)).await.unwrap_err();
    assert!(matches!(refused, TransferError::NotEmpty { .. }), "{refused}");

    let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
    restore(&backup[..backup.len() / 2], Arc::clone(&target))
        .await
        .unwrap_err();
    let other = back_up(source, CutOptions::default()).await.unwrap();
    let refused = restore(&other, Arc::clone(&target)).await.unwrap_err();
    assert!(
        matches!(refused, TransferError::AnotherOrigin { .. }),
        "{refused}"
    );
    let refused = back_up(Arc::clone(&target), CutOptions::default())
        .await
        .unwrap_err();
    assert!(
        matches!(refused, TransferError::Source(OpenError::NotWhole { .. })),
        "{refused}"
    );
    restore(&backup, target).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_a_restore_that_begin_together_do_not_both_go_on() {
    let source = some_store().await;
    let backup = back_up(source, CutOptions::default()).await.unwrap();
    for _ in 0..50 {
        let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let opening = LocalDataAccess::open(Arc::clone(&target), DataAccessConfig::default());
        let (opening, filling) = (tokio::spawn(opening), {
            let (backup, target) = (backup.clone(), Arc::clone(&target));
            tokio::spawn(async move { restore(&backup, target).await })
        });
        let (opened, filled) = (opening.await.unwrap(), filling.await.unwrap());
        match (opened, filled) {
            (Ok(_), Ok(_)) => {
                // The server has opened what was finished already.
                assert!(content(&*target).await.len() > 60);
            }
            (Ok(_), Err(refused)) => assert!(matches!(refused, TransferError::NotEmpty { .. }), "{refused}"),
            (Err(refused), Ok(_)) => assert!(matches!(refused, OpenError::NotWhole { .. }), "{refused}"),
            (Err(refused), Err(error)) => panic!("neither goes on: {refused}; {error}"),
        }
    }
}

#[tokio::test]
async fn a_table_of_a_newer_format_is_refused_with_both_versions() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    open(Arc::clone(&store)).await;
    check_table(&*store).await.unwrap();
    let newer = Write::Put {
        key: RowKey::new("format").unwrap(),
        value: r#"{"V":1,"TableFormat":2,"MadeBy":"9.0.0"}"#.into(),
    };
    store
        .commit(&PartitionKey::new("SYSTEM").unwrap(), vec![newer])
        .await
        .unwrap();
    let refused = refusal(&store).await;
    assert!(matches!(refused, OpenError::NewerFormat { found: 2, known: 1 }));
    assert!(
        refused.to_string().contains("format 2") && refused.to_string().contains("up to 1"),
        "{refused}"
    );
    let refused = Cut::begin(store, CutOptions::default()).await.unwrap_err();
    assert!(matches!(
        refused,
        TransferError::Source(OpenError::NewerFormat { .. })
    ));
}

#[tokio::test]
async fn a_table_from_before_formats_were_written_down_is_of_the_first_one() {
    let store = some_store().await;
    let system = PartitionKey::new("SYSTEM").unwrap();
    let key = RowKey::new("format").unwrap();
    store
        .commit(&system, vec![Write::Delete { key: key.clone() }])
        .await
        .unwrap();
    open(Arc::clone(&store)).await;
    let row = store.get(&system, &key).await.unwrap().unwrap();
    let value: serde_json::Value = serde_json::from_slice(&row.value).unwrap();
    assert_eq!(value["TableFormat"], 1);
}
