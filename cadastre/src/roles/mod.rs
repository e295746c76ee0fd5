//! Runs a role: log, metrics, runtime, listener, then the role's own wiring, and the end.

mod dataaccess;
mod door;
mod frontend;
mod gateway;
mod serve;
mod split;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess, OpenError};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::Instant;

use crate::config::{Effective, Role, unknown_variables};
use crate::failure::Failure;
use crate::http::Listener;
use crate::{cache, logging, metering, store, terminal};

/// Time for threads that block when everything else is done.
const LAST_MOMENT: Duration = Duration::from_millis(300);

/// What every role starts with.
struct Start<'a> {
    settings: &'a Effective,
    listener: Listener,
    metrics: PrometheusHandle,
}

/// Runs a role until it is told to end.
pub(crate) fn run(settings: &Effective) -> Result<(), Failure> {
    // Dropped last: what is still to be logged is written out.
    let _log = logging::start(settings)?;
    warn_of_unknown_variables();
    let listener = Listener::open(settings)?;
    let metrics = metering::start(settings.role())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("cadastre")
        .build()
        .map_err(|error| Failure::new(format!("No threads can be started: {error}.")))?;
    let start = Start {
        settings,
        listener,
        metrics,
    };
    let result = runtime.block_on(async {
        tokio::spawn(metering::upkeep(start.metrics.clone()));
        match settings.role() {
            Role::Serve => Box::pin(serve::run(start)).await,
            Role::DataAccess => Box::pin(dataaccess::run(start)).await,
            Role::Frontend => Box::pin(frontend::run(start)).await,
            Role::Gateway => Box::pin(gateway::run(start)).await,
        }
    });
    runtime.shutdown_timeout(LAST_MOMENT);
    if result.is_ok() {
        tracing::info!("stopped");
    }
    result
}

/// Refuses settings of store and cache that cannot be used, before anything is made; the answer is the cache.
fn check_records(settings: &Effective) -> Result<Option<cache::Opened>, Failure> {
    store::check(settings)?;
    cache::open(settings)
}

/// Opens the store and the data access layer on it.
async fn open_records(
    settings: &Effective,
    listener: &Listener,
    cache: Option<cache::Opened>,
) -> Result<Arc<LocalDataAccess>, Failure> {
    let store = store::open(settings)?;
    let config = DataAccessConfig {
        cache: cache.and_then(|cache| cache.unless(store.limits().exclusive)),
        ..DataAccessConfig::default()
    };
    waiting::for_store(settings, listener, store.as_ref()).await?;
    LocalDataAccess::open(store, config).await.map_err(|error| {
        let url = settings.text(&crate::config::table::STORE).unwrap_or_default();
        let what_to_do = match error {
            OpenError::Store(_) => " Restore a backup into another store, or name another one.",
            OpenError::NewerFormat { .. } | OpenError::NotWhole { .. } => "",
        };
        Failure::new(format!(
            "The records in {url} cannot be used: {error}.{what_to_do}"
        ))
    })
}

/// Finishes what the data access layer has begun, as far as there is time, and closes the store.
async fn close_records(access: &LocalDataAccess, deadline: Instant) {
    if tokio::time::timeout_at(deadline, access.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("background work was cut short; the next start goes on with it");
    }
    access.close().await;
}

/// A misspelt variable would be ignored in silence.
fn warn_of_unknown_variables() {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for (variable, near) in unknown_variables(names, &crate::variables_of_the_client()) {
        tracing::warn!(
            variable,
            near = near.as_deref(),
            "an environment variable that no setting has is ignored"
        );
    }
}

/// Tells the operator where things are.
fn announce(lines: &[(&str, String)]) {
    terminal::say(&format!("Cadastre {}", env!("CARGO_PKG_VERSION")));
    for (what, value) in lines {
        terminal::say(&format!("  {what:<16}{value}"));
    }
}
