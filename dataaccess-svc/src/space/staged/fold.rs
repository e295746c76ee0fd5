//! Bringing a plan that is true to its end, and removing what is left of one that never was.

use std::sync::Arc;

use cadastre_storage::{Etag, RowKey, StoreError, Write};
use uuid::Uuid;

use super::super::SpaceHandle;
use super::super::answering::backoff;
use super::super::handle::Published;
use super::Pending;
use super::plan::read_plans;
use crate::errors::Failure;
use crate::keys;
use crate::metrics;
use crate::records::{HeadRecord, encode};

/// Lost races and lost answers in a row before it gives up for now.
const TRIES: u32 = 16;

/// Rows of plans that are looked at to see whether somebody writes them: more than one plan has.
const LOOKED_AT: usize = 1_000;

/// Folds the plan of a space in, if it has one; the head without one. Safe to do from several processes at once, and to be cut off in.
pub(in super::super) async fn finish(handle: &SpaceHandle) -> Result<Arc<Published>, StoreError> {
    let mut lost = 0;
    loop {
        let published = handle.published();
        let Some(pending) = &published.pending else {
            return Ok(published);
        };
        match step(handle, &published, pending).await {
            Ok(()) => lost = 0,
            Err(
                error @ (StoreError::Changed { .. }
                | StoreError::Exists { .. }
                | StoreError::OutcomeUnknown { .. }),
            ) => {
                lost += 1;
                if lost > TRIES {
                    return Err(error);
                }
                backoff(lost).await;
                handle.reload().await.map_err(as_store_error)?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// One commit of the fold.
async fn step(handle: &SpaceHandle, published: &Arc<Published>, pending: &Pending) -> Result<(), StoreError> {
    let limits = handle.store.limits();
    let mut head = published.head.clone();
    // A backup that asks for quiet asks again.
    head.hold = None;
    let Some(record) = head.pending.as_mut() else {
        return Ok(());
    };
    let mut writes = Vec::new();
    // The head comes with them.
    let mut bytes = 64 * 1024;
    for (key, value) in pending.writes.iter().skip(record.folded) {
        let write = match value {
            Some(value) => Write::Put {
                key: key.clone(),
                value: value.clone(),
            },
            None => Write::Delete { key: key.clone() },
        };
        if writes.len() + 2 > limits.batch_rows || bytes + write.bytes() > limits.batch_bytes {
            break;
        }
        bytes += write.bytes();
        writes.push(write);
    }
    record.folded += writes.len();
    let rows = writes.len();
    let done = record.folded >= pending.writes.len();
    let mut all_gone = done;
    if done {
        let room = limits.batch_rows - 1 - rows;
        // What does not fit is like the rows of a plan that never became true.
        all_gone = record.chunks <= room;
        let chunks = (0..record.chunks.min(room)).map(|number| Write::Delete {
            key: keys::plan(record.plan, number),
        });
        writes.extend(chunks);
        head.pending = None;
    }
    let etag = move_head(handle, published, &head, writes).await?;
    metrics::folded(rows);
    handle.publish(Published {
        head,
        etag,
        vocabulary: published.vocabulary.clone(),
        book: Arc::clone(&published.book),
        pending: (!done).then(|| pending.clone()),
    });
    if all_gone {
        forget_hint(handle, keys::plan_hint(handle.id, pending.plan)).await;
    }
    Ok(())
}

/// Commits writes with a head that has the same version.
async fn move_head(
    handle: &SpaceHandle,
    published: &Published,
    head: &HeadRecord,
    writes: Vec<Write>,
) -> Result<Etag, StoreError> {
    let replace = Write::Replace {
        key: keys::head(),
        value: encode(head),
        etag: published.etag.clone(),
    };
    let all: Vec<Write> = std::iter::once(replace).chain(writes).collect();
    let rows = all.len();
    let etags = handle.store.commit(&handle.partition, all).await?;
    metrics::commit(rows);
    Ok(etags
        .into_iter()
        .next()
        .unwrap_or_else(|| Etag(bytes::Bytes::new())))
}

/// One hint too many does no harm; it is removed when somebody comes by.
async fn forget_hint(handle: &SpaceHandle, key: RowKey) {
    let write = vec![Write::Delete { key }];
    if let Err(error) = handle.store.commit(&keys::system_partition(), write).await {
        tracing::debug!(%error, space = %handle.id, "a hint of a plan stays for now");
    }
}

/// What moves while somebody writes a plan or folds it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The plan that the head names, and how many of its writes are in their places.
    folded: Option<(Uuid, usize)>,
    /// Rows of plans.
    rows: Vec<RowKey>,
}

/// How far a space is with its plans. Two that are the same, with some time between them, mean that nobody is at it.
pub(crate) async fn progress(handle: &SpaceHandle) -> Result<Progress, StoreError> {
    handle.reload().await.map_err(as_store_error)?;
    let published = handle.published();
    let (rows, _) = read_plans(handle, LOOKED_AT).await?;
    let pending = published.head.pending.as_ref();
    Ok(Progress {
        folded: pending.map(|record| (record.plan, record.folded)),
        rows,
    })
}

/// Finishes the plan of a space whose process may have died, and removes rows of plans that never became true. The
/// head is moved in any case: a process that is about to make such a plan true decides anew.
pub(in super::super) async fn tidy(handle: &SpaceHandle) -> Result<(), StoreError> {
    let mut lost = 0;
    loop {
        handle.reload().await.map_err(as_store_error)?;
        let published = finish(handle).await?;
        let room = handle.store.limits().batch_rows - 1;
        let (dead, more) = read_plans(handle, room).await?;
        let writes = dead.into_iter().map(|key| Write::Delete { key }).collect();
        let head = published.head.clone();
        match move_head(handle, &published, &head, writes).await {
            Ok(etag) => {
                handle.publish(Published {
                    head,
                    etag,
                    vocabulary: published.vocabulary.clone(),
                    book: Arc::clone(&published.book),
                    pending: None,
                });
                if !more {
                    return Ok(());
                }
                lost = 0;
            }
            Err(
                error @ (StoreError::Changed { .. }
                | StoreError::Exists { .. }
                | StoreError::OutcomeUnknown { .. }),
            ) => {
                lost += 1;
                if lost > TRIES {
                    return Err(error);
                }
                backoff(lost).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn as_store_error(failure: Failure) -> StoreError {
    match failure {
        Failure::Store(error) => error,
        other @ (Failure::Refused(_) | Failure::Record(_)) => StoreError::Unavailable {
            reason: other.to_string(),
            retry_after: None,
            source: None,
        },
    }
}
