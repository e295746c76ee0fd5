//! The stores of a command: one to read, which must be there, and one to fill.

use std::sync::Arc;

use cadastre_storage::{Store, StoreError};

use crate::failure::{Failure, sentence};
use crate::store::{directory, open_url};

/// A store by its URL.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) url: String,
    connection: Option<String>,
}

impl Place {
    /// `flag` names it in a refusal.
    pub(super) fn new(flag: &str, url: &str, connection: Option<&str>) -> Result<Self, Failure> {
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
        })
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
        open_url(&self.url, self.connection.as_deref()).map_err(|failure| {
            let in_use = failure.sentence.contains("is in use by another");
            if in_use {
                let more = "To back up a server that runs, leave --data and --store away and give --server and who you \
                            are.";
                return Failure {
                    sentence: format!("{} {more}", failure.sentence),
                    ..failure
                };
            }
            failure
        })
    }

    fn unusable(&self, error: &StoreError) -> Failure {
        Failure::new(sentence(&format!(
            "The store {} cannot be used: {error}",
            self.url
        )))
    }
}
