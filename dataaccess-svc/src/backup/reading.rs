//! Backups that a server reads out to its clients, part by part, each from a snapshot that is kept for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cadastre_api_types::internal::{BackupPart, BackupQuery};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_storage::Store;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::cut::{Cut, CutOptions};
use super::error::TransferError;
use super::file::{Header, LineWriter};
use crate::errors::{Failure, Outcome, store_error};

/// Backups at the same time: each keeps a snapshot, which keeps the store from forgetting what was replaced.
const TOGETHER: usize = 2;
/// A backup that nobody asks for is forgotten.
const IDLE: Duration = Duration::from_secs(60);
/// Bytes of a part, about.
const PART: usize = 1 << 20;

/// The backups that are being read out.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    running: Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<Reading>>>>,
}

#[derive(Debug)]
struct Reading {
    /// `None` = its last part was read.
    open: Option<(Cut, LineWriter<Vec<u8>>)>,
    next: u64,
    /// The part before that, in case its answer was lost.
    kept: Option<BackupPart>,
    used: Instant,
}

impl Readings {
    /// The next part of a backup, or the first one.
    pub(crate) async fn part(&self, store: &Arc<dyn Store>, query: BackupQuery) -> Outcome<BackupPart> {
        let id = match query.backup {
            Some(id) => id,
            None => self.begin(store).await?,
        };
        let reading = self.running.lock().get(&id).cloned().ok_or_else(forgotten)?;
        let part = reading.lock().await.part(id, query.part).await?;
        Ok(part)
    }

    async fn begin(&self, store: &Arc<dyn Store>) -> Outcome<Uuid> {
        self.forget_idle();
        let is_open = |reading: &tokio::sync::Mutex<Reading>| {
            reading.try_lock().map_or(true, |reading| reading.open.is_some())
        };
        if self
            .running
            .lock()
            .values()
            .filter(|reading| is_open(reading))
            .count()
            >= TOGETHER
        {
            return Err(ApiError::new(
                ErrorCode::Overloaded,
                "Other backups are being read; send the request again later.",
            )
            .with_retry_after(IDLE.as_secs())
            .into());
        }
        let cut = Cut::begin(Arc::clone(store), CutOptions::default())
            .await
            .map_err(told)?;
        if !cut.is_of_one_moment() {
            return Err(Failure::refused(
                ErrorCode::BackupElsewhere,
                "This server shares its store with others. Back it up beside them: cadastre backup FILE --store \
                 azure-tables:TABLE, with the connection string in CADASTRE_AZURE_CONNECTION.",
            ));
        }
        let header = Header::new("a running server", cut.table_format(), true);
        let id = header.id;
        let writer = LineWriter::begin(Vec::new(), header).map_err(|error| told(error.into()))?;
        let reading = Reading {
            open: Some((cut, writer)),
            next: 0,
            kept: None,
            used: Instant::now(),
        };
        self.running
            .lock()
            .insert(id, Arc::new(tokio::sync::Mutex::new(reading)));
        Ok(id)
    }

    /// Gives back what is kept for those that nobody asks for any more; answers whether any are left.
    pub(crate) fn forget_idle(&self) -> bool {
        let mut running = self.running.lock();
        // One that is locked is being read.
        running.retain(|_, reading| {
            reading
                .try_lock()
                .map_or(true, |reading| reading.used.elapsed() < IDLE)
        });
        !running.is_empty()
    }

    /// Forgets what is idle as long as there is anything, so that no snapshot outlives its reader for long.
    pub(crate) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    self.running.lock().clear();
                    return;
                }
                () = tokio::time::sleep(IDLE / 4) => {
                    if !self.forget_idle() {
                        return;
                    }
                }
            }
        }
    }
}

impl Reading {
    async fn part(&mut self, backup: Uuid, number: u64) -> Outcome<BackupPart> {
        self.used = Instant::now();
        if let Some(kept) = &self.kept
            && number + 1 == self.next
        {
            return Ok(kept.clone());
        }
        if number != self.next {
            return Err(forgotten());
        }
        let Some((mut cut, mut writer)) = self.open.take() else {
            return Err(forgotten());
        };
        let mut last = false;
        while writer.get_mut().len() < PART && !last {
            match cut.next().await.map_err(told)? {
                Some(part) => writer.part(&part).map_err(|error| told(error.into()))?,
                None => last = true,
            }
        }
        let lines = if last {
            writer.finish().map_err(|error| told(error.into()))?.0
        } else {
            let lines = std::mem::take(writer.get_mut());
            self.open = Some((cut, writer));
            lines
        };
        let lines = String::from_utf8(lines).map_err(|error| told(std::io::Error::other(error).into()))?;
        let part = BackupPart { backup, lines, last };
        self.kept = Some(part.clone());
        self.next += 1;
        self.used = Instant::now();
        Ok(part)
    }
}

fn forgotten() -> Failure {
    Failure::refused(
        ErrorCode::Gone,
        "This backup is not being read any more; begin a new one.",
    )
}

fn told(error: TransferError) -> Failure {
    match error {
        TransferError::Store(error) => Failure::Refused(Box::new(store_error(&error))),
        error @ (TransferError::Row(_)
        | TransferError::Source(_)
        | TransferError::Empty
        | TransferError::Restless(_)
        | TransferError::NotEmpty { .. }
        | TransferError::AnotherOrigin { .. }
        | TransferError::NotABackup(_)
        | TransferError::CutOff(_)
        | TransferError::Altered { .. }
        | TransferError::Io(_)
        | TransferError::Differs(_)) => {
            tracing::error!(%error, "a backup cannot be read");
            Failure::refused(
                ErrorCode::Internal,
                "A fault of the server. Its log has more under the correlation id.",
            )
        }
    }
}
