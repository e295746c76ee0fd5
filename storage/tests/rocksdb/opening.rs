//! Opening: what was there is there again, and what is not ours, or is somebody's, is refused.

use std::fs;
use std::io::{BufRead, BufReader};

use cadastre_storage::{RocksStore, Store, StoreError, Write, open_url};

use super::{child, child_dir, key, open_small, partition, put, refusal, value};

#[tokio::test]
async fn what_was_committed_survives_reopening_with_its_etag() {
    let dir = tempfile::tempdir().unwrap();
    let mut etag = None;
    for round in 0..3 {
        let store = RocksStore::open(dir.path()).unwrap();
        let row = store.get(&partition(), &key("a")).await.unwrap();
        assert_eq!(row.map(|row| row.etag), etag);
        let write = match etag {
            None => Write::Create {
                key: key("a"),
                value: value(round),
            },
            Some(etag) => Write::Replace {
                key: key("a"),
                value: value(round),
                etag,
            },
        };
        etag = store.commit(&partition(), vec![write]).await.unwrap().pop();
        if round == 0 {
            store.close().await;
            store.close().await;
            assert!(matches!(store.ping().await, Err(StoreError::Unavailable { .. })));
            let late = store.commit(&partition(), vec![put("b", 1)]).await;
            assert!(matches!(late, Err(StoreError::Unavailable { .. })), "{late:?}");
        }
    }
}

fn assert_in_use(error: &StoreError, dir: &std::path::Path) {
    let said = error.to_string();
    assert!(matches!(error, StoreError::InUse { .. }), "{error:?}");
    assert!(
        said.contains(&dir.display().to_string()) && said.contains("in use by another"),
        "{said}"
    );
}

#[tokio::test]
async fn a_second_opener_in_this_process_is_refused_until_the_first_has_closed() {
    let dir = tempfile::tempdir().unwrap();
    let first = RocksStore::open(dir.path()).unwrap();
    assert_in_use(&refusal(dir.path()), dir.path());
    let url = format!("rocksdb:{}", dir.path().display());
    assert_in_use(&open_url(&url).unwrap_err(), dir.path());
    first.close().await;
    open_url(&url).unwrap();
}

#[test]
fn a_second_process_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = child("opening::child_holds_the_store_open", dir.path())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("store is open")));
    assert_in_use(&refusal(dir.path()), dir.path());
    other.kill().unwrap();
    other.wait().unwrap();
    open_small(dir.path()).unwrap();
}

#[test]
#[ignore = "the other process of a_second_process_is_refused_until_the_first_is_gone"]
fn child_holds_the_store_open() {
    let Some(dir) = child_dir() else { return };
    let _store = RocksStore::open(dir).unwrap();
    println!("store is open");
    std::thread::sleep(std::time::Duration::from_secs(60));
}

#[test]
fn another_format_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    RocksStore::open(dir.path()).unwrap();
    fs::write(dir.path().join("FORMAT"), "cadastre-store 2\n").unwrap();
    let said = refusal(dir.path()).to_string();
    assert!(
        said.contains("cadastre-store 2") && said.contains("cadastre-store 1"),
        "{said}"
    );
}

#[test]
fn a_directory_with_other_things_in_it_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("photos.tar"), "x").unwrap();
    let error = refusal(dir.path());
    assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing was added");
}

#[test]
fn a_crash_while_the_directory_is_made_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    let fresh = dir.path().join("deeper/store");
    fs::create_dir_all(&fresh).unwrap();
    fs::write(fresh.join("FORMAT.new"), "cadas").unwrap();
    drop(RocksStore::open(&fresh).unwrap());
    // The format is there, the database is not yet.
    let half = dir.path().join("half");
    fs::create_dir_all(&half).unwrap();
    fs::copy(fresh.join("FORMAT"), half.join("FORMAT")).unwrap();
    fs::write(half.join("MANIFEST-000001"), "").unwrap();
    drop(RocksStore::open(&half).unwrap());
}

#[tokio::test]
async fn a_lost_root_file_does_not_make_an_empty_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = RocksStore::open(dir.path()).unwrap();
    store.commit(&partition(), vec![put("a", 1)]).await.unwrap();
    drop(store);
    fs::rename(dir.path().join("CURRENT"), dir.path().join("CURRENT.lost")).unwrap();
    refusal(dir.path());
    fs::rename(dir.path().join("CURRENT.lost"), dir.path().join("CURRENT")).unwrap();
    assert_eq!(
        super::number_of_rows(&RocksStore::open(dir.path()).unwrap()).await,
        1
    );
}
