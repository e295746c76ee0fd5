//! The conformance suite, for every backend and decorator of this crate.

use cadastre_storage::conformance::Harness;
use cadastre_storage::{FaultStore, MemoryStore, conformance_suite};

conformance_suite!(memory, Harness::new(MemoryStore::new()));
conformance_suite!(
    fault_over_memory,
    Harness::new(FaultStore::new(MemoryStore::new()))
);

#[cfg(feature = "rocksdb")]
fn rocksdb() -> (cadastre_storage::RocksStore, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    (
        cadastre_storage::RocksStore::open(dir.path()).expect("a new store opens"),
        dir,
    )
}

#[cfg(feature = "rocksdb")]
conformance_suite!(rocksdb_embedded, {
    let (store, dir) = rocksdb();
    Harness::keeping(store, dir)
});

#[cfg(feature = "rocksdb")]
conformance_suite!(fault_over_rocksdb, {
    let (store, dir) = rocksdb();
    Harness::keeping(FaultStore::new(store), dir)
});
