//! The time before what a process stands on can be used, a store that is a service or the data access services: the
//! process waits, and says at `/ready` and in the log what is wrong, so that a wrong key, a wrong token or an absent network
//! is put right without a restart.

use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, web};
use cadastre_api_types::correlation::acceptable_correlation_id;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_dataaccess::{HttpDataAccess, check_table};
use cadastre_storage::{Store, StoreError};
use tokio::sync::watch;
use uuid::Uuid;

use crate::config::{Effective, table};
use crate::failure::{Failure, sentence};
use crate::http::{self, Listener};
use crate::shutdown::{self, Drain};

/// Between two looks: the first one, doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// What is still wrong is said in the log again after so many looks.
const LOOKS_BETWEEN_LINES: u32 = 12;

/// Waits until the store answers.
///
/// # Errors
/// What no waiting helps against, or the signal to end.
pub(super) async fn for_store(
    settings: &Effective,
    listener: &Listener,
    store: &dyn Store,
) -> Result<(), Failure> {
    wait(settings, listener, "the store", || look(settings, store)).await
}

/// Waits until a data access service answers, and knows our token.
///
/// # Errors
/// The signal to end.
pub(super) async fn for_data_access(
    settings: &Effective,
    listener: &Listener,
    access: &HttpDataAccess,
) -> Result<(), Failure> {
    wait(settings, listener, "data access", || async {
        Ok(access.what_is_wrong().await)
    })
    .await
}

/// Waits until nothing is wrong.
async fn wait<F>(
    settings: &Effective,
    listener: &Listener,
    what: &str,
    look: impl Fn() -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<Option<String>, Failure>>,
{
    let mut wrong = match look().await? {
        None => return Ok(()),
        Some(wrong) => wrong,
    };
    let (told, answers) = watch::channel(wrong.clone());
    // Its own end: whoever ends the process now ends the waiting, not a server.
    let drain = Drain::new(settings, None)?;
    let server = http::start(settings, listener.again()?, &drain, move || {
        App::new()
            .app_data(web::Data::new(answers.clone()))
            .route("/health", web::get().to(health))
            .default_service(web::to(not_ready))
    })?;
    let handle = server.handle();
    tokio::spawn(server);
    tracing::warn!(reason = %wrong, "{what} cannot be used yet; waiting for it");
    // One for the whole time: a signal that comes while nobody waits for it is lost.
    let mut signal = std::pin::pin!(shutdown::wait_for_signal());
    let mut pause = FIRST_PAUSE;
    for looks in 1_u32.. {
        let again = async {
            tokio::time::sleep(pause).await;
            look().await
        };
        let found = tokio::select! {
            found = again => found?,
            () = &mut signal => {
                handle.stop(false).await;
                return Err(Failure::stopped(format!("Stopped while waiting for {what}. {wrong}")));
            }
        };
        pause = (pause * 2).min(LONGEST_PAUSE);
        let Some(now) = found else { break };
        if now != wrong || looks.is_multiple_of(LOOKS_BETWEEN_LINES) {
            tracing::warn!(reason = %now, "{what} cannot be used yet; waiting for it");
            told.send_replace(now.clone());
            wrong = now;
        }
    }
    tracing::info!("{what} can be used now");
    handle.stop(true).await;
    Ok(())
}

/// What is wrong with the store, as far as it may pass.
async fn look(settings: &Effective, store: &dyn Store) -> Result<Option<String>, Failure> {
    let error = match store.ping().await {
        Ok(()) => return look_at_table(settings, store).await,
        Err(error) => error,
    };
    let url = settings.text(&table::STORE).unwrap_or_default();
    let said = format!(
        "The store {url} cannot be used: {}.",
        error.to_string().trim_end_matches('.')
    );
    match error {
        StoreError::Unavailable { .. } | StoreError::OutcomeUnknown { .. } if !store.limits().exclusive => {
            Ok(Some(said))
        }
        StoreError::Unavailable { .. }
        | StoreError::OutcomeUnknown { .. }
        | StoreError::Exists { .. }
        | StoreError::Changed { .. }
        | StoreError::Invalid { .. }
        | StoreError::Unsupported { .. }
        | StoreError::Corrupt { .. }
        | StoreError::InUse { .. } => Err(Failure::new(said)),
    }
}

/// What is wrong with what is in it: somebody else may put that right where others write the store, too.
async fn look_at_table(settings: &Effective, store: &dyn Store) -> Result<Option<String>, Failure> {
    match check_table(store).await {
        Ok(()) => Ok(None),
        Err(error) => {
            let url = settings.text(&table::STORE).unwrap_or_default();
            let said = sentence(&format!("The store {url} cannot be served: {error}"));
            if !store.limits().exclusive {
                Ok(Some(said))
            } else {
                Err(Failure::new(said))
            }
        }
    }
}

async fn health() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

/// The answer to everything else, `/ready` included.
async fn not_ready(request: HttpRequest, wrong: web::Data<watch::Receiver<String>>) -> HttpResponse {
    let theirs = request
        .headers()
        .get("x-correlation-id")
        .and_then(|value| value.to_str().ok())
        .filter(|text| acceptable_correlation_id(text));
    let id = theirs.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    // Nothing is done here yet: who asks may ask another one.
    let error = ApiError::new(ErrorCode::StoreUnavailable, wrong.borrow().clone())
        .with_details(serde_json::json!({ "leaving": true }));
    HttpResponse::ServiceUnavailable()
        .insert_header(("retry-after", "2"))
        .insert_header(("x-correlation-id", id.clone()))
        .json(error.into_body(id))
}
