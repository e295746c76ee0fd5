//! What RocksDB has to do beyond the contract: survive, refuse, notice damage, group commits.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod crash;
mod damage;
mod group;
mod opening;

use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use cadastre_storage::{PartitionKey, RocksOptions, RocksStore, RowKey, Store, StoreError, Write};

/// Where a child process finds its directory; unset, a child test does nothing.
const CHILD_DIR: &str = "CADASTRE_STORAGE_TEST_DIR";

fn partition() -> PartitionKey {
    PartitionKey::new("p").unwrap()
}

fn key(name: &str) -> RowKey {
    RowKey::new(name).unwrap()
}

fn value(n: u64) -> Bytes {
    Bytes::from(format!(r#"{{"n":{n}}}"#))
}

fn put(name: &str, n: u64) -> Write {
    Write::Put {
        key: key(name),
        value: value(n),
    }
}

/// Small buffers, so that little data makes table files.
fn open_small(dir: &Path) -> Result<RocksStore, StoreError> {
    RocksStore::open_with(
        dir,
        &RocksOptions {
            block_cache_bytes: 1 << 20,
            write_buffer_bytes: 128 << 10,
        },
    )
}

/// This test binary again, running one ignored test only, on a directory.
fn child(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(CHILD_DIR, dir).stdout(Stdio::piped());
    command
}

fn child_dir() -> Option<std::path::PathBuf> {
    std::env::var_os(CHILD_DIR).map(Into::into)
}

/// The error of an opening that must fail.
fn refusal(dir: &Path) -> StoreError {
    match RocksStore::open(dir) {
        Ok(_) => panic!("{} must not open", dir.display()),
        Err(error) => error,
    }
}

async fn number_of_rows(store: &dyn Store) -> usize {
    use cadastre_storage::{KeyRange, StoreExt};
    store
        .scan_all(&partition(), &KeyRange::all(), 1_000_000)
        .await
        .unwrap()
        .len()
}
