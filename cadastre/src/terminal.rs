//! Deliberate words to the operator. Everything else goes through the log.
//!
//! A closed pipe (`cadastre config | head -1`) is no reason to fail, so results of writing are ignored.

use std::io::Write as _;

/// A line to standard output.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// A line to standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
