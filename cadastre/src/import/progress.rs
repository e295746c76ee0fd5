//! Tells how far an import is: a bar on a terminal, plain lines elsewhere, failed lines by number, and a summary.

use std::cell::Cell;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use cadastre_api_types::public::{FailedLine, Import};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal;

/// Failed lines that are told one by one; `--errors` has them all.
pub(super) const TOLD: u64 = 20;
/// How often a plain line says how far we are.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// What has become of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) created: u64,
    pub(super) unchanged: u64,
    pub(super) updated: u64,
    pub(super) failed: u64,
}

impl From<&Import> for Counts {
    fn from(import: &Import) -> Self {
        Self {
            created: import.created,
            unchanged: import.unchanged,
            updated: import.updated,
            failed: import.failed,
        }
    }
}

impl Counts {
    pub(super) fn lines(self) -> u64 {
        self.created + self.unchanged + self.updated + self.failed
    }

    fn in_words(self) -> String {
        let Self {
            created,
            unchanged,
            updated,
            failed,
        } = self;
        format!("{created} created, {unchanged} unchanged, {updated} updated, {failed} failed")
    }
}

/// Tells. Whoever sends and whoever watches share it.
pub(super) struct Progress {
    counts: Cell<Counts>,
    started: Instant,
    /// Lines that an earlier run has settled: they say nothing about how fast this one is.
    before: Cell<u64>,
    /// When a plain line was told last, and of how many lines it told.
    plain: Cell<(Instant, u64)>,
    bar: ProgressBar,
    /// Failed lines that were told, and the number of the last one.
    told: Cell<(u64, u64)>,
}

impl Progress {
    /// `bytes` is the size of the file, where it is known.
    pub(super) fn start(bytes: Option<u64>) -> Self {
        let bar = match bytes {
            Some(bytes) => ProgressBar::new(bytes),
            None => ProgressBar::no_length(),
        };
        if std::io::stderr().is_terminal() {
            let template = if bytes.is_some() {
                "{bar:30} {percent:>3} %  {msg}"
            } else {
                "{spinner} {msg}"
            };
            bar.set_style(
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
        } else {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let now = Instant::now();
        Self {
            counts: Cell::default(),
            started: now,
            before: Cell::default(),
            plain: Cell::new((now, 0)),
            bar,
            told: Cell::default(),
        }
    }

    /// An earlier run has come up to here.
    pub(super) fn goes_on(&self, import: &Import) {
        self.before.set(Counts::from(import).lines());
        self.show(Counts::from(import), import.bytes);
    }

    /// So much is done, up to this byte of the file.
    pub(super) fn show(&self, counts: Counts, position: u64) {
        self.counts.set(counts);
        if position > self.bar.position() {
            self.bar.set_position(position);
        }
        if !self.bar.is_hidden() {
            self.bar.set_message(self.in_words());
            return;
        }
        let (when, lines) = self.plain.get();
        if when.elapsed() >= PLAIN_EVERY && counts.lines() > lines {
            self.plain.set((Instant::now(), counts.lines()));
            terminal::complain(&self.in_words());
        }
    }

    /// There are failed lines that may be told.
    pub(super) fn has_more_to_tell(&self, counts: Counts) -> bool {
        let (told, _) = self.told.get();
        told < counts.failed && told <= TOLD
    }

    /// A line failed; they come in their order, and may come again.
    pub(super) fn tell_failed(&self, failed: &FailedLine) {
        let (told, last) = self.told.get();
        if failed.line <= last || told > TOLD {
            return;
        }
        self.told.set((told + 1, failed.line));
        if told == TOLD {
            self.note("More lines failed; --errors FILE writes them all.");
            return;
        }
        let place = match &failed.prefix {
            Some(prefix) => format!(" ({prefix})"),
            None => String::new(),
        };
        let (number, message) = (failed.line, failed.error.message.as_str());
        // The server says of lines that it cannot read which ones they are.
        let message = message
            .strip_prefix(&format!("Line {number}: "))
            .unwrap_or(message);
        self.note(&format!("line {number}{place}: {message}"));
    }

    /// Says something between.
    pub(super) fn note(&self, line: &str) {
        self.bar.suspend(|| terminal::complain(line));
    }

    fn in_words(&self) -> String {
        let counts = self.counts.get();
        format!(
            "{} lines ({:.0}/s): {}",
            counts.lines(),
            self.rate(),
            counts.in_words()
        )
    }

    fn rate(&self) -> f64 {
        let lines = self.counts.get().lines().saturating_sub(self.before.get());
        lines as f64 / self.started.elapsed().as_secs_f64().max(0.001)
    }

    /// What was shown last.
    pub(super) fn counts(&self) -> Counts {
        self.counts.get()
    }

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Says what happened.
    pub(super) fn sum_up(&self, counts: Counts, dry_run: bool) {
        self.counts.set(counts);
        self.clear();
        terminal::say(&format!(
            "{}{} lines in {:.1} s ({:.0}/s): {}.",
            if dry_run {
                "Dry run, nothing was changed. "
            } else {
                ""
            },
            counts.lines(),
            self.started.elapsed().as_secs_f64(),
            self.rate(),
            counts.in_words()
        ));
    }
}
