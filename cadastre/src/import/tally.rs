//! Counts outcomes and tells about them: a progress bar on a terminal, plain lines elsewhere, failed lines by
//! number, and a summary.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::upload::Outcome;
use crate::failure::Failure;
use crate::terminal;
use cadastre_frontend::prefix_file::BadLine;

/// Failed lines that are told one by one; `--errors` has them all.
const TOLD: u64 = 20;
/// How often a plain line says how far we are.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) created: u64,
    pub(super) unchanged: u64,
    pub(super) updated: u64,
    pub(super) failed: u64,
}

impl Counts {
    fn lines(self) -> u64 {
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

/// Counts and tells.
pub(super) struct Tally {
    counts: Counts,
    started: Instant,
    told: Instant,
    bar: ProgressBar,
    errors: Option<BufWriter<File>>,
    /// Numbers of the lines that failed: who repeats one of them fails too.
    failed: HashSet<u64>,
}

impl Tally {
    /// `bytes` is the size of the file, where it is known.
    pub(super) fn start(bytes: Option<u64>, errors: Option<&Path>) -> Result<Self, Failure> {
        let errors = match errors {
            None => None,
            Some(path) => Some(BufWriter::new(File::create(path).map_err(|error| {
                Failure::usage(format!(
                    "The file {} for failed lines cannot be written: {error}.",
                    path.display()
                ))
            })?)),
        };
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
        Ok(Self {
            counts: Counts::default(),
            started: now,
            told: now,
            bar,
            errors,
            failed: HashSet::new(),
        })
    }

    /// One more line is done; lines come in their order.
    pub(super) fn count(&mut self, outcome: Outcome, end: Option<u64>) {
        match outcome {
            Outcome::Created => self.counts.created += 1,
            Outcome::Unchanged => self.counts.unchanged += 1,
            Outcome::Updated => self.counts.updated += 1,
            Outcome::Failed(bad) => self.fail(&bad),
            Outcome::Repeats { line, of } if self.failed.contains(&of) => {
                let message = format!("says the same as line {of}, which failed");
                self.fail(&BadLine::of(&line, None, message));
            }
            Outcome::Repeats { .. } => self.counts.unchanged += 1,
        }
        if let Some(end) = end.filter(|end| *end > self.bar.position()) {
            self.bar.set_position(end);
        }
        if self.bar.is_hidden() {
            if self.told.elapsed() >= PLAIN_EVERY {
                self.told = Instant::now();
                terminal::complain(&self.progress());
            }
        } else {
            self.bar.set_message(self.progress());
        }
    }

    fn fail(&mut self, bad: &BadLine) {
        self.counts.failed += 1;
        self.failed.insert(bad.line);
        if let Some(file) = &mut self.errors {
            let written = serde_json::to_writer(&mut *file, bad).map_err(std::io::Error::from);
            if let Err(error) = written.and_then(|()| file.write_all(b"\n")) {
                self.errors = None;
                self.tell(&format!(
                    "The file for failed lines cannot be written any more: {error}."
                ));
            }
        }
        let place = bad
            .prefix()
            .map(|prefix| format!(" ({prefix})"))
            .unwrap_or_default();
        if self.counts.failed <= TOLD {
            self.tell(&format!("line {}{place}: {}", bad.line, bad.message));
        } else if self.counts.failed == TOLD + 1 {
            self.tell("More lines failed; --errors FILE writes them all.");
        }
    }

    fn tell(&self, line: &str) {
        self.bar.suspend(|| terminal::complain(line));
    }

    fn progress(&self) -> String {
        format!("{} ({:.0}/s)", self.counts.in_words(), self.rate())
    }

    fn rate(&self) -> f64 {
        self.counts.lines() as f64 / self.started.elapsed().as_secs_f64().max(0.001)
    }

    /// Ends the bar, closes the file, says what happened.
    pub(super) fn finish(mut self, dry_run: bool) -> Counts {
        self.bar.finish_and_clear();
        if let Some(Err(error)) = self.errors.as_mut().map(BufWriter::flush) {
            terminal::complain(&format!(
                "The file for failed lines could not be written: {error}."
            ));
        }
        terminal::say(&format!(
            "{}{} lines in {:.1} s ({:.0}/s): {}.",
            if dry_run {
                "Dry run, nothing was changed. "
            } else {
                ""
            },
            self.counts.lines(),
            self.started.elapsed().as_secs_f64(),
            self.rate(),
            self.counts.in_words()
        ));
        self.counts
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_frontend::prefix_file::Line;

    #[test]
    fn a_line_that_repeats_another_ends_as_that_one_did() {
        let line = |number| Line {
            number,
            end: 0,
            prefix: "10.0.0.0/8".to_owned(),
            description: None,
            tags: std::collections::BTreeMap::new(),
        };
        let mut tally = Tally::start(None, None).unwrap();
        tally.count(Outcome::Created, None);
        tally.count(Outcome::Failed(BadLine::of(&line(3), None, "no")), None);
        tally.count(Outcome::Repeats { line: line(4), of: 2 }, None);
        tally.count(Outcome::Repeats { line: line(5), of: 3 }, None);
        let counts = tally.finish(false);
        assert_eq!((counts.created, counts.unchanged, counts.failed), (1, 1, 2));
    }
}
