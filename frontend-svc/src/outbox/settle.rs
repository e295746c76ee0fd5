//! What came of a try is written down. If that cannot be done, nothing is lost: the entry was claimed for a while only, and
//! is delivered again.

use std::time::Duration;

use cadastre_api_types::internal::{
    CallContext, ClaimedEntry, DataAccess, IspCommand, MutationOptions, SpaceCommand, SpaceCommandRequest,
};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::roles::Scope;

use super::verdict::Verdict;

/// Between two tries to write it down: the first pause, which doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const TRIES: u32 = 5;

/// The context of the deliverer's calls; the id finds them in the logs.
pub(super) fn context(what: &str) -> CallContext {
    CallContext {
        actor: "system".to_owned(),
        correlation_id: format!("outbox-{what}"),
        scope: Scope::Whole,
    }
}

/// Writes down what came of a try; whether that could be done.
pub(super) async fn settle(access: &dyn DataAccess, claimed: &ClaimedEntry, verdict: Verdict) -> bool {
    let id = claimed.entry.id;
    let retry_ms = verdict.wait_ms(claimed.entry.attempts.saturating_add(1));
    let command = SpaceCommand::Isp(Box::new(IspCommand::SettleOutbox {
        id,
        came: verdict.came,
        retry_ms,
    }));
    let request = SpaceCommandRequest {
        space: claimed.space,
        command,
        options: MutationOptions::default(),
    };
    let context = context(&id.simple().to_string());
    let mut pause = FIRST_PAUSE;
    for left in (0..TRIES).rev() {
        match access.space_command(&context, request.clone()).await {
            Ok(_) => return true,
            Err(error) if is_over(&error) => {
                tracing::debug!(entry = %id, %error, "an entry of the outbox is over already");
                return true;
            }
            Err(error) if left == 0 => {
                tracing::warn!(
                    entry = %id, space = %claimed.space, %error,
                    "what came of a delivery cannot be written down; it is delivered again"
                );
            }
            Err(_) => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
    }
    false
}

/// Entry or space are gone, or somebody else has ended it.
fn is_over(error: &ApiError) -> bool {
    matches!(
        error.code,
        ErrorCode::NotFound | ErrorCode::IllegalState | ErrorCode::Gone
    )
}
