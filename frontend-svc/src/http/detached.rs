//! Mutations outlive the connection that asked for them.

use std::future::Future;

use cadastre_api_types::{ApiError, ErrorCode};
use tracing::Instrument;

/// Runs a mutation in a task of its own. Cancel safety: when the client goes away and the handler is dropped,
/// the mutation still runs to its end, so that a commit is never torn from its answer's bookkeeping.
pub(crate) async fn detached<T, F>(mutation: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, ApiError>> + Send + 'static,
{
    match tokio::spawn(mutation.in_current_span()).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::error!(%error, "a mutation ended without an answer");
            Err(ApiError::new(
                ErrorCode::Internal,
                "A fault of the server: it is unknown whether the change was made. Read before sending it again.",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test]
    async fn a_mutation_goes_on_when_its_caller_is_dropped() {
        let done = Arc::new(AtomicBool::new(false));
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (go, may_go) = tokio::sync::oneshot::channel::<()>();
        let flag = Arc::clone(&done);
        let mut caller = Box::pin(detached(async move {
            let _ = started.send(());
            let _ = may_go.await;
            flag.store(true, Ordering::SeqCst);
            Ok(())
        }));
        tokio::select! {
            _ = &mut caller => unreachable!("it waits for us"),
            started = has_started => started.unwrap(),
        }
        drop(caller);
        go.send(()).unwrap();
        while !done.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_panic_inside_is_answered_not_passed_on() {
        let outcome: Result<(), ApiError> = detached(async { panic!("on purpose") }).await;
        assert_eq!(outcome.unwrap_err().code, ErrorCode::Internal);
    }
}
