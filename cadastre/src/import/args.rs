//! Flags of `cadastre import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::server_args::ServerArgs;

const ABOUT: &str = "Sends a file of prefixes to a running server, which takes it in while it comes.

A CSV file has a header: `prefix`, `description` and any number of `tag:NAME` columns; an empty cell sets \
nothing. Semicolons or tabs may separate the columns instead of commas. An NDJSON file has one object a line: \
{\"prefix\": \"10.0.0.0/8\", \"description\": \"…\", \"tags\": {\"Site\": \"AMS1\"}}. Lines may come in any \
order: the server finds parents itself. Each prefix may be there once; a later line that says something else \
about it fails, or counts with --update.

Every line ends as created, unchanged (the prefix exists with the same tags and description), updated (with \
--update) or failed; a bad line never stops a good one, unless --mode atomic asks for all or nothing (up to \
10,000 lines). Running it again is safe: what is there already counts as unchanged.

When the connection or the server breaks off, a file is sent again by itself, and the server goes on behind the \
lines that are settled. Ctrl-C stops the import there. How to go on is said then: the same command with --key. \
Standard input cannot be sent again by itself, and ends the import when nothing comes from it for a minute.

A dry run tries out 10,000 lines at a time against what is there now; in a larger file, what one of these parts \
would make is not there for the next.

--errors writes all lines that failed as NDJSON: the record, its `line`, and an `error` with code and message. \
Correct that file and import it (with another --errors): `line` and `error` are read over. A line that could \
not be read is there without its prefix, and fails again until it has one.";

const EXAMPLES: &str = "Examples:
  cadastre import prefixes.csv --space Lab --create-space --password-file data/admin-password
  cadastre import prefixes.csv --space AWS --create-space --tags tags.json --errors failed.ndjson
  zcat plan.ndjson.gz | cadastre import - --format ndjson --space Corp --token cad_…
  cadastre import prefixes.csv --space Lab --update --dry-run

Exit code: 0 every line is there, 1 the import could not be done, 2 wrong usage, 3 some lines failed (with \
--mode atomic: nothing was imported), 130 stopped by Ctrl-C.";

/// Arguments of `cadastre import`.
#[derive(Args, Debug)]
#[command(about = "Import prefixes from a CSV or NDJSON file into a running server", long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    /// File to read; `-` is standard input
    pub(super) file: PathBuf,
    /// Name of the address space, in capitals or not
    #[arg(long, value_name = "NAME", env = "CADASTRE_SPACE")]
    pub(super) space: String,
    /// Make the address space if there is none of that name
    #[arg(long, env = "CADASTRE_CREATE_SPACE")]
    pub(super) create_space: bool,
    /// Format of the file [default: by its extension]
    #[arg(long, value_enum, env = "CADASTRE_FORMAT")]
    pub(super) format: Option<Format>,
    /// Tag definitions to create or update first: a JSON array of the bodies of `POST …/tags`, in any order
    #[arg(long, value_name = "FILE", env = "CADASTRE_TAGS")]
    pub(super) tags: Option<PathBuf>,
    /// Change prefixes that exist with other tags or another description (tags are replaced as a whole)
    #[arg(long, env = "CADASTRE_UPDATE")]
    pub(super) update: bool,
    /// Each line by itself, or all or none
    #[arg(long, value_enum, default_value = "lines", env = "CADASTRE_MODE")]
    pub(super) mode: Mode,
    /// Go on with an import that was stopped: the key it has said then
    #[arg(long, value_name = "KEY", env = "CADASTRE_KEY", conflicts_with = "dry_run")]
    pub(super) key: Option<String>,
    /// Say what would happen; change nothing
    #[arg(long, env = "CADASTRE_DRY_RUN")]
    pub(super) dry_run: bool,
    /// Write the lines that failed to this file, as NDJSON that can be corrected and imported
    #[arg(long, value_name = "FILE", env = "CADASTRE_ERRORS")]
    pub(super) errors: Option<PathBuf>,
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

/// What a bad line does to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// Nothing: each line is imported by itself.
    Lines,
    /// Nothing is imported unless all lines are good; up to 10,000.
    Atomic,
}

/// Format of an import file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A header and one line per prefix.
    Csv,
    /// One JSON object per line.
    Ndjson,
}
