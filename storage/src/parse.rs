//! Picks a backend from a URL, the one place where the text of `--store` is understood.

use std::sync::Arc;

use crate::contract::Store;
use crate::error::StoreError;
use crate::memory::MemoryStore;
use crate::options::RocksOptions;

const POSSIBLE: &str = "possible are rocksdb:DIRECTORY (embedded, durable) and memory: (forgets everything \
                        when the process ends)";

/// Opens the store that `url` names with default settings; see [`open_url_with`].
pub fn open_url(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    open_url_with(url, &RocksOptions::default())
}

/// Opens the store that `url` names: `rocksdb:DIRECTORY` or `memory:`.
///
/// Blocks while it recovers what was written before, so call it before serving. The store closes when the
/// last clone of the answer is dropped.
pub fn open_url_with(url: &str, rocks: &RocksOptions) -> Result<Arc<dyn Store>, StoreError> {
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
                open_rocksdb(dir, rocks)
            }
        }
        "azure-tables" => Err(refused("Azure Table Storage comes with a later release")),
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
        assert!(refusal("azure-tables:").contains("later release"));
    }
}
