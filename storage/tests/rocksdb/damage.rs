//! Damaged files are reported, always, and a torn write is not damage.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use cadastre_storage::{KeyRange, RocksStore, Store, StoreError, StoreExt, Write};

use super::{key, number_of_rows, open_small, partition, put, refusal};

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

fn the_log(dir: &Path) -> PathBuf {
    let logs = files(dir, "log");
    assert_eq!(logs.len(), 1, "{logs:?}");
    logs.into_iter().next().unwrap()
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

fn is_corrupt<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Corrupt { .. }))
}

/// Text that does not compress to nothing.
fn noise(n: usize) -> Bytes {
    let text: String = (0..20).map(|_| format!("{:x}", rand::random::<u64>())).collect();
    Bytes::from(format!(r#"{{"n":{n},"x":"{text}"}}"#))
}

/// A store of 2,000 rows in table files.
async fn tables() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open_small(dir.path()).unwrap();
    for chunk in (0..2000).collect::<Vec<_>>().chunks(100) {
        let row = |n: &usize| Write::Put {
            key: key(&format!("r{n:05}")),
            value: noise(*n),
        };
        store
            .commit(&partition(), chunk.iter().map(row).collect())
            .await
            .unwrap();
    }
    drop(store);
    // Recovery moves what is in the log to a table.
    drop(open_small(dir.path()).unwrap());
    assert!(!files(dir.path(), "sst").is_empty());
    dir
}

#[tokio::test]
async fn damaged_tables_are_reported_by_every_call_that_meets_them() {
    let dir = tables().await;
    for table in files(dir.path(), "sst") {
        let mut bytes = fs::read(&table).unwrap();
        // Data comes first in a table; the index at its end stays whole, so that opening succeeds.
        let half = bytes.len() / 2;
        (0..half).step_by(1000).for_each(|at| bytes[at + 50] ^= 1);
        fs::write(&table, bytes).unwrap();
    }
    let store = open_small(dir.path()).unwrap();
    let p = partition();
    let (mut read, mut reported) = (0, 0);
    for n in 0..2000 {
        let name = key(&format!("r{n:05}"));
        let get = store.get(&p, &name).await;
        // One row that cannot be read sinks all of a call, whichever call it is.
        let many = store.get_many(&p, &[key("nothing"), name.clone()]).await;
        let last = store.last_at_or_before(&p, &name, &key("r")).await;
        let scan = store.scan(&p, &KeyRange::starting_at(name.clone()), 1).await;
        if is_corrupt(&get) {
            assert!(is_corrupt(&many) && is_corrupt(&last) && is_corrupt(&scan), "{n}");
            let create = Write::Create {
                key: name,
                value: noise(n),
            };
            assert!(is_corrupt(&store.commit(&p, vec![create]).await), "{n}");
            reported += 1;
        } else {
            assert!(get.unwrap().is_some() && many.is_ok(), "row {n} has vanished");
            read += 1;
        }
    }
    assert!(read > 0 && reported > 0, "{read} read, {reported} reported");
    assert!(is_corrupt(&store.scan_all(&p, &KeyRange::all(), 5000).await));
}

#[tokio::test]
async fn a_missing_or_cut_table_is_reported_at_the_latest_when_it_is_read() {
    let whole = tables().await;
    for cut in [false, true] {
        let dir = copy(whole.path());
        let table = files(dir.path(), "sst").remove(0);
        if cut {
            let bytes = fs::read(&table).unwrap();
            fs::write(&table, &bytes[..bytes.len() / 2]).unwrap();
        } else {
            fs::remove_file(&table).unwrap();
        }
        let result = match open_small(dir.path()) {
            Err(error) => Err(error),
            Ok(store) => store.scan_all(&partition(), &KeyRange::all(), 5000).await,
        };
        assert!(is_corrupt(&result), "cut: {cut}, {result:?}");
    }
}

/// A store of 12 commits in its log.
async fn log() -> (tempfile::TempDir, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let store = RocksStore::open(dir.path()).unwrap();
    for n in 0..12 {
        store
            .commit(&partition(), vec![put(&format!("r{n:02}"), n)])
            .await
            .unwrap();
    }
    drop(store);
    let bytes = fs::read(the_log(dir.path())).unwrap();
    (dir, bytes)
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_the_log_is_reported() {
    let (dir, bytes) = log().await;
    // Every byte of three records in the middle and of the last, headers included, and samples elsewhere.
    let size = bytes.len() / 12;
    let dense = (5 * size..8 * size)
        .step_by(3)
        .chain(bytes.len() - size..bytes.len());
    for at in dense.chain((0..bytes.len()).step_by(29)) {
        let damaged = copy(dir.path());
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(the_log(damaged.path()), bytes).unwrap();
        let error = refusal(damaged.path());
        assert!(matches!(error, StoreError::Corrupt { .. }), "byte {at}: {error}");
    }
}

#[tokio::test]
async fn a_torn_last_record_is_cut_off_and_the_rest_is_there() {
    let (dir, bytes) = log().await;
    let size = bytes.len() / 12;
    // Torn by a missing end, by an end of zeros, and with room behind it that was never written.
    for lost in (1..size).step_by(5) {
        for zeros in [0, lost, lost + 3000] {
            let torn = copy(dir.path());
            let mut bytes = bytes[..bytes.len() - lost].to_vec();
            bytes.resize(bytes.len() + zeros, 0);
            // Zeros within the record are a tear only where a sector could be missing.
            if zeros == lost && lost < 8 {
                continue;
            }
            fs::write(the_log(torn.path()), &bytes).unwrap();
            match RocksStore::open(torn.path()) {
                Ok(store) => {
                    assert_eq!(number_of_rows(&store).await, 11, "lost {lost}, zeros {zeros}");
                    store.commit(&partition(), vec![put("new", 1)]).await.unwrap();
                    drop(store);
                    let store = RocksStore::open(torn.path()).unwrap();
                    assert_eq!(number_of_rows(&store).await, 12);
                }
                // Sooner refused than wrong: no whole sector is missing, so this is not what a tear leaves.
                Err(StoreError::Corrupt { .. }) => assert!(zeros == lost, "lost {lost}, zeros {zeros}"),
                Err(error) => panic!("lost {lost}, zeros {zeros}: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn a_missing_log_is_reported_where_tables_say_that_there_was_one() {
    let dir = tables().await;
    fs::remove_file(the_log(dir.path())).unwrap();
    let error = refusal(dir.path());
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}
