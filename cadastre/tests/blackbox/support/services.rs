//! The servers that run beside the tests: `tests/services/with.sh` starts them and says where they are.

/// The key of Azure's emulator, which everybody knows.
pub(crate) const EMULATOR_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

fn address(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} names no server: run the tests with `make test`, or through tests/services/with.sh")
    })
}

/// Where Azurite listens.
pub(crate) fn azurite() -> String {
    address("CADASTRE_TEST_AZURITE")
}

/// Where Redis listens.
pub(crate) fn redis() -> String {
    address("CADASTRE_TEST_REDIS")
}

/// A connection string for a table service at an address, for who has that key.
pub(crate) fn connection(address: &str, key: &str) -> String {
    format!("AccountName=devstoreaccount1;AccountKey={key};TableEndpoint=http://{address}/devstoreaccount1")
}

/// A table that nobody has.
pub(crate) fn some_table() -> String {
    format!("t{:016x}", rand::random::<u64>())
}
