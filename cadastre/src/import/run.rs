//! One import from its beginning to what is said in the end: what happened, which lines failed, how to go on.

use std::cell::RefCell;
use std::process::ExitCode;

use cadastre_api_types::public::{FailedLine, Import, ImportState};
use serde::Deserialize;

use super::api::Refusal;
use super::args::Mode;
use super::dry_run::{self, Tried};
use super::failures::Failures;
use super::job::NoAnswer;
use super::progress::Counts;
use super::upload::{Ended, Upload};
use crate::failure::{self, Failure};
use crate::interrupt::{INTERRUPTED, Interrupt};
use crate::terminal;

/// Most lines that can be imported as a whole.
const ATOMIC: u64 = 10_000;

/// What a dry run in parts means.
const PARTS: &str = "The server tries out 10,000 lines (or 6 MiB) at a time, so this file was tried out in parts, each against \
    what is there now: what lines of one part would make or change was not there for the lines of another. A prefix that is in \
    two parts counts in both.";

/// An import, and what it needs around it.
pub(super) struct Run<'a> {
    pub(super) upload: Upload<'a>,
    pub(super) failures: RefCell<Failures>,
    pub(super) interrupt: Interrupt,
}

/// What the refusal of an atomic import names.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    failed: u64,
    lines: Vec<FailedLine>,
}

