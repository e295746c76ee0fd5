//! Deleting a space: visible at once, purged in bounded batches, resumable by anybody at any point.
//!
//! 1. a hint in the catalogue's partition says that a deletion may have begun;
//! 2. the space's head is fenced: from here on every read and write of it is a 404;
//! 3. the space leaves the catalogue, and the caller is answered;
//! 4. rows go in batches, all but head and journal (the audit stays);
//! 5. the hint goes.
//!
//! Dead before 2, the deletion was never acknowledged and the hint alone is dropped (when it has been there for a
//! while: another process may be on its way to 2); dead later, it is finished.

use std::sync::Arc;

use cadastre_api_types::internal::CallContext;
use cadastre_domain::Scope;
use cadastre_storage::{Store, StoreError, Write};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::catalogue::Catalogue;
use crate::config::DataAccessConfig;
use crate::errors::Outcome;
use crate::keys;
use crate::metrics;
use crate::records::{HeadRecord, PartitionState, decode};
use crate::watch::Watch;

/// Deletes the rows of a fenced space. `false` = stopped before the end; done again later it goes on.
async fn purge(
    store: &Arc<dyn Store>,
    config: &DataAccessConfig,
    space: Uuid,
    stop: &CancellationToken,
) -> Outcome<bool> {
    let partition = keys::space_partition(space);
    let batch = config.purge_batch_rows.min(store.limits().batch_rows);
    for range in keys::purged_ranges() {
        loop {
            if stop.is_cancelled() {
                return Ok(false);
            }
            // Always from the start: what was deleted is not found again.
            let page = store.scan(&partition, &range, batch).await?;
            let done = page.next.is_none();
            let rows = page.rows.len();
            if rows > 0 {
                let writes = page
                    .rows
                    .into_iter()
                    .map(|row| Write::Delete { key: row.key })
                    .collect();
                store.commit(&partition, writes).await?;
                metrics::purged(rows);
            }
            if done {
                break;
            }
            // Requests go first.
            tokio::task::yield_now().await;
        }
    }
    store
        .commit(
            &keys::system_partition(),
            vec![Write::Delete {
                key: keys::purge_hint(space),
            }],
        )
        .await?;
    Ok(true)
}

/// Finishes the deletions that have begun.
pub(crate) async fn finish(
    store: &Arc<dyn Store>,
    config: &DataAccessConfig,
    catalogue: &Catalogue,
    stop: &CancellationToken,
    unfenced: &mut Watch,
) -> Outcome<()> {
    let (hints, _) = catalogue.rows().scan(&keys::purge_hints(), 10_000).await?;
    let abandoned = unfenced.still(hints.iter().map(|(key, _)| key));
    for (key, _) in hints {
        let Some(space) = keys::parse_purge_hint(&key) else {
            continue;
        };
        if let Err(failure) =
            finish_one(store, config, catalogue, stop, space, abandoned.contains(&key)).await
        {
            tracing::error!(%space, %failure, "a deletion could not be finished; it is tried again");
        }
    }
    Ok(())
}

async fn finish_one(
    store: &Arc<dyn Store>,
    config: &DataAccessConfig,
    catalogue: &Catalogue,
    stop: &CancellationToken,
    space: Uuid,
    abandoned: bool,
) -> Outcome<()> {
    let key = keys::purge_hint(space);
    let Some(hint) = store.get(&keys::system_partition(), &key).await? else {
        return Ok(());
    };
    {
        // Not between the hint and the fence of a deletion of our own.
        let _held = catalogue.hold().await;
        let head = store.get(&keys::space_partition(space), &keys::head()).await?;
        let fenced = match head {
            Some(row) => decode::<HeadRecord>(&row.key, &row.value)?.state == PartitionState::Deleting,
            None => true,
        };
        if !fenced && !abandoned {
            return Ok(());
        }
        if !fenced {
            // Only this hint: the deletion may have been begun anew meanwhile.
            let write = Write::DeleteIf { key, etag: hint.etag };
            match store.commit(&keys::system_partition(), vec![write]).await {
                Ok(_) | Err(StoreError::Changed { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
    let context = CallContext {
        actor: "system".to_owned(),
        correlation_id: format!("purge-{space}"),
        scope: Scope::Whole,
    };
    catalogue.strike(&context, space).await?;
    if purge(store, config, space, stop).await? {
        tracing::info!(%space, "address space purged");
    }
    Ok(())
}
