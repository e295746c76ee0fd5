//! Picks a backend from a URL, the one place where the text of `--store` is understood.

use std::sync::Arc;

use crate::contract::Store;
use crate::error::StoreError;
use crate::memory::MemoryStore;
use crate::options::{RocksOptions, StoreOptions};

const POSSIBLE: &str = "possible are rocksdb:DIRECTORY (embedded, durable), azure-tables:TABLE (Azure Table Storage, \
                        shared by many processes) and memory: (forgets everything when the process ends)";

/// Opens the store that `url` names with default settings; see [`open_url_with`].
pub fn open_url(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    open_url_with(url, &StoreOptions::default())
}

/// Opens the store that `url` names: `rocksdb:DIRECTORY`, `azure-tables:TABLE` or `memory:`.
///
/// Blocks while an embedded store recovers what was written before, so call it before serving; of a service nothing is
/// asked yet ([`Store::ping`] does, and makes the table). The store closes when the last clone of the answer is dropped.
pub fn open_url_with(url: &str, options: &StoreOptions) -> Result<Arc<dyn Store>, StoreError> {
    let refused = |why: &str| StoreError::Invalid {
        reason: format!("--store {url}: {why}; {POSSIBLE}"),
    };
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(refused("no backend is named before a colon"));
    };
    match scheme {
        "memory" if rest.is_empty() => Ok(Arc::new(MemoryStore::new())),
        "memory" => Err(refused("memory: takes nothing after the colon")),
        "rocksdb" => {
            // Both rocksdb:/srv/x and rocksdb:///srv/x, since the second is what people expect of a URL.
            let dir = rest.strip_prefix("//").unwrap_or(rest);
            if dir.is_empty() {
                Err(refused("the directory is missing"))
            } else {
                open_rocksdb(dir, &options.rocks)
            }
        }
        "azure-tables" if rest.is_empty() => Err(refused("the table is missing")),
        "azure-tables" => match &options.azure_connection {
            Some(connection) => open_azure(rest, connection),
            None => Err(StoreError::Invalid {
                reason: format!(
                    "--store {url} needs the connection string of the account: set CADASTRE_AZURE_CONNECTION (the setting \
                     azure-connection)"
                ),
            }),
        },
        _ => Err(refused("this backend is not known")),
    }
}

#[cfg(feature = "rocksdb")]
fn open_rocksdb(dir: &str, options: &RocksOptions) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(crate::rocks::RocksStore::open_with(dir, options)?))
}

#[cfg(not(feature = "rocksdb"))]
fn open_rocksdb(dir: &str, _: &RocksOptions) -> Result<Arc<dyn Store>, StoreError> {
    Err(StoreError::Invalid {
        reason: format!("--store rocksdb:{dir}: this program was built without RocksDB; use memory:"),
    })
}

#[cfg(feature = "azure")]
fn open_azure(table: &str, connection: &str) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(crate::azure::AzureStore::new(connection, table)?))
}

#[cfg(not(feature = "azure"))]
fn open_azure(table: &str, _: &str) -> Result<Arc<dyn Store>, StoreError> {
    Err(StoreError::Invalid {
        reason: format!("--store azure-tables:{table}: this program was built without Azure Table Storage"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        open_url(url).expect_err("must be refused").to_string()
    }

    #[test]
    fn memory_is_opened() {
        assert!(open_url("memory:").is_ok());
    }

    #[test]
    fn what_is_not_possible_is_refused_with_what_is() {
        for url in [
            "azure-tables:",
            "redis://localhost",
            "memory",
            "memory:x",
            "rocksdb:",
            "rocksdb://",
            "",
        ] {
            let said = refusal(url);
            assert!(said.contains(url) && said.contains("rocksdb:DIRECTORY"), "{said}");
        }
        let said = refusal("azure-tables:cadastre");
        assert!(
            said.contains("azure-tables:cadastre") && said.contains("CADASTRE_AZURE_CONNECTION"),
            "{said}"
        );
    }
}
