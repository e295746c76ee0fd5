//! The stores of a command: one to read, which must be there, and one to fill.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cadastre_storage::{Store, StoreError};

use crate::failure::{Failure, sentence};
use crate::store::{directory, open_url};

/// A store by its URL.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) url: String,
    connection: Option<String>,
    /// What to do when another process has it open, which depends on the command.
    if_in_use: &'static str,
}

impl Place {
    /// `flag` names it in a refusal.
    pub(super) fn new(
        flag: &str,
        url: &str,
        connection: Option<&str>,
        if_in_use: &'static str,
    ) -> Result<Self, Failure> {
        if url.starts_with("memory:") {
            return Err(Failure::usage(format!(
                "{flag} {url}: that store is empty when this command begins and gone when it ends; name rocksdb:DIR or \
                 azure-tables:TABLE."
            )));
        }
        let tables = url.starts_with("azure-tables:");
        if tables && connection.is_none_or(str::is_empty) {
            return Err(Failure::usage(format!(
                "{flag} {url} needs the connection string of the account: set CADASTRE_AZURE_CONNECTION."
            )));
        }
        Ok(Self {
            url: url.to_owned(),
            connection: connection.filter(|_| tables).map(str::to_owned),
            if_in_use,
        })
    }

    /// Whether both are one store, however they are spelt.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (directory(&self.url), directory(&other.url)) {
            (Some(one), Some(two)) => whole_path(&one) == whole_path(&two),
            // Names of tables are the same in capitals.
            (None, None) => self.url.eq_ignore_ascii_case(&other.url) && self.connection == other.connection,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Opens it to be read. Nothing is made.
    pub(super) fn open_source(&self) -> Result<Arc<dyn Store>, Failure> {
        if let Some(directory) = directory(&self.url)
            && !directory.join("CURRENT").is_file()
        {
            return Err(Failure::new(format!(
                "There is no store in {}. --data takes the directory that the server was started with, --store and \
                 --from the store in it: rocksdb:DATA/store.",
                directory.display()
            )));
        }
        self.open()
    }

    /// Opens it to be filled, and makes it if it is not there.
    pub(super) async fn open_target(&self) -> Result<Arc<dyn Store>, Failure> {
        let store = self.open()?;
        match store.ping().await {
            Ok(()) => Ok(store),
            Err(error) => Err(self.unusable(&error)),
        }
    }

    fn open(&self) -> Result<Arc<dyn Store>, Failure> {
        open_url(&self.url, self.connection.as_deref(), self.if_in_use)
    }

    fn unusable(&self, error: &StoreError) -> Failure {
        Failure::new(sentence(&format!(
            "The store {} cannot be used: {error}",
            self.url
        )))
    }
}

/// A path without links and turns; one that is not there yet has no links.
fn whole_path(path: &Path) -> PathBuf {
    path.canonicalize()
        .or_else(|_| std::path::absolute(path))
        .unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_store_is_known_by_other_spellings() {
        let scratch = tempfile::tempdir().unwrap();
        let store = scratch.path().join("store");
        std::fs::create_dir(&store).unwrap();
        std::os::unix::fs::symlink(&store, scratch.path().join("link")).unwrap();
        let place = |url: &str, connection| Place::new("--from", url, connection, "stop it").unwrap();
        let at = |path: &str| place(&format!("rocksdb:{}/{path}", scratch.path().display()), None);
        for other in ["./store", "store/", "link", "store/../store"] {
            assert!(at("store").is(&at(other)), "{other}");
        }
        assert!(!at("store").is(&at("other")));
        assert!(at("new").is(&at("./new/")));
        let table = |name: &str, account| place(&format!("azure-tables:{name}"), Some(account));
        assert!(table("cadastre", "one").is(&table("Cadastre", "one")));
        assert!(!table("cadastre", "one").is(&table("cadastre", "two")));
        assert!(!table("cadastre", "one").is(&at("store")));
    }
}
