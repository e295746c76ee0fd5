//! What every part of the benchmark needs: sizes, durations, where things are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::arguments::Arguments;

/// Sizes and places of a run.
#[derive(Debug)]
pub(crate) struct Setup {
    /// Small sizes, short rounds.
    pub(crate) quick: bool,
    /// Threads of each HTTP server.
    pub(crate) workers: usize,
    /// How often each thing is measured, interleaved with what it is compared with.
    pub(crate) rounds: usize,
    /// Length of one round under load.
    pub(crate) round: Duration,
    /// Length of one measurement of latencies.
    pub(crate) latency_round: Duration,
    /// Nodes in one space.
    pub(crate) growth: &'static [usize],
    /// Number of spaces.
    pub(crate) spaces: usize,
    dir: PathBuf,
    keep: bool,
}

impl Setup {
    pub(crate) fn new(arguments: &Arguments) -> Outcome<Self> {
        std::fs::create_dir_all(&arguments.dir)
            .map_err(|error| format!("{} cannot be made: {error}", arguments.dir.display()))?;
        let quick = arguments.quick;
        Ok(Self {
            quick,
            workers: arguments.workers.max(1),
            rounds: if quick { 1 } else { 3 },
            round: if quick {
                Duration::from_secs(1)
            } else {
                Duration::from_secs(5)
            },
            latency_round: if quick {
                Duration::from_millis(200)
            } else {
                Duration::from_secs(2)
            },
            growth: if quick {
                &[10_000]
            } else {
                &[10_000, 100_000, 1_000_000]
            },
            spaces: if quick { 2_000 } else { 100_000 },
            dir: arguments.dir.clone(),
            keep: arguments.keep,
        })
    }

    /// A fresh directory; gone when dropped, unless it is to be kept.
    pub(crate) fn directory(&self) -> Outcome<TempDir> {
        let mut directory = tempfile::Builder::new()
            .prefix("product-bench-")
            .tempdir_in(&self.dir)?;
        directory.disable_cleanup(self.keep);
        Ok(directory)
    }
}

/// Runs the measuring side on one thread, like the load generator `wrk -t1`: on a small machine every further
/// thread would take time away from the server.
pub(crate) fn client_runtime() -> Outcome<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// A file of the repository.
pub(crate) fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