impl Run<'_> {
    /// Imports. `goes_on`: somebody has named the key of an import that was begun before.
    pub(super) async fn import(self, goes_on: bool) -> Result<ExitCode, Failure> {
        if goes_on {
            self.look_back().await?;
        }
        match self.upload.run(&self.failures, &self.interrupt).await {
            Ok(Ended::Finished(import)) => {
                self.find_failed(&import).await;
                let counts = Counts::from(&import);
                self.upload.progress.sum_up(counts, false);
                self.failures.into_inner().write();
                Ok(exit_code(counts))
            }
            Ok(Ended::Refused(refusal)) => self.refused(&refusal).await,
            Ok(Ended::Stopped(import)) => {
                self.stopped(import).await;
                Ok(ExitCode::from(INTERRUPTED))
            }
            Err(failure) => {
                self.upload.progress.clear();
                let nothing_settled = match self.upload.job.glance().await {
                    Ok(Some(import)) => {
                        self.tell_kept(&import).await;
                        self.upload.progress.sum_up(Counts::from(&import), false);
                        self.say_if_incomplete(&import);
                        false
                    }
                    Ok(None) => true,
                    Err(NoAnswer) => false,
                };
                let how = self.upload.how_to_go_on();
                self.failures.into_inner().write();
                if nothing_settled {
                    return Err(failure);
                }
                let Failure { code, sentence } = failure;
                Err(Failure {
                    code,
                    sentence: format!("{sentence} {how}"),
                })
            }
        }
    }

    /// Where the import stands that is to go on.
    async fn look_back(&self) -> Result<(), Failure> {
        let progress = self.upload.progress;
        let found = self.upload.job.read().await;
        match found.map_err(|error| error.into_failure("The import cannot be found"))? {
            None => {
                progress.note("Nothing was settled with this key: the import begins with the first line.")
            }
            Some(import) if import.state == ImportState::Finished => {
                progress.note(
                    "The import with this key is finished: the file is only compared with what was sent.",
                );
                progress.goes_on(&import);
            }
            Some(import) => {
                progress.note(&format!("Going on behind line {}.", import.line));
                progress.goes_on(&import);
            }
        }
        Ok(())
    }

    async fn stopped(self, import: Option<Import>) {
        let progress = self.upload.progress;
        let how = self.upload.how_to_go_on();
        match import {
            None => {
                progress.clear();
                terminal::complain("Stopped before the server had settled anything: nothing was imported.");
            }
            Some(import) => {
                self.tell_kept(&import).await;
                progress.sum_up(Counts::from(&import), false);
                self.say_if_incomplete(&import);
                terminal::complain(&format!("Stopped behind line {}. {how}", import.line));
            }
        }
        self.failures.into_inner().write();
    }

    /// An atomic import that has imported nothing: every line that stands in its way is told.
    async fn refused(self, refusal: &Refusal) -> Result<ExitCode, Failure> {
        let progress = self.upload.progress;
        let named: Named = serde_json::from_value(refusal.details.clone()).unwrap_or_default();
        let more = named.failed > named.lines.len() as u64;
        for line in named.lines {
            progress.tell_failed(&line);
            self.failures.borrow_mut().add(line);
        }
        // The refusal names some; a dry run of the same lines names all.
        if more && self.failures.borrow().are_wanted() && self.upload.source.is_repeatable() {
            self.find_all_by_dry_run().await;
        }
        progress.clear();
        terminal::say(&format!(
            "Nothing was imported (--mode atomic): {} {} failed.",
            named.failed,
            if named.failed == 1 { "line" } else { "lines" }
        ));
        let failures = self.failures.into_inner();
        if failures.are_wanted() && failures.len() < named.failed {
            terminal::complain(&format!(
                "--errors holds {} of them, which are those that the server names.",
                failures.len()
            ));
        }
        failures.write();
        Ok(ExitCode::from(failure::SOME_LINES_FAILED))
    }

    /// The same lines fail in a dry run, and it changes nothing: what is there is unchanged.
    async fn find_all_by_dry_run(&self) {
        let upload = &self.upload;
        let Ok(lines) = upload.source.lines() else {
            return;
        };
        let keep = |_: &Tried, failed: Vec<FailedLine>| {
            let mut failures = self.failures.borrow_mut();
            failed.into_iter().for_each(|failed| failures.add(failed));
        };
        tokio::select! {
            tried = dry_run::run(upload, lines, keep) => {
                if let Err(failure) = tried {
                    upload.progress.note(&failure.sentence);
                }
            }
            () = self.interrupt.comes() => {}
        }
    }

    /// Tells the failed lines that the server keeps, and keeps them for `--errors`.
    async fn tell_kept(&self, import: &Import) {
        let progress = self.upload.progress;
        let wanted = self.failures.borrow().are_wanted();
        if import.failed == 0 || !(wanted || progress.has_more_to_tell(Counts::from(import))) {
            return;
        }
        match self.upload.job.kept_failed(import).await {
            Ok(lines) => {
                for line in lines {
                    progress.tell_failed(&line);
                    self.failures.borrow_mut().add(line);
                }
            }
            Err(error) => {
                progress.note(
                    &error
                        .into_failure("The lines that failed cannot be read")
                        .sentence,
                );
            }
        }
    }

    /// Sees to it that all failed lines of a finished import are known. The answer has those of its own request, the
    /// server keeps the first ones of all requests; if some fell between, a dry run finds them.
    async fn find_failed(&self, import: &Import) {
        self.tell_kept(import).await;
        let (wanted, explained) = {
            let failures = self.failures.borrow();
            (failures.are_wanted(), failures.explained())
        };
        if wanted && explained < import.failed && self.upload.source.is_repeatable() {
            self.upload.progress.note(
                "More lines failed than the server has explained; a dry run of the file, which changes nothing, finds them \
                 all.",
            );
            self.find_all_by_dry_run().await;
        }
        self.say_if_incomplete(import);
    }

    /// Says how many failed lines are wanted and not known.
    fn say_if_incomplete(&self, import: &Import) {
        let failures = self.failures.borrow();
        let lacks = import.failed.saturating_sub(failures.len());
        if failures.are_wanted() && lacks > 0 {
            self.upload.progress.note(&format!(
                "--errors lacks {lacks} of the lines that failed: the server keeps 1,000 of an import that was \
                 interrupted. A dry run of the whole file with --errors finds them."
            ));
        }
    }

    /// Tries out.
    pub(super) async fn try_out(self) -> Result<ExitCode, Failure> {
        let upload = &self.upload;
        let lines = upload.source.lines()?;
        let mut failures = self.failures.into_inner();
        let progress = upload.progress;
        let tell = |tried: &Tried, failed: Vec<FailedLine>| {
            for failed in failed {
                progress.tell_failed(&failed);
                failures.add(failed);
            }
            progress.show(tried.counts, tried.position);
        };
        let tried = tokio::select! {
            tried = dry_run::run(upload, lines, tell) => Some(tried),
            () = self.interrupt.comes() => None,
        };
        let code = match tried {
            Some(tried) => {
                let Tried { counts, parts, .. } = tried?;
                if parts > 1 {
                    progress.note(PARTS);
                }
                progress.sum_up(counts, true);
                warn_of_atomic(upload.mode, counts);
                exit_code(counts)
            }
            None => {
                progress.sum_up(progress.counts(), true);
                terminal::complain("Stopped: the lines behind these were not tried out.");
                ExitCode::from(INTERRUPTED)
            }
        };
        failures.write();
        Ok(code)
    }
}

/// What a dry run cannot show, because it tries out parts.
pub(super) fn warn_of_atomic(mode: Mode, counts: Counts) {
    if mode == Mode::Lines {
        return;
    }
    if counts.lines() > ATOMIC {
        terminal::complain(
            "With --mode atomic this file would be refused: 10,000 lines are the most that can be imported as a whole.",
        );
    } else if counts.failed > 0 {
        terminal::complain("With --mode atomic nothing would be imported until no line fails.");
    }
}

pub(super) fn exit_code(counts: Counts) -> ExitCode {
    ExitCode::from(if counts.failed == 0 {
        0
    } else {
        failure::SOME_LINES_FAILED
    })
}
