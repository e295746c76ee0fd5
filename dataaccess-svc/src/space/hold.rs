//! The writer's side of a backup's hold: a mark in the head asks for a moment of quiet. It is granted once, and never for
//! longer than [`LONGEST`] by this process's own clock, whatever has become of the backup.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use cadastre_storage::StoreError;

use super::SpaceHandle;
use super::handle::Published;
use crate::keys;

const LONGEST: Duration = Duration::from_secs(2);
/// Between two looks at the head.
const LOOK: Duration = Duration::from_millis(20);

/// The hold that was met last, and when.
pub(crate) type Met = parking_lot::Mutex<Option<(Uuid, Instant)>>;

/// Waits as long as the head asks for it; `true` = the head has changed meanwhile.
pub(super) async fn waited(handle: &SpaceHandle, published: &Published) -> Result<bool, StoreError> {
    let Some(hold) = published.head.hold else {
        return Ok(false);
    };
    let since = {
        let mut met = handle.hold.lock();
        match *met {
            Some((known, since)) if known == hold => since,
            Some(_) | None => {
                let now = Instant::now();
                *met = Some((hold, now));
                now
            }
        }
    };
    while since.elapsed() < LONGEST {
        tokio::time::sleep(LOOK).await;
        let head = handle.store.get(&handle.partition, &keys::head()).await?;
        if head.is_none_or(|head| head.etag != published.etag) {
            return Ok(true);
        }
    }
    Ok(false)
}
