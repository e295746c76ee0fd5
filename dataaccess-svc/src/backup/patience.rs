//! Asking a store again that is away or busy: a copy of hours shall not end because of a second.

use std::time::Duration;

use cadastre_storage::StoreError;
use tokio::time::Instant;

/// The longest time without any success.
const PATIENCE: Duration = Duration::from_secs(90);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Does what may be done again as often as one likes (reads, unconditional writes) until it works or patience ends.
pub(super) async fn patiently<T, F>(mut what: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let until = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match what().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let wish = match &error {
            StoreError::Unavailable { retry_after, .. } => *retry_after,
            StoreError::OutcomeUnknown { .. } => None,
            StoreError::Exists { .. }
            | StoreError::Changed { .. }
            | StoreError::Invalid { .. }
            | StoreError::Unsupported { .. }
            | StoreError::Corrupt { .. }
            | StoreError::InUse { .. } => return Err(error),
        };
        let wait = wish.unwrap_or(pause).max(pause);
        if Instant::now() + wait > until {
            return Err(error);
        }
        tracing::debug!(%error, ?wait, "the store is asked again");
        tokio::time::sleep(wait.mul_f64(rand::random_range(0.75..1.25))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
