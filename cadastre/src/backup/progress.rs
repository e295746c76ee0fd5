//! Tells how far it is: a line that changes on a terminal, a plain line now and then elsewhere, and a summary.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal;

/// How often a plain line says how far we are.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// How often somebody who waits is told.
const LOOK: Duration = Duration::from_millis(500);

/// See the module.
pub(super) struct Progress {
    doing: Mutex<(&'static str, Instant)>,
    rows: AtomicU64,
    partitions: AtomicU64,
    started: Instant,
    plain: Mutex<Instant>,
    bar: ProgressBar,
}

impl Progress {
    /// `doing` is what becomes of rows: "copied".
    pub(super) fn start(doing: &'static str) -> Self {
        let bar = ProgressBar::no_length();
        if std::io::stderr().is_terminal() {
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
        } else {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let now = Instant::now();
        Self {
            doing: Mutex::new((doing, now)),
            rows: AtomicU64::new(0),
            partitions: AtomicU64::new(0),
            started: now,
            plain: Mutex::new(now),
            bar,
        }
    }

    /// Something else begins to become of all rows.
    pub(super) fn begin(&self, doing: &'static str) {
        if let Ok(mut now) = self.doing.lock() {
            *now = (doing, Instant::now());
        }
        self.rows.store(0, Ordering::Relaxed);
        self.partitions.store(0, Ordering::Relaxed);
    }

    /// More rows, and maybe the end of their partition.
    pub(super) fn count(&self, rows: usize, end: bool) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.partitions.fetch_add(u64::from(end), Ordering::Relaxed);
        self.show();
    }

    /// So many rows in all.
    pub(super) fn so_many(&self, rows: u64) {
        self.rows.store(rows, Ordering::Relaxed);
        self.show();
    }

    /// Waits for something, and tells meanwhile how many rows were read for it: a large address space is read to its end
    /// before its first row goes on.
    pub(super) async fn watching<T>(&self, read: &AtomicU64, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut look = tokio::time::interval_at(tokio::time::Instant::now() + LOOK, LOOK);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = look.tick() => {
                    // First what moves: until that address space is read, nothing becomes of its rows.
                    self.tell(&format!("{} rows read, {}", read.load(Ordering::Relaxed), self.in_words()));
                }
            }
        }
    }

    fn show(&self) {
        self.tell(&self.in_words());
    }

    fn tell(&self, line: &str) {
        if !self.bar.is_hidden() {
            self.bar.set_message(line.to_owned());
            self.bar.tick();
            return;
        }
        if let Ok(mut last) = self.plain.lock()
            && last.elapsed() >= PLAIN_EVERY
        {
            *last = Instant::now();
            terminal::complain(line);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "it is told with four digits")]
    fn in_words(&self) -> String {
        let (doing, since) = self.doing.lock().map_or(("done", self.started), |doing| *doing);
        let rows = self.rows.load(Ordering::Relaxed);
        let rate = rows as f64 / since.elapsed().as_secs_f64().max(0.001);
        let partitions = match self.partitions.load(Ordering::Relaxed) {
            0 => String::new(),
            partitions => format!(" of {partitions} partitions"),
        };
        format!("{rows} rows{partitions} {doing} ({rate:.0}/s)")
    }

    /// Says something between.
    pub(super) fn note(&self, line: &str) {
        self.bar.suspend(|| terminal::complain(line));
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Says what has come of it.
    pub(super) fn sum_up(&self, said: &str) {
        self.clear();
        terminal::complain(&format!(
            "{said} ({:.1} s).",
            self.started.elapsed().as_secs_f64()
        ));
    }
}
