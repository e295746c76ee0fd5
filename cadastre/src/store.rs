//! Opens the store, and turns what can go wrong into a sentence for the operator.

use std::path::PathBuf;
use std::sync::Arc;

use cadastre_storage::{Store, StoreError, StoreOptions, open_url_with};

use crate::config::{Effective, table};
use crate::failure::{Failure, sentence};

/// Opens the store that the settings name.
pub(crate) fn open(settings: &Effective) -> Result<Arc<dyn Store>, Failure> {
    let url = settings.text(&table::STORE).unwrap_or_default();
    open_url(
        url,
        settings.text(&table::AZURE_CONNECTION),
        "stop it or give this one another --data directory",
    )
}

/// Refuses a URL or a connection string that cannot be used, before anything is made.
pub(crate) fn check(settings: &Effective) -> Result<(), Failure> {
    let url = settings.text(&table::STORE).unwrap_or_default();
    match directory(url) {
        // To open it is to make it.
        Some(_) => Ok(()),
        None => open(settings).map(drop),
    }
}

/// Opens the store of a URL, or makes it; `connection` is for a store in Azure tables, `if_in_use` says what to do when
/// another process has it.
pub(crate) fn open_url(
    url: &str,
    connection: Option<&str>,
    if_in_use: &str,
) -> Result<Arc<dyn Store>, Failure> {
    if let Some(directory) = directory(url) {
        make_directory(&directory)?;
    }
    let options = StoreOptions {
        azure_connection: connection.map(str::to_owned),
        ..StoreOptions::default()
    };
    open_url_with(url, &options).map_err(|error| match error {
        StoreError::Invalid { reason } => Failure::usage(sentence(&reason)),
        StoreError::InUse { reason } => {
            Failure::new(sentence(&format!("Cannot open the store: {reason}; {if_in_use}")))
        }
        StoreError::Corrupt { reason, .. } => Failure::new(format!(
            "The store {url} is damaged ({reason}), and the server refuses to guess what it held. Restore a backup into \
             another directory (`cadastre restore`); keep the damaged one, records may be saved from it."
        )),
        StoreError::Unavailable { reason, .. } => Failure::new(format!(
            "The store {url} cannot be opened: {reason}. Check that the disk is there, has room, and that this \
             user may write to it."
        )),
        StoreError::Exists { .. }
        | StoreError::Changed { .. }
        | StoreError::Unsupported { .. }
        | StoreError::OutcomeUnknown { .. } => Failure::new(format!("The store {url} cannot be opened: {error}.")),
    })
}

/// The directory of an embedded store.
pub(crate) fn directory(url: &str) -> Option<PathBuf> {
    let directory = url.strip_prefix("rocksdb:")?;
    let directory = directory.strip_prefix("//").unwrap_or(directory);
    (!directory.is_empty()).then(|| PathBuf::from(directory))
}

/// Makes a directory that only this user can look into; one that exists stays as it is.
pub(crate) fn make_directory(path: &std::path::Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        Failure::new(format!(
            "The directory {} cannot be made: {error}. Name another with --data, or let this user write there.",
            path.display()
        ))
    })
}
