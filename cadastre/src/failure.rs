//! How a command ends badly: one clear sentence that says what to do, and an exit code. No backtraces.

use std::fmt;

/// Exit code of a command line or a configuration that cannot be used.
pub(crate) const USAGE: u8 = 2;
/// Exit code of everything else that keeps a command from doing its work.
pub(crate) const FAILED: u8 = 1;
/// Exit code of an import in which some lines failed.
pub(crate) const SOME_LINES_FAILED: u8 = 3;

/// The end of a command: what to tell the operator and what to tell the shell.
#[derive(Debug)]
pub(crate) struct Failure {
    /// For the shell.
    pub(crate) code: u8,
    /// For the operator.
    pub(crate) sentence: String,
}

impl Failure {
    /// The command line or the configuration is at fault.
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self {
            code: USAGE,
            sentence: sentence.into(),
        }
    }

    /// Something around us is at fault: a port, a directory, a file, another service.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self {
            code: FAILED,
            sentence: sentence.into(),
        }
    }
}

impl Failure {
    /// Nothing is at fault: the operator ended it before it had begun.
    pub(crate) fn stopped(sentence: impl Into<String>) -> Self {
        Self {
            code: 0,
            sentence: sentence.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}

/// An error of another crate as a sentence: with a full stop, once.
pub(crate) fn sentence(error: &dyn fmt::Display) -> String {
    let text = error.to_string();
    if text.ends_with(['.', '!', '?']) {
        text
    } else {
        format!("{text}.")
    }
}
