//! `--errors`: the lines that failed, each once and in the order of the file, wherever they were heard of.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use cadastre_api_types::public::FailedLine;
use serde_json::json;

use crate::failure::Failure;
use crate::terminal;

/// Lines that failed. Without `--errors` they are not kept.
pub(super) struct Failures {
    file: Option<File>,
    /// By number; `None` where nobody has said why.
    lines: BTreeMap<u64, Option<FailedLine>>,
}

impl Failures {
    /// Takes the file before anything is done: one that cannot be written is a reason not to begin.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let file = match path {
            None => None,
            Some(path) => Some(File::create(path).map_err(|error| {
                Failure::usage(format!(
                    "The file {} for failed lines cannot be written: {error}.",
                    path.display()
                ))
            })?),
        };
        Ok(Self {
            file,
            lines: BTreeMap::new(),
        })
    }

    /// Somebody wants to have them.
    pub(super) fn are_wanted(&self) -> bool {
        self.file.is_some()
    }

    pub(super) fn add(&mut self, failed: FailedLine) {
        if self.are_wanted() {
            self.lines.insert(failed.line, Some(failed));
        }
    }

    /// A line of which is known only that it failed.
    pub(super) fn add_unexplained(&mut self, line: u64) {
        if self.are_wanted() {
            self.lines.entry(line).or_default();
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Those of which it is known why they failed.
    pub(super) fn explained(&self) -> u64 {
        self.lines.values().flatten().count() as u64
    }

    /// Writes them, and says if that cannot be done.
    pub(super) fn write(self) {
        let Some(file) = self.file else { return };
        let mut out = BufWriter::new(file);
        let mut write = || -> std::io::Result<()> {
            for (line, failed) in &self.lines {
                match failed {
                    Some(failed) => serde_json::to_writer(&mut out, failed)?,
                    None => serde_json::to_writer(
                        &mut out,
                        &json!({ "line": line, "error": { "message": UNEXPLAINED } }),
                    )?,
                }
                out.write_all(b"\n")?;
            }
            out.flush()
        };
        if let Err(error) = write() {
            terminal::complain(&format!(
                "The file for failed lines could not be written: {error}."
            ));
        }
    }
}

const UNEXPLAINED: &str = "This line failed; of so many the server does not say why. Import it again when the others are corrected.";
