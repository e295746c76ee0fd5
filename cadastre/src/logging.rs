//! The log: filtered, text or JSON, to standard error through a thread of its own, so that a request never
//! waits for a terminal or a slow collector (lines are dropped before requests are).

use std::io::BufWriter;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{Effective, table};
use crate::failure::Failure;

/// Lines that wait for a slow reader before more are dropped.
const LINES_WAITING: usize = 64 * 1024;
/// Bytes that are written together while more lines are waiting; the last of them is never held back.
const TOGETHER: usize = 64 * 1024;

/// Targets that nothing is logged of, whatever the filter says.
const WITH_SECRETS: [&str; 3] = ["azure_core", "azure_storage", "azure_data_tables"];

/// Starts the log; what is waiting is written when the guard is dropped.
pub(crate) fn start(settings: &Effective) -> Result<WorkerGuard, Failure> {
    let filter = EnvFilter::try_new(settings.text(&table::LOG).unwrap_or_default())
        .map_err(|error| settings.refuse(&table::LOG, &format!("is not a log filter: {error}")))?;
    // The SDK of Azure writes whole requests into its log, with their signatures.
    let filter = WITH_SECRETS
        .iter()
        .filter_map(|target| format!("{target}=off").parse().ok())
        .fold(filter, EnvFilter::add_directive);
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES_WAITING)
        .finish(BufWriter::with_capacity(TOGETHER, std::io::stderr()));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(BoxMakeWriter::new(writer));
    if settings.text(&table::LOG_FORMAT) == Some("json") {
        builder.json().flatten_event(true).with_current_span(false).init();
    } else {
        let colours = std::io::IsTerminal::is_terminal(&std::io::stderr())
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        builder.with_ansi(colours).init();
    }
    log_panics();
    Ok(guard)
}

/// A panic is a fault of ours: it belongs in the log, where the correlation id of its request is near.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic
            .payload()
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.payload().downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "(no message)".to_owned());
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(%place, %thread, %backtrace, "panic: {text}");
    }));
}
