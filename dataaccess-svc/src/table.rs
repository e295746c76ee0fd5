//! What must be true of a table before anybody serves it: its format is known, and it is whole.
//!
//! Both are rows of the catalogue's partition, and are created together when a restore begins: of a server that opens an
//! empty table and a restore that begins at the same moment, one sees the other.

use cadastre_storage::{Store, StoreError, Write};
use jiff::Timestamp;

use crate::errors::Failure;
use crate::keys;
use crate::records::{RestoringRecord, TableFormatRecord, decode, encode};

/// The newest format of a table that this version knows, and the one it makes.
pub const TABLE_FORMAT: u32 = 1;

/// Why a table cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store cannot be read.
    #[error("the store cannot be read: {0}")]
    Store(String),
    /// A newer program has made or changed the table.
    #[error(
        "the table has format {found}, and this version of Cadastre ({}) knows formats up to {known}; run the version that \
         wrote it, or a newer one",
        env!("CARGO_PKG_VERSION")
    )]
    NewerFormat {
        /// What the table has.
        found: u32,
        /// What we know.
        known: u32,
    },
    /// A restore or a copy into it has not come to its end.
    #[error(
        "the table is not whole: it is being filled from {origin} since {started}; run that command again to finish it"
    )]
    NotWhole {
        /// What it is filled from.
        origin: String,
        /// Since when.
        started: Timestamp,
    },
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        Self::Store(failure.to_string())
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

/// What the table says of itself.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    pub(crate) format: Option<TableFormatRecord>,
    pub(crate) restoring: Option<RestoringRecord>,
}

/// Reads it.
pub(crate) async fn marks(store: &dyn Store) -> Result<Marks, Failure> {
    let wanted = [keys::table_format(), keys::restoring()];
    let mut rows = store
        .get_many(&keys::system_partition(), &wanted)
        .await?
        .into_iter();
    let mut marks = Marks::default();
    if let Some(row) = rows.next().flatten() {
        marks.format = Some(decode(&row.key, &row.value)?);
    }
    if let Some(row) = rows.next().flatten() {
        marks.restoring = Some(decode(&row.key, &row.value)?);
    }
    Ok(marks)
}

/// Whether the table can be served; nothing is written.
///
/// # Errors
/// [`OpenError`] says why not.
pub async fn check_table(store: &dyn Store) -> Result<(), OpenError> {
    judge(&marks(store).await?)
}

fn judge(marks: &Marks) -> Result<(), OpenError> {
    // First the format: what a newer one means by the other mark is not known.
    if let Some(format) = &marks.format
        && format.table_format > TABLE_FORMAT
    {
        return Err(OpenError::NewerFormat {
            found: format.table_format,
            known: TABLE_FORMAT,
        });
    }
    match &marks.restoring {
        Some(restoring) => Err(OpenError::NotWhole {
            origin: restoring.origin.clone(),
            started: restoring.started_on,
        }),
        None => Ok(()),
    }
}

/// The row that says which format the table has.
pub(crate) fn format_row(format: u32) -> Write {
    let record = TableFormatRecord {
        v: 1,
        table_format: format,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
    };
    Write::Create {
        key: keys::table_format(),
        value: encode(&record),
    }
}

/// Sees that the table can be served, and makes it ours if it has no format yet: a new one, or one from before formats
/// were written down, which is format 1.
pub(crate) async fn claim(store: &dyn Store) -> Result<(), OpenError> {
    loop {
        let marks = marks(store).await?;
        judge(&marks)?;
        if marks.format.is_some() {
            return Ok(());
        }
        match store
            .commit(&keys::system_partition(), vec![format_row(TABLE_FORMAT)])
            .await
        {
            // Somebody else was faster: a server like this one, or a restore.
            Ok(_) | Err(StoreError::Exists { .. }) => {}
            // It is looked at again, and is there or not.
            Err(StoreError::OutcomeUnknown { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
