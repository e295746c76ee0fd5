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

/// The table service that `CADASTRE_TEST_AZURITE` names as HOST:PORT; `make test` starts one. Without it the tests fail:
/// a suite that skips looks like one that passes.
#[cfg(feature = "azure")]
async fn azurite() -> cadastre_storage::AzureStore {
    let address = std::env::var("CADASTRE_TEST_AZURITE")
        .expect("CADASTRE_TEST_AZURITE=HOST:PORT of an Azurite table service (make test starts one)");
    // One for all tests of this run: another may use the same Azurite.
    static TABLE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let table = TABLE.get_or_init(|| format!("t{:016x}", rand::random::<u64>()));
    let connection = format!(
        "AccountName=devstoreaccount1;TableEndpoint=http://{address}/devstoreaccount1;AccountKey={}",
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    );
    let store = cadastre_storage::AzureStore::new(&connection, table).expect("the address is legal");
    store.create_table().await.expect("Azurite answers");
    store
}

#[cfg(feature = "azure")]
conformance_suite!(azure_on_azurite, Harness::new(azurite().await));
